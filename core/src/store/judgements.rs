//! What the office decided about each entry.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use super::{StoreError, from_json, items, lineage, to_json};
use crate::clock::Moment;
use crate::crypto::{MerklePath, Signed};
use crate::id::{EntryId, Hash, IncarnationId, ItemId};
use crate::journal::entry::header_hash;
use crate::journal::judge::Blocked;
use crate::journal::verdict::{Judgement, Verdict, judged_leaf};
use crate::sync::offer::OfferedEntry;
use crate::sync::wire::{Attestation, JudgedEntry};

/// A judgement with the bytes that were signed.
#[derive(Debug, Clone)]
pub struct Judged {
    /// As it was signed.
    pub text: String,
    /// As it reads.
    pub judgement: Judgement,
}

impl Judged {
    /// Reads the signed bytes.
    ///
    /// # Errors
    /// [`StoreError::Row`].
    pub fn read(text: String) -> Result<Self, StoreError> {
        let judgement = from_json("judgement", &text)?;
        Ok(Self { text, judgement })
    }
}

const fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Applied => "applied",
        Verdict::NoOp => "no_op",
        Verdict::Merged { .. } => "merged",
        Verdict::Rejected { .. } => "rejected",
        Verdict::Held { .. } => "held",
        Verdict::Unknown(_) => "unknown",
    }
}

/// Keeps what this office decided, at the next position of its ledger.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &Transaction<'_>, item: ItemId, judged: &Judged, received_at: Moment) -> Result<(), StoreError> {
    let Judged { text, judgement } = judged;
    let position: u64 =
        tx.prepare_cached("SELECT coalesce(max(position), 0) + 1 FROM judgement")?.query_row([], |row| row.get(0))?;
    tx.prepare_cached(
        "INSERT INTO judgement (entry, position, item, verdict, count, judgement, received_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute((
        judgement.entry,
        position,
        item,
        name(&judgement.verdict),
        judgement.version.map(|v| v.count),
        text,
        received_at,
    ))?;
    Ok(())
}

/// Puts another judgement of a held entry into the place of the one before; its position stays that of its receipt.
///
/// # Errors
/// [`StoreError`].
pub fn replace(tx: &Transaction<'_>, judged: &Judged) -> Result<(), StoreError> {
    let Judged { text, judgement } = judged;
    tx.prepare_cached(
        "UPDATE judgement SET verdict = ?2, count = ?3, judgement = ?4 WHERE entry = ?1 AND verdict = 'held'",
    )?
    .execute((judgement.entry, name(&judgement.verdict), judgement.version.map(|v| v.count), text))?;
    Ok(())
}

/// What waits behind a held entry, in the order of its chain; at the office.
///
/// # Errors
/// [`StoreError`].
pub fn behind(conn: &Connection, entry: EntryId) -> Result<Vec<EntryId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT b.entry FROM judgement j JOIN judgement b ON b.item = j.item AND b.verdict = 'held'
         WHERE j.entry = ?1 AND b.judgement ->> '$.verdict.held.behind' = lower(hex(?1)) ORDER BY b.position",
    )?;
    let rows = statement.query_map([entry], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps what the office decided, on a phone, with what proves it. A later judgement of a held entry takes its place, and is
/// not acknowledged; the same one once more changes nothing of that.
///
/// # Errors
/// [`StoreError`].
pub fn learn(tx: &Transaction<'_>, item: ItemId, judged: &Judged, proof: &Proof<'_>) -> Result<(), StoreError> {
    let Judged { text, judgement } = judged;
    let Proof { attestation, path, header, request } = proof;
    let path = super::to_json("judgement", path)?;
    tx.prepare_cached(
        "INSERT INTO judgement (entry, item, verdict, count, judgement, attestation, path, header, request)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (entry) DO UPDATE SET verdict = excluded.verdict, count = excluded.count,
             judgement = excluded.judgement, attestation = excluded.attestation, path = excluded.path,
             header = excluded.header, request = excluded.request,
             acknowledged = acknowledged AND judgement = excluded.judgement",
    )?
    .execute((
        judgement.entry,
        item,
        name(&judgement.verdict),
        judgement.version.map(|v| v.count),
        text,
        attestation,
        path,
        header,
        request,
    ))?;
    Ok(())
}

/// Says which feed told of a judgement, and up to which of its positions the page told, on a phone.
///
/// # Errors
/// [`StoreError`].
pub fn set_told(tx: &Transaction<'_>, entry: EntryId, audience: &str, position: u64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE judgement SET told_in = ?2, told_at = ?3 WHERE entry = ?1")?
        .execute((entry, audience, position))?;
    Ok(())
}

/// What proves to a phone that the office decided.
#[derive(Debug, Clone)]
pub struct Proof<'a> {
    /// The office's signature over the page that brought it, as JSON.
    pub attestation: &'a str,
    /// The way from the entry to that page's root.
    pub path: MerklePath,
    /// The header that was judged, where an own entry has another one here: a copy of this store sent it first.
    pub header: Option<String>,
    /// Which of this phone's requests brought it.
    pub request: u64,
}

fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get("judgement")
}

/// What was decided about an entry; none where nothing was, or is not known here.
///
/// # Errors
/// [`StoreError`].
pub fn get(conn: &Connection, entry: EntryId) -> Result<Option<Judged>, StoreError> {
    let found =
        conn.prepare_cached("SELECT judgement FROM judgement WHERE entry = ?1")?.query_row([entry], text).optional()?;
    found.map(Judged::read).transpose()
}

/// What was decided about an entry, with what proves that the office did, on a phone.
#[derive(Debug, Clone)]
pub struct ProvenJudgement {
    /// The entry.
    pub entry: EntryId,
    /// What the office's signature covers of it.
    pub leaf: Hash,
    /// The office's signature over the page that brought it.
    pub attestation: Signed<Attestation>,
    /// The way from the leaf to that page's root.
    pub path: MerklePath,
}

/// All that a phone was told of entries.
///
/// # Errors
/// [`StoreError`].
pub fn proven(conn: &Connection) -> Result<Vec<ProvenJudgement>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT e.id, coalesce(j.header, e.header), e.sealed, j.judgement, j.attestation, j.path
         FROM judgement j JOIN entry e ON e.id = j.entry WHERE j.attestation IS NOT NULL ORDER BY e.id",
    )?;
    let mut rows = statement.query([])?;
    let mut proven = Vec::new();
    while let Some(row) = rows.next()? {
        let (sealed, judgement): (Option<String>, String) = (row.get(2)?, row.get(3)?);
        proven.push(ProvenJudgement {
            entry: row.get(0)?,
            leaf: judged_leaf(&header_hash(&row.get::<_, String>(1)?), &sealed.unwrap_or_default(), &judgement),
            attestation: from_json("judgement", &row.get::<_, String>(4)?)?,
            path: from_json("judgement", &row.get::<_, String>(5)?)?,
        });
    }
    Ok(proven)
}

/// How many entries wait for a person, at the office.
///
/// # Errors
/// [`StoreError`].
pub fn held_count(conn: &Connection) -> Result<u64, StoreError> {
    Ok(conn.prepare_cached("SELECT count(*) FROM judgement WHERE verdict = 'held'")?.query_row([], |row| row.get(0))?)
}

/// The same by the kind of item that each is about, as its header says.
///
/// # Errors
/// [`StoreError`].
pub fn held_by_kind(conn: &Connection) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT e.header ->> '$.kind', count(*) FROM judgement j JOIN entry e ON e.id = j.entry
         WHERE j.verdict = 'held' GROUP BY 1",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What of the earlier entries of `incarnation`'s lineage on `item` was not applied and blocks later ones: its first Open there,
