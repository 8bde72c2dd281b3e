//! A program of its own that is watched: this library is loaded before it, told by its environment what to watch, and writes
//! down how many changes there were when the program ends in good order.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::disk::{Disk, Fault};

const ROOT: &str = "XUNCHENG_DISK_ROOT";
const KILL_AT: &str = "XUNCHENG_DISK_KILL_AT";
const COUNT_INTO: &str = "XUNCHENG_DISK_COUNT_INTO";

/// This library as a file that can be loaded before a program: beside the test or program that asks.
///
/// # Panics
/// Where it is not there.
#[must_use]
pub fn library() -> PathBuf {
    let this = std::env::current_exe().expect("a program knows where it lies");
    let folder = this.parent().expect("a program lies in a folder");
    // A test lies in deps/, a program above it.
    let places = [folder.join("libxuncheng_disk.so"), folder.join("deps/libxuncheng_disk.so")];
    let found = places.iter().find(|place| place.exists());
    found.unwrap_or_else(|| panic!("the file-system shim is not at {}", places[0].display())).clone()
}

/// What is watched of a program.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The folder, which is there before the program starts.
    pub root: &'a Path,
    /// Before which change it is killed.
    pub kill_at: Option<u64>,
    /// Where the number of changes is written when it ends in good order.
    pub count_into: Option<&'a Path>,
}

impl Watched<'_> {
    /// Has `command` start a program that is watched.
    ///
    /// # Panics
    /// As [`library`].
    pub fn run(&self, command: &mut Command) {
        command.env("LD_PRELOAD", library()).env(ROOT, self.root);
        if let Some(number) = self.kill_at {
            command.env(KILL_AT, number.to_string());
        }
        if let Some(path) = self.count_into {
            command.env(COUNT_INTO, path);
        }
    }
}

static WATCHING: Mutex<Option<(Disk, Option<PathBuf>)>> = Mutex::new(None);

extern "C" fn begin() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let number = std::env::var(KILL_AT).ok().and_then(|text| text.parse().ok());
    let disk = Disk::begin(Path::new(&root), number.map(Fault::Killed), false);
    // What the program starts is not watched: it would count anew.
    for name in [ROOT, KILL_AT, "LD_PRELOAD"] {
        // SAFETY: no other thread runs before `main`.
        unsafe { std::env::remove_var(name) };
    }
    if let Ok(mut watching) = WATCHING.lock() {
        *watching = Some((disk, std::env::var_os(COUNT_INTO).map(PathBuf::from)));
    }
}

extern "C" fn end() {
    let Some((disk, count_into)) = WATCHING.lock().ok().and_then(|mut watching| watching.take()) else { return };
    let count = disk.operations();
    drop(disk);
    if let Some(path) = count_into {
        // Whoever waits for the number finds that it is missing.
        let _ = std::fs::write(path, count.to_string());
    }
}

// SAFETY: the dynamic linker calls what stands here before `main`, and after it.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;
