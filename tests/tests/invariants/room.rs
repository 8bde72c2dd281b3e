//! Invariant 5, when a phone makes room: what leaves it was safe, by name, and the office's rule let it go; kills in between change
//! nothing of that.

use std::fs;

use xuncheng_core::field::{CasePhoto, PictureFile};
use xuncheng_core::id::{ItemId, PhotoHash};
use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::sync::wire::Keep;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// Phones have no room: whatever may go goes at once.
const NO_ROOM: Keep = Keep { originals_days: 10_000, free_bytes: u64::MAX, entries: 32 };
const DAY_MINUTES: u64 = 24 * 60;

fn only_photo(phone: &Phone, item: ItemId) -> CasePhoto {
    phone.case(item).photos.into_iter().next().expect("the case has a photo")
}

fn lies_here(phone: &Phone, photo: &PhotoHash) -> bool {
    phone.original(photo).is_some()
}

fn left(phone: &Phone) -> u64 {
    phone.field().status().unwrap().originals_left
}

fn attention(phone: &Phone) -> Option<String> {
    phone.field().status().unwrap().attention.map(|attention| attention.code)
}

/// An original stays until a backup holds it and for the days after that; then it leaves, and can be had again.
#[test]
fn an_original_leaves_when_it_is_safe_and_its_days_are_over() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    let photo = only_photo(&li, item).sha256;
    let bytes = li.original(&photo);
    li.sync().unwrap();
    // Without a backup nothing leaves, however long ago it was received.
    world.wait_minutes(100 * DAY_MINUTES);
    li.sync().unwrap();
    assert!(lies_here(&li, &photo));
    world.office().back_up();
    li.sync().unwrap();
    world.wait_minutes(29 * DAY_MINUTES);
    li.sync().unwrap();
    assert!(lies_here(&li, &photo), "a day is left");
    world.wait_minutes(2 * DAY_MINUTES);
    assert_eq!(left(&li), 0, "only the office's word makes it leave, not the clock");
    li.sync().unwrap();
    let shown = only_photo(&li, item);
    assert!(!lies_here(&li, &photo) && left(&li) == 1 && shown.left_at.is_some());
    assert_eq!(shown.original, PictureFile::ToBeHad);
    assert!(matches!((&shown.view, &shown.thumbnail), (PictureFile::Here { .. }, PictureFile::Here { .. })));
    assert_eq!(attention(&li), None);
    world.check_invariants();

    li.field_mut().want_original(item, photo).unwrap();
    li.sync().unwrap();
    let PictureFile::Here { path } = only_photo(&li, item).original else { panic!("it was fetched") };
    assert_eq!(fs::read(path).ok(), bytes);
    li.sync().unwrap();
    assert_eq!((left(&li), attention(&li)), (1, None));
    world.check_invariants();
}

/// Where there is little room they go earlier, the longest safe first, and no more than it takes; an office that says nothing
/// of it lets nothing go.
#[test]
fn little_room_lets_safe_originals_go_earlier_and_nothing_else() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().set_keep(NO_ROOM);
    let item = li.capture("matter/09006").summary.id;
    let photo = only_photo(&li, item).sha256;
    li.sync().unwrap();
    li.sync().unwrap();
    assert!(lies_here(&li, &photo), "received is not safe");
    world.office().back_up();
    li.sync().unwrap();
    assert!(!lies_here(&li, &photo));
    world.check_invariants();
}

/// A photo of two cases stays for the one whose receipt no backup covers.
#[test]
fn an_original_of_two_entries_stays_for_the_one_that_is_not_safe() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().set_keep(NO_ROOM);
    let picture = li.new_picture();
    let first = li.capture_at("matter/09006", in_dongcheng(), vec![picture.clone()]).summary.id;
    let photo = only_photo(&li, first).sha256;
    li.sync().unwrap();
    li.capture_at("component/01001", in_dongcheng(), vec![picture]);
    world.office().back_up();
    li.sync().unwrap();
    assert!(lies_here(&li, &photo), "the second has just been sent");
    world.office().back_up();
    li.sync().unwrap();
    assert!(!lies_here(&li, &photo));
    world.check_invariants();
}

