//! A small district: one office, any number of phones, one clock that stands still until it is moved.
//!
//! The office is the real one, answering in this process; the phones are real stores in folders. What is drawn (faults,
//! ids, salts of phones) comes from one seed, which every run prints; `XUNCHENG_SEED` replays it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body as HttpBody, to_bytes};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use xuncheng_core::clock::{Moment, Now, Seed};
use xuncheng_core::id::{EntryId, IncarnationId, ItemId, PersonId, PhotoHash};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::{Ruling, Said};
use xuncheng_core::journal::verdict::{Judgement, Verdict};
use xuncheng_core::journal::view::View;
use xuncheng_core::journal::write::{Draft, Seen};
use xuncheng_core::store::{self, items};
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::session::{Request, Response};
use xuncheng_core::sync::wire::Keep;
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_office::parcel::{self, TakenIn};
use xuncheng_office::{
    BackupReport, Clock, Config, EntropySource, Ledger, Office, OfficeError, Quotas, app, backup, write_at_desk,
};

use crate::fixtures::Dice;
use crate::network::{Link, method};
use crate::phone::Phone;

/// The seed of this run: of the environment, or a new one. It is printed, so that a failure can be replayed.
#[must_use]
pub fn seed_of_run(test: &str) -> u64 {
    let given = std::env::var("XUNCHENG_SEED").ok().map(|text| text.parse().expect("XUNCHENG_SEED is a number"));
    let seed = given.unwrap_or_else(|| {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        u64::from(u32::from_le_bytes(bytes))
    });
    eprintln!("XUNCHENG_SEED={seed} # {test}");
    seed
}

/// The seed of this run, printed with the place that asks for it.
#[macro_export]
macro_rules! seed {
    () => {
        $crate::world::seed_of_run(concat!(file!(), ":", line!()))
    };
}

/// The district's time: all clocks are read off it, each with an error of its own.
#[derive(Debug)]
pub struct Time {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicU64,
    office_error_ms: AtomicI64,
}

/// 21 July 2026, nine in the morning in Beijing.
pub const MORNING: Moment = Moment::from_unix_ms(1_784_595_600_000);

impl Time {
    /// Lets `ms` milliseconds pass.
    pub fn pass(&self, ms: u64) {
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        self.wall_ms.fetch_add(i64::try_from(ms).expect("a time of this world"), Ordering::SeqCst);
    }

    pub(crate) fn wall(&self, error_ms: i64) -> Moment {
        Moment::from_unix_ms(self.wall_ms.load(Ordering::SeqCst)).plus_ms(error_ms)
    }

    pub(crate) fn monotonic_ms(&self) -> u64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }

    pub(crate) fn of_office(&self) -> Now {
        let wall = self.wall(self.office_error_ms.load(Ordering::SeqCst));
        Now { wall, monotonic_ms: self.monotonic_ms(), boot_id: "office".to_owned() }
    }
}

/// What a world and its phones have in common.
#[derive(Debug)]
pub struct Shared {
    pub(crate) dice: Arc<Mutex<Dice>>,
    /// The district's time.
    pub time: Arc<Time>,
    pub(crate) folder: TempDir,
    pub(crate) phones: RefCell<Vec<PathBuf>>,
    runtime: Runtime,
    running: RefCell<Option<Running>>,
    piece_bytes: Cell<u64>,
    keep: Cell<Keep>,
    quotas: RefCell<Quotas>,
    pack: RefCell<Option<PathBuf>>,
}

struct Running {
    office: Arc<Office>,
    app: Router,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Running")
    }
}

