//! A parcel: what a conversation says, in one file, for where there is no network at all (docs/decisions/D19).
//!
//! ```text
//! xuncheng-parcel 1
//! {"sealed_for":…,"encapsulated":…}        whose key opens it
//! a sealed stream of parts, each a line {"part":…,"bytes":N} and its N bytes:
//!     manifest      who made it, for whom: signed, and bound to this very stream
//!     sync          a request of the phone's as it would go over a network, or the office's answer to one
//!     previews      the same
//!     original      an original, from a phone
//! ```
//!
//! A phone [packs](pack) its requests, the office answers them in a parcel of its own, and the phone [unpacks](unpack) that one.
//! Each part proves itself as it would over a network; the parcel's own signature says who made it before anything else of it
//! is read. Nothing in it is a name of a file.

pub mod pack;
pub mod place;
pub mod unpack;

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::action::SyncError;
use super::wire::Succession;
use crate::clock::{Entropy, Moment};
use crate::crypto::{
    CryptoError, PublicKey, SealedReader, SealedWriter, SealingKey, SealingPublicKey, Signed, Signer, Statement,
    StreamError,
};
use crate::id::{EntryId, Hash, IncarnationId, Nonce, PhotoHash};
use crate::limits;
use crate::store::StoreError;

/// How a parcel's file name ends.
pub const ENDING: &str = "xcp";
/// The version of the format.
const VERSION: u32 = 1;
const FIRST_WORD: &str = "xuncheng-parcel";

/// Why a parcel was not made, or not read on.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// What lies below.
    #[error(transparent)]
    Io(io::Error),
    /// Another file.
    #[error("it is no parcel: a parcel's name ends in .{ENDING}, and its first line says what it is")]
    NotAParcel,
    /// Made by a later version.
    #[error("it is a parcel of a later version ({0}): update this program first")]
    Later(u32),
    /// Sealed for another office, or another phone.
    #[error("{0}")]
    NotForHere(&'static str),
    /// Cut off, altered or damaged.
    #[error("{0}; copy it once more from where it came, what came before that place was taken")]
    Damaged(StreamError),
    /// A key, or the signature of whoever is said to have made it.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// It says what no parcel says.
    #[error("it says what no parcel says: {0}")]
    Form(&'static str),
}

impl From<io::Error> for ParcelError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<StreamError> for ParcelError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Io(error) => Self::Io(error),
            damaged @ (StreamError::Cut { .. } | StreamError::Altered { .. }) => Self::Damaged(damaged),
        }
    }
}

impl ParcelError {
    /// Whether there is no room for what was to be written.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Why a phone made no parcel, or took no answer, or not all of it: what came before that place is kept.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The conversation.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The file.
    #[error("cannot use parcel {}: {error}", file.display())]
    File {
        /// Where it lies, or was to lie.
        file: PathBuf,
        /// Why.
        #[source]
        error: ParcelError,
    },
    /// The office's sealing key is not known here.
    #[error(
        "this store was enrolled by a version that made no parcels: sync once over a network, then it can make them"
    )]
    NoSealingKey,
}

impl From<StoreError> for CarryError {
    fn from(error: StoreError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<rusqlite::Error> for CarryError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// How far a parcel was written or read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// So much.
    pub done: u64,
    /// Of so much.
    pub total: u64,
}

/// What a parcel says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub parcel: Nonce,
    /// Fingerprint of the key that opens it.
    pub sealed_for: Hash,
    /// The encapsulated key of the stream that this was signed for: nobody puts it before another one.
    #[serde(with = "hex::serde")]
    pub encapsulated: Vec<u8>,
    /// When, by its maker's clock.
    pub made_at: Moment,
    /// Who made it.
    pub maker: Maker,
}

impl Statement for Manifest {
    const WHAT: &'static str = "parcel";
}

/// Who made a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maker {
    /// A phone, under its device's key.
    Phone {
        /// The life of its journal.
        incarnation: IncarnationId,
        /// As in its requests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        succeeds: Option<Succession>,
        /// What the answer is to be sealed for.
        reply: SealingPublicKey,
    },
    /// The office, under its node's key.
    Office {
        /// The parcel that it answers.
        answers: Nonce,
    },
}

