//! Traces of restored offices to which an item comes back whole: as the office had signed it, without the entries before.

use std::collections::BTreeMap;

use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::store::entries;
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_office::OfficeError;
use xuncheng_tests::network::Fault;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::recovery::{own_entry, sync_all, verdict, view};

/// A step that is not an inspector's to take: it is held.
fn filing() -> Change {
    let (transition, from) = ("file".to_owned(), "reported".to_owned());
    Change::Step { transition, from, round: 0, args: BTreeMap::new() }
}

/// How often the office wrote something about a cause that begins so.
fn written(world: &World, cause: &str) -> u64 {
    let pattern = format!("{cause}%");
    world.office().read(move |conn| {
        conn.query_row("SELECT count(*) FROM entry WHERE cause LIKE ?1", [pattern], |row| row.get(0)).unwrap()
    })
}

/// `snapshot_then_the_entry`: B brings the case back as it stood; then A brings the entries that are in it.
#[test]
fn snapshot_then_the_entry() {
    let world = World::new(seed!());
    let (mut a, mut b) = (world.enrolled("wang"), world.enrolled("li"));
    world.office().back_up();
    let case = a.capture("component/01001").summary.id;
    let said = own_entry(&a.comment(case, "一句话").unwrap());
    a.sync().unwrap();
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    b.sync().unwrap();
    let was = view(&world, case);

    world.office().restore(None);
    b.sync().unwrap();
    let back = view(&world, case);
    assert_eq!((back.state.as_str(), back.text("number")), ("filed", was.text("number")));
    assert_eq!(back.sets, was.sets, "whoever wrote a value stays its writer");
    assert_eq!((back.version.count, written(&world, "restored/")), (1, 1));
    let opener = move |world: &World| world.office().read(move |conn| entries::opener(conn, case).unwrap());
    assert_eq!(opener(&world), None, "that is the author's to bring");

    a.sync().unwrap();
    assert_eq!(verdict(&world, said), Some(Verdict::NoOp));
    let now = view(&world, case);
    assert_eq!((now.sets["comments"].len(), now.losers.len()), (1, 0));
    assert_eq!(opener(&world).unwrap().as_str(), "wang");
    sync_all(&mut [&mut a, &mut b]);
    for phone in [&a, &b] {
        assert_eq!(phone.case(case).view, view(&world, case));
    }
    let photo = a.case(case).photos[0].sha256;
    assert_eq!(world.office().original(&photo), a.original(&photo));
    // Brought once more, or by somebody else, it is known.
    world.office().back_up();
    world.office().restore(None);
    sync_all(&mut [&mut b, &mut a]);
    assert_eq!((view(&world, case).sets["comments"].len(), written(&world, "restored/")), (1, 1));
    world.check_invariants();
}

/// Where the branches went different ways, what was signed on the one is merged into the other field by field; what does not win
/// is kept.
#[test]
fn an_item_that_comes_back_is_merged() {
    let world = World::new(seed!());
    let (mut a, mut b) = (world.enrolled("li"), world.enrolled("li"));
    let case = a.capture("matter/09006").summary.id;
    a.sync().unwrap();
    world.office().back_up();
    a.describe(case, "丢了的").unwrap();
    a.comment(case, "丢了的话").unwrap();
    a.sync().unwrap();
    // B reads the case now, as it stands: not what made it so.
    b.sync().unwrap();
    drop(a);
    world.office().restore(None);
    world.office().edit("zhang", case, &[("description", "后来的".into())]).unwrap();
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    b.sync().unwrap();
    let now = view(&world, case);
    assert_eq!(now.text("description"), Some("丢了的"), "the latest arrival");
    assert_eq!(now.losers.iter().map(|loser| loser.value.as_str()).collect::<Vec<_>>(), [Some("后来的")]);
    assert_eq!((now.state.as_str(), now.sets["comments"].len()), ("filed", 1), "steps of the living branch stand");
    sync_all(&mut [&mut b]);
    assert_eq!(b.case(case).view, view(&world, case));
    world.check_invariants();
}

