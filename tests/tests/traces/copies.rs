//! Traces of copied stores: both copies go on, each as an incarnation of its own, and nothing is lost or done twice.

use xuncheng_core::field::FieldError;
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::journal::view::View;
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_core::store::{judgements, lineage};
use xuncheng_core::sync::session::Action;
use xuncheng_core::sync::wait::COPIED;
use xuncheng_tests::phone::Phone;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

fn view(world: &World, case: ItemId) -> View {
    world.office().view(case).unwrap()
}

fn comments(world: &World, case: ItemId) -> usize {
    view(world, case).sets["comments"].len()
}

fn asks(phone: &Phone) -> Option<String> {
    phone.field().status().unwrap().attention.map(|needs| needs.code)
}

/// Both copies sync until each has what the other brought.
fn both_sync(a: &mut Phone, copy: &mut Phone) {
    a.sync().unwrap();
    copy.sync().unwrap();
    a.sync().unwrap();
}

/// `clone_overwrites_itself`: both copies write the same field at the same place; the second goes on by itself as an
/// incarnation of its own, and has not seen what the first wrote: that is kept beside it.
#[test]
fn clone_overwrites_itself() {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let case = a.capture("matter/09006").summary.id;
    a.sync().unwrap();
    let mut copy = a.copied();
    copy.describe(case, "甲").unwrap();
    a.describe(case, "乙").unwrap();
    copy.sync().unwrap();
    let before = a.incarnation();
    a.sync().unwrap();
    assert_ne!(a.incarnation(), before, "a copy's chain is its own");
    assert_eq!(copy.incarnation(), before);
    let view = view(&world, case);
    assert_eq!(view.text("description"), Some("乙"));
    assert_eq!(view.losers.iter().map(|loser| loser.value.as_str()).collect::<Vec<_>>(), [Some("甲")]);
    both_sync(&mut a, &mut copy);
    assert_eq!(a.case(case).view, copy.case(case).view, "both show the same");
    world.check_invariants();
}

/// Who finds out that the store was copied is told once, until that is acknowledged.
#[test]
fn a_copy_is_said_until_its_person_has_seen_it() -> Result<(), FieldError> {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let case = a.capture("matter/09006").summary.id;
    a.sync()?;
    let mut copy = a.copied();
    copy.comment(case, "甲")?;
    copy.sync()?;
    a.comment(case, "乙")?;
    both_sync(&mut a, &mut copy);
    assert_eq!(asks(&a).as_deref(), Some(COPIED));
    assert_eq!(asks(&copy), None, "the one that was first has nothing to see by it");
    a.kill_and_restart();
    assert_eq!(asks(&a).as_deref(), Some(COPIED));
    a.field_mut().acknowledge_copy()?;
    a.sync()?;
    assert_eq!(asks(&a), None);
    Ok(())
}

/// `pending_on_two_copies`: the same pending entry comes under two new incarnations, and is applied once.
#[test]
fn pending_on_two_copies() {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let case = a.capture("matter/09006").summary.id;
    a.sync().unwrap();
    let mut first = a.copied();
    a.comment(case, "同一句话").unwrap();
    let mut second = a.copied();
    first.comment(case, "先到的话").unwrap();
    first.sync().unwrap();
    a.sync().unwrap();
    assert_eq!(comments(&world, case), 2);
    let count = view(&world, case).version.count;
    second.sync().unwrap();
    assert_eq!(view(&world, case).version.count, count, "applied once");
    let incarnations = [&a, &first, &second].map(Phone::incarnation);
    assert!(incarnations[0] != incarnations[1] && incarnations[1] != incarnations[2]);
    assert_ne!(incarnations[0], incarnations[2]);
    for phone in [&mut a, &mut first, &mut second] {
        phone.sync().unwrap();
        assert!(!phone.case(case).summary.pending);
        assert_eq!(phone.case(case).view.sets["comments"].len(), 2);
    }
    world.check_invariants();
}

/// `repeat_hides_a_clone`: a copy's entry is a repeat and takes its place all the same; what the copy writes after it has not
/// seen what others wrote meanwhile.
#[test]
fn repeat_hides_a_clone() {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let case = a.capture("matter/09006").summary.id;
    a.sync().unwrap();
    let mut first = a.copied();
    a.describe(case, "等着的").unwrap();
    let mut second = a.copied();
    first.comment(case, "先到的话").unwrap();
    first.sync().unwrap();
    a.sync().unwrap();
    world.office().edit("zhang", case, &[("description", "受理员写的".into())]).unwrap();
    second.describe(case, "没看见").unwrap();
    second.sync().unwrap();
    let losers = view(&world, case).losers;
    assert!(losers.iter().any(|loser| loser.value == "受理员写的"), "an unseen value is kept beside: {losers:?}");
    world.check_invariants();
}

