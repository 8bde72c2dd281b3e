//! The real programs, killed with `kill -9` in the place of a change of a file: nothing that they said is lost, and they go on.
//! `./test` draws some of the changes; all of them with `XUNCHENG_CUTS=all`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use xuncheng_core::id::{EntryId, PhotoHash};
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_core::store;
use xuncheng_disk::Watched;
use xuncheng_tests::fixtures;
use xuncheng_tests::power::some_of;
use xuncheng_tests::program::{OfficeProgram, Program};
use xuncheng_tests::seed;

const PIECE: u64 = 64 * 1024;

fn photo(phone: &Program, number: u64) -> PathBuf {
    phone.file(&format!("{number}.jpg"), &fixtures::jpeg(640, 480, number))
}

/// How many changes `work` makes below `root`, told by the program itself; 0 is no number.
fn changes(root: &Path, work: impl FnOnce(&Watched<'_>)) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    work(&Watched { root, kill_at: None, count_into: Some(&count) });
    let count = std::fs::read_to_string(&count).expect("a program that is watched says how many changes it made");
    let count = count.parse().unwrap();
    assert!(count > 0, "a program that is watched makes changes");
    count
}

/// Whether the command ended by itself and well.
fn run(mut command: Command, watched: &Watched<'_>) -> bool {
    watched.run(&mut command);
    let done = command.output().unwrap();
    assert!(done.status.code().is_some() || watched.kill_at.is_some(), "nobody killed it");
    done.status.success()
}

/// Every case has its photos, byte for byte, and no photo is there that no case shows.
fn assert_whole(phone: &Program) -> usize {
    phone.assert_sound();
    let folder = PhotoFolder::open(&phone.folder().join("photos")).unwrap();
    let cases = phone.list();
    let mut shown = BTreeSet::new();
    for case in &cases {
        for photo in phone.run(&["--json", "show", case]).json()["photos"].as_array().unwrap() {
            let sha256 = photo["sha256"].as_str().unwrap().parse().unwrap();
            assert_eq!(Fingerprint::of_file(&folder.original(&sha256)).unwrap().sha256, sha256);
            shown.insert(sha256);
        }
    }
    assert_eq!(phone.photo_files().len(), 3 * shown.len(), "originals and pictures that no case shows");
    cases.len()
}

#[test]
fn a_phone_that_is_killed_while_it_is_set_up_or_captures_keeps_what_it_said() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: String| Program::phone_at(place.path().join(name));
    let words = ["init", "--person", "li"];
    let count = changes(place.path(), |watched| assert!(run(at("counted".to_owned()).command(&words), watched)));
    let seed = seed!();
    for number in some_of(count, 5, seed) {
        let phone = at(number.to_string());
        let watched = Watched { root: place.path(), kill_at: Some(number), count_into: None };
        run(phone.command(&words), &watched);
        let again = phone.run(&words);
        assert!(again.success || again.err.contains("already"), "killed at change {number}: {}", again.err);
        assert!(phone.capture(&[&photo(&phone, number)]).success, "killed at change {number}");
    }

    let phone = Program::phone_of("li");
    let capture = |number: u64| {
        let paths = [photo(&phone, number), photo(&phone, 1000 + number)];
        let words = ["capture", "--category", "matter/09006", paths[0].to_str().unwrap(), paths[1].to_str().unwrap()];
        phone.command(&words)
    };
    let count = changes(phone.folder(), |watched| assert!(run(capture(9000), watched)));
    let mut known = assert_whole(&phone);
    for number in some_of(count, 8, seed) {
        let watched = Watched { root: phone.folder(), kill_at: Some(number), count_into: None };
        let said = run(capture(number), &watched);
        let cases = assert_whole(&phone);
        assert!(cases == known + 1 || (cases == known && !said), "killed at change {number}: {cases} after {known}");
        known = cases;
    }
}

