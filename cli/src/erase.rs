//! `xuncheng erase`: the private part of an entry, for good.

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;
use xuncheng_core::id::PersonId;
use xuncheng_core::store::{entries, erased, items};
use xuncheng_core::work::case::CASE;

use crate::office::{At, Order};
use crate::print::{self, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what was written about a case, so that the entry is found.
    List {
        #[command(flatten)]
        at: At,
        /// The case's number, like BZ20260721-0007.
        case: String,
    },
    /// Erase the private part of an entry: where its author was, by what clocks, and personal fields.
    ///
    /// What it did to the case stands, and the chain that it is part of can still be checked. Phones erase it at their next sync.
    /// Backups that were made before hold it until they are deleted; whatever is restored from them is without it.
    /// Administrators order it.
    Entry(Order),
}

impl Args {
    /// Whether a program reads what is printed.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            Command::List { at, .. } | Command::Entry(Order { at, .. }) => at.json,
        }
    }
}

/// Lists the entries of a case, and erases.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::List { at, case } => list(at, case),
        Command::Entry(order) => erase(order),
    }
}

fn list(at: &At, case: &str) -> anyhow::Result<()> {
    let ledger = at.ledger()?;
    let conn = ledger.connection();
    let item = items::labelled(conn, CASE, case)?
        .with_context(|| format!("there is no case {case}; its number stands in the console, like BZ20260721-0007"))?;
    let mut rows = Vec::new();
    for entry in entries::of_item(conn, item)? {
        let header = entry.read_header()?;
        let what =
            entry.read_body(&header).map_or_else(|_| "cannot be read".to_owned(), |body| print::change(&body.change));
        let who = entries::who(conn, header.id)?;
        let is_erased = erased::is_erased(conn, header.id)?;
        let from = who.as_ref().map_or_else(|| "—".to_owned(), ToString::to_string);
        let private = if is_erased { "erased" } else { "kept" };
        rows.push((
            json!({ "entry": header.id, "person": who, "what": what, "erased": is_erased }),
            vec![header.id.to_string(), from, what, private.to_owned()],
        ));
    }
    print::rows(at.json, &["entry", "from", "what", "private part"], rows.into_iter())
}

fn erase(order: &Order) -> anyhow::Result<()> {
    let Order { at, entry, person, reason } = order;
    order.done("as it was", at.ledger()?.erase(PersonId::new(person)?, *entry, reason))?;
    if at.json {
        return print::json(&json!({ "erased": entry }));
    }
    say!("the private part of {entry} is erased here; phones erase it at their next sync")?;
    say!("backups that were made before hold it still: make a new one, then delete those")?;
    Ok(())
}
