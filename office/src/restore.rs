//! An office out of a backup: on a new branch of the ledger, so that phones offer again what the backup lacks.
//!
//! Without its ledger, people and keys a backup is none. Photo files that the disk has damaged meanwhile keep nobody from
//! restoring the rest: what they are is said first, and whoever restores accepts it.

mod lacking;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};
use xuncheng_core::clock::{Entropy, Moment};
use xuncheng_core::crypto::{SealingKey, SoftwareKey};
use xuncheng_core::id::{EpochId, PhotoHash};
use xuncheng_core::journal::erasure;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::private;
use xuncheng_core::store::{self, erased, meta};
use xuncheng_core::sync::wire::Epoch;

use crate::backup::Manifest;
use crate::backup::photo_files;
use crate::backup::place::{Backups, Part, Place, manifest_of};
use crate::clock::{Clock, EntropySource};
use crate::erasures;
use crate::error::OfficeError;
use crate::folder::{DataFolder, copy_whole, sync_folder};
use crate::ledger::{begin_epoch, fact, open_tables};
use crate::unfinished::Unfinished;
use lacking::Lacking;

/// An office that was restored.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// The backup that it was restored from.
    pub backup: PathBuf,
    /// When that was made: what came later comes again from the phones, as far as they have it.
    pub made_at: Moment,
    /// The new branch of the ledger.
    pub epoch: Epoch,
    /// Entries in it.
    pub entries: u64,
    /// Photo files in it.
    pub photos: u64,
    /// Originals that the office had signed for and that the backup lacks: its receipts for them are void.
    pub missing: Vec<PhotoHash>,
    /// Smaller pictures that the backup lacks and that the office draws again when it starts.
    pub drawn_again: u64,
    /// What may be missing, in words: to be read by whoever restores.
    pub losses: Vec<String>,
}

/// Restores the backup `from` (one backup, or the newest of a place) into the empty folder `data`.
///
/// # Errors
/// [`OfficeError::Backup`] when `data` is not empty, or the ledger, people, keys or manifest of the backup are not whole; and,
/// unless `accept_loss` was said, when photos in it are not, or it is not the newest of its place.
pub fn restore(from: &Path, data: &Path, accept_loss: bool) -> Result<RestoreReport, OfficeError> {
    restore_with(from, data, accept_loss, &Clock::system(), &EntropySource::system())
}

/// As [`restore`], by the caller's clock and entropy.
///
/// # Errors
/// As there.
pub fn restore_with(
    from: &Path,
    data: &Path,
    accept_loss: bool,
    clock: &Clock,
    entropy: &EntropySource,
) -> Result<RestoreReport, OfficeError> {
    let (place, backup, manifest) = choose(from)?;
    let wrong = place.wrong_files(&backup, &manifest)?;
    if !wrong.is_empty() {
        return Err(OfficeError::Backup(format!(
            "the backup {} is not whole: {}; {}",
            backup.display(),
            wrong.join("; "),
            instead_of(&place, &backup)?
        )));
    }
    refuse_used(data)?;
    let unfinished = beside(data)?;
    let folder = DataFolder::at(unfinished.path());
    folder.make()?;

    let damaged: HashSet<&Path> = place.wrong_photos(&manifest)?.into_iter().map(|part| &*part.path).collect();
    let whole: Vec<&Part> = manifest.photos.iter().filter(|part| !damaged.contains(&*part.path)).collect();
    let ledger = store::open_reader(&backup.join("ledger.sqlite"))?;
    let lacking = lacking(&ledger, &folder, &whole)?;
    let mut losses = newer(&place, &backup, &manifest)?;
    losses.extend(lacking.losses(&ledger)?);
    if !losses.is_empty() && !accept_loss {
        return Err(OfficeError::Backup(format!(
            "what would be lost by restoring {}, unless a phone still has it: {}; say --accept-loss to restore it all the same",
            backup.display(),
            losses.join("; ")
        )));
    }
    let counter = place.next_counter()?;
    copy(&place, &backup, &manifest, &whole, &folder)?;

    let mut entropy = entropy.fresh()?;
    let epoch = Epoch { counter, id: EpochId::from_bytes(entropy.bytes()), parent: Some(manifest.epoch.id) };
    branch(&folder, &place, &epoch, &lacking, clock.now().wall, &mut entropy)?;
    place.restored(counter)?;
    settle(unfinished, data)?;

    losses.push(format!(
        "what came after {} is not in it: phones send it again when they sync, as far as they still have it",
        manifest.made_at.beijing()
    ));
    losses.push("devices that were enrolled or revoked since are to be enrolled or revoked again".to_owned());
    Ok(RestoreReport {
        made_at: manifest.made_at,
        epoch,
        entries: manifest.entries,
        photos: whole.len() as u64,
        missing: lacking.originals(),
        drawn_again: lacking.drawn_again.len() as u64,
        losses,
        backup,
    })
}

