//! Links that come and go, cost money or lead through a proxy, between real processes: what the command line does with them.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use xuncheng_tests::fixtures::{self, Camera};
use xuncheng_tests::program::{OfficeProgram, Program};
use xuncheng_tests::proxy::{Cut, Proxy, Shape};

/// What HTTP puts around a request or an answer, at most.
const HEADERS: u64 = 200;

/// An office, a wire before it, and a phone of 李巡查 that is enrolled over the wire.
fn street() -> (OfficeProgram, Proxy, Program) {
    let office = OfficeProgram::start(4 * 1024 * 1024);
    let wire = Proxy::before(&office.url);
    let li = Program::phone_of("li");
    enrol(&li, &office.code("li", &wire.url));
    (office, wire, li)
}

fn enrol(phone: &Program, code: &str) {
    let done = phone.run(&["enrol", code]);
    assert!(done.success, "{}", done.err);
}

fn capture(phone: &Program, n: u64) {
    let photo = fixtures::jpeg_with_exif(1600, 1200, n, &Camera::default());
    let done = phone.capture(&[&phone.file(&format!("IMG_{n}.jpg"), &photo)]);
    assert!(done.success, "{}", done.err);
}

/// A sync that goes on by itself, and what it tells.
struct Syncing {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
}

impl Syncing {
    fn start(phone: &Program, words: &[&str]) -> Self {
        let mut child =
            phone.command(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("xuncheng can be run");
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events }
    }

    /// Reads on until it tells of this.
    fn until(&mut self, what: impl Fn(&Value) -> bool) {
        for line in &mut self.events {
            if what(&serde_json::from_str(&line.unwrap()).unwrap()) {
                return;
            }
        }
        panic!("it ended before");
    }

