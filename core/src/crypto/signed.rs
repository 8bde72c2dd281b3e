//! A statement with its signature, kept and sent exactly as it was signed.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CryptoError, PublicKey, Signer};
use crate::id::Hash;

/// Something that is said under a signature. Each kind has a domain of its own: a signature over one kind is never
/// taken for one over another.
pub trait Statement: Serialize + DeserializeOwned {
    /// What is said, in a word: it goes into the signed bytes and into errors.
    const WHAT: &'static str;
}

/// A `T` as JSON text, the fingerprint of the key that signed it, and the signature over that text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Signed<T> {
    text: String,
    key: Hash,
    #[serde(with = "hex::serde")]
    signature: Vec<u8>,
    #[serde(skip)]
    what: PhantomData<T>,
}

impl<T: Statement> Signed<T> {
    /// Says `statement` under `signer`'s key.
    ///
    /// # Errors
    /// [`CryptoError::Locked`] from the signer; [`CryptoError::Statement`] if it has no JSON form.
    pub fn new(statement: &T, signer: &dyn Signer) -> Result<Self, CryptoError> {
        let text =
            serde_json::to_string(statement).map_err(|source| CryptoError::Statement { what: T::WHAT, source })?;
        let signature = signer.sign(&message::<T>(&text))?;
        Ok(Self { text, key: signer.public_key()?.fingerprint(), signature, what: PhantomData })
    }

    /// The statement, if `key` signed it.
    ///
    /// # Errors
    /// [`CryptoError::Signature`], [`CryptoError::Statement`].
    pub fn open(&self, key: &PublicKey) -> Result<T, CryptoError> {
        key.verify(T::WHAT, &message::<T>(&self.text), &self.signature)?;
        self.read_unverified()
    }

    /// The statement as its sender words it, before anybody has checked the signature.
    ///
    /// # Errors
    /// [`CryptoError::Statement`].
    pub fn read_unverified(&self) -> Result<T, CryptoError> {
        serde_json::from_str(&self.text).map_err(|source| CryptoError::Statement { what: T::WHAT, source })
    }

    /// What names this statement in short: the hash of its words.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of("statement", &[self.text.as_bytes()])
    }

    /// The fingerprint of the key that is said to have signed.
    #[must_use]
    pub const fn key(&self) -> &Hash {
        &self.key
    }
}

fn message<T: Statement>(text: &str) -> Vec<u8> {
    Hash::of(T::WHAT, &[text.as_bytes()]).as_bytes().to_vec()
}
