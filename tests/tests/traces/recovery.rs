//! Traces of restored offices: what phones bring back, and what becomes of it where the branches went different ways.

use xuncheng_core::field::{CaseDetail, CaseEdit};
use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::journal::view::View;
use xuncheng_core::store::judgements;
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_office::recovery;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::{Phone, in_huifeng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::wire::{exchange, next};

pub(super) fn view(world: &World, case: ItemId) -> View {
    world.office().view(case).unwrap()
}

/// What was written last on a case, by whoever has it in hand.
pub(super) fn own_entry(case: &CaseDetail) -> EntryId {
    case.entries.iter().rev().find(|entry| entry.own).unwrap().id
}

/// The values that did not win.
fn lost(view: &View) -> Vec<String> {
    view.losers.iter().filter_map(|loser| loser.value.as_str()).map(str::to_owned).collect()
}

pub(super) fn verdict(world: &World, entry: EntryId) -> Option<Verdict> {
    world.office().read(move |conn| judgements::get(conn, entry).unwrap().map(|judged| judged.judgement.verdict))
}

pub(super) fn sync_all(phones: &mut [&mut Phone]) {
    for _ in 0..3 {
        for phone in &mut *phones {
            phone.sync().unwrap();
        }
    }
}

/// What was written after the backup comes back as it was: entries keep their judgements, numbers and versions.
#[test]
fn what_came_after_the_backup_comes_back_as_it_was() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let before = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    world.office().back_up();
    let after = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    world.office().file_and_dispatch(after, "chengguan");
    li.describe(before, "改过").unwrap();
    li.sync().unwrap();
    let was = view(&world, before);
    let number = view(&world, after).text("number").unwrap().to_owned();

    let report = world.office().restore(None);
    assert_eq!(report.epoch.counter, 2);
    assert!(world.office().view(after).is_none(), "the backup has not got it");
    sync_all(&mut [&mut li]);
    assert_eq!(view(&world, before), was, "the same history, the same bytes");
    let is = view(&world, after);
    assert_eq!((is.state.as_str(), is.text("number")), ("dispatched", Some(number.as_str())));
    assert!(is.losers.is_empty(), "{:?}", is.losers);
    for case in [before, after] {
        assert_eq!(li.case(case).view, view(&world, case));
    }
    assert_eq!(li.field().status().unwrap().reoffer, None);
    world.check_invariants();
    // The office goes on as if nothing had been.
    world.office().edit("zhang", after, &[("description", "受理员改".into())]).unwrap();
    li.sync().unwrap();
    assert_eq!(li.case(after).summary.description, "受理员改");
    world.check_invariants();
}

/// What nobody had sent yet is taken after what came back.
#[test]
fn what_was_not_sent_yet_is_judged_on_top_of_what_comes_back() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().back_up();
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    li.sync().unwrap();
    world.office().restore(None);
    let mine = own_entry(&li.describe(case, "还没发").unwrap());
    sync_all(&mut [&mut li]);
    assert_eq!(verdict(&world, mine), Some(Verdict::Applied));
    let view = view(&world, case);
    assert_eq!((view.state.as_str(), view.text("description")), ("filed", Some("还没发")));
    assert!(view.losers.is_empty(), "its author had seen what stood there: {:?}", view.losers);
    world.check_invariants();
}

