//! What kind of picture a file holds, by its first bytes; names and extensions lie.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{PhotoError, name_of};
use super::heic;
use super::jpeg;
use super::png;
use crate::limits;

/// The format of an original; a word that this version does not know is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// What cameras write.
    Jpeg,
    /// Screenshots, and pictures that came by way of an editor.
    Png,
    /// What recent iPhones write; decoded by the platform only.
    Heic,
    /// A newer program's word.
    #[serde(untagged)]
    Unknown(String),
}

impl MediaType {
    /// Whether the core draws such a photo's renditions from the original itself, on a phone and at the office alike. Of the
    /// others only the platform that took them can, and the office sees what the phone sends.
    #[must_use]
    pub const fn is_drawn(&self) -> bool {
        match self {
            Self::Jpeg | Self::Png => true,
            Self::Heic | Self::Unknown(_) => false,
        }
    }

    /// The kind of picture that starts with `bytes`, if it is one that we keep; never `Unknown`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else if is_heic(bytes) {
            Some(Self::Heic)
        } else {
            None
        }
    }
}

/// Whether this is an ISO base media file of one of HEIF's HEVC brands (ISO/IEC 23008-12, annex B).
fn is_heic(bytes: &[u8]) -> bool {
    let (Some(length), Some(b"ftyp")) = (bytes.first_chunk::<4>(), bytes.get(4..8)) else { return false };
    let end = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).min(bytes.len());
    let brands = bytes.get(8..end).unwrap_or_default().chunks_exact(4);
    brands.into_iter().any(|brand| matches!(brand, b"heic" | b"heix" | b"heim" | b"heis"))
}

/// A photo file in memory, with what its first bytes say it is.
pub(super) struct PhotoBytes {
    /// The file's name, for error texts.
    pub(super) name: String,
    /// The whole file.
    pub(super) bytes: Vec<u8>,
    /// Never `Unknown`.
    pub(super) media: MediaType,
}

impl PhotoBytes {
    /// Reads a file once, so that all that follows speaks of the same bytes even when the file changes or goes.
    pub(super) fn read(path: &Path) -> Result<Self, PhotoError> {
        let name = name_of(path);
        let unreadable = |error| PhotoError::reading(&name, error);
        // By its path first: a socket cannot be opened, and a device may do something when it is.
        is_file(&name, &path.metadata().map_err(unreadable)?)?;
        let file = open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        // What was opened may be another one.
        is_file(&name, &metadata)?;
        let announced = metadata.len();
        if announced > limits::PHOTO_BYTES {
            return Err(PhotoError::TooManyBytes { name, bytes: announced });
        }
        let mut bytes = Vec::new();
        // One byte more than allowed: a file that grows is caught too.
        file.take(limits::PHOTO_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let length = bytes.len() as u64;
        if length > limits::PHOTO_BYTES {
            return Err(PhotoError::TooManyBytes { name, bytes: length });
        }
        Self::of(name, bytes)
    }

    /// Bytes that were read already; `name` is for error texts.
    pub(super) fn of(name: String, bytes: Vec<u8>) -> Result<Self, PhotoError> {
        if bytes.is_empty() {
            return Err(PhotoError::Empty { name });
        }
        match MediaType::of(&bytes) {
            Some(media) => Ok(Self { name, bytes, media }),
            None => Err(PhotoError::NotAPhoto { name, starts_with: beginning(&bytes) }),
        }
    }

    /// Whether the picture is there from its beginning to its end, as far as that shows without decoding it.
    ///
    /// # Errors
    /// [`PhotoError::CutOff`], [`PhotoError::Damaged`].
    pub(super) fn check_whole(&self) -> Result<(), PhotoError> {
        let whole = match self.media {
            MediaType::Jpeg => jpeg::walk(&self.bytes).whole,
            MediaType::Png => png::is_whole(&self.bytes),
            MediaType::Heic | MediaType::Unknown(_) => match heic::check(&self.bytes) {
                Ok(()) => true,
                Err(heic::Fault::CutOff) => false,
                Err(heic::Fault::Broken) => return Err(PhotoError::Damaged { name: self.name.clone(), decoder: None }),
            },
        };
        if whole { Ok(()) } else { Err(self.cut_off()) }
    }

    /// The error for a picture that ends before its end.
    pub(super) fn cut_off(&self) -> PhotoError {
        let picture = self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let (picture_bytes, file_bytes) = (picture as u64, self.bytes.len() as u64);
        PhotoError::CutOff { name: self.name.clone(), picture_bytes, file_bytes }
    }

    /// The error for a picture of another kind than the one that is wanted.
    pub(super) fn not_a_photo(&self) -> PhotoError {
        PhotoError::NotAPhoto { name: self.name.clone(), starts_with: beginning(&self.bytes) }
    }
}

/// Opens a file for reading, and waits for nobody who would write into a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

fn is_file(name: &str, metadata: &Metadata) -> Result<(), PhotoError> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(PhotoError::reading(name, io::ErrorKind::IsADirectory.into()))
    } else {
        Err(PhotoError::NotAFile { name: name.to_owned() })
    }
}

/// The first bytes in quotes, readable whatever they are.
fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..24).unwrap_or(bytes));
    let shown = |c: char| if c.is_control() || c == char::REPLACEMENT_CHARACTER { '·' } else { c };
    let head: String = text.chars().take(16).map(shown).collect();
    format!("{head:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_told_by_its_first_bytes() {
        assert_eq!(MediaType::of(b"\xFF\xD8\xFF\xE1"), Some(MediaType::Jpeg));
        assert_eq!(MediaType::of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), Some(MediaType::Heic));
        assert_eq!(MediaType::of(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"), None);
        assert_eq!(MediaType::of(b"\xFF\xFF\xFF\xFFftyp"), None);
        assert_eq!(MediaType::of(b"Dear office"), None);
    }

    #[test]
    fn a_format_of_a_newer_program_survives_a_round_trip() {
        let read: MediaType = serde_json::from_str(r#""jxl""#).unwrap();
        assert_eq!(read, MediaType::Unknown("jxl".to_owned()));
        assert_eq!(serde_json::to_string(&[read, MediaType::Jpeg]).unwrap(), r#"["jxl","jpeg"]"#);
    }
}
