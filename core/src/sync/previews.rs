//! Renditions on their way: thumbnails of all photos first, so that a case shows long before its originals; of what the office
//! cannot draw, the view too.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Transaction;

use super::session::Attention;
use super::wait;
use super::wire::{Preview, PreviewsResponse, Rendition};
use crate::clock::{Now, Seed};
use crate::id::{EntryId, PhotoHash};
use crate::limits;
use crate::photo::PhotoFolder;
use crate::store::meta::{self, key};
use crate::store::owed::{self, Urgent};
use crate::store::{StoreError, photos};

/// The owed renditions of the next request: as many as fit into it, and one at least.
pub(super) fn owed(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    rendition: Rendition,
    urgent: &Urgent,
    now: &Now,
) -> Result<Vec<(EntryId, PhotoHash)>, StoreError> {
    let mut next = owed::previews(tx, rendition, urgent, now, limits::PREVIEWS_LOOKED_AT)?;
    // What is not here now may be back with the next conversation; its original says that it is missing.
    next.retain(|(_, sha256)| file(folder, rendition, sha256).exists());
    let refused_above: Option<usize> = meta::get(tx, key::PREVIEWS_BYTES)?;
    if let (Rendition::View, Some(most)) = (rendition, refused_above) {
        // Something on the way takes no more: a larger view waits for the next conversation and holds up no original.
        next.retain(|(_, sha256)| as_text(folder, rendition, sha256) <= most);
    }
    let most = refused_above.unwrap_or(limits::PREVIEWS_BYTES);
    let fitting = fitting(folder, rendition, &next, most);
    next.truncate(fitting);
    Ok(next)
}

/// How many of `owed`, from the first on, go into one request of at most `most` bytes: one at least, where there is any.
pub(super) fn fitting(folder: &PhotoFolder, rendition: Rendition, owed: &[(EntryId, PhotoHash)], most: usize) -> usize {
    let mut bytes = 0_usize;
    let fits = |(_, sha256): &&(EntryId, PhotoHash)| {
        bytes = bytes.saturating_add(as_text(folder, rendition, sha256));
        bytes <= most
    };
    owed.iter().take_while(fits).count().clamp(1, limits::PREVIEWS_PER_REQUEST)
}

/// Bytes of a rendition as the text that it travels as.
fn as_text(folder: &PhotoFolder, rendition: Rendition, sha256: &PhotoHash) -> usize {
    let file = std::fs::metadata(file(folder, rendition, sha256));
    file.map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX).div_ceil(3).saturating_mul(4))
}

/// Where a rendition lies, or would lie.
pub(super) fn file(folder: &PhotoFolder, rendition: Rendition, sha256: &PhotoHash) -> PathBuf {
    match rendition {
        Rendition::Thumbnail => folder.thumbnail(sha256),
        Rendition::View => folder.view(sha256),
    }
}

/// Says that a rendition is at the office, or need not go there: what there is to see comes with the original.
pub(super) fn settle(
    tx: &Transaction<'_>,
    rendition: Rendition,
    entry: EntryId,
    sha256: PhotoHash,
) -> Result<(), StoreError> {
    match rendition {
        Rendition::Thumbnail => photos::set_previewed(tx, entry, sha256),
        Rendition::View => photos::set_view_settled(tx, entry, sha256),
    }
}

/// Takes the answer about `photos`.
pub(super) fn answered(
    tx: &Transaction<'_>,
    rendition: Rendition,
    photos: &[(EntryId, PhotoHash)],
    answer: &PreviewsResponse,
    now: &Now,
    seed: &Seed,
) -> Result<(), StoreError> {
    let refused = answer.refused.iter().map(|(entry, sha256, _)| (*entry, *sha256));
    // One that the office refuses goes no second time: the original comes all the same.
    let settled: Vec<_> = answer.taken.iter().copied().chain(refused).collect();
    let (settled, others): (Vec<_>, Vec<_>) = photos.iter().copied().partition(|photo| settled.contains(photo));
    for (entry, sha256) in settled {
        settle(tx, rendition, entry, sha256)?;
        photos::taken(tx, entry, sha256)?;
    }
    let why = Attention {
        code: "previews_not_taken".to_owned(),
        detail: "the office did not take the small picture of a photo; it is sent again".to_owned(),
    };
    for (entry, sha256) in others {
        wait::set_aside(tx, entry, sha256, Some(&why), now, seed)?;
    }
    Ok(())
}

/// A rendition as it lies here; none where its file cannot be read, or is more than the office takes.
pub(super) fn preview(
    folder: &PhotoFolder,
    rendition: Rendition,
    entry: EntryId,
    sha256: PhotoHash,
) -> Option<Preview> {
    let most_bytes = match rendition {
        Rendition::Thumbnail => limits::THUMBNAIL_BYTES,
        Rendition::View => limits::VIEW_JPEG_BYTES,
    };
    let file = std::fs::read(file(folder, rendition, &sha256)).ok()?;
    (file.len() <= most_bytes).then(|| Preview { entry, sha256, jpeg: BASE64.encode(file) })
}
