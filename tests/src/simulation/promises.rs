//! What must have come to pass once the faults have stopped.

use std::collections::BTreeSet;

use rusqlite::Connection;
use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::store::{items, judgements};
use xuncheng_core::sync::policy::Conditions;
use xuncheng_core::sync::wait::COPIED;

use super::district::District;
use super::words;
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
    // Turns follow each other: what one phone says may concern another, and what that one says the first again.
    for _ in 0..ROUNDS {
        for phone in &mut district.phones {
            let failures = phone.sync_whatever_happens();
            assert!(failures <= 2, "a phone whose network is sound fails {failures} times");
        }
        district.world.settle();
    }
    district.world.check_invariants();
    every_entry_is_judged(district);
    every_photo_is_at_the_office(district);
    district.world.office().read(words::none_is_lost);
    for phone in &district.phones {
        nothing_is_left_to_say(phone);
        sees_what_it_may(district, phone);
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
        assert!(here == there, "{}'s phone shows item {item} otherwise than the office", phone.field().person());
    }
    let held: BTreeSet<ItemId> = read(store, "SELECT DISTINCT item FROM membership").into_iter().collect();
    assert_eq!(held, may, "{}'s phone holds other items than it may see", phone.field().person());
}

fn read<T: rusqlite::types::FromSql>(conn: &Connection, sql: &str) -> Vec<T> {
    let found = conn.prepare(sql).and_then(|mut all| all.query_map([], |row| row.get(0))?.collect());
    found.expect("a store can be read")
}
