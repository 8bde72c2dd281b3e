//! How far a device's clock is off, by its exchanges with the office: shown beside what the clock said, never put in its place
//! (docs/protocol.md, 11).
//!
//! The office signed its time after the request had left and before the answer came: each exchange bounds the offset from
//! both sides, and what the last few agree upon is closer than any of them. Where they disagree, the clock was set meanwhile.

use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use crate::clock::{Moment, Now};
use crate::limits;
use crate::store::{StoreError, clock_samples};

/// How far a clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOffset {
    /// How far the office's clock is ahead of this one, in milliseconds; below 0 where this one is fast.
    pub ahead_ms: i64,
    /// And by how much that may be wrong either way, in milliseconds.
    pub within_ms: i64,
}

/// Bounds of an offset, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At least so far ahead.
    pub least_ms: i64,
    /// At most so far.
    pub most_ms: i64,
}

impl Bounds {
    /// What an exchange says that took `round_trip_ms` and ended when the device's clock said `wall`.
    #[must_use]
    pub fn of_exchange(server_time: Moment, wall: Moment, round_trip_ms: i64) -> Self {
        let least_ms = server_time.unix_ms().saturating_sub(wall.unix_ms());
        Self { least_ms, most_ms: least_ms.saturating_add(round_trip_ms.max(0)) }
    }

    /// What both say; none where they disagree.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let both = Self { least_ms: self.least_ms.max(other.least_ms), most_ms: self.most_ms.min(other.most_ms) };
        (both.least_ms <= both.most_ms).then_some(both)
    }
}

/// What samples say, newest first: all that agree with those after them.
#[must_use]
pub fn estimate(newest_first: &[Bounds]) -> Option<ClockOffset> {
    let (newest, older) = newest_first.split_first()?;
    let agreed = older.iter().try_fold(*newest, |agreed, older| match agreed.and(*older) {
        Some(both) => Ok(both),
        None => Err(agreed),
    });
    let Bounds { least_ms, most_ms } = agreed.unwrap_or_else(|so_far| so_far);
    let within_ms = most_ms.saturating_sub(least_ms) / 2;
    Some(ClockOffset { ahead_ms: least_ms.saturating_add(within_ms), within_ms })
}

/// Keeps what an exchange says that was begun when the boot's monotonic clock said `begun_ms` and ended `now`.
pub(super) fn note(
    tx: &Transaction<'_>,
    server_time: Moment,
    begun_ms: Option<u64>,
    now: &Now,
) -> Result<(), StoreError> {
    let took = begun_ms.and_then(|begun| now.monotonic_ms.checked_sub(begun));
    let Some(round_trip_ms) = took.filter(|took| *took <= limits::ROUND_TRIP_MS) else { return Ok(()) };
    let round_trip_ms = i64::try_from(round_trip_ms).unwrap_or(i64::MAX);
    clock_samples::keep(tx, Bounds::of_exchange(server_time, now.wall, round_trip_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(offset_ms: i64, up_ms: i64, down_ms: i64) -> Bounds {
        let answered = Moment::from_unix_ms(1_000_000 + offset_ms);
        Bounds::of_exchange(answered, Moment::from_unix_ms(1_000_000 + down_ms), up_ms + down_ms)
    }

    #[test]
    fn the_true_offset_lies_within_what_is_said_however_lopsided_the_way() {
        for offset in [-366 * 86_400_000, -90_000, -1, 0, 1, 90_000, 366 * 86_400_000] {
            let samples = [exchange(offset, 5, 900), exchange(offset, 2000, 5), exchange(offset, 300, 300)];
            let found = estimate(&samples).unwrap();
            assert!(found.ahead_ms.abs_diff(offset) <= found.within_ms.unsigned_abs(), "{offset}: {found:?}");
            assert!(found.within_ms <= 5, "together they say more than each: {found:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_meanwhile_counts_from_there_on() {
        let before = exchange(0, 20, 20);
        let found = estimate(&[exchange(3_600_000, 30, 30), before, before]).unwrap();
        assert_eq!((found.ahead_ms, found.within_ms), (3_600_000, 30));
        assert_eq!(estimate(&[]), None);
    }
}
