//! What people do: on phones, at desks, in the district's list of people.

use std::collections::BTreeSet;

use serde_json::Value;
use xuncheng_core::field::{CaseDetail, FieldError};
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::entry::{Change, Photo};
use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::store::{self, list::Query};
use xuncheng_core::work::case::{CASE, CaseStep, RULES};
use xuncheng_core::work::flow::Who;

use super::disks::is_of_the_disk;
use super::{District, PEOPLE, entries};
use crate::newer;
use crate::phone::{Phone, in_dongcheng, in_huifeng};

impl District {
    pub(super) fn capture(&mut self, phone: usize, photos: usize, far: bool) {
        let index = self.index(phone);
        let phone = &mut self.phones[index];
        let pictures: Vec<_> = (0..photos).map(|_| phone.new_picture()).collect();
        let bytes = pictures.iter().map(|path| std::fs::read(path).expect("a camera's file can be read"));
        let kept: Vec<Vec<u8>> = bytes.collect();
        let place = if far { in_huifeng() } else { in_dongcheng() };
        let before = entries(phone);
        let captured = phone.try_capture("matter/09006", Some(place), pictures);
        if self.bad_disk.is_some() && captured.as_ref().is_err_and(is_of_the_disk) {
            return;
        }
        captured.expect("a capture is never refused");
        for bytes in kept {
            let sha256 = xuncheng_core::photo::Fingerprint::of(&bytes).sha256;
            self.book.photos.insert(sha256, bytes);
            self.tally.photos += 1;
        }
        self.remember(index, &before);
    }

    /// Does something with one of the cases that a phone holds and that it can be done with, where there are any. A refusal is an
    /// answer too.
    pub(super) fn on_a_case(
        &mut self,
        phone: usize,
        case: usize,
        fits: impl Fn(&CaseDetail) -> bool,
        work: impl FnOnce(&mut Phone, &CaseDetail, u64) -> Result<(), FieldError>,
    ) {
        let index = self.index(phone);
        let number = self.world.roll(1000);
        let phone = &mut self.phones[index];
        let cases = phone.field().cases(&Query::default(), None, 200).expect("a phone lists its cases").cases;
        // As at the desks: the first is the oldest.
        let cases: Vec<CaseDetail> =
            cases.iter().rev().map(|case| phone.case(case.id)).filter(|case| fits(case)).collect();
        let Some(case) = cases.get(case % cases.len().max(1)) else { return };
        let before = entries(phone);
        match work(phone, case, number) {
            Ok(()) | Err(FieldError::NotNow { .. }) => {}
            Err(error) if self.bad_disk.is_some() && is_of_the_disk(&error) => return,
            Err(error) => panic!("{error}"),
        }
        self.remember(index, &before);
    }

    pub(super) fn act(&mut self, phone: usize, case: usize, step: usize) {
        let index = self.index(phone);
        let mut pictures = Vec::new();
        let fits = |case: &CaseDetail| !case.steps.is_empty();
        self.on_a_case(phone, case, fits, |phone, case, _| {
            let step =
                CaseStep::named(&case.steps[step % case.steps.len()]).expect("a phone offers steps that it knows");
            let done = phone.step(case.summary.id, step, &arguments())?;
            pictures = done.photos.iter().filter(|photo| photo.stage.is_some()).map(|photo| photo.sha256).collect();
            Ok(())
        });
        for sha256 in pictures {
            let bytes = self.phones[index].original(&sha256);
            if let (false, Some(bytes)) = (self.book.photos.contains_key(&sha256), bytes) {
                self.book.photos.insert(sha256, bytes);
                self.tally.photos += 1;
            }
        }
    }

    fn remember(&mut self, index: usize, before: &[EntryId]) {
        let written = entries(&self.phones[index]).into_iter().filter(|id| !before.contains(id));
        let written: Vec<EntryId> = written.collect();
        if self.newer.contains(&index) {
            let done = newer::write_more(self.phones[index].field().store(), &written);
            assert!(done.is_ok() || self.bad_disk.is_some(), "a store can be written: {done:?}");
        }
        self.tally.entries += written.len() as u64;
        self.book.entries.extend(written.into_iter().map(|id| (index, id)));
    }

