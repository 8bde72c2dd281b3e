//! Bad input gets a clear error, and nothing is lost: through the program itself, as somebody at a terminal meets it.
//!
//! A capture is durable or it is an error; there is no third case: after each error the list is what it was, the database
//! is sound and no file lies about; after each success every photo lies there, byte for byte what its name says.

#![allow(clippy::disallowed_methods, reason = "tests own clock, threads and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "bad_input/at_the_office.rs"]
mod at_the_office;
#[path = "bad_input/looking.rs"]
mod looking;
#[path = "bad_input/parcels.rs"]
mod parcels;
#[path = "bad_input/terminal.rs"]
mod terminal;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_tests::fixtures::{self, Camera, Flaw};
use xuncheng_tests::program::{Done, OfficeProgram, Program};

/// What is kept of a phone, as far as its owner could tell.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    cases: Vec<String>,
    entries: u64,
    files: Vec<PathBuf>,
}

fn kept(phone: &Program) -> Kept {
    phone.assert_sound();
    Kept { cases: phone.list(), entries: phone.status()["entries"].as_u64().unwrap(), files: phone.photo_files() }
}

/// A failure says why in one line, to programs too, and has changed nothing.
fn assert_refused(phone: &Program, before: &Kept, done: &Done) -> String {
    assert!(!done.success, "it was kept: {}", done.out);
    assert_eq!(done.err.lines().count(), 1, "one line says why: {}", done.err);
    let said = done.err.strip_prefix("xuncheng: ").expect("it says who is speaking").trim_end();
    // Programs asked for JSON, and find the same there with a code.
    if let Ok(error) = serde_json::from_str::<Value>(&done.out) {
        assert_eq!(error["error"]["detail"], said);
        assert!(error["error"]["code"].is_string(), "{error}");
    } else {
        assert!(done.out.is_empty(), "{}", done.out);
    }
    assert!(!done.err.contains("panicked"), "{}", done.err);
    assert_eq!(&kept(phone), before, "nothing was kept of it");
    done.err.clone()
}

/// Keeps a photo that there is something wrong with, and gives the case.
fn captured(name: &str, bytes: &[u8]) -> (Program, Value) {
    let phone = Program::phone_of("li");
    let case = phone.capture(&[&phone.file(name, bytes)]).json();
    let id = case["summary"]["id"].as_str().unwrap();
    assert_eq!(phone.list(), [id]);
    phone.assert_sound();
    let folder = PhotoFolder::open(&phone.folder().join("photos")).unwrap();
    let photos = case["photos"].as_array().unwrap();
    for photo in photos {
        let sha256 = photo["sha256"].as_str().unwrap().parse().unwrap();
        assert_eq!(Fingerprint::of_file(&folder.original(&sha256)).unwrap().sha256, sha256);
        assert_eq!(fs::read(folder.original(&sha256)).unwrap(), bytes, "byte for byte");
    }
    assert_eq!(phone.photo_files().len(), 3 * photos.len(), "and nothing beside");
    (phone, case)
}

/// Tries to keep a file that is no photo, after one that is; gives what was said.
fn refused(name: &str, bytes: &[u8]) -> String {
    let phone = Program::phone_of("li");
    let sound = phone.file("sound.jpg", &fixtures::jpeg(96, 64, 1));
    phone.capture(&[&sound]).json();
    let before = kept(&phone);
    let bad = phone.file(name, bytes);
    let alone = assert_refused(&phone, &before, &phone.capture(&[&bad]));
    // Beside a sound one, which came first and is not kept without it.
    let another = phone.file("another.jpg", &fixtures::jpeg(96, 64, 2));
    assert_refused(&phone, &before, &phone.capture(&[&another, &bad]));
    // Nor does a sound one that is held already go with it.
    assert_refused(&phone, &before, &phone.capture(&[&sound, &bad]));
    assert!(alone.contains(name), "it says which: {alone}");
    alone
}

