//! Folders and files that nobody but their owner reads, where the system knows such rights: what lies in them names who
//! reported, and where. And names that are on the disk: a file that was synced has none after a power cut, unless its folder was
//! synced too.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder and those above it that are missing; its name is on the disk when this returns. One that is there already
/// keeps its rights, and its name is put on the disk all the same: whoever made it may have been killed before that.
///
/// # Errors
/// Why it could not be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let above = path.parent().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    if !path.is_dir() {
        if let Some(above) = above.filter(|above| !above.is_dir()) {
            make_folder(above)?;
        }
        let mut folder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        match folder.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made?,
        }
    }
    match above.map_or(Ok(()), sync_folder) {
        // What may be entered and not read, as the folders above an app's may, was there before, and cannot be synced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Puts a folder's list of names on the disk: without it a new or renamed file may have no name after a power cut.
///
/// # Errors
/// What the file system said.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix opens folders as files; elsewhere the file system's own journal has to do.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// How a new file is opened for writing; it is an error where there is one.
#[must_use]
pub fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
