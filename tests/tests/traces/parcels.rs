//! Parcels and networks that cross each other, come late, twice, or not at all (docs/decisions/D19).

use std::path::Path;

use xuncheng_core::field::FieldError;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_core::sync::parcel::ParcelError;
use xuncheng_core::sync::parcel::pack::Originals;
use xuncheng_core::sync::session::{Action, OfficeKeys};
use xuncheng_office::OfficeError;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::Phone;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

fn attention(phone: &Phone) -> Option<String> {
    phone.field().status().unwrap().attention.map(|attention| attention.code)
}

/// [pack]; a network comes; the parcel arrives. What broke: the late request was answered again, or taken for a copy's.
#[test]
fn a_parcel_that_a_network_overtook() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    let packed = li.pack(Originals::All).unwrap();
    world.network(&li).next(&[Fault::Twice, Fault::Twice, Fault::LoseRequest]);
    li.sync().expect_err("all but the original went by the network");

    let taken = world.office().take_in(&packed.file).unwrap();
    assert_eq!((taken.entries, taken.originals, taken.superseded), (0, 1, true), "its original counts all the same");
    assert!(matches!(world.office().answer(taken.device), Err(OfficeError::NoAnswer(_))));
    li.sync_whatever_happens();
    assert_eq!(li.case(item).photos[0].stage, Some(PhotoStage::Received));
    assert_eq!(attention(&li), None);
    world.check_invariants();
}

/// The parcel was answered; before the answer is back, a network brings more. What broke: the old answer took the phone back to
/// an earlier countersignature, and what it had sent since was sent again.
#[test]
fn an_answer_that_a_network_overtook() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    // There is no news in it: nothing but the office's word on how far it has this phone's journal.
    let packed = li.pack(Originals::None).unwrap();
    let taken = world.office().take_in(&packed.file).unwrap();
    let answer = world.office().answer(taken.device).unwrap();
    li.comment(item, "又看过").unwrap();
    li.sync_whatever_happens();
    let facts = |li: &Phone| {
        let fact = |name| meta::get::<serde_json::Value>(li.field().store(), name).unwrap();
        [key::COUNTERSIGNED, key::THROUGH, key::INCARNATION].map(fact)
    };
    let before = facts(&li);

    let unpacked = li.unpack(&answer).unwrap();
    assert_eq!((unpacked.pages, unpacked.skipped, unpacked.copied), (0, 1, false), "it says what was read since");
    assert_eq!(facts(&li), before);
    assert_eq!(attention(&li), None);
    world.check_invariants();
}

/// A request over a network is on its way, unanswered, when a parcel is made; the parcel is heard first. What broke: the
/// request, sent once more, was superseded by the phone's own parcel, and the phone took itself for a copy.
#[test]
fn a_request_that_a_parcel_overtook_is_no_copys() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let own = li.incarnation();
    li.capture("matter/09006");
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.sync().expect_err("nobody heard the answer");
    // Killed, say, before the failure was noted: the action is open.
    li.field_mut().start_sync().unwrap();
    li.die_while_sending();
    let packed = li.pack(Originals::None).unwrap();
    let taken = world.office().take_in(&packed.file).unwrap();
    assert!(!taken.superseded);
    li.sync_whatever_happens();
    assert_eq!((li.incarnation(), attention(&li)), (own, None));
    world.check_invariants();
}

/// Two parcels of one phone, heard in the wrong order, and answers in any: all of it is applied once.
#[test]
fn parcels_in_the_wrong_order() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    let first = li.pack(Originals::All).unwrap();
    li.comment(item, "又看过").unwrap();
    let second = li.pack(Originals::All).unwrap();

    let later = office.take_in(&second.file).unwrap();
    assert_eq!((later.entries, later.originals), (3, 1), "each parcel has all that the office has not acknowledged");
    let late = office.take_in(&first.file).unwrap();
    assert_eq!((late.entries, late.originals, late.superseded), (0, 0, true));
    let answer = office.answer(later.device).unwrap();
    for expected in [(1, 0), (0, 1)] {
        let unpacked = li.unpack(&answer).unwrap();
        assert_eq!((unpacked.pages, unpacked.skipped), expected, "the second time it says nothing new");
    }
    let case = li.case(item);
    assert!(!case.summary.pending && case.photos[0].stage == Some(PhotoStage::Received));
    assert_eq!(office.view(item).unwrap().sets["comments"].len(), 1);
    world.check_invariants();
}