#[test]
fn no_exif_or_a_broken_one_is_kept_with_what_can_be_read() {
    let (_, plain) = captured("plain.jpg", &fixtures::jpeg(200, 100, 1));
    assert!(plain["summary"]["place"].is_null());
    let (_, sound) = captured("sound.jpg", &fixtures::jpeg_with_exif(200, 100, 1, &Camera::default()));
    assert_eq!(sound["summary"]["place"]["lat_e7"], 318_672_000);
    let (_, overlapping) = captured("overlapping.jpg", &fixtures::jpeg_with_flaw(Flaw::ValueOverlapsFields));
    assert_eq!(overlapping["summary"]["place"]["lat_e7"], 318_672_000, "what overlaps does not hide what can be read");
    for flaw in [Flaw::OffsetPastEnd, Flaw::TooManyFields, Flaw::NextListBeyondEnd, Flaw::WrongMagic, Flaw::BlankTime] {
        captured("broken.jpg", &fixtures::jpeg_with_flaw(flaw));
    }
}

#[test]
fn zero_or_absurd_coordinates_are_no_place() {
    for flaw in [Flaw::NullIsland, Flaw::NorthOfThePole, Flaw::EastOfTheDateLine, Flaw::ZeroDenominator] {
        let (_, case) = captured("absurd.jpg", &fixtures::jpeg_with_flaw(flaw));
        assert!(case["summary"]["place"].is_null(), "{flaw:?}: {}", case["summary"]);
    }
    let phone = Program::phone_of("li");
    let photo = phone.file("a.jpg", &fixtures::jpeg(96, 64, 1));
    let before = kept(&phone);
    for at in ["0,0", "91,0", "0,181", "NaN,1", "31.8", "east", "31.8,106.7,5", "inf,inf"] {
        let at = format!("--at={at}");
        let done = phone.run(&["capture", "--category", "matter/09006", &at, photo.to_str().unwrap()]);
        assert!(!done.success, "{at} was taken for a place");
        assert!(!done.err.contains("panicked"), "{}", done.err);
        assert_eq!(kept(&phone), before);
    }
}

#[test]
fn a_jpeg_that_was_cut_off() {
    let whole = fixtures::jpeg_with_exif(640, 480, 3, &Camera::default());
    for keep in [1, 3, 200, whole.len() / 2, whole.len() - 1] {
        let said = refused("IMG_1.jpg", &fixtures::cut_off(&whole, keep));
        assert!(said.contains("cannot read photo IMG_1.jpg"), "{said}");
    }
    refused("IMG_1.jpg", &fixtures::zeroed_from(&whole, whole.len() / 2));
    let closed = refused("IMG_1.jpg", &fixtures::cut_and_closed(&whole, whole.len() / 2));
    assert!(closed.contains("the picture ends too early"), "grey below its middle, and yet with an end: {closed}");
}

#[test]
fn a_png_is_a_photo() {
    let (_, case) = captured("shot.png", &fixtures::png(200, 100, 1));
    assert_eq!(case["photos"].as_array().map(Vec::len), Some(1));
    captured("named_wrong.jpg", &fixtures::png(200, 100, 1));
}

#[test]
fn a_heic_with_its_working_copy_is_kept_and_one_without_is_not() {
    let said = refused("IMG_1.HEIC", &fixtures::heic(&Camera::default()));
    assert!(said.contains("JPEG working copy"), "{said}");
    let phone = Program::phone_of("li");
    let heic = phone.file("IMG_1.HEIC", &fixtures::heic(&Camera::default()));
    let copy = phone.file("IMG_1.jpg", &fixtures::jpeg(400, 300, 1));
    let pair = format!("{}={}", heic.display(), copy.display());
    let words = ["--json", "capture", "--category", "matter/09006", "--working-copy", &pair, heic.to_str().unwrap()];
    let case = phone.run(&words).json();
    let sha256 = case["photos"][0]["sha256"].as_str().unwrap().parse().unwrap();
    let folder = PhotoFolder::open(&phone.folder().join("photos")).unwrap();
    assert_eq!(fs::read(folder.original(&sha256)).unwrap(), fs::read(&heic).unwrap(), "the HEIC is the original");
    assert_eq!(case["summary"]["place"]["lat_e7"], 318_672_000);
    let before = kept(&phone);
    for keep in [24, 300, 4000] {
        let cut = phone.file("IMG_2.HEIC", &fixtures::cut_off(&fs::read(&heic).unwrap(), keep));
        let pair = format!("{}={}", cut.display(), copy.display());
        let words = ["capture", "--category", "matter/09006", "--working-copy", &pair, cut.to_str().unwrap()];
        let said = assert_refused(&phone, &before, &phone.run(&words));
        assert!(said.contains("the file is cut off: copy it again from the phone"), "after {keep} bytes: {said}");
    }
    let letter = phone.file("letter.jpg", &fixtures::text_file());
    let pair = format!("{}={}", heic.display(), letter.display());
    let words = ["capture", "--category", "matter/09006", "--working-copy", &pair, heic.to_str().unwrap()];
    assert_refused(&phone, &before, &phone.run(&words));
}

