//! The two hashes of a photo, made in one pass.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sm3::Sm3;

use super::error::{PhotoError, name_of};
use crate::id::{PhotoHash, Sm3Hash};

/// What names a photo beyond doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// SHA-256 (FIPS 180-4) of the bytes: the photo's name on disk and on the wire.
    pub sha256: PhotoHash,
    /// SM3 (GB/T 32905-2016) of the same bytes, for files that go to a prosecutor or a court.
    pub sm3: Sm3Hash,
    /// How many bytes there are.
    pub bytes: u64,
}

impl Fingerprint {
    /// The fingerprint of bytes in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The fingerprint of a file of any size, read once in small pieces.
    ///
    /// # Errors
    /// [`PhotoError::Missing`] and [`PhotoError::Unreadable`].
    pub fn of_file(path: &Path) -> Result<Self, PhotoError> {
        let hash = || -> io::Result<Self> {
            let mut file = File::open(path)?;
            let mut hasher = Hasher::default();
            let mut piece = vec![0; 64 * 1024];
            loop {
                match file.read(&mut piece) {
                    Ok(0) => return Ok(hasher.finish()),
                    Ok(length) => hasher.update(&piece[..length]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        };
        hash().map_err(|error| PhotoError::reading(&name_of(path), error))
    }
}

/// The SHA-256 alone, for files of our own making.
pub(super) fn sha256(bytes: &[u8]) -> PhotoHash {
    PhotoHash::from_bytes(Sha256::digest(bytes).into())
}

/// Makes a fingerprint of bytes as they come.
#[derive(Debug, Default)]
pub struct Hasher {
    sha256: Sha256,
    sm3: Sm3,
    bytes: u64,
}

impl Hasher {
    /// Goes on with what comes next.
    pub fn update(&mut self, piece: &[u8]) {
        self.sha256.update(piece);
        self.sm3.update(piece);
        self.bytes += piece.len() as u64;
    }

    /// The fingerprint of all that came.
    #[must_use]
    pub fn finish(self) -> Fingerprint {
        Fingerprint {
            sha256: PhotoHash::from_bytes(self.sha256.finalize().into()),
            sm3: Sm3Hash::from_bytes(self.sm3.finalize().into()),
            bytes: self.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first examples of FIPS 180-4 and of GB/T 32905-2016, A.1, both over `abc`.
    #[test]
    fn the_standards_own_examples() {
        let abc = Fingerprint::of(b"abc");
        assert_eq!(abc.sha256.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(abc.sm3.to_string(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        assert_eq!(abc.bytes, 3);
    }
}
