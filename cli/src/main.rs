//! `xuncheng`: the office, a phone without a screen, and a demonstration of both, in one program.
// The command line owns clock, threads and environment; core gets them as arguments.
#![allow(clippy::disallowed_methods)]

mod backup;
mod demo;
mod driver;
mod erase;
mod held;
mod machine;
mod office;
mod parcel;
mod phone;
mod photo;
mod print;

use clap::{Parser, Subcommand};
use xuncheng_core::field::FieldError;
use xuncheng_office::OfficeError;

/// Xuncheng (巡城): field inspection for a city district that loses nothing, network or not.
///
/// `xuncheng demo` shows the whole journey: an office and three phones, a phone that dies in the middle of an upload, and
/// every case from its capture to its closing.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole journey on this machine and leave the console up.
    Demo(demo::Args),
    /// Run an office: phones sync with it, people work in its console.
    Serve(office::ServeArgs),
    /// Enrolment codes of an office: make, list, revoke.
    Code(office::CodeArgs),
    /// Phones of an office: list, revoke.
    Device(office::DeviceArgs),
    /// What an office holds until a person decides: list, release, dismiss.
    Held(held::Args),
    /// Erase the personal part of an entry for good: find it, erase it.
    Erase(erase::Args),
    /// Where phones have no network: take in what they sent as a file, and answer with one.
    Parcel(parcel::Args),
    /// Copy an office's ledger and photos to another place, and read all of it back.
    Backup(backup::BackupArgs),
    /// Make an office's data folder out of a backup.
    Restore(backup::RestoreArgs),
    /// Be a phone: capture, sync and take steps as an app would, from the command line.
    Phone(phone::Args),
    /// Look at a photo file.
    Photo(photo::Args),
}

impl Command {
    /// Whether a program reads what is printed.
    const fn json(&self) -> bool {
        match self {
            Self::Demo(_) => false,
            Self::Serve(args) => args.json,
            Self::Code(args) => args.json(),
            Self::Device(args) => args.json(),
            Self::Held(args) => args.json(),
            Self::Erase(args) => args.json(),
            Self::Parcel(args) => args.json(),
            Self::Backup(args) => args.json,
            Self::Restore(args) => args.json,
            Self::Phone(args) => args.json,
            Self::Photo(args) => args.json(),
        }
    }
}

fn main() -> std::process::ExitCode {
    let command = Cli::parse().command;
    let json = command.json();
    let result = match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => office::serve(&args),
        Command::Code(args) => office::code(&args),
        Command::Device(args) => office::device(&args),
        Command::Held(args) => held::run(&args),
        Command::Erase(args) => erase::run(&args),
        Command::Parcel(args) => parcel::run(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Phone(args) => phone::run(&args),
        Command::Photo(args) => photo::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        // Whoever read the output has read enough: `xuncheng … | head`.
        Err(error) if reader_is_gone(&error) => std::process::ExitCode::SUCCESS,
        // Whoever asked it to end knows that it did not do all; the status is a shell's for SIGINT.
        Err(error) if error.is::<demo::Interrupted>() => std::process::ExitCode::from(130),
        Err(error) => {
            let told = told(&error);
            if json {
                // Nobody may read it; the line for people follows all the same.
                let _ = print::json_line(&serde_json::json!({ "error": { "code": code(&error), "detail": told } }));
            }
            print::complain(&format!("xuncheng: {told}"));
            std::process::ExitCode::FAILURE
        }
    }
}

/// The error and what brought it about, each said once: some errors name their source themselves.
fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for source in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&source) {
            text = format!("{text}: {source}");
        }
    }
    text
}

/// What programs call an error.
fn code(error: &anyhow::Error) -> String {
    if let Some(error) = error.downcast_ref::<FieldError>() {
        return phone::code(error);
    }
    match error.downcast_ref::<OfficeError>() {
        Some(error) => error.problem().code,
        None => "failed".to_owned(),
    }
}

fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
