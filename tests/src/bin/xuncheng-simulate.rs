//! Plays simulated districts, as many at a time as there are processors, and says what it found.

#![allow(clippy::disallowed_methods, reason = "a program of the tests owns its clock")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use xuncheng_tests::simulation::{self, Finding};

/// How often it is said how far it is.
const PROGRESS_SECONDS: u64 = 10;

/// Plays simulated districts: phones, an office, and whatever can go wrong between them, drawn from seeds.
///
/// Ends with status 1 at the first finding, after printing the smallest plan that shows it and the command that replays it.
#[derive(Parser)]
#[command(name = "xuncheng-simulate")]
struct Options {
    /// How many seeds to play.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// Plays only these events of the first seed's plan, separated by commas: the command that a finding prints has them.
    #[arg(long, value_delimiter = ',')]
    events: Option<Vec<usize>>,
    /// Says what was found with the whole plan, at once, instead of looking for the smallest.
    #[arg(long)]
    whole: bool,
}

fn main() -> ExitCode {
    let Options { seeds, start, events, whole } = Options::parse();
    if let Some(events) = events {
        return match simulation::run(start, Some(&events)) {
            Ok(_) => {
                println!("seed {start} with {} events: nothing found", events.len());
                ExitCode::SUCCESS
            }
            Err(finding) => found(&finding),
        };
    }
    let begun = Instant::now();
    let told = AtomicU64::new(0);
    let played = simulation::run_all(start..start.saturating_add(seeds), |count| {
        let seconds = begun.elapsed().as_secs();
        if seconds >= told.load(Ordering::Relaxed) + PROGRESS_SECONDS {
            told.store(seconds, Ordering::Relaxed);
            eprintln!("{count} of {seeds} seeds in {seconds} s");
        }
    });
    let tally = match played {
        Ok(tally) => tally,
        Err(finding) if whole => return found(&finding),
        Err(finding) => {
            eprintln!("seed {}: {}\nlooking for the smallest plan that finds something", finding.seed, finding.what);
            return found(&simulation::smallest(*finding));
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    println!("{seeds} seeds from {start} in {seconds:.1} s ({:.2} seeds/s), nothing found", seeds as f64 / seconds);
    println!("{} entries and {} photos were written on phones", tally.entries, tally.photos);
    for (what, counts) in [("events", &tally.events), ("faults", &tally.faults)] {
        println!("{what}:");
        for (name, count) in counts {
            println!("  {count:>8} {name}");
        }
    }
    ExitCode::SUCCESS
}

fn found(Finding { seed, plan, what }: &Finding) -> ExitCode {
    println!("seed {seed}: {what}");
    for (number, event) in plan.events() {
        println!("  {number:>3} {event:?}");
    }
    let numbers: Vec<String> = plan.numbers().iter().map(ToString::to_string).collect();
    println!("replay: xuncheng-simulate --start {seed} --events {}", numbers.join(","));
    ExitCode::FAILURE
}
