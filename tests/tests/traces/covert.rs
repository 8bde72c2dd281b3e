//! What the inspected, and those who handle, must not find out: that they were visited, and who reported.

use serde_json::Value;
use xuncheng_core::field::{CapturePhoto, CaseAct, FieldError};
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::{Change, PhotoRole};
use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::store::meta::key;
use xuncheng_core::store::{feeds, judgements, meta};
use xuncheng_core::sync::session::Outcome;
use xuncheng_core::work::case::CaseStep;
use xuncheng_core::work::visit::{CLOSE, CLOSED, VISIT, VISITED};
use xuncheng_office::OfficeError;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::traffic::{Said, linkable, traffic, unpacked};
use xuncheng_tests::world::World;

/// 梅 makes covert visits, 高 directs them.
const COVERT: &str = r#"
[[people]]
code = "mei"
name = "梅暗访"
roles = ["covert_inspector"]
org = "jiandu"

[[people]]
code = "gao"
name = "高考评"
roles = ["appraiser"]
org = "jiandu"
"#;

fn world(seed: u64) -> World {
    let world = World::new(seed);
    world.office().change_people(|people| format!("{people}{COVERT}"));
    world
}

/// A case with a picture that is the same in every world.
fn capture(phone: &mut Phone, picture: u64) -> ItemId {
    let picture = phone.picture(&fixtures::jpeg(96, 64, picture));
    phone.capture_at("component/01001", in_dongcheng(), vec![picture]).summary.id
}

fn handle(phone: &mut Phone, case: ItemId, picture: u64) {
    phone.step(case, CaseStep::Accept, &[]).unwrap();
    let after = CapturePhoto {
        file: phone.picture(&fixtures::jpeg(96, 64, picture)),
        working_copy: None,
        role: PhotoRole::After,
    };
    let handle = CaseAct { step: CaseStep::Handle, args: [].into(), photos: vec![after], fix: None, shown: None };
    phone.act(case, &handle).unwrap();
}

/// Any number in a unit's traffic that jumps shows a covert visit. Two worlds, one with visits between all that a unit and an
/// inspector do: all that their phones send and are told is the same. What may differ is what is drawn, of constant size: ids,
/// salts, hashes, nonces, tokens, sealed origins and signatures; and how small a message with those in it can be packed.
#[test]
fn gap_beside_a_covert_visit() {
    let seed = seed!();
    let they_see = |visited: bool| -> [Vec<Said>; 2] {
        let world = world(seed);
        let (mut li, mut chen) = (world.enrolled("li"), world.enrolled("chen"));
        let (mut mei, mut gao) = (world.enrolled("mei"), world.enrolled("gao"));
        let before = capture(&mut li, 1);
        li.sync().unwrap();
        world.office().file_and_dispatch(before, "shizheng");
        chen.sync().unwrap();
        let mut sites = ["西门市场", "市政工地", "北门"].into_iter();
        let mut visits = Vec::new();
        let mut perhaps_a_visit = |world: &World| {
            let site = sites.next().unwrap();
            if visited {
                let item = mei.visit(site).id;
                mei.comment(item, "两人在场").unwrap();
                mei.sync().unwrap();
                gao.sync().unwrap();
                world.settle();
                visits.push(item);
            }
        };
        perhaps_a_visit(&world);
        handle(&mut chen, before, 2);
        chen.sync().unwrap();
        perhaps_a_visit(&world);
        world.office().back_up();
        let after = capture(&mut li, 3);
        li.sync().unwrap();
        world.office().file_and_dispatch(after, "shizheng");
        perhaps_a_visit(&world);
        chen.sync().unwrap();
        handle(&mut chen, after, 4);
        for phone in [&mut chen, &mut li] {
            phone.sync().unwrap();
        }
        if visited {
            // It is no use to the inspected that there is something to be hidden.
            let close =
                Change::Step { transition: CLOSE.to_owned(), from: VISITED.to_owned(), round: 0, args: [].into() };
            gao.write(visits[0], VISIT, close);
            gao.sync().unwrap();
            mei.sync().unwrap();
            let numbers: Vec<_> = visits.iter().map(|item| world.office().view(*item).unwrap()).collect();
            assert!(numbers.iter().all(|view| view.text("number").unwrap().starts_with("AF20260721-000")));
            assert_eq!((&*numbers[0].state, &*numbers[1].state), (CLOSED, VISITED));
            assert_eq!((mei.field().visits().unwrap().len(), gao.field().visits().unwrap().len()), (3, 2));
            assert!(visits.iter().all(|item| !li.holds(*item) && !chen.holds(*item)));
        }
        assert_eq!(chen.case(after).summary.label, "BZ20260721-0002", "cases are numbered as if there were no visit");
        world.check_invariants();
        [traffic(&world.network(&chen).log()), traffic(&world.network(&li).log())]
    };
    let (with, without) = (they_see(true), they_see(false));
    for (with, without) in with.iter().zip(&without) {
        assert!(without.len() > 5, "there is traffic to compare");
        for (with, without) in with.iter().zip(without) {
            assert_eq!(with, without);
        }
        assert_eq!(with.len(), without.len());
    }
}

