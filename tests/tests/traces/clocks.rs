//! How far a phone's clock is off is shown on both sides, and changes nothing that anybody wrote. When something happened is a
//! stretch of the office's time, and an honest capture lies within it whatever fails (docs/protocol.md, 11).

use xuncheng_core::clock::Moment;
use xuncheng_core::id::EntryId;
use xuncheng_core::journal::interval::{Interval, When};
use xuncheng_core::store::entries;
use xuncheng_tests::network::{Fault, Pace};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::recovery::{own_entry, sync_all};

fn when(world: &World, entry: EntryId) -> When {
    world.office().read(|conn| {
        let entry = entries::get(conn, entry).unwrap().unwrap();
        When::of_entry(conn, &entry, &entry.read_header().unwrap()).unwrap().unwrap()
    })
}

fn holds(interval: Interval, at: Moment) -> bool {
    interval.earliest.is_none_or(|earliest| earliest <= at) && at <= interval.latest
}

/// That the clocks agree, and that the truth lies within what they say; how many milliseconds that leaves.
fn assert_true(world: &World, entry: EntryId, happened: Moment) -> i64 {
    let when = when(world, entry);
    assert!(holds(when.proven, happened), "{when:?} {happened:?}");
    let claimed = when.claimed.expect("honest clocks agree");
    assert!(holds(claimed, happened), "{claimed:?} {happened:?}");
    claimed.latest.unix_ms() - claimed.earliest.expect("there was an exchange before").unix_ms()
}

/// The answer to a batch is lost, and hours later a part of it is sent again under another signature: that says nothing of when the
/// first was received.
#[test]
fn a_batch_that_comes_again_in_part_moves_nobodys_capture() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    // A clock that is a year off, and nobody minds.
    li.clock_off_by(366 * 86_400_000);
    world.wait_minutes(5);
    let happened = world.wall();
    let cases = [li.capture("matter/09006"), li.capture("matter/09006")];
    world.wait_minutes(5);
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.sync().unwrap_err();
    world.wait_minutes(180);
    li.exchanges_of(1);
    li.sync_whatever_happens();
    let seals: u64 = world.office().read(|conn| {
        let sql = "SELECT count(*) FROM batch_seal WHERE incarnation = ?1";
        conn.query_row(sql, [li.incarnation()], |row| row.get(0)).unwrap()
    });
    assert!(seals >= 2, "a part came again under a signature of its own");
    for entry in cases.iter().flat_map(|case| &case.entries) {
        let width = assert_true(&world, entry.id, happened);
        assert!(width < 60_000, "{width} ms");
    }
    world.check_invariants();
}

/// A colleague brings a capture back to a restored office days before its author's chain comes.
#[test]
fn what_others_brought_back_first_happened_when_it_did() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let case = wang.capture("component/01001").summary.id;
    sync_all(&mut [&mut wang, &mut li]);
    world.office().back_up();
    world.wait_minutes(5);
    let happened = world.wall();
    let entry = own_entry(&wang.comment(case, "还在原处").unwrap());
    sync_all(&mut [&mut wang, &mut li]);
    world.wait_minutes(60);
    world.office().restore(None);
    li.sync_whatever_happens();
    assert!(world.office().read(|conn| entries::get(conn, entry).unwrap()).is_some(), "a colleague brought it");
    world.wait_minutes(2 * 24 * 60);
    sync_all(&mut [&mut wang, &mut li]);
    assert_true(&world, entry, happened);
    world.check_invariants();
}

#[test]
fn a_clock_that_is_off_is_shown_and_never_corrected() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    // 1 Mbit/s, there and back in 300 ms.
    world.network(&li).pace(Some(Pace { bytes_per_second: 125_000, one_way_ms: 150 }));
    for off_ms in [0_i64, 95_000, -95_000, 366 * 86_400_000, -366 * 86_400_000] {
        li.clock_off_by(off_ms);
        let said = li.now().wall;
        let case = li.capture("matter/09006");
        for _ in 0..3 {
            li.sync().unwrap();
        }
        let clock = li.field().status().unwrap().clock.expect("there were exchanges");
        assert!((clock.ahead_ms + off_ms).abs() <= clock.within_ms, "{off_ms}: {clock:?}");
        assert!(clock.within_ms <= 200, "{clock:?}");
        // The office sees the same, but for the way to it.
        let device = li.incarnation();
        let seen: i64 = world.office().read(move |conn| {
            let sql = "SELECT ahead_ms FROM office_clock WHERE incarnation = ?1 ORDER BY request DESC LIMIT 1";
            conn.query_row(sql, [device], |row| row.get(0)).unwrap()
        });
        if off_ms >= 0 {
            // Numbers of requests follow the wall clock, and the last ones count: a clock that went back goes on above them.
            assert!((seen + off_ms).abs() <= 400, "{off_ms}: {seen}");
        }
        // What was written says what the clock said, in order or not.
        assert_eq!(case.summary.occurred_at.to_minute(), said.to_minute());
        let kept = li.case(case.summary.id);
        let in_order = off_ms.abs() < 86_400_000;
        assert_eq!(kept.summary.occurred_at.to_minute() == said.to_minute(), in_order || off_ms < 0, "{off_ms}");
    }
    world.check_invariants();
}
