//! What passes between a phone and the office: conversations, parcels.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};
use xuncheng_core::field::FieldError;
use xuncheng_core::id::IncarnationId;
use xuncheng_core::limits;
use xuncheng_core::sync::message;
use xuncheng_core::sync::parcel::ParcelError;
use xuncheng_core::sync::parcel::pack::Originals;
use xuncheng_core::sync::session::{Action, SyncError};
use xuncheng_core::sync::wire::{SyncRequest, SyncResponse};
use xuncheng_office::OfficeError;

use super::District;
use super::disks::is_of_the_disk;
use crate::network::{Exchange, Fault};

impl District {
    pub(super) fn talk(&mut self, phone: usize, dies_after: Option<usize>, faults: &[Option<Fault>]) {
        let index = self.index(phone);
        self.exchange(index, dies_after, faults);
        if self.bad_disk.is_none() {
            self.hear(index);
        }
    }

    fn exchange(&mut self, index: usize, dies_after: Option<usize>, faults: &[Option<Fault>]) {
        for fault in faults.iter().flatten() {
            *self.tally.faults.entry(fault.name()).or_default() += 1;
        }
        let link = self.world.network(&self.phones[index]);
        let phone = &mut self.phones[index];
        if let Err(error) = phone.field_mut().start_sync() {
            assert!(self.bad_disk.is_some() && is_of_the_disk(&error), "a conversation can be begun: {error}");
            return;
        }
        let mut faults = faults.iter();
        // A conversation that goes nowhere ends in the final check; here it need not.
        for request in 1..60 {
            let next = match phone.next_action() {
                Err(error) if self.bad_disk.is_some() && is_of_the_disk(&error) => return,
                next => next.expect("an enrolled phone knows what to do next"),
            };
            match next {
                Action::Done | Action::WaitUntil { .. } => return,
                Action::Send { id, request: sent } => {
                    if let Some(Some(fault)) = faults.next() {
                        link.next(&[*fault]);
                    }
                    let outcome = phone.carry(&sent);
                    let settled = self.world.try_to_settle();
                    assert!(settled.is_ok() || self.bad_disk.is_some(), "the office runs: {settled:?}");
                    if dies_after == Some(request) {
                        self.restart(index, false);
                        return;
                    }
                    // Whatever it says: nothing may be lost by it.
                    let _ = phone.completed(id, &outcome);
                }
            }
        }
    }

    pub(super) fn pack(&mut self, phone: usize, originals: bool) {
        let originals = if originals { Originals::All } else { Originals::None };
        match self.phone(phone).pack(originals) {
            Ok(packed) => self.parcels.push(packed.file),
            // It was enrolled before there were parcels, and has not talked since.
            Err(FieldError::NoSealingKey) => {}
            Err(error) => panic!("an enrolled phone makes parcels: {error}"),
        }
    }

    pub(super) fn take_in(&mut self, parcel: usize, thousandths: u64, answered: bool) {
        let Some(file) = self.parcels.get(parcel % self.parcels.len().max(1)) else { return };
        let taken = self.world.office().take_in(&part_of(file, thousandths));
        self.world.settle();
        let taken = match taken {
            Ok(taken) => taken,
            // A restored office knows nothing of a phone that was enrolled, or copied, since.
            Err(OfficeError::UnknownDevice) => return,
            Err(error) => {
                assert!(thousandths < 1000, "a whole parcel is taken in: {error}");
                return;
            }
        };
        if answered
            && !taken.superseded
            && let Ok(answer) = self.world.office().answer(taken.device)
        {
            // A phone may have gone on under another incarnation since, and its answer then says nothing to it.
            if let Some(phone) = self.phones.iter().position(|phone| phone.incarnation() == taken.device) {
                self.answers.push((phone, answer));
            }
        }
    }

    pub(super) fn unpack(&mut self, answer: usize, thousandths: u64) {
        let Some((phone, file)) = self.answers.get(answer % self.answers.len().max(1)) else { return };
        let taken = self.phones[*phone].unpack(&part_of(file, thousandths));
        // Of parcels from long ago it has forgotten the key.
        // And what an office said that was restored since is another branch's.
        let known = matches!(
            &taken,
            Err(FieldError::Parcel { source: ParcelError::NotForHere(_), .. } | FieldError::Sync(SyncError::Apply(_)))
        );
        assert!(taken.is_ok() || known || thousandths < 1000, "a whole answer is taken: {taken:?}");
    }

    /// Somebody sends what they recorded of a phone. What it said long ago reads nothing, and what is not the phone's own word
    /// does nothing that lasts.
    pub(super) fn thief(&mut self, phone: usize, request: usize, junk: bool) {
        let log = self.phone(phone).link().log();
        let Some(recorded) = log.get(request % log.len().max(1)) else { return };
        let is_old = self.is_superseded(recorded);
        let body = if junk { recorded.sent.iter().map(|byte| !byte).collect() } else { recorded.sent.clone() };
        let answer = self.world.deliver(&recorded.request, body);
        self.world.settle();
        if recorded.request.path != "/v1/sync" || answer.status != 200 {
            return;
        }
        assert!(!junk, "the office answers what no phone signed");
        let said = message::unpack(&answer.body, limits::RESPONSE_BYTES).expect("an answer of the office");
        let said: SyncResponse = said.read_unverified().expect("an answer of the office");
        let tells = !said.token.is_empty() || !said.page.feeds.is_empty() || !said.page.snapshots.is_empty();
        assert!(!is_old || !tells, "whoever recorded a request reads by it what came after a later one");
    }

    /// Whether the office has answered a later request of the phone that sent this one.
    fn is_superseded(&self, recorded: &Exchange) -> bool {
        let said = message::unpack(&recorded.sent, limits::REQUEST_BYTES).and_then(|said| said.read_unverified());
        let Ok(SyncRequest { incarnation, number, .. }) = said else { return false };
        let last = self.world.office().read(move |conn| last_answered(conn, incarnation));
        last.is_some_and(|last| number < last)
    }
}

/// The number of the last request of a phone that the office answered.
fn last_answered(conn: &Connection, incarnation: IncarnationId) -> Option<u64> {
    let sql = "SELECT last_request FROM office_device WHERE incarnation = ?1";
    conn.query_row(sql, [incarnation], |row| row.get(0)).optional().expect("the ledger can be read")
}

/// What of a file came before the stick was pulled out.
fn part_of(file: &Path, thousandths: u64) -> PathBuf {
    let mut bytes = std::fs::read(file).expect("a parcel can be read");
    let kept = bytes.len() as u64 * thousandths / 1000;
    bytes.truncate(usize::try_from(kept).expect("a length of this machine"));
    let part = file.with_extension("part");
    std::fs::write(&part, bytes).expect("a stick can be written");
    part
}
