//! Traces of originals and receipts across a restore: nothing is called safe that is in no backup.

use xuncheng_core::id::PhotoHash;
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::Phone;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::recovery::sync_all;
use super::wire::{exchange, next_upload};

fn stage(phone: &Phone, case: xuncheng_core::id::ItemId) -> Option<PhotoStage> {
    phone.case(case).photos[0].stage
}

fn photo(phone: &Phone, case: xuncheng_core::id::ItemId) -> PhotoHash {
    phone.case(case).photos[0].sha256
}

/// `receipt_of_a_dead_branch`: the receipt is of a branch that is lost, whatever others have reached since: the photo is offered
/// again.
#[test]
fn receipt_of_a_dead_branch() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let first = world.office().back_up().backup;
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    assert_eq!(stage(&li, case), Some(PhotoStage::Received));
    world.office().restore(Some(&first));
    for _ in 0..3 {
        wang.capture("matter/09006");
        wang.sync().unwrap();
    }
    world.office().back_up();
    let original = photo(&li, case);
    assert!(world.office().original(&original).is_none());
    li.sync().unwrap();
    assert_eq!(world.office().original(&original), li.original(&original));
    assert_eq!(stage(&li, case), Some(PhotoStage::Received), "of this branch, and in no backup yet");
    assert_eq!(li.field().status().unwrap().reoffered.unwrap().voided, 1);
    world.office().back_up();
    li.sync().unwrap();
    assert_eq!(stage(&li, case), Some(PhotoStage::Safe));
    world.check_invariants();
}

/// `safe_then_older_backup`: safe by a backup that could not be read; an older one is restored, and the photo is not safe any more.
#[test]
fn safe_then_older_backup() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let older = world.office().back_up().backup;
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    world.office().back_up();
    li.sync().unwrap();
    assert_eq!(stage(&li, case), Some(PhotoStage::Safe));
    world.office().restore(Some(&older));
    li.field_mut().start_sync().unwrap();
    while li.field().office().unwrap().unwrap().epoch.counter == 1 {
        exchange(&mut li).unwrap();
    }
    assert!(stage(&li, case) < Some(PhotoStage::Received), "nothing may let go of it now");
    li.sync().unwrap();
    let original = photo(&li, case);
    assert_eq!(world.office().original(&original), li.original(&original));
    assert_eq!(stage(&li, case), Some(PhotoStage::Received));
    world.check_invariants();
}

/// What was received and safe before the backup that is restored stays so: its bytes are in it, and nothing is sent twice.
#[test]
fn what_the_restored_office_has_is_not_sent_again() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    world.office().back_up();
    li.sync().unwrap();
    world.office().back_up();
    li.sync().unwrap();
    world.office().restore(None);
    let sent = li.photo_bytes_sent();
    sync_all(&mut [&mut li]);
    assert_eq!(li.photo_bytes_sent(), sent);
    assert_eq!(stage(&li, case), Some(PhotoStage::Safe));
    world.check_invariants();
}

/// `receipt_of_a_silent_branch`: the last answer was lost, the folder is put back by hand to before the receipt, another entry takes
/// its place, and a backup is made: the receipt is void, and the photo comes again.
#[test]
fn receipt_of_a_silent_branch() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let case = li.capture("matter/09006").summary.id;
    li.field_mut().start_sync().unwrap();
    exchange(&mut li).unwrap();
    let copy = world.office().copy_folder();
    li.sync().unwrap();
    assert_eq!(stage(&li, case), Some(PhotoStage::Received));
    world.office().put_back(&copy);
    wang.capture("matter/09006");
    wang.sync().unwrap();
    world.office().back_up();
    li.sync().unwrap();
    let original = photo(&li, case);
    assert_eq!(world.office().original(&original), li.original(&original), "its bytes are somewhere");
    assert_eq!(stage(&li, case), Some(PhotoStage::Received), "and in no backup");
    world.office().back_up();
    li.sync().unwrap();
    assert_eq!(stage(&li, case), Some(PhotoStage::Safe));
    world.check_invariants();
}

/// Thumbnails that the office had taken and lost come again, and an upload that was on its way begins where the office is.
#[test]
fn thumbnails_and_half_uploads_come_again() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().back_up();
    let picture = li.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    let case = li.capture_at("matter/09006", xuncheng_tests::phone::in_dongcheng(), vec![picture]).summary.id;
    li.field_mut().start_sync().unwrap();
    let (id, request) = next_upload(&mut li);
    let outcome = li.carry(&request);
    li.completed(id, &outcome).unwrap();
    world.office().restore(None);
    sync_all(&mut [&mut li]);
    let (original, previews) = (photo(&li, case), world.network(&li).log());
    assert_eq!(world.office().original(&original), li.original(&original));
    let previews = previews.iter().filter(|sent| sent.request.path == "/v1/photos/previews").count();
    assert_eq!(previews, 2);
    world.check_invariants();
}
