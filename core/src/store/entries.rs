//! Entries as they were written, and the seals over batches of them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use super::{StoreError, items, to_json};
use crate::clock::Moment;
use crate::crypto::Signed;
use crate::id::{EntryId, Hash, IncarnationId, ItemId, PersonId};
use crate::journal::entry::{Entry, Header, Origin};
use crate::journal::seal::BatchSeal;
use crate::limits;

/// What is known of an entry beside its bytes, once its parts were read.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// Its header.
    pub header: &'a Header,
    /// Its origin, where it was given.
    pub origin: Option<&'a Origin>,
    /// What it does, where the body could be read.
    pub change: Option<&'static str>,
    /// Its author, where the private part was given.
    pub who: Option<&'a PersonId>,
    /// What happened, when the office wrote it about something that happened once.
    pub cause: Option<&'a str>,
}

/// Where an incarnation's chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// The last entry's place; 0 before the first.
    pub seq: u64,
    /// Its header hash; none before the first.
    pub hash: Option<Hash>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        header: row.get("header")?,
        origin: row.get("origin")?,
        sealed: row.get("sealed")?,
        body: row.get("body")?,
        private: row.get("private")?,
    })
}

/// Keeps an entry; one that is held already keeps its bytes and gains the parts that it lacked.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &Transaction<'_>, entry: &Entry, known: &Known<'_>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO entry (id, item, kind, header, header_hash, origin, sealed, body, private, incarnation, seq, own, change, who, cause)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (id) DO UPDATE SET
             origin = coalesce(origin, excluded.origin), sealed = coalesce(sealed, excluded.sealed),
             body = coalesce(body, excluded.body), private = coalesce(private, excluded.private)",
    )?
    .execute(rusqlite::params![
        known.header.id,
        known.header.item,
        known.header.kind,
        entry.header,
        entry.header_hash(),
        entry.origin,
        entry.sealed,
        entry.body,
        entry.private,
        known.origin.map(|origin| origin.incarnation),
        known.origin.map(|origin| origin.seq),
        known.origin.and_then(|origin| origin.own),
        known.change,
        known.who.map(PersonId::as_str),
        known.cause,
    ])?;
    Ok(())
}

/// The entry with this id.
///
/// # Errors
/// [`StoreError`].
pub fn get(conn: &Connection, id: EntryId) -> Result<Option<Entry>, StoreError> {
    let sql = "SELECT header, origin, sealed, body, private FROM entry WHERE id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([id], read).optional()?)
}

/// The header hash at a place of a chain.
///
/// # Errors
/// [`StoreError`].
pub fn hash_at(conn: &Connection, incarnation: IncarnationId, seq: u64) -> Result<Option<Hash>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT header_hash FROM chain WHERE incarnation = ?1 AND seq = ?2")?
        .query_row((incarnation, seq), |row| row.get(0))
        .optional()?)
}

/// The end of an incarnation's chain.
///
/// # Errors
/// [`StoreError`].
pub fn head(conn: &Connection, incarnation: IncarnationId) -> Result<Head, StoreError> {
    // The last of each part of the chain: of `chain` itself SQLite would read and sort every place, for each entry that comes.
    let sql = "SELECT seq, header_hash FROM (
                   SELECT * FROM (
                       SELECT seq, header_hash FROM entry WHERE incarnation = ?1 ORDER BY seq DESC LIMIT 1)
                   UNION ALL SELECT * FROM (
                       SELECT seq, header_hash FROM repeat WHERE incarnation = ?1 ORDER BY seq DESC LIMIT 1)
                   UNION ALL SELECT * FROM (
                       SELECT seq, header_hash FROM entry_left WHERE incarnation = ?1 ORDER BY seq DESC LIMIT 1))
               ORDER BY seq DESC LIMIT 1";
    let head = conn
        .prepare_cached(sql)?
        .query_row([incarnation], |row| Ok(Head { seq: row.get(0)?, hash: Some(row.get(1)?) }))
        .optional()?;
    Ok(head.unwrap_or(Head { seq: 0, hash: None }))
}

