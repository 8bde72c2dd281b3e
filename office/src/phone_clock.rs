//! How far a phone's clock is off, as the office sees it: shown beside what the phone says of its times, never put in their place
//! (docs/protocol.md, 11).

use rusqlite::Connection;
use xuncheng_core::clock::Now;
use xuncheng_core::id::IncarnationId;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;

use crate::error::OfficeError;

/// Notes what a phone's clocks said when it signed a request; the first time that it comes.
pub(crate) fn note(
    intake: &Intake<'_, '_>,
    incarnation: IncarnationId,
    request: u64,
    said: &Now,
) -> Result<(), OfficeError> {
    let ahead_ms = intake.now.wall.unix_ms().saturating_sub(said.wall.unix_ms());
    intake
        .tx
        .prepare_cached("INSERT OR IGNORE INTO office_clock (incarnation, request, ahead_ms) VALUES (?1, ?2, ?3)")?
        .execute((incarnation, request, ahead_ms))?;
    intake
        .tx
        .prepare_cached(
            "DELETE FROM office_clock WHERE incarnation = ?1 AND request NOT IN (
                 SELECT request FROM office_clock WHERE incarnation = ?1 ORDER BY request DESC LIMIT ?2)",
        )?
        .execute((incarnation, limits::CLOCK_SAMPLES))?;
    Ok(())
}

/// How far the office's clock is ahead of a phone's, in milliseconds; none before its first request.
pub(crate) fn ahead_ms(conn: &Connection, incarnation: IncarnationId) -> Result<Option<i64>, OfficeError> {
    let mut statement =
        conn.prepare_cached("SELECT ahead_ms FROM office_clock WHERE incarnation = ?1 ORDER BY request DESC")?;
    let newest_first: Vec<i64> = statement.query_map([incarnation], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(estimate(&newest_first))
}

/// A request takes its time, so that each sample says too much: of those of one setting of the clock the least is nearest.
fn estimate(newest_first: &[i64]) -> Option<i64> {
    let newest = newest_first.first()?;
    let of_this_setting = |sample: &&i64| sample.abs_diff(*newest) <= limits::CLOCK_SET_MS.unsigned_abs();
    newest_first.iter().take_while(of_this_setting).min().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quickest_request_since_the_clock_was_set_says_most() {
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[700, 300, 2_500]), Some(300));
        assert_eq!(estimate(&[-3_599_000, -3_600_000, 300]), Some(-3_600_000));
        assert_eq!(estimate(&[500, 90_000, 100]), Some(500));
    }
}