/// What both copies hold of photos arrives once, whoever sends it, and both learn that it is safe.
#[test]
fn photos_of_a_copied_store_arrive_once() {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let shared = a.capture("matter/09006");
    let mut copy = a.copied();
    let of_a = a.capture("matter/09006");
    let of_copy = copy.capture("matter/09006");
    copy.sync().unwrap();
    both_sync(&mut a, &mut copy);
    world.office().back_up();
    both_sync(&mut a, &mut copy);
    for (phone, cases) in [(&a, [&shared, &of_a]), (&copy, [&shared, &of_copy])] {
        for case in cases {
            let photo = &phone.case(case.summary.id).photos[0];
            assert_eq!(photo.stage, Some(PhotoStage::Safe));
            assert!(world.office().original(&photo.sha256).is_some());
        }
    }
    for (phone, other) in [(&a, &of_copy), (&copy, &of_a)] {
        assert!(phone.holds(other.summary.id), "each shows what the other captured");
    }
    world.check_invariants();
}

/// What an earlier incarnation sent is told to the one that goes on: its receipts come after the change.
#[test]
fn a_lineage_reads_on_in_the_feeds_of_its_predecessors() {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let case = a.capture("matter/09006");
    a.sync().unwrap();
    let mut copy = a.copied();
    copy.comment(case.summary.id, "甲").unwrap();
    copy.sync().unwrap();
    a.comment(case.summary.id, "乙").unwrap();
    a.sync().unwrap();
    world.office().back_up();
    a.sync().unwrap();
    assert_eq!(a.case(case.summary.id).photos[0].stage, Some(PhotoStage::Safe));
    let (own, office) = (a.incarnation(), world.office());
    let before = office.read(move |conn| lineage::predecessors(conn, own).unwrap());
    assert_eq!(before, lineage::predecessors(a.field().store(), own).unwrap(), "both know the lineage");
    assert_eq!(before.len(), 1);
    world.check_invariants();
}

/// An older folder that is put back knows less than the office has of its chain: it goes on, too.
#[test]
fn an_older_folder_that_is_put_back_goes_on() {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let mut older = a.copied();
    let case = a.capture("matter/09006").summary.id;
    a.sync().unwrap();
    drop(a);
    older.capture("matter/09006");
    older.sync().unwrap();
    older.sync().unwrap();
    assert!(older.holds(case), "what it had sent before comes back to it");
    assert_eq!(older.field().status().unwrap().unsent, 0);
    world.check_invariants();
}

/// Revoking a device revokes its lineage: the same key signs for all of it.
#[test]
fn a_revoked_phone_has_no_successor_that_is_not() {
    let world = World::new(seed!());
    let mut a = world.enrolled("li");
    let case = a.capture("matter/09006").summary.id;
    a.sync().unwrap();
    let mut copy = a.copied();
    copy.comment(case, "甲").unwrap();
    copy.sync().unwrap();
    let before = a.incarnation();
    a.comment(case, "乙").unwrap();
    a.sync().unwrap();
    let mut late = copy.copied();
    world.office().revoke(before);
    // One that goes on after the revocation is revoked from its beginning.
    let written = [(&mut copy, "丙"), (&mut late, "丁"), (&mut a, "戊")].map(|(phone, text)| {
        let case = phone.comment(case, text).unwrap();
        phone.sync().unwrap();
        case.entries.iter().rev().find(|entry| entry.own).unwrap().id
    });
    for entry in written {
        let judged = world.office().read(move |conn| judgements::get(conn, entry).unwrap().unwrap());
        assert!(matches!(judged.judgement.verdict, Verdict::Held { reason: Code::Revoked, .. }));
    }
    assert_eq!(comments(&world, case), 2);
}

/// A lost phone had written more than it sent: the office knows how much. A new store of the same person is no lineage of it.
#[test]
fn what_a_lost_phone_had_not_sent_is_known() {
    let world = World::new(seed!());
    let mut lost = world.enrolled("li");
    lost.capture("matter/09006");
    lost.field_mut().start_sync().unwrap();
    lost.exchanges_of(1);
    let Action::Send { request, .. } = lost.next_action().unwrap() else { panic!("there is something to send") };
    lost.carry(&request);
    let incarnation = lost.incarnation();
    let office = world.office();
    let (received, written): (u64, u64) = office.read(move |conn| {
        let sql = "SELECT (SELECT count(*) FROM chain WHERE incarnation = ?1), written FROM office_device WHERE incarnation = ?1";
        conn.query_row(sql, [incarnation], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    });
    assert_eq!((received, written), (1, 2), "the case, and its photo that had not come");
    let anew = world.enrolled("li").incarnation();
    assert!(office.read(move |conn| lineage::predecessors(conn, anew).unwrap()).is_empty());
}
