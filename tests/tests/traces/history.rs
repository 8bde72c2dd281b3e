//! Traces of what a phone keeps of a story, and for how long: judged entries stay until a verified backup holds them, then the
//! office's snapshot stands for them; what is over leaves; and whoever wants to see all of it can.

use rusqlite::Connection;
use serde_json::Value;
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::audit;
use xuncheng_core::limits;
use xuncheng_core::store::{entries, feeds, history, items, meta};
use xuncheng_core::sync::session::Outcome;
use xuncheng_core::sync::wire::Keep;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

const DAY_MINUTES: u64 = 24 * 60;

fn of_others(phone: &Phone, item: ItemId) -> usize {
    history::of_others(phone.field().store(), item).unwrap().len()
}

fn count(conn: &Connection, sql: &str) -> u64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A case of 王巡查 that 李巡查 holds, with so many corrections of the desk that came one by one.
fn corrected(world: &World, corrections: usize) -> (Phone, Phone, ItemId) {
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let picture = vec![wang.new_picture()];
    let item = wang.capture_at("component/01001", in_dongcheng(), picture).summary.id;
    wang.sync().unwrap();
    li.sync().unwrap();
    for n in 0..corrections {
        world.office().edit("zhang", item, &[("description", Value::from(format!("第{n}版")))]).unwrap();
    }
    li.sync().unwrap();
    (wang, li, item)
}

/// Judged entries stay until a backup holds them; then all but the newest leave, and the office's signed snapshot stands for them.
/// The whole story can be had again.
#[test]
fn judged_entries_stay_until_they_are_safe_and_can_be_had_again() {
    let world = World::new(seed!());
    world.office().set_keep(Keep { entries: 3, ..Keep::default() });
    let (_wang, mut li, item) = corrected(&world, 12);
    let applied = world.office().read(move |conn| items::applied(conn, item).unwrap());
    for _ in 0..3 {
        li.sync().unwrap();
    }
    assert!(of_others(&li, item) >= 12, "no backup holds them");
    world.office().back_up();
    // Two more that the backup does not hold.
    for text in ["甲", "乙"] {
        world.office().edit("zhang", item, &[("description", Value::from(text))]).unwrap();
    }
    li.sync().unwrap();
    assert_eq!(of_others(&li, item), 3, "the two that are not safe are among the newest");
    let shown = li.case(item);
    assert_eq!((shown.summary.description.as_str(), shown.earlier), ("乙", applied.len() as u64 + 2 - 3));
    world.check_invariants();

    li.field_mut().want_history(item).unwrap();
    li.sync().unwrap();
    let whole = li.case(item);
    assert_eq!((whole.earlier, whole.entries.len()), (0, applied.len() + 2));
    world.check_invariants();
    world.office().back_up();
    li.sync().unwrap();
    assert_eq!(of_others(&li, item), 3, "and leaves again");
    world.check_invariants();
}

/// What no backup holds stays, also where more of it has come than a phone keeps.
#[test]
fn what_came_after_the_backup_stays() {
    let world = World::new(seed!());
    world.office().set_keep(Keep { entries: 0, ..Keep::default() });
    let (_wang, mut li, item) = corrected(&world, 2);
    world.office().back_up();
    for n in 0..5 {
        world.office().edit("zhang", item, &[("description", Value::from(format!("后{n}")))]).unwrap();
    }
    li.sync().unwrap();
    li.sync().unwrap();
    assert_eq!(of_others(&li, item), 5);
    world.check_invariants();
}

/// `safe_through` counts in each feed of the reader, and is told once for each backup: an idle exchange stays one small round trip.
#[test]
fn safe_through_counts_in_the_readers_own_feeds() {
    let world = World::new(seed!());
    let (_wang, mut li, _) = corrected(&world, 2);
    world.office().back_up();
    li.sync().unwrap();
    let conn = li.field().store();
    let positions = feeds::positions(conn).unwrap();
    for (audience, position) in &positions {
        assert!(feeds::safe(conn, audience).unwrap() <= *position, "{audience}");
    }
    let told = count(conn, "SELECT count(*) FROM feed_safe");
    assert_eq!(told, positions.len() as u64, "of no other feed");
    assert!(meta::get::<Value>(conn, meta::key::BACKUP).unwrap().is_some());
    world.network(&li).clear_log();
    li.sync().unwrap();
    let log = world.network(&li).log();
    let Outcome::Answered(answer) = &log[0].outcome else { panic!("{:?}", log[0]) };
    let (sent, came) = (log[0].sent.len(), answer.body.len());
    assert!(log.len() == 1 && sent <= 1024 + 512, "{} requests, {sent} bytes there, {came} back", log.len());
}

/// A case that is over leaves its reporter's phone after its days; once all of it is safe its entries and pictures leave too. The
/// chain goes on, and the office has everything.
#[test]
fn what_is_over_leaves_and_the_chain_goes_on() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let (over, open) = (li.capture("matter/09006").summary.id, li.capture("matter/09006").summary.id);
    li.sync().unwrap();
    li.withdraw(over).unwrap();
    li.sync().unwrap();
    world.wait_minutes(100 * DAY_MINUTES);
    li.sync().unwrap();
    assert!(!li.holds(over) && li.holds(open), "one is over");
    let whole = |li: &Phone| count(li.field().store(), "SELECT count(*) FROM entry WHERE incarnation IS NOT NULL");
    assert_eq!(whole(&li), 5, "no backup holds what was written");
    world.office().back_up();
    li.sync().unwrap();
    world.wait_minutes(31 * DAY_MINUTES);
    li.sync().unwrap();
    li.sync().unwrap();
    assert_eq!(whole(&li), 2, "those of the open case");
    let conn = li.field().store();
    assert_eq!(count(conn, "SELECT count(*) FROM attachment"), 1);
    assert_eq!(entries::own_count(conn).unwrap(), 5, "their places stay");
    let key = xuncheng_core::crypto::SoftwareKey::load(&li.folder().join("device.key")).unwrap();
    assert_eq!(audit::chain(conn, li.incarnation(), &key.public_key(), 5).unwrap(), 5, "the last one of them too");
    world.check_invariants();

    // It goes on, also from a restart on, and all of it arrives.
    li.kill_and_restart();
    li.comment(open, "还在").unwrap();
    let new = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    assert!(world.office().view(new).is_some());
    audit::chain(li.field().store(), li.incarnation(), &key.public_key(), 8).unwrap();
    world.check_invariants();
}

