//! The envelope: one line that says who signed, then the body as it was signed, compressed together.
//!
//! The body is not repeated inside another JSON string, so that parts are escaped once, not three times.

use std::io::Read as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::crypto::{CryptoError, PublicKey, Signer};
use crate::id::Hash;
use crate::limits;

/// The direction of a message is signed with it: an answer is never taken for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a phone.
    Request,
    /// From the office.
    Response,
}

impl Direction {
    const fn domain(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// Who signed a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    key: Hash,
    #[serde(with = "hex::serde")]
    signature: Vec<u8>,
}

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Not compressed as a message is: a captive portal's page, for one.
    #[error("this is no message of the office's or a phone's")]
    NotAMessage,
    /// It unpacks to more than its reader is ready for.
    #[error("the message unpacks to more than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// The body is signed but not of its form.
    #[error("the message cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The signature.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// A message that was unpacked and whose signature was not yet checked.
#[derive(Debug)]
pub struct Unverified {
    signature: Signature,
    body: Vec<u8>,
}

/// Signs and packs `body`.
///
/// # Errors
/// [`MessageError::Crypto`] when the signer does not sign now.
pub fn pack<T: Serialize>(direction: Direction, body: &T, signer: &dyn Signer) -> Result<Vec<u8>, MessageError> {
    let body = serde_json::to_vec(body)?;
    let signature = signer.sign(Hash::of(direction.domain(), &[&body]).as_bytes())?;
    let mut message = serde_json::to_vec(&Signature { key: signer.public_key()?.fingerprint(), signature })?;
    message.push(b'\n');
    message.extend_from_slice(&body);
    zstd::bulk::compress(&message, COMPRESSION).map_err(|_| MessageError::NotAMessage)
}

/// zstd's level 3: half the size of JSON at a phone's cost of nothing.
const COMPRESSION: i32 = 3;

/// The window of the largest message, an answer.
const WINDOW_LOG_MAX: u32 = limits::RESPONSE_BYTES.ilog2();

/// Unpacks a message of at most `limit` bytes.
///
/// # Errors
/// [`MessageError::NotAMessage`], [`MessageError::TooLarge`].
pub fn unpack(bytes: &[u8], limit: usize) -> Result<Unverified, MessageError> {
    let mut decoder = zstd::stream::read::Decoder::new(bytes).map_err(|_| MessageError::NotAMessage)?;
    // A frame names the window that it is unpacked with: none may make its reader set aside more than a message has.
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|_| MessageError::NotAMessage)?;
    let mut message = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut message).map_err(|_| MessageError::NotAMessage)?;
    if message.len() > limit {
        return Err(MessageError::TooLarge { limit });
    }
    let end = message.iter().position(|byte| *byte == b'\n').ok_or(MessageError::NotAMessage)?;
    let signature = serde_json::from_slice(&message[..end]).map_err(|_| MessageError::NotAMessage)?;
    Ok(Unverified { signature, body: message.split_off(end + 1) })
}

impl Unverified {
    /// The fingerprint of the key that is said to have signed.
    #[must_use]
    pub const fn key(&self) -> &Hash {
        &self.signature.key
    }

    /// The body as its sender words it, before anybody has checked the signature: to find out whose key to check with.
    ///
    /// # Errors
    /// [`MessageError::Unreadable`].
    pub fn read_unverified<T: DeserializeOwned>(&self) -> Result<T, MessageError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The body, if `key` signed it in this direction.
    ///
    /// # Errors
    /// [`MessageError::Crypto`], [`MessageError::Unreadable`].
    pub fn open<T: DeserializeOwned>(&self, direction: Direction, key: &PublicKey) -> Result<T, MessageError> {
        let signed = Hash::of(direction.domain(), &[&self.body]);
        key.verify(direction.domain(), signed.as_bytes(), &self.signature.signature)?;
        self.read_unverified()
    }
}
