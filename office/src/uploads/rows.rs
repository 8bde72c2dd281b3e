//! Uploads as rows: what is expected, how much is on the disk for certain, until when it is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row};
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{EntryId, IncarnationId, Nonce, PhotoHash};
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;
use xuncheng_core::store::meta;

use super::Busy;
use crate::error::OfficeError;
use crate::folder::sync_folder;
use crate::ledger::fact;
use crate::quotas::{self, Quotas};

/// An original on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) id: Nonce,
    pub(crate) entry: EntryId,
    pub(crate) sha256: PhotoHash,
    pub(crate) incarnation: IncarnationId,
    pub(crate) length: u64,
    pub(crate) offset: u64,
    pub(crate) expires_at: Moment,
    pub(crate) finished_at: Option<Moment>,
}

impl Upload {
    /// The file of its bytes.
    pub(crate) fn file(&self, uploads: &Path) -> PathBuf {
        uploads.join(self.id.to_string())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        id: row.get("id")?,
        entry: row.get("entry")?,
        sha256: row.get("sha256")?,
        incarnation: row.get("incarnation")?,
        length: row.get("length")?,
        offset: row.get("offset")?,
        expires_at: row.get("expires_at")?,
        finished_at: row.get("finished_at")?,
    })
}

pub(crate) fn get(conn: &Connection, id: Nonce) -> Result<Option<Upload>, OfficeError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, entry, sha256, incarnation, length, offset, expires_at, finished_at FROM office_upload WHERE id = ?1",
        )?
        .query_row([id], read)
        .optional()?)
}

/// The upload that there is for an entry's photo.
pub(crate) fn of_photo(conn: &Connection, entry: EntryId, sha256: PhotoHash) -> Result<Option<Upload>, OfficeError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, entry, sha256, incarnation, length, offset, expires_at, finished_at FROM office_upload
             WHERE entry = ?1 AND sha256 = ?2",
        )?
        .query_row((entry, sha256), read)
        .optional()?)
}

/// All that are not finished.
pub(crate) fn unfinished(conn: &Connection) -> Result<Vec<Upload>, OfficeError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, entry, sha256, incarnation, length, offset, expires_at, finished_at FROM office_upload
         WHERE finished_at IS NULL ORDER BY created_at, id",
    )?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// Makes an upload with an empty file.
pub(crate) fn make(
    intake: &mut Intake<'_, '_>,
    uploads: &Path,
    entry: EntryId,
    sha256: PhotoHash,
    incarnation: IncarnationId,
    length: u64,
    quotas: &Quotas,
) -> Result<Upload, OfficeError> {
    let open: usize = intake.tx.query_row(
        "SELECT count(*) FROM office_upload WHERE incarnation = ?1 AND finished_at IS NULL",
        [incarnation],
        |row| row.get(0),
    )?;
    if open >= quotas.device_uploads {
        return Err(OfficeError::TooManyUploads);
    }
    quotas::charge(intake, quotas, incarnation, length)?;
    let now = intake.now.wall;
    let upload = Upload {
        id: Nonce::from_bytes(intake.entropy.bytes()),
        entry,
        sha256,
        incarnation,
        length,
        offset: 0,
        expires_at: now.plus_ms(limits::UPLOAD_KEEP_MS),
        finished_at: None,
    };
    let file = upload.file(uploads);
    std::fs::File::create_new(&file).map_err(|source| OfficeError::file(&file, source))?;
    sync_folder(uploads)?;
    intake.tx.execute(
        "INSERT INTO office_upload (id, entry, sha256, incarnation, length, offset, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7)",
        rusqlite::params![upload.id, entry, sha256, incarnation, length, now, upload.expires_at],
    )?;
    Ok(upload)
}

/// Notes that the file is on the disk up to `offset`, and that `received` more bytes came for it.
pub(crate) fn advance(intake: &Intake<'_, '_>, id: Nonce, offset: u64, received: u64) -> Result<(), OfficeError> {
    let before: u64 = intake.tx.query_row("SELECT offset FROM office_upload WHERE id = ?1", [id], |row| row.get(0))?;
    intake
        .tx
        .prepare_cached(
            "UPDATE office_upload SET offset = ?2, received = received + ?3, expires_at = ?4 WHERE id = ?1",
        )?
        .execute((id, offset, received, intake.now.wall.plus_ms(limits::UPLOAD_KEEP_MS)))?;
    meta::tally(intake.tx, fact::BYTES_RECEIVED, received)?;
    meta::tally(intake.tx, fact::BYTES_RESENT, received.saturating_sub(offset.saturating_sub(before)))?;
    Ok(())
}

/// Throws an upload away, its bytes having turned out wrong.
pub(crate) fn discard(intake: &Intake<'_, '_>, uploads: &Path, upload: &Upload) -> Result<(), OfficeError> {
    let begun =
        intake.tx.query_row("SELECT created_at FROM office_upload WHERE id = ?1", [upload.id], |row| row.get(0));
    if let Some(begun) = begun.optional()? {
        quotas::give_back(intake, upload.incarnation, upload.length, begun)?;
    }
    intake.tx.execute("DELETE FROM office_upload WHERE id = ?1", [upload.id])?;
    meta::tally(intake.tx, fact::BYTES_RESENT, upload.length)?;
    remove(&upload.file(uploads))
}

/// Forgets uploads that have expired, with their files. One that is written to right now stays.
pub(crate) fn sweep(intake: &Intake<'_, '_>, uploads: &Path, busy: &Arc<Busy>) -> Result<usize, OfficeError> {
    let mut statement = intake.tx.prepare_cached(
        "SELECT id, incarnation, length, created_at, finished_at IS NOT NULL FROM office_upload WHERE expires_at < ?1",
    )?;
    let rows = statement.query_map([intake.now.wall], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, bool>(4)?))
    })?;
    let expired: Vec<(Nonce, IncarnationId, u64, Moment, bool)> = rows.collect::<Result<_, _>>()?;
    let mut swept = 0;
    for (id, incarnation, length, begun, finished) in expired.into_iter().filter(|upload| !busy.is(upload.0)) {
        if !finished {
            quotas::give_back(intake, incarnation, length, begun)?;
        }
        intake.tx.execute("DELETE FROM office_upload WHERE id = ?1", [id])?;
        remove(&uploads.join(id.to_string()))?;
        swept += 1;
    }
    Ok(swept)
}

/// Deletes a file that may be gone already.
pub(crate) fn remove(file: &Path) -> Result<(), OfficeError> {
    match std::fs::remove_file(file) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(OfficeError::file(file, source)),
        Ok(()) | Err(_) => Ok(()),
    }
}