/// A covert inspector signs out, and somebody of the inspected unit signs in on the same phone: what was the inspector's stays
/// in the inspector's store, and who asks for it by name is answered as if there were nothing.
#[test]
fn shared_phone() {
    let world = world(seed!());
    let mut mei = world.enrolled("mei");
    let item = mei.visit("市政工地").id;
    mei.sync().unwrap();
    assert_eq!(mei.field().visits().unwrap().len(), 1);

    // The store that is there is not another person's.
    let code = world.office().code("chen");
    assert!(matches!(mei.enrol(&code), Err(FieldError::OtherPerson { .. })));
    // In a store of their own they may ask for whatever they once saw on the screen.
    let mut chen = world.enrolled("chen");
    let nowhere = ItemId::from_bytes([7; 16]);
    let tx = chen.field().store().unchecked_transaction().unwrap();
    for feed in ["covert".to_owned(), feeds::private(mei.incarnation()), "own/mei".to_owned()] {
        feeds::set_position(&tx, &feed, 0).unwrap();
    }
    meta::set(&tx, key::SNAPSHOTS_WANTED, &[item, nowhere]).unwrap();
    tx.commit().unwrap();
    world.network(&chen).clear_log();
    let written = [item, nowhere].map(|item| chen.write(item, VISIT, Change::Comment { text: "这是什么".to_owned() }));
    chen.sync().unwrap();
    assert!(chen.field().visits().unwrap().is_empty());
    let judged = written.map(|id| {
        let judged = judgements::get(chen.field().store(), id).unwrap().unwrap().judgement;
        (judged.verdict, judged.version)
    });
    let unknown = (Verdict::Held { reason: Code::UnknownItem, behind: None }, None);
    assert_eq!(judged, [unknown.clone(), unknown], "a visit and what is nowhere are answered alike");
    for exchange in world.network(&chen).log().iter().filter(|exchange| exchange.request.path == "/v1/sync") {
        let Outcome::Answered(answer) = &exchange.outcome else { continue };
        let said = unpacked(&answer.body);
        for secret in ["covert", "市政工地", "AF2026", "own/mei", &mei.incarnation().to_string()] {
            assert!(!said.contains(secret), "somebody of the inspected was told {secret}");
        }
    }
    world.check_invariants();
}

/// What is held of a visit waits for those who direct visits; to a desk of cases it is not there.
#[test]
fn what_is_held_of_a_visit_waits_for_those_who_direct_them() {
    let world = world(seed!());
    let mut mei = world.enrolled("mei");
    // What somebody without the role keeps is not refused, and waits.
    let mut wang = world.enrolled("wang");
    let item = wang.visit("西门市场").id;
    wang.sync().unwrap();
    let held = world.office().held();
    assert_eq!(held.len(), 2, "the visit and its photo");
    let open = *held.last().unwrap();
    let refused = world.office().rule("zhang", open, Ruling::Release).unwrap_err();
    assert!(matches!(refused, OfficeError::NotHeld(_)), "{refused:?}");
    world.office().rule("gao", open, Ruling::Release).unwrap();
    assert!(world.office().held().is_empty());
    mei.sync().unwrap();
    wang.sync().unwrap();
    assert_eq!(mei.field().visits().unwrap().first().map(|visit| visit.id), Some(item));
    // Its author has it still, and none of the others of that visit's team.
    assert_eq!(wang.field().visits().unwrap().len(), 1);
    world.check_invariants();
}