/// The parcel is answered once, and once more when there is news; both answers come, the first one last.
#[test]
fn a_second_answer_before_the_first() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    let taken = office.take_in(&li.pack(Originals::All).unwrap().file).unwrap();
    let first = office.answer(taken.device).unwrap();
    office.file_and_dispatch(item, "shizheng");
    let second = office.answer(taken.device).unwrap();
    assert_ne!(first, second, "one does not take the other's name");
    assert_eq!(li.unpack(&second).unwrap().pages, 1);
    assert_eq!(li.case(item).summary.state, "dispatched");
    assert_eq!(li.unpack(&first).unwrap().skipped, 1);
    assert_eq!(li.case(item).summary.state, "dispatched");
    // What comes after both is read on from where the second one ended.
    office.step("zhao", item, xuncheng_core::work::case::CaseStep::Dispatch, &[]).unwrap_err();
    li.sync_whatever_happens();
    world.check_invariants();
}

/// A parcel is lost. What broke: what was in it was taken for sent.
#[test]
fn a_parcel_that_was_lost() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    std::fs::remove_file(li.pack(Originals::All).unwrap().file).unwrap();
    assert_eq!(li.field().status().unwrap().unsent, 2);
    li.sync_whatever_happens();
    assert!(!li.case(item).summary.pending);
    world.check_invariants();
}

/// An answer is hours on its way. What broke: its server time, taken for an exchange, made the phone's clock hours late.
#[test]
fn an_answer_is_no_exchange_of_clocks() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let before = li.field().status().unwrap().last_exchange;
    let taken = world.office().take_in(&li.pack(Originals::None).unwrap().file).unwrap();
    let answer = world.office().answer(taken.device).unwrap();
    world.wait_minutes(300);
    assert_eq!(li.unpack(&answer).unwrap().pages, 1);
    let after = li.field().status().unwrap().last_exchange;
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
}

/// Two copies of a store make parcels: the office tells, and both go on.
#[test]
fn copies_that_make_parcels() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let mut copy = li.copied();
    let [item, other] = [&mut li, &mut copy].map(|phone| phone.capture("matter/09006").summary.id);
    let carried = |phone: &mut Phone| {
        let taken = office.take_in(&phone.pack(Originals::All).unwrap().file).unwrap();
        office.answer(taken.device).map(|answer| phone.unpack(&answer).unwrap())
    };
    assert!(!carried(&mut li).unwrap().copied);
    assert!(carried(&mut copy).unwrap().copied, "the office has another entry in its place");
    assert_ne!(copy.incarnation(), li.incarnation());
    let again = carried(&mut copy).unwrap();
    assert!(!again.copied && again.refused.is_none(), "{again:?}");
    assert!(office.view(item).is_some() && office.view(other).is_some());
    for phone in [&mut li, &mut copy] {
        phone.sync_whatever_happens();
    }
    world.check_invariants();
}

/// A revoked phone's parcel is held like all that it sends, and it reads no more than over a network.
#[test]
fn a_parcel_of_a_revoked_phone() {
    let world = World::new(seed!());
    let office = world.office();
    let (mut li, mut lost) = (world.enrolled("wang"), world.enrolled("li"));
    office.revoke(lost.incarnation());
    lost.capture("matter/09006");
    let seen = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let taken = office.take_in(&lost.pack(Originals::All).unwrap().file).unwrap();
    assert_eq!((taken.entries, office.held().len()), (2, 2));
    lost.unpack(&office.answer(taken.device).unwrap()).unwrap();
    assert!(!lost.holds(seen), "what others wrote is no longer for it");
    assert_eq!(lost.field().status().unwrap().refused.len(), 2);
    world.check_invariants();
}

/// A store of a version that kept no sealing key asks for the certificate with its next exchange.
#[test]
fn a_store_that_was_enrolled_before_there_were_parcels() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let office: OfficeKeys = meta::get(li.field().store(), key::OFFICE).unwrap().unwrap();
    let sealing = office.sealing.clone();
    let old = serde_json::to_string(&OfficeKeys { sealing: None, ..office }).unwrap().replace(",\"sealing\":null", "");
    li.field().store().execute("UPDATE meta SET value = ?1 WHERE key = 'office'", [&old]).unwrap();
    li.kill_and_restart();
    let refused = li.pack(Originals::All).unwrap_err();
    assert!(matches!(refused, FieldError::NoSealingKey), "{refused}");
    assert_eq!(files(&world).len(), 0, "no file is begun for nothing");
    li.sync().unwrap();
    let office: OfficeKeys = meta::get(li.field().store(), key::OFFICE).unwrap().unwrap();
    assert!(sealing.is_some() && office.sealing == sealing);
    li.pack(Originals::All).unwrap();
}

