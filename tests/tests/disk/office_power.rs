//! The power goes while an office starts, takes in, signs, backs up and restores; at the office alone, at a phone alone, or at
//! both. What either told the other it still has, and both go on to the end.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use xuncheng_core::id::PhotoHash;
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_core::store;
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::work::case::CaseStep;
use xuncheng_disk::{Disk, Fault, Recording, Variant};
use xuncheng_office::{Config, Office, restore};
use xuncheng_tests::phone::Phone;
use xuncheng_tests::power::{Choice, Lost, at_every_cut, each_sync_is_missed, some_of};
use xuncheng_tests::seed;
use xuncheng_tests::world::{MORNING, World};

/// The folder of 李's phone, below the district's.
const PHONE: &str = "phone-0-li";

/// A code that was given out is the promise: it names the root key, and opens once.
#[test]
fn the_power_may_go_at_any_moment_of_an_offices_first_start() {
    let seed = seed!();
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::record(root.path());
    let world = World::within(root, MORNING, seed);
    disk.mark(world.office().code("li").to_string());
    world.office().stop();
    let recording = disk.finish();
    let choice = Choice { what: "an office's first start", seed, most: 40, machines: &[] };
    at_every_cut(&recording, choice, |image, said| {
        let world = a_day_later(image, seed);
        world.check_invariants();
        let codes: Vec<EnrolmentCode> = said.iter().map(|code| code.parse().unwrap()).collect();
        let mut phone = world.phone("li");
        phone.enrol(codes.first().unwrap_or(&world.office().code("li"))).expect("a code that was given out enrols");
        phone.sync().unwrap();
    });
}

/// Captures and syncs, with all that is sent on the way; a case is filed.
fn day(phone: &mut Phone, world: &World, disk: &Disk) {
    phone.enrol(&world.office().code("li")).unwrap();
    disk.mark("enrolled");
    for _ in 0..2 {
        let case = phone.capture("matter/09006");
        disk.mark(format!("kept {}", case.summary.id));
        phone.sync().unwrap();
        world.settle();
    }
    let newest = phone.field().cases(&Query::default(), None, 1).unwrap().cases[0].id;
    world.office().step("zhang", newest, CaseStep::File, &[]).unwrap();
    disk.mark("filed");
    phone.sync().unwrap();
}

fn recorded_day(seed: u64) -> Recording {
    let world = World::new(seed);
    let disk = Disk::record(world.folder());
    let mut phone = world.phone("li");
    disk.mark("set up");
    day(&mut phone, &world, &disk);
    drop(phone);
    world.office().stop();
    disk.finish()
}

#[test]
fn the_power_may_go_at_any_moment_of_a_day_at_the_office_and_on_a_phone() {
    let seed = seed!();
    let recording = recorded_day(seed);
    let machines: &[&[&str]] = &[&["office"], &[PHONE], &["office", PHONE]];
    let choice = Choice { what: "a day of an office and a phone", seed, most: 120, machines };
    at_every_cut(&recording, choice, |image, said| assert_both_go_on(image, said, seed));
    let lost: &[Lost] = &[
        ("syncs of the ledger's log", |path| path == Path::new("office/ledger.sqlite-wal")),
        ("syncs of uploads and of what becomes of them", |path| path.starts_with("office/uploads/")),
        ("syncs of folders of originals", |path| {
            path.parent() == Some(Path::new("office/photos")) && !path.ends_with("tmp")
        }),
    ];
    let office_alone = Choice { most: 60, machines: &[&["office"]], ..choice };
    each_sync_is_missed(&recording, office_alone, lost, |image, said| assert_both_go_on(image, said, seed));
}

/// The district that lies in `image`, on the next morning.
fn a_day_later(image: TempDir, seed: u64) -> World {
    World::within(image, MORNING.plus_ms(24 * 3_600_000), seed)
}

