//! Traces of two drivers of one store: the app, and a worker in the background that the platform starts meanwhile.

use std::sync::Barrier;

use xuncheng_core::clock::Seed;
use xuncheng_core::field::Field;
use xuncheng_core::id::Nonce;
use xuncheng_core::store::feeds;
use xuncheng_core::store::list::Query;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::sync::session::{Action, Method, Outcome, Request, Response};
use xuncheng_core::sync::wire::Problem;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::wire::{next, next_upload};

/// `late_response_of_old_epoch`, within one branch: two drivers of one store; whichever answer comes late does nothing.
#[test]
fn late_response_of_two_drivers() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.field_mut().start_sync().unwrap();
    // Both drivers ask, and are told the same action.
    let (first, one) = next(&mut li);
    let (second, other) = next(&mut li);
    assert_eq!(first, second);
    let slow = li.carry(&one);
    let quick = li.carry(&other);
    li.completed(second, &quick).unwrap();
    li.describe(case, "慢的那个还没到").unwrap();
    li.sync().unwrap();
    let through: Option<u64> = meta::get(li.field().store(), key::THROUGH).unwrap();
    let positions = feeds::positions(li.field().store()).unwrap();
    // The slow one reports after all of it: with its answer, and then with a failure.
    li.completed(first, &slow).unwrap();
    li.completed(first, &Outcome::Failed("timed out".to_owned())).unwrap();
    assert_eq!(meta::get::<u64>(li.field().store(), key::THROUGH).unwrap(), through);
    assert_eq!(feeds::positions(li.field().store()).unwrap(), positions);
    assert!(matches!(li.next_action().unwrap(), Action::Done), "and no wait was begun");
    world.check_invariants();
}

/// `late_response_of_old_epoch`, uploads: two drivers send the same piece; one of them is told where the office stands.
#[test]
fn two_drivers_of_one_upload_end_in_equality() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    let case = li.capture_at("matter/09006", in_dongcheng(), vec![picture]);
    li.field_mut().start_sync().unwrap();
    for _ in 0..200 {
        let Action::Send { id, request } = li.next_action().unwrap() else { break };
        let first = li.carry(&request);
        let second = li.carry(&request);
        // The second answer of a piece is an offset conflict; either may be the one that is reported.
        let reported = if world.roll(2) == 0 { first } else { second };
        li.completed(id, &reported).unwrap();
    }
    li.sync_whatever_happens();
    let photo = case.photos[0].sha256;
    assert_eq!(world.office().original(&photo), li.original(&photo));
    world.check_invariants();
}

/// A driver between two of its steps.
enum Hand {
    Empty,
    Holds(Nonce, Request),
    Reports(Nonce, Outcome),
    Done,
}

/// One step of a driver: it asks what to do, sends it, or reports what came of it.
fn step(driver: &mut Phone, hand: Hand) -> Hand {
    match hand {
        Hand::Empty => match driver.next_action().unwrap() {
            Action::Send { id, request } => Hand::Holds(id, request),
            Action::WaitUntil { .. } => panic!("nothing failed, and there is nothing to wait for"),
            Action::Done => Hand::Done,
        },
        Hand::Holds(id, request) => Hand::Reports(id, driver.carry(&request)),
        Hand::Reports(id, outcome) => {
            driver.completed(id, &outcome).expect("what the other one did meanwhile is no failure");
            Hand::Empty
        }
        Hand::Done => Hand::Done,
    }
}

/// Both drivers carry all that one store has, taking their steps as `turn` says; a case more is captured on the way.
fn drain_with_two(world: &World, mut turn: impl FnMut(&mut [(Phone, Hand); 2])) {
    let mut app = world.enrolled("li");
    let picture = app.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    app.capture_at("matter/09006", in_dongcheng(), vec![picture]);
    let mut drivers = [app.opened_again(), app.opened_again()].map(|driver| (driver, Hand::Empty));
    for (driver, _) in &mut drivers {
        driver.field_mut().start_sync().unwrap();
    }
    let mut turns = 0;
    while !drivers.iter().all(|(_, hand)| matches!(hand, Hand::Done)) {
        turns += 1;
        assert!(turns < 1000, "they keep each other from going on");
        if turns == 9 {
            app.capture("matter/09006");
        }
        turn(&mut drivers);
    }
    assert_all_arrived(world, &app);
}

/// The steps of two drivers fall between each other's anyhow: everything goes, and neither waits or calls for a person.
#[test]
fn two_drivers_whose_steps_are_mixed_drain_everything() {
    let world = World::new(seed!());
    drain_with_two(&world, |drivers| {
        let (driver, hand) = &mut drivers[usize::from(world.roll(2) == 1)];
        *hand = step(driver, std::mem::replace(hand, Hand::Done));
    });
}

