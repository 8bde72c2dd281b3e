//! Traces of what is held, and of what a person says of it.

use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::journal::verdict::{Code, Judgement, Verdict};
use xuncheng_core::store::{entries, items, judgements};
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_office::OfficeError;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::{Desk, World};

use super::journal::describe;

const DISMISSED: Verdict = Verdict::Rejected { code: Code::Dismissed, after: None };
const UNKNOWN: Verdict = Verdict::Held { reason: Code::UnknownItem, behind: None };
const NOT_ALLOWED: Verdict = Verdict::Held { reason: Code::NotAllowed, behind: None };

fn judgement(phone: &Phone, entry: EntryId) -> Judgement {
    judgements::get(phone.field().store(), entry).unwrap().unwrap().judgement
}

fn own_entries(phone: &Phone, item: ItemId) -> Vec<EntryId> {
    phone.case(item).entries.iter().filter(|entry| entry.own).map(|entry| entry.id).collect()
}

fn verdicts(judged: &[Judgement]) -> Vec<&Verdict> {
    judged.iter().map(|judgement| &judgement.verdict).collect()
}

fn not_done(result: Result<Vec<Judgement>, OfficeError>) -> Code {
    match result {
        Err(OfficeError::NotDone(code)) => code,
        other => panic!("{other:?}"),
    }
}

/// The entries that were applied to an item at the office, in order.
fn applied(office: &Desk, item: ItemId) -> Vec<EntryId> {
    office.read(move |conn| items::applied(conn, item).unwrap())
}

fn comment(text: &str) -> Change {
    Change::Comment { text: text.to_owned() }
}

/// `release_after_newer`: an edit that waited while its author wrote a newer one does not bring the old value back.
#[test]
fn release_after_newer() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    let mut zhang = world.enrolled("zhang");
    let older = zhang.write(case, CASE, describe("旧"));
    let (acceptor, auditor) = ("roles = [\"acceptor\"]", "roles = [\"auditor\"]");
    office.change_people(|people| people.replacen(acceptor, auditor, 1));
    zhang.sync().unwrap();
    assert_eq!(judgement(&zhang, older).verdict, NOT_ALLOWED);
    office.change_people(|people| people.replacen(auditor, acceptor, 1));
    zhang.write(case, CASE, describe("新"));
    zhang.sync().unwrap();
    assert_eq!(office.view(case).unwrap().text("description"), Some("新"));

    let judged = office.rule("he", older, Ruling::Release).unwrap();
    assert_eq!(verdicts(&judged), [&Verdict::Merged { lost: vec!["description".to_owned()] }]);
    let view = office.view(case).unwrap();
    assert_eq!(view.text("description"), Some("新"));
    assert_eq!(view.losers.last().map(|loser| loser.writer), Some(older), "it is kept and shown");
    world.check_invariants();
}

/// `new_entry_between_releases`: a capture is released with all that waits behind it, in the order in which it was written,
/// and nothing comes in between.
#[test]
fn new_entry_between_releases() {
    let world = World::new(seed!());
    let office = world.office();
    // 陈师傅 handles; reporting is not hers.
    let mut chen = world.enrolled("chen");
    let pictures = vec![chen.new_picture(), chen.new_picture()];
    let case = chen.capture_at("component/01001", in_dongcheng(), pictures).summary.id;
    chen.write(case, CASE, comment("就在路口"));
    chen.sync().unwrap();
    let written = own_entries(&chen, case);
    for waits in &written[1..] {
        assert_eq!(judgement(&chen, *waits).verdict, Verdict::Held { reason: Code::Follows, behind: Some(written[0]) });
        assert_eq!(
            not_done(office.rule("zhang", *waits, Ruling::Release)),
            Code::Follows,
            "what it follows goes first"
        );
    }
    let later = chen.write(case, CASE, comment("后写的"));
    let judged = office.rule("zhang", written[0], Ruling::Release).unwrap();
    assert_eq!(judged.iter().map(|judgement| judgement.entry).collect::<Vec<_>>(), written);
    assert!(judged.iter().all(|judgement| judgement.verdict == Verdict::Applied), "{judged:?}");
    assert!(judged.windows(2).all(|pair| pair[0].version.unwrap().count < pair[1].version.unwrap().count));
    chen.sync().unwrap();

    let own = |entry: &EntryId| written.contains(entry) || *entry == later;
    let in_order: Vec<EntryId> = applied(&office, case).into_iter().filter(own).collect();
    assert_eq!(in_order, [written.as_slice(), &[later]].concat());
    assert_eq!((office.held(), judgement(&chen, later).verdict), (Vec::new(), Verdict::Applied));
    assert!(chen.case(case).summary.numbered && !chen.case(case).summary.pending);
    assert!(chen.field().status().unwrap().refused.is_empty());
    world.check_invariants();
}