    fn cases_of_the_office(&self) -> Vec<ItemId> {
        self.world.office().read(|conn| {
            let cases = conn.prepare("SELECT id FROM item WHERE kind = ?1 ORDER BY row");
            let found = cases.and_then(|mut cases| cases.query_map([CASE], |row| row.get(0))?.collect());
            found.expect("the ledger can be read")
        })
    }

    /// A step at a desk, on one of the cases that some desk can do something with.
    pub(super) fn desk(&mut self, case: usize, step: usize) {
        let office = self.world.office();
        let rows = |item: &ItemId| {
            let view = office.view(*item).expect("a case has a view");
            RULES
                .steps
                .iter()
                .filter(|row| row.from == view.state)
                .filter_map(|row| Some((CaseStep::named(row.step)?, row.who.iter().find_map(at_desks)?)))
                .collect::<Vec<_>>()
        };
        let cases = self.cases_of_the_office().into_iter().map(|item| (item, rows(&item)));
        let cases: Vec<_> = cases.filter(|(_, rows)| !rows.is_empty()).collect();
        if let Some((item, rows)) = cases.get(case % cases.len().max(1)) {
            let (step, person) = rows[step % rows.len()];
            // Where it is not done, nothing is: an original that has not come, a photo that is missing.
            let _ = office.step(person, *item, step, &arguments());
        }
    }

    pub(super) fn dispatch(&mut self, case: usize, unit: usize) {
        let office = self.world.office();
        let mut cases = self.cases_of_the_office();
        cases.retain(|item| {
            matches!(office.view(*item).expect("a case has a view").state.as_str(), "reported" | "filed")
        });
        let Some(item) = cases.get(case % cases.len().max(1)).copied() else { return };
        let unit = ["chengguan", "shizheng"][unit % 2];
        // Where it is not done it is filed already, or is not filed before its photos have come.
        let _ = office.step("zhang", item, CaseStep::File, &arguments());
        let _ = office.step("zhao", item, CaseStep::Dispatch, &[("responsible_org", unit)]);
    }

    /// A case that may be edited is described anew on a phone: which, where it holds any.
    pub(super) fn describe(&mut self, phone: usize, case: usize) -> Option<ItemId> {
        let mut described = None;
        self.on_a_case(
            phone,
            case,
            |case| case.may_edit,
            |phone, case, number| {
                described = Some(case.summary.id);
                phone.describe(case.summary.id, &format!("改 {number}")).map(drop)
            },
        );
        described
    }

    pub(super) fn correct(&mut self, case: usize, number: usize) {
        let cases = self.cases_of_the_office();
        if let Some(item) = cases.get(case % cases.len().max(1)) {
            self.correct_that(*item, number);
        }
    }

    pub(super) fn correct_that(&mut self, item: ItemId, number: usize) {
        let text = Value::from(format!("桌改 {number}"));
        // Where it is not done the case is over, or is not here yet.
        let _ = self.world.office().edit("zhang", item, &[("description", text)]);
    }

    pub(super) fn rule(&self, held: usize, ruling: Ruling) {
        let office = self.world.office();
        let waiting = office.held();
        if let Some(entry) = waiting.get(held % waiting.len().max(1)) {
            // Where it is not done it stays held: what it follows goes first, or it is in no order.
            let _ = office.rule(["zhang", "he"][held % 2], *entry, ruling);
        }
    }

    pub(super) fn erase(&mut self, entry: usize) {
        let office = self.world.office();
        let all: Vec<EntryId> = office.read(|conn| {
            let all = conn.prepare("SELECT id FROM entry ORDER BY rowid");
            all.and_then(|mut all| all.query_map([], |row| row.get(0))?.collect()).expect("the ledger can be read")
        });
        if let Some(entry) = all.get(entry % all.len().max(1)) {
            // Where it is not done it was erased already, or the disk failed.
            if office.erase("he", *entry).is_ok() {
                self.book.erased.push(*entry);
            }
        }
    }

