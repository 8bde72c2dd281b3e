//! What each photo is, which entry shows it, and how far it has come.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::{Deserialize, Serialize};

use super::meta::{self, key};
use super::{StoreError, from_json, to_json};
use crate::clock::Now;
use crate::crypto::Signed;
use crate::id::{EntryId, IncarnationId, ItemId, PhotoHash};
use crate::journal::entry::Photo;
use crate::sync::wire::Receipt;

/// Which files of a photo are in the photo folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Here {
    /// The original.
    pub original: bool,
    /// The rendition of 1,600 px.
    pub view: bool,
    /// The thumbnail.
    pub thumbnail: bool,
}

/// Where a photo stands on its way to the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoStage {
    /// On this device, durable.
    Saved,
    /// The office has its entry.
    Sent,
    /// The office has judged its entry.
    Judged,
    /// The office has signed for the original.
    Received,
    /// A verified backup of the office covers the original.
    Safe,
}

/// A photo of an entry, as this store holds it.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The entry that shows it.
    pub entry: EntryId,
    /// The original.
    pub sha256: PhotoHash,
    /// The item of the entry.
    pub item: ItemId,
    /// Whether this store captured it and owes its bytes.
    pub own: bool,
    /// Whether the office took the thumbnail.
    pub previewed: bool,
    /// At the office, the view that came from this entry's lineage: of a photo that the office cannot draw itself.
    pub view_sent: Option<PhotoHash>,
    /// Whether the office signed for the original.
    pub received: bool,
    /// Whether a verified backup covers it.
    pub safe: bool,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Attachment> {
    Ok(Attachment {
        entry: row.get("entry")?,
        sha256: row.get("sha256")?,
        item: row.get("item")?,
        own: row.get("own")?,
        previewed: row.get("previewed")?,
        view_sent: row.get("view_sent")?,
        received: row.get("received")?,
        safe: row.get("safe")?,
    })
}

/// Says which files of a photo lie at the office; those that came later are added to those that were here.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &Transaction<'_>, sha256: PhotoHash, here: Here) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO photo (sha256, original_here, view_here, thumbnail_here) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (sha256) DO UPDATE SET original_here = max(original_here, excluded.original_here),
             view_here = max(view_here, excluded.view_here), thumbnail_here = max(thumbnail_here, excluded.thumbnail_here)",
    )?
    .execute((sha256, here.original, here.view, here.thumbnail))?;
    Ok(())
}

/// Whether this store captured the photo, for whatever entry: its files are what it has to show.
///
/// # Errors
/// [`StoreError`].
pub fn is_own(conn: &Connection, sha256: PhotoHash) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM attachment WHERE sha256 = ?1 AND own = 1")?.exists([sha256])?)
}

/// Whether a row says that a view drawn from the original of this photo lies in the photo folder.
///
/// # Errors
/// [`StoreError`].
pub fn is_drawn(conn: &Connection, sha256: PhotoHash) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM photo WHERE sha256 = ?1 AND view_here = 1")?.exists([sha256])?)
}

/// Ties a photo to the entry that shows it. Of an own one that the office cannot draw itself, its view is owed too.
///
/// # Errors
/// [`StoreError`].
pub fn attach(tx: &Transaction<'_>, entry: EntryId, item: ItemId, photo: &Photo, own: bool) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO attachment (entry, sha256, item, bytes, own, view_owed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((entry, photo.sha256, item, photo.bytes, own, own && !photo.media.is_drawn()))?;
    Ok(())
}

/// One attachment.
///
/// # Errors
/// [`StoreError`].
pub fn attachment(conn: &Connection, entry: EntryId, sha256: PhotoHash) -> Result<Option<Attachment>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT entry, sha256, item, own, previewed, view_sent, receipt IS NOT NULL AS received, safe
             FROM attachment WHERE entry = ?1 AND sha256 = ?2",
        )?
        .query_row((entry, sha256), read)
        .optional()?)
}

/// The attachments of an item.
///
/// # Errors
/// [`StoreError`].
pub fn of_item(conn: &Connection, item: ItemId) -> Result<Vec<Attachment>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT entry, sha256, item, own, previewed, view_sent, receipt IS NOT NULL AS received, safe
         FROM attachment WHERE item = ?1 ORDER BY entry",
    )?;
    let rows = statement.query_map([item], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The attachments of an entry.
///
/// # Errors
/// [`StoreError`].
pub fn of_entry(conn: &Connection, entry: EntryId) -> Result<Vec<Attachment>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT entry, sha256, item, own, previewed, view_sent, receipt IS NOT NULL AS received, safe
         FROM attachment WHERE entry = ?1 ORDER BY sha256",
    )?;
    let rows = statement.query_map([entry], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All attachments that this store captured.
///
/// # Errors
/// [`StoreError`].
pub fn own(conn: &Connection) -> Result<Vec<Attachment>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT entry, sha256, item, own, previewed, view_sent, receipt IS NOT NULL AS received, safe
         FROM attachment WHERE own = 1 ORDER BY entry",
    )?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What keeps an own photo back that the office did not take: it waits by itself, and the others go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Until when, on the monotonic clock of `boot_id`.
    pub until_monotonic_ms: u64,
    /// The boot.
    pub boot_id: String,
    /// Refusals in a row.
    pub refusals: u32,
}