#[test]
fn a_text_an_empty_file_and_a_header_of_four_thousand_megapixels() {
    assert!(refused("letter.jpg", &fixtures::text_file()).contains("is not a JPEG, PNG or HEIC picture"));
    assert!(refused("empty.jpg", b"").contains("the file is empty"));
    assert!(refused("huge.jpg", &fixtures::jpeg_that_claims(65_500, 65_500)).contains("65,500 × 65,500 pixels"));
}

#[test]
fn a_photo_that_is_not_there_or_is_a_folder() {
    let phone = Program::phone_of("li");
    let before = kept(&phone);
    let nowhere = phone.place.path().join("IMG_9.jpg");
    assert!(assert_refused(&phone, &before, &phone.capture(&[&nowhere])).contains("there is no such file"));
    let folder = phone.place.path().join("DCIM 1");
    fs::create_dir(&folder).unwrap();
    let said = "xuncheng: cannot read photo DCIM 1: it is a folder: name the photos in it\n";
    assert_eq!(assert_refused(&phone, &before, &phone.capture(&[&folder])), said);
    let sound = phone.file("sound.jpg", &fixtures::jpeg(96, 64, 1));
    assert_eq!(assert_refused(&phone, &before, &phone.capture(&[&sound, &folder])), said);
    let file = phone.file("DCIM", b"");
    assert_refused(&phone, &before, &phone.capture(&[&file.join("IMG_1.jpg")]));
}

