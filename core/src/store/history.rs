//! Judged entries that may leave a phone: a verified backup of the office holds them, and nothing here needs them.

use rusqlite::{Connection, Transaction};

use super::StoreError;
use crate::id::{EntryId, ItemId, PhotoHash};

/// Items of which this phone has more than `most` judged entries of others.
///
/// # Errors
/// [`StoreError`].
pub fn crowded(conn: &Connection, most: usize) -> Result<Vec<ItemId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT j.item FROM judgement j JOIN entry e ON e.id = j.entry
         WHERE e.incarnation IS NULL GROUP BY j.item HAVING count(*) > ?1",
    )?;
    let rows = statement.query_map([most], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A judged entry of somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The entry.
    pub entry: EntryId,
    /// The count that it led to.
    pub count: u64,
    /// Whether a verified backup of the office holds it.
    pub safe: bool,
}

/// The judged entries of others on an item, the newest first.
///
/// # Errors
/// [`StoreError`].
pub fn of_others(conn: &Connection, item: ItemId) -> Result<Vec<Told>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT j.entry, coalesce(j.count, 0) AS count, coalesce(j.told_at <= s.position, 0) AS safe
         FROM judgement j JOIN entry e ON e.id = j.entry LEFT JOIN feed_safe s ON s.audience = j.told_in
         WHERE j.item = ?1 AND e.incarnation IS NULL ORDER BY j.count DESC",
    )?;
    let rows = statement.query_map([item], |row| {
        Ok(Told { entry: row.get("entry")?, count: row.get("count")?, safe: row.get("safe")? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets an entry of somebody else's.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &Transaction<'_>, entry: EntryId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM attachment WHERE entry = ?1 AND own = 0",
        "DELETE FROM judgement WHERE entry = ?1",
        "DELETE FROM entry WHERE id = ?1 AND incarnation IS NULL",
    ] {
        tx.prepare_cached(sql)?.execute([entry])?;
    }
    Ok(())
}

/// Own entries on items that have left this phone which nothing keeps here, at most `limit`: they took effect, or were rejected
/// and their author has seen that, a verified backup holds them, and their originals have left.
///
/// # Errors
/// [`StoreError`].
pub fn own_of_the_past(conn: &Connection, limit: usize) -> Result<Vec<EntryId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT e.id FROM judgement j JOIN entry e ON e.id = j.entry JOIN feed_safe s ON s.audience = j.told_in
         WHERE e.incarnation IS NOT NULL AND j.told_at <= s.position
             AND (j.verdict IN ('applied', 'merged', 'no_op') OR (j.verdict = 'rejected' AND j.acknowledged = 1))
             AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.item = e.item)
             AND NOT EXISTS (SELECT 1 FROM item i WHERE i.id = e.item)
             AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.entry = e.id)
             AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.entry = e.id AND a.own = 1 AND a.gone <> 2)
         LIMIT ?1",
    )?;
    let rows = statement.query_map([limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lets an own entry go: its place in the chain and its hash stay. Gives the photos that no own entry shows any more.
///
/// # Errors
/// [`StoreError`].
pub fn let_go(tx: &Transaction<'_>, entry: EntryId) -> Result<Vec<PhotoHash>, StoreError> {
    let mut statement = tx.prepare_cached("DELETE FROM attachment WHERE entry = ?1 RETURNING sha256")?;
    let shown: Vec<PhotoHash> = statement.query_map([entry], |row| row.get(0))?.collect::<Result<_, _>>()?;
    tx.prepare_cached("DELETE FROM judgement WHERE entry = ?1")?.execute([entry])?;
    tx.prepare_cached("DELETE FROM upload WHERE entry = ?1")?.execute([entry])?;
    tx.prepare_cached(
        "INSERT INTO entry_left (incarnation, seq, entry, header_hash)
         SELECT incarnation, seq, id, header_hash FROM entry WHERE id = ?1",
    )?
    .execute([entry])?;
    tx.prepare_cached("DELETE FROM entry WHERE id = ?1")?.execute([entry])?;
    let mut unshown = Vec::new();
    for photo in shown {
        if !super::photos::is_own(tx, photo)? {
            unshown.push(photo);
        }
    }
    Ok(unshown)
}

/// Forgets the seals over batches of which every entry has left.
///
/// # Errors
/// [`StoreError`].
pub fn forget_seals(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM batch_seal WHERE NOT EXISTS (
             SELECT 1 FROM entry e WHERE e.incarnation = batch_seal.incarnation
                 AND e.seq BETWEEN batch_seal.first_seq AND batch_seal.last_seq)",
        [],
    )?;
    Ok(())
}

/// How many entries that were applied to an item are not on this phone, which holds it at `count`.
///
/// # Errors
/// [`StoreError`].
pub fn missing(conn: &Connection, item: ItemId, count: u64) -> Result<u64, StoreError> {
    let here: u64 = conn
        .prepare_cached(
            "SELECT count(*) FROM judgement WHERE item = ?1 AND verdict IN ('applied', 'merged') AND count <= ?2",
        )?
        .query_row((item, count), |row| row.get(0))?;
    Ok(count.saturating_sub(here))
}
