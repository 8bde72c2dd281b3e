//! A district as one version leaves it to the next: a morning's work in one small file, opened and gone on with by every
//! version that follows.
//!
//! [`pack`] makes the file, with the version that it is built of, once for each release; [`Left::unpack`] opens one. Beside the
//! folders lies what the version that made it [noted](Noted): what each phone showed, what was still to be sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;
use xuncheng_core::clock::Moment;
use xuncheng_core::field::{CapturePhoto, CaseAct};
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::place::GeoPoint;
use xuncheng_core::store::{items, photos};
use xuncheng_core::sync::session::{Action, Method};
use xuncheng_core::work::case::CaseStep;

use crate::fixtures;
use crate::network::Fault;
use crate::phone::{Phone, in_dongcheng, in_huifeng};
use crate::simulation::district::{self, Book, District};
use crate::world::World;

/// What the version that packed a district saw in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Noted {
    /// The version.
    pub version: String,
    /// When it was packed, by the district's clock.
    pub at: Moment,
    /// Phones by the name of their folder.
    pub phones: BTreeMap<String, NotedPhone>,
    /// What the office made of each item.
    pub office: BTreeMap<ItemId, Value>,
}

/// What one phone showed.
#[derive(Debug, Serialize, Deserialize)]
pub struct NotedPhone {
    /// Whether it had met the office.
    pub enrolled: bool,
    /// How many of its entries the office did not have.
    pub unsent: u64,
    /// Its own entries that the office held or rejected.
    pub refused: BTreeSet<EntryId>,
    /// All entries that it wrote.
    pub entries: BTreeSet<EntryId>,
    /// The originals of its own.
    pub photos: BTreeSet<PhotoHash>,
    /// Each item as it was shown.
    pub shown: BTreeMap<ItemId, Value>,
    /// Each item as the office had told it; without those that it had told nothing of.
    pub confirmed: BTreeMap<ItemId, Value>,
}

impl NotedPhone {
    /// What a phone shows now.
    #[must_use]
    pub fn of(phone: &Phone) -> Self {
        let store = phone.field().store();
        let status = phone.field().status().expect("a phone says how it stands");
        assert_eq!(status.refused_more, 0, "all that was refused is named");
        let items: Vec<ItemId> = read(store, "SELECT id FROM item");
        let value = |view| serde_json::to_value(view).expect("a view has a JSON form");
        let shown = |item: &ItemId| Some((*item, value(items::view(store, *item).expect("a store can be read")?)));
        let told = |item: &ItemId| Some((*item, value(items::confirmed(store, *item).expect("a store can be read")?)));
        Self {
            enrolled: status.office.is_some(),
            unsent: status.unsent,
            refused: status.refused.iter().map(|refused| refused.entry).collect(),
            entries: district::entries(phone).into_iter().collect(),
            photos: photos::own(store).expect("a store can be read").iter().map(|photo| photo.sha256).collect(),
            shown: items.iter().filter_map(shown).collect(),
            confirmed: items.iter().filter_map(told).collect(),
        }
    }
}

/// What the office makes of each item now.
#[must_use]
pub fn of_office(world: &World) -> BTreeMap<ItemId, Value> {
    world.office().read(|conn| {
        let items: Vec<ItemId> = read(conn, "SELECT id FROM item");
        let view = |item: ItemId| items::view(conn, item).expect("the ledger can be read").map(|view| (item, view));
        let views = items.into_iter().filter_map(view);
        views.map(|(item, view)| (item, serde_json::to_value(view).expect("a view has a JSON form"))).collect()
    })
}

/// Where the file of a version lies.
#[must_use]
pub fn file_of(version: &str) -> PathBuf {
    folder().join(format!("{version}.tar.zst"))
}

/// The files of all versions so far.
#[must_use]
pub fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the fixtures are there")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.to_string_lossy().ends_with(".tar.zst"))
        .collect();
    files.sort();
    files
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Works a morning long and packs what there is then into a new file.
///
/// # Errors
/// What keeps the file from being written: one that is there already, above all.
pub fn pack(version: &str, into: &Path) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder())?;
    let world = World::new(1);
    let mut phones = morning(&world);
    world.settle();
    world.check_invariants();
    let name = |phone: &Phone| phone.folder().file_name().expect("a phone has a folder").to_string_lossy().into_owned();
    let noted = Noted {
        version: version.to_owned(),
        at: world.wall(),
        phones: phones.iter().map(|phone| (name(phone), NotedPhone::of(phone))).collect(),
        office: of_office(&world),
    };
    // Programs were shut down, but for a unit's: that one was killed, with what SQLite had not yet put in its place.
    world.office().stop();
    phones.retain(|phone| phone.field().person().as_str() == "zhou");
    let mut encoder = zstd::stream::write::Encoder::new(file.as_file_mut(), 19)?;
    // Far enough back for all copies of one page to be found.
    encoder.window_log(26)?;
    encoder.long_distance_matching(true)?;
    let mut archive = tar::Builder::new(encoder);
    archive.mode(tar::HeaderMode::Deterministic);
    append(&mut archive, "noted.json", &serde_json::to_vec(&noted).map_err(io::Error::other)?)?;
    add(&mut archive, world.folder(), Path::new(""))?;
    archive.into_inner()?.finish()?.sync_all()?;
    file.persist_noclobber(into)?;
    Ok(())
}

