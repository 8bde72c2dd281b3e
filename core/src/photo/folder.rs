//! The one photo folder of a store.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::PhotoError;
use crate::id::PhotoHash;
use crate::mutant::{self, Mutant};
use crate::private;
use crate::sync::wire::PhotoForm;

/// The folder that holds a store's photos, each under the SHA-256 of its original.
///
/// ```text
/// ab/ab12…           the original, byte for byte, without an extension
/// ab/ab12….view.jpg  the rendition that people look at
/// ab/ab12….thumb.jpg the thumbnail
/// cd/cd34….sent.jpg  at the office, a view that a phone sent, under its own SHA-256: whoever sends another takes no place of it
/// others/            on a phone, a folder of the same form for pictures that it fetched: what lies there can be had again
/// tmp/               what is being written, and notes of what has its names and no row yet; what a crash left there is swept
/// ```
///
/// A file under a final name is whole and on the disk. One folder belongs to one store.
#[derive(Debug, Clone)]
pub struct PhotoFolder {
    root: PathBuf,
}

impl PhotoFolder {
    /// Opens the folder at `path`, making it first where it is missing.
    ///
    /// # Errors
    /// [`PhotoError::Folder`] when it cannot be made, [`PhotoError::DiskFull`] when there is no room for it.
    pub fn open(path: &Path) -> Result<Self, PhotoError> {
        let folder = Self { root: path.to_owned() };
        make_folder(path, 0)?;
        make_folder(&folder.temporary(), 0)?;
        Ok(folder)
    }

    /// The folder beside it for pictures that were fetched from the office, made first where it is missing.
    ///
    /// # Errors
    /// As [`PhotoFolder::open`]; also where this folder itself is away, with its card.
    pub fn others(&self) -> Result<Self, PhotoError> {
        fs::metadata(&self.root).map_err(|error| PhotoError::writing(&self.root, 0, error))?;
        Self::open(&self.root.join(OTHERS))
    }

    /// Where the file of a fetched picture is or would be.
    #[must_use]
    pub fn fetched(&self, photo: &PhotoHash, form: PhotoForm) -> PathBuf {
        Self { root: self.root.join(OTHERS) }.file(photo, form)
    }

    /// Where a fetched original is put together, of which not all has come.
    pub(crate) fn unfinished_fetched(&self, photo: &PhotoHash) -> PathBuf {
        Self { root: self.root.join(OTHERS) }.unfinished(photo)
    }

    /// The photos of all fetched pictures that have their names, each with its form.
    ///
    /// # Errors
    /// Why the folder cannot be listed.
    pub(crate) fn all_fetched(&self) -> io::Result<Vec<(PhotoHash, PhotoForm)>> {
        let mut named = Vec::new();
        for folder in fs::read_dir(self.root.join(OTHERS))? {
            for file in fs::read_dir(folder?.path())? {
                named.extend(file?.file_name().to_str().and_then(form_of));
            }
        }
        Ok(named)
    }

    /// Where a photo's file of this form is or would be.
    #[must_use]
    pub fn file(&self, photo: &PhotoHash, form: PhotoForm) -> PathBuf {
        match form {
            PhotoForm::Thumbnail => self.thumbnail(photo),
            PhotoForm::View => self.view(photo),
            PhotoForm::Original => self.original(photo),
        }
    }

    /// Where an original that comes in pieces is put together.
    pub(crate) fn unfinished(&self, photo: &PhotoHash) -> PathBuf {
        self.temporary().join(format!("{photo}.part"))
    }

    /// Where the folder is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an original is or would be.
    #[must_use]
    pub fn original(&self, original: &PhotoHash) -> PathBuf {
        self.named(original, "")
    }

    /// Where the viewing rendition (at most 1,600 px, JPEG) of an original is or would be.
    #[must_use]
    pub fn view(&self, original: &PhotoHash) -> PathBuf {
        self.named(original, ".view.jpg")
    }

    /// Where the thumbnail (at most 320 px, JPEG) of an original is or would be.
    #[must_use]
    pub fn thumbnail(&self, original: &PhotoHash) -> PathBuf {
        self.named(original, ".thumb.jpg")
    }

    /// Where the view that a phone sent is or would be, at the office.
    #[must_use]
    pub fn sent_view(&self, view: &PhotoHash) -> PathBuf {
        self.named(view, ".sent.jpg")
    }

    /// The folder for files that are being written; on the same file system, so that they can be renamed into place.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Deletes what a crash left half written, and says how many files there were. What another process writes now is
    /// locked by it, and stays; so do the notes of what [has no row](Self::unnamed).
    ///
    /// # Errors
    /// [`PhotoError::Folder`] when the folder cannot be listed.
    pub fn sweep_temporary(&self) -> Result<usize, PhotoError> {
        let temporary = self.temporary();
        let mut swept = 0;
        for entry in fs::read_dir(&temporary).map_err(|error| PhotoError::writing(&temporary, 0, error))? {
            let path = entry.map_err(|error| PhotoError::writing(&temporary, 0, error))?.path();
            if noted(&path).is_some() || is_held(&path) {
                continue;
            }
            // What cannot be deleted, as a folder that somebody made there, takes some room and is in nobody's way.
            swept += usize::from(fs::remove_file(&path).is_ok());
        }
        Ok(swept)
    }

    /// Notes that the files of a photo get their names, and that no row names them yet.
    pub(super) fn note_unnamed(&self, original: &PhotoHash) -> Result<Unnamed, PhotoError> {
        let temporary = self.temporary();
        let note = tempfile::Builder::new().prefix(NOTE).suffix(&format!("-{original}")).tempfile_in(&temporary);
        let note = note.map_err(|error| PhotoError::writing(&temporary, 0, error))?;
        // On the disk before any of the files has its name: what a power cut leaves of them is swept too.
        private::sync_folder(&temporary).map_err(|error| PhotoError::writing(&temporary, 0, error))?;
        // As with what is being written: whoever sweeps leaves it alone.
        let _ = note.as_file().try_lock();
        Ok(Unnamed(note))
    }

