//! The same work done by this project and by those that people would take instead, each by its ordinary client, over real sockets on
//! one machine. `tests/peers/run` installs the peers and runs it; it writes the table of `docs/peers.md`.
//!
//! No peer waits for the disk at each write. So ours is measured twice: without waiting either (`libeatmydata`, which leaves out every
//! sync), and as it is. Rounds are interleaved, so that whatever else the machine does meets all of them.

#![allow(clippy::disallowed_methods, reason = "benchmarks own clock and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;
use xuncheng_core::clock::{Now, Seed};
use xuncheng_core::field::Field;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::predict;
use xuncheng_core::journal::write::{Author, Draft, Seen, write};
use xuncheng_core::work::case::CASE;
use xuncheng_tests::fixtures::{self, Dice};
use xuncheng_tests::program::{OfficeProgram, Program};
use xuncheng_tests::world::MORNING;

const RECORDS: usize = 1_000;
const RECORD_BYTES: usize = 1_450;
const PULLED: usize = 20_000;
const PHOTOS: usize = 50;
const PHOTO_BYTES: usize = 3 * 1024 * 1024;
/// A whole photo in one request.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;
const ROUNDS: usize = 5;

fn main() {
    let rounds = std::env::var("XUNCHENG_PEERS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number"));
    let place = TempDir::new().unwrap();
    let all: [fn(&Path, usize) -> Figure; 3] = [push, pull, photos];
    if let Some(only) = std::env::var("XUNCHENG_PEERS_ONLY").ok().and_then(|only| only.parse::<usize>().ok()) {
        println!("{}", table(&[all[only](place.path(), rounds)], rounds));
        return;
    }
    let figures = all.map(|figure| figure(place.path(), rounds));
    let table = table(&figures, rounds);
    println!("{table}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/peers.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page says where its table begins");
    let (_, after) = rest.split_once(END).expect("the page says where its table ends");
    std::fs::write(page, format!("{before}{BEGIN}\n{table}{END}{after}")).unwrap();
}

const BEGIN: &str = "<!-- measured -->";
const END: &str = "<!-- /measured -->";

/// One piece of work, and how long each took for it.
struct Figure {
    work: String,
    peer: &'static str,
    /// Units of work, for the rate.
    count: usize,
    theirs: Vec<f64>,
    without_syncs: Vec<f64>,
    durable: Vec<f64>,
    syncs_theirs: usize,
    syncs_ours: usize,
    requests: Option<u64>,
}

/// How ours waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    WithoutSyncs,
    Durable,
    /// Under strace, which counts the syncs: slower, and not timed.
    Counted,
}

fn push(place: &Path, rounds: usize) -> Figure {
    let records = records_file(place, RECORDS);
    let theirs = |count: bool, round: usize| {
        let folder = place.join(format!("pouch-{round}-{count}"));
        let server = Server::start(node("pouchdb.mjs", &["serve", text(&folder.join("server"))]), count);
        let client = node("pouchdb.mjs", &["push", &server.url, text(&folder.join("client")), text(&records)]);
        server.timed(client)
    };
    let ours = |disk: Disk| {
        let office = office(disk);
        let phone = enrolled(&office, "li");
        write_records(&phone, RECORDS);
        office.timed(&phone)
    };
    let work = format!("{RECORDS} records of {RECORD_BYTES} bytes to the office");
    measure(work, "PouchDB → express-pouchdb", RECORDS, rounds, theirs, ours)
}

