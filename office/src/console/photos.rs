//! Photos of a case, to whoever may see the case; those of what is held, to desks. A bare hash opens nothing: the way leads
//! through the case, or the held entry.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use rusqlite::Connection;
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_core::store::{StoreError, entries, judgements, photos};

use super::Console;
use super::error::ConsoleError;
use super::viewer::Viewer;
use crate::shown;

/// A photo never changes: its address holds its hash.
const FOR_GOOD: &str = "private, max-age=31536000, immutable";
const WAITING: &str = include_str!("../../assets/waiting.svg");

/// Which file of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rendition {
    Thumbnail,
    View,
    Original,
}

/// `GET /cases/{item}/photos/{sha256}/{rendition}`
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path((item, sha256, rendition)): Path<(String, String, String)>,
) -> Result<Response, ConsoleError> {
    let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
    let sha256: PhotoHash = sha256.parse().map_err(|_| ConsoleError::NotFound)?;
    let rendition = match rendition.as_str() {
        "thumb" => Rendition::Thumbnail,
        "view" => Rendition::View,
        "original" if viewer.sees_originals() => Rendition::Original,
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
        "thumb" => Rendition::Thumbnail,
        "view" => Rendition::View,
        _ => return Err(ConsoleError::NotFound),
    };
    if !viewer.person.is_at_a_desk() {
        return Err(ConsoleError::NotFound);
    }
    let (sha256, here) = console.office.read(move |conn| Ok(here_held(conn, entry))).await??;
    answer(&console, sha256, rendition, &here).await
}

async fn answer(
    console: &Console,
    sha256: PhotoHash,
    rendition: Rendition,
    here: &Here,
) -> Result<Response, ConsoleError> {
    for path in files(console.office.photos(), sha256, rendition, here) {
        if let Ok(bytes) = tokio::fs::read(&path).await
            && here.counts(&bytes)
        {
            return Ok(picture(bytes, sha256, rendition));
        }
    }
    if rendition == Rendition::Original {
        return Err(ConsoleError::NotFound);
    }
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], WAITING).into_response())
}

/// What of a photo has come with this case's own entries, or with the one that is held.
#[derive(Debug, Default)]
struct Here {
    original: bool,
    /// Thumbnails that they name and that their phones sent.
    thumbnails: Vec<PhotoHash>,
}

impl Here {
    /// Whether a rendition's bytes came with them. What the office drew out of another case's original did not.
    fn counts(&self, bytes: &[u8]) -> bool {
        self.original || self.thumbnails.contains(&Fingerprint::of(bytes).sha256)
    }
}

fn here(conn: &Connection, viewer: &Viewer, item: ItemId, sha256: PhotoHash) -> Result<Here, ConsoleError> {
    viewer.case(conn, item)?;
    let mut here = None;
    for attachment in photos::of_item(conn, item)?.into_iter().filter(|attachment| attachment.sha256 == sha256) {
        let here: &mut Here = here.get_or_insert_default();
        here.original |= attachment.received;
        if attachment.previewed
            && let Some(photo) = photo_of(conn, attachment.entry)?
        {
            here.thumbnails.push(photo.thumbnail);
        }
    }
    here.ok_or(ConsoleError::NotFound)
}

/// The photo of an entry that is held; what is not held is seen through its case.
fn here_held(conn: &Connection, entry: EntryId) -> Result<(PhotoHash, Here), ConsoleError> {
    let judged = judgements::get(conn, entry)?.map(|judged| judged.judgement.verdict);
    if !matches!(judged, Some(Verdict::Held { .. })) {
        return Err(ConsoleError::NotFound);
    }
    let photo = photo_of(conn, entry)?.ok_or(ConsoleError::NotFound)?;
    let attachment = photos::attachment(conn, entry, photo.sha256)?.ok_or(ConsoleError::NotFound)?;
    let thumbnails = if attachment.previewed { vec![photo.thumbnail] } else { Vec::new() };
    Ok((photo.sha256, Here { original: attachment.received, thumbnails }))
}

fn photo_of(conn: &Connection, entry: EntryId) -> Result<Option<Photo>, StoreError> {
    let Some(by) = entries::incarnation(conn, entry)? else { return Ok(None) };
    Ok(shown::by(conn, entry, by)?.map(|shown| shown.photo))
}

/// Where to look, best first: a larger picture stands for a smaller one, and the other way round.
fn files(folder: &PhotoFolder, sha256: PhotoHash, rendition: Rendition, here: &Here) -> Vec<PathBuf> {
    let thumbnail = (here.original || !here.thumbnails.is_empty()).then(|| folder.thumbnail(&sha256));
    let view = here.original.then(|| folder.view(&sha256));
    let original = here.original.then(|| folder.original(&sha256));
    let order = match rendition {
        Rendition::Thumbnail => [thumbnail, view],
        Rendition::View => [view, thumbnail],
        Rendition::Original => [original, None],
    };
    order.into_iter().flatten().collect()
}

fn picture(bytes: Vec<u8>, sha256: PhotoHash, rendition: Rendition) -> Response {
    let kind = match bytes.as_slice() {
        [0xFF, 0xD8, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        _ => "application/octet-stream",
    };
    // A rendition of the original may take the place of what came before it; an original never changes.
    let keep = if rendition == Rendition::Original { FOR_GOOD } else { "private, max-age=60" };
    let mut response =
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], Body::from(bytes)).into_response();
    if rendition == Rendition::Original
        && let Ok(name) = format!(
            "attachment; filename=\"{}.{}\"",
            &sha256.to_string()[..12],
            kind.rsplit('/').next().unwrap_or("bin")
        )
        .parse()
    {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
