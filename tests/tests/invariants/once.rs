//! Invariant 3: applying any request twice equals once; splitting a batch anywhere equals not splitting it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use xuncheng_core::id::{ItemId, PhotoHash, Sm3Hash};
use xuncheng_core::journal::entry::{Change, Entry, Photo, PhotoRole};
use xuncheng_core::journal::ledger::{Sender, Taken};
use xuncheng_core::photo::MediaType;
use xuncheng_core::store::items;
use xuncheng_tests::ledger::{Ledger, Pen};
use xuncheng_tests::network::Fault;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// What somebody does next, in small numbers that are read when it happens.
#[derive(Debug, Clone)]
struct Deed {
    pen: usize,
    what: u8,
    item: usize,
    value: u8,
    /// Whether the author looked at the case before.
    looked: bool,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = (0..3_usize, 0..10_u8, 0..4_usize, 0..4_u8, any::<bool>())
        .prop_map(|(pen, what, item, value, looked)| Deed { pen, what, item, value, looked });
    prop::collection::vec(deed, 1..40)
}

/// Three devices of two people: 李巡查 has two, 张受理 one.
fn pens() -> Vec<Pen> {
    vec![Pen::of("li", "first"), Pen::of("li", "second"), Pen::of("zhang", "desk")]
}

/// Writes `deeds` down and takes each at once, so that what the next one saw is what it would have seen.
fn written(deeds: &[Deed]) -> (Vec<(Sender, Entry)>, Ledger) {
    let mut ledger = Ledger::new();
    let mut pens = pens();
    let mut opened: Vec<ItemId> = Vec::new();
    let mut all = Vec::new();
    for deed in deeds {
        let item = (!opened.is_empty()).then(|| opened[deed.item % opened.len()]);
        let seen = item.filter(|_| deed.looked).and_then(|item| ledger.version(item));
        let change = change(&ledger, deed, item);
        let pen = &mut pens[deed.pen];
        let opens = matches!(change, Change::Open { .. });
        let (item, entry) = pen.write(if opens { None } else { item }, change, seen);
        if opens {
            opened.push(item);
        }
        ledger.take_together(&[(pen.sender(), entry.clone())]);
        all.push((pen.sender(), entry));
    }
    (all, ledger)
}

fn change(ledger: &Ledger, deed: &Deed, item: Option<ItemId>) -> Change {
    let value = format!("值{}", deed.value);
    let fields = |pairs: &[(&str, Value)]| -> BTreeMap<String, Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    let Some(item) = item else {
        return Change::Open { fields: fields(&[("category", json!("matter/09006")), ("occurred_at", json!(0))]) };
    };
    let view = items::view(ledger.conn(), item).unwrap();
    let (state, round) = view.map_or_else(|| (String::new(), 0), |view| (view.state, view.round));
    let step = |name: &str| Change::Step {
        transition: name.to_owned(),
        from: state.clone(),
        round,
        args: fields(&[("reason", json!("理由")), ("responsible_org", json!("chengguan"))]),
    };
    let place = json!({ "lat_e7": 318_672_000 + i32::from(deed.value), "lon_e7": 1_067_531_000 });
    match deed.what {
        0 => Change::Open { fields: fields(&[("category", json!("component/01001")), ("occurred_at", json!(60_000))]) },
        1 | 2 => Change::Edit { fields: fields(&[("description", json!(value))]) },
        3 => Change::Edit { fields: fields(&[("place", place), ("address", json!(value))]) },
        4 => {
            Change::Edit { fields: fields(&[("tags", json!([value, "常犯"])), ("category", json!("matter/09006"))]) }
        }
        5 => Change::Comment { text: value },
        6 => step(["file", "decline", "withdraw", "close"][usize::from(deed.value)]),
        7 => Change::Attach { photo: photo(deed.value), round: 0 },
        8 => Change::Edit { fields: fields(&[("number", json!("BZ-1"))]) },
        _ => Change::Edit { fields: BTreeMap::new() },
    }
}

fn photo(number: u8) -> Photo {
    Photo {
        sha256: PhotoHash::from_bytes([number; 32]),
        sm3: Sm3Hash::from_bytes([number; 32]),
        bytes: 1000,
        media: MediaType::Jpeg,
        role: PhotoRole::Close,
        width_px: 100,
        height_px: 100,
        view: PhotoHash::from_bytes([number; 32]),
        thumbnail: PhotoHash::from_bytes([number; 32]),
        drawn_by: xuncheng_core::photo::DRAWER.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Invariant 3: any split gives the same entries, verdicts, views, histories and feeds, byte for byte.
    #[test]
    fn a_batch_may_be_split_anywhere(deeds in deeds(), splits in prop::collection::vec(any::<bool>(), 40)) {
        let (entries, at_once) = written(&deeds);
        let mut split = Ledger::new();
        let mut batch = Vec::new();
        for (entry, ends_here) in entries.iter().zip(splits) {
            batch.push(entry.clone());
            if ends_here {
                split.take_together(&std::mem::take(&mut batch));
            }
        }
        split.take_together(&batch);
        prop_assert_eq!(at_once.whole(), split.whole());
    }

    /// Invariant 3: whatever is sent again, and when, changes nothing.
    #[test]
    fn an_entry_may_come_again_at_any_time(deeds in deeds(), again in prop::collection::vec((0..40_usize, 0..40_usize), 0..20)) {
        let (entries, once) = written(&deeds);
        let mut twice = Ledger::new();
        for (now, (sender, entry)) in entries.iter().enumerate() {
            prop_assert!(matches!(twice.take(sender, entry), Ok(Taken::Judged(_))));
            for (_, earlier) in again.iter().filter(|(when, _)| *when == now) {
                let (sender, entry) = &entries[earlier % (now + 1)];
                prop_assert!(matches!(twice.take(sender, entry), Ok(Taken::Repeat)));
            }
        }
        prop_assert_eq!(once.whole(), twice.whole());
    }
}

/// Invariant 3, over HTTP: every request of a day's work arrives twice.
#[test]
fn every_request_may_arrive_twice() {
    let seed = seed!();
    let office_after = |twice: bool| {
        let world = World::new(seed);
        let mut li = world.phone("li");
        let plan = if twice { vec![Fault::Twice; 60] } else { Vec::new() };
        world.network(&li).next(&plan);
        li.enrol(&world.office().code("li")).unwrap();
        li.sync().unwrap();
        let first = li.capture("matter/09006").summary.id;
        let second = li.capture("matter/09006").summary.id;
        li.sync().unwrap();
        li.describe(first, "又看了一次").unwrap();
        li.comment(second, "占道").unwrap();
        li.withdraw(second).unwrap();
        li.sync().unwrap();
        world.check_invariants();
        world.office().read(|conn| {
            let count = |sql: &str| -> u64 { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
            [
                count("SELECT count(*) FROM entry"),
                count("SELECT count(*) FROM judgement"),
                count("SELECT count(*) FROM item"),
                count("SELECT count(*) FROM item_version"),
                count("SELECT count(*) FROM feed"),
                count("SELECT count(*) FROM office_device"),
                count("SELECT count(*) FROM office_upload"),
                count("SELECT count(*) FROM attachment WHERE receipt IS NOT NULL"),
                count("SELECT sum(length(view)) FROM item"),
            ]
        })
    };
    assert_eq!(office_after(false), office_after(true));
}