/// What a part of a parcel is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// [`Manifest`], the first.
    Manifest,
    /// A message of `/v1/sync`.
    Sync,
    /// A message of `/v1/photos/previews`.
    Previews,
    /// An original's bytes.
    Original {
        /// The entry that shows it.
        entry: EntryId,
        /// The original.
        sha256: PhotoHash,
    },
    /// A part of a later version: it is passed over.
    #[serde(untagged)]
    Unknown(serde_json::Value),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Heading {
    part: Part,
    bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    sealed_for: Hash,
    #[serde(with = "hex::serde")]
    encapsulated: Vec<u8>,
}

/// Writes a parcel.
pub struct Packer<W> {
    stream: SealedWriter<W>,
}

impl<W: Write> Packer<W> {
    /// Begins a parcel for the holder of `key`, made by `maker` at `made_at` under `signer`'s key.
    ///
    /// # Errors
    /// [`ParcelError::Io`], [`ParcelError::Crypto`].
    pub fn begin(
        file: W,
        key: &SealingPublicKey,
        (parcel, made_at, maker): (Nonce, Moment, Maker),
        signer: &dyn Signer,
        entropy: &mut Entropy,
    ) -> Result<Self, ParcelError> {
        let (mut stream, encapsulated) = SealedWriter::new(file, key, entropy)?;
        let envelope = Envelope { sealed_for: key.fingerprint(), encapsulated };
        let clear = stream.inner_mut();
        writeln!(clear, "{FIRST_WORD} {VERSION}")?;
        serde_json::to_writer(&mut *clear, &envelope).map_err(io::Error::from)?;
        writeln!(clear)?;
        let Envelope { sealed_for, encapsulated } = envelope;
        let manifest = Signed::new(&Manifest { parcel, sealed_for, encapsulated, made_at, maker }, signer)?;
        let mut packer = Self { stream };
        packer.message(Part::Manifest, &serde_json::to_vec(&manifest).map_err(io::Error::from)?)?;
        Ok(packer)
    }

    /// Puts a message into it.
    ///
    /// # Errors
    /// [`ParcelError::Io`].
    pub fn message(&mut self, part: Part, message: &[u8]) -> Result<(), ParcelError> {
        self.heading(part, message.len() as u64)?;
        Ok(self.stream.write_all(message)?)
    }

    /// Puts an original of `bytes` bytes into it, read from `file`; `tell` hears of each piece.
    ///
    /// # Errors
    /// [`ParcelError::Io`], also where `file` ends before that: the parcel is of no use then.
    pub fn original(
        &mut self,
        (entry, sha256): (EntryId, PhotoHash),
        bytes: u64,
        file: impl Read,
        mut tell: impl FnMut(u64),
    ) -> Result<(), ParcelError> {
        self.heading(Part::Original { entry, sha256 }, bytes)?;
        let mut file = file.take(bytes);
        let mut piece = vec![0; 64 * 1024];
        let mut left = bytes;
        while left > 0 {
            let read = file.read(&mut piece)?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.stream.write_all(&piece[..read])?;
            left -= read as u64;
            tell(read as u64);
        }
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`ParcelError::Io`].
    pub fn end(self) -> Result<W, ParcelError> {
        Ok(self.stream.finish()?)
    }

    fn heading(&mut self, part: Part, bytes: u64) -> Result<(), ParcelError> {
        serde_json::to_writer(&mut self.stream, &Heading { part, bytes }).map_err(io::Error::from)?;
        Ok(self.stream.write_all(b"\n")?)
    }
}

/// A parcel whose first lines were read.
pub struct Closed<R> {
    file: BufReader<R>,
    envelope: Envelope,
}

impl<R: Read> Closed<R> {
    /// Reads whom it is sealed for.
    ///
    /// # Errors
    /// [`ParcelError::NotAParcel`], [`ParcelError::Later`], [`ParcelError::Io`].
    pub fn read(file: R) -> Result<Self, ParcelError> {
        let mut file = BufReader::new(file);
        let mut line = || -> Result<Vec<u8>, ParcelError> {
            let mut line = Vec::new();
            file.by_ref().take(limits::PARCEL_LINE_BYTES).read_until(b'\n', &mut line)?;
            if line.pop() == Some(b'\n') { Ok(line) } else { Err(ParcelError::NotAParcel) }
        };
        let first = String::from_utf8(line()?).map_err(|_| ParcelError::NotAParcel)?;
        let version = first.strip_prefix(FIRST_WORD).and_then(|rest| rest.strip_prefix(' '));
        let version: u32 = version.and_then(|version| version.parse().ok()).ok_or(ParcelError::NotAParcel)?;
        if version > VERSION {
            return Err(ParcelError::Later(version));
        }
        let envelope = serde_json::from_slice(&line()?).map_err(|_| ParcelError::NotAParcel)?;
        Ok(Self { file, envelope })
    }

