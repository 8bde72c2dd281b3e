//! The demonstration leaves nothing behind, whenever it is asked to end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;
use xuncheng_tests::program::{files_below, xuncheng};

/// Starts a demonstration whose temporary folders are made in `place`.
fn demo(place: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut demo = Command::new(xuncheng())
        .arg("demo")
        .env("TMPDIR", place)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(demo.stdout.take().unwrap());
    (demo, out)
}

fn signal(name: &str, demo: &Child) {
    let done = Command::new("kill").args(["-s", name, &demo.id().to_string()]).status().unwrap();
    assert!(done.success());
}

/// Reads until a line holds `what`.
fn read_to(out: &mut impl BufRead, what: &str) -> String {
    let mut lines = out.lines().map(Result::unwrap);
    lines.find(|line| line.contains(what)).unwrap_or_else(|| panic!("the demonstration never said {what:?}"))
}

/// The processes that have something of `place` on their command line.
fn processes_in(place: &Path) -> Vec<String> {
    let place = place.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    // One that ends meanwhile has no command line any more.
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(place)).collect()
}

fn assert_nothing_left(place: &Path) {
    assert_eq!(processes_in(place), Vec::<String>::new(), "no process is left");
    assert_eq!(files_below(place), Vec::<std::path::PathBuf>::new(), "no file is left");
    assert_eq!(std::fs::read_dir(place).unwrap().count(), 0, "no folder is left");
}

/// The office is up and phones work for it, or have been made to.
#[test]
fn a_demonstration_that_is_interrupted_on_its_way_ends_its_processes_and_removes_its_folder() {
    for name in ["INT", "TERM", "HUP"] {
        let place = TempDir::new().unwrap();
        let (mut demo, mut out) = demo(place.path());
        read_to(&mut out, "✓ office and phones");
        assert!(!processes_in(place.path()).is_empty(), "an office runs");
        signal(name, &demo);
        let status = demo.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{name}: it says that it did not do all");
        assert_nothing_left(place.path());
    }
}

#[test]
fn ctrl_c_at_the_console_of_a_demonstration_ends_it_well() {
    let place = TempDir::new().unwrap();
    let (mut demo, mut out) = demo(place.path());
    let line = read_to(&mut out, "The console is at ");
    let address = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    assert_eq!(ureq::get(format!("{address}/sign-in")).call().unwrap().status(), 200, "the console is up");
    signal("INT", &demo);
    assert!(demo.wait().unwrap().success());
    assert!(ureq::get(format!("{address}/sign-in")).call().is_err(), "and now it is not");
    assert_nothing_left(place.path());
}
