//! Enrolment: a code from the office makes this store a device of its person.

use super::{Field, FieldError};
use crate::clock::Seed;
use crate::id::Nonce;
use crate::limits;
use crate::store::meta::{self, key};
use crate::sync::code::EnrolmentCode;
use crate::sync::message::{self, Direction};
use crate::sync::session::{Body, Method, OfficeKeys, Request, Response, SyncError};
use crate::sync::wire::{EnrolRequest, Enrolled, PROTOCOL};

/// An enrolment under way: the request to send, and what its answer is checked with.
#[derive(Debug, Clone)]
pub struct Enrolling {
    /// The code.
    pub code: EnrolmentCode,
    /// What to send to the office that the code names.
    pub request: Request,
    nonce: Nonce,
}

impl Field {
    /// Begins to enrol with `code`; `device` is what the phone calls itself.
    ///
    /// # Errors
    /// [`FieldError::OtherPerson`], [`FieldError::EnrolledElsewhere`], [`FieldError::Sync`]
    /// when the key does not sign now.
    pub fn enrol(&self, code: &EnrolmentCode, device: &str, seed: &Seed) -> Result<Enrolling, FieldError> {
        if code.person != self.person {
            return Err(FieldError::OtherPerson { own: self.person.clone(), other: code.person.clone() });
        }
        if let Some(before) = self.office()?.filter(|before| before.root.fingerprint() != code.root) {
            return Err(elsewhere(before));
        }
        let nonce = Nonce::from_bytes(seed.entropy().bytes());
        let body = EnrolRequest {
            protocol: PROTOCOL,
            nonce,
            secret: code.secret.clone(),
            person: self.person.clone(),
            incarnation: self.incarnation()?,
            key: self.signer.public_key().map_err(SyncError::from)?,
            device: device.chars().take(limits::DEVICE_NAME_CHARS).collect(),
        };
        let packed = message::pack(Direction::Request, &body, &*self.signer).map_err(SyncError::from)?;
        let request = Request {
            method: Method::Post,
            path: "/v1/enrolment".to_owned(),
            headers: vec![("Content-Type".to_owned(), "application/vnd.xuncheng".to_owned())],
            body: Body::Bytes(packed),
        };
        Ok(Enrolling { code: code.clone(), request, nonce })
    }

    /// Takes the office's answer: from here on this store sends to that office and to no other.
    ///
    /// # Errors
    /// [`FieldError::OtherOffice`] when the answer is not under the root key that the code names;
    /// [`FieldError::EnrolledElsewhere`] where another enrolment came first; [`FieldError::Sync`] with the office's refusal.
    pub fn enrolled(&mut self, enrolling: &Enrolling, response: &Response) -> Result<(), FieldError> {
        if response.status != 200 {
            return Err(SyncError::refused(response).into());
        }
        let message = message::unpack(&response.body, limits::RESPONSE_BYTES).map_err(SyncError::from)?;
        // The keys come inside; each is checked against the one before, down from the fingerprint in the code.
        let claimed: Enrolled = message.read_unverified().map_err(SyncError::from)?;
        if claimed.root.fingerprint() != enrolling.code.root {
            return Err(FieldError::OtherOffice);
        }
        let certificate = claimed.certificate.open(&claimed.root)?;
        let answer: Enrolled = message.open(Direction::Response, &certificate.node).map_err(SyncError::from)?;
        if answer.nonce != enrolling.nonce {
            return Err(FieldError::OtherOffice);
        }
        let epoch = answer.epoch.open(&certificate.node)?;
        let mut office = OfficeKeys {
            url: enrolling.code.office.trim_end_matches('/').to_owned(),
            district: certificate.district,
            root: answer.root,
            node: certificate.node,
            epoch,
            sealing: Some(certificate.sealing),
        };
        // What this store has read and been promised is one district's.
        if let Some(before) = self.office()? {
            if before.root != office.root {
                return Err(elsewhere(before));
            }
            // An office that was restored to before this phone was enrolled stands on another branch: the phone enters that only
            // once it has brought back what it has.
            office.epoch = before.epoch;
        }
        let tx = self.conn.transaction()?;
        meta::set(&tx, key::OFFICE, &office)?;
        meta::set(&tx, key::SYNC_WANTED, &true)?;
        meta::clear(&tx, key::ATTENTION)?;
        tx.commit()?;
        Ok(())
    }

    /// What enrolment gave; none before it.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn office(&self) -> Result<Option<OfficeKeys>, FieldError> {
        Ok(meta::get(&self.conn, key::OFFICE)?)
    }
}

/// What a store has read and been promised is one district's: no code takes it to another.
fn elsewhere(before: OfficeKeys) -> FieldError {
    FieldError::EnrolledElsewhere { district: before.district, url: before.url }
}
