//! What goes over a wire, counted: what a record costs, what a new phone reads first, and what becomes of two devices that wrote
//! apart. Requests and answers are counted as their bodies; HTTP puts its own beside them.

use serde_json::json;
use xuncheng_core::field::{CaseEdit, CaseSummary, PictureFile};
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::store::items;
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::policy::{Conditions, Network, Power};
use xuncheng_core::sync::session::Outcome;
use xuncheng_core::work::case::CASE;
use xuncheng_tests::fixtures::{self, Dice};
use xuncheng_tests::network::Exchange;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::{MORNING, World};

/// Cases that a district has open on a bad day.
const OPEN: usize = 1_000;
/// Those of them whose thumbnails the first screens of a list show.
const PICTURED: usize = 100;

fn capture(phone: &mut Phone, n: u64) -> ItemId {
    let picture = phone.picture(&fixtures::jpeg_of_gravel(320, 240, n));
    phone.capture_at("component/01001", in_dongcheng(), vec![picture]).summary.id
}

/// Bytes to the office, and back.
fn bytes(log: &[Exchange]) -> (usize, usize) {
    let back = |exchange: &Exchange| match &exchange.outcome {
        Outcome::Answered(answer) => answer.body.len(),
        Outcome::Unreachable(_) | Outcome::Failed(_) | Outcome::Unreadable(_) => 0,
    };
    (log.iter().map(|exchange| exchange.sent.len()).sum(), log.iter().map(back).sum())
}

/// A record with its thumbnail goes to the office within 40 KB, of a photo that packs badly; original and view go later.
#[test]
fn a_record_with_its_thumbnail_is_within_40_kilobytes() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    capture(&mut li, 1);
    li.link().clear_log();
    li.sync().unwrap();
    let log = li.link().log();
    let pictured = log.iter().position(|exchange| exchange.request.path == "/v1/photos/previews").unwrap();
    let (up, down) = bytes(&log[..=pictured]);
    eprintln!("a record with its thumbnail: {up} bytes to the office, {down} back");
    assert!(log[..=pictured].iter().all(|exchange| !exchange.request.path.starts_with("/v1/uploads")));
    assert!(up + down <= 40_000, "{up} bytes to the office, {down} back");
}

/// A thousand records of 1.45 KB that wait on a phone go, and what became of each comes back, in three requests.
#[test]
fn a_thousand_records_take_three_requests() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut dice = Dice::new(1);
    for n in 0..OPEN {
        let mut description = format!("{n}");
        while description.len() < 1_250 {
            description += &format!("井盖破损{}，", dice.bits() % 10_000);
        }
        let fields = [
            ("category", json!("matter/09006")),
            ("occurred_at", json!(MORNING.unix_ms())),
            ("address", json!("江北大道中段")),
            ("description", json!(description)),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        li.write(None, CASE, Change::Open { fields });
    }
    li.link().clear_log();
    li.sync().unwrap();
    let log = li.link().log();
    let (up, down) = bytes(&log);
    eprintln!("a thousand records: {} requests, {up} bytes to the office, {down} back", log.len());
    assert!(log.len() <= 3, "{:?}", log.iter().map(|exchange| &exchange.request.path).collect::<Vec<_>>());
    let judged: usize = li
        .field()
        .store()
        .query_row("SELECT count(*) FROM judgement WHERE verdict = 'applied'", [], |row| row.get(0))
        .unwrap();
    assert!(judged >= OPEN, "{judged} of them were judged");
}

/// What a new phone reads before it is of use: the records of a thousand open cases, and the hundred newest thumbnails.
#[test]
fn a_new_phone_is_of_use_after_five_megabytes() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    for _ in PICTURED..OPEN {
        let picture = li.small_picture();
        li.capture_at("component/01001", in_dongcheng(), vec![picture]);
    }
    world.wait_minutes(1);
    for n in 0..PICTURED {
        capture(&mut li, n as u64);
    }
    // Thumbnails go whatever the network costs; originals are not what this is about.
    li.field_mut().set_conditions(Conditions { network: Network::Roaming, power: Power::Charging }).unwrap();
    li.sync().unwrap();
    let wang = world.enrolled("wang");
    let (up, down) = bytes(&wang.link().log());
    eprintln!(
        "a new phone's first sync: {up} bytes to the office, {down} back, in {} requests",
        wang.link().log().len()
    );
    let cases = wang.field().cases(&Query::default(), None, 200).unwrap().cases;
    let here = |case: &CaseSummary| matches!(case.thumbnail_file, Some(PictureFile::Here { .. }));
    assert!(cases[..PICTURED].iter().all(here), "the first screens have their pictures");
    let held: usize =
        wang.field().store().query_row("SELECT count(*) FROM item WHERE kind = 'case'", [], |row| row.get(0)).unwrap();
    assert_eq!(held, OPEN);
    assert!(up + down <= 5_000_000, "{up} bytes to the office, {down} back");
}

/// Two devices write 500 edits each while neither hears of the other, half of them on the same fields: no other edit is lost, and
/// of each pair on one field the one that came first is kept beside the other, on both devices and at the office.
#[test]
fn five_hundred_edits_on_each_of_two_devices_lose_nothing() {
    const CASES: usize = 250;
    let world = World::new(seed!());
    let (mut one, mut other) = (world.enrolled("li"), world.enrolled("li"));
    let cases: Vec<ItemId> = (0..CASES).map(|_| one.capture("component/01001").summary.id).collect();
    one.sync().unwrap();
    other.sync().unwrap();

    let edit = |phone: &mut Phone, case: ItemId, edit: CaseEdit| drop(phone.edit(case, &edit).unwrap());
    for (n, case) in cases.iter().enumerate() {
        let said = |by: &str| Some(format!("{by} {n}"));
        edit(&mut one, *case, CaseEdit { description: said("甲写的"), ..CaseEdit::default() });
        edit(&mut one, *case, CaseEdit { address: said("江北大道"), ..CaseEdit::default() });
        edit(&mut other, *case, CaseEdit { description: said("乙写的"), ..CaseEdit::default() });
        edit(&mut other, *case, CaseEdit { category: Some("matter/09006".to_owned()), ..CaseEdit::default() });
    }
    one.sync().unwrap();
    other.sync().unwrap();
    one.sync().unwrap();
    other.sync().unwrap();

    for (n, case) in cases.iter().enumerate() {
        let view = world.office().view(*case).unwrap();
        let field = |name: &str| view.text(name).map(str::to_owned);
        assert_eq!(field("address"), Some(format!("江北大道 {n}")));
        assert_eq!(field("category_name"), Some("占道经营".to_owned()));
        let (won, lost) = (field("description").unwrap(), &view.losers);
        let both = [format!("甲写的 {n}"), format!("乙写的 {n}")];
        assert!(both.contains(&won), "{won}");
        assert_eq!(lost.len(), 1, "{lost:?}");
        for phone in [&one, &other] {
            let held = items::view(phone.field().store(), *case).unwrap().unwrap();
            assert_eq!(&held.losers, lost, "both devices know of it");
        }
        assert!(both.contains(&lost[0].value.as_str().unwrap().to_owned()) && lost[0].value != won, "{lost:?} {won}");
    }
    world.check_invariants();
}
