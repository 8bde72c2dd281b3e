//! What can go wrong, as a screen needs it: a code for each thing that a person would do something else about.

use xuncheng_core::crypto::CryptoError;
use xuncheng_core::field::FieldError as Core;
use xuncheng_core::id::{IdError, PersonId, PhotoHash};
use xuncheng_core::journal::entry::EntryError;
use xuncheng_core::journal::write::WriteError;
use xuncheng_core::photo::PhotoError;
use xuncheng_core::place::PlaceError;
use xuncheng_core::store::StoreError;
use xuncheng_core::sync::action::SyncError;
use xuncheng_core::sync::apply::ApplyError;
use xuncheng_core::sync::code::CodeError;
use xuncheng_core::sync::message::MessageError;

use crate::types::{LocalPath, VerdictCode};

/// Why a call did not do what it was asked; nothing of it was kept then. The text of each is for logs: screens have words
/// of their own for the codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
#[uniffi::export(Display)]
pub enum FieldError {
    /// The device is full. Free some space and do it again.
    #[error("no space left on this device: nothing was saved")]
    NoSpace {
        /// What is needed, where that is known.
        needed_bytes: Option<u64>,
    },
    /// A photo cannot be kept.
    #[error("{detail}")]
    PhotoRefused {
        /// The file's name.
        name: String,
        /// What is wrong with it.
        why: PhotoFault,
        /// In full.
        detail: String,
    },
    /// A case needs at least one photo, and takes only so many.
    #[error("a capture needs at least one photo and takes at most {most}; {given} were given")]
    PhotoCount {
        /// How many there were.
        given: u64,
        /// How many there may be.
        most: u64,
    },
    /// A text that is too long.
    #[error("the {what} has {chars} characters; at most {most} fit")]
    TextTooLong {
        /// Which text: `description`, `address`, `reason`, `comment`.
        what: String,
        /// Its length.
        chars: u64,
        /// The bound.
        most: u64,
    },
    /// More than one change can hold.
    #[error("{detail}")]
    TooLarge {
        /// In full.
        detail: String,
    },
    /// Not a category of the district.
    #[error("{text:?} is no category of the district")]
    UnknownCategory {
        /// What was given.
        text: String,
    },
    /// No such case on this phone.
    #[error("there is no case {text:?} on this phone")]
    UnknownCase {
        /// What was given.
        text: String,
    },
    /// An original of somebody else's, which this person may not see; its view can be had.
    #[error("the original of photo {photo} is not for this person")]
    Withheld {
        /// Which.
        photo: PhotoHash,
    },
    /// The beginning of an id that fits several cases.
    #[error("{text:?} fits more than one")]
    Ambiguous {
        /// What was given.
        text: String,
    },
    /// No photo that this phone took, or none of this case.
    #[error("{text:?} is no photo that this phone took, or none of this case")]
    UnknownPhoto {
        /// What was given.
        text: String,
    },
    /// No own entry that the office held or rejected: there is nothing to acknowledge.
    #[error("{entry:?} is no entry of this phone that the office refused")]
    NotRefused {
        /// What was given.
        entry: String,
    },
    /// The workflow does not let this person do this now.
    #[error("case {label}: {step} cannot be done now: {code:?}")]
    NotNow {
        /// What screens call the case: its number, where it has one.
        label: String,
        /// The step by its name on the wire, or `edit`, or `comment`.
        step: String,
        /// Why.
        code: VerdictCode,
    },

