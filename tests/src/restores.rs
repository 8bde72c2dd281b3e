//! What becomes of an office whose disk is lost, or whose data folder somebody puts back by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use xuncheng_core::sync::wire::Epoch;
use xuncheng_office::{BackupReport, Clock, EntropySource, backup, restore};

use crate::phone::copy_all;
use crate::world::{Desk, drawn};

impl Desk {
    /// Backs the office up into a place of its own.
    pub fn back_up_to(&self, place: &str) -> BackupReport {
        backup(&self.folder(), &self.place(place)).expect("an office can be backed up")
    }

    /// The office's disk is lost, and a backup is restored in its place: the newest of the usual place, or one that is named.
    pub fn restore(&self, from: Option<&Path>) -> restore::RestoreReport {
        let newest = self.place("backups");
        self.stop();
        self.put_aside();
        let (time, dice) = (Arc::clone(&self.0.time), Arc::clone(&self.0.dice));
        let clock = Clock::of(move || time.of_office());
        let entropy = EntropySource::of(move || drawn(&mut dice.lock().expect("no thread panics while it draws")));
        let report = restore::restore_with(from.unwrap_or(&newest), &self.folder(), true, &clock, &entropy)
            .expect("a whole backup can be restored");
        self.start();
        report
    }

    /// A copy of the data folder, as somebody makes it by hand while the office is closed.
    #[must_use]
    pub fn copy_folder(&self) -> PathBuf {
        self.stop();
        let copy = self.unused("office-copy");
        copy_all(&self.folder(), &copy);
        self.start();
        copy
    }

    /// Somebody puts a copy of the data folder back, and says nothing to anybody.
    pub fn put_back(&self, copy: &Path) {
        self.stop();
        self.put_aside();
        copy_all(copy, &self.folder());
        self.start();
    }

    /// The branch of the ledger that the office stands on.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.running().epoch()
    }

    fn place(&self, name: &str) -> PathBuf {
        self.0.folder.path().join(name)
    }

    fn put_aside(&self) {
        std::fs::rename(self.folder(), self.unused("office-lost")).expect("a folder can be renamed");
    }

    fn unused(&self, name: &str) -> PathBuf {
        (0..).map(|n| self.place(&format!("{name}-{n}"))).find(|path| !path.exists()).expect("there are numbers enough")
    }
}
