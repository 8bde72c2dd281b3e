//! What was erased for good, in a file apart from ledger and backups: in the data folder, and at the place where backups lie
//! (docs/decisions/D20). An older ledger that takes the place of a newer one finds there what it does not know.
//!
//! A line for each, as the office signed it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction};
use xuncheng_core::crypto::Signed;
use xuncheng_core::journal::erasure::Erasure;
use xuncheng_core::mutant::{self, Mutant};
use xuncheng_core::store::{StoreError, erased, meta};

use crate::backup::place::Place;
use crate::error::OfficeError;
use crate::folder::{DataFolder, write_whole};
use crate::ledger::{Ledger, fact};

/// Its name.
pub(crate) const FILE: &str = "erasures.jsonl";

/// Carries out what the files know and the ledger does not, and writes down what the ledger knows and they do not. At each
/// start, and after each erasure: whatever was cut off between the two is made up for.
pub(crate) fn keep(ledger: &mut Ledger) -> Result<(), OfficeError> {
    let folder = ledger.grounds().folder.clone();
    let here: BTreeSet<String> = lines(&erased::all(ledger.connection())?)?.into_iter().collect();
    let known = known(ledger.connection(), &folder)?;
    if lines(&known)?.iter().any(|line| !here.contains(line)) {
        ledger.turn(|intake| {
            for erasure in &known {
                intake.erase_again(erasure)?;
            }
            Ok(())
        })?;
    }
    let all = erased::all(ledger.connection())?;
    if !all.is_empty() {
        add(&folder.erasures(), &all)?;
    }
    match place(ledger.connection())? {
        Some(place) if !all.is_empty() => {
            // A stick that is not in: the next backup brings it there.
            if let Err(error) = copy(&all, &Place::at(&place)) {
                tracing::warn!(%error, "what was erased could not be written beside the backups: make a backup");
            }
        }
        Some(_) | None => {}
    }
    Ok(())
}

/// What the files know: that of the data folder, and that of the place of the last backup, where it can be read now.
pub(crate) fn known(conn: &Connection, folder: &DataFolder) -> Result<Vec<Signed<Erasure>>, OfficeError> {
    let mut known = read(&folder.erasures())?;
    if let Some(place) = place(conn)? {
        match read(&Place::at(&place).erasures()) {
            Ok(there) => known.extend(there),
            Err(OfficeError::File { path, source }) => {
                tracing::warn!(path = %path.display(), %source, "what was erased cannot be read at the place of the backups");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(known)
}

/// Writes them into the file of a place of backups, beside what is there.
pub(crate) fn copy(erased: &[Signed<Erasure>], place: &Place) -> Result<(), OfficeError> {
    if erased.is_empty() { Ok(()) } else { add(&place.erasures(), erased) }
}

/// What a file says; nothing where there is none.
///
/// # Errors
/// [`OfficeError::Setup`] where a line is none of an office's: what it said would come back unseen.
pub(crate) fn read(path: &Path) -> Result<Vec<Signed<Erasure>>, OfficeError> {
    if mutant::is_on(Mutant::ErasuresUnread) {
        return Ok(Vec::new());
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(OfficeError::file(path, source)),
    };
    let parsed = text.lines().enumerate().map(|(index, line)| {
        serde_json::from_str(line).map_err(|error| {
            OfficeError::Setup(format!(
                "line {} of {} says nothing that can be read ({error}): put a whole copy of the file in its place, or take the \
                 line out and erase again what it was about",
                index + 1,
                path.display()
            ))
        })
    });
    parsed.collect()
}

/// Adds to a file what is not in it.
fn add(path: &Path, erased: &[Signed<Erasure>]) -> Result<(), OfficeError> {
    let before = lines(&read(path)?)?;
    let mut all: BTreeSet<String> = before.iter().cloned().collect();
    all.extend(lines(erased)?);
    if all.len() == before.len() {
        return Ok(());
    }
    let text: String = all.into_iter().map(|line| line + "\n").collect();
    write_whole(path, text.as_bytes())
}

fn lines(erased: &[Signed<Erasure>]) -> Result<Vec<String>, OfficeError> {
    let line = |erasure| serde_json::to_string(erasure).map_err(|source| StoreError::Row { table: "erased", source });
    Ok(erased.iter().map(line).collect::<Result<_, _>>()?)
}

/// Remembers where backups lie, so that what is erased is written there at once. A name that is no Unicode text cannot be kept:
/// there it comes with each backup alone.
pub(crate) fn remember_place(tx: &Transaction<'_>, place: &Path) -> Result<(), StoreError> {
    place.to_str().map_or(Ok(()), |place| meta::set(tx, fact::BACKUP_PLACE, &place))
}

fn place(conn: &Connection) -> Result<Option<PathBuf>, StoreError> {
    meta::get(conn, fact::BACKUP_PLACE)
}