/// Both open; what each holds of the other's word is so; they go on, and all that was kept arrives.
fn assert_both_go_on(image: TempDir, said: &[String], seed: u64) {
    let is_set_up = said.iter().any(|said| said == "set up");
    let is_enrolled = said.iter().any(|said| said == "enrolled");
    let world = a_day_later(image, seed);
    if !is_set_up {
        return world.check_invariants();
    }
    let mut phone = world.phone_found_at(PHONE);
    world.check_invariants();
    let kept: Vec<_> =
        said.iter().filter_map(|said| said.strip_prefix("kept ")).map(|id| id.parse().unwrap()).collect();
    let mut originals = Vec::new();
    for item in &kept {
        for photo in phone.case(*item).photos {
            originals.push((photo.sha256, phone.original(&photo.sha256).expect("an original lies on its phone")));
        }
    }
    if phone.field().office().unwrap().is_none() {
        assert!(!is_enrolled, "an enrolment that was done is lost");
        phone.enrol(&world.office().code("li")).expect("a phone enrols where that was cut off");
    }
    let failures = phone.sync_whatever_happens();
    assert!(failures <= 2, "{failures} failures on a sound network");
    world.settle();
    world.check_invariants();
    for (sha256, bytes) in originals {
        assert!(world.office().original(&sha256) == Some(bytes), "an original that was kept is at the office");
    }
    for item in kept {
        assert!(world.office().view(item).is_some(), "a case that was kept is at the office");
    }
    assert_eq!(phone.field().status().unwrap().unsent, 0);
}

/// An office with two receipted photos, and the place of its backups.
struct BackedUp {
    world: World,
    phone: Phone,
}

impl BackedUp {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let mut phone = world.enrolled("li");
        phone.capture("matter/09006");
        phone.capture("matter/09005");
        phone.sync().unwrap();
        world.settle();
        Self { world, phone }
    }

    /// A backup; the phone hears what is safe; one more photo, another backup, and a restore beside it.
    fn back_up_and_restore(&mut self, disk: &Disk) {
        self.back_up(disk);
        self.phone.capture("matter/09006");
        self.phone.sync().unwrap();
        self.world.settle();
        self.back_up(disk);
        let folder = self.world.folder().to_owned();
        restore(&folder.join("backups"), &folder.join("restored"), false).unwrap();
        disk.mark("restored");
    }

    fn back_up(&mut self, disk: &Disk) {
        let report = self.world.office().back_up();
        disk.mark(format!("backup {}", report.backup.file_name().unwrap().to_string_lossy()));
        self.phone.sync().unwrap();
        disk.mark(format!("safe {}", self.phone.field().status().unwrap().photos.safe));
    }

    fn end(self, disk: Disk) -> Recording {
        let Self { world, phone } = self;
        drop(phone);
        world.office().stop();
        disk.finish()
    }
}

#[test]
fn the_power_may_go_at_any_moment_of_a_backup_and_of_a_restore() {
    let seed = seed!();
    let mut backed_up = BackedUp::new(seed);
    let disk = Disk::record(backed_up.world.folder());
    backed_up.back_up_and_restore(&disk);
    let recording = backed_up.end(disk);
    let choice = Choice { what: "two backups and a restore", seed, most: 60, machines: &[] };
    at_every_cut(&recording, choice, |image, said| assert_backups_are_whole(image, said, seed));
    let lost: &[Lost] = &[
        ("syncs of the place of backups", |path| path == Path::new("backups")),
        ("syncs of what is copied", |path| path.to_string_lossy().contains("/.tmp")),
        ("syncs of the copied ledger", |path| path.starts_with("backups/") && path.ends_with("ledger.sqlite")),
        ("syncs of the folders of backups", |path| path.to_string_lossy().starts_with("backups/.unfinished")),
        ("syncs of where a restored office lies", |path| path == Path::new("")),
    ];
    each_sync_is_missed(&recording, Choice { most: 40, ..choice }, lost, |image, said| {
        assert_backups_are_whole(image, said, seed);
    });
}