    /// This phone is not enrolled yet.
    #[error("this phone is not enrolled at an office yet: use the code that the office gives")]
    NotEnrolled,
    /// What was typed or scanned is no enrolment code.
    #[error("{detail}")]
    NotAnEnrolmentCode {
        /// What is wrong with it.
        detail: String,
    },
    /// The office does not take this enrolment code.
    #[error("the office does not take this code ({code}): {detail}")]
    CodeRefused {
        /// `wrong_code`, `used_code`, `expired_code`, `revoked_code`, `wrong_person`.
        code: String,
        /// In the office's words.
        detail: String,
    },
    /// The code is for somebody else.
    #[error("this store belongs to {own}, the code is for {other}")]
    OtherPerson {
        /// Whose store it is.
        own: PersonId,
        /// Whose code it is.
        other: PersonId,
    },
    /// What answered does not hold the key that the code names.
    #[error("the office that answered is not the one that gave the code")]
    OtherOffice,
    /// This store is enrolled at one office, the code is another's: another store is made for it.
    #[error("this store is enrolled at {district} ({url}), and the code is another office's")]
    EnrolledElsewhere {
        /// The district that it is enrolled at.
        district: String,
        /// The address of that district's office.
        url: String,
    },

    /// No answer from the office. Nothing is lost: it is tried again.
    #[error("no answer from the office: {why}")]
    Offline {
        /// What the network said.
        why: String,
    },
    /// Something answered in the office's place: a captive portal, a proxy.
    #[error("something answered in the office's place: open a web page to sign in to this network")]
    NotTheOffice,
    /// The office refused.
    #[error("the office refused ({status} {code}): {detail}")]
    OfficeRefused {
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// In the office's words.
        detail: String,
    },
    /// The office's answer does not fit what was asked. Nothing of it was kept; it is tried again.
    #[error("{detail}")]
    AnswerNotUsable {
        /// Why.
        detail: String,
    },
    /// The office was restored from a backup; this phone keeps all it has, and is to be enrolled again.
    #[error("the office was restored from a backup: this phone keeps all it has, and is to be enrolled again")]
    OfficeRestored,
    /// Two copies of this store write, or did.
    #[error("the office has another entry at place {seq} of this phone's journal: two copies of this store write")]
    TwoCopies {
        /// The place in the journal.
        seq: u64,
    },

    /// A parcel cannot be written or read: another phone's, cut off, damaged, no parcel at all.
    #[error("{detail}")]
    ParcelRefused {
        /// The file.
        file: LocalPath,
        /// What is wrong with it, and what to do.
        detail: String,
    },
    /// This store makes no parcels before its next exchange over a network.
    #[error("sync once over a network, then this store can make parcels")]
    NoParcelsYet,

    /// The key store is locked: sending waits, capture does not.
    #[error("the key store does not sign now: {detail}")]
    KeyLocked {
        /// What it said.
        detail: String,
    },
    /// The key of this store cannot be used.
    #[error("{detail}")]
    KeyUnusable {
        /// What is wrong.
        detail: String,
    },
    /// There is no store in this folder.
    #[error("there is no store in {folder:?}")]
    NoStore {
        /// The folder.
        folder: LocalPath,
    },
    /// There is a store in this folder already.
    #[error("there is a store in {folder:?} already")]
    StoreExists {
        /// The folder.
        folder: LocalPath,
    },
    /// The store was written by a later version of the app.
    #[error("this store was written by a later version of the app: update it")]
    StoreNewer,
    /// A folder cannot be made or written.
    #[error("{detail}")]
    FolderUnusable {
        /// The folder.
        folder: LocalPath,
        /// What is wrong.
        detail: String,
    },
    /// The store cannot be read or written.
    #[error("{detail}")]
    StoreBroken {
        /// What is wrong.
        detail: String,
    },
    /// An argument that an app made up: an id, a seed, a place that cannot be.
    #[error("{detail}")]
    NotAnArgument {
        /// What is wrong with it.
        detail: String,
    },
}

/// What is wrong with a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum PhotoFault {
    /// The file is not there.
    Missing,
    /// The file cannot be read.
    Unreadable,
    /// The file has no bytes.
    Empty,
    /// The file has too many bytes.
    TooManyBytes,
    /// The picture has too many pixels.
    TooManyPixels,
    /// The file is no JPEG, PNG or HEIC.
    NotAPhoto,
    /// A HEIC came without a JPEG of the same picture.
    NeedsWorkingCopy,
    /// The picture stops before its end.
    CutOff,
    /// The picture cannot be decoded.
    Damaged,
    /// Its smaller copies cannot be made.
    NotShrinkable,
}

