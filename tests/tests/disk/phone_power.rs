//! The power goes while a phone works without a network: all that it said is there, whatever else is there is whole.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use xuncheng_core::clock::{Now, Seed};
use xuncheng_core::field::{Capture, CapturePhoto, CaseEdit, Field, FieldError};
use xuncheng_core::id::{ItemId, PersonId};
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::photo::Fingerprint;
use xuncheng_core::store::StoreError;
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_disk::{Disk, Fault, Variant};
use xuncheng_tests::fixtures;
use xuncheng_tests::power::{Choice, Lost, at_every_cut, each_sync_is_missed, some_of};
use xuncheng_tests::program::files_below;
use xuncheng_tests::seed;
use xuncheng_tests::world::MORNING;

fn now() -> Now {
    Now { wall: MORNING, monotonic_ms: 1000, boot_id: "boot".to_owned() }
}

fn li() -> PersonId {
    PersonId::new("li").unwrap()
}

/// Where a phone's store is, in a folder that was there before.
fn store(root: &Path) -> PathBuf {
    root.join("phone")
}

fn capture_of(pictures: &[PathBuf]) -> Capture {
    let photo = |file: &PathBuf| CapturePhoto { file: file.clone(), working_copy: None, role: PhotoRole::Close };
    Capture {
        category: "matter/09006".to_owned(),
        description: "占道经营".to_owned(),
        address: None,
        place: None,
        fix: None,
        occurred_at: None,
        photos: pictures.iter().map(photo).collect(),
    }
}

/// What an inspector does without a network; each answer of the phone is handed to `say`.
struct Inspector {
    camera: TempDir,
    root: PathBuf,
    steps: u8,
    field: Option<Field>,
}

type Say<'a> = &'a mut dyn FnMut(String);

impl Inspector {
    fn new(root: &Path) -> Self {
        Self { camera: tempfile::tempdir().unwrap(), root: root.to_owned(), steps: 0, field: None }
    }

    fn seed(&mut self) -> Seed {
        self.steps = self.steps.wrapping_add(1);
        Seed::from_bytes([self.steps; 32])
    }

    fn pictures(&self, numbers: &[u64]) -> Vec<PathBuf> {
        let picture = |number: &u64| {
            let path = self.camera.path().join(format!("{number}.jpg"));
            std::fs::write(&path, fixtures::jpeg(96, 64, *number)).unwrap();
            path
        };
        numbers.iter().map(picture).collect()
    }

    /// The store; set up where that was not done, or not to its end.
    fn open(&mut self, say: Say<'_>) -> Result<(), FieldError> {
        self.field = None;
        let seed = self.seed();
        let field = match Field::open(&store(&self.root)) {
            Err(FieldError::Store(StoreError::NoStore(_))) => Field::init(&store(&self.root), &li(), &seed)?,
            opened => opened?,
        };
        self.field = Some(field);
        say("set up".to_owned());
        Ok(())
    }

    fn field(&mut self) -> &mut Field {
        self.field.as_mut().expect("the store is open")
    }