impl Shared {
    pub(crate) fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().expect("no thread panics while it draws")
    }

    /// 32 bytes of the world's entropy.
    #[must_use]
    pub fn seed(&self) -> Seed {
        drawn(&mut self.dice())
    }

    /// Hands a request to the office, and gives its answer.
    pub(crate) fn deliver(&self, request: &Request, body: HttpBody) -> Response {
        let mut http = axum::http::Request::builder().method(method(request.method)).uri(&request.path);
        for (name, value) in &request.headers {
            http = http.header(name, value);
        }
        let http = http.body(body).expect("a request that a phone makes is one");
        let app = self.running.borrow().as_ref().expect("the office runs").app.clone();
        self.runtime.block_on(async {
            let answer = app.oneshot(http).await.expect("a router always answers");
            let (parts, body) = answer.into_parts();
            let text = |value: &axum::http::HeaderValue| value.to_str().ok().map(str::to_owned);
            let headers = parts.headers.iter().filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
            let headers = headers.collect();
            let body = to_bytes(body, usize::MAX).await.expect("an answer in memory can be read").to_vec();
            Response { status: parts.status.as_u16(), headers, body }
        })
    }

    fn config(&self) -> Config {
        let (time, dice) = (Arc::clone(&self.time), Arc::clone(&self.dice));
        Config {
            url: Some("http://office.test".parse().expect("an address")),
            clock: Clock::of(move || time.of_office()),
            entropy: EntropySource::of(move || drawn(&mut dice.lock().expect("no thread panics while it draws"))),
            piece_bytes: self.piece_bytes.get(),
            keep: self.keep.get(),
            quotas: self.quotas.borrow().clone(),
            ..Config::new(self.folder.path().join("office"))
        }
    }

    fn start_office(&self) {
        self.try_start_office().expect("the office opens");
    }

    fn try_start_office(&self) -> Result<(), OfficeError> {
        let config = Config { pack: self.pack.borrow_mut().take(), ..self.config() };
        let office = Office::open(config)?;
        let app = self.runtime.block_on(async { app(Arc::clone(&office)) });
        *self.running.borrow_mut() = Some(Running { office, app });
        Ok(())
    }

    /// Where parcels lie on their way.
    pub(crate) fn parcels(&self) -> PathBuf {
        let stick = self.folder.path().join("stick");
        std::fs::create_dir_all(&stick).expect("a folder can be made");
        stick
    }

    fn stop_office(&self) {
        let Some(Running { office, app }) = self.running.borrow_mut().take() else { return };
        drop(app);
        // What an interrupted request left running ends first, as it does in a process that shuts down.
        while Arc::strong_count(&office) > 1 {
            self.runtime.block_on(tokio::task::yield_now());
        }
    }

    fn running(&self) -> Arc<Office> {
        Arc::clone(&self.running.borrow().as_ref().expect("the office runs").office)
    }
}

/// A district in a temporary folder.
#[derive(Debug)]
pub struct World(pub(crate) Rc<Shared>);

impl World {
    /// A district whose every draw comes from `seed`, with its office open.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::within(TempDir::new().expect("a temporary folder can be made"), MORNING, seed)
    }

    /// A district that goes on at `wall` from what lies in `folder`: its office in `office`, each phone in a folder of its own.
    #[must_use]
    pub fn within(folder: TempDir, wall: Moment, seed: u64) -> Self {
        let time = Time {
            wall_ms: AtomicI64::new(wall.unix_ms()),
            monotonic_ms: AtomicU64::new(1_000_000),
            office_error_ms: AtomicI64::new(0),
        };
        let shared = Shared {
            dice: Arc::new(Mutex::new(Dice::new(seed))),
            time: Arc::new(time),
            folder,
            phones: RefCell::default(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made"),
            running: RefCell::new(None),
            piece_bytes: Cell::new(64 * 1024),
            // How full the disk is on which the tests run is no matter of theirs.
            keep: Cell::new(Keep { free_bytes: 0, ..Keep::default() }),
            quotas: RefCell::default(),
            pack: RefCell::default(),
        };
        shared.start_office();
        Self(Rc::new(shared))
    }

    /// The office.
    #[must_use]
    pub fn office(&self) -> Desk {
        Desk(Rc::clone(&self.0))
    }

    /// A phone of `person`, which has never met an office.
    #[must_use]
    pub fn phone(&self, person: &str) -> Phone {
        Phone::new(Rc::clone(&self.0), person)
    }

    /// The folder of the whole district: the office's, its backups, and those of all phones.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// The phone whose folder, below the district's, has this name.
    #[must_use]
    pub fn phone_found_at(&self, name: &str) -> Phone {
        Phone::found(Rc::clone(&self.0), self.folder().join(name))
    }

    /// A phone of `person` that is enrolled and has read what there is for it.
    #[must_use]
    pub fn enrolled(&self, person: &str) -> Phone {
        let mut phone = self.phone(person);
        phone.enrol(&self.office().code(person)).expect("a fresh code enrols");
        phone.sync().expect("the first exchange succeeds");
        phone
    }

    /// What the district's time is.
    #[must_use]
    pub fn wall(&self) -> Moment {
        self.0.time.wall(0)
    }

    /// The way from `phone` to the office.
    #[must_use]
    pub fn network(&self, phone: &Phone) -> Rc<Link> {
        phone.link()
    }

    /// From here on all draws come from another seed.
    pub fn draw_from(&self, seed: u64) {
        *self.0.dice() = Dice::new(seed);
    }

    /// Returns when the office has done all that it does by itself: the pictures of originals are drawn and noted.
    pub fn settle(&self) {
        self.try_to_settle().expect("the office runs");
    }

    /// As [`Self::settle`], beside a disk that may fail.
    ///
    /// # Errors
    /// Why it could not.
    pub fn try_to_settle(&self) -> Result<(), OfficeError> {
        let office = self.0.running();
        self.0.runtime.block_on(office.drawn())
    }

    /// Lets so many milliseconds pass.
    pub fn wait_ms(&self, ms: u64) {
        self.0.time.pass(ms);
    }

    /// Lets so many minutes pass.
    pub fn wait_minutes(&self, minutes: u64) {
        self.0.time.pass(minutes * 60_000);
    }

    /// Hands the office a request that no phone's link carries.
    #[must_use]
    pub fn deliver(&self, request: &Request, body: Vec<u8>) -> Response {
        self.0.deliver(request, HttpBody::from(body))
    }

    /// A number from the world's dice, below `bound`.
    #[must_use]
    pub fn roll(&self, bound: u64) -> u64 {
        self.0.dice().bits() % bound
    }

    /// Panics unless all that must always hold holds now.
    pub fn check_invariants(&self) {
        crate::checks::all(self);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Its thread ends before the folder goes, unless a phone still holds the world.
        if Rc::strong_count(&self.0) == 1 && !std::thread::panicking() {
            self.0.stop_office();
        }
    }
}

