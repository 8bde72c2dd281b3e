//! What an app calls: one person's store on one phone.
//!
//! [`Field::init`] makes it, [`Field::capture`] keeps a case with its photos, [`Field::cases`] lists, [`Field::step`] takes
//! a step, [`Field::next_action`] and [`Field::completed`] carry all of it to the office. Every call blocks for SQLite and
//! the photo folder, and for nothing else; what it says it has done is durable when it returns.

mod capture;
mod cases;
mod changes;
mod enrol;
mod hand;
mod parcels;
mod pictures;
mod reserve;
mod sending;
mod status;
mod visits;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

pub use capture::{Capture, CapturePhoto};
pub use cases::{CaseDetail, CaseEntry, CasePage, CasePhoto, CaseSummary, Shown};
pub use changes::{CaseAct, CaseEdit, reason_args};
pub use enrol::Enrolling;
pub use pictures::PictureFile;
pub use sending::OriginalsHeld;
pub use status::{PhotoCounts, RefusedEntry, Status};
pub use visits::{NoSite, Site, VisitCapture, VisitSummary};

use crate::clock::{Now, Seed};
use crate::crypto::{CryptoError, KeyFile, Signer, SoftwareKey};
use crate::id::{IncarnationId, Nonce, PersonId, PhotoHash};
use crate::journal::predict::Predictor;
use crate::journal::verdict::Code;
use crate::journal::write::WriteError;
use crate::pack::{Pack, PackError};
use crate::photo::{PhotoError, PhotoFolder};
use crate::private;
use crate::store::meta::{self, key};
use crate::store::{self, StoreError, photos};
use crate::sync::parcel::ParcelError;
use crate::sync::session::{self, Action, Outcome, Phone, SyncError};

/// Why a call did not do what it was asked. Nothing of it was kept then.
#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A photo.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// A key.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The district pack.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// An entry that is over its bounds.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The conversation with the office.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// There is a store in this folder already.
    #[error("there is a store in {0} already")]
    Exists(PathBuf),
    /// The folder cannot be made or read.
    #[error("cannot use folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// No such case on this phone.
    #[error("there is no case {0:?} on this phone")]
    UnknownCase(String),
    /// Others' originals are for fewer people: their metadata can name who reported.
    #[error("the original of photo {0} is somebody else's, and not for this person; its view can be had")]
    Withheld(PhotoHash),
    /// The beginning of an id that fits several cases, or several entries.
    #[error("{0:?} fits more than one: give more of its id")]
    Ambiguous(String),
    /// No own entry that the office held or rejected, so that there is nothing to acknowledge.
    #[error("{0:?} is no entry of this phone that the office refused")]
    NotRefused(String),
    /// No own photo of this phone, or none of the case.
    #[error("{0:?} is no photo that this phone took, or none of this case")]
    UnknownPhoto(String),
    /// Not a category of the district pack.
    #[error("{0:?} is no category of the district, which is a code like matter/09006 or a name like 占道经营")]
    UnknownCategory(String),
    /// A case without a photo is no evidence.
    #[error("a capture needs at least one photo and takes at most {most}; {given} were given")]
    PhotoCount {
        /// How many there were.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// A text that is too long.
    #[error("the {what} has {chars} characters; at most {most} fit")]
    TextTooLong {
        /// Which text.
        what: &'static str,
        /// Its length.
        chars: usize,
        /// The bound.
        most: usize,
    },
    /// The workflow does not let this person do this now; [`CaseDetail::steps`] are what can be done instead.
    #[error("{step} cannot be done with case {label} now")]
    NotNow {
        /// What screens call the case: its number, where it has one.
        label: String,
        /// The step by its name on the wire, or `edit`, or `comment`.
        step: String,
        /// Why.
        code: Code,
    },
    /// The store belongs to somebody else.
    #[error("this store belongs to {own}, the code is for {other}: a phone that changes hands gets another store")]
    OtherPerson {
        /// Whose store it is.
        own: PersonId,
        /// Whose code it is.
        other: PersonId,
    },
    /// Whatever answered the enrolment does not hold the key that the code names.
    #[error("the office that answered is not the one that gave the code: its key is another")]
    OtherOffice,
    /// The store is enrolled at one office, the code is another's.
    #[error(
        "this store is enrolled at {district} ({url}), and the code is another office's: what it holds stays there"
    )]
    EnrolledElsewhere {
        /// The district that it is enrolled at.
        district: String,
        /// The address of that district's office.
        url: String,
    },
    /// A parcel cannot be written or read.
    #[error("cannot use parcel {}: {source}", file.display())]
    Parcel {
        /// Where it lies, or was to lie.
        file: PathBuf,
        /// Why.
        #[source]
        source: ParcelError,
    },
    /// The office's sealing key is not known here.
    #[error(
        "this store was enrolled by a version that made no parcels: sync once over a network, then it can make them"
    )]
    NoSealingKey,
}