/// What is held stays evidence on its phone, safe or not, until somebody decides.
#[test]
fn an_original_of_what_is_held_stays() {
    let world = World::new(seed!());
    let mut chen = world.enrolled("chen");
    world.office().set_keep(NO_ROOM);
    let item = chen.capture("component/01001").summary.id;
    let photo = only_photo(&chen, item).sha256;
    chen.sync().unwrap();
    let held = world.office().held();
    assert!(!held.is_empty(), "a crew does not report cases");
    world.office().back_up();
    chen.sync().unwrap();
    assert_eq!(chen.field().status().unwrap().photos.safe, 1);
    assert!(lies_here(&chen, &photo));
    world.office().rule("zhang", *held.last().unwrap(), Ruling::Release).unwrap();
    chen.sync().unwrap();
    chen.sync().unwrap();
    assert!(!lies_here(&chen, &photo), "it was released");
    world.check_invariants();
}

/// A phone whose original is safe and about to go: its row says so, and its program was killed before the file went.
fn about_to_go(world: &World) -> (Phone, ItemId, PhotoHash) {
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    let photo = only_photo(&li, item).sha256;
    li.sync().unwrap();
    world.office().back_up();
    li.sync().unwrap();
    let sql = "UPDATE attachment SET gone = 1, gone_at = safe_since";
    assert_eq!(li.field().store().execute(sql, []).unwrap(), 1);
    li.kill_and_restart();
    (li, item, photo)
}

/// Killed between row and file: it goes with the next answer of the office.
#[test]
fn a_kill_between_row_and_file_is_made_good() {
    let world = World::new(seed!());
    let (mut li, item, photo) = about_to_go(&world);
    assert!(lies_here(&li, &photo) && only_photo(&li, item).left_at.is_none());
    world.check_invariants();
    li.sync().unwrap();
    assert!(!lies_here(&li, &photo) && left(&li) == 1);
    world.check_invariants();
}

/// Killed between file and row: it has left, nobody calls it lost.
#[test]
fn a_kill_between_file_and_row_is_told_from_a_loss() {
    let world = World::new(seed!());
    let (mut li, item, photo) = about_to_go(&world);
    fs::remove_file(li.field().photos().original(&photo)).unwrap();
    li.kill_and_restart();
    li.sync().unwrap();
    assert_eq!((left(&li), attention(&li)), (1, None));
    assert!(only_photo(&li, item).left_at.is_some());
    world.check_invariants();
}

/// The office loses the photo and asks for it between row and file: it stays, and comes again.
#[test]
fn what_the_office_asks_for_before_it_left_stays() {
    let world = World::new(seed!());
    let (mut li, _, photo) = about_to_go(&world);
    lose(&world, &photo);
    li.sync().unwrap();
    assert!(lies_here(&li, &photo), "its receipt was void before it left");
    assert_eq!(left(&li), 0);
    assert_eq!(world.office().original(&photo), li.original(&photo), "it came again");
    world.check_invariants();
}

/// The office asks for what has left: that is said, with what to do, and holds up nothing.
#[test]
fn what_the_office_asks_for_after_it_left_is_said() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().set_keep(NO_ROOM);
    let item = li.capture("matter/09006").summary.id;
    let photo = only_photo(&li, item).sha256;
    li.sync().unwrap();
    world.office().back_up();
    li.sync().unwrap();
    assert!(!lies_here(&li, &photo));
    lose(&world, &photo);
    li.capture("matter/09006");
    li.sync().unwrap();
    assert_eq!(attention(&li).as_deref(), Some("original_left"));
    assert_eq!(li.field().status().unwrap().photos.received, 1, "the other one went");
    world.check_invariants();
}

/// The office's file of a photo is gone, and its next backup finds that out.
fn lose(world: &World, photo: &PhotoHash) {
    let name = photo.to_string();
    fs::remove_file(world.office().folder().join("photos").join(&name[..2]).join(&name)).unwrap();
    assert_eq!(world.office().back_up().missing, [*photo]);
}