/// What happens to a case that has left brings it back.
#[test]
fn what_is_over_comes_back_when_something_happens() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    // The link is gone after the entries: the original comes much later.
    let late = li.capture("matter/09006").summary.id;
    li.field_mut().start_sync().unwrap();
    if let xuncheng_core::sync::session::Action::Send { id, request } = li.next_action().unwrap() {
        let outcome = li.carry(&request);
        li.completed(id, &outcome).unwrap();
    }
    world.office().step("zhang", late, xuncheng_core::work::case::CaseStep::Decline, &[("reason", "不属实")]).unwrap();
    world.wait_minutes(100 * DAY_MINUTES);
    let mut other = world.enrolled("wang");
    other.sync().unwrap();
    li.field_mut().start_sync().unwrap();
    li.sync().unwrap();
    li.sync().unwrap();
    assert!(li.holds(late), "its original has arrived, which is news of it");
    assert!(li.holds(item));
    world.check_invariants();
}

/// After a restore of an older backup the office asks for entries that left as safe: the phone goes on without them, and what it
/// writes arrives.
#[test]
fn entries_that_left_and_are_asked_for_hold_up_nothing() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let over = li.capture("matter/09006").summary.id;
    li.withdraw(over).unwrap();
    li.sync().unwrap();
    world.office().back_up();
    li.sync().unwrap();
    world.wait_minutes(131 * DAY_MINUTES);
    for _ in 0..3 {
        li.sync().unwrap();
    }
    assert!(entries::has_left(li.field().store(), li.incarnation(), 0).unwrap());
    // As if the office had answered with the head of an older backup.
    let tx = li.field().store().unchecked_transaction().unwrap();
    meta::set(&tx, meta::key::THROUGH, &1).unwrap();
    tx.commit().unwrap();
    let before = li.incarnation();
    let new = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    assert!(li.incarnation() != before && world.office().view(new).is_some());
    assert_eq!(li.field().status().unwrap().unsent, 0);
}

/// A phone's size follows its work: after years of cases that are over it is no larger than after the first.
#[test]
fn a_phone_does_not_grow_with_the_years() {
    const CASES: u64 = 15;
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut sizes = Vec::new();
    for _ in 0..5 {
        for _ in 0..CASES {
            let item = li.capture("matter/09006").summary.id;
            li.withdraw(item).unwrap();
        }
        li.sync().unwrap();
        world.office().back_up();
        li.sync().unwrap();
        world.wait_minutes(131 * DAY_MINUTES);
        for _ in 0..3 {
            li.sync().unwrap();
        }
        let conn = li.field().store();
        assert_eq!(count(conn, "SELECT count(*) FROM item WHERE kind = 'case'"), 0);
        let pages = count(conn, "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count");
        let page = count(conn, "SELECT page_size FROM pragma_page_size");
        sizes.push(pages * page + photo_bytes(&li));
    }
    let grown = sizes[4].saturating_sub(sizes[0]);
    // Of an own entry there stay its place, its id and its hash: some hundred bytes with their indexes.
    let entries = 4 * CASES * 3;
    assert!(grown / entries < 600, "{} bytes for each entry of the past: {sizes:?}", grown / entries);
    eprintln!("bytes after each of five rounds of {CASES} cases: {sizes:?}");
    world.check_invariants();
}

fn photo_bytes(phone: &Phone) -> u64 {
    let mut bytes = 0;
    let mut folders = vec![phone.field().photos().root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.metadata().unwrap();
            if kind.is_dir() { folders.push(entry.path()) } else { bytes += kind.len() }
        }
    }
    bytes
}

/// Stories that do not fit into one page together come with the next ones: that one had no room does not mean that it is not for
/// this phone.
#[test]
fn stories_that_do_not_fit_a_page_come_with_the_next() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let text = |n: usize| format!("第{n}次：{}", "井盖周边路面塌陷，已设围挡。".repeat(60));
    let items: Vec<ItemId> = (0..3)
        .map(|_| {
            let picture = vec![wang.new_picture()];
            let item = wang.capture_at("component/01001", in_dongcheng(), picture).summary.id;
            for n in 0..40 {
                wang.comment(item, &text(n)).unwrap();
            }
            item
        })
        .collect();
    wang.sync().unwrap();
    // A phone that comes later is told what the cases are, and not how they came to be so.
    let mut li = world.enrolled("li");
    li.exchanges_of(limits::PAGE_BYTES_MIN as u64);
    for item in &items {
        assert!(li.case(*item).earlier > 40);
        li.field_mut().want_history(*item).unwrap();
    }
    li.sync().unwrap();
    for item in items {
        assert_eq!(li.case(item).earlier, 0, "of {item} the story was not asked for again");
    }
}
