//! What the last exchanges with the office said of this device's clock.

use rusqlite::{Connection, Transaction};

use super::StoreError;
use crate::limits;
use crate::sync::clock_offset::Bounds;

/// Keeps what one more exchange says; the oldest makes room.
///
/// # Errors
/// [`StoreError`].
pub fn keep(tx: &Transaction<'_>, said: Bounds) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO clock_sample (number, least_ms, most_ms)
         SELECT coalesce(max(number), 0) + 1, ?1, ?2 FROM clock_sample",
    )?
    .execute((said.least_ms, said.most_ms))?;
    tx.prepare_cached("DELETE FROM clock_sample WHERE number <= (SELECT max(number) FROM clock_sample) - ?1")?
        .execute([limits::CLOCK_SAMPLES])?;
    Ok(())
}

/// What they said, newest first.
///
/// # Errors
/// [`StoreError`].
pub fn newest_first(conn: &Connection) -> Result<Vec<Bounds>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT least_ms, most_ms FROM clock_sample ORDER BY number DESC")?;
    let rows = statement.query_map([], |row| Ok(Bounds { least_ms: row.get(0)?, most_ms: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
