//! A district that plays a plan, and remembers what people were told.

mod disks;
pub(super) mod people;
mod talks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use xuncheng_core::id::{EntryId, PhotoHash};
use xuncheng_core::sync::wire::Keep;
use xuncheng_disk::Disk;

use super::{Event, Tally, promises};
use crate::phone::Phone;
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
    /// Entries that phones were told the office had taken for good.
    pub told: BTreeSet<EntryId>,
    /// Entries whose private part was erased.
    pub erased: Vec<EntryId>,
    /// Entries that name a photo whose bytes their phone never had, by the number of that phone.
    pub bare: Vec<(usize, EntryId, PhotoHash)>,
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
    /// A copy of its data folder that somebody made by hand, and how many backups there were.
    copy: Option<(PathBuf, usize)>,
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
            promises::safe_is_in_a_backup(self);
        }
    }

    /// Remembers what a phone has been told.
    fn hear(&mut self, phone: usize) {
        let sql = "SELECT entry FROM judgement WHERE attestation IS NOT NULL AND verdict IN ('applied', 'merged')";
        let all = self.phones[phone].field().store().prepare(sql);
        let told =
            all.and_then(|mut all| all.query_map([], |row| row.get::<_, EntryId>(0))?.collect::<Result<Vec<_>, _>>());
        self.book.told.extend(told.expect("a store can be read"));
    }

    fn happen(&mut self, number: usize, event: &Event) {
        match event {
            Event::Capture { phone, photos, far } => self.capture(*phone, *photos, *far),
            Event::Describe { phone, case } => drop(self.describe(*phone, *case)),
            Event::Disagree { phone, case } => {
                if let Some(item) = self.describe(*phone, *case) {
                    self.correct_that(item, number);
                }
            }
            Event::Comment { phone, case } => self.on_a_case(
                *phone,
                *case,
                |_| true,
                |phone, case, number| phone.comment(case.summary.id, &format!("看过 {number}")).map(drop),
            ),
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
            Event::Erase { entry } => self.erase(*entry),
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
            Event::CopyOffice => self.copy = Some((self.world.office().copy_folder(), self.backups.len())),
            Event::PutBack => {
                if let Some((copy, backups)) = self.copy.as_ref().filter(|_| !is_tight(self.seed)) {
                    self.world.office().put_back(copy);
                    if *backups == 0 {
                        // A folder that knows of no backups knows of no other place that says what was erased.
                        self.book.erased.clear();
                    }
                }
            }
            Event::ChangeRoles { person, to } => self.change_roles(*person, *to),
            Event::Pass { minutes } => self.world.wait_minutes(*minutes),
            Event::OnBadDisk { at_the_office, fault, event } => self.on_bad_disk(*at_the_office, *fault, number, event),
            Event::PowerCut { at_the_office, after, drawn, event } => {
                self.until_the_power_goes(*at_the_office, *after, *drawn, number, event);
            }
            Event::BareHash { phone, photo } => self.name_a_photo(*phone, *photo),
            Event::Thief { phone, request, junk } => self.thief(*phone, *request, *junk),
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
}

/// Whether the phones of a run have no room: whatever is safe leaves them.
const fn is_tight(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

/// The entries that a phone wrote, under whatever incarnation.
pub(crate) fn entries(phone: &Phone) -> Vec<EntryId> {
    let all = phone.field().store().prepare("SELECT id FROM entry WHERE incarnation IS NOT NULL ORDER BY rowid");
    let found = all.and_then(|mut all| all.query_map([], |row| row.get(0))?.collect());
    found.expect("a store can be read")
}
