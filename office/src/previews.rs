//! `POST /v1/photos/previews`: thumbnails of entries that were judged, so that a case shows long before its originals.
//!
//! Two entries may show the same photo and name different thumbnails of it. There is one file: the first stays until the
//! office draws its own, and counts only for entries that name just these bytes and whose lineage sent them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Connection;
use xuncheng_core::id::{EntryId, IncarnationId, PhotoHash};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::limits;
use xuncheng_core::photo::{Fingerprint, PhotoError, keep_thumbnail};
use xuncheng_core::store::photos::{self, Here};
use xuncheng_core::sync::wire::{Preview, PreviewsRequest, PreviewsResponse};

use crate::body;
use crate::devices::Device;
use crate::error::OfficeError;
use crate::office::Office;
use crate::shown;

pub(crate) async fn take(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let (request, device): (PreviewsRequest, Device) = body::signed(&office, body).await?;
    if request.previews.len() > limits::PREVIEWS_PER_REQUEST {
        return Err(OfficeError::TooLarge { limit: limits::PREVIEWS_PER_REQUEST as u64 });
    }
    let keeper = Arc::clone(&office);
    let (kept, refused) =
        office.read(move |conn| keep_all(conn, &keeper, device.incarnation, request.previews)).await?;
    // The files are durable: their rows may name them.
    let taken = office
        .turn(move |intake| {
            for (entry, photo) in &kept {
                photos::put(intake.tx, photo, Here { original: false, view: false, thumbnail: true })?;
                photos::set_previewed(intake.tx, *entry, photo.sha256)?;
            }
            Ok(kept.iter().map(|(entry, photo)| (*entry, photo.sha256)).collect())
        })
        .await?;
    body::answer(&office, &PreviewsResponse { nonce: request.nonce, taken, refused })
}

type Kept = Vec<(EntryId, Photo)>;
type Refused = Vec<(EntryId, PhotoHash, String)>;

fn keep_all(
    conn: &Connection,
    office: &Office,
    incarnation: IncarnationId,
    previews: Vec<Preview>,
) -> Result<(Kept, Refused), OfficeError> {
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for preview in previews {
        // Neither taken nor refused: the phone sends it again when its entry has come.
        let Some(shown) = shown::by(conn, preview.entry, incarnation)? else { continue };
        match keep(conn, office, &shown.photo, &preview)? {
            None => kept.push((preview.entry, shown.photo)),
            Some(reason) => refused.push((preview.entry, preview.sha256, reason)),
        }
    }
    Ok((kept, refused))
}

/// Keeps a thumbnail; or says why it is not the one that the entry names, or may not stand for the photo.
fn keep(
    conn: &Connection,
    office: &Office,
    named: &Photo,
    Preview { entry, sha256, thumbnail }: &Preview,
) -> Result<Option<String>, OfficeError> {
    if named.sha256 != *sha256 {
        return Ok(Some("the entry shows another photo".to_owned()));
    }
    let Ok(bytes) = BASE64.decode(thumbnail) else {
        return Ok(Some("the thumbnail is not base64".to_owned()));
    };
    if bytes.len() > limits::THUMBNAIL_BYTES {
        return Ok(Some(format!("a thumbnail has at most {} bytes", limits::THUMBNAIL_BYTES)));
    }
    if Fingerprint::of(&bytes).sha256 != named.thumbnail {
        return Ok(Some("the bytes are not those that the entry names".to_owned()));
    }
    // Sent before, or the office has drawn its own out of this entry's original.
    if photos::attachment(conn, *entry, *sha256)?.is_some_and(|known| known.previewed || known.received) {
        return Ok(None);
    }
    let folder = office.photos();
    // From the look to the file's name nobody else writes one: of two that come at once, one is the first.
    let _first = office.thumbnails();
    match Fingerprint::of_file(&folder.thumbnail(sha256)) {
        Ok(here) if here.sha256 == named.thumbnail => return Ok(None),
        Ok(_) => return Ok(Some("another thumbnail of this photo is here; its original will show which".to_owned())),
        Err(PhotoError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match keep_thumbnail(&bytes, sha256, folder) {
        Ok(_) => Ok(None),
        Err(error @ (PhotoError::DiskFull { .. } | PhotoError::Folder { .. })) => Err(error.into()),
        Err(error) => Ok(Some(error.to_string())),
    }
}
