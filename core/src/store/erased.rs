//! Parts of entries that were erased for good, and the office's signed word for each (docs/decisions/D20).
//!
//! The rule itself stands in the schema: whatever brings an entry, a trigger keeps nothing of what was erased.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::meta::{self, key};
use super::{StoreError, from_json, to_json};
use crate::crypto::Signed;
use crate::id::EntryId;
use crate::journal::erasure::{Erasure, PRIVATE};

/// Erases what `erasure` names, here and whenever it comes again; false where that was done already, or where this version knows
/// of no such part.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &Transaction<'_>, erasure: &Erasure, signed: &Signed<Erasure>) -> Result<bool, StoreError> {
    if erasure.part != PRIVATE {
        return Ok(false);
    }
    let new = tx
        .prepare_cached("INSERT OR IGNORE INTO erased (entry, part, erasure) VALUES (?1, ?2, ?3)")?
        .execute((erasure.entry, &erasure.part, to_json("erased", signed)?))?;
    tx.prepare_cached("UPDATE entry SET private = NULL WHERE id = ?1")?.execute([erasure.entry])?;
    if new > 0 {
        meta::set(tx, key::LOG_HOLDS_ERASED, &true)?;
    }
    Ok(new > 0)
}

/// The office's word that the private part of an entry was erased; none where it was not.
///
/// # Errors
/// [`StoreError`].
pub fn get(conn: &Connection, entry: EntryId) -> Result<Option<Signed<Erasure>>, StoreError> {
    let text: Option<String> = conn
        .prepare_cached("SELECT erasure FROM erased WHERE entry = ?1 AND part = ?2")?
        .query_row((entry, PRIVATE), |row| row.get(0))
        .optional()?;
    text.map(|text| from_json("erased", &text)).transpose()
}

/// Whether the private part of an entry was erased.
///
/// # Errors
/// [`StoreError`].
pub fn is_erased(conn: &Connection, entry: EntryId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM erased WHERE entry = ?1 AND part = ?2")?.exists((entry, PRIVATE))?)
}

/// All that was erased, in the order of the entries' ids.
///
/// # Errors
/// [`StoreError`].
pub fn all(conn: &Connection) -> Result<Vec<Signed<Erasure>>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT erasure FROM erased ORDER BY entry, part")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|text| from_json("erased", &text?)).collect()
}

/// Empties the write-ahead log if something was erased since that was done last. While a reader is in the middle of something it
/// cannot be: then it is done the next time.
///
/// # Errors
/// [`StoreError`].
pub fn leave_no_log(conn: &Connection) -> Result<(), StoreError> {
    if meta::get(conn, key::LOG_HOLDS_ERASED)?.unwrap_or(false) {
        let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if !busy {
            let tx = conn.unchecked_transaction()?;
            meta::clear(&tx, key::LOG_HOLDS_ERASED)?;
            tx.commit()?;
        }
    }
    Ok(())
}
