//! What a phone sent and the office held comes to its end by a person.

use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_core::work::case::CaseStep;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::in_dongcheng;
use xuncheng_tests::program::{OfficeProgram, Program};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// A phone was reported lost and is not: what its inspector captured with it meanwhile becomes a case with its photos, on
/// every phone that may see it, and goes its way to the closing.
#[test]
fn a_capture_of_a_revoked_phone_is_released_and_becomes_a_case() {
    let world = World::new(seed!());
    let office = world.office();
    let mut lost = world.enrolled("li");
    office.revoke(lost.incarnation());
    let pictures = vec![lost.new_picture(), lost.new_picture()];
    let case = lost.capture_at("污水井盖", in_dongcheng(), pictures).summary.id;
    lost.sync().unwrap();
    let held = lost.case(case);
    let open = held.entries[0].id;
    assert_eq!(held.entries[0].verdict, Some(Verdict::Held { reason: Code::Revoked, behind: None }));
    assert!(
        held.photos.iter().all(|photo| photo.stage == Some(PhotoStage::Received)),
        "photos are signed for meanwhile"
    );
    assert_eq!((office.view(case), office.held().len()), (None, 3));

    let judged = office.rule("zhang", open, Ruling::Release).unwrap();
    assert!(judged.len() == 3 && judged.iter().all(|judgement| judgement.verdict == Verdict::Applied), "{judged:?}");
    assert_eq!(office.held(), []);
    let view = office.view(case).unwrap();
    assert_eq!((view.members("photos").count(), view.members("originals").count()), (2, 2), "both originals are here");

    lost.sync().unwrap();
    let settled = lost.case(case);
    assert!(!settled.summary.pending && settled.entries.iter().all(|entry| entry.verdict == Some(Verdict::Applied)));
    assert!(lost.field().status().unwrap().refused.is_empty());
    let mut li = world.enrolled("li");
    let mut sun = world.enrolled("sun");
    office.file_and_dispatch(case, "shizheng");
    let mut chen = world.enrolled("chen");
    for phone in [&mut li, &mut sun, &mut chen] {
        phone.sync().unwrap();
        assert_eq!(phone.case(case).photos.len(), 2, "{}", phone.field().person());
    }
    for step in [CaseStep::Accept, CaseStep::Handle] {
        chen.step(case, step, &[]).unwrap();
    }
    chen.sync().unwrap();
    sun.sync().unwrap();
    sun.step(case, CaseStep::Check, &[]).unwrap();
    sun.sync().unwrap();
    // No waiver is needed: every original counts.
    office.step("zhang", case, CaseStep::Close, &[]).unwrap();
    li.sync().unwrap();
    assert_eq!(li.case(case).summary.state, "closed");
    world.check_invariants();
}

/// The command line decides as the console does, in somebody's name, and says to programs what it says to people.
#[test]
fn what_is_held_is_listed_and_decided_from_the_command_line() {
    let office = OfficeProgram::start(64 * 1024);
    let chen = Program::phone_of("chen");
    assert!(chen.run(&["enrol", &office.code("chen", &office.url)]).success);
    let photo = chen.file("IMG_1.jpg", &fixtures::jpeg_of_at_least(20_000, 1));
    assert!(chen.capture(&[&photo]).success && chen.capture(&[&photo]).success);
    assert!(chen.run(&["sync"]).success);
    let captures = || -> Vec<String> {
        let held = office.run(&["held", "list", "--json"]).json();
        let opens = held.as_array().unwrap().iter().filter(|held| held["waiting_behind"] == 1);
        opens.map(|held| held["entry"].as_str().unwrap().to_owned()).collect()
    };
    let [newer, older] = &captures()[..] else { panic!("two captures: {:?}", captures()) };
    assert!(office.run(&["held", "list"]).out.contains("this person may not do this"));
    let decide = |what: &str, entry: &str, person: &str| {
        office.run(&["held", what, entry, "--person", person, "--reason", "已核实", "--json"])
    };
    let refused = decide("release", older, "zhao");
    assert!(!refused.success && refused.err.contains("held as before: this person may not do this"), "{}", refused.err);
    assert!(refused.out.contains("\"not_done\""), "{}", refused.out);
    let released = decide("release", older, "zhang").json();
    let verdicts: Vec<&serde_json::Value> =
        released["judged"].as_array().unwrap().iter().map(|judged| &judged["verdict"]).collect();
    assert_eq!(verdicts, ["applied", "applied"]);
    let again = decide("dismiss", older, "he");
    assert!(!again.success && again.out.contains("\"not_held\""), "{}", again.out);
    let dismissed = decide("dismiss", newer, "he").json();
    assert_eq!(dismissed["judged"][0]["verdict"]["rejected"]["code"], "dismissed");
    assert_eq!(captures(), Vec::<String>::new());
    assert!(chen.run(&["sync"]).success);
    assert!(chen.run(&["status"]).out.contains("the office looked at it and set it aside"));
}
