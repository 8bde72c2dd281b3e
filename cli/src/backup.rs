//! `xuncheng backup` and `restore`: an office's ledger and photos in another place.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;
use xuncheng_office::{BackupReport, backup as make_backup, restore as restore_backup};

use crate::print::{self, say};

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The office's data folder; the office may be running.
    #[arg(long, env = "XUNCHENG_DATA", default_value = "xuncheng-office")]
    data: PathBuf,
    /// Where backups are kept: another disk at best. Photos that are there already are not copied again.
    #[arg(long)]
    to: PathBuf,
    /// Print JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// Where backups are kept; its newest one is taken, or the one that is named.
    #[arg(long)]
    from: PathBuf,
    /// The data folder to be made; it must not be in use.
    #[arg(long, env = "XUNCHENG_DATA", default_value = "xuncheng-office")]
    data: PathBuf,
    /// Restore a backup although a newer one is known, or originals, or smaller pictures that the office cannot draw again, are
    /// damaged or missing in it. Without it each is named, and nothing is restored.
    ///
    /// Smaller pictures that the office can draw from their originals need no leave. A damaged ledger, key or list of people is
    /// no backup: an older one of the same place may be whole, which is said then.
    #[arg(long)]
    accept_loss: bool,
    /// Print JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Makes a backup and reads all of it back; only then do its photos become safe.
pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    let report = make_backup::backup(&args.data, &args.to)?;
    if args.json {
        let missing: Vec<String> = report.missing.iter().map(ToString::to_string).collect();
        print::json(&json!({
            "backup": report.backup, "copied": report.copied, "newly_safe": report.newly_safe, "missing": missing,
        }))?;
        return missed(&report);
    }
    say!("{} — read back and verified", report.backup.display())?;
    say!("{} photo files copied, {} originals became safe by it", report.copied, report.newly_safe)?;
    say!("not in it: keys/root.key, which is to be kept apart")?;
    for sha256 in &report.missing {
        say!("missing or changed in the data folder, and not safe: {sha256}")?;
    }
    missed(&report)
}

/// A backup without all originals is one, and no success: whoever has it made each night is to hear of it.
fn missed(report: &BackupReport) -> anyhow::Result<()> {
    if report.missing.is_empty() {
        return Ok(());
    }
    bail!(
        "{} originals that the office had signed for are lost or damaged in its photo folder; phones that still have them \
         are asked for them at their next sync, then make another backup",
        report.missing.len()
    )
}

/// Makes a data folder out of a backup; it begins a new branch of the ledger's history.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let report = restore_backup::restore(&args.from, &args.data, args.accept_loss)?;
    if args.json {
        return print::json(&json!({
            "data": args.data, "backup": report.backup, "made_at": report.made_at, "epoch": report.epoch.counter,
            "entries": report.entries, "photos": report.photos, "missing": report.missing, "drawn_again": report.drawn_again,
            "losses": report.losses,
        }));
    }
    say!("{} restored from {}", args.data.display(), report.backup.display())?;
    say!("it holds {} entries and {} photo files, as of {}", report.entries, report.photos, report.made_at.beijing())?;
    if report.drawn_again > 0 {
        say!("{} smaller pictures are drawn again when the office starts", report.drawn_again)?;
    }
    for loss in &report.losses {
        say!("lost, unless a phone still has it: {loss}")?;
    }
    say!("the ledger is on branch {} of its history now", report.epoch.counter)?;
    say!(
        "next: start the office; each phone brings back what it has when it syncs, and sends again the originals that are not here"
    )?;
    say!(
        "the console's page of phones shows who has not come yet, and what nobody has brought; make a backup once all have come"
    )?;
    Ok(())
}
