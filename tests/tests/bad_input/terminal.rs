//! What others wrote is shown on a terminal and never obeyed by it; programs get it as it is.

use std::fs;
use std::process::Command;

use xuncheng_tests::fixtures::{self, Camera};
use xuncheng_tests::program::{Done, OfficeProgram, Program, xuncheng};
use xuncheng_tests::proxy::{Cut, Proxy};

/// Clears a screen, sets its title and its colour, writes backwards, hides, and adds a line that looks like ours.
const TRAP: &str = "坏\u{1b}[2J\u{1b}]0;pwn\u{7}\u{9b}31m\u{7f}\u{202e}\u{200b}了\r\nyou can: close";

/// Nothing that a terminal would obey or hide, on either way out.
fn assert_plain(what: &str, out: &str, err: &str) {
    let obeyed = |sign: char| sign.is_control() && sign != '\n' || matches!(sign, '\u{200b}' | '\u{202e}');
    for text in [out, err] {
        assert!(!text.contains(obeyed), "{what}: {text:?}");
        assert!(!text.lines().any(|line| line == "you can: close"), "{what}: {text}");
    }
}

fn plain(what: &str, done: &Done) {
    assert_plain(what, &done.out, &done.err);
}

#[test]
fn what_others_wrote_is_shown_and_never_obeyed() {
    let phone = Program::phone_of("li");
    let photo = phone.file("a.jpg", &fixtures::jpeg(96, 64, 1));
    let words = ["--category", "占道经营", "--note", TRAP, "--address", TRAP, photo.to_str().unwrap()];
    let captured = phone.run(&[&["capture"], &words[..]].concat());
    assert!(
        captured.success && captured.out.contains("坏␛[2J␛]0;pwn␇<U+009B>31m␡<U+202E><U+200B>了\n  you can: close")
    );
    plain("capture", &captured);
    let case = phone.list().remove(0);
    for words in [
        &["list"][..],
        &["show", &case],
        &["comment", &case, TRAP],
        &["edit", &case, "--note", TRAP],
        &["withdraw", &case, "--reason", TRAP],
        &["show", TRAP],
        &["list", "--category", TRAP],
        &["categories", TRAP],
        &["step", &case, TRAP],
        &["enrol", TRAP],
    ] {
        plain(words[0], &phone.run(words));
        let json = phone.run(&[&["--json"], words].concat());
        plain(words[0], &json);
    }
    let shown = phone.run(&["--json", "show", &case]).json();
    assert_eq!(shown["summary"]["description"], TRAP, "a program reads what was written");
}

#[test]
fn how_a_file_is_called_and_what_is_in_it_is_shown_and_never_obeyed() {
    let phone = Program::phone_of("li");
    let name = "\u{1b}[2J\u{202e}gpj.jpg";
    let letter = phone.file(name, &fixtures::text_file());
    let refused = phone.capture(&[&letter]);
    assert!(!refused.success && refused.err.contains("cannot read photo ␛[2J<U+202E>gpj.jpg"), "{}", refused.err);
    plain("capture", &refused);
    let camera = Camera { make: "\u{202e}acme\u{200b}".to_owned(), model: TRAP.to_owned(), ..Camera::default() };
    fs::write(&letter, fixtures::jpeg_with_exif(96, 64, 1, &camera)).unwrap();
    for words in [&["photo", "inspect"][..], &["photo", "inspect", "--json"]] {
        let done = Command::new(xuncheng()).args(words).arg(&letter).output().unwrap();
        let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(done.status.success() && out.contains("acme"), "{err}");
        assert_plain("photo inspect", &out, &err);
    }
}

#[test]
fn what_an_office_answers_is_shown_and_never_obeyed() {
    let office = OfficeProgram::start(64 * 1024);
    let wire = Proxy::before(&office.url);
    let phone = Program::phone_of("li");
    assert!(phone.run(&["enrol", &office.code("li", &wire.url)]).success);
    let problem = serde_json::json!({ "status": 400, "code": TRAP, "detail": TRAP }).to_string();
    let head = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", problem.len());
    wire.always(Some(Cut::Answer(head + &problem)));
    let refused = phone.run(&["sync"]);
    assert!(!refused.success && refused.err.contains("the office refused (400 坏␛[2J"), "{}", refused.err);
    for words in [&["sync"][..], &["--json", "sync"], &["sync", "--events"], &["status"], &["--json", "status"]] {
        plain(words[0], &phone.run(words));
    }
}
