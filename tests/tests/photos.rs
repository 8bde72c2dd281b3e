//! A photo is kept whole or refused with a reason; what its EXIF says is what exiftool says.

#![allow(clippy::disallowed_methods, reason = "tests read XUNCHENG_PHOTOS")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "photos/bad_files.rs"]
mod bad_files;
#[path = "photos/exif.rs"]
mod exif;
#[path = "photos/keeping.rs"]
mod keeping;
#[path = "photos/real.rs"]
mod real;
#[path = "photos/samples.rs"]
mod samples;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use xuncheng_core::photo::PhotoFolder;

/// A phone's corner of the disk: where the camera puts its files, and the photo folder.
struct Desk {
    dir: TempDir,
    folder: PhotoFolder,
}

impl Desk {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let folder = PhotoFolder::open(&dir.path().join("photos")).unwrap();
        Self { dir, folder }
    }

    fn camera_writes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Every file in the photo folder, final or not.
    fn kept(&self) -> Vec<PathBuf> {
        files_below(self.folder.root())
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}
