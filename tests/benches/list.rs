//! A phone with 100,000 cases opens, and shows its first page, in under 50 ms; searching and the map on top.
//!
//! The folder is made once, out of entries and views as a long life with the office leaves them, and kept in the target
//! folder: delete `list-100000` there to have it made again.

#![allow(clippy::disallowed_methods, reason = "benchmarks own clock and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};
use xuncheng_core::clock::{Now, Seed};
use xuncheng_core::field::Field;
use xuncheng_core::id::{EpochId, PersonId, PhotoHash};
use xuncheng_core::journal::effect::Effect;
use xuncheng_core::journal::entry::{Change, Photo, PhotoRole};
use xuncheng_core::journal::fold;
use xuncheng_core::journal::judge::{Facts, ReadEntry, Subject, judge};
use xuncheng_core::journal::version::Version;
use xuncheng_core::journal::view::View;
use xuncheng_core::journal::write::{Author, Draft, Seen, write};
use xuncheng_core::pack::{Pack, Role};
use xuncheng_core::photo::MediaType;
use xuncheng_core::place::{BoundingBox, GeoPoint};
use xuncheng_core::store::list::{Cursor, Query};
use xuncheng_core::store::{items, photos};
use xuncheng_core::work::case::CASE;
use xuncheng_core::work::flow::Actor;
use xuncheng_tests::fixtures::Dice;
use xuncheng_tests::world::MORNING;

const CASES: usize = 100_000;

fn main() {
    folder();
    divan::main();
}

/// The phone's folder, made at the first run.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        let folder = target.join(format!("list-{CASES}"));
        if !folder.join("whole").exists() {
            let _ = std::fs::remove_dir_all(&folder);
            fill(&folder);
            std::fs::write(folder.join("whole"), b"").unwrap();
        }
        folder
    })
}

fn fill(folder: &Path) {
    let mut dice = Dice::new(1);
    let li = PersonId::new("li").unwrap();
    drop(Field::init(folder, &li, &Seed::from_bytes([1; 32])).unwrap());
    let incarnation = Field::open(folder).unwrap().incarnation().unwrap();
    let pack = Pack::bazhou().unwrap();
    let codes: Vec<String> = pack.catalogue().all().iter().map(|category| category.code.to_string()).collect();
    let mut conn = xuncheng_core::store::open(&folder.join("xuncheng.sqlite")).unwrap();
    let author = Author { incarnation, who: li, last_exchange: None, session: None };
    let words = ["井盖破损", "占道经营", "乱贴小广告", "垃圾堆积", "盲道被占", "路灯不亮", "晾晒衣物", "渣土洒落"];
    let streets = ["江北大道", "红军路", "草坝街", "巴州大道", "柳津桥", "回风北路"];
    for batch in 0..CASES / 1000 {
        let tx = conn.transaction().unwrap();
        for n in batch * 1000..(batch + 1) * 1000 {
            let mut pick = |list: &[&str]| list[usize::try_from(dice.bits() % list.len() as u64).unwrap()].to_owned();
            let text = format!("{}，{}{}号旁", pick(&words), pick(&streets), n % 400);
            let (address, code) = (pick(&streets), codes[n % codes.len()].clone());
            let place = json!({
                "lat_e7": 318_400_000 + dice.bits() % 600_000, "lon_e7": 1_067_200_000 + dice.bits() % 600_000,
            });
            let minutes = i64::try_from(n).unwrap() * 5;
            let now = Now { wall: MORNING.plus_ms(-minutes * 60_000), monotonic_ms: 0, boot_id: "boot".to_owned() };
            let fields = [
                ("category".to_owned(), Value::from(code)),
                ("occurred_at".to_owned(), now.wall.unix_ms().into()),
                ("description".to_owned(), text.into()),
                ("address".to_owned(), address.into()),
                ("place".to_owned(), place),
            ];
            one_case(&tx, &pack, &author, fields.into(), &now, n);
        }
        tx.commit().unwrap();
    }
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// A case as the office sent it back: judged, numbered, with a photo, nothing waiting.
fn one_case(
    tx: &rusqlite::Transaction<'_>,
    pack: &Pack,
    author: &Author,
    fields: std::collections::BTreeMap<String, Value>,
    now: &Now,
    n: usize,
) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(n as u64).to_le_bytes());
    let mut entropy = Seed::from_bytes(seed).entropy();
    let open = Change::Open { fields };
    let draft = |item, change| Draft { item, kind: CASE.to_owned(), change, fix: None, seen: Seen::Held, cause: None };
    let opened = write(tx, author, draft(None, open.clone()), now, &mut entropy).unwrap();
    let item = opened.header.item;
    let photo = photo(n);
    let attach = Change::Attach { photo: photo.clone(), round: 0 };
    let attached = write(tx, author, draft(Some(item), attach.clone()), now, &mut entropy).unwrap();
    photos::attach(tx, attached.header.id, item, &photo, true).unwrap();
    let mut view = View::empty(CASE, Version::none(EpochId::from_bytes([1; 16])));
    let inspector = Actor {
        person: Some(author.who.clone()),
        roles: vec![Role::Inspector],
        org: None,
        opened_it: true,
        handled_it: false,
        revoked: false,
        vouched: false,
    };
    for (written, change) in [(&opened, &open), (&attached, &attach)] {
        let links = std::collections::BTreeMap::new();
        let so_far = (view.version.count > 0).then_some(&view);
        let subject = Subject { view: so_far, seen: None, own_links: &links, blocked: None };
        let facts = Facts { pack, actor: &inspector, received: now.wall };
        let decision = judge(&subject, &facts, &ReadEntry { id: written.header.id, kind: CASE, own: None, change });
        let version = view.version.after(view.version.epoch, &written.entry.header_hash(), "");
        fold::apply(&mut view, written.header.id, version, &decision.effects);
    }
    let number = Effect::SetField { field: "number".to_owned(), value: format!("BZ20260721-{n:06}").into() };
    let version = view.version;
    fold::apply(&mut view, opened.header.id, version, &[number]);
    items::put(tx, item, &view).unwrap();
    items::join(tx, item, "own/li", None).unwrap();
}

