//! The running office: one writer, many readers, and the routes that lead to them.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::routing::{any, get, post};
use axum::{Router, middleware};
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};
use xuncheng_core::clock::{Entropy, Now};
use xuncheng_core::crypto::Signer;
use xuncheng_core::id::{IncarnationId, ItemId, Nonce, PersonId};
use xuncheng_core::journal::ledger::{Intake, Said};
use xuncheng_core::journal::verdict::{Judgement, Verdict};
use xuncheng_core::journal::write::{Author, Draft};
use xuncheng_core::limits;
use xuncheng_core::pack::Pack;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::store;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::wire::Epoch;

use crate::codes::{self, Code};
use crate::config::Config;
use crate::devices::{self, Device};
use crate::error::OfficeError;
use crate::folder::{DataFolder, Lock};
use crate::hints::{self, Hints, Turns};
use crate::keys::Keys;
use crate::ledger::{Grounds, Ledger};
use crate::previews::Shelf;
use crate::uploads::draw::{Artist, Orders};
use crate::uploads::{self, Busy, Claim};
use crate::writer::Writer;
use crate::{bare, console, downloads, enrolment, have, held, intake, people, previews, status};

/// An office on its data folder. Shared as `Arc<Office>` by all that answer requests.
pub struct Office {
    config: Config,
    grounds: Arc<Grounds>,
    photos: PhotoFolder,
    readers: Mutex<Vec<Connection>>,
    // It hands what it drew to the writer, and ends first.
    artist: Artist,
    writer: Arc<Writer>,
    busy: Arc<Busy>,
    thumbnails: Arc<Mutex<()>>,
    turns: watch::Sender<Turns>,
    hints: Arc<Hints>,
    // The last to go: the folder is free once nothing of it is open any more.
    _lock: Lock,
}

/// All routes of an office, for its own machine.
pub fn app(office: Arc<Office>) -> Router {
    let status = Router::new().route("/status", get(status::status)).with_state(Arc::clone(&office));
    Router::new().merge(machine(&office, status)).merge(console::routes(office))
}

/// The routes of phones and nothing else, for a port that others may reach.
pub fn phones(office: &Arc<Office>) -> Router {
    machine(office, Router::new()).fallback(async || OfficeError::NotFound)
}

