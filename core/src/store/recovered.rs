//! What an office knows by what phones brought back after a restore: places in chains that have not come, and what is part of
//! an item by a snapshot.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::StoreError;
use crate::id::{EntryId, IncarnationId, ItemId, PersonId};
use crate::journal::entry::{Entry, Origin};

/// Says that an entry that was just kept has a place in a chain which has not come so far.
///
/// # Errors
/// [`StoreError`].
pub fn pull(tx: &Transaction<'_>, entry: EntryId, origin: &Origin) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR REPLACE INTO pulled (entry, incarnation, seq) VALUES (?1, ?2, ?3)")?.execute((
        entry,
        origin.incarnation,
        origin.seq,
    ))?;
    tx.prepare_cached("UPDATE entry SET own = ?2 WHERE id = ?1")?.execute((entry, origin.own))?;
    Ok(())
}

/// Whether an entry has no place of its own in any chain yet.
///
/// # Errors
/// [`StoreError`].
pub fn is_pulled(conn: &Connection, entry: EntryId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM pulled WHERE entry = ?1")?.exists([entry])?)
}

/// Completes an entry by its private part, which its author has brought.
///
/// # Errors
/// [`StoreError`].
pub fn complete(tx: &Transaction<'_>, entry: EntryId, again: &Entry, who: &PersonId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE entry SET private = coalesce(private, ?2), who = coalesce(who, ?3) WHERE id = ?1")?
        .execute((entry, &again.private, who.as_str()))?;
    Ok(())
}

/// Gives an entry the place in its author's chain that its origin names: the chain has come so far.
///
/// # Errors
/// [`StoreError`].
pub fn place(tx: &Transaction<'_>, entry: EntryId, origin: &Origin) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE entry SET incarnation = ?2, seq = ?3, own = ?4 WHERE id = ?1")?.execute((
        entry,
        origin.incarnation,
        origin.seq,
        origin.own,
    ))?;
    tx.prepare_cached("DELETE FROM pulled WHERE entry = ?1")?.execute([entry])?;
    Ok(())
}

/// Says that an entry has a place, if another than its origin names.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &Transaction<'_>, entry: EntryId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM pulled WHERE entry = ?1")?.execute([entry])?;
    Ok(())
}

/// Notes what a snapshot holds: these entries are in the item, these causes were written.
///
/// # Errors
/// [`StoreError`].
pub fn know(tx: &Transaction<'_>, item: ItemId, entries: &[EntryId], causes: &[String]) -> Result<(), StoreError> {
    for entry in entries {
        tx.prepare_cached("INSERT OR IGNORE INTO restored_entry (entry, item) VALUES (?1, ?2)")?
            .execute((entry, item))?;
    }
    for cause in causes {
        tx.prepare_cached("INSERT OR IGNORE INTO restored_cause (cause, item) VALUES (?1, ?2)")?
            .execute((cause, item))?;
    }
    Ok(())
}

/// Whether an entry is part of its item by a snapshot.
///
/// # Errors
/// [`StoreError`].
pub fn is_restored(conn: &Connection, entry: EntryId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM restored_entry WHERE entry = ?1")?.exists([entry])?)
}

/// The entries that are part of an item by a snapshot.
///
/// # Errors
/// [`StoreError`].
pub fn entries(conn: &Connection, item: ItemId) -> Result<BTreeSet<EntryId>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT entry FROM restored_entry WHERE item = ?1")?;
    let rows = statement.query_map([item], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The causes that were written on an item by a snapshot.
///
/// # Errors
/// [`StoreError`].
pub fn causes(conn: &Connection, item: ItemId) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT cause FROM restored_cause WHERE item = ?1")?;
    let rows = statement.query_map([item], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The item on which the office wrote something once about `cause`, on this branch or on one that came back.
///
/// # Errors
/// [`StoreError`].
pub fn caused(conn: &Connection, cause: &str) -> Result<Option<ItemId>, StoreError> {
    let sql =
        "SELECT item FROM entry WHERE cause = ?1 UNION ALL SELECT item FROM restored_cause WHERE cause = ?1 LIMIT 1";
    Ok(conn.prepare_cached(sql)?.query_row([cause], |row| row.get(0)).optional()?)
}

/// What is missing of a chain: others brought back entries of it from beyond where it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Whose chain.
    pub incarnation: IncarnationId,
    /// Its last place that has come; 0 where none has.
    pub through: u64,
    /// The last place that is known of.
    pub known: u64,
    /// How many of the places between are known.
    pub pulled: u64,
}

impl Gap {
    /// How many entries nobody has brought.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        self.known.saturating_sub(self.through).saturating_sub(self.pulled)
    }
}

/// All gaps, by chain.
///
/// # Errors
/// [`StoreError`].
pub fn gaps(conn: &Connection) -> Result<Vec<Gap>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT DISTINCT incarnation FROM pulled ORDER BY incarnation")?;
    let chains = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<IncarnationId>, _>>()?;
    let gaps = chains.into_iter().map(|incarnation| gap(conn, incarnation));
    gaps.filter_map(Result::transpose).collect()
}

/// What is missing of the chain of `incarnation`; none where nothing is known of beyond what has come.
///
/// # Errors
/// [`StoreError`].
pub fn gap(conn: &Connection, incarnation: IncarnationId) -> Result<Option<Gap>, StoreError> {
    let through = super::entries::head(conn, incarnation)?.seq;
    let (known, pulled): (Option<u64>, u64) = conn
        .prepare_cached("SELECT max(seq), count(*) FROM pulled WHERE incarnation = ?1 AND seq > ?2")?
        .query_row((incarnation, through), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(known.map(|known| Gap { incarnation, through, known, pulled }))
}

/// The item that bears this number already, but for `item`.
///
/// # Errors
/// [`StoreError`].
pub fn numbered(conn: &Connection, kind: &str, number: &str, item: ItemId) -> Result<Option<ItemId>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT id FROM item WHERE kind = ?1 AND label = ?2 AND id <> ?3 LIMIT 1")?
        .query_row((kind, number, item), |row| row.get(0))
        .optional()?)
}

/// Items of `kind` that have no label: the office would have numbered each.
///
/// # Errors
/// [`StoreError`].
pub fn unlabelled(conn: &Connection, kind: &str) -> Result<Vec<ItemId>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT id FROM item WHERE kind = ?1 AND label IS NULL ORDER BY row")?;
    let rows = statement.query_map([kind], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