    /// The fingerprint of the key that opens it.
    #[must_use]
    pub const fn sealed_for(&self) -> &Hash {
        &self.envelope.sealed_for
    }

    /// Opens it as far as its manifest, which nobody has checked then.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn open(self, key: &SealingKey) -> Result<Opened<R>, ParcelError> {
        let Self { file, envelope } = self;
        let stream = SealedReader::new(file, key, &envelope.encapsulated)?;
        let mut parcel = Parcel { stream, plain: Vec::new(), at: 0, left: 0 };
        let Some((Part::Manifest, bytes)) = parcel.next_part()? else {
            return Err(ParcelError::Form("its first part is no manifest"));
        };
        if bytes > limits::PARCEL_MANIFEST_BYTES {
            return Err(ParcelError::Form("its manifest is too long"));
        }
        let signed: Signed<Manifest> =
            serde_json::from_slice(&parcel.message()?).map_err(|_| ParcelError::Form("its manifest is none"))?;
        let claimed = signed.read_unverified()?;
        Ok(Opened { parcel, envelope, signed, claimed })
    }
}

/// A parcel that is open as far as its manifest.
pub struct Opened<R> {
    parcel: Parcel<R>,
    envelope: Envelope,
    signed: Signed<Manifest>,
    claimed: Manifest,
}

impl<R: Read> Opened<R> {
    /// What it says of itself, before anybody has checked the signature: to find out whose key to check with.
    #[must_use]
    pub const fn claimed(&self) -> &Manifest {
        &self.claimed
    }

    /// What is in it, if `key` signed for this very stream.
    ///
    /// # Errors
    /// [`ParcelError::Crypto`], [`ParcelError::Form`].
    pub fn verify(self, key: &PublicKey) -> Result<(Manifest, Parcel<R>), ParcelError> {
        let manifest = self.signed.open(key)?;
        let Envelope { sealed_for, encapsulated } = self.envelope;
        if manifest.sealed_for != sealed_for || manifest.encapsulated != encapsulated {
            return Err(ParcelError::Form("its manifest is another parcel's"));
        }
        Ok((manifest, self.parcel))
    }
}

/// What is in a parcel, part by part.
pub struct Parcel<R> {
    stream: SealedReader<BufReader<R>>,
    /// A chunk of the stream, read up to `at`.
    plain: Vec<u8>,
    at: usize,
    /// Bytes of the present part that were not read yet.
    left: u64,
}

