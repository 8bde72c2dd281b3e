//! What a phone is doing about its outbox: open actions, and uploads with how far they have come.

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StoreError, from_json, to_json};
use crate::clock::Now;
use crate::id::{EntryId, Nonce, PhotoHash};
use crate::limits;

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

/// Keeps what is about to be done; `metered_day` is the day whose [count](add_metered) its bytes are in.
///
/// # Errors
/// [`StoreError`].
pub fn begin<T: Serialize>(
    tx: &Transaction<'_>,
    id: Nonce,
    intent: &T,
    now: &Now,
    metered_day: Option<&str>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO action (id, intent, created_at, begun_ms, begun_boot, metered_day) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((id, to_json("action", intent)?, now.wall, now.monotonic_ms, &now.boot_id, metered_day))?;
    Ok(())
}

/// Something that is being done.
#[derive(Debug, Clone)]
pub struct Begun<T> {
    /// What.
    pub intent: T,
    /// Whether somebody else has taken it up since, because its outcome was not known.
    pub doubted: bool,
    /// When, on the monotonic clock of the boot that is asked about; none where that was another one.
    pub begun_ms: Option<u64>,
    /// The day whose count of bytes it is in.
    pub metered_day: Option<String>,
}

/// What is being done under this id, as it looks from this boot; none where it is done already.
///
/// # Errors
/// [`StoreError`].
pub fn begun<T: DeserializeOwned>(conn: &Connection, id: Nonce, boot_id: &str) -> Result<Option<Begun<T>>, StoreError> {
    let found: Option<(String, Begun<()>)> = conn
        .prepare_cached(
            "SELECT intent, doubted, iif(begun_boot = ?2, begun_ms, NULL) AS begun_ms, metered_day FROM action WHERE id = ?1",
        )?
        .query_row((id, boot_id), |row| {
            let (doubted, begun_ms) = (row.get("doubted")?, row.get("begun_ms")?);
            Ok((row.get("intent")?, Begun { intent: (), doubted, begun_ms, metered_day: row.get("metered_day")? }))
        })
        .optional()?;
    found
        .map(|(text, Begun { doubted, begun_ms, metered_day, .. })| {
            Ok(Begun { intent: from_json("action", &text)?, doubted, begun_ms, metered_day })
        })
        .transpose()
}

/// Counts bytes that go over a network which is paid by the byte, on a day in Beijing.
///
/// # Errors
/// [`StoreError`].
pub fn add_metered(tx: &Transaction<'_>, day: &str, bytes: u64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO metered_day (day, bytes) VALUES (?1, ?2) ON CONFLICT (day) DO UPDATE SET bytes = bytes + excluded.bytes",
    )?
    .execute((day, bytes))?;
    tx.prepare_cached(
        "DELETE FROM metered_day WHERE day <> ?1
             AND day NOT IN (SELECT day FROM metered_day ORDER BY day DESC LIMIT ?2)",
    )?
    .execute((day, limits::METERED_DAYS))?;
    Ok(())
}

/// Takes bytes out of a day's count that never left.
///
/// # Errors
/// [`StoreError`].
pub fn never_metered(tx: &Transaction<'_>, day: &str, bytes: u64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE metered_day SET bytes = max(bytes - ?2, 0) WHERE day = ?1")?.execute((day, bytes))?;
    Ok(())
}

/// The count of a day.
///
/// # Errors
/// [`StoreError`].
pub fn metered(conn: &Connection, day: &str) -> Result<u64, StoreError> {
    let bytes = conn
        .prepare_cached("SELECT bytes FROM metered_day WHERE day = ?1")?
        .query_row([day], |row| row.get(0))
        .optional()?;
    Ok(bytes.unwrap_or(0))
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
