//! `POST /v1/photos/previews`: smaller pictures of photos whose entries were judged, so that a case shows long before its
//! originals: thumbnails, and views of what the office cannot draw itself.
//!
//! A picture counts only for entries that name just these bytes and whose lineage sent them. Two entries may show the same
//! photo and name different thumbnails of it; there is one file, and the first stays until the office draws its own. A view
//! stands for good: it lies under its own hash, so that nobody's takes the place of another's.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Connection;
use xuncheng_core::id::{EntryId, IncarnationId, Nonce, PhotoHash};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;
use xuncheng_core::photo::{Fingerprint, PhotoError, PhotoFolder, keep_sent_view, keep_thumbnail};
use xuncheng_core::store::photos::{self, Here};
use xuncheng_core::sync::wire::{Preview, PreviewsRequest, PreviewsResponse, Rendition};

use crate::attached;
use crate::body;
use crate::devices::Device;
use crate::error::OfficeError;
use crate::office::Office;

pub(crate) async fn take(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let (request, device): (PreviewsRequest, Device) = body::signed(&office, body).await?;
    check(&request)?;
    let keeper = Arc::clone(&office);
    let (nonce, rendition) = (request.nonce, request.rendition);
    let sorted = office.read(move |conn| keep_all(conn, keeper.shelf(), device.incarnation, request)).await?;
    // The files are durable: their rows may name them.
    let response = office.turn(move |intake| note_all(intake, nonce, rendition, sorted)).await?;
    body::answer(office.grounds(), &response)
}

/// Refuses what no phone of any version sends.
pub(crate) fn check(request: &PreviewsRequest) -> Result<(), OfficeError> {
    if request.previews.len() > limits::PREVIEWS_PER_REQUEST {
        return Err(OfficeError::TooLarge { limit: limits::PREVIEWS_PER_REQUEST as u64 });
    }
    Ok(())
}

/// Says of those that were kept that they are here, and answers.
pub(crate) fn note_all(
    intake: &Intake<'_, '_>,
    nonce: Nonce,
    rendition: Rendition,
    Sorted { kept, refused }: Sorted,
) -> Result<PreviewsResponse, OfficeError> {
    for (entry, photo) in &kept {
        match rendition {
            Rendition::Thumbnail => {
                photos::put(intake.tx, photo.sha256, Here { original: false, view: false, thumbnail: true })?;
                photos::set_previewed(intake.tx, *entry, photo.sha256)?;
            }
            Rendition::View => photos::set_view_sent(intake.tx, *entry, photo.sha256, photo.view)?,
        }
    }
    let taken = kept.iter().map(|(entry, photo)| (*entry, photo.sha256)).collect();
    Ok(PreviewsResponse { nonce, taken, refused })
}

/// Where pictures lie, and the right to give a thumbnail's file its name: whoever looks first whether there is one holds it
/// meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) folder: &'a PhotoFolder,
    pub(crate) naming: &'a Mutex<()>,
}

/// Pictures whose files are kept, and those that are none of their entries'.
pub(crate) struct Sorted {
    kept: Vec<(EntryId, Photo)>,
    refused: Vec<(EntryId, PhotoHash, String)>,
}

/// Keeps the files of a request's pictures, for entries of the lineage of `incarnation`.
pub(crate) fn keep_all(
    conn: &Connection,
    shelf: Shelf<'_>,
    incarnation: IncarnationId,
    request: PreviewsRequest,
) -> Result<Sorted, OfficeError> {
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for preview in request.previews {
        // Neither taken nor refused: the phone sends it again when its entry has come.
        let Some(shown) = attached::by(conn, preview.entry, incarnation)? else { continue };
        match keep(conn, shelf, request.rendition, &shown.photo, &preview)? {
            None => kept.push((preview.entry, shown.photo)),
            Some(reason) => refused.push((preview.entry, preview.sha256, reason)),
        }
    }
    Ok(Sorted { kept, refused })
}

/// Keeps a smaller picture; or says why it is not the one that the entry names, or may not stand for the photo.
fn keep(
    conn: &Connection,
    shelf: Shelf<'_>,
    rendition: Rendition,
    named: &Photo,
    Preview { entry, sha256, jpeg }: &Preview,
) -> Result<Option<String>, OfficeError> {
    if named.sha256 != *sha256 {
        return Ok(Some("the entry shows another photo".to_owned()));
    }
    let Ok(bytes) = BASE64.decode(jpeg) else {
        return Ok(Some("the picture is not base64".to_owned()));
    };
    let (most_bytes, hash) = match rendition {
        Rendition::Thumbnail => (limits::THUMBNAIL_BYTES, named.thumbnail),
        Rendition::View => (limits::VIEW_JPEG_BYTES, named.view),
    };
    if bytes.len() > most_bytes {
        return Ok(Some(format!("such a picture has at most {most_bytes} bytes")));
    }
    if Fingerprint::of(&bytes).sha256 != hash {
        return Ok(Some("the bytes are not those that the entry names".to_owned()));
    }
    let known = photos::attachment(conn, *entry, *sha256)?;
    match rendition {
        // Sent before, or the office draws its own out of this entry's original.
        Rendition::Thumbnail
            if known.as_ref().is_some_and(|known| known.previewed || (known.received && named.media.is_drawn())) =>
        {
            Ok(None)
        }
        Rendition::Thumbnail => keep_first_thumbnail(shelf, named, &bytes),
        Rendition::View if named.media.is_drawn() => {
            Ok(Some("the office draws this picture from the original".to_owned()))
        }
        Rendition::View if known.is_some_and(|known| known.view_sent.is_some()) => Ok(None),
        Rendition::View => settled(keep_sent_view(&bytes, shelf.folder)),
    }
}

fn keep_first_thumbnail(shelf: Shelf<'_>, named: &Photo, bytes: &[u8]) -> Result<Option<String>, OfficeError> {
    let Shelf { folder, naming } = shelf;
    // From the look to the file's name nobody else writes one: of two that come at once, one is the first. Files have their
    // names whole, or not at all, whatever a panicking thread was doing.
    let _first = naming.lock().unwrap_or_else(PoisonError::into_inner);
    match Fingerprint::of_file(&folder.thumbnail(&named.sha256)) {
        Ok(here) if here.sha256 == named.thumbnail => return Ok(None),
        Ok(_) => return Ok(Some("another thumbnail of this photo is here; its original will show which".to_owned())),
        Err(PhotoError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    settled(keep_thumbnail(bytes, &named.sha256, folder))
}

/// What became of a picture: kept, or why it is none. What the disk does is no fault of the picture.
fn settled(kept: Result<PhotoHash, PhotoError>) -> Result<Option<String>, OfficeError> {
    match kept {
        Ok(_) => Ok(None),
        Err(error @ (PhotoError::DiskFull { .. } | PhotoError::Folder { .. })) => Err(error.into()),
        Err(error) => Ok(Some(error.to_string())),
    }
}