/// A photo of its own for each case: its files are not looked at by a list.
fn photo(n: usize) -> Photo {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&(n as u64).to_le_bytes());
    Photo {
        sha256: PhotoHash::from_bytes(hash),
        sm3: xuncheng_core::id::Sm3Hash::from_bytes(hash),
        bytes: 300_000,
        media: MediaType::Jpeg,
        role: PhotoRole::Scene,
        width_px: 4000,
        height_px: 3000,
        view: PhotoHash::from_bytes(hash),
        thumbnail: PhotoHash::from_bytes(hash),
        drawn_by: xuncheng_core::photo::DRAWER.to_owned(),
    }
}

fn list(field: &Field, query: &Query, after: Option<&Cursor>) -> usize {
    let page = field.cases(query, after, 20).unwrap();
    assert!(!page.cases.is_empty());
    page.cases.len()
}

fn searching(text: &str) -> Query {
    Query { text: Some(text.to_owned()), ..Query::default() }
}

/// What an inspector waits for after touching the icon.
#[divan::bench]
fn open_and_first_page() -> usize {
    list(&Field::open(folder()).unwrap(), &Query::default(), None)
}

#[divan::bench]
fn first_page(bencher: divan::Bencher<'_, '_>) {
    let field = Field::open(folder()).unwrap();
    bencher.bench_local(|| list(&field, &Query::default(), None));
}

#[divan::bench]
fn a_page_in_the_middle(bencher: divan::Bencher<'_, '_>) {
    let field = Field::open(folder()).unwrap();
    let mut after: Cursor = field.cases(&Query::default(), None, 20).unwrap().next.unwrap();
    for _ in 0..200 {
        after = field.cases(&Query::default(), Some(&after), 200).unwrap().next.unwrap();
    }
    bencher.bench_local(|| list(&field, &Query::default(), Some(&after)));
}

#[divan::bench]
fn of_one_state(bencher: divan::Bencher<'_, '_>) {
    let field = Field::open(folder()).unwrap();
    let query = Query { states: vec!["reported".to_owned()], ..Query::default() };
    bencher.bench_local(|| list(&field, &query, None));
}

/// Two characters that an eighth of all cases have.
#[divan::bench]
fn search_of_a_common_word(bencher: divan::Bencher<'_, '_>) {
    let field = Field::open(folder()).unwrap();
    bencher.bench_local(|| list(&field, &searching("井盖"), None));
}

/// A word that hardly any case has.
#[divan::bench]
fn search_of_a_rare_word(bencher: divan::Bencher<'_, '_>) {
    let field = Field::open(folder()).unwrap();
    bencher.bench_local(|| list(&field, &searching("BZ20260721-012345"), None));
}

/// A few blocks of houses.
#[divan::bench]
fn a_box_on_the_map(bencher: divan::Bencher<'_, '_>) {
    let field = Field::open(folder()).unwrap();
    let corner = |lat, lon| GeoPoint::from_degrees(lat, lon).unwrap();
    let within = BoundingBox::new(corner(31.866, 106.742), corner(31.870, 106.746)).unwrap();
    let query = Query { within: Some(within), ..Query::default() };
    bencher.bench_local(|| list(&field, &query, None));
}

/// The whole district on the map.
#[divan::bench]
fn a_box_around_everything(bencher: divan::Bencher<'_, '_>) {
    let field = Field::open(folder()).unwrap();
    let corner = |lat, lon| GeoPoint::from_degrees(lat, lon).unwrap();
    let within = BoundingBox::new(corner(31.8, 106.7), corner(31.95, 106.8)).unwrap();
    let query = Query { within: Some(within), ..Query::default() };
    bencher.bench_local(|| list(&field, &query, None));
}
