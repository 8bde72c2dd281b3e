//! `POST /v1/photos/have`: what of a phone's own photos is here, in one request. Hints only: a phone that was put back from an
//! older copy sends nothing twice by them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use rusqlite::Connection;
use xuncheng_core::id::IncarnationId;
use xuncheng_core::limits;
use xuncheng_core::store::photos;
use xuncheng_core::sync::wire::{HaveRequest, HaveResponse, HaveUpload};

use crate::attached;
use crate::body;
use crate::devices::Device;
use crate::error::OfficeError;
use crate::office::Office;
use crate::uploads::rows;

pub(crate) async fn have(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let (request, device): (HaveRequest, Device) = body::signed(&office, body).await?;
    if request.photos.len() > limits::HAVE_PHOTOS {
        return Err(OfficeError::TooLarge { limit: limits::HAVE_PHOTOS as u64 });
    }
    let answer = office.read(move |conn| look(conn, device.incarnation, &request)).await?;
    body::answer(office.grounds(), &answer)
}

fn look(conn: &Connection, incarnation: IncarnationId, request: &HaveRequest) -> Result<HaveResponse, OfficeError> {
    let mut answer =
        HaveResponse { nonce: request.nonce, thumbnails: Vec::new(), views: Vec::new(), uploads: Vec::new() };
    for (entry, sha256) in &request.photos {
        // Of an entry that is unknown, and of another's, nothing is said.
        let Some(shown) = attached::by(conn, *entry, incarnation)? else { continue };
        let Some(known) = photos::attachment(conn, *entry, *sha256)? else { continue };
        if known.previewed || (known.received && shown.photo.media.is_drawn()) {
            answer.thumbnails.push((*entry, *sha256));
        }
        if known.view_sent.is_some() {
            answer.views.push((*entry, *sha256));
        }
        if let Some(upload) = rows::of_photo(conn, *entry, *sha256)? {
            let (upload, offset) = (upload.id, upload.offset);
            answer.uploads.push(HaveUpload { entry: *entry, sha256: *sha256, upload, offset });
        }
    }
    Ok(answer)
}