    /// A phone whose program is not ours names a photo that it never had.
    pub(super) fn name_a_photo(&mut self, phone: usize, photo: usize) {
        let index = self.index(phone);
        let others = self.photos_of_others(index);
        let Some(theirs) = others.get(photo % others.len().max(1)) else { return };
        let cases = self.phones[index].field().cases(&Query::default(), None, 200).expect("a phone lists its cases");
        let Some(case) = cases.cases.first() else { return };
        let before = entries(&self.phones[index]);
        let named = self.phones[index].write(case.id, CASE, Change::Attach { photo: theirs.clone(), round: 0 });
        self.remember(index, &before);
        self.book.bare.push((index, named, theirs.sha256));
    }

    /// Photos that others have, and a phone never had.
    fn photos_of_others(&self, phone: usize) -> Vec<Photo> {
        let own: BTreeSet<PhotoHash> = attached(&self.phones[phone]).into_iter().map(|photo| photo.sha256).collect();
        let all = self.phones.iter().flat_map(attached);
        all.filter(|photo| !own.contains(&photo.sha256)).collect()
    }

    /// Whoever has a phone gets other areas or another unit, or checks where they inspected: what they may see is other than it was,
    /// whatever they have not sent.
    pub(super) fn change_roles(&mut self, person: usize, to: usize) {
        let person = PEOPLE[person % PEOPLE.len()];
        let duties: &[&str] = match person {
            "zhou" | "chen" => &[
                "roles = [\"handler\"]\norg = \"chengguan\"",
                "roles = [\"handler\"]\norg = \"shizheng\"",
                "roles = [\"handler\"]\norg = \"huanwei\"",
            ],
            _ => &[
                "roles = [\"inspector\", \"verifier\"]\norg = \"jiandu\"\nareas = [\"*\"]",
                "roles = [\"inspector\", \"verifier\"]\norg = \"jiandu\"\nareas = [\"511902001\"]",
                "roles = [\"inspector\"]\norg = \"jiandu\"\nareas = [\"511902002\"]",
                "roles = [\"verifier\"]\norg = \"jiandu\"\nareas = [\"511902001\", \"511902002\"]",
            ],
        };
        let duty = duties[to % duties.len()];
        self.world.office().change_people(|text| {
            let (before, rest) = text.split_once(&format!("code = \"{person}\"\n")).expect("the person is in the list");
            let (name, rest) = rest.split_once("roles = ").expect("a person has roles");
            let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
            format!("{before}code = \"{person}\"\n{name}{duty}\n\n{after}")
        });
    }
}

/// Who does at a desk what such a person may.
const fn at_desks(who: &Who) -> Option<&'static str> {
    match who {
        Who::Acceptor => Some("zhang"),
        Who::Dispatcher => Some("zhao"),
        Who::Verifier => Some("sun"),
        Who::Author
        | Who::Inspector
        | Who::CovertInspector
        | Who::Appraiser
        | Who::Handler
        | Who::Admin
        | Who::Office => None,
    }
}

/// The photos that a phone's own entries attach.
fn attached(phone: &Phone) -> Vec<Photo> {
    entries(phone).into_iter().filter_map(|entry| attached_by(phone, entry)).collect()
}

/// The photo that an entry attaches; none where it attaches none, or has left the phone.
pub(in crate::simulation) fn attached_by(phone: &Phone, entry: EntryId) -> Option<Photo> {
    let entry = store::entries::get(phone.field().store(), entry).expect("a store can be read")?;
    let body = entry.read_body(&entry.read_header().ok()?).ok()?;
    if let Change::Attach { photo, .. } = body.change { Some(photo) } else { None }
}

/// What any step may need; a step takes what it knows.
fn arguments() -> [(&'static str, &'static str); 2] {
    [("reason", "不符合要求"), ("responsible_org", "chengguan")]
}
