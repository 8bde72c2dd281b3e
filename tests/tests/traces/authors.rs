//! Traces of who may: who opened an item, whose entry it is, who was told of it, whose device it came from.

use std::collections::{BTreeMap, BTreeSet};

use xuncheng_core::id::{ItemId, PersonId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::store::list::{self, Query, Waiting, Which};
use xuncheng_core::store::{entries, items, judgements};
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_office::{OfficeError, devices};
use xuncheng_tests::phone::{Phone, in_huifeng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::journal::describe;

/// An item is opened once: its Open sent again by somebody else, word for word, is malformed; who reported the case, who may
/// check it, who receives it and what goes on stays as it was, for everybody.
#[test]
fn a_second_open_is_malformed_and_changes_nobody() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    let first = entries::of_item(li.field().store(), case).unwrap().remove(0);
    // 王巡查 enrols anew until his entries stand before hers wherever incarnations are compared.
    let mut wang = world.enrolled("wang");
    while wang.incarnation() > li.incarnation() {
        wang = world.enrolled("wang");
    }
    let before = (wang.case(case).steps, li.case(case).steps, audiences(&world, case));
    let second = wang.open_again(&first);
    wang.sync().unwrap();
    let held = Verdict::Held { reason: Code::Malformed, behind: None };
    assert_eq!(judgements::get(wang.field().store(), second).unwrap().unwrap().judgement.verdict, held);
    li.sync().unwrap();
    assert_eq!((wang.case(case).steps, li.case(case).steps, audiences(&world, case)), before);
    assert_eq!(world.office().read(move |conn| entries::opener(conn, case).unwrap().unwrap().to_string()), "li");

    // It stands in nobody's way: she corrects her case, and he, who did not report it, checks it; she does not.
    li.describe(case, "还能改").unwrap();
    li.sync().unwrap();
    world.office().file_and_dispatch(case, "shizheng");
    let mut chen = world.enrolled("chen");
    for step in [CaseStep::Accept, CaseStep::Handle] {
        chen.step(case, step, &[]).unwrap();
    }
    for phone in [&mut chen, &mut wang, &mut li] {
        phone.sync().unwrap();
    }
    assert_eq!(li.case(case).steps, Vec::<String>::new());
    assert_eq!([waits_for(&world, "li"), waits_for(&world, "wang")], [0, 1], "in the console, too");
    wang.step(case, CaseStep::Check, &[]).unwrap();
    wang.sync().unwrap();
    assert_eq!(world.office().view(case).unwrap().state, "checked");
    world.office().step("zhang", case, CaseStep::Close, &[("waiver", "原件已核对")]).unwrap();
    li.sync().unwrap();
    assert_eq!(li.case(case).summary.state, "closed", "her own case stays with her");

    // To whom the case is nothing, it is not there.
    let mut zhou = world.enrolled("zhou");
    let third = zhou.open_again(&first);
    zhou.sync().unwrap();
    let unknown = judgements::get(zhou.field().store(), third).unwrap().unwrap().judgement;
    assert_eq!((unknown.verdict, unknown.version), (Verdict::Held { reason: Code::UnknownItem, behind: None }, None));
    world.check_invariants();
}

/// How many cases wait to be checked by a verifier of 监督中心.
fn waits_for(world: &World, person: &str) -> u64 {
    let which = Which::Neutral { person: PersonId::new(person).unwrap(), org: "jiandu".to_owned() };
    let waiting = [Waiting { state: "handled".to_owned(), which }];
    let pack = super::judge::pack();
    world
        .office()
        .read(move |conn| list::count_waiting(conn, CASE, &Query::default(), &waiting, pack.synonyms()).unwrap())
}

fn audiences(world: &World, item: ItemId) -> BTreeSet<String> {
    world.office().read(move |conn| items::audiences(conn, item).unwrap())
}

/// `shared_phone`: whoever else signs in on the same phone opens another store; nobody reads another's feed.
#[test]
fn shared_phone() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    let mine = wang.incarnation();
    let error = wang.enrol(&world.office().code("chen")).unwrap_err().to_string();
    assert!(error.contains("another store"), "{error}");
    let chen: Phone = world.enrolled("chen");
    assert_ne!(chen.incarnation(), mine);
    assert!(!chen.holds(case));
    assert_eq!(wang.incarnation(), mine);
}

