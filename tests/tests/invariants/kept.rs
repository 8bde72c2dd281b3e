//! Invariant 2: nothing captured is lost. Invariant 4: replicas agree. Invariant 5: nothing leaves a phone too early.

use xuncheng_core::field::FieldError;
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::store::items;
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_core::sync::session::Action;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::{Phone, in_dongcheng, in_huifeng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// Every case that was captured is at the office, with every photo byte for byte, and every entry has its verdict.
fn assert_all_arrived(world: &World, phone: &Phone, captured: &[ItemId]) {
    let office = world.office();
    for item in captured {
        let view = office.view(*item).expect("a case that was captured is at the office");
        let case = phone.case(*item);
        assert!(!case.photos.is_empty());
        for photo in case.photos.iter().filter(|photo| photo.stage.is_some()) {
            assert!(view.sets["photos"].contains_key(&photo.sha256.to_string()));
            assert_eq!(office.original(&photo.sha256), phone.original(&photo.sha256), "an original is at the office");
            assert_eq!(photo.stage, Some(PhotoStage::Received));
        }
        assert!(!case.summary.pending, "nothing waits any more");
    }
    let status = phone.field().status().unwrap();
    assert_eq!((status.unsent, status.pending), (0, 0));
    assert_eq!(status.photos.saved + status.photos.sent + status.photos.judged, 0);
}

/// Invariants 2, 4 and 5: phones that are killed, whose network loses, repeats, delays, cuts and lies, whose clocks jump.
#[test]
fn nothing_captured_is_lost_whatever_happens_on_the_way() {
    let base = seed!();
    for run in 0..6 {
        let world = World::new(base + run);
        let mut li = world.enrolled("li");
        let mut wang = world.enrolled("wang");
        let mut captured = [Vec::new(), Vec::new()];
        for phone in [&li, &wang] {
            world.network(phone).weather(35);
        }
        for _ in 0..40 {
            let which = usize::try_from(world.roll(2)).unwrap();
            let phone = if which == 0 { &mut li } else { &mut wang };
            something_happens(&world, phone, &mut captured[which]);
        }
        world.check_invariants();
        for phone in [&mut li, &mut wang] {
            world.network(phone).weather(0);
            phone.clock_off_by(0);
        }
        world.office().clock_off_by(0);
        for _ in 0..2 {
            li.sync_whatever_happens();
            wang.sync_whatever_happens();
        }
        assert_all_arrived(&world, &li, &captured[0]);
        assert_all_arrived(&world, &wang, &captured[1]);
        world.check_invariants();
    }
}

fn something_happens(world: &World, phone: &mut Phone, captured: &mut Vec<ItemId>) {
    let some = |world: &World, of: &[ItemId]| {
        (!of.is_empty()).then(|| of[usize::try_from(world.roll(of.len() as u64)).unwrap()])
    };
    match world.roll(12) {
        0..=2 => {
            let place = if world.roll(2) == 0 { in_dongcheng() } else { in_huifeng() };
            let pictures = (0..=world.roll(2)).map(|_| phone.new_picture()).collect();
            captured.push(phone.capture_at("matter/09006", place, pictures).summary.id);
        }
        3 => {
            if let Some(item) = some(world, captured) {
                phone.describe(item, &format!("改 {}", world.roll(1000))).unwrap();
            }
        }
        4 => {
            if let Some(item) = some(world, captured) {
                phone.comment(item, "还在").unwrap();
            }
        }
        5..=7 => {
            // Whatever it says: nothing may be lost by it.
            let _ = phone.sync();
        }
        8 => phone.die_while_sending(),
        9 => phone.reboot(),
        10 => {
            let years = i64::try_from(world.roll(3)).unwrap() - 1;
            phone.clock_off_by(years * YEAR_MS);
            world.office().clock_off_by((i64::try_from(world.roll(3)).unwrap() - 1) * YEAR_MS);
            world.wait_minutes(world.roll(600));
        }
        _ => {
            world.office().stop();
            world.office().start();
        }
    }
}

/// Invariant 2.
#[test]
fn each_way_to_fail_alone_loses_nothing() {
    let faults = [
        Fault::LoseRequest,
        Fault::LoseAnswer,
        Fault::Twice,
        Fault::Late,
        Fault::CutRequest(0),
        Fault::CutRequest(1),
        Fault::CutRequest(700),
        Fault::TruncateAnswer(0),
        Fault::TruncateAnswer(100),
        Fault::Portal,
        Fault::Status(413),
        Fault::Status(500),
        Fault::Status(404),
    ];
    let base = seed!();
    // Each of the first requests of a conversation (entries, thumbnails, original, receipts) meets each fault.
    for before in 0..4 {
        let world = World::new(base + before);
        let mut li = world.enrolled("li");
        let mut captured = Vec::new();
        for fault in faults {
            captured.push(li.capture("matter/09006").summary.id);
            // Those before it go well: a duplicate does no harm and is none of the faults that end a conversation.
            let mut plan = vec![Fault::Twice; usize::try_from(before).unwrap()];
            plan.push(fault);
            world.network(&li).next(&plan);
            li.sync_whatever_happens();
            assert_all_arrived(&world, &li, &captured);
        }
        world.check_invariants();
    }
}

/// Invariant 2: a portal's page is never taken for the office's word, whatever it answers.
#[test]
fn a_captive_portal_is_never_taken_for_the_office() {
    let world = World::new(seed!());
    let mut li = world.phone("li");
    let case = li.capture("matter/09006");
    world.network(&li).next(&[Fault::Portal]);
    let error = li.enrol(&world.office().code("li")).unwrap_err();
    assert!(matches!(error, FieldError::Sync(_)), "{error}");
    assert_eq!(li.field().office().unwrap().map(|office| office.url), None);
    li.enrol(&world.office().code("li")).unwrap();
    for _ in 0..5 {
        world.network(&li).next(&[Fault::Portal]);
        let error = li.sync().unwrap_err().to_string();
        assert!(error.contains("captive portal"), "{error}");
        assert_eq!(li.field().status().unwrap().unsent, 2);
        assert_eq!(li.case(case.summary.id).photos[0].stage, Some(PhotoStage::Saved));
    }
    li.sync().unwrap();
    assert_all_arrived(&world, &li, &[case.summary.id]);
    world.check_invariants();
}

/// Invariant 2: clocks that are a year off, at either side, in either direction.
#[test]
fn a_clock_that_is_a_year_off_loses_nothing() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut captured = Vec::new();
    for (phone_off, office_off) in [(YEAR_MS, 0), (-YEAR_MS, 0), (0, YEAR_MS), (0, -YEAR_MS), (YEAR_MS, -YEAR_MS)] {
        li.clock_off_by(phone_off);
        world.office().clock_off_by(office_off);
        captured.push(li.capture("matter/09006").summary.id);
        world.network(&li).next(&[Fault::LoseAnswer]);
        li.sync_whatever_happens();
        assert_all_arrived(&world, &li, &captured);
        world.check_invariants();
    }
}

