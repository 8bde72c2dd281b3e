//! Originals on their way: tus 1.0, one piece at a time, resumed where the office says it stands.
//!
//! Offsets are hints: only a receipt says that an original has arrived.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::policy::Gate;
use super::session::{Attention, Body, Method, Request, Response, SyncError};
use super::sizes;
use super::wait;
use crate::clock::{Moment, Now, Seed};
use crate::id::{EntryId, PhotoHash};
use crate::photo::{Fingerprint, PhotoFolder};
use crate::store::meta::{self, key};
use crate::store::owed::{self, Owed, Urgent};
use crate::store::transfers::{self, Upload};
use crate::store::{StoreError, photos, to_json};

/// Where uploads are made at the office.
const PATH: &str = "/v1/photos/uploads";

/// One step of sending an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadIntent {
    /// Make the upload, and send the first piece with it.
    Create {
        /// The entry that shows the photo.
        entry: EntryId,
        /// The original.
        sha256: PhotoHash,
        /// Its length.
        bytes: u64,
        /// Length of the first piece.
        length: u64,
    },
    /// Ask how much the office has.
    Probe {
        /// The entry that shows the photo.
        entry: EntryId,
        /// The original.
        sha256: PhotoHash,
        /// Its length.
        bytes: u64,
    },
    /// Send a piece.
    Piece {
        /// The entry that shows the photo.
        entry: EntryId,
        /// The original.
        sha256: PhotoHash,
        /// Its length.
        bytes: u64,
        /// Where the piece begins.
        offset: u64,
        /// Its length.
        length: u64,
    },
}

/// The next step for the first original that is owed and that the gate lets through; none when all that can go has gone.
///
/// # Errors
/// [`StoreError`].
pub(super) fn next(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    gate: &Gate,
    urgent: &Urgent,
    now: &Now,
    seed: &Seed,
) -> Result<Option<UploadIntent>, StoreError> {
    let Owed { entry, sha256, bytes, asked, .. } = loop {
        let Some(owed) = owed::original(tx, urgent, gate.hold.is_none(), now)? else { return Ok(None) };
        let Owed { entry, sha256, .. } = owed;
        match lies_whole(folder, &owed) {
            Ok(true) => {
                if owed.was_lost || owed.left_at.is_some() {
                    photos::set_found(tx, entry, sha256)?;
                }
                break owed;
            }
            Ok(false) => lose(tx, entry, sha256, owed.left_at)?,
            // A card that is locked, storage that fails now and then: the others go meanwhile.
            Err(error) => {
                let why = SyncError::Unreadable { photo: sha256, why: error.to_string() }.attention();
                wait::set_aside(tx, entry, sha256, Some(&why), now, seed)?;
            }
        }
    };
    let piece = if asked { sizes::next_piece(tx)? } else { sizes::next_piece(tx)?.min(gate.most_bytes) };
    let Some(upload) = transfers::upload(tx, entry, sha256)? else {
        return Ok(Some(UploadIntent::Create { entry, sha256, bytes, length: piece.min(bytes) }));
    };
    if upload.uncertain {
        return Ok(Some(UploadIntent::Probe { entry, sha256, bytes }));
    }
    let offset = upload.offset;
    let length = piece.min(bytes.saturating_sub(offset));
    let begun = upload.begun.max(offset + length);
    transfers::put_upload(tx, entry, sha256, &Upload { begun, ..upload })?;
    Ok(Some(UploadIntent::Piece { entry, sha256, bytes, offset, length }))
}

