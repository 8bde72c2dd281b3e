//! What happens while a disk fails, and how a program starts again.

use xuncheng_core::field::FieldError;
use xuncheng_disk::{Disk, Fault as DiskFault, Variant};

use super::District;
use crate::simulation::Event;

impl District {
    /// What happens while a disk fails, and what is left of it: a program whose disk died is started anew.
    pub(super) fn on_bad_disk(&mut self, at_the_office: bool, fault: DiskFault, number: usize, event: &Event) {
        let phone = self.index(event.disks().0.unwrap_or(0));
        let office = self.world.office();
        let folder = if at_the_office { office.folder() } else { self.phones[phone].folder().clone() };
        self.bad_disk = Some(Disk::failing(&folder, fault));
        self.happen(number, event);
        let disk = self.bad_disk.take().expect("it was put there");
        let name = match (disk.has_struck(), fault) {
            (false, _) => None,
            (true, DiskFault::Dies(_) | DiskFault::Killed(_)) => Some("death of a disk"),
            (true, DiskFault::Tears(_)) => Some("torn write"),
            (true, DiskFault::Error(_) | DiskFault::SyncFails(_)) => Some("error of a disk"),
            (true, DiskFault::Full(_)) => Some("full disk"),
        };
        if let Some(name) = name {
            *self.tally.faults.entry(name).or_default() += 1;
        }
        // A program that is dead does not write any more: what its end would write fails too.
        let dead = disk.has_struck() && matches!(fault, DiskFault::Dies(_) | DiskFault::Tears(_));
        if dead && at_the_office {
            office.stop();
        } else if dead {
            self.phones[phone].kill();
        }
        drop(disk);
        self.start_again(phone);
    }

    /// What happens until the power goes, and what is left of it.
    pub(super) fn until_the_power_goes(
        &mut self,
        at_the_office: bool,
        after: u64,
        drawn: u64,
        number: usize,
        event: &Event,
    ) {
        let phone = self.index(event.disks().0.unwrap_or(0));
        let office = self.world.office();
        let folder = if at_the_office { office.folder() } else { self.phones[phone].folder().clone() };
        let disk = Disk::record(&folder);
        disk.fails_from_now(Some(DiskFault::Dies(after)));
        self.bad_disk = Some(disk);
        self.happen(number, event);
        let disk = self.bad_disk.take().expect("it was put there");
        if !disk.has_struck() {
            // It goes now: what a program would write at its end it does not write.
            disk.fails_from_now(Some(DiskFault::Dies(0)));
        }
        if at_the_office {
            office.stop();
        } else {
            self.phones[phone].kill();
        }
        let left = disk.finish().end().image(Variant::Drawn(drawn));
        std::fs::remove_dir_all(&folder).expect("a folder of the tests can be removed");
        left.lay_out(&folder).expect("an image can be laid out");
        *self.tally.faults.entry("power cut").or_default() += 1;
        self.start_again(phone);
    }

    /// Starts what does not run.
    fn start_again(&mut self, phone: usize) {
        let office = self.world.office();
        if !office.runs() {
            office.start();
        }
        self.phones[phone].start().expect("a store opens on a sound disk");
    }

    /// Beside a disk that fails it may not open: then it is opened once that is over.
    pub(super) fn start_office(&self) {
        let started = self.world.office().try_to_start();
        assert!(started.is_ok() || self.bad_disk.is_some(), "the office opens: {started:?}");
    }

    pub(super) fn restart(&mut self, phone: usize, boot: bool) {
        let is_bad = self.bad_disk.is_some();
        let phone = self.phone(phone);
        phone.kill();
        if boot {
            phone.boots();
        }
        let started = phone.start();
        assert!(started.is_ok() || is_bad, "a store opens after its program was killed: {started:?}");
    }
}

/// Whether a disk may be the reason: of what a phone says otherwise a disk is none.
pub(super) fn is_of_the_disk(error: &FieldError) -> bool {
    match error {
        FieldError::Store(_)
        | FieldError::Photo(_)
        | FieldError::Crypto(_)
        | FieldError::Folder { .. }
        | FieldError::Sync(_) => true,
        FieldError::Pack(_)
        | FieldError::Write(_)
        | FieldError::Exists(_)
        | FieldError::UnknownCase(_)
        | FieldError::UnknownPhoto(_)
        | FieldError::Withheld(_)
        | FieldError::Ambiguous(_)
        | FieldError::NotRefused(_)
        | FieldError::UnknownCategory(_)
        | FieldError::PhotoCount { .. }
        | FieldError::TextTooLong { .. }
        | FieldError::NotNow { .. }
        | FieldError::OtherPerson { .. }
        | FieldError::OtherOffice
        | FieldError::Parcel { .. }
        | FieldError::NoSealingKey
        | FieldError::EnrolledElsewhere { .. } => false,
    }
}