/// Permissions do not bind root, so that what root runs here is run as somebody else, by `setpriv`.
#[test]
fn a_folder_that_may_not_be_read_or_written() {
    let phone = Program::phone_of("li");
    let closed = phone.place.path().join("DCIM");
    fs::create_dir(&closed).unwrap();
    let inside = closed.join("IMG_1.jpg");
    fs::write(&inside, fixtures::jpeg(96, 64, 1)).unwrap();
    let open = phone.file("open.jpg", &fixtures::jpeg(96, 64, 2));
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    if root {
        // The nobody of this machine owns the phone; the program lies where nobody may not go, so it is copied.
        run("chown", &["-R", "65534:65534", phone.place.path().to_str().unwrap()]);
        run("chmod", &["755", phone.place.path().to_str().unwrap()]);
    }
    let program = phone.place.path().join("xuncheng");
    fs::copy(xuncheng_tests::program::xuncheng(), &program).unwrap();
    let as_nobody = |words: &[&str]| {
        let mut command = if root { Command::new(somebody[0]) } else { Command::new(&program) };
        if root {
            command.args(&somebody[1..]).arg(&program);
        }
        let output = command
            .args(["phone", "--folder"])
            .arg(phone.folder())
            .args(words)
            .current_dir(phone.place.path())
            .env("HOME", phone.place.path())
            .output()
            .expect("setpriv of util-linux is here");
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let capture = |photo: &Path| as_nobody(&["capture", "--category", "matter/09006", photo.to_str().unwrap()]);
    let (kept_it, said) = capture(&open);
    assert!(kept_it, "as nobody, too: {said}");
    let before = (phone.list(), phone.photo_files());
    let refused = |what: &str, said: (bool, String)| {
        assert!(!said.0 && said.1.lines().count() == 1 && said.1.starts_with("xuncheng: "), "{what}: {}", said.1);
    };
    run("chmod", &["000", closed.to_str().unwrap()]);
    refused("a folder of photos", capture(&inside));
    run("chmod", &["000", open.to_str().unwrap()]);
    refused("a photo", capture(&open));
    run("chmod", &["644", open.to_str().unwrap()]);
    run("chmod", &["-R", "a-w", phone.folder().to_str().unwrap()]);
    refused("a phone's folder that may only be read", capture(&open));
    run("chmod", &["000", phone.folder().to_str().unwrap()]);
    refused("a phone's folder", as_nobody(&["list"]));
    run("chmod", &["-R", "u+rwX", phone.folder().to_str().unwrap()]);
    run("chmod", &["755", closed.to_str().unwrap()]);
    assert_eq!((phone.list(), phone.photo_files()), before);
    phone.assert_sound();
}

fn run(program: &str, words: &[&str]) {
    let done = Command::new(program).args(words).status().unwrap();
    assert!(done.success(), "{program} {words:?}");
}

#[test]
fn a_folder_that_is_none() {
    let phone = Program::phone_of("li");
    let file = phone.file("file", b"");
    for folder in [file.clone(), file.join("below")] {
        let none = Program::phone_at(folder);
        for words in [&["init", "--person", "li"][..], &["list"], &["status"]] {
            let done = none.run(words);
            assert!(!done.success && done.err.lines().count() == 1, "{words:?}: {}", done.err);
        }
    }
    let empty = Program::phone_at(phone.place.path().join("nothing here"));
    let done = empty.run(&["list"]);
    assert!(!done.success && done.err.contains("there is no store"), "{}", done.err);
    assert!(!empty.folder().exists(), "looking makes nothing");
    let twice = phone.run(&["init", "--person", "wang"]);
    assert!(!twice.success && twice.err.contains("already"), "{}", twice.err);
    fs::write(phone.folder().join("xuncheng.sqlite"), b"not a database at all, but long enough to be told from one")
        .unwrap();
    let done = phone.run(&["list"]);
    assert!(!done.success && done.err.lines().count() == 1, "{}", done.err);
}

/// A disk that is full at any moment, in photos and in the database alike; and full to the last byte.
#[test]
fn a_disk_that_is_full_keeps_all_of_a_capture_or_nothing() {
    let small = SmallDisk::mounted();
    let folder = small.path.join("phone");
    let phone = Program::phone_at(folder);
    assert!(phone.run(&["init", "--person", "li"]).success);
    let mut captured = 0;
    let mut full = 0;
    // The disk fills up with photos of all sizes, until nothing fits any more; then the largest no longer do.
    for n in 0..60 {
        let bytes = fixtures::jpeg_of_at_least(if n % 3 == 0 { 400_000 } else { 60_000 }, n);
        let photo = phone.file("IMG.jpg", &bytes);
        let before = kept(&phone);
        let done = phone.capture(&[&photo]);
        if done.success {
            captured += 1;
            assert_eq!(kept(&phone).cases.len(), before.cases.len() + 1);
        } else {
            full += 1;
            let said = assert_refused(&phone, &before, &done);
            assert!(said.contains("space") || said.contains("full"), "{said}");
        }
        if full > 4 {
            break;
        }
    }
    assert!(captured > 2 && full > 4, "{captured} kept, {full} refused");
    // Without room for another byte the store is still read: the reserve makes way.
    fill(&small.path.join("filler"));
    assert_eq!(phone.list().len(), captured);
    assert!(phone.run(&["status"]).success);
    phone.assert_sound();
    // What is there was read all the while; when there is room again the next one is kept.
    fs::remove_file(small.path.join("filler")).unwrap();
    small.grow();
    let photo = phone.file("IMG.jpg", &fixtures::jpeg(96, 64, 1));
    assert!(phone.capture(&[&photo]).success);
    assert_eq!(phone.list().len(), captured + 1);
    // A conversation that can note nothing more ends; with room again it goes on where it was.
    let office = OfficeProgram::start(64 * 1024);
    assert!(phone.run(&["enrol", &office.code("li", &office.url)]).success);
    fill(&small.path.join("filler"));
    let done = phone.run(&["sync"]);
    assert!(!done.success && done.err.contains("full"), "{}", done.err);
    fs::remove_file(small.path.join("filler")).unwrap();
    assert!(phone.run(&["sync"]).success);
    assert_eq!(phone.status()["photos"]["received"], captured + 1);
    phone.assert_sound();
}

/// Writes until there is no room for another byte.
fn fill(path: &Path) {
    let mut filler = fs::File::create(path).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while filler.write_all(&vec![7; size]).is_ok() {}
    }
}

