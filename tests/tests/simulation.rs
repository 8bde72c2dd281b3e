//! Simulated districts: what holds in each of them whatever happens holds for some dozens of seeds at each run of the tests.
//! `xuncheng-simulate` plays as many as one likes.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use xuncheng_tests::seed;
use xuncheng_tests::simulation;

/// Invariants 1 to 6, played: see [`simulation::promises`].
#[test]
fn whatever_happens_nothing_is_lost_and_all_agree() {
    let base = seed!();
    for seed in base..base + 24 {
        if let Err(finding) = simulation::run_and_shrink(seed) {
            panic!("seed {}: {}\n{:#?}", finding.seed, finding.what, finding.plan);
        }
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
