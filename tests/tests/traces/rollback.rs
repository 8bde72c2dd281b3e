//! Traces of data folders that somebody put back by hand: the office finds that out by what its phones hold.

use xuncheng_core::id::ItemId;
use xuncheng_core::work::case::CaseStep;
use xuncheng_tests::network::Fault;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::recovery::{sync_all, view};

/// `silent_rollback`: nobody said anything; the first phone that comes shows that the ledger was another, and all bring back what
/// they have.
#[test]
fn silent_rollback() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let copy = world.office().copy_folder();
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    wang.sync().unwrap();
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    wang.sync().unwrap();
    let before = world.office().epoch();
    world.office().put_back(&copy);
    assert!(world.office().view(case).is_none());
    assert_eq!(world.office().epoch(), before, "nobody has told it");
    li.sync().unwrap();
    let epoch = world.office().epoch();
    assert_eq!((epoch.counter, epoch.parent), (2, Some(before.id)));
    assert_eq!(view(&world, case).state, "reported", "as far as this phone knew");
    wang.sync().unwrap();
    assert_eq!(view(&world, case).state, "filed");
    sync_all(&mut [&mut li, &mut wang]);
    assert_eq!(world.office().epoch(), epoch, "once");
    for phone in [&li, &wang] {
        assert_eq!(phone.case(case).view, view(&world, case));
    }
    world.check_invariants();
    // It stands on that branch after its next start, too.
    world.office().stop();
    world.office().start();
    assert_eq!(world.office().epoch(), epoch);
    li.capture("matter/09006");
    sync_all(&mut [&mut li]);
    world.check_invariants();
}

/// The folder is put back to a moment before a restore: the office stands on a branch that is over, and goes above it.
#[test]
fn a_folder_of_an_earlier_branch_is_found_out() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let copy = world.office().copy_folder();
    world.office().back_up();
    world.office().restore(None);
    let case: ItemId = li.capture("matter/09006").summary.id;
    sync_all(&mut [&mut li]);
    assert_eq!(world.office().epoch().counter, 2);
    world.office().put_back(&copy);
    assert_eq!(world.office().epoch().counter, 1);
    sync_all(&mut [&mut li]);
    assert_eq!(world.office().epoch().counter, 3);
    assert_eq!(li.case(case).view, view(&world, case));
    world.check_invariants();
}

/// A folder that was put back in the middle of a re-offer: what had been answered is offered again.
#[test]
fn a_folder_put_back_in_the_middle_of_a_reoffer_loses_nothing() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().back_up();
    let cases: Vec<ItemId> = (0..3).map(|_| li.capture("matter/09006").summary.id).collect();
    li.sync().unwrap();
    world.office().restore(None);
    let copy = world.office().copy_folder();
    li.field_mut().start_sync().unwrap();
    for _ in 0..2 {
        super::wire::exchange(&mut li).unwrap();
    }
    world.office().put_back(&copy);
    sync_all(&mut [&mut li]);
    for case in cases {
        assert_eq!(li.case(case).view, view(&world, case));
    }
    world.check_invariants();
}

/// A request that is repeated, or comes late, is no sign of a ledger that was put back; nor is a copy of a phone's store.
#[test]
fn repeats_and_copies_begin_no_branch() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    for fault in [Fault::Twice, Fault::Late, Fault::LoseAnswer, Fault::Twice] {
        world.network(&li).next(&[fault, fault]);
        li.sync_as_far_as_it_goes();
        li.comment(case, "一句").unwrap();
    }
    let mut copy = li.copied();
    for n in 0..20 {
        li.comment(case, &format!("甲{n}")).unwrap();
        li.sync_whatever_happens();
    }
    copy.comment(case, "乙").unwrap();
    copy.sync_whatever_happens();
    sync_all(&mut [&mut li, &mut copy]);
    assert_eq!(world.office().epoch().counter, 1);
    assert_eq!(li.case(case).view, copy.case(case).view);
    world.check_invariants();
}
