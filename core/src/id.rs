//! Ids and hashes: one newtype each, so that two of them are never mistaken for each other.
//!
//! In text they are lower-case hexadecimal, in SQLite blobs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Text that is not the text form of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the hexadecimal form.
    #[error("{what} must be {digits} hexadecimal digits, not {text:?}")]
    Digits {
        /// Of which id.
        what: &'static str,
        /// How many digits it has.
        digits: usize,
        /// The text, or its beginning.
        text: String,
    },
    /// Not a person's code.
    #[error("a person's code is 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.', like li; {0:?} is not")]
    Person(String),
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes themselves.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $bytes];
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) => Ok(Self(bytes)),
                    Err(_) => Err(IdError::Digits { what: stringify!($name), digits: 2 * $bytes, text: text.chars().take(80).collect() }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.0.as_slice().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                <[u8; $bytes]>::column_result(value).map(Self)
            }
        }
    };
}

id! {
    /// One entry of the journal: 16 random bytes, unique in the ledger, kept when its chain is rebuilt.
    EntryId, 16
}
id! {
    /// One item: the first 16 bytes of the salted body hash of the entry that opened it.
    ItemId, 16
}
id! {
    /// One life of a device's journal; new after enrolment, restore or clone.
    IncarnationId, 16
}
id! {
    /// One branch of the ledger's history: new when an office is restored from a backup.
    EpochId, 16
}
id! {
    /// A random value that makes a request, an action or a form unlike any other.
    Nonce, 16
}
id! {
    /// A SHA-256 of something that is not a photo: a header, a part, a history, a key.
    Hash, 32
}
id! {
    /// The SHA-256 of a photo file's bytes, and its name on disk.
    PhotoHash, 32
}
id! {
    /// The SM3 (GB/T 32905) of a photo file's bytes.
    Sm3Hash, 32
}

impl Hash {
    /// The hash of `parts`, one after the other, set apart from every other use by `domain`.
    ///
    /// Parts are not delimited: a caller gives parts of fixed size, or one part of any size in last place.
    #[must_use]
    pub fn of(domain: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"xuncheng/");
        hasher.update(domain.as_bytes());
        hasher.update([0]);
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl ItemId {
    /// The item that an Open with this body hash opens.
    #[must_use]
    pub fn opened_by(body_hash: &Hash) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&body_hash.as_bytes()[..16]);
        Self(bytes)
    }
}

/// A person of the district: a short code of the office's choosing, like `li` or `P0042`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(String);

impl PersonId {
    /// # Errors
    /// [`IdError`] when the code is empty, longer than 64 bytes, or holds anything but ASCII letters, digits, `-`, `_`, `.`.
    pub fn new(code: &str) -> Result<Self, IdError> {
        let fits = !code.is_empty()
            && code.len() <= 64
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if fits { Ok(Self(code.to_owned())) } else { Err(IdError::Person(code.chars().take(80).collect())) }
    }

    /// The code itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
