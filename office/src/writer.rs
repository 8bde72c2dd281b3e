//! The one thread that writes the ledger, one turn after the other.

use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crate::error::OfficeError;
use crate::ledger::Ledger;

/// What the writer is asked to do.
pub(crate) type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

/// The one thread that writes.
pub(crate) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(mut ledger: Ledger) -> Result<Self, OfficeError> {
        let (jobs, todo) = channel::<Job>();
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            while let Ok(job) = todo.recv() {
                job(&mut ledger);
            }
        });
        let thread =
            thread.map_err(|error| OfficeError::Setup(format!("cannot start the ledger's thread: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(crate) fn send(&self, job: Job) -> Result<(), OfficeError> {
        self.jobs.as_ref().ok_or(OfficeError::Closing)?.send(job).map_err(|_| OfficeError::Closing)
    }
}

impl Drop for Writer {
    /// Lets the writer finish what was asked of it.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A turn contains its panics; there is nothing left to say here.
            let _ = thread.join();
        }
    }
}
