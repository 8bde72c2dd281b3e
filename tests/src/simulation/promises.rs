//! What must have come to pass once the faults have stopped.

use std::collections::BTreeSet;

use rusqlite::Connection;
use xuncheng_core::field::PictureFile;
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::store::list::Query;
use xuncheng_core::store::{items, judgements, photos};
use xuncheng_core::sync::action::{Method, Request, Response};
use xuncheng_core::sync::policy::Conditions;
use xuncheng_core::sync::wait::COPIED;

use super::district::District;
use super::district::people::attached_by;
use super::{rounds, words};
use crate::phone::Phone;

/// Rounds in which every phone talks once, until nothing changes any more.
const ROUNDS: usize = 5;

/// Stops all faults, lets every phone talk until it has nothing left to say, and checks the book.
pub fn kept(district: &mut District) {
    district.world.office().clock_off_by(0);
    for phone in &mut district.phones {
        phone.clock_off_by(0);
        phone.link().down(false);
        phone.link().pace(None);
        phone.field_mut().set_conditions(Conditions::default()).expect("a store can be written");
    }
    all_talk(district);
    district.world.check_invariants();
    what_is_safe_leaves_and_comes_back(district);
    // Two copies that have nothing to say pass for one phone until one of them asks for more than the other.
    all_talk(district);
    safe_is_in_a_backup(district);
    every_entry_is_judged(district);
    every_photo_is_at_the_office(district);
    what_was_told_stands(district);
    a_hash_alone_is_no_photo(district);
    what_was_erased_is_nowhere(district);
    district.world.office().read(words::none_is_lost);
    district.world.office().read(rounds::none_counts_in_another);
    for phone in &district.phones {
        nothing_is_left_to_say(phone);
        sees_what_it_may(district, phone);
    }
}

/// Turns follow each other: what one phone says may concern another, and what that one says the first again.
fn all_talk(district: &mut District) {
    for _ in 0..ROUNDS {
        for phone in &mut district.phones {
            let failures = phone.sync_whatever_happens();
            assert!(failures <= 2, "a phone whose network is sound fails {failures} times");
        }
        district.world.settle();
    }
}

/// Once a backup holds all, phones let go what they have no room for; whoever wants to see a case sees all of it all the same.
fn what_is_safe_leaves_and_comes_back(district: &mut District) {
    district.world.office().back_up();
    let days = u64::from(xuncheng_core::limits::SETTLED_DAYS) + 1;
    district.world.wait_minutes(days * 24 * 60);
    // What is over leaves its reporters' phones in the first of these; in the next its entries do.
    for _ in 0..ROUNDS {
        for phone in &mut district.phones {
            phone.sync().expect("a phone whose network is sound talks");
        }
        district.world.office().back_up();
    }
    district.world.check_invariants();
    for phone in &mut district.phones {
        let cases = phone.field().cases(&Query::default(), None, 200).expect("a phone lists its cases").cases;
        for case in &cases {
            phone.field_mut().want_history(case.id).expect("a story can be asked for");
            phone.field_mut().want_views(case.id).expect("views can be asked for");
        }
        phone.sync().expect("a phone whose network is sound talks");
        for case in cases {
            let shown = phone.case(case.id);
            assert_eq!(
                shown.earlier,
                0,
                "{}'s phone cannot see the whole story of {}",
                phone.field().person(),
                case.label
            );
            for photo in shown.photos {
                let here = matches!(photo.view, PictureFile::Here { .. });
                let shown_by = photo.entry;
                let counts = district.world.office().read(move |conn| {
                    judgements::get(conn, shown_by)
                        .expect("the ledger can be read")
                        .is_some_and(|judged| judged.judgement.verdict.applies())
                });
                let bare = district.book.bare.iter().any(|(_, entry, _)| *entry == shown_by);
                assert!(
                    here || !counts || bare,
                    "{}'s phone cannot see photo {}",
                    phone.field().person(),
                    photo.sha256
                );
            }
        }
    }
    district.world.check_invariants();
}

/// What a phone calls safe lies in a backup, whatever became of the office since.
pub(super) fn safe_is_in_a_backup(district: &District) {
    let office = district.world.office();
    for phone in &district.phones {
        let safe: Vec<PhotoHash> =
            read(phone.field().store(), "SELECT sha256 FROM attachment WHERE own = 1 AND safe = 1");
        for sha256 in safe {
            let person = phone.field().person();
            assert!(office.is_backed_up(&sha256), "{person}'s phone calls photo {sha256} safe, and no backup has it");
        }
    }
}

/// No replica holds what was erased, whatever became of the office since.
fn what_was_erased_is_nowhere(district: &District) {
    for id in district.book.erased.iter().copied() {
        let holds = |conn: &Connection| {
            conn.prepare("SELECT 1 FROM entry WHERE id = ?1 AND private IS NOT NULL")
                .and_then(|mut holds| holds.exists([id]))
                .expect("a store can be read")
        };
        assert!(!district.world.office().read(holds), "the private part of {id} is at the office again");
        for phone in &district.phones {
            assert!(!holds(phone.field().store()), "{}'s phone holds the private part of {id}", phone.field().person());
        }
    }
}