/// `restored_snapshot_had_released`: the backup has it as held, the snapshot that comes back has it in it: nobody releases it again.
#[test]
fn restored_snapshot_had_released() {
    let world = World::new(seed!());
    let (mut li, mut wang, mut reader) = (world.enrolled("li"), world.enrolled("wang"), world.enrolled("li"));
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    wang.sync().unwrap();
    let held = wang.write(case, CASE, filing());
    wang.sync().unwrap();
    assert_eq!(verdict(&world, held), Some(Verdict::Held { reason: Code::NotAllowed, behind: None }));
    world.office().back_up();
    world.office().rule("zhang", held, Ruling::Release).unwrap();
    reader.sync().unwrap();
    assert_eq!(reader.case(case).summary.state, "filed");

    world.office().restore(None);
    assert_eq!(world.office().held(), [held]);
    reader.sync().unwrap();
    assert_eq!(verdict(&world, held), Some(Verdict::NoOp));
    assert!(world.office().held().is_empty());
    assert!(matches!(world.office().rule("zhang", held, Ruling::Release), Err(OfficeError::NotHeld(_))));
    assert_eq!((view(&world, case).state.as_str(), view(&world, case).sets["steps"].len()), ("filed", 1));
    sync_all(&mut [&mut li, &mut wang, &mut reader]);
    for phone in [&li, &wang, &reader] {
        assert_eq!(phone.case(case).view, view(&world, case));
    }
    assert_eq!(wang.field().status().unwrap().pending, 0);
    world.check_invariants();
}

/// What the restored office still holds is settled by the final judgement that its author was told.
#[test]
fn a_final_judgement_settles_what_is_held() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    wang.sync().unwrap();
    let held = wang.write(case, CASE, filing());
    wang.sync().unwrap();
    world.office().back_up();
    world.office().rule("zhang", held, Ruling::Release).unwrap();
    wang.sync().unwrap();
    let was = view(&world, case);
    world.office().restore(None);
    wang.sync().unwrap();
    assert_eq!(verdict(&world, held), Some(Verdict::Applied));
    assert_eq!(view(&world, case), was);
    assert!(world.office().held().is_empty());
    sync_all(&mut [&mut li, &mut wang]);
    world.check_invariants();
}

/// `doubled_consequence`, as far as one node shows it: what the office writes once about a case and its photo comes back by a
/// phone, or is written by the office, and never both; whoever comes first.
#[test]
fn doubled_consequence() {
    for author_first in [false, true] {
        let world = World::new(seed!());
        let (mut a, mut b) = (world.enrolled("wang"), world.enrolled("li"));
        world.office().back_up();
        let case = a.capture("component/01001").summary.id;
        a.sync().unwrap();
        b.sync().unwrap();
        let number = view(&world, case).text("number").unwrap().to_owned();
        world.office().restore(None);
        // Another case takes the number of the one that is not back.
        let mut other = None;
        if author_first {
            let mut chen = world.enrolled("sun");
            other = Some(chen.capture("component/01001").summary.id);
            chen.sync().unwrap();
            assert_eq!(view(&world, other.unwrap()).text("number"), Some(number.as_str()));
            sync_all(&mut [&mut a, &mut b]);
        } else {
            sync_all(&mut [&mut b, &mut a]);
            assert_eq!(view(&world, case).text("number"), Some(number.as_str()));
        }
        let now = view(&world, case);
        let mine = now.text("number").expect("each case has one").to_owned();
        assert!(other.is_none_or(|other| view(&world, other).text("number") != Some(mine.as_str())));
        assert_eq!(now.sets["originals"].len(), 1);
        for cause in [format!("number/{case}"), "original/".to_owned()] {
            assert!(written(&world, &cause) <= 1 + u64::from(other.is_some()), "{cause}");
        }
        for phone in [&a, &b] {
            assert_eq!(phone.case(case).view, now);
        }
        world.check_invariants();
    }
}

/// A case whose number nobody brings back gets one once all is offered.
#[test]
fn a_case_that_comes_back_without_its_number_gets_one() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    world.office().back_up();
    let case: ItemId = li.capture("matter/09006").summary.id;
    // Of the answer only the verdicts came: its page was cut before the case's own feed.
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.sync().unwrap_err();
    world.office().restore(None);
    li.sync().unwrap();
    assert!(view(&world, case).text("number").is_some());
    world.check_invariants();
}