/// `pulled_copy_of_a_lost_phone`: B is gone; what C pulled of it comes back, after A had written on the same case. What nobody
/// pulled is missing, and counted.
#[test]
fn pulled_copy_of_a_lost_phone() {
    let world = World::new(seed!());
    let (mut a, mut b, mut c) = (world.enrolled("wang"), world.enrolled("wang"), world.enrolled("li"));
    let case = b.capture("component/01001").summary.id;
    sync_all(&mut [&mut b, &mut a, &mut c]);
    world.office().back_up();
    let picture = vec![b.new_picture()];
    let unseen = b.capture_at("component/01001", in_huifeng(), picture).summary.id;
    let lost = own_entry(&b.comment(case, "丢了的手机写的").unwrap());
    b.sync().unwrap();
    c.sync().unwrap();
    assert!(c.holds(case) && !c.holds(unseen));
    drop(b);

    world.office().restore(None);
    let first = own_entry(&a.comment(case, "先到的").unwrap());
    a.sync().unwrap();
    assert_eq!((verdict(&world, first), verdict(&world, lost)), (Some(Verdict::Applied), None));
    c.sync().unwrap();
    assert_eq!(verdict(&world, lost), Some(Verdict::Applied));
    assert_eq!(view(&world, case).sets["comments"].len(), 2);
    let office = world.office();
    let epoch = office.epoch();
    let status = office.read(move |conn| recovery::status(conn, &epoch).unwrap().unwrap());
    assert_eq!(
        (status.recovered, status.missing, status.silent),
        (1, 2, 1),
        "a case with its photo, of the lost phone"
    );
    sync_all(&mut [&mut a, &mut c]);
    for phone in [&a, &c] {
        assert_eq!(phone.case(case).view, view(&world, case));
    }
    world.check_invariants();
}

/// `version_reused_after_restore`: the count that B saw means something else after the restore; A's value is kept.
#[test]
fn version_reused_after_restore() {
    let world = World::new(seed!());
    let (mut a, mut b, mut c) = (world.enrolled("li"), world.enrolled("li"), world.enrolled("li"));
    let case = a.capture("matter/09006").summary.id;
    sync_all(&mut [&mut a, &mut b, &mut c]);
    world.office().back_up();
    c.describe(case, "丙的").unwrap();
    c.sync().unwrap();
    b.sync().unwrap();
    let count = view(&world, case).version.count;
    world.office().restore(None);
    drop(c);
    a.describe(case, "甲的").unwrap();
    a.sync().unwrap();
    assert_eq!(view(&world, case).version.count, count, "the count is used again");
    b.describe(case, "乙的").unwrap();
    b.sync().unwrap();
    let now = view(&world, case);
    assert_eq!(now.text("description"), Some("乙的"));
    assert!(lost(&now).contains(&"甲的".to_owned()), "{:?}", now.losers);
    sync_all(&mut [&mut a, &mut b]);
    assert_eq!(a.case(case).view, b.case(case).view);
    world.check_invariants();
}

/// `seen_across_two_branches`: what A saw on one branch says nothing of the other, where e2 stands at that count.
#[test]
fn seen_across_two_branches() {
    let world = World::new(seed!());
    let (mut a, mut c) = (world.enrolled("li"), world.enrolled("li"));
    let case = a.capture("matter/09006").summary.id;
    sync_all(&mut [&mut a, &mut c]);
    let first = world.office().back_up().backup;
    c.describe(case, "二").unwrap();
    c.sync().unwrap();
    let second = world.office().back_up().backup;
    drop(c);
    world.office().restore(Some(&first));
    a.describe(case, "四").unwrap();
    sync_all(&mut [&mut a]);
    world.office().restore(Some(&second));
    assert_eq!(view(&world, case).text("description"), Some("二"));
    a.describe(case, "五").unwrap();
    sync_all(&mut [&mut a]);
    let now = view(&world, case);
    assert_eq!(now.text("description"), Some("五"));
    assert!(lost(&now).contains(&"二".to_owned()), "{:?}", now.losers);
    assert_eq!(a.case(case).view, now);
    world.check_invariants();
}

