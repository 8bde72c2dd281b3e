//! No network at all: what phones and the office have to say to each other is carried on a stick.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};

use xuncheng_core::id::ItemId;
use xuncheng_core::store::meta::tallied;
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_core::store::{items, open_reader};
use xuncheng_core::sync::parcel::pack::Originals;
use xuncheng_core::work::case::CaseStep;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::program::{OfficeProgram, Program, xuncheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// A phone's parcel goes to the office and the answer comes back; gives how many new entries came.
fn carry(world: &World, phone: &mut Phone) -> u64 {
    let packed = phone.pack(Originals::All).unwrap();
    let taken = world.office().take_in(&packed.file).unwrap();
    assert_eq!(taken.refused, [] as [String; 0]);
    let answer = world.office().answer(taken.device).unwrap();
    let unpacked = phone.unpack(&answer).unwrap();
    assert!(unpacked.pages > 0 && unpacked.skipped == 0, "{unpacked:?}");
    taken.entries
}

fn confirmed(phone: &Phone, item: ItemId) -> Option<String> {
    items::confirmed_bytes(phone.field().store(), item).unwrap().map(|bytes| format!("{bytes:?}"))
}

#[test]
fn a_case_from_capture_to_closing_with_no_network_at_all() {
    let world = World::new(seed!());
    let office = world.office();
    // Enrolled where the phones were handed out; from then on nothing crosses but files.
    let [mut li, mut chen, mut sun] = ["li", "chen", "sun"].map(|person| world.enrolled(person));
    let requests = |phone: &Phone| world.network(phone).log().len();
    let before = [&li, &chen, &sun].map(requests);

    let pictures = vec![li.new_picture(), li.picture(&fixtures::jpeg_of_at_least(700_000, 3))];
    let item = li.capture_at("污水井盖", in_dongcheng(), pictures).summary.id;
    assert_eq!(carry(&world, &mut li), 3);
    let sent = li.case(item);
    assert!(sent.summary.numbered && !sent.summary.pending, "{:?}", sent.summary);
    assert!(sent.photos.iter().all(|photo| photo.stage == Some(PhotoStage::Received)), "{:?}", sent.photos);
    for photo in &sent.photos {
        assert_eq!(office.original(&photo.sha256), li.original(&photo.sha256));
    }
    office.file_and_dispatch(item, "shizheng");

    carry(&world, &mut chen);
    chen.step(item, CaseStep::Accept, &[]).unwrap();
    chen.step(item, CaseStep::Handle, &[]).unwrap();
    assert_eq!(carry(&world, &mut chen), 3, "accepted, the photo after the work, handled");
    carry(&world, &mut sun);
    sun.step(item, CaseStep::Check, &[]).unwrap();
    carry(&world, &mut sun);
    office.step("zhang", item, CaseStep::Close, &[]).unwrap();
    office.back_up();
    for phone in [&mut li, &mut chen, &mut sun] {
        assert_eq!(carry(&world, phone), 0);
    }
    assert_eq!(li.case(item).summary.state, "closed");
    assert!(!chen.holds(item) && !sun.holds(item), "everybody else is done with it");
    assert_eq!(li.field().status().unwrap().photos.safe, 2, "that a backup covers them came on the stick too");
    assert_eq!([&li, &chen, &sun].map(requests), before, "nothing crossed a network");
    world.check_invariants();

    // A network brings nothing that the parcels did not bring, and asks for nothing.
    let by_parcel = confirmed(&li, item);
    for phone in [&mut li, &mut chen, &mut sun] {
        world.network(phone).clear_log();
        phone.sync().unwrap();
        assert_eq!(requests(phone), 1, "{}'s phone has nothing left to say", phone.field().person());
    }
    assert_eq!(confirmed(&li, item), by_parcel);
    world.check_invariants();
}

/// More than one request and more than one page: all of it in one parcel each way.
#[test]
fn a_long_absence_fits_into_one_parcel_each_way() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let items = [0; 4].map(|_| li.capture("matter/09006").summary.id);
    li.sync().unwrap();
    wang.sync().unwrap();
    let long = "看".repeat(1900);
    for n in 0..200 {
        li.comment(items[n % 4], &format!("{n}{long}")).unwrap();
    }
    let packed = li.pack(Originals::None).unwrap();
    let taken = world.office().take_in(&packed.file).unwrap();
    assert_eq!((packed.entries, taken.entries), (200, 200));
    assert!(li.unpack(&world.office().answer(taken.device).unwrap()).unwrap().pages > 1);
    let status = li.field().status().unwrap();
    assert_eq!((status.unsent, status.pending), (0, 0));

    let asked = wang.pack(Originals::None).unwrap();
    assert!(asked.bytes < 4096, "who has nothing to say says it shortly: {}", asked.bytes);
    let answer = world.office().take_in(&asked.file).and_then(|taken| world.office().answer(taken.device)).unwrap();
    assert!(wang.unpack(&answer).unwrap().pages > 1);
    for item in items {
        assert_eq!(confirmed(&wang, item), confirmed(&li, item));
    }
    world.check_invariants();
}

