//! What each version left, opened and gone on with by this one: nothing is lost, nothing is shown otherwise. The files lie in
//! `tests/fixtures`, made by the versions themselves (`xuncheng_tests::upgrade`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::audit;
use xuncheng_core::store::{entries, photos};
use xuncheng_office::devices;
use xuncheng_tests::phone::Phone;
use xuncheng_tests::seed;
use xuncheng_tests::simulation::{Plan, promises};
use xuncheng_tests::upgrade::{self, Left, NotedPhone};
use xuncheng_tests::world::World;

/// Lets `test` have what each version left.
fn each(mut test: impl FnMut(Left)) {
    each_drawn(|left, _| test(left));
}

/// As [`each`], with the seed that it draws from: one replays all of it.
fn each_drawn(mut test: impl FnMut(Left, u64)) {
    let files = upgrade::files();
    assert!(!files.is_empty(), "a version left something");
    for file in files {
        eprintln!("{}", file.display());
        let seed = seed!();
        test(Left::unpack(&file, seed), seed);
    }
}

/// Phones that never met the office meet it now.
fn enrol_all(left: &mut Left) {
    let office = left.district.world.office();
    for phone in &mut left.district.phones {
        if phone.field().office().unwrap().is_none() {
            let code = office.code(phone.field().person().as_str());
            phone.enrol(&code).unwrap();
        }
    }
}

/// Everything that was noted is there; a later version may show more beside it.
fn assert_shows(now: &Value, noted: &Value, what: &str) {
    match (now, noted) {
        (Value::Object(now), Value::Object(noted)) => {
            for (name, noted) in noted {
                let now = now.get(name).unwrap_or_else(|| panic!("{what}/{name} is gone"));
                assert_shows(now, noted, &format!("{what}/{name}"));
            }
        }
        (Value::Array(now), Value::Array(noted)) => {
            assert_eq!(now.len(), noted.len(), "{what}");
            for (number, (now, noted)) in now.iter().zip(noted).enumerate() {
                assert_shows(now, noted, &format!("{what}/{number}"));
            }
        }
        (now, noted) => assert_eq!(now, noted, "{what}"),
    }
}

fn assert_all_show(now: &BTreeMap<ItemId, Value>, noted: &BTreeMap<ItemId, Value>, who: &str) {
    assert!(now.keys().eq(noted.keys()), "{who} has other items");
    for (now, (item, noted)) in now.values().zip(noted) {
        assert_shows(now, noted, &format!("{who}: item {item}"));
    }
}

/// Every chain at the office replays from its first entry, and every item from its judgements.
fn assert_replays(world: &World) {
    world.office().read(|conn| {
        for device in devices::list(conn).unwrap() {
            let through = entries::head(conn, device.incarnation).unwrap().seq;
            audit::chain(conn, device.incarnation, &device.key, through).unwrap();
        }
        let items: Vec<ItemId> = conn
            .prepare("SELECT id FROM item")
            .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
            .unwrap();
        for item in items {
            audit::item(conn, item).unwrap();
        }
    });
}

#[test]
fn what_an_earlier_version_left_is_shown_as_it_was() {
    each(|left| {
        for (phone, (name, noted)) in left.district.phones.iter().zip(&left.noted.phones) {
            let now = NotedPhone::of(phone);
            assert_eq!((now.enrolled, now.unsent), (noted.enrolled, noted.unsent), "{name}");
            assert_eq!((now.entries, now.photos), (noted.entries.clone(), noted.photos.clone()), "{name}");
            assert_eq!(now.refused, noted.refused, "{name}");
            assert_all_show(&now.shown, &noted.shown, name);
            assert_all_show(&now.confirmed, &noted.confirmed, name);
        }
        assert_all_show(&upgrade::of_office(&left.district.world), &left.noted.office, "the office");
        assert_replays(&left.district.world);
        left.district.world.check_invariants();
    });
}

