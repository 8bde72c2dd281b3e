//! The smallest plan that still finds something.

use super::{Finding, play};

/// Runs that shrinking may take.
const TRIES: usize = 400;

/// Takes halves, quarters, … and at last single events out of the plan, as long as something is still found. What is found
/// may change on the way: whatever it is, it should not be.
#[must_use]
pub fn smallest(finding: Finding) -> Finding {
    let mut best = finding;
    let mut tries = 0;
    let mut chunk = best.plan.numbers().len().div_ceil(2);
    while chunk > 0 {
        let mut start = 0;
        let mut shrunk = false;
        while start < best.plan.numbers().len() && tries < TRIES {
            let mut kept = best.plan.numbers();
            kept.drain(start..(start + chunk).min(kept.len()));
            let plan = best.plan.only(&kept);
            tries += 1;
            if let Err(what) = play(best.seed, &plan) {
                best = Finding { plan, what, ..best };
                shrunk = true;
            } else {
                start += chunk;
            }
        }
        if chunk == 1 && !shrunk {
            break;
        }
        chunk = if chunk == 1 { 1 } else { chunk.div_ceil(2) };
        if tries >= TRIES {
            break;
        }
    }
    best
}
