//! What can go wrong at the office, and what the other side of the line is told of it.

use std::io;
use std::path::{Path, PathBuf};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use xuncheng_core::crypto::CryptoError;
use xuncheng_core::id::EntryId;
use xuncheng_core::journal::ledger::LedgerError;
use xuncheng_core::journal::verdict::Code;
use xuncheng_core::journal::write::WriteError;
use xuncheng_core::limits;
use xuncheng_core::pack::PackError;
use xuncheng_core::photo::PhotoError;
use xuncheng_core::store::StoreError;
use xuncheng_core::sync::message::MessageError;
use xuncheng_core::sync::page::PageError;
use xuncheng_core::sync::parcel::ParcelError;
use xuncheng_core::sync::wire::{BATCH_BREAKS, Problem, Refusal, SUPERSEDED, Spoken, UPGRADE_NEEDED};

use crate::codes::CodeProblem;
use crate::quotas::Quota;

/// Why the office did not do what it was asked. Each becomes one [`Problem`] for whoever asked over HTTP.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A page could not be made.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A key.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The district pack, or `people.toml`.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A photo file.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// A file or folder of the office.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another office has the data folder open.
    #[error("another office runs on {}; end it first, or give this one a folder of its own", .0.display())]
    InUse(PathBuf),
    /// A backup cannot be made, trusted or restored.
    #[error("{0}")]
    Backup(String),
    /// The data folder is not as an office left it.
    #[error("{0}")]
    Setup(String),
    /// The operating system gave no entropy.
    #[error("the operating system gives no entropy: {0}")]
    Entropy(String),
    /// The port cannot be listened on, or may not be.
    #[error("{0}")]
    Listen(String),
    /// A turn, or the drawing of a photo, panicked; what it had written was rolled back.
    #[error("something at the office broke off, and nothing of it was kept; the log has the reason")]
    Panic,
    /// Too many turns wait for the ledger.
    #[error("the office has more to do than it can take now; nothing of this was kept, try again in half a minute")]
    Busy,
    /// The writer is gone: the office is shutting down.
    #[error("the office is shutting down; try again")]
    Closing,

    /// The body has more bytes than are read.
    #[error("the request is over the limit of {limit} bytes; nothing of it was kept, send less at once")]
    TooLarge {
        /// The bound.
        limit: u64,
    },
    /// Entries of a batch are good and a later one is not: without it the seal proves none of them.
    #[error(
        "an entry of this batch was refused ({refusal:?}) after {after} that are good; nothing of it was kept, send fewer \
         entries at once, so that the good ones come under a signature of their own"
    )]
    BatchBreaks {
        /// What is wrong with the later one.
        refusal: Refusal,
        /// How many new ones before it are good.
        after: usize,
    },
    /// The body stopped coming.
    #[error("the request stopped before its end; send it again")]
    CutOff,
    /// The body, a header or a path is not of its form.
    #[error("{0}")]
    Junk(String),
    /// The message is not one of a phone's.
    #[error(transparent)]
    Message(MessageError),
    /// There is no such page or thing, or not for whoever asks.
    #[error("there is no such thing here, or not for you; check the address, and sync before you try again")]
    NotFound,
    /// No enrolment code has this number.
    #[error("there is no enrolment code number {0}; list the codes to see which there are")]
    NoCode(u64),
    /// The enrolment code was used, so that revoking it would not keep anybody out.
    #[error("enrolment code number {0} was used already; revoke the device that was enrolled with it instead")]
    CodeUsed(u64),
    /// A parcel cannot be read or written.
    #[error("cannot use parcel {}: {source}", file.display())]
    Parcel {
        /// Where it lies, or was to lie.
        file: PathBuf,
        /// Why.
        #[source]
        source: ParcelError,
    },
    /// There is nothing to answer a phone's parcel with.
    #[error("{0}")]
    NoAnswer(&'static str),
    /// Whoever asks may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// A console step had no effect: it was rolled back.
    #[error("this was not done: {0:?}")]
    NotDone(Code),

    /// The entry does not wait for a person.
    #[error("entry {0} waits for nobody: it is not here, or was decided about already; list what is held")]
    NotHeld(EntryId),
    /// Of the entry nothing is to be erased.
    #[error("of entry {0} nothing is to be erased: it is not here, or it was erased already")]
    NothingToErase(EntryId),

    /// The message is of another version of the protocol, and cannot be read.
    #[error(
        "this office speaks versions {} to {} of the protocol and the phone {} to {}: update the older of the two; the phone keeps \
         what it has, and sends it then",
        Spoken::HERE.min, Spoken::HERE.max, .0.min, .0.max
    )]
    OtherVersion(Spoken),
    /// No device is enrolled under this incarnation.
    #[error("this device is not enrolled here; ask the office for an enrolment code")]
    UnknownDevice,
    /// The signature is not the device's.
    #[error("the request is not signed by the key that this device was enrolled with; enrol the device again")]
    BadSignature,
    /// The enrolment code opens nothing.
    #[error("{}", .0.detail())]
    Code(CodeProblem),
    /// The incarnation or key is another device's.
    #[error("this store is enrolled already, with another key; set the phone up anew")]
    Enrolled,

    /// A later request of this device was answered than the one that it names: whoever recorded an earlier one reads nothing by it.
    #[error("another request of this device was answered since; sync first, then ask again")]
    Superseded,
    /// The bearer token is missing, forged or expired.
    #[error("the upload token is missing, forged or expired; sync once to get a new one")]
    BadToken,
    /// The office does not have the entry yet, or it is not this phone's.
    #[error("the office has no such entry of this phone; sync first, then try again")]
    UnknownEntry,
    /// The entry shows another photo.
    #[error("{0}")]
    NotOfEntry(String),
    /// Sending goes on at another place.
    #[error("this upload goes on at {offset}")]
    Offset {
        /// The place.
        offset: u64,
    },
    /// Another request writes to this upload.
    #[error("another request is writing to this upload; ask for its offset and try again")]
    Locked,
    /// This phone has more uploads open than a phone should.
    #[error("this phone has too many uploads open; finish some, or wait until they expire")]
    TooManyUploads,
    /// A phone, or its district, has sent as many originals as the office takes.
    #[error("{0}; the phone keeps them and sends them by itself")]
    Quota(Quota),
    /// The upload is gone.
    #[error("this upload has expired; begin it again")]
    Expired,
    /// The bytes are not the photo that the entry names; they were thrown away.
    #[error("the bytes that came are not the photo that its entry names; they were discarded, begin again")]
    Checksum,
    /// A version of tus that is not spoken here.
    #[error("uploads here speak tus 1.0.0; say so in the header Tus-Resumable")]
    TusVersion,
    /// The path is there, but not for this method.
    #[error("this path does not answer to this method; the header Allow says to which it does")]
    Method,
    /// The media type of a body is another.
    #[error("the body must be {0}")]
    MediaType(&'static str),
}