/// `held_capture_vanishes`: a capture stays in its author's list while it is held and after it was dismissed, with the
/// reason; what was behind it follows it, and its photos are at the office.
#[test]
fn held_capture_vanishes() {
    let world = World::new(seed!());
    let office = world.office();
    let mut chen = world.enrolled("chen");
    let case = chen.capture("component/01001").summary.id;
    chen.sync().unwrap();
    assert!(chen.holds(case));
    let written = own_entries(&chen, case);
    for entry in &written {
        chen.field_mut().acknowledge(*entry).unwrap();
    }
    let judged = office.rule("zhang", written[0], Ruling::Dismiss).unwrap();
    let follows = Verdict::Rejected { code: Code::Follows, after: Some(written[0]) };
    assert_eq!(verdicts(&judged), [&DISMISSED, &follows]);
    assert_eq!(office.view(case), None);
    chen.sync().unwrap();
    let story = chen.case(case);
    assert_eq!(
        story.entries.iter().map(|entry| entry.verdict.clone()).collect::<Vec<_>>(),
        [Some(DISMISSED), Some(follows)]
    );
    assert!(story.steps.is_empty() && !story.may_edit && !story.summary.pending);
    let refused: Vec<EntryId> = chen.field().status().unwrap().refused.iter().map(|refused| refused.entry).collect();
    assert_eq!(refused, written, "another judgement is told anew");
    assert!(office.original(&story.photos[0].sha256).is_some(), "its photo stays evidence");

    // It is final, and what is written on it now follows it too.
    for ruling in [Ruling::Release, Ruling::Dismiss] {
        assert!(
            matches!(office.rule("he", written[0], ruling), Err(OfficeError::NotHeld(entry)) if entry == written[0])
        );
    }
    let late = chen.write(case, CASE, comment("还在"));
    chen.sync().unwrap();
    assert_eq!(judgement(&chen, late).verdict, Verdict::Rejected { code: Code::Follows, after: Some(written[0]) });
    world.check_invariants();
}

/// `revoked_phone_freezes_items`: what a revoked phone sends on others' cases is held and stands in nobody's way. Another's
/// Open is released by nobody; what comes too early is answered as if its phone had not been revoked.
#[test]
fn revoked_phone_freezes_items() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    let first = entries::of_item(li.field().store(), case).unwrap().remove(0);
    let mut wang = world.enrolled("wang");
    office.revoke(wang.incarnation());
    let open = wang.open_again(&first);
    let remark = wang.write(case, CASE, comment("看过"));
    wang.sync().unwrap();
    let revoked = Verdict::Held { reason: Code::Revoked, behind: None };
    assert_eq!([open, remark].map(|entry| judgement(&wang, entry).verdict), [revoked.clone(), revoked]);

    li.describe(case, "还能改").unwrap();
    li.sync().unwrap();
    office.step("zhang", case, CaseStep::File, &[]).unwrap();
    assert_eq!(office.view(case).unwrap().text("description"), Some("还能改"));

    assert_eq!(not_done(office.rule("zhang", open, Ruling::Release)), Code::Malformed);
    assert_eq!(verdicts(&office.rule("zhang", open, Ruling::Dismiss).unwrap()), [&DISMISSED]);
    assert_eq!(rejected(office.rule("zhang", remark, Ruling::Release)), Code::NotFromHere);
    for phone in [&mut wang, &mut li] {
        phone.sync().unwrap();
    }
    assert_eq!(office.read(move |conn| entries::opener(conn, case).unwrap().unwrap().to_string()), "li");
    world.check_invariants();
}

/// An acceptor or an administrator decides, and nobody about what is their own; a reason is needed.
#[test]
fn who_decides_about_what_is_held() {
    let world = World::new(seed!());
    let office = world.office();
    // 张受理 may report, 何主任 may not: her own report waits for somebody else.
    let mut he = world.enrolled("he");
    let case = he.capture("component/01001").summary.id;
    he.sync().unwrap();
    let [open, photo] = own_entries(&he, case)[..] else { panic!("a capture and its photo") };
    for ruling in [Ruling::Release, Ruling::Dismiss] {
        for person in ["li", "zhao", "sun", "zhou", "he", "nobody"] {
            assert_eq!(not_done(office.rule(person, open, ruling)), Code::NotAllowed, "{person}");
        }
    }
    assert_eq!(office.held(), [photo, open], "nothing of it was kept");
    office.rule("zhang", open, Ruling::Release).unwrap();
    assert_eq!(office.view(case).unwrap().state, "reported");

    // A phone says nothing of what is held, whoever's it is.
    let mut zhang = world.enrolled("zhang");
    let own = zhang.capture("component/01001").summary.id;
    let said = zhang.write(own, CASE, Change::Release { entry: open, reason: "自己说的".to_owned() });
    zhang.sync().unwrap();
    assert_eq!(judgement(&zhang, said).verdict, NOT_ALLOWED);
    world.check_invariants();
}

