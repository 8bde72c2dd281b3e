//! Every run of a small model of intake, cursor and epoch, within its bounds: the rules hold in all of them, and with any one of
//! them switched off there is a run that shows it.

#![allow(clippy::disallowed_methods, reason = "tests own clock, threads and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "model/epochs.rs"]
mod epochs;

use epochs::{Bounds, Epochs, Fault, KEPT, ONE_BRANCH, WHOLE};
use stateright::{Checker, HasDiscoveries, Model as _};

/// Each phone writes, one is lost, the office is put back once.
const BOTH_WRITE: Bounds = Bounds { writes: [1, 1], requests: [1, 3], late: 1, backups: 1, returns: 1, loss: true };
/// A phone has more to re-offer than goes into one request.
const MUCH_TO_OFFER: Bounds = Bounds { writes: [2, 0], requests: [1, 5], late: 1, backups: 1, returns: 1, loss: true };
/// Both come back to an office that was put back.
const BOTH_RETURN: Bounds = Bounds { writes: [1, 1], requests: [2, 1], late: 1, backups: 1, returns: 1, loss: false };
/// Two answers are under way at once.
const LATE: Bounds = Bounds { writes: [1, 0], requests: [1, 3], late: 2, backups: 1, returns: 1, loss: false };
/// The office is put back, and put back again before all have recovered.
const TWICE: Bounds = Bounds { writes: [1, 0], requests: [1, 4], late: 1, backups: 1, returns: 2, loss: false };

fn holds(bounds: Bounds) -> impl Checker<Epochs> {
    let begun = std::time::Instant::now();
    let checker = Epochs { bounds, fault: None }.checker().spawn_bfs().join();
    eprintln!("{} states of {bounds:?} in {:.1} s", checker.unique_state_count(), begun.elapsed().as_secs_f64());
    for property in [KEPT, WHOLE, ONE_BRANCH] {
        checker.assert_no_discovery(property);
    }
    checker
}

#[test]
fn nothing_is_lost_skipped_or_mixed_in_any_run() {
    // That something happens in it too: an office gets again what it had lost, another finds out by itself that it lost it.
    holds(BOTH_WRITE).assert_properties();
    for bounds in [MUCH_TO_OFFER, BOTH_RETURN, LATE, TWICE] {
        holds(bounds);
    }
}

/// A rule that is switched off shows in some run, as what it is there for.
fn shows(fault: Fault, bounds: Bounds, property: &'static str) {
    let stop = HasDiscoveries::AnyOf([property].into());
    let checker = Epochs { bounds, fault: Some(fault) }.checker().finish_when(stop).spawn_bfs().join();
    eprintln!("{fault:?} shows within {} states", checker.unique_state_count());
    assert!(checker.discovery(property).is_some(), "{fault:?} does not show as: {property}");
}

#[test]
fn each_rule_is_needed() {
    shows(Fault::NoReoffer, BOTH_WRITE, KEPT);
    shows(Fault::OwnOnly, BOTH_WRITE, KEPT);
    shows(Fault::ByPosition, BOTH_WRITE, KEPT);
    shows(Fault::EntersEarly, MUCH_TO_OFFER, KEPT);
    shows(Fault::AnyAnswer, LATE, ONE_BRANCH);
    shows(Fault::KeepsCursor, BOTH_WRITE, ONE_BRANCH);
    shows(Fault::SkipsRows, MUCH_TO_OFFER, WHOLE);
    shows(Fault::TrustsItself, BOTH_RETURN, KEPT);
}
