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
pub mod plan;
pub mod promises;
mod rounds;
mod shrink;
mod words;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

pub use event::Event;
pub use plan::Plan;
pub use shrink::smallest;

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

/// Plays the plan of each seed, as many at a time as there are processors, until something is found; `so_far` hears how many
/// have been played.
///
/// # Errors
/// What was found first, with the whole plan: [`smallest`] takes out of it what is not needed.
pub fn run_all(seeds: Range<u64>, so_far: impl Fn(u64) + Sync) -> Result<Tally, Box<Finding>> {
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new((Tally::default(), 0, None));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let played = run(seed, None);
            let (tally, count, found) = &mut *all.lock().unwrap_or_else(PoisonError::into_inner);
            match played {
                Ok(done) => {
                    tally.add(&done);
                    *count += 1;
                    so_far(*count);
                }
                Err(finding) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    found.get_or_insert(finding);
                    return;
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let (tally, _, found) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.map_or(Ok(tally), Err)
}

/// Plays a plan that was written down: what was found once is played again whatever seeds draw by then.
///
/// # Errors
/// What was found, and where.
pub fn play(seed: u64, plan: &Plan) -> Result<Tally, String> {
    thread_local! {
        static FOUND: RefCell<Option<String>> = const { RefCell::new(None) };
        static PLAYING: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    // A finding is told once, by who asked for the run: not at each try to make its plan smaller.
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if PLAYING.get() {
                FOUND.set(Some(panic.to_string()));
            } else {
                usual(panic);
            }
        }));
    });
    PLAYING.set(true);
    let played = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut district = District::new(seed);
        for (number, event) in plan.events() {
            district.play(number, event);
        }
        promises::kept(&mut district);
        district.into_tally()
    }));
    PLAYING.set(false);
    played.map_err(|_| FOUND.take().unwrap_or_default())
}
