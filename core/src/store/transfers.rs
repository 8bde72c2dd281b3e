//! What a phone is doing about its outbox: open actions, and uploads with how far they have come.

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StoreError, from_json, to_json};
use crate::clock::Moment;
use crate::id::{EntryId, Nonce, PhotoHash};

/// An upload as the office last acknowledged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Where it lives at the office.
    pub location: String,
    /// How many bytes the office acknowledged.
    pub offset: u64,
    /// Up to where sending had begun, acknowledged or not.
    pub begun: u64,
    /// Whether the office has to be asked for its offset first.
    pub uncertain: bool,
}

/// Keeps what is about to be done.
///
/// # Errors
/// [`StoreError`].
pub fn begin<T: Serialize>(tx: &Transaction<'_>, id: Nonce, intent: &T, at: Moment) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO action (id, intent, created_at) VALUES (?1, ?2, ?3)")?.execute((
        id,
        to_json("action", intent)?,
        at,
    ))?;
    Ok(())
}

/// Something that is being done.
#[derive(Debug, Clone)]
pub struct Begun<T> {
    /// What.
    pub intent: T,
    /// Whether somebody else has taken it up since, because its outcome was not known.
    pub doubted: bool,
}

/// What is being done under this id; none where it is done already.
///
/// # Errors
/// [`StoreError`].
pub fn begun<T: DeserializeOwned>(conn: &Connection, id: Nonce) -> Result<Option<Begun<T>>, StoreError> {
    let found: Option<(String, bool)> = conn
        .prepare_cached("SELECT intent, doubted FROM action WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map(|(text, doubted)| Ok(Begun { intent: from_json("action", &text)?, doubted })).transpose()
}

/// The action whose outcome is not known, and which nobody has taken up since.
///
/// # Errors
/// [`StoreError`].
pub fn open<T: DeserializeOwned>(conn: &Connection) -> Result<Option<(Nonce, T)>, StoreError> {
    let found: Option<(Nonce, String)> = conn
        .prepare_cached("SELECT id, intent FROM action WHERE doubted = 0 ORDER BY created_at, id LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map(|(id, text)| Ok((id, from_json("action", &text)?))).transpose()
}

/// Says that somebody else takes it up, although whoever began it may still be at it. Only the last one of these is kept: of
/// an earlier one nobody is expected to report any more.
///
/// # Errors
/// [`StoreError`].
pub fn doubt(tx: &Transaction<'_>, id: Nonce) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM action WHERE doubted = 1")?.execute([])?;
    tx.prepare_cached("UPDATE action SET doubted = 1 WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Says that it is done; harmless when it was done before.
///
/// # Errors
/// [`StoreError`].
pub fn end(tx: &Transaction<'_>, id: Nonce) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM action WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Forgets all that is being done: who began it reports to nobody.
///
/// # Errors
/// [`StoreError`].
pub fn forget_actions(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute("DELETE FROM action", [])?;
    Ok(())
}

/// How far an upload has come; none before the office made it.
///
/// # Errors
/// [`StoreError`].
pub fn upload(conn: &Connection, entry: EntryId, sha256: PhotoHash) -> Result<Option<Upload>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT location, offset, begun, uncertain FROM upload WHERE entry = ?1 AND sha256 = ?2")?
        .query_row((entry, sha256), |row| {
            Ok(Upload {
                location: row.get("location")?,
                offset: row.get("offset")?,
                begun: row.get("begun")?,
                uncertain: row.get("uncertain")?,
            })
        })
        .optional()?)
}

/// Keeps how far an upload has come.
///
/// # Errors
/// [`StoreError`].
pub fn put_upload(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash, upload: &Upload) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO upload (entry, sha256, location, offset, begun, uncertain) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (entry, sha256) DO UPDATE SET location = excluded.location, offset = excluded.offset,
             begun = excluded.begun, uncertain = excluded.uncertain",
    )?
    .execute((entry, sha256, &upload.location, upload.offset, upload.begun, upload.uncertain))?;
    Ok(())
}

/// Forgets an upload that the office no longer knows.
///
/// # Errors
/// [`StoreError`].
pub fn forget_upload(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM upload WHERE entry = ?1 AND sha256 = ?2")?.execute((entry, sha256))?;
    Ok(())
}

/// Has the office asked again about uploads that are whole and for which it has signed nothing.
///
/// # Errors
/// [`StoreError`].
pub fn doubt_unreceipted(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE upload SET uncertain = 1 WHERE EXISTS (
             SELECT 1 FROM attachment a
             WHERE a.entry = upload.entry AND a.sha256 = upload.sha256 AND a.receipt IS NULL AND upload.offset >= a.bytes)",
        [],
    )?;
    Ok(())
}
