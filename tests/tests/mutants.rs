//! Deliberate faults: each is put into the whole product, and the simulator has to find it. A fault that it does not find is a
//! rule that nothing checks.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use xuncheng_core::mutant::{self, Mutant};
use xuncheng_tests::simulation::{self, Event, Finding, Plan};

/// The seeds that a fault has to be found in; most need one or two.
const SEEDS: u64 = 100;

/// One test: a fault is in the whole process.
#[test]
fn the_simulator_finds_every_deliberate_fault() {
    let mut missed = Vec::new();
    for fault in Mutant::ALL {
        mutant::set(Some(fault));
        let found = match written(fault) {
            Some(plan) => simulation::play(1, &plan).err().map(|what| Box::new(Finding { seed: 1, plan, what })),
            None => simulation::run_all(1..SEEDS + 1, |_| ()).err(),
        };
        mutant::set(None);
        match found {
            Some(finding) => {
                let what = finding.what.lines().nth(1).unwrap_or("");
                println!("{fault:?}: seed {}: {}", finding.seed, what.chars().take(150).collect::<String>());
            }
            None => missed.push(fault),
        }
    }
    assert_eq!(missed, [], "these faults were not found in {SEEDS} seeds each");
}

/// What it takes to find a fault that chance brings too seldom.
fn written(fault: Mutant) -> Option<Plan> {
    let talk = |phone| Event::Talk { phone, dies_after: None, faults: Vec::new(), card_out: false };
    let (li, zhou, copy) = (0, 3, 6);
    // A crew hands a case back that it was sent out to once more meanwhile, from a copy of its phone that knows nothing of it.
    let plan = Plan::of([
        Event::Capture { phone: li, photos: 1, far: false },
        talk(li),
        Event::Dispatch { case: 0, unit: 0 },
        talk(zhou),
        Event::Act { phone: zhou, case: 0, step: 0 },
        talk(zhou),
        Event::Copy { phone: zhou },
        Event::Act { phone: zhou, case: 0, step: 1 },
        talk(zhou),
        Event::Desk { case: 0, step: 1 },
        Event::Act { phone: copy, case: 0, step: 0 },
        talk(copy),
    ]);
    (fault == Mutant::StaleRoundTaken).then_some(plan)
}
