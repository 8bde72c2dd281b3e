//! What can be wrong with a photo, in words that an inspector can act on.
//!
//! What the operating system, a decoder or an encoder said stands in a field and is no `source()`: whoever prints a chain
//! of errors would end a plain sentence with words that nobody in the field knows.

use std::io;
use std::path::{Path, PathBuf};

use image::ImageError;

use crate::limits;

/// What helps where bytes are missing or wrong.
const AGAIN: &str = "copy it again from the phone, or take the photo again";
/// What helps where there are too many.
const SMALLER: &str = "take the photo again with fewer megapixels";

/// Why a photo could not be read or kept. Nothing was kept under a final name unless it is whole.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The file is not there (any more).
    #[error(
        "cannot read photo {name}: there is no such file; check its name, and that its card or phone is still connected"
    )]
    Missing {
        /// The file's name, without its folder.
        name: String,
    },
    /// The file or its folder cannot be read.
    #[error("cannot read photo {name}: {}", obstacle(.system))]
    Unreadable {
        /// The file's name, without its folder.
        name: String,
        /// What the operating system said.
        system: io::Error,
    },
    /// A file of 0 bytes.
    #[error("cannot read photo {name}: the file is empty; {AGAIN}")]
    Empty {
        /// The file's name, without its folder.
        name: String,
    },
    /// More bytes than [`limits::PHOTO_BYTES`].
    #[error(
        "cannot read photo {name}: it has {} bytes, and at most {} are read; {SMALLER}",
        grouped(*.bytes), grouped(limits::PHOTO_BYTES)
    )]
    TooManyBytes {
        /// The file's name, without its folder.
        name: String,
        /// The file's length.
        bytes: u64,
    },
    /// A header that announces more pixels than [`limits::PHOTO_PIXELS`]; nothing was decoded.
    #[error(
        "cannot read photo {name}: it says to be {} × {} pixels, and at most {} in all are read; {SMALLER}",
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
    /// A pipe, a socket or a device: reading it might never end.
    #[error(
        "cannot read photo {name}: it is no file but a pipe, a socket or a device; copy the photo into a file and name that"
    )]
    NotAFile {
        /// The file's name, without its folder.
        name: String,
    },
    /// Neither JPEG nor PNG nor HEIC, whatever its name says.
    #[error(
        "cannot read photo {name}: it is not a JPEG, PNG or HEIC picture; it starts with {starts_with}; give the photo \
         itself, or a JPEG made of it"
    )]
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
    #[error("cannot read photo {name}: the picture ends {}; the file is cut off: {AGAIN}", ends(*.picture_bytes, *.file_bytes))]
    CutOff {
        /// The file's name, without its folder.
        name: String,
        /// Bytes up to the last that is not zero: a power cut leaves zeros where data was promised.
        picture_bytes: u64,
        /// The file's length.
        file_bytes: u64,
    },
    /// The picture is damaged, or of a kind that the decoder does not know.
    #[error("cannot read photo {name}: {}", damage(.decoder.as_ref()))]
    Damaged {
        /// The file's name, without its folder.
        name: String,
        /// What the decoder said; none for a HEIC, for which there is no decoder, and of a decoder that broke.
        decoder: Option<ImageError>,
    },
    /// A rendition could not be drawn.
    #[error("cannot make the small picture of photo {name}: this program could not draw it; take the photo again")]
    Rendition {
        /// The file's name, without its folder.
        name: String,
        /// What the encoder said.
        encoder: ImageError,
    },
    /// There is no room for the photo and its renditions; nothing was kept.
    #[error("no space left: keeping this photo takes {} bytes; free some and try again", grouped(*.needed_bytes))]
    DiskFull {
        /// Bytes of the original and its renditions together.
        needed_bytes: u64,
    },
    /// The photo folder cannot be made, written or synced.
    #[error("cannot write to the photo folder at {}: {}", path.display(), refusal(.system))]
    Folder {
        /// The file or folder in question.
        path: PathBuf,
        /// What the operating system said.
        system: io::Error,
    },
}

