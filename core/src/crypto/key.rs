//! Signing keys by suite: who signs, and how a signature is checked.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::CryptoError;
use crate::clock::Entropy;
use crate::id::Hash;
use crate::private;

/// A family of algorithms that go together, by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// ECDSA over NIST P-256 with SHA-256, deterministic nonces (RFC 6979).
    P256Sha256,
}

impl Suite {
    const fn name(self) -> &'static str {
        match self {
            Self::P256Sha256 => "p256-sha256",
        }
    }
}

/// A key that signatures are checked with; in text `p256-sha256:` and the compressed SEC1 point in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    suite: Suite,
    key: VerifyingKey,
}

impl PublicKey {
    /// The key's fingerprint, under which signed statements name it.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        Hash::of("key", &[self.to_string().as_bytes()])
    }

    /// # Errors
    /// [`CryptoError::Signature`] when `signature` is not this key's over `message`; `what` goes into the error.
    pub fn verify(&self, what: &'static str, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        match self.suite {
            Suite::P256Sha256 => Signature::from_slice(signature)
                .and_then(|signature| self.key.verify(message, &signature))
                .map_err(|_| CryptoError::Signature { what }),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.suite.name(), hex::encode(self.key.to_sec1_point(true).as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = CryptoError;
    fn from_str(text: &str) -> Result<Self, CryptoError> {
        let unknown = || CryptoError::Key(text.chars().take(100).collect());
        let point =
            text.strip_prefix(Suite::P256Sha256.name()).and_then(|rest| rest.strip_prefix(':')).ok_or_else(unknown)?;
        let bytes = hex::decode(point).map_err(|_| unknown())?;
        let key = VerifyingKey::from_sec1_bytes(&bytes).map_err(|_| unknown())?;
        Ok(Self { suite: Suite::P256Sha256, key })
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whoever holds a private key: a file here, Android Keystore or the Secure Enclave on a phone.
pub trait Signer: Send + Sync {
    /// The key that checks what this signer signs.
    ///
    /// # Errors
    /// As [`Self::sign`].
    fn public_key(&self) -> Result<PublicKey, CryptoError>;

    /// Signs `message`. Called before sending, never while capturing.
    ///
    /// # Errors
    /// [`CryptoError::Locked`], [`CryptoError::KeyFile`], [`CryptoError::Key`] when the key store does not sign now; sending
    /// waits, capture does not.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError>;
}

/// A private key in a file that only its owner may read.
pub struct SoftwareKey(SigningKey);

impl SoftwareKey {
    /// A new key out of a caller's entropy.
    #[must_use]
    pub fn generate(entropy: &mut Entropy) -> Self {
        loop {
            // A random scalar is out of range once in 2^32 draws.
            if let Ok(key) = SigningKey::from_slice(&entropy.bytes::<32>()) {
                return Self(key);
            }
        }
    }

    /// Reads the key file at `path`.
    ///
    /// # Errors
    /// [`CryptoError::KeyFile`] or [`CryptoError::Key`].
    pub fn load(path: &Path) -> Result<Self, CryptoError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| CryptoError::KeyFile { path: path.into(), source })?;
        let unknown = || CryptoError::Key(format!("the file {}", path.display()));
        let scalar = text.trim().strip_prefix("p256-sha256-private:").ok_or_else(unknown)?;
        let bytes = hex::decode(scalar).map_err(|_| unknown())?;
        SigningKey::from_slice(&bytes).map(Self).map_err(|_| unknown())
    }

    /// Writes the key to `path`, durable and readable by its owner alone, unless a file is there already.
    ///
    /// # Errors
    /// [`CryptoError::KeyFile`].
    pub fn save(&self, path: &Path) -> Result<(), CryptoError> {
        write_private(path, &format!("p256-sha256-private:{}\n", hex::encode(self.0.to_bytes())))
    }
}

/// Writes a new file that only its owner may read. It has its name only when it is whole and on the disk: half a key is none,
/// and no later start would make another.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), CryptoError> {
    let write = || -> std::io::Result<()> {
        if path.exists() {
            return Err(std::io::ErrorKind::AlreadyExists.into());
        }
        let unfinished = path.with_extension("key.unfinished");
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            // What a first try left that was cut off.
            Ok(()) | Err(_) => {}
        }
        let mut file = private::new_file().open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
        private::sync_folder(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    };
    write().map_err(|source| CryptoError::KeyFile { path: path.into(), source })
}

impl SoftwareKey {
    /// The key that checks what this one signs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey { suite: Suite::P256Sha256, key: *self.0.verifying_key() }
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> Result<PublicKey, CryptoError> {
        Ok(Self::public_key(self))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature: Signature = self.0.sign(message);
        Ok(signature.to_bytes().to_vec())
    }
}

/// The key in a file that is read when something is to be signed first: whoever signs nothing does without it.
pub struct KeyFile {
    path: PathBuf,
    read: OnceLock<SoftwareKey>,
}

impl KeyFile {
    /// The key in the file at `path`, whether it can be read now or not.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path, read: OnceLock::new() }
    }

    fn key(&self) -> Result<&SoftwareKey, CryptoError> {
        match self.read.get() {
            Some(key) => Ok(key),
            None => {
                let key = SoftwareKey::load(&self.path)?;
                Ok(self.read.get_or_init(|| key))
            }
        }
    }
}

impl Signer for KeyFile {
    fn public_key(&self) -> Result<PublicKey, CryptoError> {
        Ok(self.key()?.public_key())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.key()?.sign(message)
    }
}
