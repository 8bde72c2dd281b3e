//! Which own originals may leave a phone, which are about to, and which have.

use rusqlite::{Connection, Transaction};

use super::StoreError;
use crate::clock::Moment;
use crate::id::PhotoHash;

/// An own original that may leave this phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MayGo {
    /// The original.
    pub sha256: PhotoHash,
    /// Its length.
    pub bytes: u64,
    /// Since when it is safe, by the office's clock; of several entries that show it, for the last.
    pub safe_since: Moment,
}

/// Of an own original `a`, whether nothing keeps it here: the office has signed for it and a backup covers it; its entry took
/// effect, or changed nothing, or was rejected and its author has seen that; nothing else of it is to be sent.
const LET_GO: &str = "a.safe = 1 AND a.receipt IS NOT NULL AND a.view_owed = 0 AND EXISTS (
    SELECT 1 FROM judgement j WHERE j.entry = a.entry
        AND (j.verdict IN ('applied', 'merged', 'no_op') OR (j.verdict = 'rejected' AND j.acknowledged = 1)))";

/// The originals that nothing keeps here, for no own entry that shows them, the longest safe first.
///
/// # Errors
/// [`StoreError`].
pub fn may_go(conn: &Connection) -> Result<Vec<MayGo>, StoreError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT a.sha256, max(a.bytes) AS bytes, max(a.safe_since) AS since FROM attachment a
         WHERE a.safe = 1 AND a.gone = 0 AND a.own = 1 AND a.safe_since IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM attachment o WHERE o.sha256 = a.sha256 AND o.own = 1 AND NOT ({}))
         GROUP BY a.sha256 ORDER BY since, a.sha256",
        LET_GO.replace("a.", "o.")
    ))?;
    let rows = statement.query_map([], |row| {
        Ok(MayGo { sha256: row.get("sha256")?, bytes: row.get("bytes")?, safe_since: row.get("since")? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says that an original is about to be deleted, `at` a time of the office's clock.
///
/// # Errors
/// [`StoreError`].
pub fn set_going(tx: &Transaction<'_>, sha256: PhotoHash, at: Moment) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE attachment SET gone = 1, gone_at = ?2 WHERE sha256 = ?1 AND own = 1 AND gone = 0")?
        .execute((sha256, at))?;
    Ok(())
}

/// The originals that are about to be deleted, each with whether nothing keeps it here now.
///
/// # Errors
/// [`StoreError`].
pub fn going(conn: &Connection) -> Result<Vec<(PhotoHash, bool)>, StoreError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT DISTINCT a.sha256, NOT EXISTS (
             SELECT 1 FROM attachment o WHERE o.sha256 = a.sha256 AND o.own = 1 AND NOT ({})) AS free
         FROM attachment a WHERE a.gone = 1 ORDER BY a.sha256",
        LET_GO.replace("a.", "o.")
    ))?;
    let rows = statement.query_map([], |row| Ok((row.get("sha256")?, row.get("free")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says that an original that was about to be deleted left, or that it stays.
///
/// # Errors
/// [`StoreError`].
pub fn set_left(tx: &Transaction<'_>, sha256: PhotoHash, left: bool) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE attachment SET gone = iif(?2, 2, 0), gone_at = iif(?2, gone_at, NULL) WHERE sha256 = ?1 AND gone = 1",
    )?
    .execute((sha256, left))?;
    Ok(())
}

/// How many own originals have left this phone, and when the last of them did.
///
/// # Errors
/// [`StoreError`].
pub fn left(conn: &Connection) -> Result<(u64, Option<Moment>), StoreError> {
    let sql = "SELECT count(DISTINCT sha256), max(gone_at) FROM attachment WHERE own = 1 AND gone = 2";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
