//! The conversation with the office, for whoever owns a network.
//!
//! Enrolment is one request: [`FieldApp::enrol`] gives it, [`FieldApp::enrolled`] takes its answer. After that
//! [`FieldApp::start_sync`] begins, and a loop asks [`FieldApp::next_action`] what to do, does it, and hands what came of
//! it to [`FieldApp::completed`].

use xuncheng_core::clock::{Now, Seed};
use xuncheng_core::field::Enrolling;
use xuncheng_core::id::PersonId;
use xuncheng_core::sync::action;
use xuncheng_core::sync::code::EnrolmentCode;

use crate::types::{ActionId, HttpHeader, LocalPath};
use crate::{FieldApp, FieldError};

pub(crate) type SyncAction = action::Action;
pub(crate) type SyncOutcome = action::Outcome;
pub(crate) type HttpRequest = action::Request;
pub(crate) type HttpMethod = action::Method;
pub(crate) type HttpBody = action::Body;
pub(crate) type HttpResponse = action::Response;
type HeaderPair = (String, String);

uniffi::custom_type!(
    /// One header of a request or an answer.
    HeaderPair, HttpHeader, {
        remote,
        lower: |pair| HttpHeader { name: pair.0, value: pair.1 },
        try_lift: |header| Ok((header.name, header.value))
    }
);

/// What is to be done next.
#[uniffi::remote(Enum)]
pub enum SyncAction {
    /// Send this, and report what came of it under its id.
    Send {
        /// The action.
        id: ActionId,
        /// What to send.
        request: HttpRequest,
    },
    /// Ask again after this long, or when the network comes up.
    WaitUntil {
        /// On this boot's monotonic clock, in milliseconds.
        monotonic_ms: u64,
    },
    /// Nothing: all that can go has gone.
    Done,
}

/// A request to the office.
#[uniffi::remote(Record)]
pub struct HttpRequest {
    /// How.
    pub method: HttpMethod,
    /// Below the office's address.
    pub path: String,
    /// Its headers.
    pub headers: Vec<HeaderPair>,
    /// What goes with it.
    pub body: HttpBody,
}

/// An HTTP method.
#[uniffi::remote(Enum)]
pub enum HttpMethod {
    /// POST
    Post,
    /// PATCH
    Patch,
    /// HEAD
    Head,
}

/// The body of a request.
#[uniffi::remote(Enum)]
pub enum HttpBody {
    /// None.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A piece of a file, which does not change.
    File {
        /// The file.
        path: LocalPath,
        /// Where the piece begins.
        offset: u64,
        /// How long it is.
        length: u64,
    },
}

/// What came of a request.
#[uniffi::remote(Enum)]
pub enum SyncOutcome {
    /// An answer, from the office or from something that took its place.
    Answered(HttpResponse),
    /// Nothing was sent: no network, no such host, nobody listens there. The text is for people.
    Unreachable(String),
    /// No whole answer to what may have been sent: a cut or a stalled connection. The text is for people.
    Failed(String),
    /// The file of the request's body could not be read on this device. The text is for people.
    Unreadable(String),
}

/// An HTTP answer.
#[uniffi::remote(Record)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<HeaderPair>,
    /// The body, as far as `limits().response_bytes`.
    pub body: Vec<u8>,
}

/// An enrolment under way: a request to send, and what its answer is checked with.
#[derive(uniffi::Object)]
pub struct Enrolment {
    enrolling: Enrolling,
}

#[uniffi::export]
impl Enrolment {
    /// The address of the office that the code names.
    pub fn office(&self) -> String {
        self.enrolling.code.office.clone()
    }

    /// What to send to that office.
    pub fn request(&self) -> HttpRequest {
        self.enrolling.request.clone()
    }
}

/// Whose phone an enrolment code makes: a new phone's store is created for this person.
///
/// # Errors
/// [`FieldError::NotAnEnrolmentCode`].
#[uniffi::export]
pub fn person_of_code(code: EnrolmentCode) -> Result<PersonId, FieldError> {
    Ok(code.person)
}

#[uniffi::export]
impl FieldApp {
    /// Begins to enrol with `code`; `device` is what the phone calls itself.
    ///
    /// # Errors
    /// [`FieldError::NotAnEnrolmentCode`], [`FieldError::OtherPerson`], [`FieldError::EnrolledElsewhere`],
    /// [`FieldError::KeyLocked`], [`FieldError::KeyUnusable`]; the code was not used then.
    pub fn enrol(&self, code: EnrolmentCode, device: &str, seed: Seed) -> Result<Enrolment, FieldError> {
        Ok(Enrolment { enrolling: self.field().enrol(&code, device, &seed)? })
    }

    /// Takes what came of an enrolment's request: from here on this store sends to that office and to no other.
    ///
    /// # Errors
    /// [`FieldError::CodeRefused`], [`FieldError::OtherOffice`], [`FieldError::EnrolledElsewhere`],
    /// [`FieldError::NotTheOffice`], [`FieldError::OfficeRefused`].
    pub fn enrolled(&self, enrolment: &Enrolment, response: HttpResponse) -> Result<(), FieldError> {
        Ok(self.field().enrolled(&enrolment.enrolling, &response)?)
    }

    /// Begins a conversation with the office, or goes on with it at once: cancels any wait. To be called when the network
    /// comes up, too.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`], [`FieldError::NoSpace`].
    pub fn start_sync(&self) -> Result<(), FieldError> {
        Ok(self.field().start_sync()?)
    }

    /// What to do next.
    ///
    /// # Errors
    /// [`FieldError::NotEnrolled`], [`FieldError::KeyLocked`], [`FieldError::KeyUnusable`], [`FieldError::StoreBroken`].
    pub fn next_action(&self, now: Now, seed: Seed) -> Result<SyncAction, FieldError> {
        Ok(self.field().next_action(&now, &seed)?)
    }

    /// Takes what came of an action. What was reported already does nothing.
    ///
    /// # Errors
    /// [`FieldError::Offline`], [`FieldError::NotTheOffice`], [`FieldError::OfficeRefused`] and others say why the exchange
    /// did not succeed; nothing is lost by it, and the next action is a wait.
    pub fn completed(&self, action: ActionId, outcome: SyncOutcome, now: Now, seed: Seed) -> Result<(), FieldError> {
        Ok(self.field().completed(action, &outcome, &now, &seed)?)
    }
}
