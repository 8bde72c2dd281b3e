//! The data folder: everything that an office keeps, in one place.
//!
//! ```text
//! ledger.sqlite     entries, judgements, feeds, items; and what is the office's own
//! photos/           originals and renditions, by SHA-256
//! uploads/          originals on their way in
//! keys/             root.key (to be kept elsewhere), node.key, sealing.key
//! people.toml       who may do what; read again at each start
//! erasures.jsonl    what was erased for good; a copy lies at the place of the backups
//! office.lock       held by the one office that runs here
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use xuncheng_core::private;

use crate::OfficeError;
use crate::erasures;

/// The paths of a data folder.
#[derive(Debug, Clone)]
pub struct DataFolder {
    root: PathBuf,
}

/// While it lives no other office opens the folder.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Unlocks by name: a child that another thread begins at this moment has the file open too, until it runs.
    fn drop(&mut self) {
        // The system does so when nobody has it open any more.
        let _ = self.file.unlock();
    }
}

impl DataFolder {
    /// The folder at `root`, whether it is there or not.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes what is missing of it.
    pub(crate) fn make(&self) -> Result<(), OfficeError> {
        for folder in [self.root.clone(), self.uploads(), self.keys()] {
            private::make_folder(&folder).map_err(|source| OfficeError::file(&folder, source))?;
        }
        // The node's key lies here: nobody else on the machine reads it.
        restrict(&self.keys())
    }

    /// Takes the folder for this process.
    pub(crate) fn lock(&self) -> Result<Lock, OfficeError> {
        let path = self.root.join("office.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| OfficeError::file(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { file }),
            Err(TryLockError::WouldBlock) => Err(OfficeError::InUse(self.root.clone())),
            Err(TryLockError::Error(source)) => Err(OfficeError::file(&path, source)),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ledger and all tables beside it.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.sqlite")
    }

    /// The photo folder.
    #[must_use]
    pub fn photos(&self) -> PathBuf {
        self.root.join("photos")
    }

    /// Originals on their way in.
    #[must_use]
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The district's root key, until it is moved away.
    #[must_use]
    pub fn root_key(&self) -> PathBuf {
        self.keys().join("root.key")
    }

    /// The key that the office signs with.
    #[must_use]
    pub fn node_key(&self) -> PathBuf {
        self.keys().join("node.key")
    }

    /// The key that opens sealed origins.
    #[must_use]
    pub fn sealing_key(&self) -> PathBuf {
        self.keys().join("sealing.key")
    }

    /// What was erased for good.
    pub(crate) fn erasures(&self) -> PathBuf {
        self.root.join(erasures::FILE)
    }

    /// The people.
    #[must_use]
    pub fn people(&self) -> PathBuf {
        self.root.join("people.toml")
    }
}

/// Takes a folder from everybody but its owner.
pub(crate) fn restrict(folder: &Path) -> Result<(), OfficeError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|source| OfficeError::file(folder, source))?;
    }
    Ok(())
}

/// Puts a folder's list of names on the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), OfficeError> {
    private::sync_folder(path).map_err(|source| OfficeError::file(path, source))
}

/// Writes a file so that it is there whole, or not at all, after a power cut.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), OfficeError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    whole(path, folder, |file| io::Write::write_all(file, bytes)).map_err(|source| OfficeError::file(path, source))?;
    sync_folder(folder)
}

/// Copies a file so that it has its name only when it is whole and on the disk; until then it lies in the folder `unfinished`,
/// on the same file system. Whoever copied all of a folder puts its list of names on the disk.
pub(crate) fn copy_whole(source: &Path, to: &Path, unfinished: &Path) -> Result<(), OfficeError> {
    let copy = || whole(to, unfinished, |file| io::copy(&mut File::open(source)?, file).map(drop));
    copy().map_err(|error| OfficeError::file(source, error))
}

fn whole(path: &Path, unfinished: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(unfinished)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
