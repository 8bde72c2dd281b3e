//! A district that plays a plan, and remembers what people were told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use xuncheng_core::field::{CaseDetail, FieldError};
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::parcel::ParcelError;
use xuncheng_core::sync::parcel::pack::Originals;
use xuncheng_core::sync::session::{Action, SyncError};
use xuncheng_core::sync::wire::Keep;
use xuncheng_core::work::case::{CASE, CaseStep, RULES};
use xuncheng_core::work::flow::Who;
use xuncheng_disk::{Disk, Fault as DiskFault};
use xuncheng_office::OfficeError;

use super::{Event, Tally};
use crate::network::Fault;
use crate::newer;
use crate::phone::{Phone, in_dongcheng, in_huifeng};
use crate::world::World;

/// Who has a phone. 李 has two, and 孙 only checks.
const PEOPLE: [&str; 6] = ["li", "wang", "li", "zhou", "chen", "sun"];

/// How many copies of phones there may be: each has to have its say in the end.
const COPIES: usize = 4;

/// Longer than any time that a phone is told to wait.
const DAY_MS: i64 = 24 * 3_600_000;

/// What a phone said is kept.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Photos that were captured, with their bytes.
    pub photos: BTreeMap<PhotoHash, Vec<u8>>,
    /// Entries that were written, by the number of their phone.
    pub entries: Vec<(usize, EntryId)>,
}

/// A district in the middle of a run.
#[derive(Debug)]
pub struct District {
    /// The office, the clock, the network.
    pub world: World,
    /// The phones, in the order of [`PEOPLE`], then copies of some.
    pub phones: Vec<Phone>,
    /// What people were told.
    pub book: Book,
    /// Parcels that were made, oldest first.
    parcels: Vec<PathBuf>,
    /// Answers, each with the number of the phone that it is for.
    answers: Vec<(usize, PathBuf)>,
    /// The backups of the office, oldest first.
    backups: Vec<PathBuf>,
    /// A copy of its data folder that somebody made by hand.
    copy: Option<PathBuf>,
    tally: Tally,
    seed: u64,
    /// The disk that fails while an event happens.
    bad_disk: Option<Disk>,
    /// Which phones write as a later version does.
    newer: BTreeSet<usize>,
}

