//! When something happened on a phone, as far as clocks can say (docs/protocol.md, 11; docs/decisions/D12).
//!
//! A phone's owner can set its wall clock, and no interval stands on it. Its monotonic clock counts from the start of the device and
//! nobody sets it: within one boot, how far a capture is from an exchange with the office on either side is the phone's claim. What
//! is proven stands on what the office recorded itself: that it judged the version which the author had seen, and the receipt. The
//! last exchange before is no part of that, since no entry names the office's word on it: a changed program could write any.

use rusqlite::Connection;

use super::entry::{CaptureInputs, Entry, Header};
use crate::clock::{Moment, Now};
use crate::limits;
use crate::store::{StoreError, entries, items, judgements};

/// Receipts are told to the minute.
const MINUTE_MS: i64 = 60_000;

/// A stretch of the office's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Not before; none where nothing bounds it.
    pub earliest: Option<Moment>,
    /// Not after.
    pub latest: Moment,
}

/// When a capture happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// Between the judgement of what its author had seen and its receipt.
    pub proven: Interval,
    /// Within that, by the phone's own monotonic clock and its last exchange; none where the clocks contradict each other.
    pub claimed: Option<Interval>,
}

/// What the office recorded of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When it judged the version that the author had seen; none of what opens an item.
    pub seen: Option<Moment>,
    /// What the phone's clocks said as it signed a batch with the capture in it, and when that very batch came.
    pub batch: Option<(Now, Moment)>,
    /// When it received the capture first, at the latest.
    pub received: Moment,
}

/// One boot's monotonic clock went back, which none does.
struct Backwards;

impl Interval {
    fn within(self, outer: Self) -> Option<Self> {
        let earliest = self.earliest.max(outer.earliest);
        let latest = self.latest.min(outer.latest);
        earliest.is_none_or(|earliest| earliest <= latest).then_some(Self { earliest, latest })
    }

    /// The stretch from the beginning of the earlier to the end of the later one.
    fn hull(self, other: Self) -> Self {
        Self { earliest: self.earliest.min(other.earliest), latest: self.latest.max(other.latest) }
    }
}

impl When {
    /// When an entry of this office's ledger was written; none where its private part or its judgement is not here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn of_entry(conn: &Connection, entry: &Entry, header: &Header) -> Result<Option<Self>, StoreError> {
        let (Ok(origin), Ok(private), Some(judged)) =
            (entry.read_origin(header), entry.read_private(header), judgements::get(conn, header.id)?)
        else {
            return Ok(None);
        };
        let seen = match &header.seen {
            Some(version) => items::entry_seen(conn, header.item, version)?,
            None => None,
        };
        let seen = seen.map(|entry| judgements::get(conn, entry)).transpose()?.flatten();
        let batch = entries::sealed_at(conn, origin.incarnation, origin.seq)?;
        let recorded = Recorded {
            seen: seen.map(|judged| judged.judgement.received),
            batch: batch.map(|(seal, received_at)| (seal.now, received_at)),
            // Told to the minute, which is the one that it restored from others' copies too.
            received: judged.judgement.received.plus_ms(MINUTE_MS - 1),
        };
        Ok(Some(Self::of(&private.capture, &recorded)))
    }

    /// When `capture` happened, of which the office recorded this.
    #[must_use]
    pub fn of(capture: &CaptureInputs, recorded: &Recorded) -> Self {
        // An office whose clock was set back in between has proven nothing.
        let earliest = recorded.seen.filter(|seen| *seen <= recorded.received);
        let proven = Interval { earliest, latest: recorded.received };
        let claimed = claim(capture, recorded).ok().and_then(|claimed| claimed.within(proven));
        Self { proven, claimed }
    }

    /// What covers both: two captures of one go.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        let claimed = self.claimed.zip(other.claimed).map(|(one, other)| one.hull(other));
        Self { proven: self.proven.hull(other.proven), claimed }
    }
}

/// What follows from the phone's own clock.
fn claim(capture: &CaptureInputs, recorded: &Recorded) -> Result<Interval, Backwards> {
    let earliest = match &capture.last_exchange {
        Some(exchange) => Some(exchange.server_time.plus_ms(least_distance(&exchange.now, &capture.now)?.unwrap_or(0))),
        None => None,
    };
    let latest = match &recorded.batch {
        Some((sent, received)) => received.plus_ms(-least_distance(&capture.now, sent)?.unwrap_or(0)),
        None => recorded.received,
    };
    Ok(Interval { earliest, latest })
}

