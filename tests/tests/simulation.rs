//! Simulated districts: what holds in each of them whatever happens holds for some hundreds of seeds at each run of the tests.
//! `xuncheng-simulate` plays as many as one likes.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use xuncheng_tests::seed;
use xuncheng_tests::simulation::{self, Finding};

/// How many are played.
const SEEDS: u64 = 200;

/// Invariants 1 to 6, played: see [`simulation::promises`].
#[test]
fn whatever_happens_nothing_is_lost_and_all_agree() {
    let base = seed!();
    if let Err(finding) = simulation::run_all(base..base + SEEDS, |_| ()) {
        let Finding { seed, plan, what } = simulation::smallest(*finding);
        panic!("seed {seed}: {what}\n{plan:#?}");
    }
}

/// A seed that found something once: what a desk had dismissed came back as dismissed to a restored office, which is right. What
/// a seed draws changes with the kinds of events: this one plays on, and no longer replays just that.
#[test]
fn what_was_found_once_is_not_found_again() {
    if let Err(finding) = simulation::run(236, None) {
        panic!("seed {}: {}\n{:#?}", finding.seed, finding.what, finding.plan);
    }
}