fn add(archive: &mut tar::Builder<impl io::Write>, root: &Path, at: &Path) -> io::Result<()> {
    let mut names: Vec<_> =
        fs::read_dir(root.join(at))?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let (path, text) = (at.join(&name), name.to_string_lossy());
        if root.join(&path).is_dir() {
            // A camera's own files are no part of a store.
            if text != "camera" {
                archive.append_dir(&path, root.join(&path))?;
                add(archive, root, &path)?;
            }
        } else if text != "reserve" && !text.ends_with("-shm") {
            archive.append_path_with_name(root.join(&path), &path)?;
        }
    }
    Ok(())
}

fn append(archive: &mut tar::Builder<impl io::Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    archive.append_data(&mut header, name, bytes)
}

/// Everything that a store may hold when its program is replaced: cases in every state, what the office refused, what nobody
/// has answered yet, half an upload, two copies of one store, a full queue, a phone that never met the office.
fn morning(world: &World) -> Vec<Phone> {
    let office = world.office();
    let mut li = world.enrolled("li");
    let mut wang = world.enrolled("wang");
    let mut chen = world.enrolled("chen");
    let mut zhou = world.enrolled("zhou");
    let mut sun = world.enrolled("sun");

    let closed = capture(&mut li, "component/01001", in_dongcheng(), 1);
    li.sync().expect("the network is sound");
    office.file_and_dispatch(closed, "shizheng");
    chen.sync().expect("the network is sound");
    handle(&mut chen, closed);
    chen.sync().expect("the network is sound");
    sun.sync().expect("the network is sound");
    sun.step(closed, CaseStep::Check, &[]).expect("a verifier checks what others handled");
    sun.sync().expect("the network is sound");
    office.step("zhang", closed, CaseStep::Close, &[]).expect("a checked case with its originals is closed");
    world.settle();
    office.back_up();
    li.sync().expect("the network is sound");

    // A unit at work without a network.
    let handled = capture(&mut wang, "matter/09006", in_huifeng(), 2);
    wang.sync().expect("the network is sound");
    office.file_and_dispatch(handled, "chengguan");
    zhou.sync().expect("the network is sound");
    handle(&mut zhou, handled);
    zhou.comment(handled, "已劝离").expect("a unit says something of its case");

    // What the office refuses stays with its author.
    capture(&mut chen, "component/01001", in_dongcheng(), 1);
    chen.sync().expect("the network is sound");
    let filed = capture(&mut li, "matter/09006", in_dongcheng(), 1);
    li.sync().expect("the network is sound");
    office.edit("zhang", filed, &[("description", "摊贩占道".into())]).expect("a desk corrects a case");
    office.step("zhang", filed, CaseStep::File, &[]).expect("a reported case is filed");
    li.describe(filed, "早餐摊占道").expect("a reporter corrects a case that was not dispatched");
    li.withdraw(filed).expect("a reporter takes back a case that was not filed, as far as the phone knows");
    li.sync().expect("the network is sound");

    // Two copies of one store have found each other out; the second has more to say.
    let mut copy = wang.copied();
    wang.comment(handled, "下午再看").expect("a reporter says something of a case");
    wang.sync().expect("the network is sound");
    copy.comment(handled, "晚上再看").expect("a reporter says something of a case");
    copy.sync().expect("a copy goes on by itself");
    capture(&mut copy, "matter/09006", in_dongcheng(), 1);

    // The office has what the phone does not know of.
    wang.comment(handled, "收到").expect("a reporter says something of a case");
    wang.field_mut().start_sync().expect("a conversation can be begun");
    wang.die_while_sending();

    half_an_upload(world, &mut li);
    for _ in 0..2 {
        capture(&mut li, "matter/09006", in_dongcheng(), 2);
    }

    let queue = full_queue(world);
    let mut newcomer = world.phone("yang");
    capture(&mut newcomer, "matter/09006", in_dongcheng(), 1);
    vec![li, wang, chen, zhou, sun, copy, queue, newcomer]
}

