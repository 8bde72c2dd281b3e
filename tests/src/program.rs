//! The real `xuncheng`: commands run to their end, and an office that answers on a port of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::fixtures;

/// The program as it is built from this checkout.
#[must_use]
pub fn xuncheng() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// The program that `./test` has built, or one that is built now, so that no test ever runs yesterday's.
fn build() -> PathBuf {
    if let Some(built) = std::env::var_os("XUNCHENG_BIN") {
        return built.into();
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // With the whole workspace's features, as the test itself was built: nothing is compiled twice.
    command.args(["build", "--quiet", "--workspace", "--bin", "xuncheng", "--message-format", "json"]);
    // Where this test itself was built: TARGET/debug/deps/test.
    let this = std::env::current_exe().expect("a test knows where it lies");
    if let Some(target) = this.ancestors().nth(3) {
        command.arg("--target-dir").arg(target);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "xuncheng does not build");
    let text = String::from_utf8(output.stdout).expect("cargo writes text");
    let path = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|said| said["target"]["name"] == "xuncheng")
        .find_map(|said| said["executable"].as_str().map(PathBuf::from));
    path.expect("cargo says where it put xuncheng")
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Done {
    /// Whether it ended well.
    pub success: bool,
    /// What it printed.
    pub out: String,
    /// What it said beside.
    pub err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("xuncheng prints text");
        Self { success: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The JSON that it printed.
    ///
    /// # Panics
    /// Where it failed, or printed none.
    #[allow(clippy::must_use_candidate, reason = "that it did not fail is worth knowing, too")]
    pub fn json(&self) -> Value {
        assert!(self.success, "it failed: {}", self.err);
        serde_json::from_str(&self.out).expect("it printed JSON")
    }
}

/// A phone's folder, and commands on it.
#[derive(Debug)]
pub struct Program {
    /// Where it runs; what it makes beside the phone's folder would show here.
    pub place: TempDir,
    folder: PathBuf,
    around: Vec<String>,
}

impl Program {
    /// A phone of `person` in a temporary folder.
    #[must_use]
    pub fn phone_of(person: &str) -> Self {
        let place = TempDir::new().expect("a temporary folder can be made");
        let phone = Self { folder: place.path().join("phone"), place, around: Vec::new() };
        let done = phone.run(&["init", "--person", person]);
        assert!(done.success, "{}", done.err);
        phone
    }

    /// A phone whose folder, not made yet, will be at `folder`.
    #[must_use]
    pub fn phone_at(folder: PathBuf) -> Self {
        Self { place: TempDir::new().expect("a temporary folder can be made"), folder, around: Vec::new() }
    }

    /// The same phone, its commands run by another program: `prlimit --fsize=…`.
    #[must_use]
    pub fn inside(mut self, program: &[&str]) -> Self {
        self.around = program.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// The phone's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in the place where it runs.
    #[must_use]
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.place.path().join(name);
        std::fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// `xuncheng phone …`, not started.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = match self.around.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(xuncheng());
                command
            }
            None => Command::new(xuncheng()),
        };
        command.arg("phone").arg("--folder").arg(&self.folder).args(words).current_dir(self.place.path());
        command.env_remove("XUNCHENG_PHONE").stdin(Stdio::null());
        command
    }

    /// `xuncheng phone …`, run to its end.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Done {
        Done::of(self.command(words).output().expect("xuncheng can be run"))
    }

    /// Keeps a case with these photos, or says why not.
    #[must_use]
    pub fn capture(&self, photos: &[&Path]) -> Done {
        let photos: Vec<&str> = photos.iter().map(|path| path.to_str().expect("a path in Latin letters")).collect();
        let words = ["--json", "capture", "--category", "matter/09006", "--note", "占道经营"];
        self.run(&[&words[..], &photos].concat())
    }

    /// The ids of the cases in its list, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let page = self.run(&["--json", "list", "--limit", "200"]).json();
        let cases = page["cases"].as_array().expect("a page has cases");
        cases.iter().map(|case| case["id"].as_str().expect("a case has an id").to_owned()).collect()
    }

    /// How the store stands.
    #[must_use]
    pub fn status(&self) -> Value {
        self.run(&["--json", "status"]).json()
    }

    /// Every file below the phone's folder that is a photo, or was to become one.
    #[must_use]
    pub fn photo_files(&self) -> Vec<PathBuf> {
        files_below(&self.folder.join("photos"))
    }

    /// Panics unless the database is sound.
    pub fn assert_sound(&self) {
        let conn = rusqlite::Connection::open(self.folder.join("xuncheng.sqlite")).expect("the store opens");
        let said: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check runs");
        assert_eq!(said, "ok");
    }
}

/// Every file below `folder`, in order.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// An office in a process of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct OfficeProgram {
    data: TempDir,
    child: Child,
    /// Its address: `http://127.0.0.1:PORT`.
    pub url: String,
}