/// Invariant 2, over the change of a version: what waited on phones, half sent or not at all, arrives and is judged.
#[test]
fn what_an_earlier_version_left_arrives_whole() {
    each(|mut left| {
        let unsent: u64 = left.noted.phones.values().map(|phone| phone.unsent).sum();
        assert!(unsent > 0, "something waits to be sent");
        enrol_all(&mut left);
        promises::kept(&mut left.district);
        assert_replays(&left.district.world);
        // What was there before is in it still: nothing that an earlier version judged was judged anew.
        let office = upgrade::of_office(&left.district.world);
        for (item, noted) in &left.noted.office {
            let count = |view: &Value| view["version"]["count"].as_u64().unwrap();
            assert!(count(&office[item]) >= count(noted), "item {item} went back");
        }
    });
}

/// Invariant 2: an update of the app finds hundreds of entries that wait, written by a version with other tables; a network
/// that fails every third time is no reason to lose one.
#[test]
fn a_full_queue_goes_on_through_an_update_of_the_app() {
    each(|mut left| {
        enrol_all(&mut left);
        let queue = |phone: &Phone| phone.field().status().unwrap().unsent;
        let phone = left.district.phones.iter_mut().max_by_key(|phone| queue(phone)).unwrap();
        assert!(queue(phone) >= 200, "a full queue has hundreds of entries");
        let written = phone.field().status().unwrap().entries;
        // What is added now goes the same way, after what was there.
        phone.capture("matter/09006");
        phone.link().weather(33);
        phone.sync_whatever_happens();
        phone.link().weather(0);
        phone.kill_and_restart();
        phone.sync_whatever_happens();
        let status = phone.field().status().unwrap();
        assert_eq!((status.unsent, status.pending, status.entries), (0, 0, written + 2));
        assert_eq!((status.photos.saved, status.photos.sent, status.photos.judged), (0, 0, 0));
        left.district.world.check_invariants();
        promises::kept(&mut left.district);
    });
}

/// What an earlier version had sent of an original is not sent again.
#[test]
fn half_an_upload_goes_on_where_an_earlier_version_was() {
    each(|mut left| {
        let uploads = left.district.world.office().folder().join("uploads");
        let files = fs::read_dir(uploads).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        let there: u64 = files.sum();
        assert!(there > 0, "the office has a part of an original");
        let sender = |phone: &Phone| {
            let away = phone.field().status().unwrap().bytes_sent;
            let owed = photos::own(phone.field().store()).unwrap().into_iter().filter(|photo| !photo.received);
            let bytes: u64 = owed.map(|photo| phone.original(&photo.sha256).unwrap().len() as u64).sum();
            (bytes > there && away > 0).then_some(bytes)
        };
        let (phone, owed) =
            left.district.phones.iter_mut().find_map(|phone| sender(phone).map(|bytes| (phone, bytes))).unwrap();
        phone.sync().unwrap();
        assert_eq!(phone.photo_bytes_sent() as u64, owed - there, "the rest was sent, and nothing else");
    });
}

/// A district that was taken over goes on like any other: with faults, copies, and changes of roles.
#[test]
fn anything_may_happen_after_an_upgrade() {
    each_drawn(|mut left, seed| {
        enrol_all(&mut left);
        let plan = Plan::draw(seed);
        for (number, event) in plan.events() {
            left.district.play(number, event);
        }
        promises::kept(&mut left.district);
        assert_replays(&left.district.world);
    });
}

/// A backup that an earlier version made is restored by this one, with all that was in it.
#[test]
fn a_backup_of_an_earlier_version_is_restored() {
    each(|left| {
        let root = left.district.world.folder().to_owned();
        let data = root.join("restored");
        let report = xuncheng_office::restore(&root.join("backups"), &data, true).unwrap();
        assert!(report.entries > 0 && report.photos > 0 && report.missing.is_empty(), "{report:?}");
        let ledger = xuncheng_core::store::open_reader(&data.join("ledger.sqlite")).unwrap();
        let items: Vec<ItemId> = ledger
            .prepare("SELECT id FROM item")
            .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
            .unwrap();
        assert!(!items.is_empty() && items.iter().all(|item| left.noted.office.contains_key(item)));
        for item in items {
            audit::item(&ledger, item).unwrap();
        }
    });
}