/// A case with so many of the smallest pictures.
fn capture(phone: &mut Phone, category: &str, place: GeoPoint, pictures: usize) -> ItemId {
    let pictures = (0..pictures).map(|_| phone.small_picture()).collect();
    phone.capture_at(category, place, pictures).summary.id
}

/// A unit takes a case on and reports it done, with a photo.
fn handle(phone: &mut Phone, item: ItemId) {
    phone.step(item, CaseStep::Accept, &[]).expect("a unit accepts its case");
    let after = CapturePhoto { file: phone.small_picture(), working_copy: None, role: PhotoRole::After };
    let act = CaseAct { step: CaseStep::Handle, args: [].into(), photos: vec![after], fix: None, shown: None };
    phone.act(item, &act).expect("a unit handles its case");
}

/// An original of which the office has a part and no more.
fn half_an_upload(world: &World, phone: &mut Phone) {
    let picture = phone.picture(&fixtures::jpeg(160, 120, 7));
    phone.capture_at("component/01001", in_dongcheng(), vec![picture]);
    phone.field_mut().start_sync().expect("a conversation can be begun");
    for _ in 0..100 {
        let next = phone.next_action().expect("an enrolled phone knows what to do next");
        let Action::Send { id, request } = next else {
            world.wait_minutes(20);
            continue;
        };
        // Something on the way lets no more than a part through at once, and of the second part only the beginning.
        let is_first = request.method == Method::Post && request.path.starts_with("/v1/photos/uploads");
        phone.link().most_bytes(is_first.then_some(5000));
        if request.method == Method::Patch {
            phone.link().next(&[Fault::CutRequest(2000)]);
        }
        let outcome = phone.carry(&request);
        // What was refused or cut is a failure.
        let _ = phone.completed(id, &outcome);
        if request.method == Method::Patch {
            return;
        }
    }
    panic!("a new photo was not sent");
}

/// Days of work in a valley without a network.
fn full_queue(world: &World) -> Phone {
    let mut phone = world.enrolled("li");
    for _ in 0..10 {
        let case = capture(&mut phone, "matter/09006", in_dongcheng(), 1);
        for again in 0..10 {
            phone.describe(case, &format!("第{again}次查看")).expect("a reporter corrects a case");
            phone.comment(case, &format!("第{again}次，仍在")).expect("a reporter says something of a case");
        }
    }
    phone
}

/// A district out of a file.
pub struct Left {
    /// What the version that packed it noted.
    pub noted: Noted,
    /// The district, opened by this version.
    pub district: District,
}

impl Left {
    /// Opens the office and all phones of a file, the day after it was packed.
    #[must_use]
    pub fn unpack(file: &Path, seed: u64) -> Self {
        let noted = noted(file);
        let morning = noted.at.plus_ms(24 * 3_600_000);
        let folder = TempDir::new().expect("a temporary folder can be made");
        archive(file).unpack(folder.path()).expect("a fixture can be unpacked");
        let world = World::within(folder, morning, seed);
        let phones: Vec<Phone> = noted.phones.keys().map(|name| world.phone_found_at(name)).collect();
        let mut book = Book::default();
        for ((index, phone), noted) in phones.iter().enumerate().zip(noted.phones.values()) {
            book.entries.extend(noted.entries.iter().map(|entry| (index, *entry)));
            let bytes = |sha256: &PhotoHash| phone.original(sha256).map(|bytes| (*sha256, bytes));
            book.photos.extend(noted.photos.iter().filter_map(bytes));
        }
        Self { noted, district: District::of(world, phones, book, seed) }
    }
}

fn noted(file: &Path) -> Noted {
    let mut archive = archive(file);
    let mut entries = archive.entries().expect("a fixture can be read");
    let mut first = entries.next().expect("a fixture has notes").expect("a fixture can be read");
    let mut text = String::new();
    first.read_to_string(&mut text).expect("a fixture can be read");
    serde_json::from_str(&text).expect("notes can be read by every later version")
}

fn archive(file: &Path) -> tar::Archive<impl io::Read + use<>> {
    let file = File::open(file).expect("a fixture can be opened");
    tar::Archive::new(zstd::stream::read::Decoder::new(file).expect("a fixture is compressed"))
}

fn read<T: rusqlite::types::FromSql>(conn: &Connection, sql: &str) -> Vec<T> {
    let found = conn.prepare(sql).and_then(|mut all| all.query_map([], |row| row.get(0))?.collect());
    found.expect("a store can be read")
}
