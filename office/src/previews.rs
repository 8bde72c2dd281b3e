//! `POST /v1/photos/previews`: thumbnails of entries that were judged, so that a case shows long before its originals.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::{Connection, OptionalExtension as _};
use xuncheng_core::id::{EntryId, IncarnationId, PhotoHash};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::limits;
use xuncheng_core::photo::{Fingerprint, PhotoError, PhotoFolder, keep_thumbnail};
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
    let folder = office.photos().clone();
    let (kept, refused) =
        office.read(move |conn| keep_all(conn, &folder, device.incarnation, request.previews)).await?;
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
    folder: &PhotoFolder,
    incarnation: IncarnationId,
    previews: Vec<Preview>,
) -> Result<(Kept, Refused), OfficeError> {
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for Preview { entry, sha256, thumbnail } in previews {
        // Neither taken nor refused: the phone sends it again when its entry has come.
        let Some(shown) = shown::by(conn, entry, incarnation)? else { continue };
        match keep(conn, folder, &shown.photo, sha256, &thumbnail)? {
            None => kept.push((entry, shown.photo)),
            Some(reason) => refused.push((entry, sha256, reason)),
        }
    }
    Ok((kept, refused))
}

/// Keeps a thumbnail; or says why it is not the one that the entry names.
fn keep(
    conn: &Connection,
    folder: &PhotoFolder,
    photo: &Photo,
    sha256: PhotoHash,
    thumbnail: &str,
) -> Result<Option<String>, OfficeError> {
    if photo.sha256 != sha256 {
        return Ok(Some("the entry shows another photo".to_owned()));
    }
    let Ok(bytes) = BASE64.decode(thumbnail) else {
        return Ok(Some("the thumbnail is not base64".to_owned()));
    };
    if bytes.len() > limits::THUMBNAIL_BYTES {
        return Ok(Some(format!("a thumbnail has at most {} bytes", limits::THUMBNAIL_BYTES)));
    }
    if Fingerprint::of(&bytes).sha256 != photo.thumbnail {
        return Ok(Some("the bytes are not those that the entry names".to_owned()));
    }
    let here: Option<bool> = conn
        .prepare_cached("SELECT thumbnail_here FROM photo WHERE sha256 = ?1")?
        .query_row([sha256], |row| row.get(0))
        .optional()?;
    // One that is here stays: it may be the office's own, out of the original.
    if here == Some(true) {
        return Ok(None);
    }
    match keep_thumbnail(&bytes, &sha256, folder) {
        Ok(_) => Ok(None),
        Err(error @ (PhotoError::DiskFull { .. } | PhotoError::Folder { .. })) => Err(error.into()),
        Err(error) => Ok(Some(error.to_string())),
    }
}
