//! Traces of pictures on their way to a phone: what comes unasked and what when it is wanted, to whom, and how it goes again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use xuncheng_core::field::{CasePhoto, PictureFile};
use xuncheng_core::id::{ItemId, PhotoHash};
use xuncheng_core::limits;
use xuncheng_core::store::photos;
use xuncheng_core::store::pictures::{self, Picture, Standing};
use xuncheng_core::sync::session::{Action, Outcome, Response};
use xuncheng_core::sync::wire::{PhotoForm, Problem};
use xuncheng_core::work::case::CaseStep;
use xuncheng_tests::fixtures;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::{Phone, in_dongcheng, in_huifeng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

const DOWNLOADS: &str = "/v1/photos/downloads";

fn only_photo(phone: &Phone, item: ItemId) -> CasePhoto {
    phone.case(item).photos.into_iter().next().expect("the case has a photo")
}

fn bytes_of(file: &PictureFile) -> Vec<u8> {
    let PictureFile::Here { path } = file else { panic!("it is not here: {file:?}") };
    std::fs::read(path).unwrap()
}

/// Where the office keeps a photo in this form.
fn at_office(world: &World, photo: &PhotoHash, form: PhotoForm) -> PathBuf {
    xuncheng_core::photo::PhotoFolder::open(&world.office().folder().join("photos")).unwrap().file(photo, form)
}

/// Files that a phone has fetched.
fn fetched(phone: &Phone) -> usize {
    let others = phone.field().photos().root().join("others");
    let Ok(folders) = std::fs::read_dir(others) else { return 0 };
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

fn downloads(phone: &Phone) -> usize {
    phone.link().log().iter().filter(|sent| sent.request.path == DOWNLOADS).count()
}

/// A case of 王巡查 with a picture of so many bytes at least, at the office with its original, drawn.
fn reported(world: &World, wang: &mut Phone, bytes: usize) -> ItemId {
    let picture = wang.picture(&fixtures::jpeg_of_at_least(bytes, world.roll(1 << 40)));
    let item = wang.capture_at("component/01001", in_dongcheng(), vec![picture]).summary.id;
    wang.sync().unwrap();
    world.settle();
    item
}

/// A colleague's thumbnail comes with the case, its view once the case is opened, its original when it is asked for; each is
/// what the office has, and idle conversations fetch nothing.
#[test]
fn thumbnails_come_unasked_views_when_opened_originals_when_asked_for() {
    let world = World::new(seed!());
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let item = reported(&world, &mut wang, 30_000);
    li.sync().unwrap();
    let photo = only_photo(&li, item);
    let sha256 = photo.sha256;
    assert_eq!((photo.stage, &photo.view, &photo.original), (None, &PictureFile::ToBeHad, &PictureFile::ToBeHad));
    assert_eq!(bytes_of(&photo.thumbnail), std::fs::read(at_office(&world, &sha256, PhotoForm::Thumbnail)).unwrap());
    assert_eq!(li.case(item).summary.thumbnail_file, Some(photo.thumbnail), "the list has it too");

    li.field_mut().want_views(item).unwrap();
    assert_eq!(only_photo(&li, item).view, PictureFile::Asked);
    li.sync().unwrap();
    let view = only_photo(&li, item).view;
    assert_eq!(bytes_of(&view), std::fs::read(at_office(&world, &sha256, PhotoForm::View)).unwrap());

    li.field_mut().want_original(item, sha256).unwrap();
    li.kill_and_restart();
    li.sync().unwrap();
    assert_eq!(Some(bytes_of(&only_photo(&li, item).original)), wang.original(&sha256));
    assert_eq!(li.original(&sha256), None, "it is no photo of its own");

    world.network(&li).clear_log();
    li.sync().unwrap();
    assert_eq!(world.network(&li).log().len(), 1, "there is nothing more to fetch");
    assert_eq!(downloads(&wang), 0, "one's own pictures are here");
    world.check_invariants();
}

/// Many thumbnails come in one request.
#[test]
fn a_list_of_thumbnails_comes_in_one_request() {
    let world = World::new(seed!());
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    for _ in 0..30 {
        wang.capture("matter/09006");
    }
    wang.sync().unwrap();
    world.network(&li).clear_log();
    li.sync().unwrap();
    assert_eq!((downloads(&li), fetched(&li)), (1, 30));
    world.check_invariants();
}

/// A large original comes in pieces and goes on after a cut where it was: no more than a piece comes twice.
#[test]
fn an_original_comes_in_pieces_and_goes_on_after_a_cut() {
    let world = World::new(seed!());
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let item = reported(&world, &mut wang, 1_300_000);
    li.sync().unwrap();
    let sha256 = only_photo(&li, item).sha256;
    li.field_mut().want_original(item, sha256).unwrap();
    world.network(&li).clear_log();
    // The exchange, the first piece; the answer with the second is lost, and the program is killed.
    world.network(&li).next(&[Fault::Late, Fault::LoseAnswer]);
    li.sync().unwrap_err();
    world.network(&li).next(&[]);
    li.kill_and_restart();
    li.sync_whatever_happens();
    li.sync_whatever_happens();
    assert_eq!(Some(bytes_of(&only_photo(&li, item).original)), wang.original(&sha256));
    let whole = wang.original(&sha256).unwrap().len();
    let pieces = whole.div_ceil(limits::DOWNLOAD_BYTES);
    assert!(pieces >= 3 && downloads(&li) <= pieces + 2, "{pieces} pieces, {} requests", downloads(&li));
    world.check_invariants();
}

/// Bytes that are not the photo are thrown away, and the photo is had once they are right.
#[test]
fn an_original_that_is_not_what_its_hash_says_is_never_shown() {
    let world = World::new(seed!());
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let item = reported(&world, &mut wang, 30_000);
    li.sync().unwrap();
    let sha256 = only_photo(&li, item).sha256;
    let there = at_office(&world, &sha256, PhotoForm::Original);
    let whole = std::fs::read(&there).unwrap();
    let mut rotten = whole.clone();
    rotten[1000] ^= 1;
    std::fs::write(&there, rotten).unwrap();
    li.field_mut().want_original(item, sha256).unwrap();
    li.sync().unwrap();
    assert_eq!(only_photo(&li, item).original, PictureFile::Absent);
    std::fs::write(&there, &whole).unwrap();
    li.field_mut().want_original(item, sha256).unwrap();
    li.sync().unwrap();
    assert_eq!(bytes_of(&only_photo(&li, item).original), whole);
    world.check_invariants();
}

/// `bare_hash`, read: who knows entry and hash of a case that is not theirs is answered as if there were none.
#[test]
fn what_is_not_for_a_phone_is_answered_like_what_is_not_there() {
    let world = World::new(seed!());
    let (mut wang, mut chen) = (world.enrolled("wang"), world.enrolled("chen"));
    let item = reported(&world, &mut wang, 30_000);
    let theirs = photos::own(wang.field().store()).unwrap()[0].clone();
    let mut unknown = theirs.clone();
    unknown.entry = xuncheng_core::id::EntryId::from_bytes([7; 16]);
    let ask = |phone: &mut Phone, entry, form| {
        let picture = Picture { entry, sha256: theirs.sha256, form };
        phone.sync().unwrap();
        // Whatever its own program thinks of it: the office decides.
        let tx = phone.field().store().unchecked_transaction().unwrap();
        pictures::want(&tx, item, &picture).unwrap();
        tx.commit().unwrap();
        while let Action::Send { id, request } = phone.next_action().unwrap() {
            let outcome = phone.carry(&request);
            phone.completed(id, &outcome).unwrap();
        }
        pictures::standing(phone.field().store(), &picture).unwrap()
    };
    for form in PhotoForm::ALL {
        for entry in [theirs.entry, unknown.entry] {
            assert_eq!(ask(&mut chen, entry, form), Some(Standing::Absent), "{form:?}");
        }
    }
    // Once the case is the unit's, it sees what it has to work on, and no original.
    world.office().file_and_dispatch(item, "shizheng");
    assert_eq!(ask(&mut chen, theirs.entry, PhotoForm::View), Some(Standing::Here));
    assert_eq!(ask(&mut chen, theirs.entry, PhotoForm::Original), Some(Standing::Absent));
    chen.sync().unwrap();
    assert_eq!(only_photo(&chen, item).original, PictureFile::Withheld);
    chen.field_mut().want_original(item, theirs.sha256).unwrap_err();
    assert_eq!(ask(&mut chen, unknown.entry, PhotoForm::View), Some(Standing::Absent));
}

/// What a phone fetched of an item goes with it.
#[test]
fn what_was_fetched_goes_with_its_item() {
    let world = World::new(seed!());
    let (mut wang, mut chen) = (world.enrolled("wang"), world.enrolled("chen"));
    let item = reported(&world, &mut wang, 30_000);
    world.office().file_and_dispatch(item, "shizheng");
    chen.sync().unwrap();
    chen.field_mut().want_views(item).unwrap();
    chen.sync().unwrap();
    assert_eq!(fetched(&chen), 2, "its thumbnail and its view");
    chen.step(item, CaseStep::Return, &[("reason", "不归我单位")]).unwrap();
    chen.sync().unwrap();
    assert!(!chen.holds(item));
    assert_eq!(fetched(&chen), 0);
    assert_eq!(pictures::bytes(chen.field().store()).unwrap(), 0);
    world.check_invariants();
}

/// `gains_private_at_equal_version`, for the class of originals: the right to them comes and goes with a role while the item stays
/// at its version, and what came by it goes with it.
#[test]
fn gains_originals_at_equal_version() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let item = reported(&world, &mut wang, 30_000);
    let (verifier, inspector) = ("roles = [\"verifier\"]", "roles = [\"inspector\"]");
    world.office().change_people(|people| people.replacen(verifier, inspector, 1));
    let mut sun = world.enrolled("sun");
    sun.sync().unwrap();
    let before = sun.case(item).view.version;
    let sha256 = only_photo(&sun, item).sha256;
    assert_eq!(only_photo(&sun, item).original, PictureFile::Withheld);
    sun.field_mut().want_original(item, sha256).unwrap_err();

    world.office().change_people(|people| people.replacen(inspector, verifier, 1));
    sun.sync().unwrap();
    sun.field_mut().want_original(item, sha256).unwrap();
    sun.sync().unwrap();
    assert_eq!(Some(bytes_of(&only_photo(&sun, item).original)), wang.original(&sha256));

    world.office().change_people(|people| people.replacen(verifier, inspector, 1));
    sun.sync().unwrap();
    let photo = only_photo(&sun, item);
    assert_eq!(photo.original, PictureFile::Withheld);
    assert!(matches!(photo.thumbnail, PictureFile::Here { .. }), "the other classes stay");
    assert!(!sun.field().photos().fetched(&sha256, PhotoForm::Original).exists());
    assert_eq!(sun.case(item).view.version, before);
    world.check_invariants();
}

/// `recorded_request`, for pictures: what somebody recorded opens nothing once its phone was heard again.
#[test]
fn a_recorded_request_for_pictures_reads_nothing_later() {
    let world = World::new(seed!());
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    reported(&world, &mut wang, 30_000);
    li.field_mut().start_sync().unwrap();
    let recorded = loop {
        let Action::Send { id, request } = li.next_action().unwrap() else { panic!("a thumbnail is to be fetched") };
        let outcome = li.carry(&request);
        li.completed(id, &outcome).unwrap();
        if request.path == DOWNLOADS {
            break request;
        }
    };
    let status = |outcome: &Outcome| {
        let Outcome::Answered(response) = outcome else { panic!("{outcome:?}") };
        response.status
    };
    assert_eq!(status(&li.carry(&recorded)), 200, "until then it is the same request");
    li.sync().unwrap();
    assert_eq!(status(&li.carry(&recorded)), 409);
    // A phone whose last answer was lost is told the same, and goes on by itself.
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.sync().unwrap_err();
    li.sync_whatever_happens();
    world.check_invariants();
}

/// An office of an earlier version gives no pictures; all else goes on, and nothing is asked without end.
#[test]
fn an_office_that_gives_no_pictures_holds_up_nothing() {
    let world = World::new(seed!());
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let item = reported(&world, &mut wang, 30_000);
    li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    let mut asked = 0;
    while let Action::Send { id, request } = li.next_action().unwrap() {
        let outcome = if request.path == DOWNLOADS {
            asked += 1;
            let problem =
                Problem { status: 404, code: "not_found".to_owned(), detail: "there is no such thing".to_owned() };
            let body = serde_json::to_vec(&problem).unwrap();
            Outcome::Answered(Response { status: 404, headers: Vec::new(), body })
        } else {
            li.carry(&request)
        };
        li.completed(id, &outcome).unwrap();
    }
    assert_eq!(asked, 1);
    assert_eq!(only_photo(&li, item).thumbnail, PictureFile::Absent);
    assert_eq!(li.field().status().unwrap().photos.received, 1, "its own original went");
    li.field_mut().want_thumbnails(&[item]).unwrap();
    li.sync().unwrap();
    assert!(matches!(only_photo(&li, item).thumbnail, PictureFile::Here { .. }));
}

/// A colleague's photo of which only the entry has come is asked for again when somebody wants to see it, or after a while.
#[test]
fn a_picture_that_the_office_lacks_is_asked_for_again_later() {
    let world = World::new(seed!());
    let (mut wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let picture = wang.new_picture();
    let item = wang.capture_at("component/01001", in_dongcheng(), vec![picture]).summary.id;
    // The entries arrive, and nothing more.
    wang.field_mut().start_sync().unwrap();
    let Action::Send { id, request } = wang.next_action().unwrap() else { panic!("entries are to be sent") };
    let outcome = wang.carry(&request);
    wang.completed(id, &outcome).unwrap();
    li.sync().unwrap();
    assert_eq!(only_photo(&li, item).thumbnail, PictureFile::Absent);
    world.network(&li).clear_log();
    li.sync().unwrap();
    assert_eq!(downloads(&li), 0, "not with each conversation");
    wang.sync().unwrap();
    world.wait_minutes(16);
    li.sync().unwrap();
    assert!(matches!(only_photo(&li, item).thumbnail, PictureFile::Here { .. }));
    world.check_invariants();
}

/// What two cases show lies here once, and stays as long as one of them does.
#[test]
fn a_picture_of_two_cases_stays_with_the_other() {
    let world = World::new(seed!());
    let (mut wang, mut zhou) = (world.enrolled("wang"), world.enrolled("li"));
    let picture = wang.new_picture();
    let cases: BTreeMap<bool, ItemId> = [false, true]
        .into_iter()
        .map(|far| {
            let place = if far { in_huifeng() } else { in_dongcheng() };
            (far, wang.capture_at("component/01001", place, vec![picture.clone()]).summary.id)
        })
        .collect();
    wang.sync().unwrap();
    world
        .office()
        .change_people(|people| people.replacen("areas = [\"511902001\", \"511902002\"]", "areas = [\"*\"]", 1));
    zhou.sync().unwrap();
    zhou.sync().unwrap();
    assert!(cases.values().all(|case| zhou.holds(*case)));
    assert_eq!(fetched(&zhou), 1);
    world
        .office()
        .change_people(|people| people.replacen("areas = [\"*\"]", "areas = [\"511902001\", \"511902002\"]", 1));
    zhou.sync().unwrap();
    zhou.sync().unwrap();
    assert!(zhou.holds(cases[&false]) && !zhou.holds(cases[&true]));
    assert!(matches!(only_photo(&zhou, cases[&false]).thumbnail, PictureFile::Here { .. }));
    world.check_invariants();
}