impl<R: Read> Parcel<R> {
    /// The next part and how many bytes it has; none at the end. What of the one before was not read is passed over.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn next_part(&mut self) -> Result<Option<(Part, u64)>, ParcelError> {
        while !self.piece()?.is_empty() {}
        let mut line = Vec::new();
        loop {
            while self.at == self.plain.len() {
                if !self.next_chunk()? {
                    let whole = line.is_empty();
                    return if whole { Ok(None) } else { Err(ParcelError::Form("it ends within a line")) };
                }
            }
            let byte = self.plain[self.at];
            self.at += 1;
            if byte == b'\n' {
                break;
            }
            line.push(byte);
            if line.len() as u64 >= limits::PARCEL_LINE_BYTES {
                return Err(ParcelError::Form("a line is too long"));
            }
        }
        let Heading { part, bytes } =
            serde_json::from_slice(&line).map_err(|_| ParcelError::Form("a line is no heading of a part"))?;
        self.left = bytes;
        Ok(Some((part, bytes)))
    }

    /// The next bytes of the present part, some at most; empty at its end.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn piece(&mut self) -> Result<&[u8], ParcelError> {
        if self.left == 0 {
            return Ok(&[]);
        }
        while self.at == self.plain.len() {
            if !self.next_chunk()? {
                return Err(ParcelError::Form("it ends within a part"));
            }
        }
        let here = self.plain.len() - self.at;
        let taken = usize::try_from(self.left).map_or(here, |left| left.min(here));
        let from = self.at;
        self.at += taken;
        self.left -= taken as u64;
        Ok(&self.plain[from..self.at])
    }

    /// All of the present part, which is a message: as much as one over a network may have.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn message(&mut self) -> Result<Vec<u8>, ParcelError> {
        if self.left > limits::RESPONSE_BYTES as u64 {
            return Err(ParcelError::Form("a message is too long"));
        }
        let mut message = Vec::new();
        loop {
            let piece = self.piece()?;
            if piece.is_empty() {
                return Ok(message);
            }
            message.extend_from_slice(piece);
        }
    }

    /// How many bytes of the file were read.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.stream.opened()
    }

    /// Whether there is another chunk, which may be empty.
    fn next_chunk(&mut self) -> Result<bool, ParcelError> {
        let Some(chunk) = self.stream.next_chunk()? else { return Ok(false) };
        (self.plain, self.at) = (chunk, 0);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Seed;
    use crate::crypto::SoftwareKey;

    fn maker() -> (Nonce, Moment, Maker) {
        (Nonce::from_bytes([1; 16]), Moment::from_unix_ms(0), Maker::Office { answers: Nonce::from_bytes([2; 16]) })
    }

    /// Everything in the parcel `file`, by the last bytes of each part.
    fn parts(file: &[u8], key: &SealingKey, signer: &SoftwareKey) -> Result<Vec<(Part, Vec<u8>)>, ParcelError> {
        let (manifest, mut parcel) = Closed::read(file)?.open(key)?.verify(&signer.public_key())?;
        assert_eq!((manifest.parcel, manifest.made_at, manifest.maker), maker());
        let mut parts = Vec::new();
        while let Some((part, _)) = parcel.next_part()? {
            parts.push((part, parcel.message()?));
        }
        Ok(parts)
    }

    #[test]
    fn what_was_packed_is_read_part_by_part_and_what_is_passed_over_is_passed_over() {
        let mut entropy = Seed::from_bytes([7; 32]).entropy();
        let (key, signer) = (SealingKey::generate(&mut entropy), SoftwareKey::generate(&mut entropy));
        let long: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
        let original = (EntryId::from_bytes([3; 16]), PhotoHash::from_bytes([4; 32]));
        let mut packer = Packer::begin(Vec::new(), key.public_key(), maker(), &signer, &mut entropy).unwrap();
        packer.message(Part::Sync, b"").unwrap();
        packer.original(original, long.len() as u64, long.as_slice(), |_| {}).unwrap();
        packer.message(Part::Previews, b"last").unwrap();
        let file = packer.end().unwrap();

        let found = parts(&file, &key, &signer).unwrap();
        let [(Part::Sync, nothing), (Part::Original { entry, sha256 }, bytes), (Part::Previews, last)] =
            found.as_slice()
        else {
            panic!("other parts than were put in: {}", found.len());
        };
        assert!(nothing.is_empty() && (*entry, *sha256) == original && *bytes == long && last == b"last");

        let (_, mut parcel) =
            Closed::read(file.as_slice()).unwrap().open(&key).unwrap().verify(&signer.public_key()).unwrap();
        let mut names = Vec::new();
        while let Some((part, bytes)) = parcel.next_part().unwrap() {
            names.push((part, bytes));
        }
        assert_eq!((names.len(), names[1].1), (3, long.len() as u64), "nobody read them");
    }

    #[test]
    fn a_manifest_stands_before_its_own_stream_and_no_other() {
        let mut entropy = Seed::from_bytes([7; 32]).entropy();
        let (key, signer) = (SealingKey::generate(&mut entropy), SoftwareKey::generate(&mut entropy));
        let packer = Packer::begin(Vec::new(), key.public_key(), maker(), &signer, &mut entropy).unwrap();
        let theirs = packer.end().unwrap();
        let opened = Closed::read(theirs.as_slice()).unwrap().open(&key).unwrap();
        let manifest = serde_json::to_vec(&opened.signed).unwrap();

        // Whoever may read it puts its manifest before a stream of their own.
        let (mut stream, encapsulated) = SealedWriter::new(Vec::new(), key.public_key(), &mut entropy).unwrap();
        let envelope = Envelope { sealed_for: key.public_key().fingerprint(), encapsulated };
        let clear = format!("{FIRST_WORD} {VERSION}\n{}\n", serde_json::to_string(&envelope).unwrap());
        stream.inner_mut().extend_from_slice(clear.as_bytes());
        let mut forged = Packer { stream };
        forged.message(Part::Manifest, &manifest).unwrap();
        forged.message(Part::Sync, b"something else").unwrap();
        let error = parts(&forged.end().unwrap(), &key, &signer).unwrap_err();
        assert!(matches!(error, ParcelError::Form(_)), "{error}");
    }
}
