//! What a phone still owes the office of its photos, and what of it goes first.

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::{StoreError, to_json};
use crate::clock::Now;
use crate::id::{EntryId, PhotoHash};
use crate::sync::wire::Rendition;

const NOT_ASIDE: &str = "(a.aside_until IS NULL OR a.aside_boot <> :boot OR a.aside_until <= :now)";

/// What goes before what of all that is owed: what was not refused before, what somebody asked for, what is of a category among
/// the `:urgent` ones, a JSON list; then the oldest.
const FIRST: &str = "a.refusals, a.asked DESC, i.category IN (SELECT value FROM json_each(:urgent)) DESC";

/// Own photos whose entry was judged and whose `rendition` the office has not taken, `urgent` and oldest first, at most `limit`;
/// without those that are set aside `now`. A thumbnail is owed until the office has the original, from which it draws its own; a view
/// of what it cannot draw is owed after that too.
///
/// # Errors
/// [`StoreError`].
pub fn previews(
    conn: &Connection,
    rendition: Rendition,
    urgent: &Urgent,
    now: &Now,
    limit: usize,
) -> Result<Vec<(EntryId, PhotoHash)>, StoreError> {
    let owed = match rendition {
        Rendition::Thumbnail => "a.own = 1 AND a.previewed = 0 AND a.receipt IS NULL",
        Rendition::View => "a.view_owed = 1",
    };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT a.entry, a.sha256 FROM attachment a JOIN judgement j ON j.entry = a.entry
         JOIN entry e ON e.id = a.entry LEFT JOIN item i ON i.id = a.item
         WHERE {owed} AND a.lost <> 1 AND {NOT_ASIDE} ORDER BY {FIRST}, e.seq LIMIT :limit"
    ))?;
    let bound = named_params! { ":boot": now.boot_id, ":now": now.monotonic_ms, ":urgent": urgent.0, ":limit": limit };
    let rows = statement.query_map(bound, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An own original that the office has not signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The entry that shows it.
    pub entry: EntryId,
    /// The original.
    pub sha256: PhotoHash,
    /// Its length, as the entry says it.
    pub bytes: u64,
    /// Whether it did not lie here as it was kept when it was looked for last.
    pub was_lost: bool,
    /// Whether somebody asked for it.
    pub asked: bool,
}

/// The next own photo whose entry was judged and whose original the office has not signed for, with its length.
/// Photos of held and rejected entries are owed too: they stay evidence. Those that the office did not take come last, and not
/// while they are set aside `now`; those that are lost not at all. Where `all` may go, else those alone that somebody asked for.
///
/// # Errors
/// [`StoreError`].
pub fn original(conn: &Connection, urgent: &Urgent, all: bool, now: &Now) -> Result<Option<Owed>, StoreError> {
    Ok(conn
        .prepare_cached(&format!(
            "SELECT a.entry, a.sha256, a.bytes, a.lost, a.asked FROM attachment a JOIN judgement j ON j.entry = a.entry
             JOIN entry e ON e.id = a.entry LEFT JOIN item i ON i.id = a.item
             LEFT JOIN upload u ON u.entry = a.entry AND u.sha256 = a.sha256
             WHERE a.own = 1 AND a.receipt IS NULL AND a.lost <> 1 AND (:all OR a.asked = 1)
                 AND (u.offset IS NULL OR u.offset < a.bytes OR u.uncertain = 1) AND {NOT_ASIDE}
             ORDER BY {FIRST}, u.location IS NULL, e.seq LIMIT 1"
        ))?
        .query_row(
            named_params! { ":boot": now.boot_id, ":now": now.monotonic_ms, ":urgent": urgent.0, ":all": all },
            |row| {
                Ok(Owed {
                    entry: row.get("entry")?,
                    sha256: row.get("sha256")?,
                    bytes: row.get("bytes")?,
                    was_lost: row.get::<_, u8>("lost")? != 0,
                    asked: row.get("asked")?,
                })
            },
        )
        .optional()?)
}

/// The categories whose photos go before others, as items name them.
#[derive(Debug, Clone)]
pub struct Urgent(String);

/// Of the categories of items with owed photos those that are `urgent`.
///
/// # Errors
/// [`StoreError`].
pub fn urgent(conn: &Connection, is_urgent: impl Fn(&str) -> bool) -> Result<Urgent, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT i.category FROM attachment a JOIN item i ON i.id = a.item
         WHERE a.own = 1 AND (a.receipt IS NULL OR a.view_owed = 1) AND i.category IS NOT NULL",
    )?;
    let categories: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let urgent: Vec<String> = categories.into_iter().filter(|category| is_urgent(category)).collect();
    Ok(Urgent(to_json("attachment", &urgent)?))
}

const OWED: &str = "a.own = 1 AND a.receipt IS NULL";

/// How many own originals the office has not signed for, of entries that it has judged.
///
/// # Errors
/// [`StoreError`].
pub fn count(conn: &Connection) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM attachment a JOIN judgement j ON j.entry = a.entry WHERE {OWED}");
    Ok(conn.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
}

/// These, in a fixed order, without the first `passed` of them, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn all(conn: &Connection, passed: u64, limit: usize) -> Result<Vec<(EntryId, PhotoHash)>, StoreError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT a.entry, a.sha256 FROM attachment a JOIN judgement j ON j.entry = a.entry
         WHERE {OWED} ORDER BY a.entry, a.sha256 LIMIT ?2 OFFSET ?1"
    ))?;
    let rows = statement.query_map((passed, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many own originals nobody asked for and the office has not signed for, and their bytes.
///
/// # Errors
/// [`StoreError`].
pub fn unasked(conn: &Connection) -> Result<(u64, u64), StoreError> {
    let sql = format!("SELECT count(*), coalesce(sum(a.bytes), 0) FROM attachment a WHERE {OWED} AND a.asked = 0");
    Ok(conn.prepare_cached(&sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Asks for all own originals that the office has not signed for, or for those of one photo alone; says how many.
///
/// # Errors
/// [`StoreError`].
pub fn ask_for(tx: &Transaction<'_>, photo: Option<PhotoHash>) -> Result<usize, StoreError> {
    let sql = format!("UPDATE attachment AS a SET asked = 1 WHERE {OWED} AND (?1 IS NULL OR a.sha256 = ?1)");
    Ok(tx.prepare_cached(&sql)?.execute([photo])?)
}