/// Own photos whose hash begins with these digits, at most two.
///
/// # Errors
/// [`StoreError`].
pub fn own_starting_with(conn: &Connection, digits: &str) -> Result<Vec<PhotoHash>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT sha256 FROM attachment WHERE own = 1 AND substr(lower(hex(sha256)), 1, length(?1)) = ?1 LIMIT 2",
    )?;
    let rows = statement.query_map([digits], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sets an own photo aside because of `refusal`, a text of the caller's; none where nobody refused it.
///
/// # Errors
/// [`StoreError`].
pub fn set_aside(
    tx: &Transaction<'_>,
    entry: EntryId,
    sha256: PhotoHash,
    aside: &Aside,
    refusal: Option<&str>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE attachment SET refusal = ?3, refusals = ?4, aside_until = ?5, aside_boot = ?6
         WHERE entry = ?1 AND sha256 = ?2",
    )?
    .execute((entry, sha256, refusal, aside.refusals, aside.until_monotonic_ms, &aside.boot_id))?;
    Ok(())
}

/// How often in a row the office did not take this photo.
///
/// # Errors
/// [`StoreError`].
pub fn refusals(conn: &Connection, entry: EntryId, sha256: PhotoHash) -> Result<u32, StoreError> {
    let known = conn
        .prepare_cached("SELECT refusals FROM attachment WHERE entry = ?1 AND sha256 = ?2")?
        .query_row((entry, sha256), |row| row.get(0))
        .optional()?;
    Ok(known.unwrap_or(0))
}

/// Lets all photos go at once that were set aside, and looks for those that were lost. Why they were stays until the office
/// takes them.
///
/// # Errors
/// [`StoreError`].
pub fn none_aside(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE attachment SET aside_until = NULL, aside_boot = NULL, lost = iif(lost = 1, 2, lost)
         WHERE aside_until IS NOT NULL OR lost = 1",
        [],
    )?;
    Ok(())
}

/// Forgets that the office did not take a photo before.
///
/// # Errors
/// [`StoreError`].
pub fn taken(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE attachment SET refusal = NULL, refusals = 0, aside_until = NULL, aside_boot = NULL
         WHERE entry = ?1 AND sha256 = ?2 AND (refusals > 0 OR refusal IS NOT NULL)",
    )?
    .execute((entry, sha256))?;
    Ok(())
}

/// When the first photo that is set aside `now` may go; none where none is.
///
/// # Errors
/// [`StoreError`].
pub fn aside_until(conn: &Connection, now: &Now) -> Result<Option<u64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT min(aside_until) FROM attachment WHERE aside_boot = ?1 AND aside_until > ?2")?
        .query_row((&now.boot_id, now.monotonic_ms), |row| row.get(0))?)
}

/// Why an own photo has not gone that the office has not signed for: it was not taken, or is lost; of several the first.
///
/// # Errors
/// [`StoreError`].
pub fn refusal(conn: &Connection) -> Result<Option<String>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT a.refusal FROM attachment a JOIN entry e ON e.id = a.entry
             WHERE a.own = 1 AND a.refusal IS NOT NULL AND a.receipt IS NULL ORDER BY e.seq LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?)
}

/// How far the photos of one device's entries have come, at the office.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Photos that its entries name.
    pub named: u64,
    /// Of these, whose original the office has signed for.
    pub received: u64,
    /// Of these, that a verified backup covers.
    pub safe: u64,
    /// Bytes of the originals that have not arrived.
    pub missing_bytes: u64,
}

/// An original that an entry names and that has not arrived, at the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The item of the entry.
    pub item: ItemId,
    /// The original.
    pub sha256: PhotoHash,
    /// Its length.
    pub bytes: u64,
}

/// How far the photos of `incarnation`'s entries have come.
///
/// # Errors
/// [`StoreError`].
pub fn progress(conn: &Connection, incarnation: IncarnationId) -> Result<Progress, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) AS named, count(a.receipt) AS received, coalesce(sum(a.safe), 0) AS safe,
                 coalesce(sum(CASE WHEN a.receipt IS NULL THEN a.bytes END), 0) AS missing_bytes
             FROM entry e JOIN attachment a ON a.entry = e.id
             WHERE e.incarnation = ?1 AND e.change = 'attach'",
        )?
        .query_row([incarnation], |row| {
            Ok(Progress {
                named: row.get("named")?,
                received: row.get("received")?,
                safe: row.get("safe")?,
                missing_bytes: row.get("missing_bytes")?,
            })
        })?)
}