/// The people at the office, and what lies there.
#[derive(Debug, Clone)]
pub struct Desk(pub(crate) Rc<Shared>);

impl Desk {
    /// A one-time code for a phone of `person`.
    #[must_use]
    pub fn code(&self, person: &str) -> EnrolmentCode {
        let office = self.0.running();
        self.0
            .runtime
            .block_on(office.new_code(person_id(person)))
            .expect("a code is made for a person of the district")
    }

    /// `person` takes a step at the console.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn step(
        &self,
        person: &str,
        item: ItemId,
        step: CaseStep,
        args: &[(&str, &str)],
    ) -> Result<Verdict, OfficeError> {
        let view = self.view(item).expect("the office has the case");
        let args = args.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        self.write(
            person,
            item,
            Change::Step { transition: step.name().to_owned(), from: view.state, round: view.round, args },
        )
    }

    /// `person` corrects fields at the console.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn edit(&self, person: &str, item: ItemId, fields: &[(&str, Value)]) -> Result<Verdict, OfficeError> {
        let fields: BTreeMap<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.write(person, item, Change::Edit { fields })
    }

    fn write(&self, person: &str, item: ItemId, change: Change) -> Result<Verdict, OfficeError> {
        let office = self.0.running();
        let author = office.author_for(person_id(person), "session of a test");
        let draft = Draft { item: Some(item), kind: CASE.to_owned(), change, fix: None, seen: Seen::Held, cause: None };
        let written = office.turn(move |intake| write_at_desk(intake, &author, draft));
        self.0.runtime.block_on(written).map(|(_, judgement)| judgement.verdict)
    }

    /// What `person` says of a held entry at the console; gives the new judgements.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn rule(&self, person: &str, entry: EntryId, ruling: Ruling) -> Result<Vec<Judgement>, OfficeError> {
        let office = self.0.running();
        let author = office.author_for(person_id(person), "session of a test");
        self.0.runtime.block_on(office.rule(author, Said { entry, ruling, reason: "已核实".to_owned() }))
    }

    /// Erases the private part of an entry in `person`'s name, beside the running office.
    ///
    /// # Errors
    /// Why it was not.
    pub fn erase(&self, person: &str, entry: EntryId) -> Result<(), OfficeError> {
        Ledger::open(&self.0.config())?.erase(person_id(person), entry, "当事人要求")
    }

    /// What waits for a person, newest first.
    #[must_use]
    pub fn held(&self) -> Vec<EntryId> {
        let office = self.0.running();
        let held = self.0.runtime.block_on(office.read(xuncheng_office::held::list)).expect("the ledger can be read");
        held.into_iter().map(|held| held.entry).collect()
    }

    /// The acceptor files the case and the dispatcher sends it to `org`.
    pub fn file_and_dispatch(&self, item: ItemId, org: &str) {
        self.step("zhang", item, CaseStep::File, &[]).expect("a reported case can be filed");
        self.step("zhao", item, CaseStep::Dispatch, &[("responsible_org", org)])
            .expect("a filed case can be dispatched");
    }

    /// Makes the newest code useless.
    pub fn revoke_newest_code(&self) {
        let office = self.0.running();
        let codes = self.0.runtime.block_on(office.codes()).expect("codes can be listed");
        let newest = codes.iter().map(|code| code.number).max().expect("a code was made");
        self.0.runtime.block_on(office.revoke_code(newest)).expect("a code can be revoked");
    }

    /// Revokes a device.
    pub fn revoke(&self, device: IncarnationId) {
        let office = self.0.running();
        self.0
            .runtime
            .block_on(office.revoke_device(office.author(), device))
            .expect("an enrolled device can be revoked");
    }

    /// An item as it stands; none where there is no such item.
    #[must_use]
    pub fn view(&self, item: ItemId) -> Option<View> {
        self.read(move |conn| items::view(conn, item).expect("the ledger can be read"))
    }

    /// The bytes of an original; none where it has not arrived.
    #[must_use]
    pub fn original(&self, photo: &PhotoHash) -> Option<Vec<u8>> {
        std::fs::read(self.0.running().photos().original(photo)).ok()
    }

    /// Whether a backup took an original.
    pub fn is_backed_up(&self, photo: &PhotoHash) -> bool {
        let name = photo.to_string();
        self.0.folder.path().join("backups/blobs").join(&name[..2]).join(&name).exists()
    }

    /// Reads the ledger.
    pub fn read<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&store::open_reader(&self.folder().join("ledger.sqlite")).expect("the ledger can be read"))
    }

    pub(crate) fn running(&self) -> Arc<Office> {
        self.0.running()
    }

    /// The office's data folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.0.folder.path().join("office")
    }

    /// Closes the office.
    pub fn stop(&self) {
        self.0.stop_office();
    }

    /// Backs the office up, beside its running self, into the same place each time.
    pub fn back_up(&self) -> BackupReport {
        let place = self.0.folder.path().join("backups");
        backup(&self.folder(), &place).expect("an office can be backed up")
    }

    /// Takes in a phone's parcel, beside the running office.
    ///
    /// # Errors
    /// Why it was not, or not all of it.
    pub fn take_in(&self, file: &Path) -> Result<TakenIn, OfficeError> {
        let mut ledger = Ledger::open(&self.0.config())?;
        parcel::take_in(&mut ledger, file, &mut |_| {})
    }

    /// Answers the newest parcel of a phone, in a file of its own.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn answer(&self, device: IncarnationId) -> Result<PathBuf, OfficeError> {
        let place = self.0.parcels();
        let mut ledger = Ledger::open(&self.0.config())?;
        Ok(parcel::answer(&mut ledger, device, &place)?.file)
    }

    /// Opens it again.
    pub fn start(&self) {
        self.0.start_office();
    }

    /// Opens it again, or says why not.
    ///
    /// # Errors
    /// Those of [`Office::open`].
    pub fn try_to_start(&self) -> Result<(), OfficeError> {
        self.0.try_start_office()
    }

    /// Whether it is open.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.0.running.borrow().is_some()
    }

    /// Changes the list of people, which the office reads when it starts.
    pub fn change_people(&self, change: impl FnOnce(&str) -> String) {
        self.stop();
        let list = self.folder().join("people.toml");
        let text = std::fs::read_to_string(&list).expect("the list of people lies in the data folder");
        std::fs::write(&list, change(&text)).expect("the list of people can be written");
        self.start();
    }

    /// Gives the office the district pack in `folder`, once.
    pub fn give_pack(&self, folder: &Path) {
        *self.0.pack.borrow_mut() = Some(folder.to_owned());
        self.stop();
        self.start();
    }

    /// From here on phones send originals in pieces of so many bytes.
    pub fn set_piece_bytes(&self, bytes: u64) {
        self.0.piece_bytes.set(bytes);
        self.stop();
        self.start();
    }

    /// From here on phones keep of that which is safe what this says.
    pub fn set_keep(&self, keep: Keep) {
        self.0.keep.set(keep);
        self.stop();
        self.start();
    }

    /// From here on the office takes so much and no more.
    pub fn set_quotas(&self, quotas: Quotas) {
        *self.0.quotas.borrow_mut() = quotas;
        self.stop();
        self.start();
    }

    /// From here on the office's clock is so far off.
    pub fn clock_off_by(&self, ms: i64) {
        self.0.time.office_error_ms.store(ms, Ordering::SeqCst);
    }
}

/// 32 bytes of `dice`.
pub(crate) fn drawn(dice: &mut Dice) -> Seed {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&dice.bits().to_le_bytes());
    }
    Seed::from_bytes(bytes)
}

fn person_id(person: &str) -> PersonId {
    PersonId::new(person).expect("a person's code is ASCII")
}
