//! How large pieces of originals are, and how much an exchange of entries brings: as the network is, whatever becomes of phone and office meanwhile.

use xuncheng_core::journal::entry::Change;
use xuncheng_core::limits;
use xuncheng_core::sync::message;
use xuncheng_core::sync::session::{Action, Body};
use xuncheng_core::sync::wire::SyncRequest;
use xuncheng_core::work::case::CASE;
use xuncheng_tests::fixtures;
use xuncheng_tests::network::{Fault, Pace};
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::wire::next_upload;

/// A phone with an original of three megabytes, at an office that takes pieces of any size.
fn with_an_original(world: &World) -> Phone {
    world.office().set_piece_bytes(limits::PIECE_BYTES_MAX);
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(3_000_000, 4));
    li.capture_at("matter/09006", in_dongcheng(), vec![picture]);
    li.field_mut().start_sync().unwrap();
    li
}

/// Sends the next piece, and says how large it was.
fn piece(phone: &mut Phone) -> u64 {
    let (id, request) = next_upload(phone);
    let outcome = phone.carry(&request);
    phone.completed(id, &outcome).unwrap();
    match request.body {
        Body::File { length, .. } => length,
        Body::Empty | Body::Bytes(_) => 0,
    }
}

/// On a fast network pieces double until they are as large as any; on a slow one they take a few seconds each.
#[test]
fn pieces_are_as_large_as_the_network_is_fast() {
    let world = World::new(seed!());
    let mut li = with_an_original(&world);
    let first = [piece(&mut li), piece(&mut li), piece(&mut li)];
    assert_eq!(first, [limits::PIECE_BYTES, 2 * limits::PIECE_BYTES, 4 * limits::PIECE_BYTES]);

    let world = World::new(seed!());
    let mut li = with_an_original(&world);
    world.network(&li).pace(Some(Pace { bytes_per_second: 20_000, one_way_ms: 150 }));
    let slow: Vec<u64> = (0..6).map(|_| piece(&mut li)).collect();
    let aim = 20_000 * limits::PIECE_AIM_MS / 1000;
    assert_eq!(slow[0], limits::PIECE_BYTES);
    assert!(slow[3..].iter().all(|bytes| (aim * 8 / 10..=aim).contains(bytes)), "{slow:?}");
    // What was learnt outlives the program, and a restart of the office.
    li.kill_and_restart();
    world.office().stop();
    world.office().start();
    li.field_mut().start_sync().unwrap();
    let again = piece(&mut li);
    assert!((aim * 8 / 10..=aim).contains(&again), "{again}");
    // The phone is in a faster network now.
    world.network(&li).pace(None);
    li.field_mut().start_sync().unwrap();
    assert!(piece(&mut li) < piece(&mut li));
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().bytes_sent_again, 0);
    world.check_invariants();
}

/// Each cut halves the pieces and costs one of them at most, until all has gone.
#[test]
fn a_cut_halves_the_pieces_and_costs_one_at_most() {
    let world = World::new(seed!());
    let mut li = with_an_original(&world);
    let link = world.network(&li);
    let mut most_again = 0;
    for _ in 0..6 {
        let (id, request) = next_upload(&mut li);
        let Body::File { length, .. } = request.body else { continue };
        link.next(&[Fault::CutRequest(usize::try_from(world.roll(length)).unwrap())]);
        let outcome = li.carry(&request);
        li.completed(id, &outcome).unwrap_err();
        most_again += length;
        let smaller = (length / 2).max(limits::PIECE_BYTES_MIN);
        li.kill_and_restart();
        li.field_mut().start_sync().unwrap();
        loop {
            let (id, request) = next_upload(&mut li);
            let outcome = li.carry(&request);
            li.completed(id, &outcome).unwrap();
            if let Body::File { length, .. } = request.body {
                assert_eq!(length, smaller);
                break;
            }
        }
    }
    li.sync_whatever_happens();
    let status = li.field().status().unwrap();
    assert_eq!(status.photos.received, 1);
    assert!(status.bytes_sent_again <= most_again, "{status:?}");
    world.check_invariants();
}

/// What something on the way refused as too large is not tried again in this conversation, however fast the network is.
#[test]
fn pieces_stay_below_what_was_refused_as_too_large() {
    let world = World::new(seed!());
    let mut li = with_an_original(&world);
    let link = world.network(&li);
    link.most_bytes(Some(100_000));
    let mut refused = 0;
    for _ in 0..200 {
        match li.next_action().unwrap() {
            Action::Send { id, request } => {
                let outcome = li.carry(&request);
                refused += usize::from(li.completed(id, &outcome).is_err());
            }
            Action::WaitUntil { monotonic_ms } => world.wait_ms(monotonic_ms - li.now().monotonic_ms),
            Action::Done => break,
        }
    }
    assert!((1..=3).contains(&refused), "{refused} pieces were too large");
    assert_eq!(li.field().status().unwrap().photos.received, 1);
}

/// How much the last request for entries and feeds asked for.
fn asked(phone: &Phone) -> u64 {
    let log = phone.link().log();
    let last = log.iter().rev().find(|exchange| exchange.request.path == "/v1/sync").unwrap();
    let message = message::unpack(&last.sent, limits::REQUEST_BYTES).unwrap();
    message.read_unverified::<SyncRequest>().unwrap().page_bytes.unwrap()
}

/// Exchanges that are full bring twice as much each time where the network is fast, a cut halves that, and what is short says
/// nothing: neither an exchange without news nor one during which something was written.
#[test]
fn exchanges_bring_as_much_as_the_network_is_fast() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let first = asked(&li);
    assert_eq!(first, limits::EXCHANGE_BYTES as u64);
    let description = "占道经营，已告知当事人自行整改；".repeat(60);
    for _ in 0..600 {
        let fields = [("category", "matter/09006"), ("description", &description)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.into())).into();
        li.write(None, CASE, Change::Open { fields });
    }
    li.sync().unwrap();
    let grown = asked(&li);
    assert!(grown >= 2 * first, "{grown} bytes after full exchanges");

    li.sync().unwrap();
    let before = asked(&li);
    li.link().next(&[Fault::LoseAnswer]);
    li.sync().unwrap_err();
    li.sync().unwrap();
    assert_eq!(asked(&li), before / 2, "a cut halves it");

    li.field_mut().start_sync().unwrap();
    let Action::Send { id, request } = li.next_action().unwrap() else { panic!("an exchange was asked for") };
    let outcome = li.carry(&request);
    li.capture("matter/09006");
    li.completed(id, &outcome).unwrap();
    li.sync().unwrap();
    assert_eq!(asked(&li), before / 2, "what was written meanwhile made no exchange full");
}
