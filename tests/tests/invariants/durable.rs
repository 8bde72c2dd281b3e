//! Invariant 1: work is durable before the call returns.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_tests::fixtures::{self, Camera};
use xuncheng_tests::program::{Program, files_below};

/// Every photo of every listed case lies there, byte for byte what its name says, with both renditions.
fn assert_whole(phone: &Program) -> Vec<String> {
    phone.assert_sound();
    let folder = PhotoFolder::open(&phone.folder().join("photos")).unwrap();
    let cases = phone.list();
    for case in &cases {
        let shown = phone.run(&["--json", "show", case]).json();
        let photos = shown["photos"].as_array().unwrap();
        assert!(!photos.is_empty(), "a case without its photos");
        for photo in photos {
            let sha256 = photo["sha256"].as_str().unwrap().parse().unwrap();
            assert_eq!(Fingerprint::of_file(&folder.original(&sha256)).unwrap().sha256, sha256);
            assert!(folder.view(&sha256).exists() && folder.thumbnail(&sha256).exists());
        }
    }
    cases
}

/// Invariant 1.
#[test]
fn a_capture_is_there_after_the_kill_that_follows_its_first_word() {
    let phone = Program::phone_of("li");
    for round in 0..3 {
        let photo = phone.file(&format!("{round}.jpg"), &fixtures::jpeg_with_exif(640, 480, round, &Camera::default()));
        let mut child = phone
            .command(&["capture", "--category", "matter/09006", photo.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(said.contains("新-"), "it says what it kept: {said:?}");
        assert_eq!(assert_whole(&phone).len() as u64, round + 1);
    }
}

/// Invariant 1: wherever the process dies, a case is there whole or not at all, and no picture that nobody knows of stays.
#[test]
fn a_capture_that_is_killed_anywhere_is_there_whole_or_not_at_all() {
    let phone = Program::phone_of("li");
    let photo = |n: u64| phone.file(&format!("{n}.jpg"), &fixtures::jpeg(1200, 900, n)).to_str().unwrap().to_owned();
    let words =
        |n: u64| ["capture".to_owned(), "--category".to_owned(), "matter/09006".to_owned(), photo(n), photo(100 + n)];
    let mut known = 0;
    let mut struck = 0;
    // Dies when so many files have come and gone in the phone's folder: a moment that the disk tells, not a clock.
    for changes in 1..14 {
        let words = words(changes);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut child = phone.command(&words).stdout(Stdio::null()).spawn().unwrap();
        let mut seen = state_of(phone.folder());
        let mut changed = 0;
        while changed < changes && child.try_wait().unwrap().is_none() {
            let state = state_of(phone.folder());
            changed += u64::from(state != seen);
            seen = state;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let cases = assert_whole(&phone).len();
        assert!(cases == known || cases == known + 1, "half a case: {known} before, {cases} after");
        assert_eq!(phone.photo_files().len(), 6 * cases, "originals and renditions that no case shows");
        struck += usize::from(cases == known);
        known = cases;
    }
    assert!(struck > 0, "each capture was done before it was killed");
    let words = words(99);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = phone.run(&words);
    assert!(done.success, "the next capture is kept: {}", done.err);
    assert_eq!(assert_whole(&phone).len(), known + 1);
}

/// Names and lengths of all files below `folder`.
fn state_of(folder: &Path) -> Vec<(std::path::PathBuf, u64)> {
    files_below_now(folder).into_iter().filter_map(|path| Some((path.clone(), path.metadata().ok()?.len()))).collect()
}

/// As [`files_below`], for a folder that changes meanwhile.
fn files_below_now(folder: &Path) -> Vec<std::path::PathBuf> {
    std::panic::catch_unwind(|| files_below(folder)).unwrap_or_default()
}