    fn capture(&mut self, pictures: &[u64], say: Say<'_>) -> Result<ItemId, FieldError> {
        let (files, seed) = (self.pictures(pictures), self.seed());
        let case = self.field().capture(&capture_of(&files), &now(), &seed)?;
        say(format!("kept {} {}", case.summary.id, pictures.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")));
        Ok(case.summary.id)
    }

    fn describe(&mut self, item: ItemId, text: &str, say: Say<'_>) -> Result<(), FieldError> {
        let edit = CaseEdit { description: Some(text.to_owned()), ..CaseEdit::default() };
        let seed = self.seed();
        self.field().edit(item, &edit, &now(), &seed)?;
        say(format!("described {item} {text}"));
        Ok(())
    }

    /// The work of a morning: set up, a case with two photos, a correction, a restart, one more case.
    fn morning(&mut self, say: Say<'_>) -> Result<(), FieldError> {
        self.open(say)?;
        let item = self.capture(&[1, 2], say)?;
        self.describe(item, "两处摊位", say)?;
        self.open(say)?;
        self.capture(&[3], say).map(drop)
    }

    /// The program is killed: what its end would write reaches no disk.
    fn killed(&mut self, disk: &Disk) {
        disk.fails_from_now(Some(Fault::Dies(0)));
        self.field = None;
        disk.fails_from_now(None);
    }
}

/// A store that is found opens, is sound, has all that was said, and of nothing a half.
fn assert_kept(root: &Path, said: &[String]) {
    let field = match Field::open(&store(root)) {
        Ok(field) => Some(field),
        Err(FieldError::Store(StoreError::NoStore(_))) if said.is_empty() => None,
        Err(error) => panic!("a store that was set up does not open: {error}"),
    };
    let mut inspector = Inspector { steps: 100, ..Inspector::new(root) };
    // What was begun and not promised is begun again.
    match field {
        Some(field) => inspector.field = Some(field),
        None => inspector.open(&mut |_| {}).expect("a store can be set up where that was cut off"),
    }
    let field = inspector.field();
    let check: String = field.store().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    for said in said {
        let words: Vec<&str> = said.split(' ').collect();
        match words[..] {
            ["set", "up"] => assert_eq!(field.person(), &li()),
            ["kept", item, ref pictures @ ..] => {
                let case = field.case(item.parse().unwrap()).expect("a case that was kept is there");
                assert_eq!(case.photos.len(), pictures.len());
                for picture in pictures {
                    let bytes = fixtures::jpeg(96, 64, picture.parse().unwrap());
                    let original = field.photos().original(&Fingerprint::of(&bytes).sha256);
                    assert_eq!(std::fs::read(original).ok(), Some(bytes), "an original is there as it was taken");
                }
            }
            ["described", item, text] => {
                let case = field.case(item.parse().unwrap()).expect("a case that was described is there");
                let own = case.entries.len();
                assert!(own >= 2, "what was said of it is there: {text}");
            }
            _ => panic!("nobody says {said:?}"),
        }
    }
    assert_whole(field);
    // Whatever there was: work goes on.
    inspector.capture(&[7000], &mut |_| {}).expect("the next case is kept");
    let field = inspector.field();
    assert_whole(field);
    // A key that was torn would show only when something is to be signed.
    let code: EnrolmentCode = "xuncheng://enrol?office=http%3A%2F%2F127.0.0.1%3A1&person=li&secret=00&root=0000000000000000000000000000000000000000000000000000000000000000"
        .parse()
        .unwrap();
    field.enrol(&code, "a phone", &Seed::from_bytes([1; 32])).expect("the key signs");
}

/// Every case has all its photos, byte for byte what their names say; no file is there that no case shows.
fn assert_whole(field: &Field) {
    let mut shown = Vec::new();
    for case in field.cases(&Query::default(), None, 200).unwrap().cases {
        for photo in field.case(case.id).unwrap().photos {
            let folder = field.photos();
            let found = Fingerprint::of_file(&folder.original(&photo.sha256)).expect("an original of a case is there");
            assert_eq!(found.sha256, photo.sha256);
            for path in [folder.original(&photo.sha256), folder.view(&photo.sha256), folder.thumbnail(&photo.sha256)] {
                assert!(path.exists(), "{} is missing", path.display());
                shown.push(path);
            }
        }
    }
    shown.sort();
    // Done once more after an error, a case shows what another shows.
    shown.dedup();
    assert_eq!(files_below(field.photos().root()), shown, "photo files are those that cases show");
}

#[test]
fn the_power_may_go_at_any_moment_of_a_phones_morning() {
    let seed = seed!();
    let root = tempfile::tempdir().unwrap();
    let mut inspector = Inspector::new(root.path());
    let disk = Disk::record(root.path());
    inspector.morning(&mut |text| disk.mark(text)).unwrap();
    let recording = disk.finish();
    let choice = Choice { what: "a phone's morning", seed, most: 160, machines: &[] };
    at_every_cut(&recording, choice, |image, said| assert_kept(image.path(), said));
    let lost: &[Lost] = &[
        ("syncs of the database's log", |path| path.ends_with("xuncheng.sqlite-wal")),
        ("syncs of the database", |path| path.ends_with("xuncheng.sqlite")),
        ("syncs of photos", |path| path.starts_with("phone/photos/tmp/") && path.components().count() == 4),
        ("syncs of the key", |path| path.starts_with("phone/device.key.unfinished")),
        ("syncs of the folder that the store's lies in", |path| path == Path::new("")),
        ("syncs of the store's folder", |path| path == Path::new("phone")),
        ("syncs of the folder of photos", |path| path == Path::new("phone/photos")),
        ("syncs of folders of photos", |path| {
            path.parent() == Some(Path::new("phone/photos")) && !path.ends_with("tmp")
        }),
        ("syncs of notes of photos without rows", |path| path == Path::new("phone/photos/tmp")),
    ];
    each_sync_is_missed(&recording, Choice { most: 60, ..choice }, lost, |image, said| assert_kept(image.path(), said));
}

/// How many changes a morning makes.
fn changes() -> u64 {
    let root = tempfile::tempdir().unwrap();
    let disk = Disk::counting(root.path());
    Inspector::new(root.path()).morning(&mut |_| {}).unwrap();
    disk.operations()
}

/// Killed at each change in turn, started again, and then the power goes: what the first run had not synced is promised by
/// the second.
#[test]
fn a_phone_that_was_killed_at_any_change_promises_nothing_that_a_power_cut_takes() {
    let count = changes();
    for number in some_of(count, 24, seed!()) {
        let root = tempfile::tempdir().unwrap();
        let mut inspector = Inspector::new(root.path());
        let disk = Disk::record(root.path());
        disk.fails_from_now(Some(Fault::Dies(number)));
        // The last changes are those of a program that ends.
        let _ = inspector.morning(&mut |text| disk.mark(text));
        inspector.killed(&disk);
        inspector.morning(&mut |text| disk.mark(text)).expect("a phone that was killed goes on");
        drop(inspector);
        assert_kept_after(&format!("a kill at change {number}"), disk);
    }
}

/// One error of the disk at each change in turn: the phone says so. What it said was kept is, whether it goes on then, or is
/// killed; what it said was not is nowhere by halves.
#[test]
fn a_phone_outlives_any_single_error_of_its_disk() {
    let count = changes();
    for number in some_of(count, 24, seed!()) {
        for is_killed in [false, true] {
            let root = tempfile::tempdir().unwrap();
            let mut inspector = Inspector::new(root.path());
            let disk = Disk::record(root.path());
            disk.fails_from_now(Some(Fault::Error(number)));
            let tried = inspector.morning(&mut |text| disk.mark(text));
            if is_killed {
                inspector.killed(&disk);
            } else if tried.is_err() {
                // Tried again as a person would.
                inspector.morning(&mut |text| disk.mark(text)).expect("the disk fails once");
            }
            drop(inspector);
            let then = if is_killed { ", then a kill" } else { "" };
            assert_kept_after(&format!("an error at change {number}{then}"), disk);
        }
    }
}

/// A commit whose sync failed lies in SQLite's log as a whole. It comes back when the log is read after a kill, although its
/// person was told that nothing was kept, and its photos were deleted: no row may come back that names them.
#[test]
fn failed_commit_comes_back() {
    let mut failed = 0;
    for number in 0.. {
        let root = tempfile::tempdir().unwrap();
        let mut inspector = Inspector::new(root.path());
        let mut said = Vec::new();
        inspector.open(&mut |text| said.push(text)).unwrap();
        let disk = Disk::failing(root.path(), Fault::SyncFails(number));
        let tried = inspector.capture(&[1, 2], &mut |text| said.push(text));
        if !disk.has_struck() {
            break;
        }
        failed += u32::from(matches!(tried, Err(FieldError::Store(_))));
        inspector.killed(&disk);
        drop((inspector, disk));
        // No power was cut: the next program finds what this one wrote, synced or not.
        eprintln!("sync {number} of a capture fails, {said:?}");
        assert_kept(root.path(), &said);
    }
    assert!(failed > 0, "one of them is the commit's");
}

fn assert_kept_after(what: &str, disk: Disk) {
    let end = disk.finish().end();
    for variant in [Variant::Nothing, Variant::Everything] {
        let image = tempfile::tempdir().unwrap();
        end.image(variant).lay_out(image.path()).unwrap();
        if let Err(panic) = std::panic::catch_unwind(|| assert_kept(image.path(), &end.said)) {
            eprintln!("after {what}, with {variant:?} of what was not synced; promised were {:?}", end.said);
            std::panic::resume_unwind(panic);
        }
    }
}