/// The originals that `incarnation`'s entries name and that have not arrived, oldest first, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn missing(conn: &Connection, incarnation: IncarnationId, limit: usize) -> Result<Vec<Missing>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT a.item, a.sha256, a.bytes
         FROM entry e JOIN attachment a ON a.entry = e.id
         WHERE e.incarnation = ?1 AND e.change = 'attach' AND a.receipt IS NULL ORDER BY e.seq LIMIT ?2",
    )?;
    let rows = statement.query_map((incarnation, limit), |row| {
        Ok(Missing { item: row.get(0)?, sha256: row.get(1)?, bytes: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says that the thumbnail of an entry's photo is at the office, or need not go there.
///
/// # Errors
/// [`StoreError`].
pub fn set_previewed(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash) -> Result<(), StoreError> {
    let request: Option<u64> = meta::get(tx, key::REQUEST_NUMBER)?;
    tx.prepare_cached("UPDATE attachment SET previewed = 1, preview_request = ?3 WHERE entry = ?1 AND sha256 = ?2")?
        .execute((entry, sha256, request))?;
    Ok(())
}

/// Says on a phone that the view of an entry's photo is at the office, or need not go there.
///
/// # Errors
/// [`StoreError`].
pub fn set_view_settled(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash) -> Result<(), StoreError> {
    let request: Option<u64> = meta::get(tx, key::REQUEST_NUMBER)?;
    tx.prepare_cached("UPDATE attachment SET view_owed = 0, view_request = ?3 WHERE entry = ?1 AND sha256 = ?2")?
        .execute((entry, sha256, request))?;
    Ok(())
}

/// Says at the office which view came from the lineage of the entry that shows a photo.
///
/// # Errors
/// [`StoreError`].
pub fn set_view_sent(
    tx: &Transaction<'_>,
    entry: EntryId,
    sha256: PhotoHash,
    view: PhotoHash,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE attachment SET view_sent = ?3 WHERE entry = ?1 AND sha256 = ?2")?
        .execute((entry, sha256, view))?;
    Ok(())
}

/// Keeps the office's receipt for an original, and on a phone which of its requests brought it.
///
/// # Errors
/// [`StoreError`].
pub fn set_receipt(
    tx: &Transaction<'_>,
    receipt: &Receipt,
    signed: &Signed<Receipt>,
    request: Option<u64>,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE attachment SET receipt = ?3, receipt_request = ?4 WHERE entry = ?1 AND sha256 = ?2")?
        .execute((receipt.entry, receipt.sha256, to_json("attachment", signed)?, request))?;
    Ok(())
}

/// The office's receipt for an original; none where it has not signed one.
///
/// # Errors
/// [`StoreError`].
pub fn receipt(conn: &Connection, entry: EntryId, sha256: PhotoHash) -> Result<Option<Signed<Receipt>>, StoreError> {
    let text: Option<Option<String>> = conn
        .prepare_cached("SELECT receipt FROM attachment WHERE entry = ?1 AND sha256 = ?2")?
        .query_row((entry, sha256), |row| row.get(0))
        .optional()?;
    text.flatten().map(|text| from_json("attachment", &text)).transpose()
}

/// Says that a verified backup covers an original, as the office told by name.
///
/// # Errors
/// [`StoreError`].
pub fn set_safe(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE attachment SET safe = 1 WHERE entry = ?1 AND sha256 = ?2 AND receipt IS NOT NULL")?
        .execute((entry, sha256))?;
    Ok(())
}

/// Forgets that the office signed for an original: it asks for it by name, so that a phone sends it whatever its policy says.
///
/// # Errors
/// [`StoreError`].
pub fn void_receipt(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE attachment SET receipt = NULL, receipt_request = NULL, safe = 0, asked = 1 WHERE entry = ?1 AND sha256 = ?2",
    )?
    .execute((entry, sha256))?;
    Ok(())
}

/// Says that an original that was lost lies in the photo folder again as it was kept.
///
/// # Errors
/// [`StoreError`].
pub fn set_found(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE attachment SET lost = 0, refusal = NULL WHERE entry = ?1 AND sha256 = ?2")?
        .execute((entry, sha256))?;
    Ok(())
}

/// Says that an own original does not lie in the photo folder as it was kept, in a text of the caller's. It is not sent until
/// somebody [looks again](none_aside).
///
/// # Errors
/// [`StoreError`].
pub fn set_lost(tx: &Transaction<'_>, entry: EntryId, sha256: PhotoHash, refusal: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE attachment SET lost = 1, refusal = ?3 WHERE entry = ?1 AND sha256 = ?2")?
        .execute((entry, sha256, refusal))?;
    Ok(())
}
