//! Traces of feeds and pages: what crosses to whom, and what a phone makes of what does not continue.

use serde_json::Value;
use xuncheng_core::id::ItemId;
use xuncheng_core::limits;
use xuncheng_core::search::Synonyms;
use xuncheng_core::store::list::{self, Query, Sight};
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::{entries, feeds, items};
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::{Phone, in_dongcheng, in_huifeng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::wire::{exchange, next};

/// `old_entries_by_two_feeds`: a case that comes by two audiences, or after a fresh snapshot, asks for no snapshot again.
#[test]
fn old_entries_by_two_feeds() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    // By 王巡查's own feed, and by that of the area.
    let audiences = world.office().read(move |conn| xuncheng_core::store::items::audiences(conn, case).unwrap());
    assert!(audiences.len() >= 2, "{audiences:?}");
    for n in 0..5 {
        world.office().edit("zhang", case, &[("description", Value::from(format!("第{n}版")))]).unwrap();
    }
    let mut late = world.enrolled("wang");
    for phone in [&mut wang, &mut late] {
        world.network(phone).clear_log();
        phone.sync().unwrap();
        phone.sync().unwrap();
        assert_eq!(phone.case(case).summary.description, "第4版");
        let wanted: Option<Vec<ItemId>> = meta::get(phone.field().store(), key::SNAPSHOTS_WANTED).unwrap();
        assert_eq!(wanted, None);
        assert!(world.network(phone).log().len() <= 3, "an idle exchange is one round trip");
    }
    world.check_invariants();
}

/// `gap_beside_a_covert_visit`: positions, counts and pages of an inspected unit have no gap where others have cases.
#[test]
fn gap_beside_a_covert_visit() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let mut chen = world.enrolled("chen");
    let mut case = |world: &World, place, org| {
        let picture = vec![wang.new_picture()];
        let item = wang.capture_at("component/01001", place, picture).summary.id;
        wang.sync().unwrap();
        world.office().file_and_dispatch(item, org);
        item
    };
    let first = case(&world, in_dongcheng(), "shizheng");
    let hidden = case(&world, in_huifeng(), "chengguan");
    let second = case(&world, in_dongcheng(), "shizheng");
    chen.sync().unwrap();
    assert!(chen.holds(first) && chen.holds(second) && !chen.holds(hidden));
    let positions = feeds::positions(chen.field().store()).unwrap();
    assert_eq!(positions.get("org/shizheng"), Some(&2), "two cases, two rows: {positions:?}");
    for item in [first, second] {
        assert_eq!(chen.case(item).view.version, world.office().view(item).unwrap().version);
    }
    let known = entries::of_item(chen.field().store(), hidden).unwrap();
    assert!(known.is_empty());
    world.check_invariants();
}

/// `gains_private_at_equal_version`, with whole audiences: what is gained comes, what is lost goes, at any version.
#[test]
fn gains_and_loses_an_audience() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let picture = vec![wang.new_picture()];
    let case = wang.capture_at("component/01001", in_huifeng(), picture).summary.id;
    wang.sync().unwrap();
    let mut li = world.enrolled("li");
    assert!(!li.holds(case));
    let areas = "areas = [\"511902001\", \"511902002\"]";
    world.office().change_people(|people| people.replace(areas, "areas = [\"*\"]"));
    li.sync().unwrap();
    li.sync().unwrap();
    assert!(li.holds(case), "posted to the area, with what was there before");
    world.check_invariants();
    world.office().change_people(|people| people.replacen("areas = [\"*\"]", areas, 1));
    li.sync().unwrap();
    li.sync().unwrap();
    assert!(!li.holds(case), "and no longer");
    assert!(entries::of_item(li.field().store(), case).unwrap().is_empty(), "nothing of it is left");
    world.check_invariants();
}

/// An audience that is lost and given back while the answers that told of it were lost comes back whole.
#[test]
fn an_audience_that_is_lost_and_given_back_unheard_comes_back_whole() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let mut li = world.enrolled("li");
    let picture = vec![wang.new_picture()];
    let case = wang.capture_at("component/01001", in_dongcheng(), picture).summary.id;
    wang.sync().unwrap();
    li.sync().unwrap();
    assert!(li.holds(case));
    let (with, without) = ("areas = [\"511902001\", \"511902002\"]", "areas = [\"511902002\"]");
    for (from, to) in [(with, without), (without, with)] {
        world.office().change_people(|people| people.replacen(from, to, 1));
        world.network(&li).next(&[Fault::LoseAnswer]);
        li.sync().unwrap_err();
    }
    li.sync().unwrap();
    li.sync().unwrap();
    assert!(li.holds(case), "it is posted there, as before");
    world.check_invariants();
}

