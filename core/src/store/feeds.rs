//! Feeds: what entered, changed and left an audience; what one incarnation is told.

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};
use serde::{Deserialize, Serialize};

use super::{StoreError, from_json, lineage, to_json};
use crate::crypto::Signed;
use crate::id::{EntryId, IncarnationId, ItemId, PhotoHash};
use crate::journal::erasure::Erasure;

/// One row of a feed. An audience's feed has the first three; an incarnation's private feed the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedRow {
    /// The item is in the audience from here on.
    Enter {
        /// The item.
        item: ItemId,
    },
    /// The item came to this count by this entry.
    To {
        /// The item.
        item: ItemId,
        /// Its count.
        count: u64,
        /// What brought it there.
        entry: EntryId,
    },
    /// The item is no longer in the audience.
    Leave {
        /// The item.
        item: ItemId,
    },
    /// An entry of this incarnation was judged.
    Verdict {
        /// The entry.
        entry: EntryId,
    },
    /// The original that an entry of this incarnation names is at the office.
    Receipt {
        /// The entry.
        entry: EntryId,
        /// The original.
        sha256: PhotoHash,
    },
    /// A verified backup covers it.
    Safe {
        /// The entry.
        entry: EntryId,
        /// The original.
        sha256: PhotoHash,
    },
    /// The office has the original no more and asks for it: what it signed for it is void.
    Want {
        /// The entry.
        entry: EntryId,
        /// The original.
        sha256: PhotoHash,
    },
    /// The private part of an entry of this incarnation was erased: it leaves the phone, too.
    Erased {
        /// The entry.
        entry: EntryId,
        /// The office's word for it.
        erasure: Signed<Erasure>,
    },
    /// From here on this incarnation reads the audience.
    Grant {
        /// The audience.
        audience: String,
    },
    /// From here on it does not.
    Withdraw {
        /// The audience.
        audience: String,
    },
    /// A row of a later version: its position counts, its content is skipped.
    #[serde(untagged)]
    Unknown(serde_json::Value),
}

impl FeedRow {
    /// What it does to an item of an audience, by name, and to which.
    const fn moves(&self) -> Option<(&'static str, ItemId)> {
        match self {
            Self::Enter { item } => Some(("enter", *item)),
            Self::To { item, .. } => Some(("to", *item)),
            Self::Leave { item } => Some(("leave", *item)),
            Self::Verdict { .. }
            | Self::Receipt { .. }
            | Self::Safe { .. }
            | Self::Want { .. }
            | Self::Erased { .. }
            | Self::Grant { .. }
            | Self::Withdraw { .. }
            | Self::Unknown(_) => None,
        }
    }

    /// The entry whose judgement a row tells of.
    #[must_use]
    pub const fn tells_of(&self) -> Option<EntryId> {
        match self {
            Self::To { entry, .. } | Self::Verdict { entry } => Some(*entry),
            Self::Enter { .. }
            | Self::Leave { .. }
            | Self::Receipt { .. }
            | Self::Safe { .. }
            | Self::Want { .. }
            | Self::Erased { .. }
            | Self::Grant { .. }
            | Self::Withdraw { .. }
            | Self::Unknown(_) => None,
        }
    }

    /// The own entry that a row of a private feed speaks of.
    #[must_use]
    pub const fn entry(&self) -> Option<EntryId> {
        match self {
            Self::Verdict { entry }
            | Self::Receipt { entry, .. }
            | Self::Safe { entry, .. }
            | Self::Want { entry, .. }
            | Self::Erased { entry, .. } => Some(*entry),
            Self::Enter { .. }
            | Self::To { .. }
            | Self::Leave { .. }
            | Self::Grant { .. }
            | Self::Withdraw { .. }
            | Self::Unknown(_) => None,
        }
    }
}

/// The name of the feed that tells one incarnation of its verdicts and receipts; it outlives all roles.
#[must_use]
pub fn private(incarnation: IncarnationId) -> String {
    format!("inc/{incarnation}")
}

/// Whether a feed is one incarnation's own.
#[must_use]
pub fn is_private(audience: &str) -> bool {
    audience.starts_with("inc/")
}

/// The last position of a feed; 0 before the first row.
///
/// # Errors
/// [`StoreError`].
pub fn last(conn: &Connection, audience: &str) -> Result<u64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT coalesce(max(position), 0) FROM feed WHERE audience = ?1")?
        .query_row([audience], |row| row.get(0))?)
}

/// Appends a row in the transaction of what it tells of, and gives its position: the next one.
///
/// # Errors
/// [`StoreError`].
pub fn append(tx: &Transaction<'_>, audience: &str, row: &FeedRow) -> Result<u64, StoreError> {
    let position = last(tx, audience)? + 1;
    let moves = row.moves();
    let (kind, item) = (moves.map(|(kind, _)| kind), moves.map(|(_, item)| item));
    tx.prepare_cached("INSERT INTO feed (audience, position, kind, item, row) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((audience, position, kind, item, to_json("feed", row)?))?;
    Ok(position)
}

/// Tells each incarnation that has a place for `entry` what became of it, in the transaction of that.
///
/// # Errors
/// [`StoreError`].
pub fn tell(tx: &Transaction<'_>, entry: EntryId, row: &FeedRow) -> Result<(), StoreError> {
    for holder in lineage::holders(tx, entry)? {
        append(tx, &private(holder), row)?;
    }
    Ok(())
}

/// Notes that an item left a feed at `position`.
///
/// # Errors
/// [`StoreError`].
pub fn depart(tx: &Transaction<'_>, audience: &str, item: ItemId, position: u64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR REPLACE INTO departure (item, audience, position) VALUES (?1, ?2, ?3)")?
        .execute((item, audience, position))?;
    Ok(())
}

/// Whether an item left one of the feeds that `incarnation` reads, after it was granted that feed.
///
/// # Errors
/// [`StoreError`].
pub fn saw_leave(conn: &Connection, incarnation: IncarnationId, item: ItemId) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM departure d JOIN granted g ON g.audience = d.audience
             WHERE d.item = ?1 AND g.incarnation = ?2 AND d.position > g.since",
        )?
        .exists((item, incarnation))?)
}

