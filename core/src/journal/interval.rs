//! When something happened, as far as clocks can say (docs/protocol.md, 11; docs/decisions/D12).
//!
//! A phone's owner can set its wall clock, and no interval stands on it. Its monotonic clock counts from the start of the device and
//! nobody sets it: within one boot, how far a capture is from an exchange with the office on either side is the phone's claim. What
//! is proven is only that it lies between the last exchange before it and its receipt.

use super::entry::CaptureInputs;
use crate::clock::{Moment, Now};
use crate::limits;

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
    /// Between the last exchange before it and its receipt.
    pub proven: Interval,
    /// Within that, by the phone's own monotonic clock; none where what it says cannot be.
    pub claimed: Option<Interval>,
}

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
    /// When `capture` happened, which came to the office at `received` in a batch that the phone signed when its clocks said `sent`.
    #[must_use]
    pub fn of(capture: &CaptureInputs, sent: Option<&Now>, received: Moment) -> Self {
        let before = capture.last_exchange.as_ref();
        let proven = Interval { earliest: before.map(|exchange| exchange.server_time), latest: received };
        let since = before
            .and_then(|exchange| Some(exchange.server_time.plus_ms(least_distance(&exchange.now, &capture.now)?)));
        let until = sent.and_then(|sent| Some(received.plus_ms(-least_distance(&capture.now, sent)?)));
        let claimed = Interval { earliest: since.or(proven.earliest), latest: until.unwrap_or(received) };
        Self { proven, claimed: claimed.within(proven) }
    }

    /// What covers both: two captures of one go.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        let claimed = self.claimed.zip(other.claimed).map(|(one, other)| one.hull(other));
        Self { proven: self.proven.hull(other.proven), claimed }
    }
}

/// How long after `from` it was `to` at least, in milliseconds of the office's clock; none across boots, or backwards.
fn least_distance(from: &Now, to: &Now) -> Option<i64> {
    if from.boot_id != to.boot_id {
        return None;
    }
    let said = i64::try_from(to.monotonic_ms.checked_sub(from.monotonic_ms)?).ok()?;
    // Rounded up: both readings are whole milliseconds.
    let drift = said / 1_000_000 * limits::CLOCK_DRIFT_PPM + said % 1_000_000 * limits::CLOCK_DRIFT_PPM / 1_000_000 + 2;
    Some((said - drift).max(0))
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

    proptest! {
        /// Whatever the wall clock says and whenever the device was started anew, an honest capture lies within both; and on one
        /// boot the claim is no wider than the two ways over the network, and the drift.
        #[test]
        fn an_honest_capture_lies_within_its_interval(
            (there, back, again) in (0i64..60_000, 0i64..60_000, 0i64..60_000),
            (until, more) in (0i64..100_000_000, 0i64..100_000_000),
            (wall, ppm, anew) in (any::<i32>(), -100i64..=100, 0usize..3),
        ) {
            let started = -1_000_000;
            let server_time = there;
            let heard = server_time + back;
            let captured = heard + until;
            let sent = captured + more;
            let received = sent + again;
            let boot = |n: usize| if n >= anew && anew > 0 { "second" } else { "first" };
            let exchange = Exchange {
                server_time: Moment::from_unix_ms(server_time),
                now: clocks(heard, started, ppm, i64::from(wall), "first"),
            };
            let now = clocks(captured, started, ppm, i64::from(wall) * 7, boot(1));
            let capture = CaptureInputs { now, last_exchange: Some(exchange) };
            let when = When::of(&capture, Some(&clocks(sent, started, ppm, 0, boot(2))), Moment::from_unix_ms(received));
            prop_assert!(holds(when.proven, captured), "{when:?}");
            let claimed = when.claimed.unwrap();
            prop_assert!(holds(claimed, captured), "{when:?} {captured}");
            if anew == 0 {
                let width = claimed.latest.unix_ms() - claimed.earliest.unwrap().unix_ms();
                prop_assert!(width <= back + again + (until + more) / 3_000 + 10, "{width}");
            }
        }
    }

    #[test]
    fn what_a_phone_claims_against_what_is_known_is_no_claim() {
        let exchange = Exchange { server_time: Moment::from_unix_ms(1_000), now: clocks(1_000, 0, 0, 0, "boot") };
        // Ten minutes after the last exchange by its own clock, and received after five.
        let capture = CaptureInputs { now: clocks(601_000, 0, 0, 0, "boot"), last_exchange: Some(exchange) };
        let when = When::of(&capture, None, Moment::from_unix_ms(301_000));
        assert_eq!(when.claimed, None);
        assert_eq!(when.proven.earliest, Some(Moment::from_unix_ms(1_000)));
    }

    #[test]
    fn a_phone_that_has_heard_nothing_yet_claims_by_its_receipt_alone() {
        let capture = CaptureInputs { now: clocks(1_000, 0, 0, 0, "boot"), last_exchange: None };
        let when = When::of(&capture, Some(&clocks(61_000, 0, 0, 0, "boot")), Moment::from_unix_ms(500_000));
        let latest = when.claimed.unwrap().latest.unix_ms();
        assert!((440_000..440_100).contains(&latest), "{latest}");
        assert_eq!(when.proven, Interval { earliest: None, latest: Moment::from_unix_ms(500_000) });
    }
}