impl PhotoError {
    /// What `error` means for reading the photo called `name`.
    pub(super) fn reading(name: &str, error: io::Error) -> Self {
        let name = name.to_owned();
        if error.kind() == io::ErrorKind::NotFound {
            Self::Missing { name }
        } else {
            Self::Unreadable { name, system: error }
        }
    }

    /// The text for where the photo's name has been said.
    pub(super) fn without_name(&self) -> String {
        let text = self.to_string();
        match text.strip_prefix("cannot read photo ").and_then(|text| text.split_once(": ")) {
            Some((_, why)) => why.to_owned(),
            None => text,
        }
    }

    /// What `error` means for writing `needed_bytes` in all, `path` being where it struck.
    pub(super) fn writing(path: &Path, needed_bytes: u64, error: io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::DiskFull { needed_bytes }
        } else {
            Self::Folder { path: path.to_owned(), system: error }
        }
    }
}

/// A photo's name as its error texts say it: without the folder, which may be long and tells nothing.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Why the operating system does not give out a photo, and what can be done.
fn obstacle(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::IsADirectory {
        "it is a folder: name the photos in it".to_owned()
    } else if kind == io::ErrorKind::NotADirectory {
        "its path leads through a file; check the path, and that its card or phone is still connected".to_owned()
    } else if kind == io::ErrorKind::PermissionDenied {
        "this program may not read it; allow it to, or copy the photo elsewhere".to_owned()
    } else {
        format!("the system does not give it out ({error}); {AGAIN}")
    }
}

/// Why the operating system does not let photos be written, and what can be done.
fn refusal(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::PermissionDenied {
        "this program may not; allow it to, or use another folder".to_owned()
    } else if kind == io::ErrorKind::ReadOnlyFilesystem {
        "its disk or card may only be read; unlock it, or use another folder".to_owned()
    } else if kind == io::ErrorKind::NotFound {
        "it is gone; check that its disk or card is still connected, and start again".to_owned()
    } else {
        format!("the system does not let it ({error}); check the disk, or use another folder")
    }
}

/// What is wrong with a picture, as far as its decoder can tell.
fn damage(decoder: Option<&ImageError>) -> String {
    match decoder {
        Some(ImageError::Limits(_)) => {
            let most = grouped(limits::PHOTO_DECODE_BYTES);
            format!("its pixels take more than {most} bytes of memory; {SMALLER}, or save it with 8 bits a colour")
        }
        Some(ImageError::Unsupported(_)) => {
            "its pixels are stored in a way that this program does not read; give a JPEG made of it".to_owned()
        }
        _ => format!("its picture data are damaged, or of a kind that this program does not know; {AGAIN}"),
    }
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
            "cannot read photo IMG_1.jpg: the picture ends after 512 of 40,960 bytes; the file is cut off: \
             copy it again from the phone, or take the photo again"
        );
    }

    #[test]
    fn what_the_system_refuses_is_said_with_what_helps() {
        let reading = |kind: io::ErrorKind| PhotoError::reading("IMG_1.jpg", kind.into()).to_string();
        assert_eq!(
            reading(io::ErrorKind::PermissionDenied),
            "cannot read photo IMG_1.jpg: this program may not read it; allow it to, or copy the photo elsewhere"
        );
        let worn_out = reading(io::ErrorKind::TimedOut);
        assert!(
            worn_out
                .ends_with("does not give it out (timed out); copy it again from the phone, or take the photo again")
        );
        let writing = |kind: io::ErrorKind| PhotoError::writing(Path::new("photos"), 500, kind.into()).to_string();
        for (kind, advice) in [
            (io::ErrorKind::PermissionDenied, "may not; allow it to, or use another folder"),
            (io::ErrorKind::ReadOnlyFilesystem, "may only be read; unlock it, or use another folder"),
            (io::ErrorKind::NotFound, "is still connected, and start again"),
            (io::ErrorKind::TimedOut, "(timed out); check the disk, or use another folder"),
        ] {
            let text = writing(kind);
            assert!(
                text.starts_with("cannot write to the photo folder at photos: ") && text.ends_with(advice),
                "{text}"
            );
        }
        assert_eq!(
            writing(io::ErrorKind::StorageFull),
            "no space left: keeping this photo takes 500 bytes; free some and try again"
        );
    }
}
