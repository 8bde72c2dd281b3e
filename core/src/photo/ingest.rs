//! The way in: a capture is durable or it is an error, there is no third case.

use std::path::Path;

use super::error::PhotoError;
use super::exif::{self, ExifFacts};
use super::fingerprint::Fingerprint;
use super::folder::{PhotoFolder, Unnamed};
use super::media::{MediaType, PhotoBytes};
use super::rendition;
use crate::id::{PhotoHash, Sm3Hash};

/// A photo that is in the folder, with all that its row will say. It is to be held until that row is committed: what a process
/// leaves that ends before is swept at the next start.
#[derive(Debug)]
pub struct Ingested {
    /// SHA-256 of the original, and its name in the folder.
    pub sha256: PhotoHash,
    /// SM3 of the original.
    pub sm3: Sm3Hash,
    /// Length of the original.
    pub bytes: u64,
    /// Format of the original, told by its bytes.
    pub media: MediaType,
    /// Width in pixels, turned upright (for a HEIC: of its working copy).
    pub width: u32,
    /// Height in pixels, turned upright (for a HEIC: of its working copy).
    pub height: u32,
    /// What the original's EXIF says; position, altitude and time of a HEIC that has none, what its working copy's says.
    pub exif: ExifFacts,
    /// SHA-256 of the viewing rendition.
    pub view: PhotoHash,
    /// SHA-256 of the thumbnail.
    pub thumbnail: PhotoHash,
    unnamed: Unnamed,
}

impl Ingested {
    /// Leaves it to the next start to find out whether a row names the photo: it is kept then, and swept otherwise.
    pub(crate) fn leave_to_next_start(self) {
        self.unnamed.leave();
    }
}

/// Checks the photo at `source` and keeps it in `folder`: the original byte for byte, a viewing rendition, a thumbnail.
///
/// A HEIC needs `working_copy`, the same picture as the platform's JPEG, from which its renditions are drawn; with a
/// JPEG or PNG a working copy is not looked at. All files are synced when this returns: a row may then name them. The
/// same photo may come again, and gives the same answer. Blocks for reading, decoding and syncing.
///
/// # Errors
/// Any [`PhotoError`] except [`PhotoError::Rendition`] speaks of the file or of the disk. Whatever it is, no file has
/// been kept that was not kept before, unless the disk failed between two renames; those files are whole, and swept at the next
/// start.
pub fn ingest(source: &Path, working_copy: Option<&Path>, folder: &PhotoFolder) -> Result<Ingested, PhotoError> {
    let photo = PhotoBytes::read(source)?;
    if photo.media == MediaType::Heic {
        // The renditions are drawn from the copy, so that nothing below would see what is missing here.
        photo.check_whole()?;
    }
    let copy = if photo.media == MediaType::Heic { working_copy.map(PhotoBytes::read).transpose()? } else { None };
    let drawn = rendition::draw(copy.as_ref().unwrap_or(&photo))?;
    let Fingerprint { sha256, sm3, bytes } = Fingerprint::of(&photo.bytes);
    let unnamed = folder.note_unnamed(&sha256)?;
    let kept = folder.keep(&[
        (folder.original(&sha256), &photo.bytes),
        (folder.view(&sha256), &drawn.view),
        (folder.thumbnail(&sha256), &drawn.thumbnail),
    ]);
    if let Err(error) = kept {
        // Some may have their names; a full disk is found out before the first has.
        if matches!(error, PhotoError::Folder { .. }) {
            unnamed.leave();
        }
        return Err(error);
    }
    let mut exif = exif::read(&photo).facts;
    if let Some(copy) = &copy {
        // A platform may strip what it hands over as the original, and leave it in its copy.
        let of_copy = exif::read(copy).facts;
        exif.position = exif.position.or(of_copy.position);
        exif.altitude_m = exif.altitude_m.or(of_copy.altitude_m);
        exif.taken_at = exif.taken_at.or(of_copy.taken_at);
    }
    let renditions = drawn.describe(sha256);
    Ok(Ingested {
        sha256,
        sm3,
        bytes,
        media: photo.media,
        width: renditions.width,
        height: renditions.height,
        exif,
        view: renditions.view,
        thumbnail: renditions.thumbnail,
        unnamed,
    })
}