impl From<rusqlite::Error> for FieldError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The district pack as the office served it last; the example pack before, and where this version cannot read that one:
/// a store always opens, and the next exchange brings the office's pack again.
fn cached_pack(conn: &Connection) -> Result<Pack, FieldError> {
    match meta::get::<String>(conn, key::PACK)? {
        Some(document) => Ok(Pack::from_json(&document).or_else(|_| Pack::bazhou())?),
        None => Ok(Pack::bazhou()?),
    }
}

/// One person's store on one phone.
pub struct Field {
    conn: Connection,
    photos: PhotoFolder,
    signer: Box<dyn Signer>,
    pack: Pack,
    person: PersonId,
}

const DATABASE: &str = "xuncheng.sqlite";
const PHOTOS: &str = "photos";
const KEY: &str = "device.key";

/// Deletes the files of those of `unnamed` that are no photo of the store's: nothing is kept by halves.
fn discard(
    conn: &mut Connection,
    folder: &PhotoFolder,
    unnamed: impl Iterator<Item = PhotoHash>,
) -> Result<(), StoreError> {
    let mut unnamed = unnamed.peekable();
    if unnamed.peek().is_none() {
        return Ok(());
    }
    // While it holds the store nobody else names them; see `Hand::attach`.
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for photo in unnamed {
        if !photos::is_own(&tx, photo)? {
            folder.discard(&photo);
        }
    }
    Ok(())
}

impl Field {
    /// Makes a store for `person` in `folder`, which is made too; its key is a file beside it.
    ///
    /// # Errors
    /// [`FieldError::Exists`], [`FieldError::Folder`], [`FieldError::Store`].
    pub fn init(folder: &Path, person: &PersonId, seed: &Seed) -> Result<Self, FieldError> {
        let unusable = |source| FieldError::Folder { path: folder.to_owned(), source };
        private::make_folder(folder).map_err(unusable)?;
        let database = folder.join(DATABASE);
        let mut conn = store::open(&database)?;
        // Of two that set it up at once one does.
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if meta::get::<PersonId>(&tx, key::PERSON)?.is_some() {
            return Err(FieldError::Exists(folder.to_owned()));
        }
        let mut entropy = seed.entropy();
        let key_file = folder.join(KEY);
        // A first try that was cut off after its key keeps that key.
        if !key_file.exists() {
            SoftwareKey::generate(&mut entropy).save(&key_file)?;
        }
        meta::set(&tx, key::PERSON, person)?;
        meta::set(&tx, key::INCARNATION, &IncarnationId::from_bytes(entropy.bytes()))?;
        tx.commit()?;
        drop(conn);
        Self::open(folder)
    }

    /// Opens the store in `folder`, with its key in a file beside it, which is read when something is to be signed: without
    /// it all is done but enrolling and sending.
    ///
    /// # Errors
    /// [`StoreError::NoStore`], [`FieldError::Store`].
    pub fn open(folder: &Path) -> Result<Self, FieldError> {
        Self::open_with(folder, Box::new(KeyFile::at(folder.join(KEY))))
    }

