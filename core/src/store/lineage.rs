//! Which entries belong to one author's store, whatever incarnation they bore: an incarnation's own, and those of its
//! predecessors up to the place from which on others went on. A phone and the office ask the same.

use rusqlite::{Connection, Transaction, named_params};

use super::StoreError;
use crate::id::{EntryId, Hash, IncarnationId};
use crate::journal::entry::Entry;
use crate::sync::wire::Succession;

/// Says that `incarnation` goes on where `predecessor` was at `through`, with all that this one went on from.
///
/// # Errors
/// [`StoreError`].
pub fn succeed(
    tx: &Transaction<'_>,
    incarnation: IncarnationId,
    predecessor: IncarnationId,
    through: u64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO predecessor (incarnation, predecessor, through)
         SELECT ?1, predecessor, through FROM predecessor WHERE incarnation = ?2 UNION ALL SELECT ?1, ?2, ?3",
    )?
    .execute((incarnation, predecessor, through))?;
    Ok(())
}

/// The predecessors of an incarnation, each with the last of its places that belongs to the lineage.
///
/// # Errors
/// [`StoreError`].
pub fn predecessors(conn: &Connection, incarnation: IncarnationId) -> Result<Vec<(IncarnationId, u64)>, StoreError> {
    let sql = "SELECT predecessor, through FROM predecessor WHERE incarnation = ?1 ORDER BY predecessor";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([incarnation], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What `incarnation` goes on from, and that one in its turn, nearest first.
///
/// # Errors
/// [`StoreError`].
pub fn successions(conn: &Connection, incarnation: IncarnationId) -> Result<Vec<Succession>, StoreError> {
    let mut line = Vec::new();
    let mut of = incarnation;
    loop {
        let before = predecessors(conn, of)?;
        // The nearest has all the others before it.
        let mut nearest = None;
        for (predecessor, through) in &before {
            if predecessors(conn, *predecessor)?.len() + 1 == before.len() {
                nearest = Some(Succession { predecessor: *predecessor, through: *through });
            }
        }
        let Some(next) = nearest else { return Ok(line) };
        line.push(next);
        of = next.predecessor;
    }
}

/// Says that of `predecessor` no more belongs to the lineage of `incarnation` than up to `through`.
///
/// # Errors
/// [`StoreError`].
pub fn shorten(
    tx: &Transaction<'_>,
    incarnation: IncarnationId,
    predecessor: IncarnationId,
    through: u64,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE predecessor SET through = min(through, ?3) WHERE incarnation = ?1 AND predecessor = ?2")?
        .execute((incarnation, predecessor, through))?;
    Ok(())
}

/// Whether an entry belongs to the lineage of `incarnation`.
///
/// # Errors
/// [`StoreError`].
pub fn has(conn: &Connection, incarnation: IncarnationId, entry: EntryId) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM chain c WHERE c.entry = :entry AND (
                 c.incarnation = :incarnation OR EXISTS (
                     SELECT 1 FROM predecessor p
                     WHERE p.incarnation = :incarnation AND p.predecessor = c.incarnation AND c.seq <= p.through))",
        )?
        .exists(named_params! { ":entry": entry, ":incarnation": incarnation })?)
}

/// The incarnations that have a place for an entry: each is told what becomes of it.
///
/// # Errors
/// [`StoreError`].
pub fn holders(conn: &Connection, entry: EntryId) -> Result<Vec<IncarnationId>, StoreError> {
    let sql = "SELECT incarnation FROM chain WHERE entry = ?1 GROUP BY incarnation";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([entry], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether an entry stands at one of the places of `incarnation` up to `through`.
///
/// # Errors
/// [`StoreError`].
pub fn is_within(
    conn: &Connection,
    entry: EntryId,
    incarnation: IncarnationId,
    through: u64,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM chain WHERE entry = ?1 AND incarnation = ?2 AND seq <= ?3";
    Ok(conn.prepare_cached(sql)?.exists((entry, incarnation, through))?)
}

/// Gives an entry that is here already one more place, with the header and the origin that it has there.
///
/// # Errors
/// [`StoreError`].
pub fn take_place(
    tx: &Transaction<'_>,
    entry: EntryId,
    again: &Entry,
    incarnation: IncarnationId,
    seq: u64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO repeat (incarnation, seq, entry, header, header_hash, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((incarnation, seq, entry, &again.header, again.header_hash(), &again.origin))?;
    Ok(())
}

/// Moves an own entry to another place, on a phone: its header and origin say so.
///
/// # Errors
/// [`StoreError`].
pub fn move_entry(
    tx: &Transaction<'_>,
    entry: EntryId,
    moved: &Entry,
    incarnation: IncarnationId,
    seq: u64,
) -> Result<Hash, StoreError> {
    let hash = moved.header_hash();
    tx.prepare_cached(
        "UPDATE entry SET header = ?2, header_hash = ?3, origin = ?4, incarnation = ?5, seq = ?6 WHERE id = ?1",
    )?
    .execute((entry, &moved.header, hash, &moved.origin, incarnation, seq))?;
    Ok(hash)
}

/// Forgets the seals over places of `incarnation` above `through`, whose entries have moved on.
///
/// # Errors
/// [`StoreError`].
pub fn forget_seals(tx: &Transaction<'_>, incarnation: IncarnationId, through: u64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM batch_seal WHERE incarnation = ?1 AND last_seq > ?2")?
        .execute((incarnation, through))?;
    Ok(())
}
