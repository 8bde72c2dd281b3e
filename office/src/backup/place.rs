//! The place where backups are kept, and what makes a folder in it one.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};
use xuncheng_core::clock::Moment;
use xuncheng_core::id::PhotoHash;
use xuncheng_core::photo::Fingerprint;
use xuncheng_core::private;
use xuncheng_core::store;
use xuncheng_core::sync::wire::Epoch;

use crate::error::OfficeError;
use crate::folder::{sync_folder, temporary, write_whole};

const MANIFEST: &str = "manifest.json";
const RESTORED: &str = "restored.json";

/// What belongs to one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this manifest: 1.
    pub format: u32,
    /// When it was made.
    pub made_at: Moment,
    /// The branch of the ledger.
    pub epoch: Epoch,
    /// The last position of the ledger in it.
    pub position: u64,
    /// How many entries were judged.
    pub entries: u64,
    /// The ledger, people and keys, within the backup's folder.
    pub files: Vec<Part>,
    /// Photo files: their paths within the photo folder; their bytes lie among the place's blobs.
    pub photos: Vec<Part>,
    /// Originals that the office had signed for and no longer had.
    pub missing: Vec<PhotoHash>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it belongs.
    pub path: PathBuf,
    /// What it must be.
    pub sha256: PhotoHash,
    /// Its length.
    pub bytes: u64,
}

impl Part {
    /// The file `path` of `folder` as it is.
    pub(crate) fn of(folder: &Path, path: &Path) -> Result<Self, OfficeError> {
        let found = Fingerprint::of_file(&folder.join(path))?;
        Ok(Self { path: path.to_owned(), sha256: found.sha256, bytes: found.bytes })
    }

    fn is_at(&self, file: &Path) -> Result<bool, OfficeError> {
        if !file.exists() {
            return Ok(false);
        }
        let found = Fingerprint::of_file(file)?;
        Ok(found.sha256 == self.sha256 && found.bytes == self.bytes)
    }

    /// Whether the path stays below whatever it is put under.
    fn stays_inside(&self) -> bool {
        self.path.components().all(|part| matches!(part, Component::Normal(_)))
    }
}

