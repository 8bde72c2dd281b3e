//! Photos of a case, to whoever may read the entries that show them; those of what is held, to desks. A bare hash opens
//! nothing: the way leads through the case, or the held entry.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use rusqlite::Connection;
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::photo::MediaType;
use xuncheng_core::store::{entries, judgements, photos};
use xuncheng_core::sync::wire::PhotoForm;

use super::Console;
use super::error::ConsoleError;
use super::viewer::Viewer;
use crate::pictures::{Arrived, photo_of};

/// A photo never changes: its address holds its hash.
const FOR_GOOD: &str = "private, max-age=31536000, immutable";
const WAITING: &str = include_str!("../../assets/waiting.svg");

/// `GET /cases/{item}/photos/{sha256}/{rendition}`
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path((item, sha256, rendition)): Path<(String, String, String)>,
) -> Result<Response, ConsoleError> {
    let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
    let sha256: PhotoHash = sha256.parse().map_err(|_| ConsoleError::NotFound)?;
    let rendition = match rendition.as_str() {
        "thumb" => PhotoForm::Thumbnail,
        "view" => PhotoForm::View,
        "original" if viewer.person.sees_originals() => PhotoForm::Original,
        "original" => return Err(ConsoleError::Forbidden("原件只有受理员、核查员和系统管理员可以查看。")),
        _ => return Err(ConsoleError::NotFound),
    };
    let here = console.office.read(move |conn| Ok(here(conn, &viewer, item, sha256))).await??;
    answer(&console, sha256, rendition, &here).await
}

/// `GET /held/{entry}/photos/{rendition}`
pub(super) async fn show_held(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path((entry, rendition)): Path<(String, String)>,
) -> Result<Response, ConsoleError> {
    let entry: EntryId = entry.parse().map_err(|_| ConsoleError::NotFound)?;
    let rendition = match rendition.as_str() {
        "thumb" => PhotoForm::Thumbnail,
        "view" => PhotoForm::View,
        _ => return Err(ConsoleError::NotFound),
    };
    let (sha256, here) = console.office.read(move |conn| Ok(here_held(conn, &viewer, entry))).await??;
    answer(&console, sha256, rendition, &here).await
}

async fn answer(
    console: &Console,
    sha256: PhotoHash,
    rendition: PhotoForm,
    here: &Arrived,
) -> Result<Response, ConsoleError> {
    for file in here.or_another(console.office.photos(), sha256, rendition) {
        if let Ok(bytes) = tokio::fs::read(&file.path).await
            && file.counts(&bytes)
        {
            return Ok(picture(bytes, sha256, rendition));
        }
    }
    if rendition == PhotoForm::Original {
        return Err(ConsoleError::NotFound);
    }
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], WAITING).into_response())
}

fn here(conn: &Connection, viewer: &Viewer, item: ItemId, sha256: PhotoHash) -> Result<Arrived, ConsoleError> {
    viewer.case(conn, item)?;
    let mut here = None;
    for attachment in photos::of_item(conn, item)?.into_iter().filter(|attachment| attachment.sha256 == sha256) {
        if viewer.may_read(conn, item, attachment.entry)? {
            let here: &mut Arrived = here.get_or_insert_default();
            here.add(conn, &attachment)?;
        }
    }
    here.ok_or(ConsoleError::NotFound)
}

/// The photo of an entry that is held; what is not held is seen through its case.
fn here_held(conn: &Connection, viewer: &Viewer, entry: EntryId) -> Result<(PhotoHash, Arrived), ConsoleError> {
    let judged = judgements::get(conn, entry)?.map(|judged| judged.judgement.verdict);
    let kind = entries::get(conn, entry)?.and_then(|entry| entry.read_header().ok()).map(|header| header.kind);
    let sees = kind.is_some_and(|kind| viewer.person.is_at_a_desk_of(&kind));
    if !sees || !matches!(judged, Some(Verdict::Held { .. })) {
        return Err(ConsoleError::NotFound);
    }
    let photo = photo_of(conn, entry)?.ok_or(ConsoleError::NotFound)?;
    let attachment = photos::attachment(conn, entry, photo.sha256)?.ok_or(ConsoleError::NotFound)?;
    let mut here = Arrived::default();
    here.add(conn, &attachment)?;
    Ok((photo.sha256, here))
}

fn picture(bytes: Vec<u8>, sha256: PhotoHash, rendition: PhotoForm) -> Response {
    let (kind, ending) = match MediaType::of(&bytes) {
        Some(MediaType::Jpeg) => ("image/jpeg", "jpeg"),
        Some(MediaType::Png) => ("image/png", "png"),
        Some(MediaType::Heic) => ("image/heic", "heic"),
        Some(MediaType::Unknown(_)) | None => ("application/octet-stream", "bin"),
    };
    // A rendition of the original may take the place of what came before it; an original never changes.
    let keep = if rendition == PhotoForm::Original { FOR_GOOD } else { "private, max-age=60" };
    let mut response =
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], Body::from(bytes)).into_response();
    if rendition == PhotoForm::Original
        && let Ok(name) = format!("attachment; filename=\"{}.{ending}\"", &sha256.to_string()[..12]).parse()
    {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
