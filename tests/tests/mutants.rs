//! Deliberate faults: each is put into the whole product, and the simulator has to find it. A fault that it does not find is a
//! rule that nothing checks.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use xuncheng_core::mutant::{self, Mutant};
use xuncheng_tests::simulation;

/// The seeds that a fault has to be found in; most need one or two.
const SEEDS: u64 = 60;

/// One test: a fault is in the whole process.
#[test]
fn the_simulator_finds_every_deliberate_fault() {
    let mut missed = Vec::new();
    for fault in Mutant::ALL {
        mutant::set(Some(fault));
        let found = (1..=SEEDS).find_map(|seed| simulation::run(seed, None).err());
        mutant::set(None);
        match found {
            Some(finding) => {
                println!("{fault:?}: seed {}: {}", finding.seed, finding.what.lines().next().unwrap_or(""))
            }
            None => missed.push(fault),
        }
    }
    assert_eq!(missed, [], "these faults were not found in {SEEDS} seeds each");
}