#[test]
fn a_phone_that_is_killed_while_it_syncs_sends_all_when_it_is_started_again() {
    let (office, phone) = enrolled();
    assert!(phone.capture(&[&photo(&phone, 9000)]).success);
    let count = changes(phone.folder(), |watched| assert!(run(phone.command(&["sync"]), watched)));
    for (cases, number) in some_of(count, 8, seed!()).into_iter().enumerate() {
        assert!(phone.capture(&[&photo(&phone, number)]).success);
        let watched = Watched { root: phone.folder(), kill_at: Some(number), count_into: None };
        run(phone.command(&["sync"]), &watched);
        let done = phone.run(&["sync"]);
        assert!(done.success, "killed at change {number}: {}", done.err);
        assert_all_arrived(&phone, &office, cases as u64 + 2, number);
    }
}

#[test]
fn an_office_that_is_killed_at_any_change_has_all_that_it_said_when_it_is_started_again() {
    let (mut office, phone) = enrolled();
    assert!(phone.capture(&[&photo(&phone, 9000)]).success);
    let data = office.data().to_owned();
    let count = changes(&data, |watched| {
        assert!(office.start_again(|command| watched.run(command)));
        assert!(phone.run(&["sync"]).success);
        assert!(office.ends_when_asked());
    });
    for (cases, number) in some_of(count, 10, seed!()).into_iter().enumerate() {
        assert!(phone.capture(&[&photo(&phone, number)]).success);
        let watched = Watched { root: &data, kill_at: Some(number), count_into: None };
        if office.start_again(|command| watched.run(command)) {
            // What it says is said, whether it is killed meanwhile or not.
            let _ = phone.run(&["sync"]);
        }
        let (judged, received) = told(&phone.folder().join("xuncheng.sqlite"));
        assert!(office.start_again(|_| {}), "killed at change {number}, it starts again");
        let (known, signed) = told(&data.join("ledger.sqlite"));
        assert!(judged.is_subset(&known), "killed at change {number}: an entry that it judged is gone");
        assert!(received.is_subset(&signed), "killed at change {number}: what it signed for is gone");
        let done = phone.run(&["sync"]);
        assert!(done.success, "killed at change {number}: {}", done.err);
        assert_all_arrived(&phone, &office, cases as u64 + 2, number);
    }
}

/// An office and a phone of 李巡查 that is enrolled there.
fn enrolled() -> (OfficeProgram, Program) {
    let office = OfficeProgram::start(PIECE);
    let phone = Program::phone_of("li");
    let done = phone.run(&["enrol", &office.code("li", &office.url)]);
    assert!(done.success, "{}", done.err);
    (office, phone)
}

/// Entries that were judged, and originals that were signed for, as a store says.
fn told(database: &Path) -> (BTreeSet<EntryId>, BTreeSet<PhotoHash>) {
    let conn = store::open_reader(database).unwrap();
    let judged = conn
        .prepare("SELECT entry FROM judgement")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>();
    let sql = "SELECT DISTINCT sha256 FROM attachment WHERE receipt IS NOT NULL";
    let signed = conn.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>();
    (judged.unwrap(), signed.unwrap())
}

fn assert_all_arrived(phone: &Program, office: &OfficeProgram, cases: u64, number: u64) {
    let status = phone.status();
    let count = |name: &str| status["photos"][name].as_u64().unwrap();
    assert_eq!(status["unsent"], 0, "killed at change {number}: {status}");
    assert_eq!((count("saved"), count("sent"), count("judged")), (0, 0, 0), "killed at change {number}: {status}");
    assert_eq!(count("received"), cases, "killed at change {number}: {status}");
    let (_, received) = told(&phone.folder().join("xuncheng.sqlite"));
    let folder = PhotoFolder::open(&office.data().join("photos")).unwrap();
    for sha256 in received {
        assert_eq!(Fingerprint::of_file(&folder.original(&sha256)).unwrap().sha256, sha256);
    }
    phone.assert_sound();
}
