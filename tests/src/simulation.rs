//! A district in which anything may happen, drawn from a seed, and the promises that hold whatever happened.
//!
//! 1. A seed draws a [`Plan`]: some dozens of [`Event`]s, each with all of its own faults in it, so that a plan from which
//!    events were taken out is still a plan.
//! 2. A [`District`](district::District) plays it: the real office, real stores, one clock, and a book of what people were
//!    told is kept.
//! 3. [`promises`] says at any moment whether the invariants hold, and once the faults have stopped whether everything that
//!    was promised has come to pass.
//! 4. Where something was found, [`shrink`] takes out of the plan what is not needed to find it again.
//!
//! The program `xuncheng-simulate` does this for as many seeds as one likes.

pub mod district;
pub mod event;
pub mod promises;
mod shrink;
mod words;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use event::{Event, Plan};

use district::District;

/// Something that should not be.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The seed of the run.
    pub seed: u64,
    /// What of its plan is needed to find it again.
    pub plan: Plan,
    /// What was found.
    pub what: String,
}

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Events by name.
    pub events: BTreeMap<&'static str, u64>,
    /// Faults by name: of the network, as they were planned; of disks, where they struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// Entries that were written.
    pub entries: u64,
    /// Photos that were kept.
    pub photos: u64,
}

impl Tally {
    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        for (into, from) in [(&mut self.events, &other.events), (&mut self.faults, &other.faults)] {
            for (name, count) in from {
                *into.entry(name).or_default() += count;
            }
        }
        self.entries += other.entries;
        self.photos += other.photos;
    }
}

/// Plays the plan of `seed`, or so much of it as `only` names.
///
/// # Errors
/// What was found, with the whole plan.
pub fn run(seed: u64, only: Option<&[usize]>) -> Result<Tally, Box<Finding>> {
    let plan = Plan::draw(seed);
    let plan = only.map_or_else(|| plan.clone(), |numbers| plan.only(numbers));
    play(seed, &plan).map_err(|what| Box::new(Finding { seed, plan, what }))
}

/// As [`run`], and finds out what of the plan is needed.
///
/// # Errors
/// What was found, with the smallest plan that finds something.
pub fn run_and_shrink(seed: u64) -> Result<Tally, Box<Finding>> {
    run(seed, None).map_err(|finding| Box::new(shrink::smallest(*finding)))
}

fn play(seed: u64, plan: &Plan) -> Result<Tally, String> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut district = District::new(seed);
        for (number, event) in plan.events() {
            district.play(number, event);
        }
        promises::kept(&mut district);
        district.into_tally()
    }))
    .map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}