impl District {
    /// A district whose phones are enrolled.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let world = World::new(seed);
        if is_tight(seed) {
            // Phones without room: whatever is safe leaves them, but for some entries of each item.
            let entries = usize::try_from(seed / 2 % 3).unwrap_or(0);
            world.office().set_keep(Keep { originals_days: 0, free_bytes: u64::MAX, entries });
        }
        let phones = PEOPLE.iter().map(|person| world.enrolled(person)).collect();
        Self::of(world, phones, Book::default(), seed)
    }

    /// A district that goes on from what was written in it before.
    #[must_use]
    pub fn of(world: World, phones: Vec<Phone>, book: Book, seed: u64) -> Self {
        Self {
            world,
            phones,
            book,
            parcels: Vec::new(),
            answers: Vec::new(),
            backups: Vec::new(),
            copy: None,
            tally: Tally::default(),
            seed,
            bad_disk: None,
            newer: BTreeSet::new(),
        }
    }

    /// What it did.
    #[must_use]
    pub fn into_tally(self) -> Tally {
        self.tally
    }

    /// Lets an event happen. What it draws depends on its number and on nothing that came before.
    pub fn play(&mut self, number: usize, event: &Event) {
        self.world.draw_from(self.seed.wrapping_add((number as u64 + 1) << 32));
        *self.tally.events.entry(event.name()).or_default() += 1;
        self.happen(number, event);
        if number % 8 == 7 {
            self.world.check_invariants();
        }
    }

    fn happen(&mut self, number: usize, event: &Event) {
        match event {
            Event::Capture { phone, photos, far } => self.capture(*phone, *photos, *far),
            Event::Describe { phone, case } => self.on_a_case(*phone, *case, |phone, case, number| {
                if case.may_edit {
                    phone.describe(case.summary.id, &format!("改 {number}")).map(Some)
                } else {
                    Ok(None)
                }
            }),
            Event::Comment { phone, case } => self.on_a_case(*phone, *case, |phone, case, number| {
                phone.comment(case.summary.id, &format!("看过 {number}")).map(Some)
            }),
            Event::Act { phone, case, step } => self.act(*phone, *case, *step),
            Event::Desk { case, step } => self.desk(*case, *step),
            Event::Dispatch { case, unit } => self.dispatch(*case, *unit),
            Event::Correct { case } => self.correct(*case, number),
            Event::Rule { held, ruling } => self.rule(*held, *ruling),
            Event::Talk { phone, dies_after, faults, card_out: false } => self.talk(*phone, *dies_after, faults),
            Event::Talk { phone, dies_after, faults, card_out: true } => {
                let photos = self.phone(*phone).field().photos().root().to_owned();
                let away = photos.with_file_name("card");
                std::fs::rename(&photos, &away).expect("a card can be taken out");
                self.talk(*phone, *dies_after, faults);
                // What a program made there that was started meanwhile.
                let _ = std::fs::remove_dir_all(&photos);
                std::fs::rename(&away, &photos).expect("a card can be put back");
            }
            Event::Pack { phone, originals } => self.pack(*phone, *originals),
            Event::TakeIn { parcel, thousandths, answered } => self.take_in(*parcel, *thousandths, *answered),
            Event::Unpack { answer, thousandths } => self.unpack(*answer, *thousandths),
            Event::Restart { phone, boot } => {
                let boot = *boot;
                self.restart(*phone, boot);
            }
            Event::Copy { phone } => self.copy(*phone),
            Event::Newer { phone } => {
                let index = self.index(*phone);
                self.newer.insert(index);
                self.phones[index].link().says_more(self.phones[index].folder());
            }
            Event::ClockOff { phone: Some(phone), days } => self.phone(*phone).clock_off_by(days * DAY_MS),
            Event::ClockOff { phone: None, days } => self.world.office().clock_off_by(days * DAY_MS),
            Event::Stands { phone, conditions } => {
                self.phone(*phone).field_mut().set_conditions(*conditions).expect("a store can be written");
            }
            Event::AskForOriginals { phone } => {
                self.phone(*phone).field_mut().send_originals_now(None).expect("a store can be written");
            }
            Event::Link { phone, link } => {
                let way = self.phone(*phone).link();
                way.down(link.is_none());
                way.pace(link.flatten());
            }
            Event::LinkBack { phone } => {
                self.phone(*phone).link().down(false);
                self.phone(*phone).field_mut().start_sync().expect("a store can be written");
            }
            Event::RestartOffice => {
                self.world.office().stop();
                self.start_office();
            }
            Event::BackUp => self.backups.push(self.world.office().back_up().backup),
            Event::Restore { older } => {
                // Without a backup there is nothing to restore.
                if let Some(newest) = self.backups.len().checked_sub(1) {
                    // An older one is announced as a loss: of what left phones as safe, too.
                    let older = if is_tight(self.seed) { 0 } else { *older };
                    let backup = self.backups[newest.saturating_sub(older)].clone();
                    self.world.office().restore(Some(&backup));
                }
            }
            Event::CopyOffice => self.copy = Some(self.world.office().copy_folder()),
            Event::PutBack => {
                if let Some(copy) = self.copy.as_ref().filter(|_| !is_tight(self.seed)) {
                    self.world.office().put_back(copy);
                }
            }
            Event::ChangeRoles { change } => self.change_roles(*change),
            Event::Pass { minutes } => self.world.wait_minutes(*minutes),
            Event::OnBadDisk { at_the_office, fault, event } => self.on_bad_disk(*at_the_office, *fault, number, event),
        }
    }

    /// Somebody copies a phone's folder onto another phone, and both go on.
    fn copy(&mut self, phone: usize) {
        if self.phones.len() < PEOPLE.len() + COPIES {
            let copy = self.phone(phone).copied();
            self.phones.push(copy);
        }
    }

    fn index(&self, phone: usize) -> usize {
        phone % self.phones.len()
    }

    fn phone(&mut self, phone: usize) -> &mut Phone {
        let index = self.index(phone);
        &mut self.phones[index]
    }

    fn capture(&mut self, phone: usize, photos: usize, far: bool) {
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

    /// Does something with one of the cases that a phone holds, where it holds any. A refusal is an answer too.
    fn on_a_case(
        &mut self,
        phone: usize,
        case: usize,
        work: impl FnOnce(&mut Phone, &CaseDetail, u64) -> Result<Option<CaseDetail>, FieldError>,
    ) {
        let index = self.index(phone);
        let number = self.world.roll(1000);
        let phone = &mut self.phones[index];
        let cases = phone.field().cases(&Query::default(), None, 200).expect("a phone lists its cases").cases;
        if cases.is_empty() {
            return;
        }
        let case = phone.case(cases[case % cases.len()].id);
        let before = entries(phone);
        match work(phone, &case, number) {
            Ok(_) | Err(FieldError::NotNow { .. }) => {}
            Err(error) if self.bad_disk.is_some() && is_of_the_disk(&error) => return,
            Err(error) => panic!("{error}"),
        }
        self.remember(index, &before);
    }

    fn act(&mut self, phone: usize, case: usize, step: usize) {
        let index = self.index(phone);
        let mut pictures = Vec::new();
        self.on_a_case(phone, case, |phone, case, _| {
            if case.steps.is_empty() {
                return Ok(None);
            }
            let step =
                CaseStep::named(&case.steps[step % case.steps.len()]).expect("a phone offers steps that it knows");
            let done = phone.step(case.summary.id, step, &arguments())?;
            pictures = done.photos.iter().filter(|photo| photo.stage.is_some()).map(|photo| photo.sha256).collect();
            Ok(Some(done))
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
            newer::write_more(self.phones[index].field().store(), &written);
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

    fn desk(&mut self, case: usize, step: usize) {
        let cases = self.cases_of_the_office();
        let Some(item) = cases.get(case % cases.len().max(1)).copied() else { return };
        let office = self.world.office();
        let view = office.view(item).expect("a case has a view");
        let at_desks = |who: &Who| match who {
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
        };
        let rows: Vec<_> = RULES
            .steps
            .iter()
            .filter(|row| row.from == view.state)
            .filter_map(|row| Some((CaseStep::named(row.step)?, row.who.iter().find_map(at_desks)?)))
            .collect();
        if let Some((step, person)) = rows.get(step % rows.len().max(1)) {
            // Where it is not done, nothing is: an original that has not come, a photo that is missing.
            let _ = office.step(person, item, *step, &arguments());
        }
    }

    fn dispatch(&mut self, case: usize, unit: usize) {
        let cases = self.cases_of_the_office();
        let Some(item) = cases.get(case % cases.len().max(1)).copied() else { return };
        let unit = ["chengguan", "shizheng"][unit % 2];
        let office = self.world.office();
        // Where it is not done it is beyond that, or is not filed before its photos have come.
        let _ = office.step("zhang", item, CaseStep::File, &arguments());
        let _ = office.step("zhao", item, CaseStep::Dispatch, &[("responsible_org", unit)]);
    }

    fn correct(&mut self, case: usize, number: usize) {
        let cases = self.cases_of_the_office();
        let Some(item) = cases.get(case % cases.len().max(1)).copied() else { return };
        let text = Value::from(format!("桌改 {number}"));
        let _ = self.world.office().edit("zhang", item, &[("description", text)]);
    }

    fn rule(&self, held: usize, ruling: Ruling) {
        let office = self.world.office();
        let waiting = office.held();
        if let Some(entry) = waiting.get(held % waiting.len().max(1)) {
            // Where it is not done it stays held: what it follows goes first, or it is in no order.
            let _ = office.rule(["zhang", "he"][held % 2], *entry, ruling);
        }
    }

    fn talk(&mut self, phone: usize, dies_after: Option<usize>, faults: &[Option<Fault>]) {
        let index = self.index(phone);
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

    fn pack(&mut self, phone: usize, originals: bool) {
        let originals = if originals { Originals::All } else { Originals::None };
        match self.phone(phone).pack(originals) {
            Ok(packed) => self.parcels.push(packed.file),
            // It was enrolled before there were parcels, and has not talked since.
            Err(FieldError::NoSealingKey) => {}
            Err(error) => panic!("an enrolled phone makes parcels: {error}"),
        }
    }

    fn take_in(&mut self, parcel: usize, thousandths: u64, answered: bool) {
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

    fn unpack(&mut self, answer: usize, thousandths: u64) {
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

    /// What happens while a disk fails, and what is left of it: a program whose disk died is started anew.
    fn on_bad_disk(&mut self, at_the_office: bool, fault: DiskFault, number: usize, event: &Event) {
        let phone = match event {
            Event::Capture { phone, .. }
            | Event::Describe { phone, .. }
            | Event::Comment { phone, .. }
            | Event::Act { phone, .. }
            | Event::Talk { phone, .. }
            | Event::Restart { phone, .. } => self.index(*phone),
            Event::Desk { .. }
            | Event::Pack { .. }
            | Event::TakeIn { .. }
            | Event::Unpack { .. }
            | Event::Dispatch { .. }
            | Event::Correct { .. }
            | Event::Rule { .. }
            | Event::Copy { .. }
            | Event::Newer { .. }
            | Event::Stands { .. }
            | Event::AskForOriginals { .. }
            | Event::Link { .. }
            | Event::LinkBack { .. }
            | Event::ClockOff { .. }
            | Event::RestartOffice
            | Event::BackUp
            | Event::Restore { .. }
            | Event::CopyOffice
            | Event::PutBack
            | Event::ChangeRoles { .. }
            | Event::Pass { .. }
            | Event::OnBadDisk { .. } => 0,
        };
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
        if !office.runs() {
            office.start();
        }
        self.phones[phone].start().expect("a store opens on a sound disk");
    }

    /// Beside a disk that fails it may not open: then it is opened once that is over.
    fn start_office(&self) {
        let started = self.world.office().try_to_start();
        assert!(started.is_ok() || self.bad_disk.is_some(), "the office opens: {started:?}");
    }

    fn restart(&mut self, phone: usize, boot: bool) {
        let is_bad = self.bad_disk.is_some();
        let phone = self.phone(phone);
        phone.kill();
        if boot {
            phone.boots();
        }
        let started = phone.start();
        assert!(started.is_ok() || is_bad, "a store opens after its program was killed: {started:?}");
    }

    fn change_roles(&mut self, change: usize) {
        let other = |text: &str| match change {
            0 => text.replacen("[\"511902001\", \"511902002\"]", "[\"511902002\"]", 1),
            1 => text.replacen("areas = [\"511902002\"]", "areas = [\"511902001\", \"511902002\"]", 1),
            2 => text.replacen("roles = [\"verifier\"]", "roles = [\"inspector\"]", 1),
            3 => text.replacen("roles = [\"inspector\"]", "roles = [\"verifier\"]", 1),
            // The crew goes over to another unit: what it was sent out to leaves its phone, whatever it has not sent.
            4 => text.replacen("org = \"chengguan\"", "org = \"huanwei\"", 1),
            _ => text.replacen(
                "roles = [\"handler\"]\norg = \"huanwei\"",
                "roles = [\"handler\"]\norg = \"chengguan\"",
                1,
            ),
        };
        self.world.office().change_people(other);
    }
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

/// Whether a disk may be the reason: of what a phone says otherwise a disk is none.
fn is_of_the_disk(error: &FieldError) -> bool {
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

/// Whether the phones of a run have no room: whatever is safe leaves them.
const fn is_tight(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

/// What any step may need; a step takes what it knows.
fn arguments() -> [(&'static str, &'static str); 2] {
    [("reason", "不符合要求"), ("responsible_org", "chengguan")]
}

/// The entries that a phone wrote, under whatever incarnation.
pub(crate) fn entries(phone: &Phone) -> Vec<EntryId> {
    let all = phone.field().store().prepare("SELECT id FROM entry WHERE incarnation IS NOT NULL ORDER BY rowid");
    let found = all.and_then(|mut all| all.query_map([], |row| row.get(0))?.collect());
    found.expect("a store can be read")
}
