//! Who plays in the demonstration: an office and three phones, each a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;
use xuncheng_core::place::GeoPoint;

use super::interrupt;

/// This program, to be started again, unless somebody asked for the end.
fn program() -> anyhow::Result<Command> {
    interrupt::check()?;
    Ok(Command::new(std::env::current_exe().context("cannot find this program's own file")?))
}

/// Runs a command of this program and reads the JSON that it prints.
fn run<T: DeserializeOwned>(args: &[&str]) -> anyhow::Result<T> {
    let output = program()?.args(args).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("xuncheng {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("xuncheng {} printed no JSON", args.join(" ")))
}

/// A process that does not outlive this value.
struct Running(Child);

impl Running {
    /// Starts `command`; what it prints comes out beside it.
    fn start(command: &mut Command) -> anyhow::Result<(Self, BufReader<ChildStdout>)> {
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut running = Self(process.context("cannot start this program again")?);
        let stdout = running.0.stdout.take().context("a process has no output")?;
        Ok((running, BufReader::new(stdout)))
    }

    /// What it says beside its output, until it ends.
    fn last_words(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            // What cannot be read was not said.
            let _ = stderr.read_to_string(&mut said);
        }
        said.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The office process. It ends with this value.
pub(super) struct Office {
    process: Running,
    /// Where its console is.
    pub(super) console: String,
    /// Its data folder.
    pub(super) data: PathBuf,
}

impl Office {
    /// Starts an office with its data in `data`, on a free loopback port.
    pub(super) fn start(data: &Path, port: u16, piece_bytes: u64) -> anyhow::Result<Self> {
        let (mut process, mut stdout) =
            Running::start(program()?.args(["serve", "--json", "--data"]).arg(data).args([
                "--port",
                &port.to_string(),
                "--piece-bytes",
                &piece_bytes.to_string(),
            ]))?;
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(console) = said["console"].as_str().map(str::to_owned) else {
            bail!("the office did not start: {}", process.last_words());
        };
        // What it logs is nobody's to read here, but a full pipe would stop it.
        if let Some(mut log) = process.0.stderr.take() {
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        }
        Ok(Self { process, console, data: data.to_owned() })
    }

    /// A one-time enrolment code for a person.
    pub(super) fn code(&self, person: &str) -> anyhow::Result<String> {
        let said: Value = run(&["code", "new", "--json", "--data", path(&self.data)?, "--person", person])?;
        Ok(said["code"].as_str().context("the office gave no code")?.to_owned())
    }

    /// Copies ledger and photos to `to`, verified.
    pub(super) fn back_up(&self, to: &Path) -> anyhow::Result<Value> {
        run(&["backup", "--json", "--data", path(&self.data)?, "--to", path(to)?])
    }

    /// Leaves the office up until somebody asks for the end, or it ends by itself.
    pub(super) fn wait(mut self, asked_to_end: &Receiver<()>) {
        let a_while = Duration::from_millis(500);
        while asked_to_end.recv_timeout(a_while) == Err(RecvTimeoutError::Timeout) {
            if !matches!(self.process.0.try_wait(), Ok(None)) {
                return;
            }
        }
    }
}

/// A phone: a folder, and a process for each thing that its person does.
pub(super) struct Phone {
    /// Whose it is.
    pub(super) person: &'static str,
    /// Its folder.
    pub(super) folder: PathBuf,
}

/// What the demonstration reads of a case.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct ShownCase {
    /// What lists show.
    pub(super) summary: ShownSummary,
    /// Its photos.
    pub(super) photos: Vec<ShownPhoto>,
    /// Its whole view.
    pub(super) view: Value,
}

/// What the demonstration reads of a case in a list.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct ShownSummary {
    /// The item's id.
    pub(super) id: String,
    /// Its state.
    pub(super) state: String,
    /// What was seen.
    pub(super) description: String,
}

/// What the demonstration reads of a photo.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct ShownPhoto {
    /// The original.
    pub(super) sha256: String,
}

#[derive(serde::Deserialize)]
struct ShownPage {
    cases: Vec<ShownSummary>,
}

impl Phone {
    /// Makes a store for `person` in `folder`.
    pub(super) fn init(person: &'static str, folder: &Path) -> anyhow::Result<Self> {
        let phone = Self { person, folder: folder.to_owned() };
        let output = phone.command()?.args(["init", "--person", person]).output()?;
        if !output.status.success() {
            bail!("phone init: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(phone)
    }

    fn command(&self) -> anyhow::Result<Command> {
        let mut command = program()?;
        command.args(["phone", "--folder"]).arg(&self.folder).stdin(Stdio::null());
        Ok(command)
    }

    fn json<T: DeserializeOwned>(&self, args: &[&str]) -> anyhow::Result<T> {
        let mut whole = vec!["phone", "--json", "--folder", path(&self.folder)?];
        whole.extend(args);
        run(&whole)
    }

    /// Enrols with a code.
    pub(super) fn enrol(&self, code: &str) -> anyhow::Result<()> {
        let output = self.command()?.args(["enrol", code, "--device", &format!("demo-{}", self.person)]).output()?;
        if output.status.success() {
            Ok(())
        } else {
            bail!("phone enrol: {}", String::from_utf8_lossy(&output.stderr).trim())
        }
    }

    /// Captures a case, offline.
    pub(super) fn capture(
        &self,
        category: &str,
        note: &str,
        at: Option<GeoPoint>,
        photos: &[&Path],
    ) -> anyhow::Result<ShownCase> {
        let mut args = vec!["capture", "--category", category, "--note", note];
        let place = at.map(|point| format!("{},{}", point.lat_degrees(), point.lon_degrees()));
        if let Some(place) = &place {
            args.extend(["--at", place]);
        }
        for photo in photos {
            args.push(path(photo)?);
        }
        self.json(&args)
    }

    /// Everything in its list, newest first.
    pub(super) fn cases(&self, state: &str) -> anyhow::Result<Vec<ShownSummary>> {
        Ok(self.json::<ShownPage>(&["list", "--state", state, "--limit", "200"])?.cases)
    }

    /// A case as this phone holds it.
    pub(super) fn show(&self, case: &str) -> anyhow::Result<ShownCase> {
        self.json(&["show", case])
    }

    /// Takes a step.
    pub(super) fn step(&self, case: &str, step: &str, more: &[&str]) -> anyhow::Result<ShownCase> {
        let mut args = vec!["step", case, step];
        args.extend(more);
        self.json(&args)
    }

    /// Syncs until all has gone; its status then.
    pub(super) fn sync(&self) -> anyhow::Result<Value> {
        self.json(&["sync"])
    }

    /// How it stands.
    pub(super) fn status(&self) -> anyhow::Result<Value> {
        self.json(&["status"])
    }

    /// Syncs at `bytes_per_second`, and is killed as soon as `at_this_point` says so of an event. The number of pieces
    /// of `original` that the office had acknowledged by then.
    pub(super) fn sync_until_killed(
        &self,
        bytes_per_second: u64,
        mut at_this_point: impl FnMut(&Value) -> bool,
    ) -> anyhow::Result<()> {
        let (mut process, stdout) =
            Running::start(self.command()?.args(["sync", "--events", "--limit-rate", &bytes_per_second.to_string()]))?;
        for line in stdout.lines() {
            let event: Value = serde_json::from_str(&line?).context("the phone printed no event")?;
            if at_this_point(&event) {
                // SIGKILL, by the end of `process`: it has no chance to put anything in order.
                return Ok(());
            }
        }
        bail!("the phone came to its end before it could be killed: {}", process.last_words());
    }
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("the path {} is no Unicode text", path.display()))
}