impl From<Core> for FieldError {
    fn from(error: Core) -> Self {
        let detail = error.to_string();
        match error {
            Core::Store(error) => error.into(),
            Core::Photo(error) => error.into(),
            Core::Crypto(error) => error.into(),
            Core::Write(error) => error.into(),
            Core::Sync(error) => error.into(),
            // The pack is built in or came signed; a phone whose pack does not read has a broken store.
            Core::Pack(_) => Self::StoreBroken { detail },
            Core::Exists(folder) => Self::StoreExists { folder },
            Core::Folder { path, .. } => Self::FolderUnusable { folder: path, detail },
            Core::UnknownCase(text) => Self::UnknownCase { text },
            Core::Withheld(photo) => Self::Withheld { photo },
            Core::Ambiguous(text) => Self::Ambiguous { text },
            Core::UnknownPhoto(text) => Self::UnknownPhoto { text },
            Core::NotRefused(entry) => Self::NotRefused { entry },
            Core::UnknownCategory(text) => Self::UnknownCategory { text },
            Core::PhotoCount { given, most } => Self::PhotoCount { given: given as u64, most: most as u64 },
            Core::TextTooLong { what, chars, most } => {
                Self::TextTooLong { what: what.to_owned(), chars: chars as u64, most: most as u64 }
            }
            Core::NotNow { label, step, code } => Self::NotNow { label, step, code },
            Core::OtherPerson { own, other } => Self::OtherPerson { own, other },
            Core::OtherOffice => Self::OtherOffice,
            Core::EnrolledElsewhere { district, url } => Self::EnrolledElsewhere { district, url },
            Core::Parcel { source, .. } if source.is_disk_full() => Self::NoSpace { needed_bytes: None },
            Core::Parcel { file, .. } => Self::ParcelRefused { file, detail },
            Core::NoSealingKey => Self::NoParcelsYet,
        }
    }
}

impl From<StoreError> for FieldError {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::DiskFull => Self::NoSpace { needed_bytes: None },
            StoreError::Newer { .. } => Self::StoreNewer,
            StoreError::NoStore(folder) => Self::NoStore { folder },
            StoreError::Sqlite { .. } | StoreError::Row { .. } | StoreError::NoFact(_) => Self::StoreBroken { detail },
        }
    }
}

impl From<PhotoError> for FieldError {
    fn from(error: PhotoError) -> Self {
        let detail = error.to_string();
        let (name, why) = match error {
            PhotoError::DiskFull { needed_bytes } => return Self::NoSpace { needed_bytes: Some(needed_bytes) },
            PhotoError::Folder { path, .. } => return Self::FolderUnusable { folder: path, detail },
            PhotoError::Missing { name } => (name, PhotoFault::Missing),
            PhotoError::Unreadable { name, .. } => (name, PhotoFault::Unreadable),
            PhotoError::Empty { name } => (name, PhotoFault::Empty),
            PhotoError::TooManyBytes { name, .. } => (name, PhotoFault::TooManyBytes),
            PhotoError::TooManyPixels { name, .. } => (name, PhotoFault::TooManyPixels),
            PhotoError::NotAFile { name } => (name, PhotoFault::Unreadable),
            PhotoError::NotAPhoto { name, .. } => (name, PhotoFault::NotAPhoto),
            PhotoError::NeedsWorkingCopy { name } => (name, PhotoFault::NeedsWorkingCopy),
            PhotoError::CutOff { name, .. } => (name, PhotoFault::CutOff),
            PhotoError::Damaged { name, .. } => (name, PhotoFault::Damaged),
            PhotoError::Rendition { name, .. } => (name, PhotoFault::NotShrinkable),
        };
        Self::PhotoRefused { name, why, detail }
    }
}

