//! Real processes and real connections, which are cut, answered by somebody else, and lied to.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use xuncheng_tests::fixtures::{self, Camera};
use xuncheng_tests::program::{Done, OfficeProgram, Program};
use xuncheng_tests::proxy::{Cut, Proxy};

const PIECE: u64 = 64 * 1024;

/// An office, a wire before it, and a phone of 李巡查 that is enrolled over the wire.
struct Street {
    office: OfficeProgram,
    wire: Proxy,
    li: Program,
}

impl Street {
    fn new() -> Self {
        let office = OfficeProgram::start(PIECE);
        let wire = Proxy::before(&office.url);
        let li = Program::phone_of("li");
        let street = Self { office, wire, li };
        street.enrol(&street.li, "li");
        street
    }

    fn enrol(&self, phone: &Program, person: &str) {
        let done = phone.run(&["enrol", &self.office.code(person, &self.wire.url)]);
        assert!(done.success, "{}", done.err);
    }

    fn capture(&self, bytes: &[u8]) -> String {
        let photo: PathBuf = self.li.file("IMG_1.jpg", bytes);
        let case = self.li.capture(&[&photo]).json();
        case["summary"]["id"].as_str().unwrap().to_owned()
    }

    /// Everything that was captured is at the office, judged and received.
    fn assert_all_arrived(&self, cases: usize) {
        let status = self.li.status();
        let count = |name: &str| status["photos"][name].as_u64().unwrap();
        assert_eq!(status["unsent"], 0, "{status}");
        assert_eq!((count("saved"), count("sent"), count("judged")), (0, 0, 0), "{status}");
        assert_eq!(count("received"), cases as u64, "{status}");
        assert_eq!(self.li.list().len(), cases);
        self.li.assert_sound();
    }
}

fn photo(n: u64) -> Vec<u8> {
    fixtures::jpeg_with_exif(320, 240, n, &Camera::default())
}

#[test]
fn a_connection_that_is_cut_in_headers_or_bodies_loses_nothing() {
    let street = Street::new();
    let mut cases = 0;
    let cuts = [0, 1, 40, 200, 900, 20_000].into_iter().flat_map(|bytes| [Cut::ToOffice(bytes), Cut::ToPhone(bytes)]);
    for cut in cuts {
        street.capture(&photo(cases as u64));
        cases += 1;
        street.wire.next(cut.clone());
        // It ends with the failure, unless the wait after it was over before it was asked for.
        let done = street.li.run(&["sync", "--events"]);
        let failed = done.out.contains("\"event\":\"failed\"");
        assert!(failed || matches!(cut, Cut::ToOffice(20_000) | Cut::ToPhone(20_000)), "{cut:?}: {}", done.out);
        assert!(done.success || done.err.lines().count() == 1, "one line says why: {}", done.err);
        let done = street.li.run(&["sync"]);
        assert!(done.success, "after {cut:?}: {}", done.err);
        street.assert_all_arrived(cases);
    }
}