/// `reopened_for_a_newcomer`, as far as there is no reopening yet: a closed case leaves its area, and a newcomer, who joins
/// after it, is not told of it; its reporter keeps it.
#[test]
fn closed_cases_leave_their_area() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut wang = world.enrolled("wang");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    wang.sync().unwrap();
    assert!(wang.holds(case));
    world.office().step("zhang", case, CaseStep::Decline, &[("reason", "不属本区")]).unwrap();
    for phone in [&mut li, &mut wang] {
        phone.sync().unwrap();
    }
    let newcomer = world.enrolled("wang");
    assert!(li.holds(case) && !wang.holds(case) && !newcomer.holds(case));
    assert_eq!(li.case(case).summary.state, "declined");
    // Who looks after its class there can still look at it in the console; who looks after another cannot.
    let area = world.office().view(case).unwrap().text("area").unwrap().to_owned();
    let sees = |class: &str| {
        let sight = Sight { areas: vec![area.clone()], classes: vec![class.to_owned()], ..Sight::default() };
        let query = Query { sight: Some(sight), ..Query::default() };
        world.office().read(move |conn| list::finds(conn, CASE, &query, &Synonyms::none(), case).unwrap())
    };
    assert_eq!([sees("component"), sees("matter"), sees("gbt47678.5-2026")], [true, false, false]);
    world.check_invariants();
}

/// What comes next continues nothing where a view is gone: its snapshot is asked for, and what an answer with one snapshot
/// finds wanting beside it is asked for after it.
#[test]
fn what_cannot_be_continued_is_asked_for() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let mut li = world.enrolled("li");
    let cases: Vec<ItemId> = (0..3).map(|_| wang.capture("component/01001").summary.id).collect();
    wang.sync().unwrap();
    li.sync().unwrap();
    // 李巡查 lost the views of two of them: what comes next continues nothing there.
    let lose = |li: &Phone, item: ItemId| {
        let tx = li.field().store().unchecked_transaction().unwrap();
        items::remove(&tx, item).unwrap();
        tx.commit().unwrap();
    };
    let edit = |item: ItemId, text: &str| world.office().edit("zhang", item, &[("description", text.into())]).unwrap();
    lose(&li, cases[0]);
    lose(&li, cases[1]);
    edit(cases[0], "改了");
    li.field_mut().start_sync().unwrap();
    exchange(&mut li).unwrap();
    // The request for the first snapshot is on its way while the office changes the second.
    let (id, request) = next(&mut li);
    edit(cases[1], "也改了");
    edit(cases[2], "都改了");
    let outcome = li.carry(&request);
    li.completed(id, &outcome).unwrap();
    assert_eq!(wanted(&li), [cases[1]]);
    li.sync().unwrap();
    assert!(wanted(&li).is_empty());
    for case in cases {
        assert_eq!(li.case(case).view, world.office().view(case).unwrap());
    }
    world.check_invariants();
}

/// A snapshot that was asked for in one request is still asked for after the answer to another.
#[test]
fn a_wanted_snapshot_is_not_forgotten_over_another_answer() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let mut li = world.enrolled("li");
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    li.sync().unwrap();
    li.field_mut().start_sync().unwrap();
    let (id, request) = next(&mut li);
    let outcome = li.carry(&request);
    // Between request and answer another answer found a snapshot wanting.
    let tx = li.field().store().unchecked_transaction().unwrap();
    meta::set(&tx, key::SNAPSHOTS_WANTED, &[case]).unwrap();
    tx.commit().unwrap();
    li.completed(id, &outcome).unwrap();
    assert_eq!(wanted(&li), [case]);
    exchange(&mut li).unwrap();
    assert!(wanted(&li).is_empty());
    // What is not for this phone is asked for once.
    let tx = li.field().store().unchecked_transaction().unwrap();
    meta::set(&tx, key::SNAPSHOTS_WANTED, &[ItemId::from_bytes([7; 16])]).unwrap();
    tx.commit().unwrap();
    world.network(&li).clear_log();
    li.sync().unwrap();
    assert!(wanted(&li).is_empty());
    assert_eq!(world.network(&li).log().len(), 1);
}