impl From<MessageError> for OfficeError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::TooLarge { limit } => Self::TooLarge { limit: limit as u64 },
            MessageError::Crypto(CryptoError::Signature { .. }) => Self::BadSignature,
            other @ (MessageError::NotAMessage | MessageError::Unreadable(_) | MessageError::Crypto(_)) => {
                Self::Message(other)
            }
        }
    }
}

impl From<LedgerError> for OfficeError {
    fn from(error: LedgerError) -> Self {
        match error {
            // A full disk is told apart wherever it shows.
            LedgerError::Store(source) | LedgerError::Write(WriteError::Store(source)) => Self::Store(source),
            LedgerError::NotRuled(code) => Self::NotDone(code),
            LedgerError::NotHeld(entry) => Self::NotHeld(entry),
            LedgerError::NothingToErase(entry) => Self::NothingToErase(entry),
            other @ (LedgerError::Write(WriteError::Entry(_)) | LedgerError::Crypto(_) | LedgerError::Refused(_)) => {
                Self::Ledger(other)
            }
        }
    }
}

impl From<rusqlite::Error> for OfficeError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Store(source.into())
    }
}

impl OfficeError {
    /// An error of a file or folder, a full disk told apart.
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::Store(StoreError::DiskFull)
        } else {
            Self::File { path: path.to_owned(), source }
        }
    }

    /// The HTTP status and the code that programs read.
    fn contract(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Store(StoreError::DiskFull) | Self::Photo(PhotoError::DiskFull { .. }) => {
                (StatusCode::INSUFFICIENT_STORAGE, "disk_full")
            }
            Self::Store(_)
            | Self::Ledger(_)
            | Self::Page(_)
            | Self::Crypto(_)
            | Self::Pack(_)
            | Self::Photo(_)
            | Self::File { .. }
            | Self::InUse(_)
            | Self::Setup(_)
            | Self::Backup(_)
            | Self::Entropy(_)
            | Self::Listen(_)
            | Self::Panic => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Closing => (StatusCode::SERVICE_UNAVAILABLE, "closing"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            // The code at which a phone sends fewer entries at once.
            Self::BatchBreaks { .. } => (StatusCode::CONFLICT, BATCH_BREAKS),
            Self::CutOff => (StatusCode::REQUEST_TIMEOUT, "cut_off"),
            Self::Junk(_) | Self::Message(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Parcel { source, .. } if source.is_disk_full() => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
            Self::Parcel { .. } => (StatusCode::BAD_REQUEST, "parcel"),
            Self::NoAnswer(_) => (StatusCode::CONFLICT, "no_answer"),
            Self::NoCode(_) => (StatusCode::NOT_FOUND, "no_code"),
            Self::CodeUsed(_) => (StatusCode::CONFLICT, "code_is_used"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotDone(_) => (StatusCode::CONFLICT, "not_done"),
            Self::NotHeld(_) => (StatusCode::CONFLICT, "not_held"),
            Self::NothingToErase(_) => (StatusCode::CONFLICT, "nothing_to_erase"),
            Self::OtherVersion(_) => (StatusCode::UPGRADE_REQUIRED, UPGRADE_NEEDED),
            Self::UnknownDevice => (StatusCode::FORBIDDEN, "unknown_device"),
            Self::BadSignature => (StatusCode::UNAUTHORIZED, "bad_signature"),
            Self::Code(problem) => (StatusCode::FORBIDDEN, problem.code()),
            Self::Enrolled => (StatusCode::CONFLICT, "enrolled_already"),
            Self::Superseded => (StatusCode::CONFLICT, SUPERSEDED),
            Self::BadToken => (StatusCode::UNAUTHORIZED, "bad_token"),
            Self::UnknownEntry => (StatusCode::CONFLICT, "unknown_entry"),
            Self::NotOfEntry(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not_of_entry"),
            Self::Offset { .. } => (StatusCode::CONFLICT, "offset_mismatch"),
            Self::Locked => (StatusCode::LOCKED, "locked"),
            Self::Quota(quota) => (StatusCode::TOO_MANY_REQUESTS, quota.code()),
            Self::TooManyUploads => (StatusCode::TOO_MANY_REQUESTS, "too_many_uploads"),
            Self::Expired => (StatusCode::GONE, "expired"),
            Self::Checksum => (checksum_mismatch(), "checksum_mismatch"),
            Self::TusVersion => (StatusCode::PRECONDITION_FAILED, "tus_version"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method"),
            Self::MediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type"),
        }
    }

    /// What the other side is told. Of an error inside the office: that there was one, and no more.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (status, code) = self.contract();
        let detail = match status {
            StatusCode::INTERNAL_SERVER_ERROR => {
                "something went wrong at the office; nothing was lost, try again later".to_owned()
            }
            // Whoever reads it holds a phone, whose own disk may be empty.
            StatusCode::INSUFFICIENT_STORAGE => {
                "the office's disk is full: tell the office; the phone keeps what it has and sends it later".to_owned()
            }
            _ => self.to_string(),
        };
        Problem { status: status.as_u16(), code: code.to_owned(), detail }
    }
}

/// 460, as the checksum extension of tus 1.0 calls it.
fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

impl IntoResponse for OfficeError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(error = %self, "a request could not be answered");
        } else {
            tracing::debug!(error = %self, "a request was refused");
        }
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        // Too much at once, shutting down, a full disk: all phones coming back at once would make it worse.
        let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE];
        if busy.contains(&status) {
            let seconds =
                if matches!(self, Self::Quota(_)) { limits::QUOTA_RETRY_AFTER_S } else { limits::RETRY_AFTER_S };
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if let Self::Offset { offset } = self {
            response.headers_mut().insert("upload-offset", offset.into());
        }
        response
    }
}
