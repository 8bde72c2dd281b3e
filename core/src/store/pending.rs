//! Own entries that are written and not yet settled.

use rusqlite::{Connection, Transaction};

use super::StoreError;
use crate::id::{EntryId, ItemId};

/// Says that an entry waits for its verdict to be held here.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &Transaction<'_>, entry: EntryId, item: ItemId) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO pending (entry, item) VALUES (?1, ?2)")?.execute((entry, item))?;
    Ok(())
}

/// Says that it waits no longer.
///
/// # Errors
/// [`StoreError`].
pub fn retire(tx: &Transaction<'_>, entry: EntryId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM pending WHERE entry = ?1")?.execute([entry])?;
    Ok(())
}

/// An item's pending entries in the order in which they were written.
///
/// # Errors
/// [`StoreError`].
pub fn of_item(conn: &Connection, item: ItemId) -> Result<Vec<EntryId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT p.entry FROM pending p JOIN entry e ON e.id = p.entry WHERE p.item = ?1 ORDER BY e.rowid",
    )?;
    let rows = statement.query_map([item], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Items in none of this phone's audiences on which a decided entry waits: what became of them will not be held here.
///
/// # Errors
/// [`StoreError`].
pub fn beyond(conn: &Connection) -> Result<Vec<ItemId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT p.item FROM pending p JOIN judgement j ON j.entry = p.entry
         WHERE j.verdict NOT IN ('held', 'unknown') AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.item = p.item)",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many entries wait.
///
/// # Errors
/// [`StoreError`].
pub fn count(conn: &Connection) -> Result<u64, StoreError> {
    Ok(conn.prepare_cached("SELECT count(*) FROM pending")?.query_row([], |row| row.get(0))?)
}
