//! How far a phone's clock is off is shown on both sides, and changes nothing that anybody wrote.

use xuncheng_tests::network::Pace;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

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