/// `same_count_other_pack`: judged anew under another pack, the same entries have other effects at the same count; a phone that
/// held the old ones takes the office's.
#[test]
fn same_count_other_pack() {
    let world = World::new(seed!());
    let (mut b, mut c) = (world.enrolled("li"), world.enrolled("li"));
    let case = c.capture("matter/09006").summary.id;
    sync_all(&mut [&mut c, &mut b]);
    world.office().back_up();
    let change = CaseEdit { category: Some("污水井盖".to_owned()), ..CaseEdit::default() };
    c.edit(case, &change).unwrap();
    // Its verdict is lost: C has only the entry.
    world.network(&c).next(&[Fault::LoseAnswer]);
    c.sync().unwrap_err();
    b.sync().unwrap();
    let old = b.case(case).view;
    world.office().restore(None);
    world.office().give_pack(renamed_pack().path());
    c.sync().unwrap();
    let new = view(&world, case);
    assert_eq!(new.version.count, old.version.count);
    assert_ne!(new.text("category_name"), old.text("category_name"));
    sync_all(&mut [&mut b, &mut c]);
    assert_eq!(b.case(case).view, new);
    world.check_invariants();
}

/// The example pack with another name for one category.
fn renamed_pack() -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/packs/bazhou");
    for file in std::fs::read_dir(example).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let text = text.replace("version = \"2026.1\"", "version = \"2026.2\"").replace("污水井盖", "污水检查井盖");
        std::fs::write(folder.path().join(file.file_name()), text).unwrap();
    }
    folder
}

/// `positions_of_two_branches`: others have come further on the new branch than C ever was; what C alone had is offered.
#[test]
fn positions_of_two_branches() {
    let world = World::new(seed!());
    let (mut a, mut c) = (world.enrolled("li"), world.enrolled("wang"));
    let first = world.office().back_up().backup;
    let case = c.capture("matter/09006").summary.id;
    c.sync().unwrap();
    world.office().restore(Some(&first));
    for _ in 0..3 {
        a.capture("matter/09006");
        a.sync().unwrap();
    }
    world.office().back_up();
    world.office().restore(None);
    assert!(world.office().view(case).is_none());
    c.sync().unwrap();
    assert_eq!(view(&world, case).state, "reported");
    assert_eq!(c.case(case).view, view(&world, case));
    world.check_invariants();
}

/// `interrupted_reoffer`: a phone that dies in the middle of it goes on where it was, and begins anew where the office was restored
/// once more meanwhile.
#[test]
fn interrupted_reoffer() {
    for once_more in [false, true] {
        let world = World::new(seed!());
        let mut li = world.enrolled("li");
        let backup = world.office().back_up().backup;
        let cases: Vec<ItemId> = (0..4)
            .map(|_| {
                let case = li.capture("matter/09006").summary.id;
                li.sync().unwrap();
                world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
                li.sync().unwrap();
                case
            })
            .collect();
        world.office().restore(Some(&backup));
        li.field_mut().start_sync().unwrap();
        li.exchanges_of(1);
        for _ in 0..6 {
            exchange(&mut li).unwrap();
        }
        let under_way = li.field().status().unwrap().reoffer.unwrap();
        assert!(under_way.left > 0 && under_way.left < under_way.of, "{under_way:?}");
        li.die_while_sending();
        if once_more {
            world.office().back_up();
            world.office().restore(None);
            let known = cases.iter().filter(|case| world.office().view(**case).is_some()).count();
            assert!(known < cases.len(), "the backup is of the middle of it");
        }
        sync_all(&mut [&mut li]);
        for case in &cases {
            assert_eq!(view(&world, *case).state, "filed");
            assert_eq!(li.case(*case).view, view(&world, *case));
        }
        assert_eq!(li.field().status().unwrap().reoffer, None);
        world.check_invariants();
    }
}

/// `old_epoch_latecomer`: a phone that was absent for two branches brings back what it has, and begins no third.
#[test]
fn old_epoch_latecomer() {
    let world = World::new(seed!());
    let (mut late, mut li) = (world.enrolled("wang"), world.enrolled("li"));
    let backup = world.office().back_up().backup;
    let case = late.capture("matter/09006").summary.id;
    late.sync().unwrap();
    for _ in 0..2 {
        world.office().restore(Some(&backup));
        li.capture("matter/09006");
        li.sync().unwrap();
    }
    let epoch = world.office().epoch();
    assert_eq!(epoch.counter, 3);
    sync_all(&mut [&mut late, &mut li]);
    assert_eq!(world.office().epoch(), epoch);
    assert_eq!(view(&world, case).state, "reported");
    world.check_invariants();
}