/// An incarnation's entries above `after`, in order, at most `limit`; without those that left this phone.
///
/// # Errors
/// [`StoreError`].
pub fn after(
    conn: &Connection,
    incarnation: IncarnationId,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    // As for the head: so many of each part, not all that there are.
    let sql = "SELECT header, origin, sealed, body, private FROM (
                   SELECT * FROM (
                       SELECT seq, header, origin, sealed, body, private FROM entry
                       WHERE incarnation = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3)
                   UNION ALL SELECT * FROM (
                       SELECT r.seq, r.header, r.origin, NULL, e.body, e.private
                       FROM repeat r CROSS JOIN entry e ON e.id = r.entry
                       WHERE r.incarnation = ?1 AND r.seq > ?2 ORDER BY r.seq LIMIT ?3))
               ORDER BY seq LIMIT ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((incarnation, after, limit), read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether an own entry at a place above `after` has left this phone.
///
/// # Errors
/// [`StoreError`].
pub fn has_left(conn: &Connection, incarnation: IncarnationId, after: u64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM entry_left WHERE incarnation = ?1 AND seq > ?2";
    Ok(conn.prepare_cached(sql)?.exists((incarnation, after))?)
}

/// An item's entries as this replica came to hold them, oldest first.
///
/// # Errors
/// [`StoreError`].
pub fn of_item(conn: &Connection, item: ItemId) -> Result<Vec<Entry>, StoreError> {
    let sql = "SELECT header, origin, sealed, body, private FROM entry WHERE item = ?1 ORDER BY rowid";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([item], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The last entry that `who` wrote on an item, as far as this replica knows.
///
/// # Errors
/// [`StoreError`].
pub fn last_own(conn: &Connection, item: ItemId, who: &PersonId) -> Result<Option<EntryId>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT id FROM entry WHERE item = ?1 AND who = ?2 ORDER BY rowid DESC LIMIT 1")?
        .query_row((item, who.as_str()), |row| row.get(0))
        .optional()?)
}

/// The `own` links of the last [`limits::OWN_LINKS`] entries that `who` wrote on an item: others' lead to nothing of `who`'s.
///
/// # Errors
/// [`StoreError`].
pub fn own_links(conn: &Connection, item: ItemId, who: &PersonId) -> Result<BTreeMap<EntryId, EntryId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, own FROM entry WHERE item = ?1 AND who = ?2 AND own IS NOT NULL ORDER BY rowid DESC LIMIT ?3",
    )?;
    let rows = statement.query_map((item, who.as_str(), limits::OWN_LINKS), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who opened an item: the author of the Open that was applied, where its private part is held here; of the one that waits,
/// while the office has no such item. Another Open with the item's id opened nothing.
///
/// # Errors
/// [`StoreError`].
pub fn opener(conn: &Connection, item: ItemId) -> Result<Option<PersonId>, StoreError> {
    let who: Option<Option<String>> = conn
        .prepare_cached(
            "SELECT e.who FROM entry e LEFT JOIN judgement j ON j.entry = e.id
             WHERE e.item = ?1 AND e.change = 'open' AND (
                 j.verdict = 'applied' OR NOT ?2 OR EXISTS (SELECT 1 FROM restored_entry r WHERE r.entry = e.id)) LIMIT 1",
        )?
        .query_row((item, items::is_judged(conn, item)?), |row| row.get(0))
        .optional()?;
    Ok(who.flatten().and_then(|who| PersonId::new(&who).ok()))
}

/// Whether the office already wrote an entry for this cause, on this branch or as a phone brought it back.
///
/// # Errors
/// [`StoreError`].
pub fn has_cause(conn: &Connection, cause: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM entry WHERE cause = ?1 UNION ALL SELECT 1 FROM restored_cause WHERE cause = ?1";
    Ok(conn.prepare_cached(sql)?.exists([cause])?)
}

/// What the office wrote an entry about; none of any other entry.
///
/// # Errors
/// [`StoreError`].
pub fn cause(conn: &Connection, id: EntryId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT cause FROM entry WHERE id = ?1 AND cause IS NOT NULL";
    Ok(conn.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
}

/// The entry that the office wrote for this cause.
///
/// # Errors
/// [`StoreError`].
pub fn with_cause(conn: &Connection, cause: &str) -> Result<Option<EntryId>, StoreError> {
    Ok(conn.prepare_cached("SELECT id FROM entry WHERE cause = ?1")?.query_row([cause], |row| row.get(0)).optional()?)
}

/// Keeps the seal over a batch, at the office with when it was received.
///
/// # Errors
/// [`StoreError`].
pub fn insert_seal(
    tx: &Transaction<'_>,
    batch: &BatchSeal,
    seal: &Signed<BatchSeal>,
    received_at: Option<Moment>,
) -> Result<(), StoreError> {
    if batch.count == 0 {
        return Ok(());
    }
    let seal = to_json("batch_seal", seal)?;
    tx.prepare_cached(
        "INSERT OR IGNORE INTO batch_seal (incarnation, first_seq, last_seq, seal, received_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((batch.incarnation, batch.first_seq(), batch.head.seq, seal, received_at))?;
    Ok(())
}

/// The causes of what the office itself wrote on an item, but for what people decided about held entries: readers of the item
/// are not told that there were any.
///
/// # Errors
/// [`StoreError`].
pub fn causes(conn: &Connection, item: ItemId) -> Result<Vec<String>, StoreError> {
    let mut statement =
        conn.prepare_cached(
            "SELECT cause FROM entry WHERE item = ?1 AND cause IS NOT NULL AND change NOT IN ('release', 'dismiss') ORDER BY cause",
        )?;
    let rows = statement.query_map([item], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The incarnation that wrote an entry, where it is known here.
///
/// # Errors
/// [`StoreError`].
pub fn incarnation(conn: &Connection, id: EntryId) -> Result<Option<IncarnationId>, StoreError> {
    let found: Option<Option<IncarnationId>> = conn
        .prepare_cached("SELECT incarnation FROM entry WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

/// Who wrote an entry, where that is known here.
///
/// # Errors
/// [`StoreError`].
pub fn who(conn: &Connection, id: EntryId) -> Result<Option<PersonId>, StoreError> {
    let found: Option<Option<String>> =
        conn.prepare_cached("SELECT who FROM entry WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?;
    Ok(found.flatten().and_then(|who| PersonId::new(&who).ok()))
}

/// The item of an entry.
///
/// # Errors
/// [`StoreError`].
pub fn item_of(conn: &Connection, id: EntryId) -> Result<Option<ItemId>, StoreError> {
    Ok(conn.prepare_cached("SELECT item FROM entry WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?)
}

/// Forgets what others wrote on an item that left this phone. What this store wrote, under whatever incarnation, stays with its
/// originals.
///
/// # Errors
/// [`StoreError`].
pub fn purge_foreign(tx: &Transaction<'_>, item: ItemId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM attachment WHERE item = ?1 AND own = 0", [item])?;
    tx.execute(
        "DELETE FROM judgement WHERE entry IN (SELECT id FROM entry WHERE item = ?1 AND incarnation IS NULL)",
        [item],
    )?;
    tx.execute("DELETE FROM entry WHERE item = ?1 AND incarnation IS NULL", [item])?;
    Ok(())
}

/// Keeps the sealed copy of an own entry's origin: what the office signed of the entry is signed over it.
///
/// # Errors
/// [`StoreError`].
pub fn set_sealed(tx: &Transaction<'_>, id: EntryId, sealed: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE entry SET sealed = ?2 WHERE id = ?1")?.execute((id, sealed))?;
    Ok(())
}

/// The own Open of an item; none where somebody else opened it.
///
/// # Errors
/// [`StoreError`].
pub fn own_open(conn: &Connection, item: ItemId) -> Result<Option<EntryId>, StoreError> {
    let sql = "SELECT id FROM entry WHERE item = ?1 AND change = 'open' AND incarnation IS NOT NULL";
    Ok(conn.prepare_cached(sql)?.query_row([item], |row| row.get(0)).optional()?)
}

/// How many entries this store wrote, under whatever incarnation.
///
/// # Errors
/// [`StoreError`].
pub fn own_count(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM entry WHERE incarnation IS NOT NULL) + (SELECT count(*) FROM entry_left)";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The seals over an incarnation's batches, in chain order.
///
/// # Errors
/// [`StoreError`].
pub fn seals(conn: &Connection, incarnation: IncarnationId) -> Result<Vec<Signed<BatchSeal>>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT seal FROM batch_seal WHERE incarnation = ?1 ORDER BY first_seq, last_seq")?;
    let rows = statement.query_map([incarnation], |row| row.get::<_, String>(0))?;
    rows.map(|row| super::from_json("batch_seal", &row?)).collect()
}

/// What an incarnation signed over the first batch that brought the entry at a place of its chain, and when this office received
/// that batch. One that comes again comes under another signature.
///
/// # Errors
/// [`StoreError`].
pub fn sealed_at(
    conn: &Connection,
    incarnation: IncarnationId,
    seq: u64,
) -> Result<Option<(BatchSeal, Moment)>, StoreError> {
    let found: Option<(String, Moment)> = conn
        .prepare_cached(
            "SELECT seal, received_at FROM batch_seal
             WHERE incarnation = ?1 AND first_seq <= ?2 AND last_seq >= ?2 AND received_at IS NOT NULL
             ORDER BY received_at LIMIT 1",
        )?
        .query_row((incarnation, seq), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((text, received_at)) = found else { return Ok(None) };
    let seal: Signed<BatchSeal> = super::from_json("batch_seal", &text)?;
    Ok(seal.read_unverified().ok().map(|seal| (seal, received_at)))
}

/// Whether `who` wrote this entry, and on this item.
///
/// # Errors
/// [`StoreError`].
pub fn is_of(conn: &Connection, id: EntryId, item: ItemId, who: &PersonId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT 1 FROM entry WHERE id = ?1 AND item = ?2 AND who = ?3")?.exists((
        id,
        item,
        who.as_str(),
    ))?)
}

/// Whether `who` wrote something on this item that was decided about as of an item: they were told of it then. What was held
/// as of an unknown one, and was dismissed since, tells nothing.
///
/// # Errors
/// [`StoreError`].
pub fn is_known_to(conn: &Connection, item: ItemId, who: &PersonId) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM entry e JOIN judgement j ON j.entry = e.id
             WHERE e.item = ?1 AND e.who = ?2 AND j.verdict <> 'held' AND j.count IS NOT NULL",
        )?
        .exists((item, who.as_str()))?)
}

/// Header, body, seal and judgement of an entry, in bytes, as a page carries them.
///
/// # Errors
/// [`StoreError`].
pub fn page_bytes(conn: &Connection, id: EntryId) -> Result<usize, StoreError> {
    let bytes = conn
        .prepare_cached(
            "SELECT octet_length(e.header) + coalesce(octet_length(e.body), 0) + coalesce(octet_length(e.sealed), 0)
                 + coalesce(octet_length(j.judgement), 0)
             FROM entry e LEFT JOIN judgement j ON j.entry = e.id WHERE e.id = ?1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(bytes.unwrap_or(0))
}
