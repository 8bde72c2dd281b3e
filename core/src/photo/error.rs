//! What can be wrong with a photo, in words that an inspector can act on.

use std::io;
use std::path::{Path, PathBuf};

use crate::limits;

/// Why a photo could not be read or kept. Nothing was kept under a final name unless it is whole.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The file is not there (any more).
    #[error("cannot read photo {name}: there is no such file")]
    Missing {
        /// The file's name, without its folder.
        name: String,
    },
    /// The file or its folder cannot be read.
    #[error("cannot read photo {name}: {source}")]
    Unreadable {
        /// The file's name, without its folder.
        name: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file of 0 bytes.
    #[error("cannot read photo {name}: the file is empty")]
    Empty {
        /// The file's name, without its folder.
        name: String,
    },
    /// More bytes than [`limits::PHOTO_BYTES`].
    #[error("cannot read photo {name}: it has {} bytes, and at most {} are read", grouped(*.bytes), grouped(limits::PHOTO_BYTES))]
    TooManyBytes {
        /// The file's name, without its folder.
        name: String,
        /// The file's length.
        bytes: u64,
    },
    /// A header that announces more pixels than [`limits::PHOTO_PIXELS`]; nothing was decoded.
    #[error(
        "cannot read photo {name}: it says to be {} × {} pixels, and at most {} in all are read",
        grouped(u64::from(*.width)), grouped(u64::from(*.height)), grouped(limits::PHOTO_PIXELS)
    )]
    TooManyPixels {
        /// The file's name, without its folder.
        name: String,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Neither JPEG nor PNG nor HEIC, whatever its name says.
    #[error("cannot read photo {name}: it is not a JPEG, PNG or HEIC picture; it starts with {starts_with}")]
    NotAPhoto {
        /// The file's name, without its folder.
        name: String,
        /// The first bytes, as readable text.
        starts_with: String,
    },
    /// A HEIC came alone: its pixels can only be decoded by the platform that took it.
    #[error("cannot read photo {name}: a HEIC picture is kept only together with a JPEG working copy of it")]
    NeedsWorkingCopy {
        /// The file's name, without its folder.
        name: String,
    },
    /// The picture stops before its end: a copy or a write was cut off.
    #[error("cannot read photo {name}: the picture ends {}; the file is cut off", ends(*.picture_bytes, *.file_bytes))]
    CutOff {
        /// The file's name, without its folder.
        name: String,
        /// Bytes up to the last that is not zero: a power cut leaves zeros where data was promised.
        picture_bytes: u64,
        /// The file's length.
        file_bytes: u64,
    },
    /// The picture is damaged, or of a kind that the decoder does not know.
    #[error("cannot read photo {name}: {source}")]
    Damaged {
        /// The file's name, without its folder.
        name: String,
        /// What the decoder said.
        #[source]
        source: image::ImageError,
    },
    /// A rendition could not be drawn.
    #[error("cannot make the small picture of photo {name}: {source}")]
    Rendition {
        /// The file's name, without its folder.
        name: String,
        /// What the encoder said.
        #[source]
        source: image::ImageError,
    },
    /// There is no room for the photo and its renditions; nothing was kept.
    #[error("no space left: keeping this photo takes {} bytes", grouped(*.needed_bytes))]
    DiskFull {
        /// Bytes of the original and its renditions together.
        needed_bytes: u64,
    },
    /// The photo folder cannot be made, written or synced.
    #[error("cannot write to the photo folder at {}: {source}", path.display())]
    Folder {
        /// The file or folder in question.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl PhotoError {
    /// What `error` means for reading the photo called `name`.
    pub(super) fn reading(name: &str, error: io::Error) -> Self {
        let name = name.to_owned();
        if error.kind() == io::ErrorKind::NotFound {
            Self::Missing { name }
        } else {
            Self::Unreadable { name, source: error }
        }
    }

    /// What `error` means for writing `needed_bytes` in all, `path` being where it struck.
    pub(super) fn writing(path: &Path, needed_bytes: u64, error: io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::DiskFull { needed_bytes }
        } else {
            Self::Folder { path: path.to_owned(), source: error }
        }
    }
}

/// A photo's name as its error texts say it: without the folder, which may be long and tells nothing.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn ends(picture_bytes: u64, file_bytes: u64) -> String {
    if picture_bytes < file_bytes {
        format!("after {} of {} bytes", grouped(picture_bytes), grouped(file_bytes))
    } else {
        format!("too early, after {} bytes", grouped(file_bytes))
    }
}

/// `40,960`: digits in groups of three, so that a person sees kilobytes from megabytes.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_groups_of_three() {
        assert_eq!([0, 999, 1_000, 40_960, 1_234_567].map(grouped), ["0", "999", "1,000", "40,960", "1,234,567"]);
    }

    #[test]
    fn an_error_says_what_is_wrong_with_which_photo() {
        let error = PhotoError::CutOff { name: "IMG_1.jpg".to_owned(), picture_bytes: 512, file_bytes: 40_960 };
        assert_eq!(
            error.to_string(),
            "cannot read photo IMG_1.jpg: the picture ends after 512 of 40,960 bytes; the file is cut off"
        );
    }
}
