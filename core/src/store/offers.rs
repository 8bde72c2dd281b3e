//! On a phone, the countersignatures that it has held, and what it is about to offer to a restored office.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::StoreError;
use super::meta::{self, key};
use crate::id::{EntryId, Hash, IncarnationId, ItemId};
use crate::limits;
use crate::mutant::{self, Mutant};

/// A countersignature of the office's that this phone has held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The number of the request that it answered.
    pub request: u64,
    /// Its [hash](crate::crypto::Signed::hash).
    pub hash: Hash,
    /// Which chain it is about.
    pub incarnation: IncarnationId,
    /// How far the office had that.
    pub seq: u64,
}

/// Notes a countersignature, and forgets the oldest beyond [`limits::COUNTERSIGNATURES`].
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &Transaction<'_>, held: &Held) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO countersignature (request, hash, incarnation, seq) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((held.request, held.hash, held.incarnation, held.seq))?;
    tx.prepare_cached(
        "DELETE FROM countersignature WHERE request <= (
             SELECT request FROM countersignature ORDER BY request DESC LIMIT 1 OFFSET ?1)",
    )?
    .execute([limits::COUNTERSIGNATURES])?;
    Ok(())
}

/// The one with this hash, if this phone has held it.
///
/// # Errors
/// [`StoreError`].
pub fn held(conn: &Connection, hash: &Hash) -> Result<Option<Held>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT request, hash, incarnation, seq FROM countersignature WHERE hash = ?1")?
        .query_row([hash], |row| {
            Ok(Held { request: row.get(0)?, hash: row.get(1)?, incarnation: row.get(2)?, seq: row.get(3)? })
        })
        .optional()?)
}

/// One thing to be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// Its place in the order.
    pub place: u64,
    /// Its item.
    pub item: ItemId,
    /// The judged entry; none for the item's snapshot.
    pub entry: Option<EntryId>,
}

/// Puts all into the order of what is to be offered that the office told with its answer to request `since` or later, item by
/// item in the order of its versions; what was to be offered before is forgotten. Gives how much it is.
///
/// An answer tells more than it countersigns: its page is read after the countersignature is committed.
///
/// # Errors
/// [`StoreError`].
pub fn fill(tx: &Transaction<'_>, since: u64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM offer", [])?;
    if mutant::is_on(Mutant::NothingBroughtBack) {
        return Ok(0);
    }
    let offered = tx
        .prepare_cached(
            "INSERT INTO offer (item, entry) SELECT item, entry FROM (
                 SELECT j.item, j.entry, coalesce(j.count, 0) AS count, e.rowid AS came,
                     iif(j.verdict IN ('applied', 'merged'), 0, 2) AS rank
                 FROM judgement j JOIN entry e ON e.id = j.entry
                 WHERE j.attestation IS NOT NULL AND coalesce(j.request, ?1) >= ?1
                     AND j.verdict IN ('applied', 'merged', 'no_op', 'rejected')
                 UNION ALL
                 SELECT s.item, NULL, (s.snapshot ->> '$.view') ->> '$.version.count', 0, 1
                 FROM snapshot s WHERE coalesce(s.request, ?1) >= ?1)
             ORDER BY item, count, rank, came",
        )?
        .execute([since])?;
    Ok(offered as u64)
}

/// The next things to be offered, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn next(conn: &Connection, limit: usize) -> Result<Vec<Owed>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT place, item, entry FROM offer ORDER BY place LIMIT ?1")?;
    let rows =
        statement.query_map([limit], |row| Ok(Owed { place: row.get(0)?, item: row.get(1)?, entry: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets what was offered and answered, up to `place`.
///
/// # Errors
/// [`StoreError`].
pub fn answered(tx: &Transaction<'_>, place: u64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM offer WHERE place <= ?1")?.execute([place])?;
    Ok(())
}

/// How much is still to be offered.
///
/// # Errors
/// [`StoreError`].
pub fn count(conn: &Connection) -> Result<u64, StoreError> {
    Ok(conn.prepare_cached("SELECT count(*) FROM offer")?.query_row([], |row| row.get(0))?)
}

/// Leaves the branch that this store has read, for one of which it has read nothing: each item is shown as it was until the
/// office tells what it is there; receipts that came with request `since` or later are void, and what was called safe is told
/// anew. Gives how many receipts are void.
///
/// # Errors
/// [`StoreError`].
pub fn leave_branch(tx: &Transaction<'_>, since: u64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM feed_position", [])?;
    tx.execute("DELETE FROM membership", [])?;
    tx.execute(
        "INSERT INTO item_confirmed (item, view) SELECT id, NULL FROM item WHERE true
         ON CONFLICT (item) DO UPDATE SET view = NULL",
        [],
    )?;
    tx.execute("DELETE FROM judgement WHERE entry IN (SELECT entry FROM pending)", [])?;
    let since = if mutant::is_on(Mutant::DeadReceiptsKept) { u64::MAX >> 1 } else { since };
    let voided = tx.execute(
        "UPDATE attachment SET receipt = NULL, receipt_request = NULL
         WHERE own = 1 AND receipt IS NOT NULL AND coalesce(receipt_request, ?1) >= ?1",
        [since],
    )?;
    // Safe is what that office's backups hold; how far they hold its feeds it tells anew.
    tx.execute("UPDATE attachment SET safe = 0, safe_since = NULL WHERE own = 1", [])?;
    tx.execute("DELETE FROM feed_safe", [])?;
    tx.execute("UPDATE judgement SET told_in = NULL, told_at = NULL", [])?;
    meta::clear(tx, key::BACKUP)?;
    // Where uploads stand, that office says.
    tx.execute(
        "DELETE FROM upload WHERE EXISTS (
             SELECT 1 FROM attachment a WHERE a.entry = upload.entry AND a.sha256 = upload.sha256 AND a.receipt IS NULL
                 AND upload.offset >= a.bytes)",
        [],
    )?;
    tx.execute("UPDATE upload SET uncertain = 1", [])?;
    tx.execute(
        "UPDATE attachment SET previewed = 0 WHERE own = 1 AND previewed = 1 AND coalesce(preview_request, ?1) >= ?1",
        [since],
    )?;
    tx.execute("UPDATE attachment SET view_owed = 1 WHERE own = 1 AND view_owed = 0 AND view_request >= ?1", [since])?;
    Ok(voided as u64)
}

/// Items that are shown as another branch had them, are in no audience of this one, and were not opened here.
///
/// # Errors
/// [`StoreError`].
pub fn left_behind(conn: &Connection) -> Result<Vec<ItemId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.item FROM item_confirmed c WHERE c.view IS NULL
             AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.item = c.item)
             AND NOT EXISTS (
                 SELECT 1 FROM entry e WHERE e.item = c.item AND e.change = 'open' AND e.incarnation IS NOT NULL)",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
