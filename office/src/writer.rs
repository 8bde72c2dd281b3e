//! The one thread that writes the ledger, one turn after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use xuncheng_core::limits;

use crate::error::OfficeError;
use crate::ledger::Ledger;

/// What the writer is asked to do.
pub(crate) type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

/// The one thread that writes.
pub(crate) struct Writer {
    jobs: Option<SyncSender<Job>>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(mut ledger: Ledger) -> Result<Self, OfficeError> {
        let (jobs, todo) = sync_channel::<Job>(limits::TURNS_WAITING);
        let waiting: Arc<AtomicUsize> = Arc::default();
        let begun = Arc::clone(&waiting);
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            while let Ok(job) = todo.recv() {
                begun.fetch_sub(1, Ordering::Relaxed);
                job(&mut ledger);
            }
        });
        let thread =
            thread.map_err(|error| OfficeError::Setup(format!("cannot start the ledger's thread: {error}")))?;
        Ok(Self { jobs: Some(jobs), waiting, thread: Some(thread) })
    }

    /// Asks for `job`, unless too many wait already.
    pub(crate) fn send(&self, job: Job) -> Result<(), OfficeError> {
        let jobs = self.jobs.as_ref().ok_or(OfficeError::Closing)?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        jobs.try_send(job).map_err(|refused| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => OfficeError::Busy,
                TrySendError::Disconnected(_) => OfficeError::Closing,
            }
        })
    }

    /// Asks for `job`, and blocks while too many wait: for the office's own threads, whose work must not be dropped.
    pub(crate) fn send_patiently(&self, job: Job) -> Result<(), OfficeError> {
        let jobs = self.jobs.as_ref().ok_or(OfficeError::Closing)?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        jobs.send(job).map_err(|_| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            OfficeError::Closing
        })
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
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
