//! The running office: one writer, many readers, and the routes that lead to them.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use rusqlite::Connection;
use tokio::sync::oneshot;
use xuncheng_core::clock::Now;
use xuncheng_core::crypto::Signer;
use xuncheng_core::id::{ItemId, PersonId};
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::journal::verdict::{Judgement, Verdict};
use xuncheng_core::journal::write::{Author, Draft};
use xuncheng_core::pack::Pack;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::store;
use xuncheng_core::sync::wire::Epoch;

use crate::clock::entropy;
use crate::config::Config;
use crate::console;
use crate::error::OfficeError;
use crate::folder::{DataFolder, Lock};
use crate::keys::Keys;
use crate::ledger::{Grounds, Ledger};

/// An office on its data folder. Shared as `Arc<Office>` by all that answer requests.
pub struct Office {
    config: Config,
    grounds: Arc<Grounds>,
    photos: PhotoFolder,
    readers: Mutex<Vec<Connection>>,
    writer: Writer,
    // The last to go: the folder is free once nothing of it is open any more.
    _lock: Lock,
}

/// The routes of an office.
pub fn app(office: Arc<Office>) -> Router {
    Router::new().merge(console::routes(office))
}

impl Office {
    /// Opens the office of `config`, and sets it up at its first start. Blocks for the disk.
    ///
    /// # Errors
    /// [`OfficeError::InUse`] when another office has the folder; whatever keeps it from being read.
    pub fn open(config: Config) -> Result<Arc<Self>, OfficeError> {
        let folder = DataFolder::at(&config.data);
        folder.make()?;
        let lock = folder.lock()?;
        let mut entropy = entropy()?;
        let keys = Keys::load_or_make(&folder, &mut entropy)?;
        let photos = PhotoFolder::open(&folder.photos())?;
        photos.sweep_temporary()?;
        let ledger = Ledger::open_with(&config, folder, keys, &mut entropy)?;
        let grounds = Arc::clone(ledger.grounds());
        let writer = Writer::start(ledger)?;
        Ok(Arc::new(Self { config, grounds, photos, readers: Mutex::default(), writer, _lock: lock }))
    }

    /// The rules of the district.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.grounds.pack
    }

    /// The branch of the ledger that the office stands on.
    #[must_use]
    pub fn epoch(&self) -> &Epoch {
        &self.grounds.epoch
    }

    /// Where photos are.
    #[must_use]
    pub const fn photos(&self) -> &PhotoFolder {
        &self.photos
    }

    /// What the office was started with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.grounds.folder.root()
    }

    /// What the office's clock says.
    #[must_use]
    pub fn now(&self) -> Now {
        self.grounds.clock.now()
    }

    /// The key that answers, receipts and console entries are signed with.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        self.grounds.signer()
    }

    pub(crate) const fn grounds(&self) -> &Arc<Grounds> {
        &self.grounds
    }

    /// The hand of `person` at the console, in the session with this name.
    #[must_use]
    pub fn author_for(&self, person: PersonId, session: impl Into<String>) -> Author {
        Author { who: person, session: Some(session.into()), ..self.grounds.node.clone() }
    }

    /// Reads the ledger as it stands: all that `look` reads is of one moment.
    ///
    /// # Errors
    /// Those of `look`, and of the store; [`OfficeError::Panic`] where `look` panicked.
    pub async fn read<T, F>(self: &Arc<Self>, look: F) -> Result<T, OfficeError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, OfficeError> + Send + 'static,
    {
        let office = Arc::clone(self);
        let looking = move || {
            let pooled = office.pool().pop();
            let conn = match pooled {
                Some(conn) => conn,
                None => store::open_reader(&office.grounds.folder.ledger())?,
            };
            let moment = conn.unchecked_transaction()?;
            let seen = look(&moment);
            moment.finish()?;
            office.pool().push(conn);
            seen
        };
        tokio::task::spawn_blocking(looking).await.map_err(|_| OfficeError::Panic)?
    }

    fn pool(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole whatever a panicking thread was doing with it.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One turn at the ledger: see [`Ledger::turn`]. Turns follow each other; what `work` wrote is committed when this
    /// returns, also when nobody waits for it any more.
    ///
    /// # Errors
    /// Those of `work`, after which nothing of it was kept; [`OfficeError::Closing`].
    pub async fn turn<T, F>(&self, work: F) -> Result<T, OfficeError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Intake<'_, '_>) -> Result<T, OfficeError> + Send + 'static,
    {
        let (answer, done) = oneshot::channel();
        self.writer.send(Box::new(move |ledger| {
            // Whoever asked may be gone; what was committed stays.
            let _ = answer.send(ledger.turn(work));
        }))?;
        done.await.map_err(|_| OfficeError::Closing)?
    }
}

/// Writes an entry of a person at the console, in the turn of `intake`.
///
/// What is held or rejected here is an error, so that the turn is rolled back: a slip at a desk must not stand in the way
/// of what others do at the same office, as a held entry would.
///
/// # Errors
/// [`OfficeError::NotDone`] with the reason; [`OfficeError::Ledger`].
pub fn write_at_desk(
    intake: &mut Intake<'_, '_>,
    author: &Author,
    draft: Draft,
) -> Result<(ItemId, Judgement), OfficeError> {
    let (item, judgement) = intake.write(author, draft)?;
    match &judgement.verdict {
        Verdict::Applied | Verdict::NoOp | Verdict::Merged { .. } => Ok((item, judgement)),
        Verdict::Rejected { code, .. } | Verdict::Held { reason: code, .. } => Err(OfficeError::NotDone(code.clone())),
    }
}

type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

/// The one thread that writes.
struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start(mut ledger: Ledger) -> Result<Self, OfficeError> {
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

    fn send(&self, job: Job) -> Result<(), OfficeError> {
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