impl From<CryptoError> for FieldError {
    fn from(error: CryptoError) -> Self {
        let detail = error.to_string();
        match error {
            CryptoError::Locked(detail) => Self::KeyLocked { detail },
            CryptoError::Key(_) | CryptoError::KeyFile { .. } | CryptoError::OriginTooLong { .. } => {
                Self::KeyUnusable { detail }
            }
            // Said of what came from outside.
            CryptoError::Signature { .. } | CryptoError::Statement { .. } | CryptoError::Sealed => Self::NotTheOffice,
        }
    }
}

impl From<WriteError> for FieldError {
    fn from(error: WriteError) -> Self {
        let detail = error.to_string();
        match error {
            WriteError::Store(error) => error.into(),
            WriteError::Entry(EntryError::TooLong { .. }) => Self::TooLarge { detail },
            WriteError::Entry(
                EntryError::Unreadable { .. }
                | EntryError::Mismatch { .. }
                | EntryError::Withheld { .. }
                | EntryError::ImpossiblePhoto { .. }
                | EntryError::ForeignItem { .. },
            ) => Self::StoreBroken { detail },
        }
    }
}

impl From<SyncError> for FieldError {
    fn from(error: SyncError) -> Self {
        let detail = error.to_string();
        match error {
            SyncError::Store(error) | SyncError::Apply(ApplyError::Store(error)) => error.into(),
            SyncError::Crypto(error) => error.into(),
            SyncError::OwnEntry(_) => Self::StoreBroken { detail },
            SyncError::NotEnrolled => Self::NotEnrolled,
            SyncError::NoAnswer(why) => Self::Offline { why },
            SyncError::Unreadable { photo, .. } => {
                Self::PhotoRefused { name: photo.to_string(), why: PhotoFault::Unreadable, detail }
            }
            SyncError::NotTheOffice => Self::NotTheOffice,
            SyncError::NotTaken(refusal) => Self::OfficeRefused {
                status: 200,
                code: refusal.code().to_owned(),
                detail: refusal.detail().to_owned(),
            },
            SyncError::Refused { status, code, detail } => match code.as_str() {
                "wrong_code" | "used_code" | "expired_code" | "revoked_code" | "wrong_person" => {
                    Self::CodeRefused { code, detail }
                }
                _ => Self::OfficeRefused { status, code, detail },
            },
            SyncError::Apply(ApplyError::OtherEpoch { .. }) => Self::OfficeRestored,
            SyncError::Apply(ApplyError::OtherChain { seq }) => Self::TwoCopies { seq },
            SyncError::Apply(ApplyError::Crypto(_)) => Self::NotTheOffice,
            SyncError::Apply(
                ApplyError::Superseded | ApplyError::OtherRequest | ApplyError::OldPage | ApplyError::NotWhole(_),
            ) => Self::AnswerNotUsable { detail },
            SyncError::Message(
                MessageError::NotAMessage
                | MessageError::TooLarge { .. }
                | MessageError::Unreadable(_)
                | MessageError::Crypto(_),
            ) => Self::AnswerNotUsable { detail },
        }
    }
}

/// Arguments that do not read as what they should be.
impl FieldError {
    pub(crate) fn seed(bytes: Vec<u8>) -> Self {
        Self::NotAnArgument { detail: format!("a seed has 32 bytes of entropy, not {}", bytes.len()) }
    }

    pub(crate) fn id(error: IdError) -> Self {
        Self::NotAnArgument { detail: error.to_string() }
    }

    pub(crate) fn shown(error: impl std::error::Error) -> Self {
        Self::NotAnArgument { detail: format!("what a form showed cannot be read: {error}") }
    }

    pub(crate) fn cursor(detail: String) -> Self {
        Self::NotAnArgument { detail }
    }

    pub(crate) fn place(error: PlaceError) -> Self {
        Self::NotAnArgument { detail: error.to_string() }
    }

    pub(crate) fn taken_at(error: impl std::error::Error) -> Self {
        Self::NotAnArgument { detail: error.to_string() }
    }

    pub(crate) fn enrolment_code(error: CodeError) -> Self {
        Self::NotAnEnrolmentCode { detail: error.to_string() }
    }
}