    fn answered(&mut self, path: &str) {
        self.until(|event| event["event"] == "answered" && event["path"] == path && event["status"] == 200);
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// On 1 Mbit/s and 300 ms there and back a case is at the office with its thumbnail within five seconds of the word that the link
/// is back, however long the phone would have waited.
#[test]
fn a_case_is_at_the_office_within_five_seconds_of_the_link_coming_back() {
    let (_office, wire, li) = street();
    assert!(li.run(&["sync"]).success);
    capture(&li, 1);
    let portal = "<html>sign in</html>";
    let wait = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 600\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{portal}",
        portal.len()
    );
    wire.always(Some(Cut::Answer(wait)));
    let mut sync = Syncing::start(&li, &["sync", "--keep-trying", "--events"]);
    sync.until(|event| event["event"] == "failed");

    wire.shape(Some(Shape { bytes_per_second: 125_000, one_way: Duration::from_millis(150) }));
    wire.always(None);
    let begun = Instant::now();
    assert!(li.run(&["link-back"]).success);
    sync.answered("/v1/photos/previews");
    let took = begun.elapsed();
    eprintln!("a case with its thumbnail was at the office {} ms after the link was back", took.as_millis());
    assert!(took <= Duration::from_secs(5), "{took:?}");
}

/// A phone that follows brings what is new without being asked, sends what another command captures, and keeps no office from
/// ending.
#[test]
fn a_phone_that_follows_hears_of_news_and_sends_what_is_written_meanwhile() {
    let (mut office, wire, li) = street();
    let wang = Program::phone_of("wang");
    enrol(&wang, &office.code("wang", &wire.url));
    let mut following = Syncing::start(&li, &["sync", "--follow", "--events"]);
    following.answered("/v1/sync");
    assert!(li.list().is_empty());
    capture(&wang, 1);
    assert!(wang.run(&["sync"]).success);
    // A hint may come before anything new, and is asked about in vain: what was hoped for comes with one of the answers.
    while li.list().is_empty() {
        following.answered("/v1/sync");
    }
    assert_eq!(li.list().len(), 1);

    capture(&li, 2);
    following.until(|event| event["event"] == "answered" && event["status"] == 201);
    assert!(wang.run(&["sync"]).success);
    assert_eq!(wang.list().len(), 2);

    let begun = Instant::now();
    assert!(office.ends_when_asked());
    assert!(begun.elapsed() < Duration::from_secs(9), "whoever waits for a hint is let go");
}

/// Originals wait for a network that is not paid by the byte, and the phone says so and what to do; one is asked for, then all.
#[test]
fn originals_wait_by_the_policy_and_go_when_they_are_asked_for() {
    let (_office, _wire, li) = street();
    let shown = li.run(&["policy", "--unmetered-only", "true", "--battery-floor", "30", "--json"]).json();
    assert_eq!((&shown["unmetered_only"], &shown["battery_floor_percent"]), (&true.into(), &30.into()));
    assert!(!li.run(&["policy", "--battery-floor", "101"]).success);
    assert!(!li.run(&["sync", "--battery", "full"]).success);
    capture(&li, 1);
    capture(&li, 2);
    let done = li.run(&["sync", "--network", "metered", "--battery", "80"]);
    assert!(done.success, "waiting by the policy is no failure: {}", done.err);
    assert!(
        done.out.contains("2 originals") && done.out.contains("they wait for an unmetered network"),
        "{}",
        done.out
    );
    assert!(done.out.contains("sync --originals now"), "{}", done.out);
    let received = || li.status()["photos"]["received"].as_u64().unwrap();
    assert_eq!((received(), &li.status()["originals_held"]["hold"]["for"]), (0, &"unmetered_network".into()));

    let case = li.run(&["--json", "show", &li.list()[0]]).json();
    let photo = case["photos"][0]["sha256"].as_str().unwrap().to_owned();
    let unknown = li.run(&["--json", "send-now", "00000000"]);
    assert!(!unknown.success && unknown.out.contains("unknown_photo"), "{unknown:?}");
    assert!(li.run(&["send-now", &photo[..12]]).success);
    assert!(li.run(&["sync"]).success);
    assert_eq!(received(), 1);
    assert!(li.run(&["sync", "--originals", "now"]).success);
    assert_eq!((received(), &li.status()["originals_held"]), (2, &Value::Null));
    assert_eq!(li.run(&["policy", "--default", "--json"]).json()["unmetered_only"], false);
}

/// The environment's proxy is used: the office's own name leads nowhere from here.
#[test]
fn a_phone_behind_a_proxy_reaches_its_office_through_it() {
    let office = OfficeProgram::start(64 * 1024);
    let proxy = Proxy::before(&office.url);
    let li = Program::phone_of("li");
    let code = office.code("li", "http://office.invalid:8650");
    let alone = li.run(&["enrol", &code]);
    assert!(!alone.success && alone.err.contains("the code stays good"), "{}", alone.err);
    capture(&li, 1);
    for words in [vec!["enrol", &code], vec!["sync"]] {
        let done = li.command(&words).env("HTTP_PROXY", &proxy.url).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert_eq!(li.status()["photos"]["received"], 1);
    assert!(proxy.bytes_to_office() > 10_000);
    let past = li.command(&["sync"]).env("HTTP_PROXY", &proxy.url).env("NO_PROXY", "office.invalid").output().unwrap();
    assert!(!past.status.success());
}

/// An idle sync is one request, and at most a kilobyte goes either way; HTTP puts its own beside it.
#[test]
fn an_idle_sync_is_one_request_of_a_kilobyte_each_way() {
    let (_office, wire, li) = street();
    capture(&li, 1);
    for _ in 0..2 {
        assert!(li.run(&["sync"]).success);
    }
    let requests = || li.status()["round_trips"].as_u64().unwrap();
    let before = (requests(), wire.bytes_to_office(), wire.bytes_to_phone());
    assert!(li.run(&["sync"]).success);
    let (up, down) = (wire.bytes_to_office() - before.1, wire.bytes_to_phone() - before.2);
    eprintln!("an idle sync: {up} bytes to the office, {down} back, HTTP's own included");
    assert_eq!(requests() - before.0, 1);
    assert!(up.max(down) <= 1024 + HEADERS, "{up} bytes to the office, {down} back");
}
