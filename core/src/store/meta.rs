//! Facts about the store itself, by name.

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StoreError, from_json, to_json};
use crate::id::IncarnationId;

/// The names in use.
pub mod key {
    /// Which incarnation this store's goes on from, as it tells the office; none where it was never copied.
    pub const SUCCEEDS: &str = "succeeds";
    /// The person that a phone's store belongs to.
    pub const PERSON: &str = "person";
    /// The life of the journal that this store writes.
    pub const INCARNATION: &str = "incarnation";
    /// What enrolment gave: the office's address and keys.
    pub const OFFICE: &str = "office";
    /// The branch of the ledger that this store stands on, signed.
    pub const EPOCH: &str = "epoch";
    /// How far the office has this incarnation's chain: all above is still to be sent.
    pub const THROUGH: &str = "through";
    /// The office's countersignature over this incarnation's head.
    pub const COUNTERSIGNED: &str = "countersigned";
    /// The number of this store's last request.
    pub const REQUEST_NUMBER: &str = "request_number";
    /// The last exchange with the office, both clocks.
    pub const LAST_EXCHANGE: &str = "last_exchange";
    /// The token that opens uploads.
    pub const TOKEN: &str = "token";
    /// The district pack as one document; none where the example pack stands.
    pub const PACK: &str = "pack";
    /// The hash of that document.
    pub const PACK_HASH: &str = "pack_hash";
    /// The version of this program that could not read the office's pack, and that pack's hash.
    pub const PACK_UNREAD: &str = "pack_unread";
    /// What the office asks of its phones.
    pub const LIMITS: &str = "limits";
    /// Whether the write-ahead log may still hold something that was erased.
    pub const LOG_HOLDS_ERASED: &str = "log_holds_erased";
    /// Failures in a row, and when to try again.
    pub const BACK_OFF: &str = "back_off";
    /// Entries that the office did not take: why, and when they are offered again.
    pub const ENTRIES_POSTPONED: &str = "entries_postponed";
    /// A counter: commits that failed and were made void.
    pub const FAILED_COMMITS: &str = "failed_commits";
    /// A round trip for entries and feeds is wanted.
    pub const SYNC_WANTED: &str = "sync_wanted";
    /// Originals were sent whole and their receipts are to be fetched.
    pub const RECEIPTS_EXPECTED: &str = "receipts_expected";
    /// What was learnt about how much one exchange of entries brings each way.
    pub const EXCHANGES: &str = "exchanges";
    /// How many bytes of thumbnails or views pass in one request, after more were refused as too large in this conversation.
    pub const PREVIEWS_BYTES: &str = "previews_bytes";
    /// What was learnt about the size of pieces of originals.
    pub const PIECES: &str = "pieces";
    /// When originals may go: this phone's own setting; none where it goes by the district's.
    pub const UPLOAD_POLICY: &str = "upload_policy";
    /// How the phone stands, as whoever drives it said last: its network and its power.
    pub const CONDITIONS: &str = "conditions";
    /// The office took no more originals for now: why, and when they are offered again.
    pub const ORIGINALS_POSTPONED: &str = "originals_postponed";
    /// The office is to be asked what it has of the photos that are owed, and about how many it was asked already.
    pub const HAVE_WANTED: &str = "have_wanted";
    /// Items whose snapshot is wanted, because an entry did not continue what this replica holds.
    pub const SNAPSHOTS_WANTED: &str = "snapshots_wanted";
    /// The verified backup that was heard of last; at the office the newest one, by a name that says nothing else.
    pub const BACKUP: &str = "backup";
    /// Items whose whole story somebody has asked for since the last backup was heard of.
    pub const HISTORY_KEPT: &str = "history_kept";
    /// A backup was heard of, or snapshots came: judged entries may leave that stayed before.
    pub const ENTRIES_MAY_GO: &str = "entries_may_go";
    /// Items whose whole story somebody wants to see, each with the count up to which it is here.
    pub const HISTORY_WANTED: &str = "history_wanted";
    /// The last countersignature that came with all that the office had to tell; kept over a change of incarnation.
    pub const HOLDS: &str = "holds";
    /// What is offered to an office that has lost it: where that stands.
    pub const REOFFER: &str = "reoffer";
    /// What was offered again last, until its person has seen it.
    pub const REOFFERED: &str = "reoffered";
    /// Whether the feeds of another branch are read from their beginning.
    pub const READING_ANEW: &str = "reading_anew";
    /// When this store found out that a copy of it speaks to the office too, until its person has seen it.
    pub const COPIED: &str = "copied";
    /// Which versions of the protocol the office speaks, while they are none of this program's.
    pub const UPGRADE_NEEDED: &str = "upgrade_needed";
    /// What needs a person: the last refusal of the office.
    pub const ATTENTION: &str = "attention";
}

/// The fact under `name`; none where it was never set.
///
/// # Errors
/// [`StoreError`].
pub fn get<T: DeserializeOwned>(conn: &Connection, name: &str) -> Result<Option<T>, StoreError> {
    let text: Option<String> =
        conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([name], |row| row.get(0)).optional()?;
    text.map(|text| from_json("meta", &text)).transpose()
}

/// The life of the journal that this store writes now; another after it was copied.
///
/// # Errors
/// [`StoreError`].
pub fn incarnation(conn: &Connection) -> Result<IncarnationId, StoreError> {
    get(conn, key::INCARNATION)?.ok_or(StoreError::NoFact(key::INCARNATION))
}

/// Sets the fact under `name`.
///
/// # Errors
/// [`StoreError`].
pub fn set<T: Serialize>(tx: &Transaction<'_>, name: &str, value: &T) -> Result<(), StoreError> {
    let text = to_json("meta", value)?;
    tx.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute((name, text))?;
    Ok(())
}

/// Forgets the fact under `name`.
///
/// # Errors
/// [`StoreError`].
pub fn clear(tx: &Transaction<'_>, name: &str) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([name])?;
    Ok(())
}

/// Adds to a counter that `phone status` shows.
///
/// # Errors
/// [`StoreError`].
pub fn tally(tx: &Transaction<'_>, name: &str, more: u64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO tally (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value")?
        .execute((name, more))?;
    Ok(())
}

/// A counter's value; 0 where it never counted.
///
/// # Errors
/// [`StoreError`].
pub fn tallied(conn: &Connection, name: &str) -> Result<u64, StoreError> {
    let value: Option<u64> = conn
        .prepare_cached("SELECT value FROM tally WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(value.unwrap_or(0))
}