/// Whoever reported a case is its author on each of their phones, and checks it on none.
#[test]
fn an_author_is_the_author_on_a_new_phone_too() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let new = world.enrolled("li");
    assert_eq!((new.case(case).steps, new.case(case).may_edit), (vec!["withdraw".to_owned()], true));
    world.office().file_and_dispatch(case, "chengguan");
    let mut zhou = world.enrolled("zhou");
    for step in [CaseStep::Accept, CaseStep::Handle] {
        zhou.step(case, step, &[]).unwrap();
    }
    zhou.sync().unwrap();
    let newest = world.enrolled("li");
    assert_eq!(newest.case(case).steps, Vec::<String>::new(), "nobody checks what they reported");
    world.check_invariants();
}

/// Whoever handled a case does not check it, whatever they have become since.
#[test]
fn who_handled_a_case_never_checks_it() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    world.office().file_and_dispatch(case, "shizheng");
    let mut chen = world.enrolled("chen");
    for step in [CaseStep::Accept, CaseStep::Handle] {
        chen.step(case, step, &[]).unwrap();
    }
    chen.sync().unwrap();
    let (crew, verifier) =
        ("roles = [\"handler\"]\norg = \"shizheng\"", "roles = [\"verifier\"]\norg = \"jiandu\"\nareas = [\"*\"]");
    world.office().change_people(|people| people.replacen(crew, verifier, 1));
    chen.sync().unwrap();
    chen.sync().unwrap();
    assert_eq!(chen.case(case).steps, Vec::<String>::new());
    let refused = world.office().step("chen", case, CaseStep::Check, &[]).unwrap_err();
    assert!(matches!(refused, OfficeError::NotDone(Code::NotAllowed)), "{refused:?}");
    world.office().step("sun", case, CaseStep::Check, &[]).unwrap();
    world.check_invariants();
}

/// An administrator's phone revokes a device as the console does: what that device sends from then on is held.
#[test]
fn a_device_is_revoked_from_a_phone_too() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let incarnation = li.incarnation();
    let device = world.office().read(move |conn| devices::get(conn, incarnation).unwrap().unwrap().item);
    let mut he = world.enrolled("he");
    let revoke =
        Change::Step { transition: "revoke".to_owned(), from: "active".to_owned(), round: 0, args: BTreeMap::new() };
    he.write(device, "device", revoke);
    he.sync().unwrap();
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let refused = li.field().status().unwrap().refused;
    assert!(matches!(refused[0].verdict, Verdict::Held { reason: Code::Revoked, .. }), "{refused:?}");
    assert!(world.office().view(case).is_none());
    world.check_invariants();
}

/// An entry on another's item and one on an item that is not there are answered alike: without a version, and held.
#[test]
fn an_entry_on_what_is_not_ones_own_is_answered_as_if_it_were_not_there() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let picture = vec![wang.new_picture()];
    let theirs = wang.capture_at("component/01001", in_huifeng(), picture).summary.id;
    wang.sync().unwrap();
    let mut li = world.enrolled("li");
    assert!(!li.holds(theirs));
    let steps = |transition: &str| Change::Step {
        transition: transition.to_owned(),
        from: "handled".to_owned(),
        round: 0,
        args: BTreeMap::new(),
    };
    let changes = [Change::Comment { text: "在吗".to_owned() }, describe("改"), steps("check")];
    let mut answers = Vec::new();
    for item in [theirs, ItemId::from_bytes([9; 16])] {
        for change in &changes {
            let entry = li.write(item, "case", change.clone());
            li.sync().unwrap();
            let judged = judgements::get(li.field().store(), entry).unwrap().unwrap().judgement;
            answers.push((judged.verdict, judged.version, judged.effects.get().to_owned()));
        }
    }
    let (of_theirs, of_nothing) = answers.split_at(changes.len());
    assert_eq!(of_theirs, of_nothing);
    assert!(matches!(of_theirs[0].0, Verdict::Held { reason: Code::UnknownItem, .. }), "{of_theirs:?}");
    world.check_invariants();
}

/// Who was told of a case and comes too late is told that, also when the case has left them meanwhile.
#[test]
fn who_was_told_of_a_case_and_comes_too_late_is_told_so() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    world.office().file_and_dispatch(case, "shizheng");
    let mut chen = world.enrolled("chen");
    for step in [CaseStep::Accept, CaseStep::Handle] {
        chen.step(case, step, &[]).unwrap();
    }
    chen.sync().unwrap();
    wang.sync().unwrap();
    wang.step(case, CaseStep::Check, &[]).unwrap();
    world.office().step("sun", case, CaseStep::Check, &[]).unwrap();
    world.office().step("zhang", case, CaseStep::Close, &[("waiver", "原件已核对")]).unwrap();
    wang.sync().unwrap();
    let refused = wang.field().status().unwrap().refused;
    assert!(
        matches!(refused[0].verdict, Verdict::Rejected { code: Code::NotFromHere, .. }) && refused.len() == 1,
        "{refused:?}"
    );
    world.check_invariants();
}
