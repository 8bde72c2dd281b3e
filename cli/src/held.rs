//! `xuncheng held`: what phones sent and the office holds, until a person releases or dismisses it.

use clap::Subcommand;
use serde_json::json;
use xuncheng_core::id::PersonId;
use xuncheng_core::journal::ledger::{Ruling, Said};
use xuncheng_core::journal::verdict::Judgement;
use xuncheng_office::held::Held;

use crate::office::{At, Order};
use crate::print::{self, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what is held, newest first.
    List {
        #[command(flatten)]
        at: At,
    },
    /// Let a held entry take effect as of now, with all that waits behind it.
    ///
    /// What its author has no right to is judged as if they had the role by which you decide, acceptor or administrator. What
    /// would be held again all the same stays held. Acceptors and administrators decide, about what they did not write.
    Release(Order),
    /// Set a held entry aside for good; its photos stay evidence.
    ///
    /// Acceptors and administrators decide, about what they did not write.
    Dismiss(Order),
}

impl Args {
    /// Whether a program reads what is printed.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            Command::List { at } | Command::Release(Order { at, .. }) | Command::Dismiss(Order { at, .. }) => at.json,
        }
    }
}

/// Lists what is held, and decides about it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::List { at } => {
            let (held, count) = at.ledger()?.held()?;
            let more = count.saturating_sub(held.len() as u64);
            print::rows(
                at.json,
                &["entry", "received", "from", "what", "held because", "behind it"],
                held.iter().map(row),
            )?;
            if more > 0 && !at.json {
                say!("and {more} older ones")?;
            }
            Ok(())
        }
        Command::Release(order) => decide(order, Ruling::Release),
        Command::Dismiss(order) => decide(order, Ruling::Dismiss),
    }
}

fn row(held: &Held) -> (serde_json::Value, Vec<String>) {
    let Held { entry, item, change, person, reason, behind, waiting, received } = held;
    let what = change.as_ref().map_or_else(|| "cannot be read".to_owned(), print::change);
    let from = person.as_ref().map_or_else(|| "—".to_owned(), ToString::to_string);
    (
        json!({
            "entry": entry, "item": item, "change": change, "person": person, "reason": reason, "behind": behind,
            "waiting_behind": waiting, "received": received,
        }),
        vec![entry.to_string(), received.beijing(), from, what, print::reason(reason), waiting.to_string()],
    )
}

fn decide(order: &Order, ruling: Ruling) -> anyhow::Result<()> {
    let Order { at, entry, person, reason } = order;
    let said = Said { entry: *entry, ruling, reason: reason.clone() };
    let judged = order.done("held as before", at.ledger()?.rule(PersonId::new(person)?, &said))?;
    if at.json {
        let of = |judgement: &Judgement| json!({ "entry": judgement.entry, "verdict": judgement.verdict });
        return print::json(&json!({ "judged": judged.iter().map(of).collect::<Vec<_>>() }));
    }
    for judgement in &judged {
        say!("{}  {}", judgement.entry, print::verdict(&judgement.verdict))?;
    }
    Ok(())
}
