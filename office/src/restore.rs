//! An office out of a backup: on a new branch of the ledger, so that phones offer again what the backup lacks.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::TransactionBehavior;
use xuncheng_core::clock::{Entropy, Moment};
use xuncheng_core::crypto::{SealingKey, SoftwareKey};
use xuncheng_core::id::{EpochId, PhotoHash};
use xuncheng_core::store::meta;
use xuncheng_core::sync::wire::Epoch;

use crate::backup::Manifest;
use crate::backup::place::{Place, copy_synced, manifest_of};
use crate::clock::{Clock, EntropySource};
use crate::error::OfficeError;
use crate::folder::{DataFolder, sync_folder, temporary};
use crate::ledger::{begin_epoch, fact, open_tables};

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
    /// Originals that the office had signed for and that the backup lacks.
    pub missing: Vec<PhotoHash>,
    /// What may be missing, in words: to be read by whoever restores.
    pub losses: Vec<String>,
}

/// Restores the backup `from` (one backup, or the newest of a place) into the empty folder `data`.
///
/// # Errors
/// [`OfficeError::Backup`] when `data` is not empty, the backup is not whole, or it is not the newest of its place and
/// `accept_loss` was not said.
pub fn restore(from: &Path, data: &Path, accept_loss: bool) -> Result<RestoreReport, OfficeError> {
    let (place, backup, manifest) = choose(from)?;
    let mut losses = newer(&place, &backup, &manifest)?;
    if !losses.is_empty() && !accept_loss {
        return Err(OfficeError::Backup(format!(
            "{}; say --accept-loss to restore it all the same",
            losses.join("; ")
        )));
    }
    place.check(&backup, &manifest)?;
    refuse_used(data)?;
    let counter = place.next_counter()?;
    let unfinished = beside(data)?;
    copy(&place, &backup, &manifest, unfinished.path())?;

    let mut entropy = EntropySource::system().fresh()?;
    let epoch = Epoch { counter, id: EpochId::from_bytes(entropy.bytes()), parent: Some(manifest.epoch.id) };
    branch(&DataFolder::at(unfinished.path()), &epoch, &mut entropy)?;
    place.restored(counter)?;
    settle(unfinished, data)?;

    if !manifest.missing.is_empty() {
        losses.push(format!("{} originals were missing when the backup was made", manifest.missing.len()));
    }
    losses.push(format!(
        "what came after {} is not in it: phones send it again when they sync, as far as they still have it",
        manifest.made_at.beijing()
    ));
    losses.push("devices that were enrolled or revoked since are to be enrolled or revoked again".to_owned());
    let Manifest { made_at, entries, photos, missing, .. } = manifest;
    Ok(RestoreReport { backup, made_at, epoch, entries, photos: photos.len() as u64, missing, losses })
}

fn choose(from: &Path) -> Result<(Place, PathBuf, Manifest), OfficeError> {
    if let Some(manifest) = manifest_of(from)? {
        let backup = from.canonicalize().map_err(|source| OfficeError::file(from, source))?;
        let place = Place::at(backup.parent().unwrap_or(from));
        return Ok((place, backup, manifest));
    }
    let root = from.canonicalize().map_err(|source| OfficeError::file(from, source))?;
    let place = Place::at(&root);
    match place.backups()?.pop() {
        Some((backup, manifest)) => Ok((place, backup, manifest)),
        None => Err(OfficeError::Backup(format!(
            "there is no backup at {}; give the folder that `xuncheng backup --to` wrote to, or one backup in it",
            from.display()
        ))),
    }
}

/// What is in newer backups of the place and not in this one.
fn newer(place: &Place, backup: &Path, manifest: &Manifest) -> Result<Vec<String>, OfficeError> {
    let mut all = place.backups()?;
    let Some((newest, holds)) = all.pop().filter(|(newest, _)| newest != backup) else { return Ok(Vec::new()) };
    let more = holds.entries.saturating_sub(manifest.entries);
    Ok(vec![format!(
        "{} is newer ({}) and holds {more} more entries and {} more photo files",
        newest.display(),
        holds.made_at.beijing(),
        holds.photos.len().saturating_sub(manifest.photos.len()),
    )])
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
fn beside(data: &Path) -> Result<tempfile::TempDir, OfficeError> {
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|source| OfficeError::file(parent, source))?;
    temporary(".restoring-", parent)
}

fn copy(place: &Place, backup: &Path, manifest: &Manifest, to: &Path) -> Result<(), OfficeError> {
    let folder = DataFolder::at(to);
    folder.make()?;
    for part in &manifest.files {
        copy_synced(&backup.join(&part.path), &to.join(&part.path))?;
    }
    let photos = folder.photos();
    for part in &manifest.photos {
        let path = photos.join(&part.path);
        let parent = path.parent().unwrap_or(&photos).to_owned();
        fs::create_dir_all(&parent).map_err(|source| OfficeError::file(&parent, source))?;
        copy_synced(&place.blob(part), &path)?;
        sync_folder(&parent)?;
    }
    if photos.exists() {
        sync_folder(&photos)?;
    }
    sync_folder(&folder.keys())
}

/// Puts the ledger onto the new branch, and takes out of it what held for the old one alone.
fn branch(folder: &DataFolder, epoch: &Epoch, entropy: &mut Entropy) -> Result<(), OfficeError> {
    let node = SoftwareKey::load(&folder.node_key())?;
    SealingKey::load(&folder.sealing_key())?;
    let now = Clock::system().now().wall;
    let mut conn = open_tables(&folder.ledger())?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    begin_epoch(&tx, epoch, &node, entropy)?;
    // One that was used since would open a second time.
    tx.execute("UPDATE office_code SET revoked_at = ?1 WHERE used_at IS NULL AND revoked_at IS NULL", [now])?;
    // Their bytes are in no backup.
    tx.execute("DELETE FROM office_upload", [])?;
    meta::clear(&tx, fact::URL)?;
    tx.commit()?;
    conn.close().map_err(|(_, error)| error.into())
}

fn settle(unfinished: tempfile::TempDir, data: &Path) -> Result<(), OfficeError> {
    let failed = |source| OfficeError::file(data, source);
    if data.exists() {
        fs::remove_dir(data).map_err(failed)?;
    }
    sync_folder(unfinished.path())?;
    fs::rename(unfinished.keep(), data).map_err(failed)?;
    sync_folder(data.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}
