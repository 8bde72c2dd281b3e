//! Folders that become something only when all is in them: a backup, a restored office. Until then they have names of their
//! own, and what a kill left of one is swept when the next is begun.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::{NamedTempFile, TempDir};
use xuncheng_core::limits;

use crate::error::OfficeError;
use crate::folder::{restrict, sync_folder};

/// Locked by whoever fills the folder.
const LOCK: &str = "unfinished.lock";

/// A folder that is being filled; it goes with this handle, unless it gets its name. Nobody but its owner reads it.
pub(crate) struct Unfinished {
    folder: TempDir,
    lock: File,
}

impl Unfinished {
    /// A new one in `parent`, named by `prefix`; before it, those of that prefix are deleted that nobody fills any more.
    pub(crate) fn begin(prefix: &str, parent: &Path) -> Result<Self, OfficeError> {
        sweep(prefix, parent).map_err(|source| OfficeError::file(parent, source))?;
        let begin = || -> io::Result<Self> {
            let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
            // Locked before it has its name: whoever sweeps finds it locked, or not at all.
            let lock = NamedTempFile::new_in(folder.path())?;
            // A file system without locks goes by age alone.
            let _ = lock.as_file().try_lock();
            let lock = lock.persist(folder.path().join(LOCK)).map_err(|error| error.error)?;
            Ok(Self { folder, lock })
        };
        let unfinished = begin().map_err(|source| OfficeError::file(parent, source))?;
        restrict(unfinished.path())?;
        Ok(unfinished)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder the first of `names`, beside it, that no other folder has; and says which.
    pub(crate) fn name(self, names: impl IntoIterator<Item = PathBuf>) -> Result<PathBuf, OfficeError> {
        sync_folder(self.path())?;
        let mut taken = OfficeError::file(self.path(), io::ErrorKind::AlreadyExists.into());
        for name in names {
            match fs::rename(self.path(), &name) {
                Ok(()) => return self.named(name),
                Err(source) if is_taken(&source) => taken = OfficeError::file(&name, source),
                Err(source) => return Err(OfficeError::file(&name, source)),
            }
        }
        Err(taken)
    }

    fn named(self, name: PathBuf) -> Result<PathBuf, OfficeError> {
        // Not deleted any more when its handle goes.
        let _ = self.folder.keep();
        let lock = name.join(LOCK);
        fs::remove_file(&lock).map_err(|source| OfficeError::file(&lock, source))?;
        drop(self.lock);
        sync_folder(&name)?;
        sync_folder(name.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        Ok(name)
    }
}

/// Whether a folder with something in it has the name already.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
}

/// Deletes the folders of this prefix that nobody fills any more. One that cannot be deleted is in nobody's way.
fn sweep(prefix: &str, parent: &Path) -> io::Result<()> {
    for folder in fs::read_dir(parent)? {
        let folder = folder?;
        if !folder.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            continue;
        }
        let path = folder.path();
        // Locked by us while it is deleted: of two that sweep one does.
        if let Some(_lock) = abandoned(&path.join(LOCK)) {
            match fs::remove_dir_all(&path) {
                Ok(()) => tracing::info!(folder = %path.display(), "what an earlier run left unfinished was deleted"),
                Err(error) => tracing::warn!(folder = %path.display(), %error, "what an earlier run left stays"),
            }
        }
    }
    Ok(())
}

/// The lock of a folder that nobody fills any more.
fn abandoned(lock: &Path) -> Option<File> {
    let file = File::open(lock).ok()?;
    match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock) => None,
        // There are no locks here: what is older than anything takes was left.
        Err(TryLockError::Error(_)) => {
            let age = SystemTime::now().duration_since(file.metadata().ok()?.modified().ok()?).ok()?;
            (age > Duration::from_millis(limits::UNFINISHED_KEEP_MS)).then_some(file)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(parent).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_kill_left_is_swept_and_what_is_being_filled_is_not() {
        let place = tempfile::tempdir().unwrap();
        // A kill runs no destructor: its folder stays, its lock goes.
        let killed = Unfinished::begin(".unfinished-", place.path()).unwrap();
        fs::write(killed.path().join("ledger.sqlite"), b"half").unwrap();
        let Unfinished { folder, lock } = killed;
        let left = folder.keep();
        drop(lock);
        let others = place.path().join(".unfinished-notes");
        fs::create_dir(&others).unwrap();

        let running = Unfinished::begin(".unfinished-", place.path()).unwrap();
        assert!(!left.exists());
        let another = Unfinished::begin(".unfinished-", place.path()).unwrap();
        assert!(running.path().exists() && others.exists(), "neither is anybody's that was killed");
        drop((running, another));
        assert_eq!(names(place.path()), [".unfinished-notes"]);
    }

    #[test]
    fn of_two_that_want_one_name_the_second_gets_the_next() {
        let place = tempfile::tempdir().unwrap();
        let [first, second] = [0, 1].map(|_| Unfinished::begin(".unfinished-", place.path()).unwrap());
        for unfinished in [first, second] {
            fs::write(unfinished.path().join("ledger.sqlite"), b"whole").unwrap();
            unfinished.name(["a", "b"].map(|name| place.path().join(name))).unwrap();
        }
        assert_eq!(names(place.path()), ["a", "b"]);
        assert_eq!(names(&place.path().join("b")), ["ledger.sqlite"]);
        let third = Unfinished::begin(".unfinished-", place.path()).unwrap();
        let error = third.name([place.path().join("a")]).unwrap_err().to_string();
        assert!(error.contains(&place.path().join("a").display().to_string()), "{error}");
        assert_eq!(names(place.path()), ["a", "b"], "what got no name is gone");
    }
}
