//! Renditions on their way: thumbnails of all photos first, so that a case shows long before its originals; of what the office
//! cannot draw, the view too.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use super::action::SyncError;
use super::apply::ApplyError;
use super::wait::{self, Attention};
use super::wire::{Preview, PreviewsRequest, PreviewsResponse, Rendition};
use crate::clock::{Now, Seed};
use crate::id::{EntryId, Nonce, PhotoHash};
use crate::limits;
use crate::photo::PhotoFolder;
use crate::store::meta::{self, key};
use crate::store::{StoreError, photos};

/// What a request for renditions is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PreviewsIntent {
    /// Makes the request unlike any other.
    pub(super) nonce: Nonce,
    /// What they all are.
    pub(super) rendition: Rendition,
    /// Of which photos.
    pub(super) photos: Vec<(EntryId, PhotoHash)>,
}

/// The owed renditions of the next request: as many as fit into it, and one at least.
pub(super) fn owed(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    rendition: Rendition,
    now: &Now,
) -> Result<Vec<(EntryId, PhotoHash)>, StoreError> {
    let mut owed = photos::previews_owed(tx, rendition, now, limits::PREVIEWS_LOOKED_AT)?;
    // What is not here now may be back with the next conversation; its original says that it is missing.
    owed.retain(|(_, sha256)| file(folder, rendition, sha256).exists());
    let refused_above: Option<usize> = meta::get(tx, key::PREVIEWS_BYTES)?;
    if let (Rendition::View, Some(most)) = (rendition, refused_above) {
        // Something on the way takes no more: a larger view waits for the next conversation and holds up no original.
        owed.retain(|(_, sha256)| as_text(folder, rendition, sha256) <= most);
    }
    let most = refused_above.unwrap_or(limits::PREVIEWS_BYTES);
    let fitting = fitting(folder, rendition, &owed, most);
    owed.truncate(fitting);
    Ok(owed)
}

/// How many of `owed`, from the first on, go into one request of at most `most` bytes: one at least, where there is any.
pub(super) fn fitting(folder: &PhotoFolder, rendition: Rendition, owed: &[(EntryId, PhotoHash)], most: usize) -> usize {
    let mut bytes = 0_usize;
    let fits = |(_, sha256): &&(EntryId, PhotoHash)| {
        bytes = bytes.saturating_add(as_text(folder, rendition, sha256));
        bytes <= most
    };
    owed.iter().take_while(fits).count().max(1).min(limits::PREVIEWS_PER_REQUEST)
}

/// Bytes of a rendition as the text that it travels as.
fn as_text(folder: &PhotoFolder, rendition: Rendition, sha256: &PhotoHash) -> usize {
    let file = std::fs::metadata(file(folder, rendition, sha256));
    file.map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX).div_ceil(3).saturating_mul(4))
}

/// The request for renditions; none where none of them can be read here.
pub(super) fn request(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    PreviewsIntent { nonce, rendition, photos }: &PreviewsIntent,
) -> Result<Option<PreviewsRequest>, StoreError> {
    let mut previews = Vec::new();
    for (entry, sha256) in photos {
        match preview(folder, *rendition, *entry, *sha256) {
            Some(preview) => previews.push(preview),
            // There is nothing to send: what there is to see comes with the original.
            None => settle(tx, *rendition, *entry, *sha256)?,
        }
    }
    let (nonce, rendition, incarnation) = (*nonce, *rendition, meta::incarnation(tx)?);
    Ok((!previews.is_empty()).then_some(PreviewsRequest { nonce, incarnation, rendition, previews }))
}

/// Takes the office's answer to renditions.
pub(super) fn answered(
    tx: &Transaction<'_>,
    PreviewsIntent { nonce, rendition, photos }: &PreviewsIntent,
    answer: &PreviewsResponse,
    now: &Now,
    seed: &Seed,
) -> Result<(), SyncError> {
    if answer.nonce != *nonce {
        return Err(ApplyError::OtherRequest.into());
    }
    let refused = answer.refused.iter().map(|(entry, sha256, _)| (*entry, *sha256));
    // One that the office refuses goes no second time: the original comes all the same.
    let settled: Vec<_> = answer.taken.iter().copied().chain(refused).collect();
    let (settled, others): (Vec<_>, Vec<_>) = photos.iter().copied().partition(|photo| settled.contains(photo));
    for (entry, sha256) in settled {
        settle(tx, *rendition, entry, sha256)?;
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