/// What programs ask for, and `more` of it.
fn machine(office: &Arc<Office>, more: Router) -> Router {
    let machine = Router::new()
        .route("/enrolment", post(enrolment::enrol))
        .route("/sync", post(intake::sync))
        .route("/hints", post(hints::hint))
        .route("/photos/have", post(have::have))
        .route("/photos/previews", post(previews::take))
        .route("/photos/downloads", post(downloads::give))
        .nest("/photos/uploads", uploads::routes())
        .with_state(Arc::clone(office))
        .merge(more)
        .method_not_allowed_fallback(async || OfficeError::Method)
        .fallback(async || OfficeError::NotFound)
        .layer(middleware::from_fn(bare::as_problem));
    let nothing = || any(async || OfficeError::NotFound);
    // What programs ask for is answered to programs, also where there is nothing.
    Router::new().nest("/v1", machine).route("/v1", nothing()).route("/v1/", nothing())
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
        let mut entropy = config.entropy.fresh()?;
        let keys = Keys::load_or_make(&folder, &mut entropy)?;
        let photos = PhotoFolder::open(&folder.photos())?;
        photos.sweep_temporary()?;
        let mut ledger = Ledger::open_with(&config, folder, keys, &mut entropy)?;
        people::import(&mut ledger, config.pack.is_some())?;
        ledger.turn(|intake| Ok(intake.reconcile()?))?;
        let left = uploads::finish::recover(&mut ledger, &photos)?;
        let grounds = Arc::clone(ledger.grounds());
        let writer = Arc::new(Writer::start(ledger)?);
        let thumbnails: Arc<Mutex<()>> = Arc::default();
        let artist = Artist::start(photos.clone(), Arc::clone(&thumbnails), Arc::clone(&writer))?;
        for (entry, photo) in left {
            artist.orders().draw(entry, photo);
        }
        let office = Self {
            config,
            grounds,
            photos,
            readers: Mutex::default(),
            artist,
            writer,
            busy: Arc::default(),
            thumbnails,
            turns: watch::Sender::default(),
            hints: Arc::default(),
            _lock: lock,
        };
        Ok(Arc::new(office))
    }

    /// The rules of the district.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.grounds.pack
    }

    /// The branch of the ledger that the office stands on.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.grounds.branch().epoch.clone()
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

    /// Fresh entropy.
    pub(crate) fn entropy(&self) -> Result<Entropy, OfficeError> {
        self.grounds.entropy.fresh()
    }

    /// The key that answers, receipts and console entries are signed with.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        self.grounds.signer()
    }

    pub(crate) const fn grounds(&self) -> &Arc<Grounds> {
        &self.grounds
    }

    pub(crate) const fn busy(&self) -> &Arc<Busy> {
        &self.busy
    }

    /// Who draws what people look at.
    pub(crate) const fn pictures(&self) -> &Orders {
        self.artist.orders()
    }

    /// Returns when the pictures of all originals that have come are drawn and noted. Phones do not wait for it.
    ///
    /// # Errors
    /// [`OfficeError::Closing`].
    pub async fn drawn(&self) -> Result<(), OfficeError> {
        self.pictures().drawn().await;
        // Turns follow each other: after this one, what was drawn before is noted.
        self.turn(|_| Ok(())).await
    }

    /// Where pictures lie.
    pub(crate) fn shelf(&self) -> Shelf<'_> {
        Shelf { folder: &self.photos, naming: &self.thumbnails }
    }

    /// How long phones are asked to stay away, in seconds, where more turns wait than are soon done.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        (self.writer.waiting() > limits::TURNS_WAITING / 4).then_some(limits::RETRY_AFTER_S)
    }

    /// What wakes those who wait for something in the ledger.
    pub(crate) fn turns(&self) -> watch::Receiver<Turns> {
        self.turns.subscribe()
    }

    /// The phones that wait for a hint.
    pub(crate) const fn hints(&self) -> &Arc<Hints> {
        &self.hints
    }

    /// Lets nobody wait any longer: the office is about to end.
    pub(crate) fn wake_all(&self) {
        self.turns.send_modify(|turns| turns.is_closing = true);
    }

    /// The right to write to an upload.
    pub(crate) fn claim(&self, upload: Nonce) -> Result<Claim, OfficeError> {
        Claim::of(&self.busy, upload)
    }

    /// Whether the root key still lies in the data folder, where a thief of the machine finds it too.
    #[must_use]
    pub fn root_key_is_here(&self) -> bool {
        self.grounds.folder.root_key().exists()
    }

    /// The hand of `person` at the console, in the session with this name.
    #[must_use]
    pub fn author_for(&self, person: PersonId, session: impl Into<String>) -> Author {
        Author { who: person, session: Some(session.into()), ..self.grounds.node() }
    }

    /// The hand of the office itself.
    #[must_use]
    pub fn author(&self) -> Author {
        self.grounds.node()
    }

    /// Makes a one-time code by which a device becomes `person`'s. The secret is told here and never again.
    ///
    /// # Errors
    /// [`OfficeError::Setup`] when there is no such person, or the office has no address yet.
    pub async fn new_code(&self, person: PersonId) -> Result<EnrolmentCode, OfficeError> {
        let (grounds, url) = (Arc::clone(&self.grounds), self.config.url.clone());
        self.turn(move |intake| codes::make(intake, &grounds, &person, url)).await
    }

    /// All codes, newest first, without their secrets.
    ///
    /// # Errors
    /// [`OfficeError::Store`].
    pub async fn codes(self: &Arc<Self>) -> Result<Vec<Code>, OfficeError> {
        let now = self.now().wall;
        self.read(move |conn| codes::list(conn, now)).await
    }

    /// Revokes the code with this number.
    ///
    /// # Errors
    /// [`OfficeError::NoCode`], [`OfficeError::CodeUsed`].
    pub async fn revoke_code(&self, number: u64) -> Result<(), OfficeError> {
        self.turn(move |intake| codes::revoke(intake, number)).await
    }

    /// All devices.
    ///
    /// # Errors
    /// [`OfficeError::Store`].
    pub async fn devices(self: &Arc<Self>) -> Result<Vec<Device>, OfficeError> {
        self.read(devices::list).await
    }

    /// Revokes a device by the hand of `author`.
    ///
    /// # Errors
    /// As [`devices::revoke`].
    pub async fn revoke_device(&self, author: Author, incarnation: IncarnationId) -> Result<(), OfficeError> {
        self.turn(move |intake| devices::revoke(intake, &author, incarnation)).await
    }

    /// Says something of a held entry by the hand of `author`.
    ///
    /// # Errors
    /// As [`held::rule`].
    pub async fn rule(&self, author: Author, said: Said) -> Result<Vec<Judgement>, OfficeError> {
        self.turn(move |intake| held::rule(intake, &author, &said)).await
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
        let done = done.await.map_err(|_| OfficeError::Closing)?;
        self.turns.send_modify(|turns| turns.count += 1);
        done
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
        Verdict::Applied | Verdict::NoOp | Verdict::Merged { .. } | Verdict::Unknown(_) => Ok((item, judgement)),
        Verdict::Rejected { code, .. } | Verdict::Held { reason: code, .. } => Err(OfficeError::NotDone(code.clone())),
    }
}