/// Killed at each change in turn, a backup is made again, and then the power goes.
#[test]
fn a_backup_that_was_killed_at_any_change_leaves_none_that_is_not_whole() {
    let seed = seed!();
    let count = {
        let backed_up = BackedUp::new(seed);
        let disk = Disk::counting(backed_up.world.folder());
        backed_up.world.office().back_up();
        disk.operations()
    };
    for number in some_of(count, 12, seed) {
        let mut backed_up = BackedUp::new(seed);
        let folder = backed_up.world.folder().to_owned();
        let disk = Disk::record(&folder);
        disk.fails_from_now(Some(Fault::Dies(number)));
        let killed = xuncheng_office::backup(&folder.join("office"), &folder.join("backups"));
        disk.fails_from_now(None);
        drop(killed);
        backed_up.back_up(&disk);
        let end = backed_up.end(disk).end();
        for variant in [Variant::Nothing, Variant::Everything] {
            let image = tempfile::tempdir().unwrap();
            end.image(variant).lay_out(image.path()).unwrap();
            let looked = std::panic::AssertUnwindSafe(|| assert_backups_are_whole(image, &end.said, seed));
            if let Err(panic) = std::panic::catch_unwind(looked) {
                eprintln!("after a kill at change {number}, with {variant:?} of what was not synced");
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// What bears the name of a backup is one; the newest holds each photo that is called safe; a restored office opens.
fn assert_backups_are_whole(image: TempDir, said: &[String], seed: u64) {
    let root = image.path().to_owned();
    let backups = named_backups(&root.join("backups"));
    let promised = said.iter().filter_map(|said| said.strip_prefix("backup "));
    for name in promised {
        assert!(backups.iter().any(|path| path.ends_with(name)), "the backup {name} is there");
    }
    let restored_at = tempfile::tempdir().unwrap();
    for (number, backup) in backups.iter().enumerate() {
        let report = restore(backup, &restored_at.path().join(number.to_string()), true)
            .unwrap_or_else(|error| panic!("{} is no backup: {error}", backup.display()));
        assert_eq!((report.missing.len(), report.drawn_again), (0, 0), "{} is whole", backup.display());
    }
    let newest = backups.len().checked_sub(1).map(|number| restored_at.path().join(number.to_string()).join("photos"));
    for (whose, database) in
        [("the phone", root.join(PHONE).join("xuncheng.sqlite")), ("the office", root.join("office/ledger.sqlite"))]
    {
        let conn = store::open_reader(&database).unwrap();
        let sql = "SELECT DISTINCT sha256 FROM attachment WHERE safe = 1";
        let mut statement = conn.prepare(sql).unwrap();
        let safe: Vec<PhotoHash> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for sha256 in safe {
            let folder = newest.as_ref().unwrap_or_else(|| panic!("{whose} calls photos safe and there is no backup"));
            let original = PhotoFolder::open(folder).unwrap().original(&sha256);
            let found = Fingerprint::of_file(&original).unwrap_or_else(|_| panic!("{whose} calls {sha256} safe"));
            assert_eq!(found.sha256, sha256);
        }
    }
    let restored = root.join("restored");
    let is_there = restored.exists() && std::fs::read_dir(&restored).unwrap().next().is_some();
    assert!(is_there || !said.iter().any(|said| said == "restored"), "an office that was restored is there");
    if is_there {
        opens(&restored);
    }
    // The office itself goes on.
    let world = a_day_later(image, seed);
    let mut phone = world.phone_found_at(PHONE);
    world.check_invariants();
    phone.sync_whatever_happens();
    world.settle();
    world.check_invariants();
    assert!(world.office().back_up().missing.is_empty(), "and may be backed up again");
}

fn opens(data: &Path) {
    let office = Office::open(Config::new(data)).expect("an office that was restored opens");
    assert_eq!(office.epoch().counter, 2);
}

/// Folders that bear the name of a backup, oldest first.
fn named_backups(place: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(place).into_iter().flatten().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("20");
    let mut named: Vec<PathBuf> = folders.filter(named).collect();
    named.sort();
    named
}
