//! When originals go: by the policy, by somebody's asking, the urgent first; records and thumbnails always at once.

use xuncheng_core::id::PhotoHash;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::sync::policy::{Conditions, Hold, Network, Power, UploadPolicy};
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// Of matters whose limits run day and night.
const URGENT: &str = "matter/09006";
/// Of matters whose limits are office hours.
const USUAL: &str = "matter/09010";

fn capture(phone: &mut Phone, category: &str, n: u64, bytes: usize) -> PhotoHash {
    let picture = phone.picture(&fixtures::jpeg_of_at_least(bytes, n));
    phone.capture_at(category, in_dongcheng(), vec![picture]).photos[0].sha256
}

fn stand(phone: &mut Phone, network: Network, power: Power) {
    phone.field_mut().set_conditions(Conditions { network, power }).unwrap();
}

/// What a phone says that its originals wait for.
fn hold(phone: &Phone) -> Option<Hold> {
    phone.field().status().unwrap().originals_held.map(|held| held.hold)
}

/// Whatever originals wait for, the case and its thumbnail are at the office; the original comes when it may, and not before.
#[test]
fn records_and_thumbnails_go_at_once_and_originals_when_they_may() {
    let on_battery = |percent| Power::Battery { percent };
    let usual = UploadPolicy::default;
    for (policy, network, power, waits_for) in [
        (usual(), Network::Roaming, Power::Charging, Hold::HomeNetwork),
        (UploadPolicy { unmetered_only: true, ..usual() }, Network::Metered, Power::Charging, Hold::UnmeteredNetwork),
        (UploadPolicy { charging_only: true, ..usual() }, Network::Unmetered, on_battery(90), Hold::Charger),
        (
            UploadPolicy { battery_floor_percent: 40, ..usual() },
            Network::Unmetered,
            on_battery(39),
            Hold::Battery { floor_percent: 40 },
        ),
        (
            UploadPolicy { metered_megabytes_a_day: 0, ..usual() },
            Network::Metered,
            Power::Charging,
            Hold::AnotherDay { megabytes: 0 },
        ),
    ] {
        let world = World::new(seed!());
        let mut li = world.enrolled("li");
        li.field_mut().set_upload_policy(Some(&policy)).unwrap();
        stand(&mut li, network, power);
        let photo = capture(&mut li, USUAL, 1, 100_000);
        li.sync().unwrap();
        let status = li.field().status().unwrap();
        assert_eq!((status.unsent, status.pending, status.attention), (0, 0, None));
        let held = status.originals_held.expect("the phone says that an original waits");
        assert_eq!((held.photos, held.hold), (1, waits_for), "{}", held.detail);
        let previewed: bool = world.office().read(move |conn| {
            conn.query_row("SELECT previewed FROM attachment WHERE sha256 = ?1", [photo], |row| row.get(0)).unwrap()
        });
        assert!(previewed, "{waits_for:?}");
        assert_eq!(li.photo_bytes_sent(), 0, "{waits_for:?}");

        stand(&mut li, Network::Unmetered, Power::Charging);
        li.sync().unwrap();
        assert_eq!(hold(&li), None, "{waits_for:?}");
        assert_eq!(world.office().original(&photo), li.original(&photo));
        world.check_invariants();
    }
}

/// Somebody asks for one photo, then for all: they go, whatever the policy says, and the others wait.
#[test]
fn what_somebody_asks_for_goes_whatever_the_policy_says() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.field_mut().set_upload_policy(Some(&UploadPolicy { asked_only: true, ..UploadPolicy::default() })).unwrap();
    stand(&mut li, Network::Roaming, Power::Battery { percent: 3 });
    let photos: Vec<PhotoHash> = (0..3).map(|n| capture(&mut li, USUAL, n, 50_000)).collect();
    li.sync().unwrap();
    assert_eq!(hold(&li), Some(Hold::Asking));

    assert_eq!(li.field_mut().send_originals_now(Some(photos[1])).unwrap(), 1);
    li.sync().unwrap();
    let there = |photo: &PhotoHash| world.office().original(photo).is_some();
    assert_eq!(photos.iter().map(there).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(li.field().status().unwrap().originals_held.unwrap().photos, 2);

    assert_eq!(li.field_mut().send_originals_now(None).unwrap(), 2);
    assert_eq!(hold(&li), None, "nothing waits that somebody asked for");
    li.sync().unwrap();
    assert!(photos.iter().all(there));
}

/// An original that the office lost and asks for by name goes although others wait.
#[test]
fn what_the_office_asks_for_by_name_goes_whatever_the_policy_says() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let lost = capture(&mut li, USUAL, 1, 50_000);
    li.sync().unwrap();
    stand(&mut li, Network::Roaming, Power::Charging);
    let waits = capture(&mut li, USUAL, 2, 50_000);
    std::fs::remove_file(original_of(&world, &lost)).unwrap();
    world.office().back_up();
    li.sync().unwrap();
    assert_eq!(world.office().original(&lost), li.original(&lost));
    assert!(world.office().original(&waits).is_none());
    world.check_invariants();
}

/// Where an original lies at the office.
fn original_of(world: &World, photo: &PhotoHash) -> std::path::PathBuf {
    PhotoFolder::open(&world.office().folder().join("photos")).unwrap().original(photo)
}

