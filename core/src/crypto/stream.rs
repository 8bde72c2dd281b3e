//! A stream that only the holder of a sealing key reads, in chunks that are checked one by one: what was altered is found at its
//! chunk, what was cut off at its end, and neither writer nor reader holds more than a chunk.
//!
//! One HPKE context (as in `seal`) seals all chunks. Its counter gives each its place, and whether a chunk is the last one is
//! bound into it: chunks cannot be changed, moved, doubled, left out, or cut off. All but the last have the same length, so
//! that no length is written that somebody could lie about.

use std::io::{self, Read, Write};

use hpke::aead::{AeadCtxR, AeadCtxS, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};

use super::CryptoError;
use super::seal::{SealingKey, SealingPublicKey};
use crate::clock::Entropy;

/// Bytes of a chunk before it is sealed: a few pages of a disk, nothing of a phone's memory.
const CHUNK_BYTES: usize = 64 * 1024;
/// What sealing adds to a chunk: the tag of AES-GCM.
const TAG_BYTES: usize = 16;
const INFO: &[u8] = b"xuncheng/stream";
const MORE: &[u8] = b"more";
const LAST: &[u8] = b"last";

/// Why a sealed stream cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// What lies below.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends where its writer went on, or what would be its end is damaged.
    #[error("it ends after {bytes} bytes without its end, which was cut off or damaged")]
    Cut {
        /// How many sealed bytes there are.
        bytes: u64,
    },
    /// A chunk is not as it was sealed.
    #[error("it was altered or damaged after byte {bytes}")]
    Altered {
        /// How many sealed bytes before it are whole.
        bytes: u64,
    },
}

/// Seals what is written to it. Without [`Self::finish`] it has no end, and its reader says so.
pub struct SealedWriter<W> {
    inner: W,
    context: AeadCtxS<AesGcm256, HkdfSha256, DhP256HkdfSha256>,
    chunk: Vec<u8>,
}

impl<W: Write> SealedWriter<W> {
    /// A stream into `inner` for the holder of `key`, and the encapsulated key that its reader begins with.
    ///
    /// # Errors
    /// [`CryptoError::Key`] when `key` is no point of the curve.
    pub fn new(inner: W, key: &SealingPublicKey, entropy: &mut Entropy) -> Result<(Self, Vec<u8>), CryptoError> {
        let public = key.point()?;
        let (encapsulated, context) = hpke::setup_sender_with_rng(&OpModeS::Base, &public, INFO, entropy.rng())
            .map_err(|_| CryptoError::Key(format!("{key:?}")))?;
        Ok((Self { inner, context, chunk: Vec::with_capacity(CHUNK_BYTES) }, encapsulated.to_bytes().to_vec()))
    }