/// A folder with backups.
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn make(root: &Path) -> Result<Self, OfficeError> {
        let place = Self::at(root);
        let blobs = place.blobs();
        private::make_folder(&blobs).map_err(|source| OfficeError::file(&blobs, source))?;
        sync_folder(root)?;
        Ok(place)
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn blob(&self, part: &Part) -> PathBuf {
        let name = part.sha256.to_string();
        self.blobs().join(&name[..2]).join(name)
    }

    /// A folder for a backup that is not one yet.
    pub(crate) fn begin(&self) -> Result<TempDir, OfficeError> {
        temporary(".unfinished-", &self.root)
    }

    /// Keeps a copy of `source`; false where it was here already. One that the disk has damaged is written again.
    pub(crate) fn keep_blob(&self, source: &Path, part: &Part) -> Result<bool, OfficeError> {
        let path = self.blob(part);
        if part.is_at(&path)? {
            return Ok(false);
        }
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        if !folder.exists() {
            fs::create_dir(&folder).map_err(|source| OfficeError::file(&folder, source))?;
            sync_folder(&self.blobs())?;
        }
        copy_synced(source, &path)?;
        sync_folder(&folder)?;
        Ok(true)
    }

    /// Reads everything back that `manifest` names for the backup in the folder `at`.
    pub(crate) fn check(&self, at: &Path, manifest: &Manifest) -> Result<(), OfficeError> {
        let wrong = |what: &Path| {
            OfficeError::Backup(format!(
                "the backup {} is not whole: {} is missing or changed",
                at.display(),
                what.display()
            ))
        };
        if manifest.format != 1 {
            return Err(OfficeError::Backup(format!("{} was written by a later version", at.join(MANIFEST).display())));
        }
        for part in &manifest.files {
            if !part.stays_inside() || !part.is_at(&at.join(&part.path))? {
                return Err(wrong(&part.path));
            }
        }
        for part in &manifest.photos {
            if !part.stays_inside() || !part.is_at(&self.blob(part))? {
                return Err(wrong(&part.path));
            }
        }
        let conn = store::open_reader(&at.join("ledger.sqlite"))?;
        let said: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if said == "ok" { Ok(()) } else { Err(OfficeError::Backup(format!("the copied ledger is damaged: {said}"))) }
    }

    /// Makes the folder a backup: the manifest last, then its name.
    pub(crate) fn finish(&self, unfinished: TempDir, manifest: &Manifest) -> Result<PathBuf, OfficeError> {
        let text = serde_json::to_vec_pretty(manifest).map_err(|error| OfficeError::Backup(error.to_string()))?;
        write_whole(&unfinished.path().join(MANIFEST), &text)?;
        let name = chrono::DateTime::from_timestamp_millis(manifest.made_at.unix_ms()).map_or_else(
            || manifest.made_at.unix_ms().to_string(),
            |time| time.format("%Y%m%dT%H%M%S%3fZ").to_string(),
        );
        let path = self.root.join(name);
        // Not deleted any more when its handle goes.
        let unfinished = unfinished.keep();
        fs::rename(&unfinished, &path).map_err(|source| OfficeError::file(&path, source))?;
        sync_folder(&self.root)?;
        Ok(path)
    }

    /// The backups of this place, newest last. A folder whose manifest cannot be read is none.
    pub(crate) fn backups(&self) -> Result<Vec<(PathBuf, Manifest)>, OfficeError> {
        let failed = |source| OfficeError::file(&self.root, source);
        let mut backups = Vec::new();
        for folder in fs::read_dir(&self.root).map_err(failed)? {
            let path = folder.map_err(failed)?.path();
            match manifest_of(&path) {
                Ok(Some(manifest)) => backups.push((path, manifest)),
                Ok(None) => {}
                Err(error) => tracing::warn!("{error}"),
            }
        }
        backups.sort_by_key(|(_, manifest)| (manifest.epoch.counter, manifest.position, manifest.made_at));
        Ok(backups)
    }

    /// The next epoch that may be restored from here: above any that this place knows of.
    pub(crate) fn next_counter(&self) -> Result<u64, OfficeError> {
        let known = self.backups()?.iter().map(|(_, manifest)| manifest.epoch.counter).max().unwrap_or(0);
        let restored = fs::read_to_string(self.root.join(RESTORED)).ok();
        let restored: u64 = restored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(0);
        Ok(known.max(restored) + 1)
    }

    /// Remembers that an office was restored into this epoch.
    pub(crate) fn restored(&self, counter: u64) -> Result<(), OfficeError> {
        write_whole(&self.root.join(RESTORED), counter.to_string().as_bytes())
    }
}

/// The manifest of a backup; none where the folder is no backup.
pub(crate) fn manifest_of(backup: &Path) -> Result<Option<Manifest>, OfficeError> {
    let path = backup.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return Err(OfficeError::file(&path, source)),
    };
    let read = serde_json::from_slice(&text);
    read.map(Some).map_err(|error| OfficeError::Backup(format!("{} is no manifest: {error}", path.display())))
}

/// Copies a file so that it has its name only when it is whole and on the disk; its owner alone may read it.
pub(crate) fn copy_synced(source: &Path, to: &Path) -> Result<(), OfficeError> {
    let folder = to.parent().unwrap_or(Path::new("."));
    let copy = || -> io::Result<()> {
        let mut from = File::open(source)?;
        let mut file = NamedTempFile::new_in(folder)?;
        io::copy(&mut from, file.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist(to).map_err(|error| error.error)?;
        Ok(())
    };
    copy().map_err(|error| OfficeError::file(source, error))
}