/// while nobody's was applied, or else the first of its steps that is held. Of those that came before the entry `before`, where
/// one is given.
///
/// # Errors
/// [`StoreError`].
pub fn blocked(
    conn: &Connection,
    incarnation: IncarnationId,
    item: ItemId,
    before: Option<EntryId>,
) -> Result<Option<Blocked>, StoreError> {
    let opens = of_lineage(
        conn,
        incarnation,
        item,
        before,
        "SELECT e.id, j.verdict FROM entry e LEFT JOIN judgement j ON j.entry = e.id
         WHERE e.item = ?1 AND e.change = 'open' AND e.rowid < ?2 ORDER BY e.rowid",
    )?;
    match opens {
        Some(_) if items::is_judged(conn, item)? => {}
        Some((entry, Some(verdict))) if verdict == "held" => return Ok(Some(Blocked::HeldOpen(entry))),
        Some((entry, Some(verdict))) if verdict == "rejected" => return Ok(Some(Blocked::RejectedOpen(entry))),
        Some(_) | None => {}
    }
    let step = of_lineage(
        conn,
        incarnation,
        item,
        before,
        "SELECT e.id, j.verdict FROM judgement j JOIN entry e ON e.id = j.entry
         WHERE j.item = ?1 AND j.verdict = 'held' AND e.change = 'step' AND e.rowid < ?2 ORDER BY e.rowid",
    )?;
    Ok(step.map(|(entry, _)| Blocked::HeldStep(entry)))
}

/// The first of the entries that `sql` finds for `item`, with its verdict, that belongs to the lineage of `incarnation`.
fn of_lineage(
    conn: &Connection,
    incarnation: IncarnationId,
    item: ItemId,
    before: Option<EntryId>,
    sql: &str,
) -> Result<Option<(EntryId, Option<String>)>, StoreError> {
    // One that is not here yet comes after all that are.
    let end: Option<i64> = conn
        .prepare_cached("SELECT rowid FROM entry WHERE id = ?1")?
        .query_row([before], |row| row.get(0))
        .optional()?;
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((item, end.unwrap_or(i64::MAX)))?;
    while let Some(row) = rows.next()? {
        let entry = row.get(0)?;
        if lineage::has(conn, incarnation, entry)? {
            return Ok(Some((entry, row.get(1)?)));
        }
    }
    Ok(None)
}

/// What of the own entries was held or rejected and their author has not acknowledged, oldest first, at most `limit`; on a phone.
///
/// # Errors
/// [`StoreError`].
pub fn refused(conn: &Connection, limit: usize) -> Result<Vec<(ItemId, Judged)>, StoreError> {
    let mut statement = conn.prepare_cached(
        // CROSS: by the index of refused ones, not through the whole chain.
        "SELECT j.item, j.judgement FROM judgement j CROSS JOIN entry e ON e.id = j.entry
         WHERE e.incarnation IS NOT NULL AND j.verdict IN ('held', 'rejected') AND j.acknowledged = 0
         ORDER BY e.rowid LIMIT ?1",
    )?;
    let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (item, text) = row?;
        Ok((item, Judged::read(text)?))
    })
    .collect()
}

/// How many of the own entries were held or rejected and are not acknowledged; on a phone.
///
/// # Errors
/// [`StoreError`].
pub fn refused_count(conn: &Connection) -> Result<u64, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM judgement j CROSS JOIN entry e ON e.id = j.entry
             WHERE e.incarnation IS NOT NULL AND j.verdict IN ('held', 'rejected') AND j.acknowledged = 0",
        )?
        .query_row([], |row| row.get(0))?)
}