fn wanted(phone: &Phone) -> Vec<ItemId> {
    meta::get(phone.field().store(), key::SNAPSHOTS_WANTED).unwrap().unwrap_or_default()
}

/// A case without a place is everybody's: whoever inspects there sees it, and it leaves the others once it has one.
#[test]
fn a_case_without_a_place_is_everybodys_until_it_has_one() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut wang = world.enrolled("wang");
    let picture = vec![wang.new_picture()];
    let case = wang.try_capture("component/01001", None, picture).unwrap().summary.id;
    wang.sync().unwrap();
    li.sync().unwrap();
    assert!(li.holds(case), "nobody knows where it is, so that somebody has to look");
    let place = in_huifeng();
    let value = serde_json::json!({ "lat_e7": place.lat_e7(), "lon_e7": place.lon_e7() });
    world.office().edit("zhang", case, &[("place", value)]).unwrap();
    li.sync().unwrap();
    wang.sync().unwrap();
    assert!(!li.holds(case) && wang.holds(case), "it lies where 李巡查 is not posted");
    world.check_invariants();
}

/// Who looks after components is sent components, by phone and at the console.
#[test]
fn classes_of_a_person_are_what_the_phone_receives() {
    let world = World::new(seed!());
    world
        .office()
        .change_people(|people| people.replacen("areas = [\"*\"]", "areas = [\"*\"]\nclasses = [\"component\"]", 1));
    let (wang, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let component = li.capture("component/01001").summary.id;
    let matter = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let mut wang = wang;
    wang.sync().unwrap();
    assert!(wang.holds(component) && !wang.holds(matter));
    world.check_invariants();
}

/// Cases that are more than one page comes to come in several, whole and signed each; none of them is left out.
#[test]
fn what_does_not_fit_into_a_page_comes_in_the_next() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let cases: Vec<ItemId> = (0..5).map(|_| wang.capture("component/01001").summary.id).collect();
    wang.sync().unwrap();
    let text = Value::from("x".repeat(limits::TEXT_CHARS));
    for case in &cases {
        for edit in 0..7 {
            let names: Vec<String> = (0..29).map(|n| format!("later/{edit}/{n}")).collect();
            let fields: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), text.clone())).collect();
            world.office().edit("zhang", *case, &fields).unwrap();
        }
    }
    let mut late = world.phone("wang");
    late.enrol(&world.office().code("wang")).unwrap();
    late.exchanges_of(limits::PAGE_BYTES as u64);
    late.sync().unwrap();
    for case in &cases {
        assert_eq!(late.case(*case).view.field("later/6/28"), Some(&text));
    }
    let pages = world.network(&late).log().iter().filter(|sent| sent.request.path == "/v1/sync").count();
    assert!(pages > 2, "{pages} pages for 2 MB of cases");
    world.check_invariants();
}

/// A new phone reads what is there now, not how it came to be: not the edits, nor the cases that are over.
#[test]
fn a_new_phone_reads_what_is_there_now() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let cases: Vec<ItemId> = (0..4).map(|_| wang.capture("component/01001").summary.id).collect();
    wang.sync().unwrap();
    for n in 0..limits::PAGE_ROWS + 20 {
        world.office().edit("zhang", cases[0], &[("description", Value::from(n.to_string()))]).unwrap();
    }
    world.office().step("zhang", cases[1], CaseStep::Decline, &[("reason", "重复")]).unwrap();
    let li = world.enrolled("li");
    let log = world.network(&li).log();
    assert_eq!(log.iter().filter(|sent| sent.request.path == "/v1/sync").count(), 1, "one page has it all");
    assert_eq!(li.case(cases[0]).summary.description, (limits::PAGE_ROWS + 19).to_string());
    assert!(li.case(cases[0]).entries.is_empty() && !li.holds(cases[1]), "its snapshot says all of it");
    // From there on it follows.
    world.office().edit("zhang", cases[2], &[("description", Value::from("后来"))]).unwrap();
    let mut li = li;
    li.sync().unwrap();
    assert_eq!(li.case(cases[2]).summary.description, "后来");
    world.check_invariants();
}
