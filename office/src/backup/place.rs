//! The place where backups are kept, and what makes a folder in it one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use xuncheng_core::clock::Moment;
use xuncheng_core::id::PhotoHash;
use xuncheng_core::photo::{Fingerprint, PhotoError};
use xuncheng_core::private;
use xuncheng_core::store;
use xuncheng_core::sync::wire::Epoch;

use crate::erasures;
use crate::error::OfficeError;
use crate::folder::{copy_whole, sync_folder, write_whole};
use crate::unfinished::Unfinished;

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
        let found = fingerprint(file)?;
        Ok(found.is_some_and(|found| found.sha256 == self.sha256 && found.bytes == self.bytes))
    }

    /// Whether the path stays below whatever it is put under.
    fn stays_inside(&self) -> bool {
        self.path.components().all(|part| matches!(part, Component::Normal(_)))
    }
}

/// What a file is; none where it is not there, or the disk does not give it back.
pub(super) fn fingerprint(file: &Path) -> Result<Option<Fingerprint>, OfficeError> {
    match Fingerprint::of_file(file) {
        Ok(found) => Ok(Some(found)),
        Err(PhotoError::Missing { .. }) => Ok(None),
        Err(PhotoError::Unreadable { name, system }) if system.kind() != io::ErrorKind::PermissionDenied => {
            tracing::error!("{name} cannot be read: {system}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What there is in a place.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    /// Backups, newest last.
    pub(crate) known: Vec<(PathBuf, Manifest)>,
    /// Folders whose manifest cannot be read, with why.
    pub(crate) unreadable: Vec<(PathBuf, OfficeError)>,
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
        for folder in [root, &blobs] {
            private::make_folder(folder).map_err(|source| OfficeError::file(folder, source))?;
        }
        Ok(place)
    }

    /// Its folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where it says what was erased for good.
    pub(crate) fn erasures(&self) -> PathBuf {
        self.root.join(erasures::FILE)
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn blob(&self, part: &Part) -> PathBuf {
        let name = part.sha256.to_string();
        self.blobs().join(&name[..2]).join(name)
    }

    /// A folder for a backup that is not one yet.
    pub(crate) fn begin(&self) -> Result<Unfinished, OfficeError> {
        Unfinished::begin(".unfinished-", &self.root)
    }

    /// Keeps a copy of `source`, by way of the folder `unfinished`; false where it was here already. One that the disk has
    /// damaged is written again. Its name is on the disk only after [`Self::sync_blobs`].
    pub(crate) fn keep_blob(&self, source: &Path, part: &Part, unfinished: &Path) -> Result<bool, OfficeError> {
        let path = self.blob(part);
        if part.is_at(&path)? {
            return Ok(false);
        }
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        private::make_folder(&folder).map_err(|source| OfficeError::file(&folder, source))?;
        copy_whole(source, &path, unfinished)?;
        Ok(true)
    }

    /// Puts the names of all blobs of a backup on the disk: those too that were here already, for whoever brought them may have
    /// been killed before that.
    pub(crate) fn sync_blobs(&self, photos: &[Part]) -> Result<(), OfficeError> {
        let blobs: Vec<PathBuf> = photos.iter().map(|part| self.blob(part)).collect();
        let folders: BTreeSet<&Path> = blobs.iter().filter_map(|blob| blob.parent()).collect();
        folders.into_iter().try_for_each(sync_folder)?;
        sync_folder(&self.blobs())
    }

    /// Reads everything back that `manifest` names for the backup in the folder `at`.
    ///
    /// # Errors
    /// [`OfficeError::Backup`] with all that is wrong.
    pub(crate) fn check(&self, at: &Path, manifest: &Manifest) -> Result<(), OfficeError> {
        let mut wrong = self.wrong_files(at, manifest)?;
        wrong.extend(self.wrong_photos(manifest)?.iter().map(|part| not_whole(&part.path)));
        if wrong.is_empty() {
            return Ok(());
        }
        Err(OfficeError::Backup(format!("the backup {} is not whole: {}", at.display(), wrong.join("; "))))
    }

    /// What is wrong with the ledger, people and keys of the backup in the folder `at`, without which it is none.
    pub(crate) fn wrong_files(&self, at: &Path, manifest: &Manifest) -> Result<Vec<String>, OfficeError> {
        if manifest.format != 1 {
            return Err(OfficeError::Backup(format!("{} was written by a later version", at.join(MANIFEST).display())));
        }
        let mut wrong = Vec::new();
        for part in &manifest.files {
            if !part.stays_inside() || !part.is_at(&at.join(&part.path))? {
                wrong.push(not_whole(&part.path));
            }
        }
        if wrong.is_empty() {
            let conn = store::open_reader(&at.join("ledger.sqlite"))?;
            let said: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if said != "ok" {
                wrong.push(format!("ledger.sqlite is damaged: {said}"));
            }
        }
        Ok(wrong)
    }

    /// The photo files that `manifest` names and that are not among the blobs as they were.
    pub(crate) fn wrong_photos<'a>(&self, manifest: &'a Manifest) -> Result<Vec<&'a Part>, OfficeError> {
        let mut wrong = Vec::new();
        for part in &manifest.photos {
            if !part.stays_inside() || !part.is_at(&self.blob(part))? {
                wrong.push(part);
            }
        }
        Ok(wrong)
    }

    /// Makes the folder a backup: the manifest last, then its name. Of two that were begun in one moment the second has a
    /// number after it.
    pub(crate) fn finish(&self, unfinished: Unfinished, manifest: &Manifest) -> Result<PathBuf, OfficeError> {
        let text = serde_json::to_vec_pretty(manifest).map_err(|error| OfficeError::Backup(error.to_string()))?;
        write_whole(&unfinished.path().join(MANIFEST), &text)?;
        let name = chrono::DateTime::from_timestamp_millis(manifest.made_at.unix_ms()).map_or_else(
            || manifest.made_at.unix_ms().to_string(),
            |time| time.format("%Y%m%dT%H%M%S%3fZ").to_string(),
        );
        let numbered = (2_u32..).map(|number| self.root.join(format!("{name}-{number}")));
        unfinished.name(std::iter::once(self.root.join(&name)).chain(numbered))
    }

    /// The backups of this place.
    pub(crate) fn backups(&self) -> Result<Backups, OfficeError> {
        let failed = |source| OfficeError::file(&self.root, source);
        let mut backups = Backups::default();
        for folder in fs::read_dir(&self.root).map_err(failed)? {
            let path = folder.map_err(failed)?.path();
            match manifest_of(&path) {
                Ok(Some(manifest)) => backups.known.push((path, manifest)),
                Ok(None) => {}
                Err(error) => backups.unreadable.push((path, error)),
            }
        }
        backups.known.sort_by_key(|(_, manifest)| (manifest.epoch.counter, manifest.position, manifest.made_at));
        Ok(backups)
    }

    /// The next epoch that may be restored from here: above any that this place knows of.
    pub(crate) fn next_counter(&self) -> Result<u64, OfficeError> {
        let known = self.backups()?.known.iter().map(|(_, manifest)| manifest.epoch.counter).max().unwrap_or(0);
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

fn not_whole(path: &Path) -> String {
    format!("{} is missing or changed", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use xuncheng_core::id::EpochId;

    #[test]
    fn of_two_backups_that_were_begun_in_one_moment_both_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::make(root.path()).unwrap();
        let manifest = Manifest {
            format: 1,
            made_at: Moment::from_unix_ms(1_784_595_600_000),
            epoch: Epoch { counter: 1, id: EpochId::from_bytes([1; 16]), parent: None },
            position: 0,
            entries: 0,
            files: Vec::new(),
            photos: Vec::new(),
            missing: Vec::new(),
        };
        let begun = [place.begin().unwrap(), place.begin().unwrap()];
        let names = begun.map(|unfinished| place.finish(unfinished, &manifest).unwrap());
        assert_eq!(names, ["20260721T010000000Z", "20260721T010000000Z-2"].map(|name| root.path().join(name)));
        assert_eq!(place.backups().unwrap().known.len(), 2);
    }
}