/// Own entries that were held or rejected, acknowledged or not, whose id begins with these hexadecimal digits, at most two; on
/// a phone.
///
/// # Errors
/// [`StoreError`].
pub fn refused_starting_with(conn: &Connection, digits: &str) -> Result<Vec<EntryId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT e.id FROM judgement j JOIN entry e ON e.id = j.entry
         WHERE e.incarnation IS NOT NULL AND j.verdict IN ('held', 'rejected')
             AND substr(lower(hex(e.id)), 1, length(?1)) = ?1 LIMIT 2",
    )?;
    let rows = statement.query_map([digits], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that the author of a held or rejected entry has seen that it was; whether there is such an own entry.
///
/// # Errors
/// [`StoreError`].
pub fn acknowledge(tx: &Transaction<'_>, entry: EntryId) -> Result<bool, StoreError> {
    let known = tx
        .prepare_cached(
            "UPDATE judgement SET acknowledged = 1 WHERE entry = ?1 AND verdict IN ('held', 'rejected')
                 AND EXISTS (SELECT 1 FROM entry e WHERE e.id = ?1 AND e.incarnation IS NOT NULL)",
        )?
        .execute([entry])?;
    Ok(known > 0)
}

/// What waits for a person at the office, newest first, from the held entry `from` on, at most `limit`; of these kinds only,
/// where some are given.
///
/// # Errors
/// [`StoreError`].
pub fn held(
    conn: &Connection,
    kinds: Option<&BTreeSet<String>>,
    from: Option<EntryId>,
    limit: usize,
) -> Result<Vec<Judged>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT judgement FROM judgement j WHERE verdict = 'held' AND position <= CASE WHEN ?1 IS NULL
             THEN 9223372036854775807 ELSE (SELECT position FROM judgement WHERE entry = ?1) END
         AND (?3 IS NULL OR EXISTS (SELECT 1 FROM entry e, json_each(?3) kind
             WHERE e.id = j.entry AND kind.value = e.header ->> '$.kind'))
         ORDER BY position DESC LIMIT ?2",
    )?;
    let kinds = kinds.map(|kinds| to_json("judgement", kinds)).transpose()?;
    let rows = statement.query_map((from, limit, kinds), text)?;
    rows.map(|row| Judged::read(row?)).collect()
}

/// The entries on an item that were decided about for good.
///
/// # Errors
/// [`StoreError`].
pub fn decided(conn: &Connection, item: ItemId) -> Result<Vec<EntryId>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT entry FROM judgement WHERE item = ?1 AND verdict NOT IN ('held', 'unknown')")?;
    let rows = statement.query_map([item], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An entry with what was decided about it and what proves that, as it is offered to an office that has lost it; on a phone.
///
/// # Errors
/// [`StoreError`].
pub fn offered(conn: &Connection, entry: EntryId) -> Result<Option<OfferedEntry>, StoreError> {
    type Texts = (String, Option<String>, Option<String>, Option<String>, String, String, String);
    let found: Option<Texts> = conn
        .prepare_cached(
            "SELECT coalesce(j.header, e.header), e.body, e.private, e.sealed, j.judgement, j.attestation, j.path
             FROM judgement j JOIN entry e ON e.id = j.entry WHERE e.id = ?1 AND j.attestation IS NOT NULL",
        )?
        .query_row([entry], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })
        .optional()?;
    let Some((header, body, private, sealed, judgement, attestation, path)) = found else { return Ok(None) };
    let sealed = sealed.unwrap_or_default();
    let judged = JudgedEntry { entry, header: Some(header), body, private, sealed, judgement };
    Ok(Some(OfferedEntry {
        judged,
        attestation: from_json("judgement", &attestation)?,
        path: from_json("judgement", &path)?,
    }))
}

/// Keeps the header that was judged of an own entry which is about to get another one.
///
/// # Errors
/// [`StoreError`].
pub fn keep_header(tx: &Transaction<'_>, entry: EntryId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE judgement SET header = coalesce(header, (SELECT e.header FROM entry e WHERE e.id = ?1)) WHERE entry = ?1",
    )?
    .execute([entry])?;
    Ok(())
}
