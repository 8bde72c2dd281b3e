//! Photos of a case, to whoever may read the entries that show them; those of what is held, to desks. A bare hash opens
//! nothing: the way leads through the case, or the held entry.

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
use xuncheng_core::photo::{Fingerprint, MediaType, PhotoFolder};
use xuncheng_core::store::photos::Attachment;
use xuncheng_core::store::{StoreError, entries, judgements, photos};

use super::Console;
use super::error::ConsoleError;
use super::viewer::Viewer;
use crate::attached;

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
    let (sha256, here) = console.office.read(move |conn| Ok(here_held(conn, &viewer, entry))).await??;
    answer(&console, sha256, rendition, &here).await
}

async fn answer(
    console: &Console,
    sha256: PhotoHash,
    rendition: Rendition,
    here: &Arrived,
) -> Result<Response, ConsoleError> {
    for file in here.files(console.office.photos(), sha256, rendition) {
        if let Ok(bytes) = tokio::fs::read(&file.path).await
            && file.counts(&bytes)
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
struct Arrived {
    original: bool,
    /// The office has drawn what it shows from that.
    drawn: bool,
    /// Thumbnails that they name and that their phones sent.
    thumbnails: Vec<PhotoHash>,
    /// The same of views, of what the office cannot draw.
    views: Vec<PhotoHash>,
}

/// Where to look.
struct ShownFile {
    path: PathBuf,
    /// Whose bytes it has to hold; none where the office itself wrote them.
    any_of: Option<Vec<PhotoHash>>,
}

impl ShownFile {
    /// Whether these bytes came with the entries. What the office drew out of another case's original did not.
    fn counts(&self, bytes: &[u8]) -> bool {
        self.any_of.as_ref().is_none_or(|named| named.contains(&Fingerprint::of(bytes).sha256))
    }
}

impl Arrived {
    /// Adds what has come with an entry.
    fn add(&mut self, conn: &Connection, attachment: &Attachment) -> Result<(), StoreError> {
        self.original |= attachment.received;
        self.drawn |= attachment.received && photos::is_drawn(conn, attachment.sha256)?;
        self.views.extend(attachment.view_sent);
        if attachment.previewed {
            self.thumbnails.extend(photo_of(conn, attachment.entry)?.map(|photo| photo.thumbnail));
        }
        Ok(())
    }

    /// Where to look, best first: a larger picture stands for a smaller one, and the other way round.
    fn files(&self, folder: &PhotoFolder, sha256: PhotoHash, rendition: Rendition) -> Vec<ShownFile> {
        let named = |hashes: &[PhotoHash]| (!self.drawn).then(|| hashes.to_vec());
        let thumbnail = ShownFile { path: folder.thumbnail(&sha256), any_of: named(&self.thumbnails) };
        let drawn = self.drawn.then(|| ShownFile { path: folder.view(&sha256), any_of: None });
        let sent = self.views.iter().map(|view| ShownFile { path: folder.sent_view(view), any_of: Some(vec![*view]) });
        let views = drawn.into_iter().chain(sent);
        match rendition {
            Rendition::Thumbnail => std::iter::once(thumbnail).chain(views).collect(),
            Rendition::View => views.chain([thumbnail]).collect(),
            Rendition::Original if self.original => vec![ShownFile { path: folder.original(&sha256), any_of: None }],
            Rendition::Original => Vec::new(),
        }
    }
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

fn photo_of(conn: &Connection, entry: EntryId) -> Result<Option<Photo>, StoreError> {
    let Some(by) = entries::incarnation(conn, entry)? else { return Ok(None) };
    Ok(attached::by(conn, entry, by)?.map(|shown| shown.photo))
}

fn picture(bytes: Vec<u8>, sha256: PhotoHash, rendition: Rendition) -> Response {
    let (kind, ending) = match MediaType::of(&bytes) {
        Some(MediaType::Jpeg) => ("image/jpeg", "jpeg"),
        Some(MediaType::Png) => ("image/png", "png"),
        Some(MediaType::Heic) => ("image/heic", "heic"),
        Some(MediaType::Unknown(_)) | None => ("application/octet-stream", "bin"),
    };
    // A rendition of the original may take the place of what came before it; an original never changes.
    let keep = if rendition == Rendition::Original { FOR_GOOD } else { "private, max-age=60" };
    let mut response =
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], Body::from(bytes)).into_response();
    if rendition == Rendition::Original
        && let Ok(name) = format!("attachment; filename=\"{}.{ending}\"", &sha256.to_string()[..12]).parse()
    {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
