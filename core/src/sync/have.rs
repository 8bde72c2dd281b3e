//! What the office has of this phone's photos, asked in one request: after the store was put back, and before many go, so
//! that nothing goes twice.
//!
//! What it says is a hint: a thumbnail that it has need not go, an upload goes on where it stands. Only a receipt says that an
//! original has arrived.

use rusqlite::Transaction;

use super::previews;
use super::wire::{HaveResponse, Rendition};
use crate::id::{EntryId, PhotoHash};
use crate::limits;
use crate::store::meta::{self, key};
use crate::store::transfers::{self, Upload};
use crate::store::{StoreError, owed};

/// Where uploads live at the office.
const UPLOADS: &str = "/v1/photos/uploads/";

/// Asks about all own photos that are still owed, with the next exchange.
pub(super) fn wanted(tx: &Transaction<'_>) -> Result<(), StoreError> {
    meta::set(tx, key::HAVE_WANTED, &0_u64)
}

/// Asks where so many are owed that asking is worth its request.
pub(super) fn wanted_for_many(tx: &Transaction<'_>) -> Result<(), StoreError> {
    if owed::count(tx)? >= limits::HAVE_WORTH { wanted(tx) } else { Ok(()) }
}

/// The photos of the next request; none where nothing is to be asked.
pub(super) fn next(tx: &Transaction<'_>) -> Result<Option<Vec<(EntryId, PhotoHash)>>, StoreError> {
    let Some(asked) = meta::get::<u64>(tx, key::HAVE_WANTED)? else { return Ok(None) };
    let photos = owed::all(tx, asked, limits::HAVE_PHOTOS)?;
    if photos.is_empty() {
        meta::clear(tx, key::HAVE_WANTED)?;
        return Ok(None);
    }
    Ok(Some(photos))
}

/// Takes the answer about `photos`. What it says of others is passed over.
pub(super) fn answered(
    tx: &Transaction<'_>,
    photos: &[(EntryId, PhotoHash)],
    answer: &HaveResponse,
) -> Result<(), StoreError> {
    for (rendition, here) in [(Rendition::Thumbnail, &answer.thumbnails), (Rendition::View, &answer.views)] {
        for (entry, sha256) in here.iter().filter(|photo| photos.contains(photo)) {
            previews::settle(tx, rendition, *entry, *sha256)?;
        }
    }
    for upload in answer.uploads.iter().filter(|upload| photos.contains(&(upload.entry, upload.sha256))) {
        let known = transfers::upload(tx, upload.entry, upload.sha256)?;
        let location = format!("{UPLOADS}{}", upload.upload);
        if known.is_none_or(|known| known.location != location) {
            // Nothing of it was sent from here, as far as is known; it says itself how far it has come.
            let row = Upload { location, offset: upload.offset, begun: upload.offset, uncertain: true };
            transfers::put_upload(tx, upload.entry, upload.sha256, &row)?;
        }
    }
    let asked = meta::get::<u64>(tx, key::HAVE_WANTED)?.unwrap_or(0);
    meta::set(tx, key::HAVE_WANTED, &asked.saturating_add(photos.len() as u64))
}
