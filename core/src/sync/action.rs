//! The words between a conversation and whoever owns a network: what to do, what came of it, why it does not go on.

use std::path::PathBuf;

use super::apply::ApplyError;
use super::message::MessageError;
use super::session::Attention;
use super::wire::{BATCH_BREAKS, Problem, Refusal};
use crate::crypto::CryptoError;
use crate::id::{Nonce, PhotoHash};
use crate::journal::entry::EntryError;
use crate::store::StoreError;

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this, and report what came back under its id.
    Send {
        /// The action.
        id: Nonce,
        /// What to send.
        request: Request,
    },
    /// Ask again after this long, or when the network comes up.
    WaitUntil {
        /// On this boot's monotonic clock, in milliseconds.
        monotonic_ms: u64,
    },
    /// Nothing: all that can go has gone.
    Done,
}

/// A request to the office, for whoever owns a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Below the office's address.
    pub path: String,
    /// Headers, by name.
    pub headers: Vec<(String, String)>,
    /// What goes with it.
    pub body: Body,
}

impl Request {
    /// A message of a phone's.
    pub(super) fn post(path: &str, body: Body) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/vnd.xuncheng".to_owned())];
        Self { method: Method::Post, path: path.to_owned(), headers, body }
    }
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// POST
    Post,
    /// PATCH
    Patch,
    /// HEAD
    Head,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A piece of a file, which does not change.
    File {
        /// The file.
        path: PathBuf,
        /// Where the piece begins.
        offset: u64,
        /// How long it is.
        length: u64,
    },
}

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An answer, from the office or from something that took its place.
    Answered(Response),
    /// Nothing was sent: no network, no such host, nobody listens there. The text is for people.
    Unreachable(String),
    /// No whole answer to what may have been sent: a cut or a stalled connection. The text is for people.
    Failed(String),
    /// The file of the request's body could not be read on this device. The text is for people.
    Unreadable(String),
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers, by name.
    pub headers: Vec<(String, String)>,
    /// The body, as far as [`limits::RESPONSE_BYTES`].
    pub body: Vec<u8>,
}

impl Response {
    /// A header's value, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Why a conversation does not go on. Nothing is lost: all is sent again.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This store was not enrolled at an office.
    #[error("this phone is not enrolled at an office yet: use the code that the office gives")]
    NotEnrolled,
    /// The office refused.
    #[error("the office refused ({status} {code}): {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// What is wrong, for people.
        detail: String,
    },
    /// The office did not take the entries that were sent. They are offered again later; what else there is goes on.
    #[error("{}", .0.detail())]
    NotTaken(Refusal),
    /// Whatever answered was not the office.
    #[error(
        "something answered in the office's place (a captive portal, a proxy): open a web page to sign in to this network"
    )]
    NotTheOffice,
    /// No answer.
    #[error("no answer from the office: {0}")]
    NoAnswer(String),
    /// The file that was to be sent could not be read here.
    #[error("the original {photo} cannot be read on this phone now ({why}); it is tried again, and the others go on")]
    Unreadable {
        /// The original.
        photo: PhotoHash,
        /// Why, for people.
        why: String,
    },
    /// An own entry could not be moved to the new incarnation that a copied store goes on under.
    #[error("this store was copied, and cannot go on: {0}")]
    OwnEntry(EntryError),
    /// The answer could not be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The key store does not sign now.
    #[error("{}", of_key(.0))]
    Crypto(#[from] CryptoError),
    /// A message could not be made.
    #[error(transparent)]
    Message(MessageError),
}

/// The error, and what it means for whoever works on where the key does not sign.
fn of_key(error: &CryptoError) -> String {
    match error {
        CryptoError::Locked(_) | CryptoError::KeyFile { .. } | CryptoError::Key(_) => format!(
            "{error}; nothing is sent without it, what is captured is kept, and all of it goes when the key is back"
        ),
        CryptoError::Signature { .. }
        | CryptoError::Statement { .. }
        | CryptoError::Sealed
        | CryptoError::OriginTooLong { .. } => error.to_string(),
    }
}

impl SyncError {
    /// The office's refusal, in its own words where it has given any.
    #[must_use]
    pub fn refused(response: &Response) -> Self {
        match serde_json::from_slice::<Problem>(&response.body) {
            Ok(problem) => Self::Refused { status: response.status, code: problem.code, detail: problem.detail },
            Err(_) if response.status == 413 => Self::Refused {
                status: 413,
                code: "too_large".to_owned(),
                detail: "the request was too large for something on the way".to_owned(),
            },
            Err(_) if response.status >= 500 => Self::Refused {
                status: response.status,
                code: "office_fault".to_owned(),
                detail: "the office has a fault; it is tried again".to_owned(),
            },
            Err(_) => Self::NotTheOffice,
        }
    }

    /// Whether less at once may pass: a request was too large, or good entries came with one that is not.
    pub(super) fn is_of_size(&self) -> bool {
        matches!(self, Self::Refused { status, code, .. } if *status == 413 || code == BATCH_BREAKS)
    }

    /// Whether it may be about the one photo that was sent, and others may pass: not the token, the size of pieces, or an
    /// office that cannot take more now.
    pub(super) fn may_be_of_one_photo(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if ![401, 413, 429, 502, 503, 504, 507].contains(status))
    }

    /// Whether another request writes to the upload: one of another driver of this store, or one that was cut and still holds it.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self, Self::Refused { status: 423, .. })
    }

    /// Whether this phone, or its district, has sent as much of originals as the office takes for now: records go on meanwhile.
    pub(super) fn is_of_quota(&self) -> bool {
        matches!(self, Self::Refused { status: 429, .. })
    }

    /// What a person is told of it.
    pub(crate) fn attention(&self) -> Attention {
        Attention { code: self.code().to_owned(), detail: self.to_string() }
    }

    /// What programs call it; of a refusal the office's own code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Store(_) => "store",
            Self::NotEnrolled => "not_enrolled",
            Self::Refused { code, .. } => code,
            Self::NotTaken(refusal) => refusal.code(),
            Self::NotTheOffice | Self::Message(_) => "not_the_office",
            Self::NoAnswer(_) => "no_answer",
            Self::Unreadable { .. } => "original_unreadable",
            Self::OwnEntry(_) => "own_entry",
            Self::Apply(ApplyError::OtherEpoch { .. }) => "other_epoch",
            Self::Apply(ApplyError::OtherChain { .. } | ApplyError::Superseded) => "clone",
            Self::Apply(_) => "not_applied",
            Self::Crypto(CryptoError::Locked(_)) => "key_locked",
            Self::Crypto(_) => "key_unusable",
        }
    }
}

impl From<MessageError> for SyncError {
    fn from(error: MessageError) -> Self {
        match error {
            // An answer that is none of the office's messages, or not signed by it.
            MessageError::NotAMessage
            | MessageError::Unreadable(_)
            | MessageError::Crypto(CryptoError::Signature { .. }) => Self::NotTheOffice,
            MessageError::Crypto(error) => Self::Crypto(error),
            error @ MessageError::TooLarge { .. } => Self::Message(error),
        }
    }
}
