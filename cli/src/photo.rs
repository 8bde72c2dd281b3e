//! `xuncheng photo`: looking at a photo file.

use std::path::PathBuf;

use clap::Subcommand;
use xuncheng_core::field::FieldError;
use xuncheng_core::photo::inspect;

use crate::print::{self, Table, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say where and when a photo was taken, and what its file is.
    Inspect {
        /// The photo: JPEG, PNG or HEIC.
        file: PathBuf,
        /// Print JSON: null where the file has none; degrees signed, east and north positive.
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    /// Whether a program reads what is printed.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            Command::Inspect { json, .. } => *json,
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let Command::Inspect { file, json } = &args.command;
    // The same error, with the same code for programs, as where the photo is captured.
    let seen = inspect(file).map_err(FieldError::from)?;
    if *json {
        return print::json(&seen);
    }
    let shown = serde_json::to_value(&seen)?;
    let mut table = Table::with(&["", ""]);
    for (name, value) in shown.as_object().into_iter().flatten().filter(|(_, value)| !value.is_array()) {
        let value = if value.is_null() {
            "—".to_owned()
        } else {
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        table.row([name.as_str(), &value]);
    }
    table.print()?;
    for note in &seen.notes {
        say!("note: {note}")?;
    }
    Ok(())
}
