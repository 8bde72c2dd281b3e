//! Invariants 2 and 5, where the trouble is on the phone itself: its storage fails, or somebody says of its photos what is
//! not so.

use std::fs;
use std::path::PathBuf;

use xuncheng_core::field::{CapturePhoto, CaseAct, FieldError};
use xuncheng_core::id::{EntryId, ItemId, PhotoHash, Sm3Hash};
use xuncheng_core::journal::entry::{Change, Photo, PhotoRole};
use xuncheng_core::photo::{DRAWER, Fingerprint, MediaType};
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::session::{Action, Body, Outcome};
use xuncheng_core::work::case::CaseStep;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

fn received(phone: &Phone) -> u64 {
    phone.field().status().unwrap().photos.received
}

fn attention(phone: &Phone) -> Option<String> {
    phone.field().status().unwrap().attention.map(|attention| attention.code)
}

/// A step with this picture that is not its person's to take.
fn slip(phone: &mut Phone, item: ItemId, picture: PathBuf) -> FieldError {
    let photo = CapturePhoto { file: picture, working_copy: None, role: PhotoRole::After };
    let act = CaseAct { step: CaseStep::Handle, args: [].into(), photos: vec![photo], fix: None, shown: None };
    phone.act(item, &act).unwrap_err()
}

/// An original that cannot be read holds up none of the others, is said by name, and goes as soon as it can be read.
#[test]
fn an_original_that_cannot_be_read_holds_up_none_of_the_others() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let first = li.capture("matter/09006").photos[0].sha256;
    let second = li.capture("matter/09006").photos[0].sha256;
    let broken = li.field().photos().original(&first);
    li.field_mut().start_sync().unwrap();
    loop {
        match li.next_action().unwrap() {
            Action::Done => panic!("the first is still owed"),
            Action::WaitUntil { .. } => break,
            Action::Send { id, request } => {
                let reads = matches!(&request.body, Body::File { path, .. } if *path == broken);
                let outcome =
                    if reads { Outcome::Unreadable("input/output error".to_owned()) } else { li.carry(&request) };
                assert_eq!(li.completed(id, &outcome).is_err(), reads);
            }
        }
    }
    assert!(world.office().original(&second).is_some() && world.office().original(&first).is_none());
    let status = li.field().status().unwrap();
    assert_eq!((status.photos.received, status.bytes_sent_again), (1, 0));
    assert_eq!(attention(&li).as_deref(), Some("original_unreadable"));
    li.sync().unwrap();
    assert_eq!((received(&li), attention(&li)), (2, None));
    world.check_invariants();
}

/// A card that is out, a folder that comes back late: what was missing for one conversation goes with the next.
#[test]
fn originals_that_were_away_for_a_moment_are_sent_when_they_are_back() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let pictures = [li.new_picture(), li.new_picture()];
    for picture in &pictures {
        li.capture_at("matter/09006", in_dongcheng(), vec![picture.clone()]);
    }
    let item = li.field().cases(&Query::default(), None, 1).unwrap().cases[0].id;
    let (here, away) = (li.field().photos().root().to_owned(), li.folder().join("away"));
    fs::rename(&here, &away).unwrap();
    li.sync().unwrap();
    assert_eq!((received(&li), attention(&li).as_deref()), (0, Some("original_lost")));
    fs::rename(&away, &here).unwrap();

    // A slip with the same picture meanwhile: it is refused, and what was kept stays.
    assert!(matches!(slip(&mut li, item, pictures[0].clone()), FieldError::NotNow { .. }));
    li.sync().unwrap();
    assert_eq!((received(&li), attention(&li)), (2, None));
    world.check_invariants();
}

/// What somebody else's entry says of a hash counts for no other: a healthy original is sent, and is never deleted for it.
#[test]
fn what_a_stranger_says_of_a_photo_touches_nobody_elses() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let bytes = fixtures::jpeg(96, 64, 7);
    let sha256 = Fingerprint::of(&bytes).sha256;
    let case = wang.capture("matter/09006").summary.id;
    let claim = Photo {
        sha256,
        sm3: Sm3Hash::from_bytes([1; 32]),
        bytes: 777,
        media: MediaType::Jpeg,
        role: PhotoRole::Close,
        width_px: 1,
        height_px: 1,
        view: PhotoHash::from_bytes([2; 32]),
        thumbnail: PhotoHash::from_bytes([3; 32]),
        drawn_by: DRAWER.to_owned(),
    };
    let _: EntryId = wang.write(case, "case", Change::Attach { photo: claim, round: 0 });
    wang.sync_as_far_as_it_goes();
    li.sync().unwrap();
    assert!(li.holds(case));

    let picture = li.picture(&bytes);
    let item = li.capture_at("matter/09006", in_dongcheng(), vec![picture.clone()]).summary.id;
    slip(&mut li, item, picture);
    assert_eq!(li.original(&sha256), Some(bytes.clone()), "a refused step deletes no original");
    li.sync().unwrap();
    assert_eq!((received(&li), attention(&li)), (1, None));
    assert_eq!(world.office().original(&sha256), Some(bytes));
    world.check_invariants();
}

/// What the office signed for and has lost since, it asks for again by name; until then it is not safe.
#[test]
fn an_original_that_the_office_lost_is_asked_for_and_comes_again() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let sha256 = li.capture("matter/09006").photos[0].sha256;
    li.sync().unwrap();
    let office = world.office();
    assert_eq!(office.back_up().newly_safe, 1);
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().photos.safe, 1);

    fs::write(office.folder().join("photos").join(&sha256.to_string()[..2]).join(sha256.to_string()), b"rot").unwrap();
    assert_eq!(office.back_up().missing, [sha256]);
    li.sync().unwrap();
    world.settle();
    let photos = li.field().status().unwrap().photos;
    assert_eq!((photos.received, photos.safe), (1, 0), "it came again, and no backup covers it");
    assert_eq!(office.original(&sha256), li.original(&sha256));

    let report = office.back_up();
    assert_eq!((report.missing.len(), report.newly_safe), (0, 1));
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().photos.safe, 1);
    world.check_invariants();
}

/// An original that rots on the phone is found out by the office, said once, and not sent again for nothing; the others go.
#[test]
fn an_original_that_is_damaged_on_the_phone_is_sent_once_and_said() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let rotten = li.capture("matter/09006").photos[0].sha256;
    let sound = li.capture("matter/09006").photos[0].sha256;
    let path = li.field().photos().original(&rotten);
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();

    li.sync().unwrap();
    assert!(world.office().original(&sound).is_some() && world.office().original(&rotten).is_none());
    assert_eq!((received(&li), attention(&li).as_deref()), (1, Some("original_lost")));
    let sent = li.photo_bytes_sent();
    li.sync().unwrap();
    assert_eq!((li.photo_bytes_sent(), attention(&li).as_deref()), (sent, Some("original_lost")));

    fs::write(&path, whole).unwrap();
    li.sync().unwrap();
    assert_eq!((received(&li), attention(&li)), (2, None));
    world.check_invariants();
}