impl OfficeProgram {
    /// An office on a free port, whose phones send originals in pieces of so many bytes.
    ///
    /// # Panics
    /// Where it does not say its address.
    #[must_use]
    pub fn start(piece_bytes: u64) -> Self {
        Self::serving(&["--piece-bytes", &piece_bytes.to_string()])
    }

    /// As [`Self::start`], with a library that is loaded before all others.
    ///
    /// # Panics
    /// Where it does not say its address.
    #[must_use]
    pub fn start_preloading(piece_bytes: u64, library: Option<&Path>) -> Self {
        let data = TempDir::new().expect("a temporary folder can be made");
        let mut command = serve_command(data.path(), "0", &["--piece-bytes", &piece_bytes.to_string()]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(library) = library {
            command.env("LD_PRELOAD", library);
        }
        let (child, url) = said_address(command);
        Self { data, child, url: url.expect("the office says where it is") }
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// An office on a free port over TLS; [`fixtures::DISTRICT_CA`] vouches for it.
    #[must_use]
    pub fn over_tls() -> Self {
        Self::serving(&["--tls-cert", fixtures::OFFICE_CERTIFICATE, "--tls-key", fixtures::OFFICE_KEY])
    }

    fn serving(options: &[&str]) -> Self {
        let data = TempDir::new().expect("a temporary folder can be made");
        let (child, url) = serve(data.path(), options);
        Self { data, child, url }
    }

    /// Ends it as a kill does, if it still runs, and starts it again at its address, by a command that `around` may change.
    /// False where that ended before it said its address.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub fn start_again(&mut self, around: impl FnOnce(&mut Command)) -> bool {
        // Gone already is as good.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be waited for");
        let port = self.url.rsplit(':').next().expect("an address has a port").to_owned();
        let mut command = serve_command(self.data.path(), &port, &["--piece-bytes", "65536"]);
        around(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let (child, url) = said_address(command);
        self.child = child;
        url.is_some()
    }

    /// As [`Self::start`], with nobody to read its log: whatever it writes there fails.
    ///
    /// # Panics
    /// Where it does not say its address.
    #[must_use]
    pub fn start_unread(piece_bytes: u64) -> Self {
        let data = TempDir::new().expect("a temporary folder can be made");
        let options = ["--piece-bytes", &piece_bytes.to_string()];
        let (mut child, url) = serve_with_log(data.path(), &options, Stdio::piped());
        drop(child.stderr.take());
        Self { data, child, url }
    }

    /// Asks it to end, and says whether it did so in good order.
    ///
    /// # Panics
    /// Where it cannot be asked, or is still there after half a minute.
    #[cfg(unix)]
    pub fn ends_when_asked(&mut self) -> bool {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill can be run");
        assert!(asked.success(), "the office is there to be asked");
        for _ in 0..300 {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status.success();
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("the office does not end");
    }

    /// A code for a phone of `person`, naming `office` as the address.
    #[must_use]
    pub fn code(&self, person: &str, office: &str) -> String {
        let code = self.run(&["code", "new", "--json", "--person", person, "--url", office]).json();
        code["code"].as_str().expect("a code is text").to_owned()
    }

    /// `xuncheng …` on the office's data folder, run to its end.
    #[must_use]
    pub fn run(&self, words: &[&str]) -> Done {
        let mut command = Command::new(xuncheng());
        command.args(words).arg("--data").arg(self.data.path());
        Done::of(command.output().expect("xuncheng can be run"))
    }

    /// The office's data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }
}

fn serve(data: &Path, options: &[&str]) -> (Child, String) {
    serve_with_log(data, options, Stdio::null())
}

fn serve_with_log(data: &Path, options: &[&str], log: Stdio) -> (Child, String) {
    let mut command = serve_command(data, "0", options);
    command.stdout(Stdio::piped()).stderr(log);
    let (child, url) = said_address(command);
    (child, url.expect("the office says where it is"))
}

fn serve_command(data: &Path, port: &str, options: &[&str]) -> Command {
    let mut command = Command::new(xuncheng());
    command.args(["serve", "--console-port", "0", "--json", "--port", port, "--data"]).arg(data).args(options);
    command
}

/// Starts an office and waits for its address; none where it ended before it said one.
fn said_address(mut command: Command) -> (Child, Option<String>) {
    let mut child = command.spawn().expect("xuncheng can be run");
    let out = child.stdout.take().expect("its output is piped");
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("the office says where it is");
    if line.is_empty() {
        return (child, None);
    }
    let said: Value = serde_json::from_str(&line).expect("the office says where it is in JSON");
    (child, Some(said["address"].as_str().expect("the office says its address").to_owned()))
}

impl Drop for OfficeProgram {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
