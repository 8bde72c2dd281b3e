//! Power cuts: what a disk may hold after the power went at any moment of a recording is laid out and looked at.
//!
//! At each moment there is one image for each [`Variant`] of what was not synced, some of them drawn from a seed. Images that
//! are alike, with the same promises behind them, are looked at once. A run of `./test` looks at no more than a bound; all of
//! them, and more drawn ones, with `XUNCHENG_CUTS=all` and `XUNCHENG_DRAWN=20`.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use tempfile::TempDir;
use xuncheng_disk::{Cut, Image, Recording, Variant};

use crate::fixtures::Dice;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// What happened, for whoever reads.
    pub what: &'a str,
    /// Draws what is there of what was not synced, and which images are looked at.
    pub seed: u64,
    /// How many images at most.
    pub most: usize,
    /// Folders, below the one that was recorded, of machines whose power goes alone: one set for each power cut. None: all
    /// that was recorded is one machine.
    pub machines: &'a [&'a [&'a str]],
}

/// What was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// Moments.
    pub cuts: usize,
    /// Images that differ.
    pub differ: usize,
    /// Images that were looked at.
    pub images: usize,
}

/// One image of a recording: the number of its moment, the variant, and which machines lost their power.
type Chosen = (usize, Variant, usize);

/// Syncs that a disk loses: what they are, and which they are, by the path that is synced.
pub type Lost = (&'static str, fn(&Path) -> bool);

/// Looks at the same moments on disks that lose some syncs, each by its name, and sees that `look` finds something on each:
/// what would not miss a sync shows nothing by finding it there.
///
/// # Panics
/// Where it finds nothing on one of them.
pub fn each_sync_is_missed(
    recording: &Recording,
    choice: Choice<'_>,
    lost: &[Lost],
    look: impl Fn(TempDir, &[String]),
) {
    for (name, is_lost) in lost {
        let recording = recording.losing_syncs(is_lost);
        let choice = Choice { what: &format!("{}, on a disk that loses {name}", choice.what), ..choice };
        let looked = catch_unwind(AssertUnwindSafe(|| at_every_cut(&recording, choice, &look)));
        assert!(looked.is_err(), "nothing was found where a disk lost {name}");
    }
}

/// Lays out what the disk may hold after each cut, and has `look` look at it: the folder, and what had been promised by then.
///
/// # Panics
/// Where `look` does; it says at which image.
pub fn at_every_cut(recording: &Recording, choice: Choice<'_>, look: impl Fn(TempDir, &[String])) -> Looked {
    let drawn = number_from("XUNCHENG_DRAWN").unwrap_or(2);
    let (cuts, different) = different(recording, choice, drawn);
    let differ = different.len();
    let chosen = if is_everything_asked_for() { different } else { sample(different, choice) };
    let images = chosen.len();
    let mut chosen = chosen.into_iter().peekable();
    for (number, cut) in recording.cuts().enumerate() {
        while let Some((_, variant, which)) = chosen.next_if(|(of, ..)| *of == number) {
            let folder = TempDir::new().expect("a temporary folder can be made");
            image(&cut, variant, choice.machines.get(which)).lay_out(folder.path()).expect("an image can be laid out");
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| look(folder, &cut.said))) {
                eprintln!(
                    "{}, the power gone after change {number} of {}, with {variant:?} of what was not synced{}; promised were {:?}",
                    choice.what,
                    cuts - 1,
                    choice.machines.get(which).map(|machines| format!(" at {machines:?} alone")).unwrap_or_default(),
                    cut.said
                );
                resume_unwind(panic);
            }
        }
    }
    println!(
        "{}: {} changes with {} syncs; {cuts} moments, {differ} images that differ, {images} looked at",
        choice.what,
        recording.changes(),
        recording.syncs()
    );
    Looked { cuts, differ, images }
}

/// All images that differ, in order of their moments.
fn different(recording: &Recording, choice: Choice<'_>, drawn: u64) -> (usize, Vec<Chosen>) {
    let mut dice = Dice::new(choice.seed);
    let (mut known, mut chosen, mut cuts) = (HashSet::new(), Vec::new(), 0);
    for (number, cut) in recording.cuts().enumerate() {
        cuts += 1;
        let mut variants = vec![Variant::Nothing];
        if !cut.is_certain() {
            use Variant::{Bytes, Everything, Names, TornAtTheEnd, Zeros};
            variants.extend([Everything, Names, Bytes, Zeros, TornAtTheEnd]);
            variants.extend((0..drawn).map(|_| Variant::Drawn(dice.bits())));
        }
        for variant in variants {
            for which in 0..choice.machines.len().max(1) {
                let image = image(&cut, variant, choice.machines.get(which));
                if known.insert((image.fingerprint(), cut.said.len())) {
                    chosen.push((number, variant, which));
                }
            }
        }
    }
    (cuts, chosen)
}

/// Those machines lose what the variant says; the others have all that they wrote.
fn image(cut: &Cut, variant: Variant, machines: Option<&&[&str]>) -> Image {
    let cut_off = cut.image(variant);
    match machines {
        None => cut_off,
        Some(machines) => {
            machines.iter().fold(cut.image(Variant::Everything), |image, machine| image.with_part_of(machine, &cut_off))
        }
    }
}

/// No more than the bound. That of which only what was synced is there comes first: it shows most.
fn sample(mut different: Vec<Chosen>, choice: Choice<'_>) -> Vec<Chosen> {
    if different.len() <= choice.most {
        return different;
    }
    let mut dice = Dice::new(choice.seed ^ 0x5a);
    let mut ranked: Vec<(bool, u64, Chosen)> =
        different.drain(..).map(|chosen| (chosen.1 != Variant::Nothing, dice.bits(), chosen)).collect();
    ranked.sort_by_key(|(luck, rank, _)| (*luck, *rank));
    // Half of the room is for what is there by luck.
    let certain = ranked.iter().filter(|(luck, ..)| !luck).count().min(choice.most / 2);
    let by_luck = ranked.iter().filter(|(luck, ..)| *luck).take(choice.most - certain);
    let mut kept: Vec<Chosen> =
        ranked.iter().filter(|(luck, ..)| !luck).take(certain).chain(by_luck).map(|(_, _, chosen)| *chosen).collect();
    kept.sort_by_key(|(number, _, which)| (*number, *which));
    kept
}

/// Some of the numbers below `count`, drawn from `seed`; all of them where everything is asked for.
#[must_use]
pub fn some_of(count: u64, most: usize, seed: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..count).collect();
    if !is_everything_asked_for() {
        let mut dice = Dice::new(seed);
        numbers.sort_by_cached_key(|_| dice.bits());
        numbers.truncate(most);
    }
    numbers
}

fn is_everything_asked_for() -> bool {
    std::env::var("XUNCHENG_CUTS").is_ok_and(|text| text == "all")
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}
