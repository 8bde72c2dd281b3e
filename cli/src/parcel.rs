//! `xuncheng parcel`: what phones without a network sent as a file, and the answers to it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use indicatif::HumanBytes;
use serde_json::json;
use xuncheng_core::id::{IncarnationId, PersonId};
use xuncheng_core::sync::parcel::Progress;
use xuncheng_office::Ledger;
use xuncheng_office::parcel::{self, Answered, TakenIn};

use crate::office::At;
use crate::print::{self, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take in what a phone put into a file, as if it had come over a network, and make the answer for it.
    ///
    /// Taken in twice, or after the phone had a network, it changes nothing. After a kill it goes on where it was.
    Import {
        #[command(flatten)]
        at: At,
        /// What the phone made: 巡城-包裹-….xcp.
        file: PathBuf,
        /// Where the answer is made: a file, or a folder, where it gets a name of its own; beside the parcel at first.
        #[arg(long, value_name = "FILE")]
        answer: Option<PathBuf>,
        /// Make no answer now: xuncheng parcel answer makes it later, with what is new by then.
        #[arg(long, conflicts_with = "answer")]
        no_answer: bool,
    },
    /// Answer a phone's newest parcel with all that is new for it by now; only that phone opens it.
    Answer {
        #[command(flatten)]
        at: At,
        /// Whose phone: a person's code, like li, for the one whose parcel came last; or a device, as `xuncheng device list`
        /// names it.
        phone: String,
        /// The file to make, or a folder, where it gets a name of its own.
        #[arg(long, value_name = "FILE", default_value = ".")]
        to: PathBuf,
    },
}

impl Args {
    /// Whether a program reads what is printed.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            Command::Import { at, .. } | Command::Answer { at, .. } => at.json,
        }
    }
}

/// Takes parcels in and answers them.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::Import { at, file, answer, no_answer } => {
            let mut ledger = at.ledger()?;
            let bar = print::bytes_bar(at.json);
            let taken = parcel::take_in(&mut ledger, file, &mut |Progress { done, total }| {
                bar.set_length(total);
                bar.set_position(done);
            });
            bar.finish_and_clear();
            let taken = taken?;
            let beside = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let answered = if *no_answer || taken.superseded {
                None
            } else {
                let place = answer.as_deref().unwrap_or(beside);
                let answered = parcel::answer(&mut ledger, taken.device, place);
                Some(answered.with_context(|| {
                    format!(
                        "the parcel is taken in, and its answer could not be made; make it elsewhere: xuncheng parcel answer \
                         {} --to DIR",
                        taken.person
                    )
                })?)
            };
            if at.json { print::json(&json!({ "taken": taken, "answer": answered })) } else { tell(&taken, answered) }
        }
        Command::Answer { at, phone, to } => {
            let mut ledger = at.ledger()?;
            let device = device(&ledger, phone)?;
            let answered = parcel::answer(&mut ledger, device, to)?;
            if at.json {
                return print::json(&answered);
            }
            tell_answer(&answered)
        }
    }
}

/// The phone that is meant.
fn device(ledger: &Ledger, phone: &str) -> anyhow::Result<IncarnationId> {
    if let Ok(device) = phone.parse() {
        return Ok(device);
    }
    match parcel::newest_of(ledger, &PersonId::new(phone)?)? {
        Some(device) => Ok(device),
        None => bail!("no parcel of a phone of {phone} was taken in: only a parcel is answered"),
    }
}

fn tell(taken: &TakenIn, answered: Option<Answered>) -> anyhow::Result<()> {
    let TakenIn { name, person, entries, previews, originals, .. } = taken;
    say!("from {name}, of {person}")?;
    say!("{entries} new entries, {previews} small pictures, {originals} new originals")?;
    for refused in &taken.refused {
        say!("not taken, and kept on the phone: {refused}")?;
    }
    if taken.superseded {
        say!("this phone has said something later already, so that there is nothing to answer")?;
    }
    answered.map_or(Ok(()), |answered| tell_answer(&answered))
}

fn tell_answer(answered: &Answered) -> anyhow::Result<()> {
    say!("answer   {} ({})", answered.file.display(), HumanBytes(answered.bytes))?;
    say!("next, on that phone: xuncheng phone parcel import FILE")?;
    Ok(())
}