/// `late_response_of_old_epoch`: an answer of the old branch that comes after the phone entered the new one does nothing.
#[test]
fn late_response_of_old_epoch() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().back_up();
    let mut worker = li.opened_again();
    let case = li.capture("matter/09006").summary.id;
    li.field_mut().start_sync().unwrap();
    let (id, request) = next(&mut li);
    let late = li.carry(&request);
    world.office().restore(None);
    sync_all(&mut [&mut worker]);
    let (view_before, epoch) = (worker.case(case).view, world.office().epoch());
    li.completed(id, &late).unwrap();
    assert_eq!(li.field().office().unwrap().unwrap().epoch, epoch);
    assert_eq!(li.case(case).view, view_before);
    sync_all(&mut [&mut li]);
    assert_eq!(world.office().epoch(), epoch);
    world.check_invariants();
}

/// `forged_offer`: a phone says that its rejected step had been applied, and another that is not its person's to take. The
/// signature does not cover that, and both are judged as what they are.
#[test]
fn forged_offer() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let (case, other) = (li.capture("matter/09006").summary.id, li.capture("matter/09006").summary.id);
    sync_all(&mut [&mut li]);
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    world.office().back_up();
    let taken_back = own_entry(&li.withdraw(case).unwrap());
    let (transition, from) = ("file".to_owned(), "reported".to_owned());
    let filing = Change::Step { transition, from, round: 0, args: std::collections::BTreeMap::new() };
    let filed = li.write(other, CASE, filing);
    sync_all(&mut [&mut li]);
    let rejected = Verdict::Rejected { code: Code::NotFromHere, after: None };
    let held = Verdict::Held { reason: Code::NotAllowed, behind: None };
    assert_eq!([taken_back, filed].map(|entry| verdict(&world, entry).unwrap()), [rejected.clone(), held.clone()]);
    let forge = "UPDATE judgement SET verdict = 'applied', judgement = json_set(judgement, '$.verdict', 'applied',
                     '$.effects', json('[{\"do\":\"set_state\",\"state\":\"withdrawn\",\"round\":0}]'))
                 WHERE entry = ?1";
    for entry in [taken_back, filed] {
        assert_eq!(li.field().store().execute(forge, [entry]).unwrap(), 1);
    }
    world.office().restore(None);
    li.sync().unwrap();
    assert_eq!([taken_back, filed].map(|entry| verdict(&world, entry).unwrap()), [rejected, held]);
    assert_eq!([case, other].map(|case| view(&world, case).state), ["filed", "reported"]);
    sync_all(&mut [&mut li]);
    world.check_invariants();
}

/// A phone that was enrolled after the backup is unknown to the restored office: enrolled again, with its store as it is, it brings
/// back what it has.
#[test]
fn a_phone_that_was_enrolled_since_is_enrolled_again_and_brings_all_back() {
    let world = World::new(seed!());
    world.office().back_up();
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    sync_all(&mut [&mut li]);
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    li.sync().unwrap();
    world.office().restore(None);
    li.sync().unwrap_err();
    li.enrol(&world.office().code("li")).unwrap();
    sync_all(&mut [&mut li]);
    assert_eq!(view(&world, case).state, "filed");
    assert_eq!(li.case(case).view, view(&world, case));
    let incarnation = li.incarnation().to_string();
    let devices = world.office().read(move |conn| {
        let sql = "SELECT count(*) FROM item WHERE kind = 'device' AND view LIKE '%' || ?1 || '%'";
        conn.query_row(sql, [incarnation], |row| row.get::<_, u64>(0)).unwrap()
    });
    assert_eq!(devices, 1, "a device is one item");
    world.check_invariants();
}