/// The stick was pulled out early; what is on it counts, and the rest of it goes on where it was.
#[test]
fn a_parcel_that_came_by_half_goes_on_where_it_was() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let pictures = (0..2).map(|n| li.picture(&fixtures::jpeg_of_at_least(6_000_000, n))).collect();
    let case = li.capture_at("污水井盖", in_dongcheng(), pictures);
    let packed = li.pack(Originals::All).unwrap();
    let whole = std::fs::read(&packed.file).unwrap();
    let half = packed.file.with_extension("half");
    std::fs::write(&half, &whole[..whole.len() * 3 / 4]).unwrap();

    let cut = office.take_in(&half).unwrap_err().to_string();
    assert!(cut.contains("cut off") && cut.contains("copy it once more"), "{cut}");
    let here = case.photos.iter().filter(|photo| office.original(&photo.sha256).is_some()).count();
    assert_eq!(here, 1, "one came whole, of the other half");
    let taken = office.take_in(&packed.file).unwrap();
    assert_eq!((taken.entries, taken.originals), (0, 1));
    let total: u64 = case.photos.iter().map(|photo| li.original(&photo.sha256).unwrap().len() as u64).sum();
    let tallied =
        |name: &'static str| office.read(move |conn| xuncheng_core::store::meta::tallied(conn, name).unwrap());
    assert_eq!(
        (tallied("office/bytes_received"), tallied("office/bytes_resent")),
        (total, 0),
        "no byte was written twice"
    );
    let again = office.take_in(&packed.file).unwrap();
    assert_eq!((again.entries, again.originals, again.refused.len()), (0, 0, 0), "taken in twice it changes nothing");
    li.unpack(&office.answer(taken.device).unwrap()).unwrap();
    assert_eq!(li.field().status().unwrap().photos.received, 2);
    world.check_invariants();
}

/// The importing program is killed in the middle of a photo; the next one goes on where it was.
#[cfg(unix)]
#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let office = OfficeProgram::start(64 * 1024);
    let phone = Program::phone_of("li");
    assert!(phone.run(&["enrol", &office.code("li", &office.url)]).success);
    let photos = [1, 2].map(|n| phone.file(&format!("{n}.jpg"), &fixtures::jpeg_of_at_least(10_000_000, n)));
    phone.capture(&[photos[0].as_path(), photos[1].as_path()]).json();
    let total: u64 = photos.iter().map(|photo| std::fs::metadata(photo).unwrap().len()).sum();
    let file = phone.run(&["--json", "parcel", "export", "."]).json()["file"].as_str().unwrap().to_owned();
    let parcel = phone.place.path().join(file);
    let bytes = std::fs::read(&parcel).unwrap();

    // Three quarters of it come through a pipe, and no more.
    let pipe = phone.place.path().join("pipe.xcp");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut import = Command::new(xuncheng())
        .args(["parcel", "import", "--json", "--data"])
        .args([office.data(), &pipe])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stick = File::options().write(true).open(&pipe).unwrap();
    stick.write_all(&bytes[..bytes.len() * 3 / 4]).unwrap();
    let noted = |name| {
        let ledger = open_reader(&office.data().join("ledger.sqlite")).unwrap();
        tallied(&ledger, name).unwrap()
    };
    // One whole and a part of the other are on the disk for certain.
    while noted("office/bytes_received") <= total / 2 + 100_000 && import.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    import.kill().unwrap();
    assert!(!import.wait().unwrap().success(), "it was killed before its end");
    assert!(noted("office/bytes_received") < total);
    drop(stick);

    let said = office.run(&["parcel", "import", "--json", parcel.to_str().unwrap()]).json();
    assert_eq!((&said["taken"]["entries"], &said["taken"]["originals"]), (&0.into(), &1.into()), "{said}");
    assert_eq!((noted("office/bytes_received"), noted("office/bytes_resent")), (total, 0), "no byte twice");
    let answer = said["answer"]["file"].as_str().unwrap();
    let taken = phone.run(&["--json", "parcel", "import", answer]).json();
    assert_eq!(taken["status"]["photos"]["received"], 2, "{taken}");
    let again = phone.run(&["parcel", "import", answer]);
    assert!(again.success && again.out.contains("1 of 1 pages"), "{} {}", again.out, again.err);
    let later = office.run(&["parcel", "answer", "--json", "li", "--to", phone.place.path().to_str().unwrap()]).json();
    assert_ne!(later["file"], said["answer"]["file"]);
}