    /// The photos whose files were kept by a process that ended before a row named them, each with its note. The caller
    /// deletes what no row names, and the note after it.
    ///
    /// # Errors
    /// [`PhotoError::Folder`] when the folder cannot be listed.
    pub(crate) fn unnamed(&self) -> Result<Vec<(PhotoHash, PathBuf)>, PhotoError> {
        let temporary = self.temporary();
        let failed = |error| PhotoError::writing(&temporary, 0, error);
        let mut unnamed = Vec::new();
        for entry in fs::read_dir(&temporary).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            unnamed.extend(noted(&path).filter(|_| !is_held(&path)).map(|photo| (photo, path)));
        }
        Ok(unnamed)
    }

    /// Takes the file at `file`, on the same file system, as the original with this hash: synced, then renamed into
    /// place. Durable when it returns. The caller has checked its bytes; one that is there already is replaced by the same.
    ///
    /// # Errors
    /// [`PhotoError::Folder`], [`PhotoError::DiskFull`].
    pub fn adopt(&self, file: &Path, original: &PhotoHash) -> Result<(), PhotoError> {
        let path = self.original(original);
        let parent = path.parent().unwrap_or(&self.root);
        let failed = |error| PhotoError::writing(&path, 0, error);
        File::open(file).and_then(|file| file.sync_all()).map_err(failed)?;
        make_folder(parent, 0)?;
        fs::rename(file, &path).map_err(failed)?;
        private::sync_folder(parent).map_err(failed)
    }

    /// Deletes a photo's files, as far as they are there. The caller has made sure that no row names it.
    pub(crate) fn discard(&self, original: &PhotoHash) {
        for path in [self.original(original), self.view(original), self.thumbnail(original)] {
            // What cannot be deleted is whole and takes some room, and nothing else.
            let _ = fs::remove_file(path);
        }
    }

    /// Keeps all of `files` (final path, bytes), durably: when this returns they survive a power cut.
    ///
    /// All are written and synced before the first gets its name, so that a full disk leaves none of them behind. A file
    /// that is there already is replaced by the same bytes, which also heals one that the disk has damaged.
    pub(super) fn keep(&self, files: &[(PathBuf, &[u8])]) -> Result<(), PhotoError> {
        let needed_bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let temporary = self.temporary();
        let mut written = Vec::new();
        for (path, bytes) in files {
            let write = || -> io::Result<NamedTempFile> {
                let mut file = NamedTempFile::new_in(&temporary)?;
                // Whoever sweeps leaves it alone; a file system without locks has one process at a time.
                let _ = file.as_file().try_lock();
                file.write_all(bytes)?;
                if !mutant::is_on(Mutant::PhotoUnsynced) {
                    file.as_file().sync_all()?;
                }
                Ok(file)
            };
            written.push((path, write().map_err(|error| PhotoError::writing(&temporary, needed_bytes, error))?));
        }
        let parents: BTreeSet<&Path> = files.iter().filter_map(|(path, _)| path.parent()).collect();
        for parent in &parents {
            make_folder(parent, needed_bytes)?;
        }
        for (path, file) in written {
            file.persist(path).map_err(|error| PhotoError::writing(path, needed_bytes, error.error))?;
        }
        for parent in parents {
            private::sync_folder(parent).map_err(|error| PhotoError::writing(parent, needed_bytes, error))?;
        }
        Ok(())
    }

    fn named(&self, original: &PhotoHash, ending: &str) -> PathBuf {
        let name = original.to_string();
        self.root.join(&name[..2]).join(name + ending)
    }
}

/// The folder for fetched pictures.
const OTHERS: &str = "others";

/// Which photo a file is of, and in which form, by its name.
fn form_of(name: &str) -> Option<(PhotoHash, PhotoForm)> {
    let (hash, form) = match (name.strip_suffix(".thumb.jpg"), name.strip_suffix(".view.jpg")) {
        (Some(hash), _) => (hash, PhotoForm::Thumbnail),
        (None, Some(hash)) => (hash, PhotoForm::View),
        (None, None) => (name, PhotoForm::Original),
    };
    Some((hash.parse().ok()?, form))
}

/// How the names of notes begin.
const NOTE: &str = "unnamed-";

/// A note that a photo's files have their names and no row names them yet. It goes with its handle; by what a killed process
/// leaves of it, the files are swept.
#[derive(Debug)]
pub(super) struct Unnamed(NamedTempFile);

impl Unnamed {
    /// Leaves the note to the next start, as a killed process would.
    pub(super) fn leave(self) {
        // One that cannot be left leaves files that take some room, and nothing else.
        let _ = self.0.keep();
    }
}

/// The photo that a note is about; none where the file is none.
fn noted(path: &Path) -> Option<PhotoHash> {
    path.file_name()?.to_str()?.strip_prefix(NOTE)?.rsplit('-').next()?.parse().ok()
}

/// Whether a process is writing the file now. A file system without locks has one process at a time.
fn is_held(path: &Path) -> bool {
    // Opening a pipe would wait for its other end.
    path.symlink_metadata().is_ok_and(|file| file.is_file())
        && File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// As [`private::make_folder`].
fn make_folder(path: &Path, needed_bytes: u64) -> Result<(), PhotoError> {
    private::make_folder(path).map_err(|error| PhotoError::writing(path, needed_bytes, error))
}