/// Of the last parcels the answers are read; what is older is said to be.
#[test]
fn the_answer_to_a_parcel_of_long_ago() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let taken = world.office().take_in(&li.pack(Originals::None).unwrap().file).unwrap();
    let answer = world.office().answer(taken.device).unwrap();
    for _ in 1..xuncheng_core::limits::PARCELS_KEPT {
        li.pack(Originals::None).unwrap();
    }
    assert_eq!(li.unpack(&answer).unwrap().pages, 1);
    li.pack(Originals::None).unwrap();
    let forgotten = li.unpack(&answer).unwrap_err();
    assert!(matches!(forgotten, FieldError::Parcel { source: ParcelError::NotForHere(_), .. }), "{forgotten}");
}

/// An original rots on the phone. What broke: the parcel carried it, and was of no use at the end of a long way.
#[test]
fn an_original_that_rots_before_it_is_packed() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let [rotten, sound] = [0, 1].map(|_| li.capture("matter/09006").photos[0].sha256);
    let file = li.field().photos().original(&rotten);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[50] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let packed = li.pack(Originals::All).unwrap();
    assert_eq!((packed.originals, packed.unreadable.as_slice()), (1, &[rotten][..]));
    let taken = world.office().take_in(&packed.file).unwrap();
    assert_eq!((taken.entries, taken.originals, taken.refused.len()), (4, 1, 0));
    assert!(world.office().original(&sound).is_some() && world.office().original(&rotten).is_none());
    let small = li.pack(Originals::AtMost { bytes: 10 }).unwrap();
    assert_eq!((small.originals, small.originals_left), (0, 2), "what does not fit waits");
}

/// A parcel and a network bring the same original at once. What broke: one cut off what the other had acknowledged.
#[test]
fn an_original_that_comes_both_ways_at_once() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.picture(&xuncheng_tests::fixtures::jpeg_of_at_least(200_000, 1));
    let case = li.capture_at("matter/09006", xuncheng_tests::phone::in_dongcheng(), vec![picture]);
    let sha256 = case.photos[0].sha256;
    let packed = li.pack(Originals::All).unwrap();
    // Entries, thumbnail and the first piece; the second is lost.
    world.network(&li).next(&[Fault::Twice, Fault::Twice, Fault::Twice, Fault::LoseRequest]);
    li.sync().unwrap_err();
    let uploads = xuncheng_tests::program::files_below(&world.office().folder().join("uploads"));
    let [upload] = uploads.as_slice() else { panic!("one is on its way: {uploads:?}") };

    // Whoever writes to it holds its file.
    let writes = std::fs::File::options().write(true).open(upload).unwrap();
    writes.lock().unwrap();
    let taken = world.office().take_in(&packed.file).unwrap();
    assert!(taken.originals == 0 && taken.refused[0].contains("another request is writing"), "{taken:?}");
    sends_until_it_waits(&mut li);
    assert_eq!(li.case(case.summary.id).photos[0].stage, Some(PhotoStage::Judged), "nor does the network bring it");
    drop(writes);
    let taken = world.office().take_in(&packed.file).unwrap();
    assert_eq!(
        (taken.originals, world.office().original(&sha256)),
        (1, li.original(&sha256)),
        "it goes on from the first piece"
    );
    li.sync_whatever_happens();
    assert_eq!(li.case(case.summary.id).photos[0].stage, Some(PhotoStage::Received));
    world.check_invariants();
}

/// A conversation that ends where there is nothing left to do but to wait.
fn sends_until_it_waits(phone: &mut Phone) {
    phone.field_mut().start_sync().unwrap();
    while let Action::Send { id, request } = phone.next_action().unwrap() {
        let outcome = phone.carry(&request);
        let _ = phone.completed(id, &outcome);
    }
}

fn files(world: &World) -> Vec<std::path::PathBuf> {
    let stick = world.office().folder().with_file_name("stick");
    xuncheng_tests::program::files_below(Path::new(&stick))
}