/// Whether an original lies here as it was kept: told by its length, and by all of its bytes where it was lost before.
fn lies_whole(folder: &PhotoFolder, owed: &Owed) -> std::io::Result<bool> {
    let path = folder.original(&owed.sha256);
    let length = match File::open(&path).and_then(|file| file.metadata()) {
        Ok(file) => file.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(length == owed.bytes && (!(owed.was_lost || owed.left_at.is_some()) || is_intact(&path, &owed.sha256)))
}

fn is_intact(path: &Path, sha256: &PhotoHash) -> bool {
    Fingerprint::of_file(path).is_ok_and(|found| found.sha256 == *sha256)
}

/// An original that does not lie here as it was kept, or was let go, is not sent, and said.
fn lose(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash, left_at: Option<Moment>) -> Result<(), StoreError> {
    let (code, detail) = match left_at {
        Some(at) => (
            "original_left",
            format!(
                "the office asks again for the original {sha256}, which left this phone on {} because a backup of the \
                 office held it; tell the office: it is in its backups of that day",
                at.beijing()
            ),
        ),
        None => (
            "original_lost",
            format!(
                "the original {sha256} is missing or damaged on this phone, and cannot be sent; put the store's photo \
                 folder back as it was, and sync again"
            ),
        ),
    };
    let why = Attention { code: code.to_owned(), detail };
    photos::set_lost(tx, entry, sha256, &to_json("attachment", &why)?)
}

/// What becomes of a step whose outcome nobody knows, because the process that took it is gone: the office is asked.
///
/// # Errors
/// [`StoreError`].
pub(super) fn doubt(tx: &Transaction<'_>, intent: &UploadIntent) -> Result<(), StoreError> {
    match intent {
        // The office may have made an upload whose place is not known here: it sweeps it, and its first piece goes again.
        UploadIntent::Create { length, .. } => meta::tally(tx, "bytes_sent_again", *length),
        UploadIntent::Probe { .. } => Ok(()),
        UploadIntent::Piece { entry, sha256, .. } => match transfers::upload(tx, *entry, *sha256)? {
            Some(upload) => transfers::put_upload(tx, *entry, *sha256, &Upload { uncertain: true, ..upload }),
            None => Ok(()),
        },
    }
}

/// What becomes of a step that never left this phone, or of which nobody knows how much did because its file could not be read
/// on: as if it had not been begun.
///
/// # Errors
/// [`StoreError`].
pub(super) fn unsent(tx: &Transaction<'_>, intent: &UploadIntent) -> Result<(), StoreError> {
    let UploadIntent::Piece { entry, sha256, offset, .. } = intent else { return Ok(()) };
    match transfers::upload(tx, *entry, *sha256)? {
        Some(upload) => transfers::put_upload(tx, *entry, *sha256, &Upload { begun: *offset, ..upload }),
        None => Ok(()),
    }
}

impl UploadIntent {
    /// The entry that shows the photo, and the photo.
    pub(super) const fn photo(&self) -> (EntryId, PhotoHash) {
        match self {
            Self::Create { entry, sha256, .. }
            | Self::Probe { entry, sha256, .. }
            | Self::Piece { entry, sha256, .. } => (*entry, *sha256),
        }
    }

    /// Length of the request's body.
    pub(super) const fn body_bytes(&self) -> u64 {
        match self {
            Self::Create { length, .. } | Self::Piece { length, .. } => *length,
            Self::Probe { .. } => 0,
        }
    }
}

/// The request for a step; its body is a piece of the original's file, read when it is sent.
pub(super) fn request(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    intent: &UploadIntent,
) -> Result<Option<Request>, StoreError> {
    let token: Option<String> = meta::get(tx, key::TOKEN)?;
    let mut headers = vec![
        ("Tus-Resumable".to_owned(), "1.0.0".to_owned()),
        ("Authorization".to_owned(), format!("Bearer {}", token.unwrap_or_default())),
    ];
    let content = || ("Content-Type".to_owned(), "application/offset+octet-stream".to_owned());
    let piece = |sha256: &PhotoHash, offset, length| Body::File { path: folder.original(sha256), offset, length };
    Ok(match intent {
        UploadIntent::Create { entry, sha256, bytes, length } => {
            let named = |name: &str, value: String| format!("{name} {}", BASE64.encode(value));
            headers.push(content());
            headers.push(("Upload-Length".to_owned(), bytes.to_string()));
            let metadata = [named("entry", entry.to_string()), named("sha256", sha256.to_string())].join(",");
            headers.push(("Upload-Metadata".to_owned(), metadata));
            Some(Request { method: Method::Post, path: PATH.to_owned(), headers, body: piece(sha256, 0, *length) })
        }
        UploadIntent::Probe { entry, sha256, .. } => transfers::upload(tx, *entry, *sha256)?.map(|upload| Request {
            method: Method::Head,
            path: upload.location,
            headers,
            body: Body::Empty,
        }),
        UploadIntent::Piece { entry, sha256, offset, length, .. } => {
            headers.push(content());
            headers.push(("Upload-Offset".to_owned(), offset.to_string()));
            transfers::upload(tx, *entry, *sha256)?.map(|upload| Request {
                method: Method::Patch,
                path: upload.location,
                headers,
                body: piece(sha256, *offset, *length),
            })
        }
    })
}

/// Takes the office's answer to a step that took `took_ms`, where that is known.
///
/// # Errors
/// [`SyncError::Refused`] and [`SyncError::NotTheOffice`]: the step is tried again after a wait.
pub(super) fn answered(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    intent: &UploadIntent,
    response: &Response,
    took_ms: Option<u64>,
) -> Result<(), SyncError> {
    let measured = |length| took_ms.map_or(Ok(()), |took_ms| sizes::PIECES.sent(tx, length, took_ms));
    let (UploadIntent::Create { entry, sha256, bytes, .. }
    | UploadIntent::Probe { entry, sha256, bytes }
    | UploadIntent::Piece { entry, sha256, bytes, .. }) = intent;
    let offset = || {
        let offset: Option<u64> = response.header("Upload-Offset").and_then(|text| text.trim().parse().ok());
        offset.filter(|offset| offset <= bytes).ok_or(SyncError::NotTheOffice)
    };
    match (intent, response.status) {
        (UploadIntent::Create { length, .. }, 201) => {
            let location = response.header("Location").ok_or(SyncError::NotTheOffice)?;
            let offset = response.header("Upload-Offset").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            let upload = Upload { location: path_of(location)?, offset, begun: *length, uncertain: false };
            meta::tally(tx, "bytes_sent", *length)?;
            measured(*length)?;
            acknowledged(tx, *entry, *sha256, *bytes, &upload)
        }
        (UploadIntent::Probe { .. }, 200 | 204) => {
            let offset = offset()?;
            let Some(before) = transfers::upload(tx, *entry, *sha256)? else { return Ok(()) };
            meta::tally(tx, "bytes_sent_again", before.begun.saturating_sub(offset))?;
            let upload = Upload { offset, begun: offset, uncertain: false, ..before };
            acknowledged(tx, *entry, *sha256, *bytes, &upload)
        }
        (UploadIntent::Piece { length, .. }, 200 | 204) => {
            let offset = offset()?;
            let Some(before) = transfers::upload(tx, *entry, *sha256)? else { return Ok(()) };
            meta::tally(tx, "bytes_sent", *length)?;
            measured(*length)?;
            acknowledged(tx, *entry, *sha256, *bytes, &Upload { offset, uncertain: false, ..before })
        }
        // Somebody else sent a piece meanwhile, or the office kept more of a cut one than was known here: ask it.
        (UploadIntent::Piece { .. }, 409) => {
            doubt(tx, intent)?;
            Ok(())
        }
        // Another request writes to it, or one that was cut still holds it: the office read nothing of this one.
        (UploadIntent::Piece { .. }, 423) => {
            unsent(tx, intent)?;
            Err(SyncError::refused(response))
        }
        // The office no longer knows the upload: begin again.
        (UploadIntent::Probe { .. } | UploadIntent::Piece { .. }, 404 | 410) => {
            Ok(transfers::forget_upload(tx, *entry, *sha256)?)
        }
        // Its bytes were not this photo's: begin again, unless they are not here either.
        (_, 460) => {
            transfers::forget_upload(tx, *entry, *sha256)?;
            if is_intact(&folder.original(sha256), sha256) {
                return Err(SyncError::refused(response));
            }
            // It is this phone's trouble and no refusal: the others go on.
            Ok(lose(tx, *entry, *sha256, None)?)
        }
        // The token is too old: the next exchange brings another.
        (_, 401) => {
            meta::set(tx, key::SYNC_WANTED, &true)?;
            Err(SyncError::refused(response))
        }
        (UploadIntent::Create { .. } | UploadIntent::Probe { .. } | UploadIntent::Piece { .. }, _) => {
            Err(SyncError::refused(response))
        }
    }
}

fn acknowledged(
    tx: &Transaction<'_>,
    entry: EntryId,
    sha256: PhotoHash,
    bytes: u64,
    upload: &Upload,
) -> Result<(), SyncError> {
    transfers::put_upload(tx, entry, sha256, upload)?;
    photos::taken(tx, entry, sha256)?;
    if upload.offset >= bytes {
        meta::set(tx, key::RECEIPTS_EXPECTED, &true)?;
    }
    Ok(())
}

/// The path of an upload's location. An address of another host is not followed: the token is for the office alone.
fn path_of(location: &str) -> Result<String, SyncError> {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map(|slash| &rest[slash..]),
        None => Some(location),
    };
    path.filter(|path| path.starts_with(PATH)).map(str::to_owned).ok_or(SyncError::NotTheOffice)
}