/// Two processes that carry the same store at once end well, both of them.
#[test]
fn two_syncs_of_one_phone_do_not_disturb_each_other() {
    let street = Street::new();
    for n in 0..6 {
        street.capture(&fixtures::jpeg_of_at_least(200_000, n));
    }
    let syncs = [(); 2]
        .map(|()| street.li.command(&["sync", "--keep-trying", "--events"]))
        .map(|mut sync| sync.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    for sync in syncs {
        let done = sync.wait_with_output().unwrap();
        let [said, erred] = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(done.status.success() && !said.contains("\"event\":\"failed\""), "{said}\n{erred}");
    }
    street.assert_all_arrived(6);
    assert_eq!(street.li.status()["attention"], Value::Null);
}

/// What the office refused is named by the status with the command that acknowledges it, and is then said no more.
#[test]
fn a_refusal_is_acknowledged_by_the_words_that_the_status_gives() {
    let street = Street::new();
    // 陈师傅 handles; reporting is not hers.
    let chen = Program::phone_of("chen");
    street.enrol(&chen, "chen");
    let photo_of_hers = chen.file("IMG_1.jpg", &photo(1));
    assert!(chen.capture(&[&photo_of_hers]).success);
    assert!(chen.run(&["sync"]).success);
    let status = chen.run(&["status"]);
    let line = status.out.lines().find_map(|line| line.strip_prefix("needs attention: entry ")).expect(&status.out);
    let entry = line.split(' ').next().unwrap();
    assert!(status.out.contains(&format!("acknowledge {entry}, or --all")), "{}", status.out);

    let left = |done: &Done| done.json()["refused"].as_array().unwrap().len();
    assert_eq!(left(&chen.run(&["--json", "acknowledge", entry])), 1, "the photo is left");
    assert_eq!(left(&chen.run(&["--json", "acknowledge", entry])), 1, "once more does nothing");
    let unknown = chen.run(&["--json", "acknowledge", "00000000"]);
    assert!(!unknown.success && unknown.out.contains("not_refused"), "{unknown:?}");
    assert!(unknown.err.contains("status` shows what it refused"), "{unknown:?}");
    assert!(!chen.run(&["acknowledge"]).success, "one, or all");
    assert_eq!(left(&chen.run(&["--json", "acknowledge", "--all"])), 0);
    let status = chen.run(&["status"]);
    assert!(status.success && !status.out.contains("needs attention"), "{}", status.out);
    assert!(chen.run(&["show", &chen.list()[0]]).out.contains("held"), "its story keeps it");
}

#[test]
fn whatever_answers_in_the_offices_place_is_not_believed() {
    let street = Street::new();
    street.capture(&photo(1));
    let html = "<html><body>请登录 Free WiFi</body></html>";
    let page = |head: &str, body: &str| {
        format!(
            "HTTP/1.1 {head}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let answers = [
        ("a captive portal", page("200 OK", html)),
        ("a redirect", page("302 Found\r\nLocation: http://portal.test/", html)),
        ("a proxy's 413", page("413 Payload Too Large", html)),
        ("a proxy's 500", page("500 Internal Server Error", html)),
        ("a proxy's 502, empty", page("502 Bad Gateway", "")),
        ("a promise of more than comes", "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n<html>".to_owned()),
        ("less promised than comes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<html>".to_owned()),
        ("no HTTP", "SSH-2.0-OpenSSH_9.6\r\n".to_owned()),
        ("nothing", String::new()),
        ("no length that is one", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n<html>".to_owned()),
    ];
    for (what, answer) in answers {
        street.wire.always(Some(Cut::Answer(answer)));
        let done = street.li.run(&["sync"]);
        assert!(!done.success, "{what} was believed");
        assert_eq!(done.err.lines().count(), 1, "{what}: {}", done.err);
        let status = street.li.status();
        assert_eq!(status["unsent"], 2, "{what}: {status}");
        assert_eq!(status["photos"]["saved"], 1);
    }
    street.wire.always(None);
    assert!(street.li.run(&["sync"]).success);
    street.assert_all_arrived(1);
}

#[test]
fn a_portal_at_enrolment_and_a_wrong_or_used_code_are_told_apart() {
    let office = OfficeProgram::start(PIECE);
    let wire = Proxy::before(&office.url);
    let li = Program::phone_of("li");
    let code = office.code("li", &wire.url);
    let html = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>".to_owned();
    let said = |phone: &Program, code: &str| {
        let done = phone.run(&["enrol", code]);
        assert!(!done.success && done.err.lines().count() == 1, "{}", done.err);
        assert!(phone.status()["office"].is_null());
        done.err
    };
    wire.always(Some(Cut::Answer(html)));
    assert!(said(&li, &code).contains("captive portal"));
    wire.always(None);
    let wrong = said(&li, &code.replace("secret=", "secret=0"));
    assert!(wrong.contains("wrong_code"), "{wrong}");
    assert!(said(&li, &code[..40]).contains("no enrolment code"));
    assert!(said(&li, "hello").contains("no enrolment code"));
    let other = said(&li, &office.code("wang", &wire.url));
    assert!(other.contains("another store"), "{other}");
    let nobody = said(&li, &code.replace(&wire.url, "http://127.0.0.1:1"));
    assert!(nobody.contains("no answer"), "{nobody}");
    assert!(li.run(&["enrol", &code]).success);
    let second = Program::phone_of("li");
    let used = said(&second, &code);
    assert!(used.contains("used_code"), "{used}");
}

/// A phone whose key cannot be read does all but send; when the key is back, all goes.
#[test]
fn without_its_key_a_phone_does_all_but_send() {
    let street = Street::new();
    let key = street.li.folder().join("device.key");
    let text = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let case = street.capture(&photo(1));
    for words in [&["list"][..], &["show", &case], &["edit", &case, "--note", "改过"], &["categories", "井盖"]] {
        let done = street.li.run(words);
        assert!(done.success, "{words:?}: {}", done.err);
    }
    let told = |words: &[&str]| {
        let done = street.li.run(&[&["--json"], words].concat());
        assert!(!done.success && done.out.contains("key_unusable") && done.err.lines().count() == 1, "{done:?}");
        for what in
            ["device.key", "all of it goes when the key is back", "put it back in its place", "init --person li"]
        {
            assert!(done.err.contains(what), "{words:?}: {}", done.err);
        }
    };
    let code = street.office.code("li", &street.wire.url);
    told(&["sync"]);
    told(&["enrol", &code]);
    let status = street.li.status();
    assert_eq!((&status["unsent"], &status["attention"]["code"]), (&3.into(), &"key_unusable".into()), "{status}");
    std::fs::write(&key, "not a key").unwrap();
    told(&["sync"]);
    std::fs::write(&key, text).unwrap();
    let done = street.li.run(&["sync"]);
    assert!(done.success, "{}", done.err);
    street.assert_all_arrived(1);
    assert!(street.li.status()["attention"].is_null());
}

/// An enrolled phone belongs to its district: a code of another office is told so before it is used.
#[test]
fn a_code_of_another_office_is_refused_before_it_is_used() {
    let here = Street::new();
    let there = OfficeProgram::start(PIECE);
    let code = there.code("li", &there.url);
    let done = here.li.run(&["--json", "enrol", &code]);
    assert!(!done.success && done.out.contains("enrolled_elsewhere") && done.err.lines().count() == 1, "{done:?}");
    for what in [&*here.wire.url, "the code is another office's", "was not used", "--folder DIR init --person li"] {
        assert!(done.err.contains(what), "{}", done.err);
    }
    let other = Program::phone_of("li");
    let done = other.run(&["enrol", &code]);
    assert!(done.success, "it is good for the store that is made for it: {}", done.err);
    // Its own office's codes are no other's.
    here.enrol(&here.li, "li");
}

/// Programs are told of codes what people are, each fact by itself.
#[test]
fn a_list_of_codes_tells_programs_what_it_tells_people() {
    let office = OfficeProgram::start(PIECE);
    let li = Program::phone_of("li");
    assert!(li.run(&["enrol", &office.code("li", &office.url)]).success);
    let _ = office.code("wang", &office.url);
    let states = || {
        let codes = office.run(&["code", "list", "--json"]).json();
        let mut states: Vec<(String, String)> = Vec::new();
        for code in codes.as_array().unwrap() {
            let text = |name: &str| code[name].as_str().unwrap_or_default().to_owned();
            let lasts = code["good_until"].as_i64().unwrap() - code["made"].as_i64().unwrap();
            assert_eq!(lasts, xuncheng_core::limits::ENROLMENT_MS, "{code}");
            assert_eq!(code["device"].is_null(), code["state"] != "used", "{code}");
            states.push((text("person"), text("state")));
        }
        states.sort();
        states
    };
    let of = |person: &str, state: &str| (person.to_owned(), state.to_owned());
    assert_eq!(states(), [of("li", "used"), of("wang", "open")]);
    assert!(office.run(&["code", "list"]).out.contains("used by 命令行 command line"));
    let wangs = office.run(&["code", "list", "--json"]).json();
    let wangs = wangs.as_array().unwrap().iter().find(|code| code["person"] == "wang").unwrap();
    assert!(office.run(&["code", "revoke", &wangs["number"].to_string()]).success);
    assert_eq!(states(), [of("li", "used"), of("wang", "revoked")]);
}

/// What no phone could use is not told to any.
#[test]
fn an_address_that_is_none_is_refused_where_it_is_given() {
    let office = OfficeProgram::start(PIECE);
    for url in ["foo bar", "xc.example.cn", "ftp://xc.example.cn", "https://", "https://xc.example.cn/?a=b"] {
        for words in [&["code", "new", "--person", "li", "--url", url][..], &["serve", "--port", "0", "--url", url]] {
            let done = office.run(words);
            assert!(!done.success && done.err.contains("like https://xc.example.cn"), "{words:?}: {}", done.err);
        }
    }
    for url in ["https://xc.example.cn", "http://10.0.0.2:8650", "http://[fd00::2]:8650/district"] {
        assert!(office.run(&["code", "new", "--person", "li", "--url", url]).success, "{url}");
    }
}

#[test]
fn a_phone_that_is_killed_in_the_middle_of_an_original_sends_at_most_one_piece_again() {
    use std::io::{BufRead as _, BufReader};
    let street = Street::new();
    let bytes = fixtures::jpeg_of_at_least(1_000_000, 3);
    street.capture(&bytes);
    let mut child = street
        .li
        .command(&["sync", "--events", "--limit-rate", "400000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    let some_pieces = events.any(|line| {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        event["offset"].as_u64().is_some_and(|offset| offset >= 3 * PIECE && offset < bytes.len() as u64)
    });
    assert!(some_pieces, "the office has some pieces and not all");
    child.kill().unwrap();
    child.wait().unwrap();
    let done = street.li.run(&["sync"]);
    assert!(done.success, "{}", done.err);
    street.assert_all_arrived(1);
    let status = street.li.status();
    assert!(status["bytes_sent_again"].as_u64().unwrap() <= PIECE, "{status}");
    let through = street.wire.bytes_to_office();
    let most = bytes.len() as u64 + PIECE + 100_000;
    assert!(through <= most, "{through} bytes went over the wire, and {most} would do");
}

#[test]
fn two_offices_of_one_district_are_never_mixed_up() {
    let here = Street::new();
    let there = OfficeProgram::start(PIECE);
    here.capture(&photo(1));
    // The wire leads to another office now, which has keys of its own.
    let elsewhere = Proxy::before(&there.url);
    let phone = Program::phone_of("wang");
    let code = here.office.code("wang", &elsewhere.url);
    let done = phone.run(&["enrol", &code]);
    assert!(!done.success);
    assert!(phone.status()["office"].is_null(), "{}", done.err);
    assert!(here.office.data().join("ledger.sqlite").exists());
}

/// A log that nobody reads any more stops no work: a pipe whose reader is gone, a disk without room for another line.
#[cfg(unix)]
#[test]
fn an_office_whose_log_nobody_reads_goes_on_and_ends_when_asked() {
    let mut office = OfficeProgram::start_unread(PIECE);
    let li = Program::phone_of("li");
    let done = li.run(&["enrol", &office.code("li", &office.url)]);
    assert!(done.success, "{}", done.err);
    let done = li.capture(&[&li.file("IMG_1.jpg", &photo(1))]);
    assert!(done.success, "{}", done.err);
    let done = li.run(&["sync"]);
    assert!(done.success, "{}", done.err);
    assert_eq!(li.status()["photos"]["received"], 1);
    assert!(office.ends_when_asked());
}

/// Somebody copies a phone's folder, and both go on: all that either captured arrives, once, and both show it.
#[test]
fn a_phone_and_the_copy_of_its_folder_both_go_on() {
    let street = Street::new();
    street.capture(&photo(1));
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-r").arg(street.li.folder()).arg(&folder).status().unwrap();
    assert!(copied.success());
    let copy = Program::phone_at(folder);
    street.capture(&photo(2));
    let other = copy.file("IMG_3.jpg", &photo(3));
    assert!(copy.capture(&[&other]).success);
    for phone in [&copy, &street.li, &copy] {
        let done = phone.run(&["sync"]);
        assert!(done.success, "{}", done.err);
    }
    let said = street.li.status();
    assert_eq!(said["attention"]["code"], "copied", "{said}");
    let done = street.li.run(&["acknowledge", "copy"]);
    assert!(done.success, "{}", done.err);
    assert_eq!(street.li.status()["attention"], Value::Null);
    for phone in [&street.li, &copy] {
        assert!(phone.run(&["sync"]).success);
        let status = phone.status();
        assert_eq!(status["unsent"], 0, "{status}");
        assert_eq!(status["photos"]["received"], 2, "{status}");
        assert_eq!(phone.list().len(), 3, "{status}");
        phone.assert_sound();
    }
}