/// Invariant 2: a phone never stops retrying, and never waits longer than a quarter of an hour; a reboot ends any wait.
#[test]
fn no_wait_is_longer_than_a_quarter_of_an_hour_and_none_survives_a_reboot() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.capture("matter/09006");
    for _ in 0..40 {
        world.network(&li).next(&[Fault::Status(500)]);
        li.sync().unwrap_err();
        if let Action::WaitUntil { monotonic_ms } = li.next_action().unwrap() {
            assert!(monotonic_ms <= li.now().monotonic_ms + 15 * 60_000);
            li.reboot();
            assert!(matches!(li.next_action().unwrap(), Action::Send { .. }));
        }
    }
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().unsent, 0);
}

/// Invariant 4: after any exchange two phones that hold a case at one version hold the same bytes, and so does the office.
#[test]
fn replicas_at_the_same_version_hold_the_same_bytes() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut wang = world.enrolled("wang");
    let mut chen = world.enrolled("chen");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    wang.sync().unwrap();
    for round in 0..4 {
        // From dispatch on only the office corrects a case.
        if round < 2 {
            li.describe(case, &format!("第{round}次看")).unwrap();
        }
        world.office().edit("zhang", case, &[("description", format!("受理员改 {round}").into())]).unwrap();
        li.comment(case, "看过").unwrap();
        if round == 1 {
            world.office().file_and_dispatch(case, "shizheng");
        }
        for phone in [&mut chen, &mut li, &mut wang] {
            phone.sync().unwrap();
        }
        world.check_invariants();
    }
    for phone in [&mut li, &mut wang, &mut chen] {
        phone.sync().unwrap();
    }
    let office = world.office().read(move |conn| items::confirmed_bytes(conn, case).unwrap());
    assert!(office.is_some());
    for phone in [&li, &wang, &chen] {
        assert_eq!(items::confirmed_bytes(phone.field().store(), case).unwrap(), office);
        assert_eq!(serde_json::to_string(&phone.case(case).view).ok(), office, "and show nothing else");
    }
    let losers = world.office().view(case).unwrap().losers;
    assert!(!losers.is_empty(), "values that did not win are kept beside");
}

/// Invariant 5: an office that makes no backups makes nothing safe, and a phone keeps every original.
#[test]
fn without_a_backup_nothing_is_safe_and_every_original_stays() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let cases: Vec<ItemId> = (0..3).map(|_| li.capture("matter/09006").summary.id).collect();
    li.sync().unwrap();
    world.office().file_and_dispatch(cases[0], "chengguan");
    world.wait_minutes(60 * 24 * 400);
    li.sync().unwrap();
    let status = li.field().status().unwrap();
    assert_eq!(status.office_has_backups, Some(false));
    assert_eq!((status.photos.received, status.photos.safe), (3, 0));
    for case in cases {
        assert!(li.case(case).photos.iter().all(|photo| li.original(&photo.sha256).is_some()));
    }
    world.check_invariants();
}

/// Invariant 2: a held or rejected capture stays with its author, with its reason, and its photos still go to the office.
#[test]
fn what_the_office_refuses_stays_with_its_author() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    // Revoked while it was offline: what it captured since is held.
    let kept = li.capture("matter/09006");
    world.office().revoke(li.incarnation());
    li.sync().unwrap();
    assert!(li.holds(kept.summary.id), "a held capture stays in its author's list");
    let refused = li.field().status().unwrap().refused;
    assert_eq!(refused.len(), 2, "the Open and its photo: {refused:?}");
    assert!(refused.iter().all(|entry| matches!(entry.verdict, Verdict::Held { .. })));
    let photo = kept.photos[0].sha256;
    assert_eq!(world.office().original(&photo), li.original(&photo), "its photo is evidence all the same");
    assert!(world.office().view(kept.summary.id).is_none());
    assert!(world.office().view(case).is_some());
    world.check_invariants();
}