/// Invariant 2: what was written on a phone is at the office, and judged.
fn every_entry_is_judged(district: &District) {
    for (phone, id) in district.book.entries.clone() {
        let judged =
            district.world.office().read(move |conn| judgements::get(conn, id).expect("the ledger can be read"));
        assert!(judged.is_some(), "entry {id} of phone {phone} is not at the office");
    }
}

/// Invariant 2: what a phone was told that the office had taken, the office has, whatever it was restored to since.
fn what_was_told_stands(district: &District) {
    let known: BTreeSet<EntryId> = district
        .world
        .office()
        .read(|conn| read(conn, "SELECT id FROM entry UNION SELECT entry FROM restored_entry"))
        .into_iter()
        .collect();
    let lost: Vec<_> = district.book.told.difference(&known).collect();
    assert!(lost.is_empty(), "phones were told of entries that the office has no more: {lost:?}");
}

/// Who names the hash of a photo has not sent it: there is no receipt, and no upload that is taken for whole.
fn a_hash_alone_is_no_photo(district: &District) {
    for (phone, entry, sha256) in district.book.bare.clone() {
        let phone = &district.phones[phone];
        let Some(photo) = attached_by(phone, entry) else { continue };
        let answer = district.world.deliver(&phone.upload_of(entry, &photo), Vec::new());
        let receipt =
            district.world.office().read(move |conn| photos::receipt(conn, entry, sha256).expect("it can be read"));
        assert!(receipt.is_none(), "the office signed for photo {sha256} to a phone that never had it");
        let said = |answer: &Response, header: &str| {
            let found = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
            found.map(|(_, value)| value.clone())
        };
        let Some(upload) = said(&answer, "location") else { continue };
        let asks = Request { method: Method::Head, path: upload, ..phone.upload_of(entry, &photo) };
        let whole = said(&district.world.deliver(&asks, Vec::new()), "upload-offset") == Some(photo.bytes.to_string());
        assert!(!whole, "the office takes photo {sha256} for sent by a phone that never had it");
    }
}

/// Invariant 2: every photo that was kept is at the office, byte for byte.
fn every_photo_is_at_the_office(district: &District) {
    for (sha256, bytes) in &district.book.photos {
        let here = district.world.office().original(sha256);
        assert!(here.as_ref() == Some(bytes), "photo {sha256} is not at the office as it was taken");
    }
}

fn nothing_is_left_to_say(phone: &Phone) {
    let status = phone.field().status().expect("a phone says how it stands");
    assert_eq!(status.unsent, 0, "entries are left on {}'s phone", status.person);
    let asks = status.attention.filter(|needs| needs.code != COPIED);
    assert_eq!(asks, None, "{}'s phone asks for a person", status.person);
    let left = status.photos.saved + status.photos.sent + status.photos.judged;
    assert_eq!(left, 0, "originals are left on {}'s phone", status.person);
    let waiting: Vec<EntryId> = read(phone.field().store(), "SELECT entry FROM pending");
    for entry in waiting {
        let judged = judgements::get(phone.field().store(), entry).expect("a store can be read");
        let held = judged.is_some_and(|judged| matches!(judged.judgement.verdict, Verdict::Held { .. }));
        assert!(held, "entry {entry} of {} waits, and nobody holds it", status.person);
    }
}

/// Invariant 4, and that what a phone may see it sees: the items of its audiences, each as the office has it.
fn sees_what_it_may(district: &District, phone: &Phone) {
    let incarnation = phone.incarnation();
    let may: BTreeSet<ItemId> = district.world.office().read(move |conn| {
        let sql = "SELECT DISTINCT m.item FROM membership m JOIN granted g USING (audience) WHERE g.incarnation = ?1";
        let found = conn.prepare(sql).and_then(|mut all| all.query_map([incarnation], |row| row.get(0))?.collect());
        found.expect("the ledger can be read")
    });
    let store = phone.field().store();
    for item in &may {
        let here = items::confirmed_bytes(store, *item).expect("a store can be read");
        let item = *item;
        let there =
            district.world.office().read(move |conn| items::confirmed_bytes(conn, item).expect("it can be read"));
        assert_eq!(here, there, "{}'s phone shows item {item} otherwise than the office", phone.field().person());
    }
    let held: BTreeSet<ItemId> = read(store, "SELECT DISTINCT item FROM membership").into_iter().collect();
    assert_eq!(held, may, "{}'s phone holds other items than it may see", phone.field().person());
}

fn read<T: rusqlite::types::FromSql>(conn: &Connection, sql: &str) -> Vec<T> {
    let found = conn.prepare(sql).and_then(|mut all| all.query_map([], |row| row.get(0))?.collect());
    found.expect("a store can be read")
}