/// The rows of a feed above `from` that still say something to a reader who was granted it at `since`, at most `limit`, with
/// their positions: items that are in it enter once, with all that came before their snapshot; of those that are not, a
/// reader is told who may hold them.
///
/// # Errors
/// [`StoreError`].
pub fn unread(
    conn: &Connection,
    audience: &str,
    from: u64,
    since: u64,
    limit: usize,
) -> Result<Vec<(u64, FeedRow)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT f.position, f.row FROM feed f LEFT JOIN membership m ON m.item = f.item AND m.audience = f.audience
         WHERE f.audience = :audience AND f.position > :from AND (
             f.item IS NULL
             OR f.kind = 'enter' AND f.position = m.entered
             OR f.kind = 'to' AND m.entered <= :from
             OR f.kind = 'leave' AND m.item IS NULL AND :from > 0 AND f.position > :since)
         ORDER BY f.position LIMIT :limit",
    )?;
    let bound = named_params! { ":audience": audience, ":from": from, ":since": since, ":limit": limit };
    let rows = statement.query_map(bound, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (position, text) = row?;
        Ok((position, from_json("feed", &text)?))
    })
    .collect()
}

/// How far a phone has read a feed; none where it does not read it.
///
/// # Errors
/// [`StoreError`].
pub fn position(conn: &Connection, audience: &str) -> Result<Option<u64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT position FROM feed_position WHERE audience = ?1")?
        .query_row([audience], |row| row.get(0))
        .optional()?)
}

/// All feeds that a phone reads, with how far.
///
/// # Errors
/// [`StoreError`].
pub fn positions(conn: &Connection) -> Result<std::collections::BTreeMap<String, u64>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT audience, position FROM feed_position ORDER BY audience")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sets how far a phone has read.
///
/// # Errors
/// [`StoreError`].
pub fn set_position(tx: &Transaction<'_>, audience: &str, position: u64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO feed_position (audience, position) VALUES (?1, ?2) ON CONFLICT (audience) DO UPDATE SET position = excluded.position",
    )?
    .execute((audience, position))?;
    Ok(())
}

/// Stops reading a feed.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &Transaction<'_>, audience: &str) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM feed_position WHERE audience = ?1")?.execute([audience])?;
    tx.prepare_cached("DELETE FROM feed_safe WHERE audience = ?1")?.execute([audience])?;
    Ok(())
}

/// Says how far a verified backup holds a feed.
///
/// # Errors
/// [`StoreError`].
pub fn set_safe(tx: &Transaction<'_>, audience: &str, position: u64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO feed_safe (audience, position) VALUES (?1, ?2)
         ON CONFLICT (audience) DO UPDATE SET position = excluded.position",
    )?
    .execute((audience, position))?;
    Ok(())
}

/// How far a verified backup holds a feed; 0 where none does.
///
/// # Errors
/// [`StoreError`].
pub fn safe(conn: &Connection, audience: &str) -> Result<u64, StoreError> {
    let position = conn
        .prepare_cached("SELECT position FROM feed_safe WHERE audience = ?1")?
        .query_row([audience], |row| row.get(0))
        .optional()?;
    Ok(position.unwrap_or(0))
}

/// The last position of every feed, at the office.
///
/// # Errors
/// [`StoreError`].
pub fn ends(conn: &Connection) -> Result<std::collections::BTreeMap<String, u64>, StoreError> {
    let mut statement = conn.prepare("SELECT audience, max(position) FROM feed GROUP BY audience")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The audiences that an incarnation reads, besides its private feed, each with the feed's last position when it was
/// granted.
///
/// # Errors
/// [`StoreError`].
pub fn granted(
    conn: &Connection,
    incarnation: IncarnationId,
) -> Result<std::collections::BTreeMap<String, u64>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT audience, since FROM granted WHERE incarnation = ?1")?;
    let rows = statement.query_map([incarnation], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lets an incarnation read an audience.
///
/// # Errors
/// [`StoreError`].
pub fn grant(tx: &Transaction<'_>, incarnation: IncarnationId, audience: &str) -> Result<(), StoreError> {
    let since = last(tx, audience)?;
    tx.execute(
        "INSERT OR IGNORE INTO granted (incarnation, audience, since) VALUES (?1, ?2, ?3)",
        (incarnation, audience, since),
    )?;
    Ok(())
}

/// Lets an incarnation read an audience as one before it did, that was granted it at `since`.
///
/// # Errors
/// [`StoreError`].
pub fn inherit(tx: &Transaction<'_>, incarnation: IncarnationId, audience: &str, since: u64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO granted (incarnation, audience, since) VALUES (?1, ?2, ?3)",
        (incarnation, audience, since),
    )?;
    Ok(())
}

/// Lets it no longer.
///
/// # Errors
/// [`StoreError`].
pub fn withdraw(tx: &Transaction<'_>, incarnation: IncarnationId, audience: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM granted WHERE incarnation = ?1 AND audience = ?2", (incarnation, audience))?;
    Ok(())
}