/// Whoever releases lends the right that they decide by, and no more: what neither the author nor they may do stays held.
#[test]
fn a_release_lends_no_right_that_nobody_has() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    office.file_and_dispatch(case, "shizheng");
    let mut chen = world.enrolled("chen");
    for step in [CaseStep::Accept, CaseStep::Handle] {
        chen.step(case, step, &[]).unwrap();
    }
    let check = Change::Step { transition: "check".into(), from: "handled".into(), round: 0, args: [].into() };
    let check = chen.write(case, CASE, check);
    let next = chen.write(case, CASE, comment("请核查"));
    chen.sync().unwrap();
    assert_eq!(judgement(&chen, check).verdict, NOT_ALLOWED, "the inspected never check");
    assert_eq!(judgement(&chen, next).verdict, Verdict::Applied, "a comment waits for no step");
    for person in ["zhang", "he"] {
        assert_eq!(not_done(office.rule(person, check, Ruling::Release)), Code::NotAllowed);
    }
    assert_eq!(office.view(case).unwrap().state, "handled");
    assert_eq!(verdicts(&office.rule("he", check, Ruling::Dismiss).unwrap()), [&DISMISSED]);
    world.check_invariants();
}

/// Behind a step that was dismissed, each is judged on its own merits; behind one that was released, in the order of the
/// chain.
#[test]
fn steps_behind_a_held_step_follow_what_is_said_of_it() {
    for ruling in [Ruling::Release, Ruling::Dismiss] {
        let world = World::new(seed!());
        let office = world.office();
        let mut li = world.enrolled("li");
        let case = li.capture("component/01001").summary.id;
        li.sync().unwrap();
        office.file_and_dispatch(case, "shizheng");
        let mut chen = world.enrolled("chen");
        office.revoke(chen.incarnation());
        for step in [CaseStep::Accept, CaseStep::Handle] {
            chen.step(case, step, &[]).unwrap();
        }
        let [accept, photo, handle] = own_entries(&chen, case)[..] else { panic!("a step, a photo and a step") };
        chen.sync().unwrap();
        assert_eq!(judgement(&chen, handle).verdict, Verdict::Held { reason: Code::Follows, behind: Some(accept) });
        office.rule("zhang", photo, Ruling::Release).unwrap();
        let judged = office.rule("zhang", accept, ruling).unwrap();
        match ruling {
            Ruling::Release => {
                assert_eq!(verdicts(&judged), [&Verdict::Applied; 2]);
                assert_eq!(office.view(case).unwrap().state, "handled");
            }
            Ruling::Dismiss => {
                let revoked = Verdict::Held { reason: Code::Revoked, behind: None };
                assert_eq!(verdicts(&judged), [&DISMISSED, &revoked], "her phone is revoked all the same");
                assert_eq!(rejected(office.rule("zhang", handle, Ruling::Release)), Code::NotFromHere);
            }
        }
        chen.sync_as_far_as_it_goes();
        world.check_invariants();
    }
}

/// The code for which a release ended in a rejection.
fn rejected(result: Result<Vec<Judgement>, OfficeError>) -> Code {
    let judged = result.unwrap();
    let Verdict::Rejected { code, .. } = &judged[0].verdict else { panic!("{judged:?}") };
    code.clone()
}

/// A case of others' stays unknown to whoever wrote on it, also after what they wrote was dismissed; other readers hear
/// nothing of it.
#[test]
fn what_is_dismissed_tells_nobody_of_the_item() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    let mut zhou = world.enrolled("zhou");
    let remark = zhou.write(case, CASE, comment("这是谁的"));
    zhou.sync().unwrap();
    let before = (office.view(case).unwrap().version, snapshot_causes(&office, case));
    office.rule("zhang", remark, Ruling::Dismiss).unwrap();
    assert_eq!((office.view(case).unwrap().version, snapshot_causes(&office, case)), before);
    zhou.sync().unwrap();
    let told = judgement(&zhou, remark);
    assert_eq!((told.verdict, told.version), (DISMISSED, None));
    let again = zhou.write(case, CASE, comment("还问"));
    zhou.sync().unwrap();
    assert_eq!((judgement(&zhou, again).verdict, judgement(&zhou, again).version), (UNKNOWN, None));
    world.check_invariants();
}

fn snapshot_causes(office: &Desk, item: ItemId) -> Vec<String> {
    office.read(move |conn| entries::causes(conn, item).unwrap())
}
