//! Whether there is something for this phone at the office, told as soon as there is: one request that waits for its answer.
//!
//! It is signed as every request is and names what was read; the answer says yes or no, and nothing else. Nothing of it is
//! kept: whoever hears yes begins a conversation.

use rusqlite::Connection;

use super::action::{Body, Request, Response, SyncError};
use super::apply::ApplyError;
use super::message::{self, Direction};
use super::session::{OfficeKeys, Phone};
use super::wire::{HintRequest, HintResponse};
use crate::clock::Seed;
use crate::id::Nonce;
use crate::limits;
use crate::store::feeds;
use crate::store::meta::{self, key};

/// A hint that was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What to send. It is answered within [`limits::HINT_MS`].
    pub request: Request,
    nonce: Nonce,
}

/// Asks for a hint.
///
/// # Errors
/// [`SyncError::NotEnrolled`], [`SyncError::Store`], [`SyncError::Crypto`] when the key store does not sign now.
pub fn ask(conn: &Connection, phone: &Phone<'_>, seed: &Seed) -> Result<Asked, SyncError> {
    let office: OfficeKeys = meta::get(conn, key::OFFICE)?.ok_or(SyncError::NotEnrolled)?;
    let nonce = Nonce::from_bytes(seed.entropy().bytes());
    let body = HintRequest {
        nonce,
        incarnation: meta::incarnation(conn)?,
        epoch: office.epoch.id,
        positions: feeds::positions(conn)?,
    };
    let body = Body::Bytes(message::pack(Direction::Request, &body, phone.signer)?);
    Ok(Asked { request: Request::post("/v1/hints", body), nonce })
}

/// Whether there is something for this phone.
///
/// # Errors
/// [`SyncError::Refused`], [`SyncError::NotTheOffice`]: whoever asked waits before asking again.
pub fn answered(conn: &Connection, asked: &Asked, response: &Response) -> Result<bool, SyncError> {
    let office: OfficeKeys = meta::get(conn, key::OFFICE)?.ok_or(SyncError::NotEnrolled)?;
    if response.status != 200 {
        return Err(SyncError::refused(response));
    }
    let message = message::unpack(&response.body, limits::HINT_BYTES)?;
    let answer: HintResponse = message.open(Direction::Response, &office.node)?;
    if answer.nonce != asked.nonce {
        return Err(ApplyError::OtherRequest.into());
    }
    Ok(answer.news)
}