/// All that the phones of a unit were told of three cases whose reporters are given by `who`, told apart by what is told twice.
fn unit_hears(seed: u64, who: [usize; 3], at_once: bool) -> Vec<Said> {
    let world = World::new(seed);
    let mut reporters = [world.enrolled("li"), world.enrolled("wang")];
    let mut unit = [world.enrolled("chen"), world.enrolled("chen")];
    let mut cases = Vec::new();
    for (number, reporter) in who.into_iter().enumerate() {
        world.wait_minutes(3);
        let case = capture(&mut reporters[reporter], number as u64);
        cases.push((reporter, case));
        if !at_once {
            // When a phone talks is its network's affair; here all talk at all times.
            for reporter in &mut reporters {
                reporter.sync().unwrap();
            }
        }
    }
    // What comes at once comes in the same minute; numbers follow the order in which it came, so that it is made the same.
    if at_once {
        for reporter in &mut reporters {
            reporter.sync().unwrap();
        }
    }
    world.settle();
    for (reporter, case) in cases {
        world.office().file_and_dispatch(case, "shizheng");
        for phone in &mut unit {
            phone.sync().unwrap();
        }
        reporters[reporter].comment(case, "请尽快").unwrap();
        for reporter in &mut reporters {
            reporter.sync().unwrap();
        }
        for phone in &mut unit {
            phone.sync().unwrap();
        }
    }
    world.check_invariants();
    let logs = unit.iter().flat_map(|phone| world.network(phone).log());
    linkable(&logs.collect::<Vec<_>>())
}

/// Two reports of one hidden reporter, out of one boot of one phone, are two of anybody's: whoever reported which, a unit's
/// phones are told the same. Not even what is drawn links two: no value that is told with one case is told with another,
/// unless it is told with all.
#[test]
fn two_reports_of_one_boot() {
    let seed = seed!();
    let of_two = unit_hears(seed, [0, 0, 1], false);
    assert!(of_two.iter().any(|(.., said)| said.contains("BZ20260721-0003")), "the unit hears of the cases");
    assert_eq!(of_two, unit_hears(seed, [0, 1, 0], false));
    assert_eq!(of_two, unit_hears(seed, [1, 0, 0], false));
    assert_eq!(of_two, unit_hears(seed, [0, 0, 0], false));
}

/// The same of what a phone sends in one request: that it came at once shows no more than that it came in the same minute.
#[test]
fn two_reports_of_one_batch() {
    let seed = seed!();
    let of_one = unit_hears(seed, [0, 0, 0], true);
    assert_eq!(of_one, unit_hears(seed, [0, 0, 1], true));
    assert_eq!(of_one, unit_hears(seed, [0, 1, 1], true));
}

/// Fields that nobody has a word for yet travel with a visit as with a case.
#[test]
fn a_visit_is_an_item_like_any_other() {
    let world = world(seed!());
    let (mut mei, mut gao) = (world.enrolled("mei"), world.enrolled("gao"));
    let item = mei.visit("西门市场").id;
    let shown = &mei.field().visits().unwrap()[0];
    assert!(shown.pending && shown.number.is_none() && shown.photos == 1);
    mei.sync().unwrap();
    gao.sync().unwrap();
    let fields =
        [("description".to_owned(), Value::from("已约谈")), ("follow_up".to_owned(), Value::from("三日后复查"))];
    gao.write(item, VISIT, Change::Edit { fields: fields.into() });
    gao.sync().unwrap();
    mei.sync().unwrap();
    let view = mei.case(item).view;
    assert_eq!((view.text("description"), view.text("follow_up")), (Some("已约谈"), Some("三日后复查")));
    assert_eq!(mei.field().visits().unwrap()[0].number.as_deref(), Some("AF20260721-0001"));
    assert!(mei.field().cases(&Default::default(), None, 10).unwrap().cases.is_empty(), "it is no case");
    world.check_invariants();
}