fn choose(from: &Path) -> Result<(Place, PathBuf, Manifest), OfficeError> {
    let root = from.canonicalize().map_err(|source| OfficeError::file(from, source))?;
    match manifest_of(&root) {
        Ok(Some(manifest)) => return Ok((place_of(&root), root, manifest)),
        Ok(None) => {}
        Err(OfficeError::Backup(why)) => {
            return Err(OfficeError::Backup(format!("{why}; {}", instead_of(&place_of(&root), &root)?)));
        }
        Err(error) => return Err(error),
    }
    let place = Place::at(&root);
    match place.backups()?.known.pop() {
        Some((backup, manifest)) => Ok((place, backup, manifest)),
        None => Err(OfficeError::Backup(format!(
            "there is no backup at {}; give the folder that `xuncheng backup --to` wrote to, or one backup in it",
            from.display()
        ))),
    }
}

fn place_of(backup: &Path) -> Place {
    Place::at(backup.parent().unwrap_or(backup))
}

/// Which other backup of the place may be restored in the stead of `backup`.
fn instead_of(place: &Place, backup: &Path) -> Result<String, OfficeError> {
    for (other, manifest) in place.backups()?.known.iter().rev().filter(|(other, _)| other != backup) {
        if place.wrong_files(other, manifest)?.is_empty() {
            return Ok(format!(
                "{} is whole, as of {}: give that with --from, and --accept-loss for what came after it",
                other.display(),
                manifest.made_at.beijing()
            ));
        }
    }
    Ok("no other backup there is whole either".to_owned())
}

/// What is in newer backups of the place and not in this one.
fn newer(place: &Place, backup: &Path, manifest: &Manifest) -> Result<Vec<String>, OfficeError> {
    let Backups { mut known, unreadable } = place.backups()?;
    let mut newer = Vec::new();
    if let Some((newest, holds)) = known.pop().filter(|(newest, _)| newest != backup) {
        newer.push(format!(
            "{} is newer ({}) and holds {} more entries and {} more photo files",
            newest.display(),
            holds.made_at.beijing(),
            holds.entries.saturating_sub(manifest.entries),
            holds.photos.len().saturating_sub(manifest.photos.len()),
        ));
    }
    // Their names are the times at which they were made.
    let later = unreadable.iter().filter(|(folder, _)| folder.file_name() > backup.file_name());
    newer.extend(later.map(|(folder, why)| format!("{} is newer and cannot be read: {why}", folder.display())));
    Ok(newer)
}

/// What the ledger of a backup names that is not among `whole`; `folder` is where all is to lie.
fn lacking(ledger: &Connection, folder: &DataFolder, whole: &[&Part]) -> Result<Lacking, OfficeError> {
    let named = photo_files::of_ledger(ledger, &PhotoFolder::open(&folder.photos())?)?;
    Lacking::of(ledger, named, &whole.iter().map(|part| &*part.path).collect::<HashSet<_>>())
}

fn refuse_used(data: &Path) -> Result<(), OfficeError> {
    match fs::read_dir(data).map(|mut inside| inside.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(OfficeError::Backup(format!("{} is not empty: a backup is restored into a new folder", data.display())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(OfficeError::file(data, source)),
    }
}

/// A folder beside `data`, which gets its name only when all is in it.
fn beside(data: &Path) -> Result<Unfinished, OfficeError> {
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private::make_folder(parent).map_err(|source| OfficeError::file(parent, source))?;
    Unfinished::begin(".restoring-", parent)
}

fn copy(
    place: &Place,
    backup: &Path,
    manifest: &Manifest,
    whole: &[&Part],
    to: &DataFolder,
) -> Result<(), OfficeError> {
    for part in &manifest.files {
        copy_whole(&backup.join(&part.path), &to.root().join(&part.path), to.root())?;
    }
    let photos = to.photos();
    for part in whole {
        let path = photos.join(&part.path);
        let parent = path.parent().unwrap_or(&photos).to_owned();
        fs::create_dir_all(&parent).map_err(|source| OfficeError::file(&parent, source))?;
        copy_whole(&place.blob(part), &path, to.root())?;
        sync_folder(&parent)?;
    }
    sync_folder(&photos)?;
    sync_folder(&to.keys())
}

/// Puts the ledger onto the new branch, and takes out of it what held for the old one alone.
fn branch(
    folder: &DataFolder,
    place: &Place,
    epoch: &Epoch,
    lacking: &Lacking,
    now: Moment,
    entropy: &mut Entropy,
) -> Result<(), OfficeError> {
    let node = SoftwareKey::load(&folder.node_key())?;
    SealingKey::load(&folder.sealing_key())?;
    let mut conn = open_tables(&folder.ledger())?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    begin_epoch(&tx, epoch, &node, entropy)?;
    for erasure in erasures::read(&place.erasures())? {
        erasure::carry_out(&tx, &erasure, &node.public_key())?;
    }
    erasures::remember_place(&tx, place.root())?;
    // One that was used since would open a second time.
    tx.execute("UPDATE office_code SET revoked_at = ?1 WHERE used_at IS NULL AND revoked_at IS NULL", [now])?;
    // Their bytes are in no backup.
    tx.execute("DELETE FROM office_upload", [])?;
    lacking.settle(&tx)?;
    meta::clear(&tx, fact::URL)?;
    tx.commit()?;
    erased::leave_no_log(&conn)?;
    conn.close().map_err(|(_, error)| error.into())
}

fn settle(unfinished: Unfinished, data: &Path) -> Result<(), OfficeError> {
    if data.exists() {
        fs::remove_dir(data).map_err(|source| OfficeError::file(data, source))?;
    }
    unfinished.name([data.to_owned()]).map(drop)
}