/// How long after `from` it was `to` at least, in milliseconds of the office's clock; none across boots.
fn least_distance(from: &Now, to: &Now) -> Result<Option<i64>, Backwards> {
    if from.boot_id != to.boot_id {
        return Ok(None);
    }
    let said = to.monotonic_ms.checked_sub(from.monotonic_ms).ok_or(Backwards)?;
    // Of more than any clock counts nothing follows.
    let Ok(said) = i64::try_from(said) else { return Ok(None) };
    // Rounded up: both readings are whole milliseconds.
    let drift = said / 1_000_000 * limits::CLOCK_DRIFT_PPM + said % 1_000_000 * limits::CLOCK_DRIFT_PPM / 1_000_000 + 2;
    Ok(Some((said - drift).max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::Exchange;
    use proptest::prelude::*;

    /// A phone whose monotonic clock runs `ppm` fast, that was started `started` before true time 0, and whose wall clock says
    /// anything.
    fn clocks(at: i64, started: i64, ppm: i64, wall: i64, boot: &str) -> Now {
        let ran = at - started;
        let monotonic_ms = u64::try_from(ran + ran / 1_000_000 * ppm).unwrap();
        Now { wall: Moment::from_unix_ms(wall), monotonic_ms, boot_id: boot.to_owned() }
    }

    fn holds(interval: Interval, at: i64) -> bool {
        let at = Moment::from_unix_ms(at);
        interval.earliest.is_none_or(|earliest| earliest <= at) && at <= interval.latest
    }

    fn at(ms: i64) -> Moment {
        Moment::from_unix_ms(ms)
    }

    fn heard(server_time: i64, now: Now) -> Option<Exchange> {
        Some(Exchange { server_time: at(server_time), now })
    }

    proptest! {
        /// Whatever the wall clock says, whenever the device was started anew, and whichever of two batches that brought it is
        /// asked, an honest capture lies within both; and on one boot the claim is no wider than the two ways over the network,
        /// and the drift.
        #[test]
        fn an_honest_capture_lies_within_its_interval(
            (there, back, again) in (0i64..60_000, 0i64..60_000, 0i64..60_000),
            (until, more, late) in (0i64..100_000_000, 0i64..100_000_000, 0i64..100_000_000),
            (wall, ppm, anew) in (any::<i32>(), -100i64..=100, 0usize..3),
        ) {
            let started = -1_000_000;
            let server_time = there;
            let answered = server_time + back;
            let captured = answered + until;
            let sent = captured + more;
            let received = sent + again;
            let boot = |n: usize| if n >= anew && anew > 0 { "second" } else { "first" };
            let now = clocks(captured, started, ppm, i64::from(wall) * 7, boot(1));
            let exchange = heard(server_time, clocks(answered, started, ppm, i64::from(wall), "first"));
            let capture = CaptureInputs { now, last_exchange: exchange };
            for resent in [0, late] {
                let signed = clocks(sent + resent, started, ppm, 0, boot(2));
                let batch = Some((signed, at(received + resent)));
                let when = When::of(&capture, &Recorded { seen: Some(at(server_time)), batch, received: at(received) });
                prop_assert!(holds(when.proven, captured), "{when:?}");
                let claimed = when.claimed.unwrap();
                prop_assert!(holds(claimed, captured), "{when:?} {captured}");
                if anew == 0 {
                    let width = claimed.latest.unix_ms() - claimed.earliest.unwrap().unix_ms();
                    prop_assert!(width <= back + again + (until + more + resent) / 3_000 + 10, "{width}");
                }
            }
        }
    }

    #[test]
    fn nothing_that_a_phone_writes_is_proven() {
        let now = clocks(5_000, 0, 0, 0, "boot");
        let received = at(900_000);
        let recorded = Recorded { seen: Some(at(100_000)), batch: None, received };
        for server_time in [0, 200_000, 899_999, 1_000_000] {
            let exchange = heard(server_time, clocks(4_000, 0, 0, 0, "boot"));
            let when = When::of(&CaptureInputs { now: now.clone(), last_exchange: exchange }, &recorded);
            assert_eq!(when.proven, Interval { earliest: Some(at(100_000)), latest: received });
            assert_eq!(when.claimed.is_none(), server_time >= 899_999, "{server_time}: {when:?}");
        }
    }

    #[test]
    fn clocks_that_contradict_each_other_claim_nothing() {
        let capture = |exchange: i64| CaptureInputs {
            now: clocks(601_000, 0, 0, 0, "boot"),
            last_exchange: heard(1_000, clocks(exchange, 0, 0, 0, "boot")),
        };
        let recorded = |sent: Option<i64>, received: i64| Recorded {
            seen: None,
            batch: sent.map(|sent| (clocks(sent, 0, 0, 0, "boot"), at(received))),
            received: at(received),
        };
        // Ten minutes after the last exchange by its own clock, and received after five.
        assert_eq!(When::of(&capture(1_000), &recorded(None, 301_000)).claimed, None);
        // A clock that goes back within a boot.
        assert_eq!(When::of(&capture(700_000), &recorded(None, 900_000)).claimed, None);
        assert_eq!(When::of(&capture(1_000), &recorded(Some(500_000), 900_000)).claimed, None);
        assert!(When::of(&capture(1_000), &recorded(Some(700_000), 900_000)).claimed.is_some());
    }

    #[test]
    fn an_office_whose_clock_was_set_back_proves_no_beginning() {
        let capture = CaptureInputs { now: clocks(0, 0, 0, 0, "boot"), last_exchange: None };
        let recorded = Recorded { seen: Some(at(9_000)), batch: None, received: at(8_000) };
        let only = Interval { earliest: None, latest: at(8_000) };
        assert_eq!(When::of(&capture, &recorded), When { proven: only, claimed: Some(only) });
    }

    #[test]
    fn a_phone_that_has_heard_nothing_yet_claims_by_its_batch_alone() {
        let capture = CaptureInputs { now: clocks(1_000, 0, 0, 0, "boot"), last_exchange: None };
        let batch = Some((clocks(61_000, 0, 0, 0, "boot"), at(500_000)));
        let when = When::of(&capture, &Recorded { seen: None, batch, received: at(500_000) });
        let latest = when.claimed.unwrap().latest.unix_ms();
        assert!((440_000..440_100).contains(&latest), "{latest}");
        assert_eq!(when.proven, Interval { earliest: None, latest: at(500_000) });
    }
}
