//! Suites, keys, signed statements, Merkle trees, sealed origins and sealed streams.
//!
//! One suite stands so far, `p256-sha256`; keys name their suite, so that another can come beside it
//! (docs/decisions/D9).

mod key;
mod merkle;
mod seal;
mod signed;
mod stream;

pub use key::{KeyFile, PublicKey, Signer, SoftwareKey, Suite};
pub use merkle::{MerklePath, MerkleTree, leaf, root};
pub use seal::{SealedOrigin, SealingKey, SealingPublicKey};
pub use signed::{Signed, Statement};
pub use stream::{SealedReader, SealedWriter, StreamError};

/// Why a key, a signature or a sealed part was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// The text is no key of a suite that this version knows.
    #[error("not a key of a known suite: {0:?}")]
    Key(String),
    /// The key file cannot be read or written.
    #[error("cannot use key file {path}: {source}")]
    KeyFile {
        /// Where the key lies.
        path: std::path::PathBuf,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// The signature is not this key's over these bytes.
    #[error("the signature of this {what} does not match")]
    Signature {
        /// What was signed.
        what: &'static str,
    },
    /// The signed text is not what its signer promised it to be.
    #[error("a signed {what} cannot be read: {source}")]
    Statement {
        /// What was signed.
        what: &'static str,
        /// Where the text departs from its form.
        #[source]
        source: serde_json::Error,
    },
    /// The key store refused: locked, gone, or not the user's.
    #[error("the key store does not sign now: {0}")]
    Locked(String),
    /// A sealed origin was made for another key, or changed on its way.
    #[error("this sealed origin does not open with this key")]
    Sealed,
    /// The origin is longer than the constant size of its sealed copy.
    #[error("an origin of {bytes} bytes does not fit its seal")]
    OriginTooLong {
        /// Its length.
        bytes: usize,
    },
}