/// Each driver asks for more while the other still has something to report: neither keeps the other from going on.
#[test]
fn two_drivers_that_ask_before_the_other_has_reported_drain_everything() {
    let world = World::new(seed!());
    let mut whose = 0;
    drain_with_two(&world, |drivers| {
        let (driver, hand) = &mut drivers[whose];
        whose = 1 - whose;
        loop {
            *hand = step(driver, std::mem::replace(hand, Hand::Done));
            if matches!(hand, Hand::Reports(..) | Hand::Done) {
                break;
            }
        }
    });
}

/// All is at the office, and nobody is called.
fn assert_all_arrived(world: &World, phone: &Phone) {
    let status = phone.field().status().unwrap();
    let cases = phone.field().cases(&Query::default(), None, 20).unwrap().cases;
    assert_eq!((status.unsent, status.pending), (0, 0));
    assert_eq!(status.photos.received, cases.len() as u64);
    assert_eq!(status.attention, None);
    world.check_invariants();
}

/// Both report the answer to the same request at the same moment: one applies it, and the other is not in the way.
#[test]
fn an_answer_that_both_drivers_report_at_once_is_taken_once() {
    let world = World::new(seed!());
    let mut app = world.enrolled("li");
    for _ in 0..10 {
        app.capture("matter/09006");
        app.field_mut().start_sync().unwrap();
        let (id, request) = next(&mut app);
        let outcome = app.carry(&request);
        let both = Barrier::new(2);
        let reports = [1, 2].map(|n| (Field::open(app.folder()).unwrap(), app.now(), Seed::from_bytes([n; 32])));
        std::thread::scope(|scope| {
            for (mut field, now, seed) in reports {
                let (both, outcome) = (&both, &outcome);
                scope.spawn(move || {
                    both.wait();
                    field.completed(id, outcome, &now, &seed).expect("whoever is second does nothing");
                });
            }
        });
        assert_eq!(app.field().status().unwrap().attention, None);
        app.sync().unwrap();
    }
    assert_all_arrived(&world, &app);
}

/// A phone whose app has begun an original and sends its second piece now.
fn with_a_piece_on_its_way(world: &World) -> (Phone, Nonce, Request) {
    let mut app = world.enrolled("li");
    let picture = app.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    app.capture_at("matter/09006", in_dongcheng(), vec![picture]);
    app.field_mut().start_sync().unwrap();
    let (id, create) = next_upload(&mut app);
    let outcome = app.carry(&create);
    app.completed(id, &outcome).unwrap();
    let (slow, piece) = next_upload(&mut app);
    (app, slow, piece)
}

/// A piece that is still on its way when the other driver comes: that one leaves it alone, and it counts when it has arrived.
#[test]
fn a_piece_on_its_way_is_not_taken_from_its_driver() {
    let world = World::new(seed!());
    let (mut app, slow, piece) = with_a_piece_on_its_way(&world);

    let mut worker = app.opened_again();
    let (id, ask) = next(&mut worker);
    assert_eq!(ask.method, Method::Head, "what has been sent of it is asked first");
    let outcome = worker.carry(&ask);
    worker.completed(id, &outcome).unwrap();
    let (id, _) = next_upload(&mut worker);
    let problem = Problem { status: 423, code: "locked".to_owned(), detail: "someone writes".to_owned() };
    let locked = Response { status: 423, headers: Vec::new(), body: serde_json::to_vec(&problem).unwrap() };
    worker.completed(id, &Outcome::Answered(locked)).unwrap();
    assert!(matches!(worker.next_action().unwrap(), Action::WaitUntil { .. }), "the app is at it");
    assert_eq!(worker.field().status().unwrap().attention, None);

    let outcome = app.carry(&piece);
    app.completed(slow, &outcome).unwrap();
    let (_, rest) = next_upload(&mut app);
    assert_eq!(rest.method, Method::Patch, "it goes on at once, where it was");
    app.sync().unwrap();
    assert_all_arrived(&world, &app);
}

/// A piece that fails after the other driver has taken the photo up: there is nothing to wait for, the other one is at it.
#[test]
fn a_piece_that_fails_after_it_was_taken_up_is_no_failure() {
    let world = World::new(seed!());
    let (mut app, slow, _) = with_a_piece_on_its_way(&world);

    let mut worker = app.opened_again();
    let (id, ask) = next(&mut worker);
    app.completed(slow, &Outcome::Failed("the app was put to sleep".to_owned())).unwrap();
    let outcome = worker.carry(&ask);
    worker.completed(id, &outcome).unwrap();
    assert_eq!(next(&mut worker).1.method, Method::Patch);
    assert_eq!(worker.field().status().unwrap().attention, None);
    worker.sync().unwrap();
    assert_all_arrived(&world, &app);
}
