//! What is over an office's quota stays on its phone, which says why, holds up nothing else, and sends it by itself later.

use xuncheng_core::sync::session::Action;
use xuncheng_office::Quotas;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// Carries all that goes without waiting, and gives until when the rest waits.
fn carry_all(phone: &mut Phone) -> Option<u64> {
    for _ in 0..500 {
        match phone.next_action().unwrap() {
            Action::Send { id, request } => {
                let outcome = phone.carry(&request);
                let _ = phone.completed(id, &outcome);
            }
            Action::WaitUntil { monotonic_ms } => return Some(monotonic_ms),
            Action::Done => return None,
        }
    }
    panic!("a conversation does not end");
}

fn code(phone: &Phone) -> Option<String> {
    phone.field().status().unwrap().attention.map(|attention| attention.code)
}

#[test]
fn originals_over_the_days_quota_wait_and_records_go_on() {
    let world = World::new(seed!());
    world.office().set_quotas(Quotas { device_day_bytes: 250_000, ..Quotas::default() });
    let mut li = world.enrolled("li");
    let photos: Vec<_> = (0..3)
        .map(|n| {
            let picture = li.picture(&fixtures::jpeg_of_at_least(100_000, n));
            li.capture_at("matter/09006", in_dongcheng(), vec![picture]).photos[0].sha256
        })
        .collect();
    let here = |world: &World| photos.iter().filter(|photo| world.office().original(photo).is_some()).count();
    li.field_mut().start_sync().unwrap();
    let until = carry_all(&mut li).expect("the rest waits");
    assert_eq!(here(&world), 2);
    assert_eq!(code(&li).as_deref(), Some("device_day_quota"));
    assert!(until >= li.now().monotonic_ms + 800_000, "as long as the office asks");

    // A case goes at once, with its thumbnail, and the word that the link is back changes nothing about the office's.
    li.field_mut().start_sync().unwrap();
    let case = li.capture("matter/09006").summary.id;
    assert!(carry_all(&mut li).is_some());
    assert!(world.office().view(case).is_some());
    assert_eq!(code(&li).as_deref(), Some("device_day_quota"));
    assert_eq!(here(&world), 2);

    // By itself, on another day.
    world.wait_minutes(24 * 60);
    li.sync_whatever_happens();
    assert_eq!((here(&world), code(&li)), (3, None));
    assert_eq!(li.field().status().unwrap().photos.received, 4);
    world.check_invariants();
}

#[test]
fn entries_over_the_hours_quota_wait_and_photos_go_on() {
    let world = World::new(seed!());
    world.office().set_quotas(Quotas { device_hour_entries: 6, ..Quotas::default() });
    let mut li = world.enrolled("li");
    let photo = li.capture("matter/09006").photos[0].sha256;
    li.capture("matter/09006");
    li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    super::wire::exchange(&mut li).unwrap();
    let late = li.capture("matter/09006").summary.id;
    assert!(carry_all(&mut li).is_some());
    assert!(world.office().view(late).is_none());
    assert_eq!(code(&li).as_deref(), Some("entries_quota"));
    assert!(world.office().original(&photo).is_some(), "photos of what is there go meanwhile");
    // Another person's phone is not concerned.
    let mut wang = world.enrolled("wang");
    let other = wang.capture("matter/09006").summary.id;
    wang.sync().unwrap();
    assert!(world.office().view(other).is_some());

    world.wait_minutes(61);
    assert!(carry_all(&mut li).is_none());
    assert!(world.office().view(late).is_some());
    assert_eq!(code(&li), None);
    world.check_invariants();
}