fn pull(place: &Path, rounds: usize) -> Figure {
    let records = records_file(place, PULLED);
    let office = office(Disk::Durable);
    let author = enrolled(&office, "li");
    write_records(&author, PULLED);
    assert!(office.sync(&author, Disk::Durable).success);
    let theirs = |count: bool, round: usize| {
        let folder = place.join(format!("powersync-{round}-{count}"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut client = node("powersync.mjs", &["apply", text(&folder), text(&records)]);
        let traced = count.then(|| place.join("powersync.trace"));
        if let Some(trace) = &traced {
            client = under_strace(&client, trace);
        }
        (seconds_said(&mut client), traced.map_or(0, |trace| syncs_in(&trace)))
    };
    let ours = |disk: Disk| {
        let phone = Program::phone_of("wang");
        assert!(phone.run(&["enrol", &office.program.code("wang", &office.program.url)]).success);
        let measured = office.timed_with(&phone, disk);
        let held: usize = Field::open(phone.folder())
            .unwrap()
            .store()
            .query_row("SELECT count(*) FROM item WHERE kind = ?1", [CASE], |row| row.get(0))
            .unwrap();
        assert_eq!(held, PULLED);
        measured
    };
    let work = format!("{PULLED} records to a new phone, signatures checked");
    measure(work, "PowerSync's core (applies only; no network)", PULLED, rounds, theirs, ours)
}

fn photos(place: &Path, rounds: usize) -> Figure {
    let files = photo_files(place);
    let theirs = |count: bool, round: usize| {
        let folder = place.join(format!("tus-{round}-{count}"));
        std::fs::create_dir_all(&folder).unwrap();
        let server = Server::start(node("tus.mjs", &["serve", text(&folder)]), count);
        let mut words = vec!["push", &server.url];
        words.extend(files.iter().map(|file| text(file)));
        let client = node("tus.mjs", &words);
        server.timed(client)
    };
    let ours = |disk: Disk| {
        let office = office(disk);
        let phone = enrolled(&office, "li");
        for file in &files {
            assert!(phone.capture(&[file]).success);
        }
        let measured = office.timed(&phone);
        assert_eq!(phone.status()["photos"]["received"], PHOTOS);
        measured
    };
    let work = format!("{PHOTOS} photos of {} MiB, each with its case and previews", PHOTO_BYTES >> 20);
    measure(work, "tus-js-client → @tus/server (the files only)", PHOTOS, rounds, theirs, ours)
}

/// Seconds, syncs where they were counted, and requests where they are known.
type Measured = (f64, usize, Option<u64>);

fn measure(
    work: String,
    peer: &'static str,
    count: usize,
    rounds: usize,
    theirs: impl Fn(bool, usize) -> (f64, usize),
    ours: impl Fn(Disk) -> Measured,
) -> Figure {
    let (mut peers, mut without, mut durable) = (Vec::new(), Vec::new(), Vec::new());
    let mut requests = None;
    for round in 0..rounds {
        peers.push(theirs(false, round).0);
        without.push(ours(Disk::WithoutSyncs).0);
        let (seconds, _, asked) = ours(Disk::Durable);
        durable.push(seconds);
        requests = asked;
        eprintln!(
            "{work}, round {} of {rounds}: {peer} {:.3} s, ours without syncs {:.3} s, durable {seconds:.3} s",
            round + 1,
            peers[round],
            without[round]
        );
    }
    let (syncs_theirs, syncs_ours) = (theirs(true, rounds).1, ours(Disk::Counted).1);
    Figure { work, peer, count, theirs: peers, without_syncs: without, durable, syncs_theirs, syncs_ours, requests }
}

/// An office, and how it waits for the disk.
struct Office {
    program: OfficeProgram,
    disk: Disk,
}

fn office(disk: Disk) -> Office {
    let preload = (disk == Disk::WithoutSyncs).then(eatmydata);
    Office { program: OfficeProgram::start_preloading(PIECE_BYTES, preload.as_deref()), disk }
}

impl Office {
    fn timed(&self, phone: &Program) -> Measured {
        self.timed_with(phone, self.disk)
    }

    fn timed_with(&self, phone: &Program, disk: Disk) -> Measured {
        let requests = || phone.status()["round_trips"].as_u64();
        let before = requests();
        let trace = (disk == Disk::Counted).then(|| Trace::of(self.program.id(), phone.place.path()));
        let begun = Instant::now();
        let done = self.sync(phone, disk);
        let seconds = begun.elapsed().as_secs_f64();
        assert!(done.success, "{}", done.err);
        let syncs = trace.map_or(0, |trace| trace.syncs() + syncs_in(&phone.place.path().join("phone.trace")));
        (seconds, syncs, before.zip(requests()).map(|(before, after)| after - before))
    }

    fn sync(&self, phone: &Program, disk: Disk) -> xuncheng_tests::program::Done {
        let mut command = phone.command(&["sync", "--originals", "now"]);
        if disk == Disk::Counted {
            command = under_strace(&command, &phone.place.path().join("phone.trace"));
        } else if disk == Disk::WithoutSyncs {
            command.env("LD_PRELOAD", eatmydata());
        }
        let output = command.output().unwrap();
        let said = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        xuncheng_tests::program::Done {
            success: output.status.success(),
            out: said(output.stdout),
            err: said(output.stderr),
        }
    }
}

fn enrolled(office: &Office, person: &str) -> Program {
    let phone = Program::phone_of(person);
    assert!(phone.run(&["enrol", &office.program.code(person, &office.program.url)]).success);
    assert!(phone.run(&["sync"]).success);
    phone
}

/// What a peer's record is, as cases of a phone that wait to be sent.
fn write_records(phone: &Program, count: usize) {
    let field = Field::open(phone.folder()).unwrap();
    let author = Author {
        incarnation: field.incarnation().unwrap(),
        who: field.person().clone(),
        last_exchange: None,
        session: None,
    };
    let tx = field.store().unchecked_transaction().unwrap();
    for (n, record) in records(count).enumerate() {
        let mut seed = [3; 32];
        seed[..8].copy_from_slice(&(n as u64).to_le_bytes());
        let now = Now { wall: MORNING, monotonic_ms: n as u64, boot_id: "boot".to_owned() };
        let Value::Object(mut fields) = record else { panic!("a record is an object") };
        fields.insert("occurred_at".to_owned(), MORNING.unix_ms().into());
        fields.insert("place".to_owned(), json!({ "lat_e7": 318_672_000, "lon_e7": 1_067_531_000 }));
        let change = Change::Open { fields: fields.into_iter().collect() };
        let draft = Draft { item: None, kind: CASE.to_owned(), change, fix: None, seen: Seen::Held, cause: None };
        let written = write(&tx, &author, draft, &now, &mut Seed::from_bytes(seed).entropy()).unwrap();
        predict::wait(&tx, written.header.id, written.header.item).unwrap();
    }
    tx.commit().unwrap();
}

/// Records as JSON, of [`RECORD_BYTES`] bytes each, no two alike.
fn records(count: usize) -> impl Iterator<Item = Value> {
    let words = ["井盖破损", "占道经营", "乱贴小广告", "垃圾堆积", "盲道被占", "路灯不亮", "晾晒衣物", "渣土洒落"];
    let mut dice = Dice::new(1);
    (0..count).map(move |_| {
        let mut description = String::new();
        let record = |description: &str| {
            json!({ "category": "matter/09006", "address": "江北大道中段", "description": description })
        };
        let room = RECORD_BYTES - record("").to_string().len();
        while description.len() < room {
            let drawn = usize::try_from(dice.bits() % 8).unwrap();
            write!(description, "{}{}，", words[drawn], dice.bits() % 10_000).unwrap();
        }
        let end = (0..=room).rev().find(|end| description.is_char_boundary(*end)).unwrap();
        description.truncate(end);
        while description.len() < room {
            description.push('.');
        }
        record(&description)
    })
}

fn records_file(place: &Path, count: usize) -> PathBuf {
    let file = place.join(format!("records-{count}.jsonl"));
    let lines: String = records(count).map(|record| format!("{record}\n")).collect();
    std::fs::write(&file, lines).unwrap();
    file
}

/// Photos of the project's own, each with bytes behind its end that make it as long as a phone's.
fn photo_files(place: &Path) -> Vec<PathBuf> {
    let make = |n: usize| {
        let file = place.join(format!("photo-{n}.jpg"));
        std::fs::write(&file, fixtures::jpeg_of_at_least(PHOTO_BYTES, n as u64)).unwrap();
        file
    };
    (0..PHOTOS).map(make).collect()
}

/// A peer's server; it ends when this is dropped.
struct Server {
    child: Child,
    url: String,
    trace: Option<(Trace, TempDir)>,
}

impl Server {
    fn start(mut command: Command, counted: bool) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let trace = counted.then(|| {
            let place = TempDir::new().unwrap();
            (Trace::of(child.id(), place.path()), place)
        });
        Self { child, url: url.trim().to_owned(), trace }
    }

    /// What a client says that it took, and how many syncs both made.
    fn timed(mut self, mut client: Command) -> (f64, usize) {
        let Some((trace, place)) = self.trace.take() else { return (seconds_said(&mut client), 0) };
        let file = place.path().join("client.trace");
        let seconds = seconds_said(&mut under_strace(&client, &file));
        (seconds, trace.syncs() + syncs_in(&file))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts the syncs of a process that runs.
struct Trace {
    strace: Child,
    file: PathBuf,
}

impl Trace {
    fn of(process: u32, place: &Path) -> Self {
        let file = place.join("server.trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-e", SYNCS, "-o"]).arg(&file).args(["-p", &process.to_string()]);
        let mut strace = command.stderr(Stdio::piped()).spawn().expect("strace is installed");
        // It says when it is there.
        BufReader::new(strace.stderr.take().unwrap()).read_line(&mut String::new()).unwrap();
        Self { strace, file }
    }

    fn syncs(mut self) -> usize {
        let ended = Command::new("kill").args(["-INT", &self.strace.id().to_string()]).status().unwrap();
        assert!(ended.success());
        self.strace.wait().unwrap();
        syncs_in(&self.file)
    }
}

const SYNCS: &str = "trace=fsync,fdatasync,sync_file_range,msync,syncfs";

fn under_strace(command: &Command, file: &Path) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-e", SYNCS, "-o"]).arg(file).arg(command.get_program()).args(command.get_args());
    if let Some(place) = command.get_current_dir() {
        traced.current_dir(place);
    }
    traced
}

fn syncs_in(trace: &Path) -> usize {
    let text = std::fs::read_to_string(trace).unwrap();
    // A call that another thread interrupts takes two lines.
    text.lines().filter(|line| line.contains("sync") && !line.contains("resumed>")).count()
}

fn node(script: &str, words: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script)).args(words).stdin(Stdio::null());
    command
}