/// A file system of a few megabytes: memory where root may mount, and a limit on the length of files elsewhere is not the
/// same, so that without root this fails and says so.
struct SmallDisk {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mounted() -> Self {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().to_owned();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(&path).output().unwrap();
        assert!(
            mounted.status.success(),
            "not checked: a full disk takes root, or a namespace of one's own (unshare -Urm ./test rust)"
        );
        Self { path, _dir: dir }
    }

    fn grow(&self) {
        run("mount", &["-o", "remount,size=16m", self.path.to_str().unwrap()]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

/// The same for whoever has no root: no file of this process may grow beyond a length.
#[test]
fn a_file_that_may_not_grow_keeps_all_of_a_capture_or_nothing() {
    let phone = Program::phone_of("li");
    let photo = phone.file("IMG.jpg", &fixtures::jpeg_of_at_least(300_000, 1));
    phone.capture(&[&phone.file("first.jpg", &fixtures::jpeg(96, 64, 1))]).json();
    for limit in [1_000_u64, 20_000, 100_000, 250_000] {
        let before = kept(&phone);
        let limit = format!("--fsize={limit}");
        let output = Command::new("prlimit")
            .args([&limit, "--"])
            .arg(xuncheng_tests::program::xuncheng())
            .args(["phone", "--folder"])
            .arg(phone.folder())
            .args(["capture", "--category", "matter/09006"])
            .arg(&photo)
            .output()
            .expect("prlimit of util-linux is here");
        assert!(!output.status.success());
        phone.assert_sound();
        let after = kept(&phone);
        assert_eq!((after.cases, after.entries), (before.cases, before.entries));
        let left: Vec<_> = after.files.iter().filter(|file| !before.files.contains(file)).collect();
        // The signal of the limit may have ended the program in the middle of a file: that is swept, and has no name.
        assert!(left.iter().all(|file| file.starts_with(phone.folder().join("photos/tmp"))), "{left:?}");
        fs::remove_dir_all(phone.folder().join("photos/tmp")).unwrap();
        fs::create_dir(phone.folder().join("photos/tmp")).unwrap();
    }
    assert!(phone.capture(&[&photo]).success);
}

#[test]
fn words_that_say_nothing() {
    let phone = Program::phone_of("li");
    let photo = phone.file("a.jpg", &fixtures::jpeg(96, 64, 1));
    let photo = photo.to_str().unwrap();
    let case = phone.capture(&[Path::new(photo)]).json();
    let id = case["summary"]["id"].as_str().unwrap();
    let before = kept(&phone);
    let long = "长".repeat(2001);
    let wrong: &[&[&str]] = &[
        &["capture", "--category", "飞碟", photo],
        &["capture", "--category", "", photo],
        &["capture", "--category", "matter/09006", "--note", &long, photo],
        &["capture", "--category", "matter/09006", "--address", &long, photo],
        &["show", "0000"],
        &["show", ""],
        &["step", id, "fly"],
        &["step", id, "file"],
        &["step", id, "handle"],
        &["step", id, "handle", "--photo", photo],
        &["edit", id],
        &["edit", id, "--category", "飞碟"],
        &["edit", id, "--note", &long],
        &["comment", id, ""],
        &["comment", id, &long],
        &["withdraw", "ffff"],
        &["list", "--state", "lost"],
        &["list", "--category", "飞碟"],
        &["list", "--box", "1,2,3"],
        &["list", "--after", "here"],
        &["sync"],
        &["enrol", "xuncheng://enrol?office=http://127.0.0.1:1"],
    ];
    for words in wrong {
        let done = phone.run(words);
        assert_refused(&phone, &before, &done);
    }
    let sync = phone.run(&["sync"]);
    assert!(sync.err.contains("not enrolled"), "{}", sync.err);
}

#[test]
fn each_error_says_what_to_do_next() {
    let phone = Program::phone_of("li");
    let photo = phone.file("a.jpg", &fixtures::jpeg(96, 64, 1));
    let photo = photo.to_str().unwrap();
    let case = phone.capture(&[Path::new(photo)]).json();
    let label = case["summary"]["label"].as_str().unwrap();
    let other = phone.file("b.jpg", &fixtures::jpeg(96, 64, 2));
    let other = other.to_str().unwrap();
    let before = kept(&phone);
    // What is done, what a program is told, and what a person is told.
    let wrong: &[(&[&str], &str, &[&str])] = &[
        (&["init", "--person", "wang"], "store_exists", &["name another folder"]),
        (&["show", "BZ20260101-0001"], "unknown_case", &["phone --folder", "list`", "sync`"]),
        (&["capture", "--category", "牛皮癣", photo], "unknown_category", &["非法小广告 (matter/07001)", "categories"]),
        (&["list", "--category", "占道经管"], "unknown_category", &["占道经营 (matter/09006)"]),
        (&["edit", label, "--category", "飞碟"], "unknown_category", &["categories WORD`"]),
        (&["step", label, "file"], "not_allowed", &[label, "acceptor 受理员", "li can: withdraw"]),
        (
            &["step", label, "check", "--photo", other],
            "not_allowed",
            &["check cannot", "verifier 核查员", "li can: withdraw"],
        ),
        (&["comment", label, " "], "failed", &["give the comment's text"]),
        (&["sync"], "not_enrolled", &["enrol 'xuncheng://enrol?…'", "xuncheng code new --person li"]),
    ];
    for (words, code, says) in wrong {
        let done = phone.run(&[&["--json"], *words].concat());
        let said = assert_refused(&phone, &before, &done);
        let told: Value = serde_json::from_str(&done.out).unwrap();
        assert_eq!(told["error"]["code"], *code, "{words:?}: {said}");
        for what in *says {
            assert!(said.contains(what), "{words:?}: {said}");
        }
    }
    let nowhere = Program::phone_at(phone.place.path().join("not here"));
    let done = nowhere.run(&["--json", "list"]);
    assert!(!done.success && done.err.contains("init --person") && done.out.contains("no_store"), "{}", done.err);
    let nobody = nowhere.run(&["init", "--person", "李巡查"]);
    assert!(!nobody.success && nobody.err.contains("a person's code is"), "{}", nobody.err);
    assert!(phone.run(&["withdraw", label]).success);
    let ended = phone.run(&["edit", label, "--note", "还在"]);
    assert!(!ended.success && ended.err.contains("withdrawn 已撤回"), "{}", ended.err);
}

#[test]
fn a_case_without_a_position_says_so_and_how_to_give_one() {
    let phone = Program::phone_of("li");
    let photo = phone.file("a.jpg", &fixtures::jpeg(96, 64, 1));
    let done = phone.run(&["capture", "--category", "占道经营", photo.to_str().unwrap()]);
    let hint = done.out.lines().find(|line| line.starts_with("no position is known")).expect("it says so");
    assert!(hint.contains("edit 新-") && hint.ends_with("--at LAT,LON"), "{hint}");
    let label = done.out.split_whitespace().next().unwrap();
    let placed = phone.run(&["edit", label, "--at", "31.8672,106.7531"]);
    assert!(placed.success && placed.out.contains("31.867200, 106.753100"), "{}", placed.err);
    assert!(!placed.out.contains("no position"), "{}", placed.out);
    let exif = phone.file("b.jpg", &fixtures::jpeg_with_exif(200, 100, 1, &Camera::default()));
    let known = phone.run(&["capture", "--category", "占道经营", exif.to_str().unwrap()]);
    assert!(known.success && !known.out.contains("no position"), "{}", known.out);
}

#[test]
fn categories_are_found_by_name_synonym_and_number() {
    let phone = Program::phone_of("li");
    let names = |word: &[&str]| -> Vec<String> {
        let rows = phone.run(&[&["--json", "categories"], word].concat()).json();
        let name = |row: &Value| format!("{} {}", row["short"].as_str().unwrap(), row["name"].as_str().unwrap());
        rows.as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(names(&["牛皮癣"]), ["matter/07001 非法小广告"]);
    assert_eq!(names(&["09006"]), ["matter/09006 占道经营"]);
    assert_eq!(names(&[]).len(), 403);
    assert!(names(&["飞碟"]).is_empty(), "a list of none is a list");
    assert!(phone.run(&["categories", "盲道"]).out.contains("盲道"));
    let none = phone.run(&["categories", "占道经管"]);
    assert!(!none.success && none.err.contains("near it: 占道经营"), "{}", none.err);
}