/// The day's megabytes over networks that are paid by the byte are not gone beyond by a byte, are not had twice by a wall clock
/// that jumps, or by the program's end, and are there again on another day.
#[test]
fn a_days_megabytes_are_used_once_whatever_the_clock_says() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.field_mut()
        .set_upload_policy(Some(&UploadPolicy { metered_megabytes_a_day: 1, ..UploadPolicy::default() }))
        .unwrap();
    stand(&mut li, Network::Metered, Power::Charging);
    let photos: Vec<PhotoHash> = (0..5).map(|n| capture(&mut li, USUAL, n, 300_000)).collect();
    li.sync().unwrap();
    let today = li.photo_bytes_sent();
    assert!((990_000..=1_000_000).contains(&today), "{today} bytes went");
    assert_eq!(hold(&li), Some(Hold::AnotherDay { megabytes: 1 }));

    for days in [366, -366, 0] {
        li.clock_off_by(days * 86_400_000);
        li.kill_and_restart();
        li.sync().unwrap();
        li.reboot();
        li.sync().unwrap();
        assert_eq!(li.photo_bytes_sent(), today, "a clock that is {days} days off gives no day anew");
    }
    world.wait_minutes(24 * 60);
    li.clock_off_by(-366 * 86_400_000);
    li.sync().unwrap();
    assert_eq!(hold(&li), None, "nor does it keep a day from ending");
    for photo in photos {
        assert_eq!(world.office().original(&photo), li.original(&photo));
    }
}

/// A piece that never left costs nothing.
#[test]
fn what_never_left_is_not_counted() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.field_mut()
        .set_upload_policy(Some(&UploadPolicy { metered_megabytes_a_day: 1, ..UploadPolicy::default() }))
        .unwrap();
    stand(&mut li, Network::Metered, Power::Charging);
    let photo = capture(&mut li, USUAL, 1, 800_000);
    li.sync_as_far_as_it_goes();
    li.field_mut().set_upload_policy(None).unwrap();
    let second = capture(&mut li, USUAL, 2, 800_000);
    let link = world.network(&li);
    for _ in 0..20 {
        li.field_mut().start_sync().unwrap();
        super::wire::exchange(&mut li).unwrap();
        let (id, _) = super::wire::next_upload(&mut li);
        let nothing = xuncheng_core::sync::session::Outcome::Unreachable("no network".to_owned());
        li.completed(id, &nothing).unwrap_err();
    }
    li.field_mut()
        .set_upload_policy(Some(&UploadPolicy { metered_megabytes_a_day: 2, ..UploadPolicy::default() }))
        .unwrap();
    link.clear_log();
    li.sync().unwrap();
    assert!(world.office().original(&photo).is_some() && world.office().original(&second).is_some());
}

/// Whatever was captured first, what is urgent goes first: among thumbnails and among originals. Records keep their order.
#[test]
fn what_is_urgent_goes_first() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    // More than one request of thumbnails takes.
    for n in 0..13 {
        capture(&mut li, USUAL, n, 20_000);
    }
    let urgent = capture(&mut li, URGENT, 99, 20_000);
    li.field_mut().start_sync().unwrap();
    super::wire::exchange(&mut li).unwrap();
    while super::wire::next(&mut li).1.path == "/v1/sync" {
        super::wire::exchange(&mut li).unwrap();
    }
    super::wire::exchange(&mut li).unwrap();
    let previewed: bool = world.office().read(move |conn| {
        conn.query_row("SELECT previewed FROM attachment WHERE sha256 = ?1", [urgent], |row| row.get(0)).unwrap()
    });
    assert!(previewed, "its thumbnail is in the first request of them");
    let (id, upload) = super::wire::next_upload(&mut li);
    let named = upload.headers.iter().find(|(name, _)| name == "Upload-Metadata").unwrap();
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(urgent.to_string());
    assert!(named.1.contains(&encoded), "its original is the first");
    let outcome = li.carry(&upload);
    li.completed(id, &outcome).unwrap();
    li.sync().unwrap();
}

/// The district's word is what a phone goes by until its person says otherwise, and again once that is taken back.
#[test]
fn a_phone_goes_by_the_districts_word_until_its_person_says_otherwise() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let pack = tempfile::tempdir().unwrap();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/packs/bazhou");
    for file in std::fs::read_dir(own).unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, pack.path().join(file.file_name().unwrap())).unwrap();
    }
    let about = pack.path().join("pack.toml");
    let text = std::fs::read_to_string(&about).unwrap().replace("version = \"2026.1\"", "version = \"2026.2\"");
    std::fs::write(&about, text.replace("unmetered_only = false", "unmetered_only = true")).unwrap();
    world.office().give_pack(pack.path());
    stand(&mut li, Network::Metered, Power::Charging);
    let photo = capture(&mut li, USUAL, 1, 50_000);
    li.sync().unwrap();
    assert_eq!(hold(&li), Some(Hold::UnmeteredNetwork));
    li.field_mut().set_upload_policy(Some(&UploadPolicy::default())).unwrap();
    assert_eq!(hold(&li), None);
    li.field_mut().set_upload_policy(None).unwrap();
    assert_eq!(hold(&li), Some(Hold::UnmeteredNetwork));
    assert!(world.office().original(&photo).is_none());
}