    /// Opens the store in `folder`, signing with `signer`.
    ///
    /// # Errors
    /// [`StoreError::NoStore`], [`FieldError::Store`].
    pub fn open_with(folder: &Path, signer: Box<dyn Signer>) -> Result<Self, FieldError> {
        let database = folder.join(DATABASE);
        if !database.exists() {
            return Err(StoreError::NoStore(folder.to_owned()).into());
        }
        let mut conn = reserve::opened(folder, || store::open(&database))?;
        let no_store = || StoreError::NoStore(folder.to_owned());
        let person = meta::get(&conn, key::PERSON)?.ok_or_else(no_store)?;
        let photos = PhotoFolder::open(&folder.join(PHOTOS))?;
        photos.sweep_temporary()?;
        let unnamed = photos.unnamed()?;
        discard(&mut conn, &photos, unnamed.iter().map(|(photo, _)| *photo))?;
        for (_, note) in unnamed {
            // One that cannot be deleted is read again at the next start.
            let _ = std::fs::remove_file(note);
        }
        let pack = cached_pack(&conn)?;
        Ok(Self { conn, photos, signer, pack, person })
    }

    /// The district's rules, as far as this phone has them.
    #[must_use]
    pub const fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Whose store it is.
    #[must_use]
    pub const fn person(&self) -> &PersonId {
        &self.person
    }

    /// The life of the journal that this store writes: another one after the store was copied, whoever drives it.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn incarnation(&self) -> Result<IncarnationId, FieldError> {
        Ok(meta::incarnation(&self.conn)?)
    }

    /// Where the photos lie.
    #[must_use]
    pub const fn photos(&self) -> &PhotoFolder {
        &self.photos
    }

    /// The store's connection, for readers.
    #[must_use]
    pub const fn store(&self) -> &Connection {
        &self.conn
    }

    /// Begins a conversation with the office, or goes on with it at once when the link is back: no wait outlasts it but what
    /// the office asked for.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn start_sync(&mut self) -> Result<(), FieldError> {
        Ok(session::start(&mut self.conn, &self.photos)?)
    }

    /// What to do next for the conversation.
    ///
    /// # Errors
    /// [`FieldError::Sync`].
    pub fn next_action(&mut self, now: &Now, seed: &Seed) -> Result<Action, FieldError> {
        let (conn, phone) = self.session();
        let next = session::next_action(conn, &phone, now, seed);
        if let Err(error @ SyncError::Crypto(_)) = &next {
            // Nothing was sent that an answer could speak of: whoever asks how the store stands is told here.
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            meta::set(&tx, key::ATTENTION, &error.attention())?;
            tx.commit()?;
        }
        Ok(next?)
    }

    /// Takes the outcome of an action.
    ///
    /// # Errors
    /// [`FieldError::Sync`] says why the exchange did not succeed; nothing is lost by it.
    pub fn completed(&mut self, action: Nonce, outcome: &Outcome, now: &Now, seed: &Seed) -> Result<(), FieldError> {
        let (conn, phone) = self.session();
        let ended = session::completed(conn, &phone, action, outcome, now, seed);
        self.take_new_pack()?;
        Ok(ended?)
    }

    /// Goes by the district pack that an answer may have brought.
    fn take_new_pack(&mut self) -> Result<(), FieldError> {
        if meta::get(&self.conn, key::PACK_HASH)?.is_some_and(|hash| self.pack.hash() != hash) {
            self.pack = cached_pack(&self.conn)?;
        }
        Ok(())
    }

    fn session(&mut self) -> (&mut Connection, Phone<'_>) {
        let phone = Phone { person: &self.person, photos: &self.photos, signer: &*self.signer, pack: &self.pack };
        (&mut self.conn, phone)
    }

    const fn predictor(&self) -> Predictor<'_> {
        Predictor { pack: &self.pack, person: &self.person }
    }
}