    /// What lies below, for what is written in the clear before the first chunk.
    pub const fn inner_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Ends the stream, and gives back what lies below.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(LAST)?;
        Ok(self.inner)
    }

    fn seal(&mut self, place: &[u8]) -> io::Result<()> {
        let sealed = self.context.seal(&self.chunk, place).map_err(|_| io::Error::other("the stream is too long"))?;
        self.chunk.clear();
        self.inner.write_all(&sealed)
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits for what comes next: whether it is the last one is known only then.
        if self.chunk.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.seal(MORE)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what a [`SealedWriter`] sealed, chunk by chunk.
pub struct SealedReader<R> {
    inner: R,
    context: AeadCtxR<AesGcm256, HkdfSha256, DhP256HkdfSha256>,
    /// Sealed bytes that were read and not opened yet: a chunk, and the first of the next one.
    read: Vec<u8>,
    /// Sealed bytes of the chunks that were opened.
    opened: u64,
    ended: bool,
}

impl<R: Read> SealedReader<R> {
    /// The stream in `inner` that was sealed for `key` and begins after its `encapsulated` key.
    ///
    /// # Errors
    /// [`CryptoError::Sealed`] when the encapsulated key is none.
    pub fn new(inner: R, key: &SealingKey, encapsulated: &[u8]) -> Result<Self, CryptoError> {
        let encapsulated = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated);
        let context = encapsulated
            .and_then(|encapsulated| hpke::setup_receiver(&OpModeR::Base, key.private(), &encapsulated, INFO))
            .map_err(|_| CryptoError::Sealed)?;
        Ok(Self { inner, context, read: Vec::new(), opened: 0, ended: false })
    }

    /// How many sealed bytes of it were opened.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// The next chunk; none after the last one.
    ///
    /// # Errors
    /// [`StreamError`]; nothing of a chunk that is not whole is given.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        const SEALED_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
        if self.ended {
            return Ok(None);
        }
        // One byte more than a chunk tells whether another one follows.
        let wanted = (SEALED_BYTES + 1 - self.read.len()) as u64;
        self.inner.by_ref().take(wanted).read_to_end(&mut self.read)?;
        let follows = self.read.len() > SEALED_BYTES;
        let sealed = &self.read[..self.read.len().min(SEALED_BYTES)];
        let length = sealed.len();
        let Ok(chunk) = self.context.open(sealed, if follows { MORE } else { LAST }) else {
            let bytes = self.opened + length as u64;
            // Sealed as one that is followed by others, or less than a chunk: the others are missing.
            let cut = !follows && (length < SEALED_BYTES || self.context.open(sealed, MORE).is_ok());
            return Err(if cut { StreamError::Cut { bytes } } else { StreamError::Altered { bytes: self.opened } });
        };
        self.read.drain(..length);
        self.opened += length as u64;
        self.ended = !follows;
        Ok(Some(chunk))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Seed;

    fn key() -> SealingKey {
        SealingKey::generate(&mut Seed::from_bytes([7; 32]).entropy())
    }

    fn sealed(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut entropy = Seed::from_bytes([8; 32]).entropy();
        let (mut writer, encapsulated) = SealedWriter::new(Vec::new(), key().public_key(), &mut entropy).unwrap();
        writer.write_all(bytes).unwrap();
        (encapsulated, writer.finish().unwrap())
    }

    /// All that can be read of a stream, and how it ended.
    fn opened(encapsulated: &[u8], sealed: &[u8], key: &SealingKey) -> (Vec<u8>, Result<(), StreamError>) {
        let mut reader = SealedReader::new(sealed, key, encapsulated).unwrap();
        let mut bytes = Vec::new();
        loop {
            match reader.next_chunk() {
                Ok(Some(chunk)) => bytes.extend(chunk),
                Ok(None) => return (bytes, Ok(())),
                Err(error) => return (bytes, Err(error)),
            }
        }
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 9).to_le_bytes()[0]).collect()
    }

    /// None, one byte, just a chunk, and around it.
    fn length() -> impl Strategy<Value = usize> {
        prop_oneof![
            Just(0),
            Just(1),
            CHUNK_BYTES - 1..=CHUNK_BYTES + 1,
            Just(2 * CHUNK_BYTES),
            Just(3 * CHUNK_BYTES),
            0..200_000usize
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_was_sealed_is_read_by_its_key_and_by_no_other(length in length()) {
            let bytes = content(length);
            let (encapsulated, sealed) = sealed(&bytes);
            let (read, end) = opened(&encapsulated, &sealed, &key());
            prop_assert!(end.is_ok() && read == bytes);
            let other = SealingKey::generate(&mut Seed::from_bytes([9; 32]).entropy());
            let (read, end) = opened(&encapsulated, &sealed, &other);
            prop_assert!(end.is_err() && read.is_empty());
        }

        #[test]
        fn a_cut_is_found_and_nothing_wrong_is_read_before_it(length in length(), at in any::<prop::sample::Index>()) {
            let bytes = content(length);
            let (encapsulated, mut sealed) = sealed(&bytes);
            let kept = at.index(sealed.len());
            sealed.truncate(kept);
            let (read, end) = opened(&encapsulated, &sealed, &key());
            prop_assert!(bytes.starts_with(&read) && read.len() <= kept);
            let found = matches!(end, Err(StreamError::Cut { bytes }) if bytes == kept as u64);
            prop_assert!(found, "{end:?}");
        }

        #[test]
        fn a_bit_that_flipped_is_found_at_its_chunk(
            length in length(), at in any::<prop::sample::Index>(), bit in 0..8u8,
        ) {
            let bytes = content(length);
            let (encapsulated, mut sealed) = sealed(&bytes);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            let (read, end) = opened(&encapsulated, &sealed, &key());
            let chunk = at / (CHUNK_BYTES + TAG_BYTES);
            prop_assert!(read == bytes[..chunk * CHUNK_BYTES]);
            prop_assert!(end.is_err());
        }

        #[test]
        fn chunks_cannot_change_places_be_doubled_or_left_out(one in 0..3usize, other in 0..3usize, how in 0..3u8) {
            let (encapsulated, sealed) = sealed(&content(4 * CHUNK_BYTES));
            let mut chunks: Vec<&[u8]> = sealed.chunks(CHUNK_BYTES + TAG_BYTES).collect();
            match how {
                0 if one != other => chunks.swap(one, other),
                0 | 1 => chunks.insert(one, chunks[one]),
                _ => drop(chunks.remove(one)),
            }
            let (_, end) = opened(&encapsulated, &chunks.concat(), &key());
            prop_assert!(end.is_err());
        }
    }

    #[test]
    fn a_cut_between_two_chunks_is_a_cut() {
        let bytes = content(3 * CHUNK_BYTES + 1);
        let (encapsulated, sealed) = sealed(&bytes);
        for chunks in 0..=3 {
            let kept = chunks * (CHUNK_BYTES + TAG_BYTES);
            let (read, end) = opened(&encapsulated, &sealed[..kept], &key());
            assert!(matches!(end, Err(StreamError::Cut { bytes }) if bytes == kept as u64), "{end:?} after {chunks}");
            // The last one that is here is not known to be followed by another: it is not given.
            assert_eq!(read.len(), chunks.saturating_sub(1) * CHUNK_BYTES);
        }
    }

    #[test]
    fn whatever_follows_the_end_is_no_part_of_it() {
        let (encapsulated, mut sealed) = sealed(&content(1000));
        sealed.extend([0; 100]);
        opened(&encapsulated, &sealed, &key()).1.expect_err("more than was sealed");
    }
}