fn seconds_said(client: &mut Command) -> f64 {
    let output = client.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "a peer's client fails");
    let said: Value = serde_json::from_slice(&output.stdout).expect("a peer's client says how long it took");
    said["seconds"].as_f64().unwrap()
}

fn eatmydata() -> PathBuf {
    let libraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(|arch| format!("/usr/lib/{arch}/libeatmydata.so"));
    libraries.into_iter().map(PathBuf::from).find(|library| library.exists()).expect("libeatmydata is installed")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in Latin letters")
}

fn table(figures: &[Figure], rounds: usize) -> String {
    let mut text = format!(
        "\nMedian of {rounds} interleaved rounds, with the least and the most; syncs and requests of one further round.\n\n\
         | Work | Peer | Theirs | Ours, without syncs | Ours, durable | Syncs: theirs, ours | Requests: ours |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for figure in figures {
        let told = |times: &[f64]| {
            let mut sorted = times.to_vec();
            sorted.sort_by(f64::total_cmp);
            let median = sorted[sorted.len() / 2];
            let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
            format!("{median:.2} s ({least:.2}–{most:.2}), {:.0}/s", figure.count as f64 / median)
        };
        let requests = figure.requests.map_or_else(String::new, |requests| requests.to_string());
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {}, {} | {requests} |",
            figure.work,
            figure.peer,
            told(&figure.theirs),
            told(&figure.without_syncs),
            told(&figure.durable),
            figure.syncs_theirs,
            figure.syncs_ours
        )
        .unwrap();
    }
    text.push('\n');
    text
}
