//! Invariant 6: nobody reads or changes what their role and audience do not allow.

use serde_json::Value;
use xuncheng_core::field::{Capture, CapturePhoto, CaseAct, FieldError};
use xuncheng_core::journal::entry::{Change, PhotoRole};
use xuncheng_core::journal::verdict::Code;
use xuncheng_core::place::{Fix, GeoPoint, Provider};
use xuncheng_core::store::{entries, judgements};
use xuncheng_core::sync::session::{Outcome, Response};
use xuncheng_core::work::case::CaseStep;
use xuncheng_office::OfficeError;
use xuncheng_tests::phone::{Phone, in_dongcheng, in_huifeng};
use xuncheng_tests::seed;
use xuncheng_tests::traffic::{masked, traffic, unpacked};
use xuncheng_tests::world::World;

/// Invariant 6: byte for byte (but for drawn ids) the same traffic, whether the case of another area is there or not.
#[test]
fn an_outsiders_whole_traffic_is_the_same_with_and_without_a_case() {
    let seed = seed!();
    let outsiders_see = |hidden: bool| {
        let world = World::new(seed);
        let mut li = world.enrolled("li");
        let mut tang = world.enrolled("tang");
        let mut wang = world.enrolled("wang");
        let own = li.capture("matter/09006").summary.id;
        li.sync().unwrap();
        for outsider in [&li, &tang] {
            world.network(outsider).clear_log();
        }
        let hidden = hidden.then(|| {
            let picture = wang.new_picture();
            let case = wang.capture_at("matter/09006", in_huifeng(), vec![picture]).summary.id;
            wang.sync().unwrap();
            world.office().file_and_dispatch(case, "chengguan");
            wang.comment(case, "三轮车还在").unwrap();
            wang.sync().unwrap();
            case
        });
        li.describe(own, "两处井盖").unwrap();
        world.office().step("zhang", own, CaseStep::File, &[]).unwrap();
        for _ in 0..2 {
            li.sync().unwrap();
            tang.sync().unwrap();
        }
        if let Some(case) = hidden {
            assert!(!li.holds(case) && !tang.holds(case) && wang.holds(case));
        }
        world.check_invariants();
        (traffic(&world.network(&li).log()), traffic(&world.network(&tang).log()))
    };
    assert_eq!(outsiders_see(false), outsiders_see(true));
}

/// Invariant 6: a unit that handles a case hears nothing of a check of it that came too late, or that nobody may make.
#[test]
fn an_inspected_units_whole_traffic_is_the_same_with_and_without_a_check_that_was_not_taken() {
    let seed = seed!();
    let unit_sees = |checked: bool| {
        let world = World::new(seed);
        let (mut wang, mut chen, mut sun) = (world.enrolled("wang"), world.enrolled("chen"), world.enrolled("sun"));
        let case = wang.capture("component/01001").summary.id;
        wang.sync().unwrap();
        world.office().file_and_dispatch(case, "shizheng");
        chen.sync().unwrap();
        chen.step(case, CaseStep::Accept, &[]).unwrap();
        chen.step(case, CaseStep::Handle, &[]).unwrap();
        chen.sync().unwrap();
        sun.sync().unwrap();
        // Without a network, as a covert visit is made; meanwhile somebody else sends the case back.
        if checked {
            let photo = CapturePhoto { file: sun.new_picture(), working_copy: None, role: PhotoRole::Check };
            let args = [("note".to_owned(), Value::from("暗访：工人没有戴安全帽"))].into();
            sun.act(case, &CaseAct { step: CaseStep::Check, args, photos: vec![photo], fix: None, shown: None })
                .unwrap();
        }
        world.office().step("li", case, CaseStep::Rework, &[("reason", "未整改到位")]).unwrap();
        chen.sync().unwrap();
        // The same picture, whatever was drawn for others meanwhile.
        let after = chen.picture(&xuncheng_tests::fixtures::jpeg(96, 64, 7));
        world.network(&chen).clear_log();
        if checked {
            sun.write(case, "case", Change::Comment { text: " ".to_owned() });
            sun.sync().unwrap();
            world.settle();
            let kept: Vec<bool> = world.office().read(move |conn| {
                let of = entries::of_item(conn, case).unwrap();
                let last = of.iter().rev().take(3).map(|entry| entry.read_header().unwrap().id);
                last.map(|id| judgements::get(conn, id).unwrap().unwrap().judgement.verdict.applies()).collect()
            });
            assert_eq!(kept, [false; 3], "a photo and a check were rejected, and an empty remark is held");
        }
        chen.step(case, CaseStep::Accept, &[]).unwrap();
        let photos = vec![CapturePhoto { file: after, working_copy: None, role: PhotoRole::After }];
        let handle = CaseAct { step: CaseStep::Handle, args: [].into(), photos, fix: None, shown: None };
        chen.act(case, &handle).unwrap();
        for _ in 0..2 {
            chen.sync().unwrap();
        }
        world.check_invariants();
        traffic(&world.network(&chen).log())
    };
    assert_eq!(unit_sees(false), unit_sees(true));
}

/// Invariant 6: a reader learns neither who reported, nor from where, nor on which device, nor from which boot.
#[test]
fn who_reported_and_from_where_never_crosses_to_another_phone() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let (mut wang, mut chen) = (world.enrolled("wang"), world.enrolled("chen"));
    let picture = li.new_picture();
    let stood = GeoPoint::from_degrees(31.871_234_5, 106.751_234_5).unwrap();
    let fix = Fix { point: stood, accuracy_m: Some(7.25), provider: Provider::Gnss, at: li.now().wall, mock: false };
    let capture = Capture {
        category: "component/01001".to_owned(),
        description: "井盖松动".to_owned(),
        address: None,
        place: Some(in_dongcheng()),
        fix: Some(fix),
        occurred_at: None,
        photos: vec![CapturePhoto { file: picture, working_copy: None, role: PhotoRole::Scene }],
    };
    // Another boot than the readers', who are told their own.
    li.reboot();
    let (now, drawn) = (li.now(), xuncheng_core::clock::Seed::from_bytes([9; 32]));
    let case = li.field_mut().capture(&capture, &now, &drawn).unwrap().summary.id;
    li.sync().unwrap();
    li.comment(case, "松动更厉害了").unwrap();
    li.sync().unwrap();
    world.office().file_and_dispatch(case, "shizheng");
    let secrets = [
        "\"li\"".to_owned(),
        "own/li".to_owned(),
        li.incarnation().to_string(),
        stood.lat_e7().to_string(),
        stood.lon_e7().to_string(),
        now.boot_id.clone(),
        "accuracy_m".to_owned(),
        "last_exchange".to_owned(),
    ];
    for reader in [&mut wang, &mut chen] {
        reader.sync().unwrap();
        assert!(reader.holds(case));
        for exchange in world.network(reader).log() {
            let Outcome::Answered(Response { body, .. }) = &exchange.outcome else { continue };
            if exchange.request.path != "/v1/sync" {
                continue;
            }
            let said = unpacked(body);
            for secret in &secrets {
                assert!(!said.contains(secret.as_str()), "a reader was told {secret}");
            }
        }
    }
    world.check_invariants();
}

/// Invariant 6: a case that its reader may no longer see goes, with all that others wrote on it.
#[test]
fn a_returned_case_leaves_the_crew_that_returned_it() {
    let world = World::new(seed!());
    let (mut wang, mut chen) = (world.enrolled("wang"), world.enrolled("chen"));
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    chen.sync().unwrap();
    assert!(!chen.holds(case), "before it is dispatched to them");
    world.office().file_and_dispatch(case, "shizheng");
    chen.sync().unwrap();
    assert!(chen.holds(case));
    chen.step(case, CaseStep::Return, &[("reason", "不归我们管")]).unwrap();
    chen.sync().unwrap();
    assert!(!chen.holds(case));
    let left: u64 = chen
        .field()
        .store()
        .query_row("SELECT count(*) FROM entry WHERE incarnation IS NOT ?1", [chen.incarnation()], |row| row.get(0))
        .unwrap();
    // What remains is about the phone's own person and device.
    let own: u64 =
        chen.field().store().query_row("SELECT count(*) FROM entry WHERE item = ?1", [case], |row| row.get(0)).unwrap();
    assert_eq!((left, own), (0, 1), "their own return stays, nothing else");
    assert_eq!(world.office().view(case).unwrap().state, "filed");
    world.check_invariants();
}

/// Invariant 6: the handler's organisation never checks its own case, and nobody checks what they reported themselves.
#[test]
fn the_inspected_never_check_their_own_case() {
    let world = World::new(seed!());
    world.office().change_people(|people| {
        people.replace(
            "code = \"chen\"\nname = \"陈师傅\"\nroles = [\"handler\"]",
            "code = \"chen\"\nname = \"陈师傅\"\nroles = [\"handler\", \"verifier\"]\nareas = [\"*\"]",
        )
    });
    let mut wang = world.enrolled("wang");
    let (mut chen, mut sun) = (world.enrolled("chen"), world.enrolled("sun"));
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    world.office().file_and_dispatch(case, "shizheng");
    chen.sync().unwrap();
    chen.step(case, CaseStep::Accept, &[]).unwrap();
    chen.step(case, CaseStep::Handle, &[]).unwrap();
    chen.sync().unwrap();
    wang.sync().unwrap();
    assert_eq!(world.office().view(case).unwrap().state, "handled");

    // 陈师傅 may check, but not what her own organisation handled; 王巡查 may check, but not what he reported.
    for phone in [&mut chen, &mut wang] {
        assert!(!phone.case(case).steps.contains(&"check".to_owned()));
        let refused = phone.step(case, CaseStep::Check, &[]).unwrap_err();
        assert!(matches!(refused, FieldError::NotNow { code: Code::NotAllowed, .. }), "{refused}");
    }
    for person in ["chen", "wang", "yang", "zhao"] {
        let refused = world.office().step(person, case, CaseStep::Check, &[]).unwrap_err();
        assert!(matches!(refused, OfficeError::NotDone(Code::NotAllowed)), "{person}: {refused}");
    }
    sun.sync().unwrap();
    sun.step(case, CaseStep::Check, &[]).unwrap();
    sun.sync().unwrap();
    assert_eq!(world.office().view(case).unwrap().state, "checked");
    world.check_invariants();
}

/// Invariant 6: steps and fields of others are held, whoever sends them, and change nothing.
#[test]
fn nobody_takes_a_step_or_writes_a_field_that_is_not_theirs() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    let before = world.office().view(case).unwrap();
    for (person, step) in [
        ("wang", CaseStep::File),
        ("zhao", CaseStep::File),
        ("zhang", CaseStep::Dispatch),
        ("chen", CaseStep::Accept),
        ("sun", CaseStep::Withdraw),
        ("he", CaseStep::Close),
    ] {
        let args = [("responsible_org", "shizheng"), ("reason", "试试")];
        world.office().step(person, case, step, &args).unwrap_err();
    }
    for (person, field) in [("zhang", "number"), ("zhang", "originals"), ("wang", "area"), ("chen", "description")] {
        let refused = world.office().edit(person, case, &[(field, Value::from("改"))]).unwrap_err();
        assert!(matches!(refused, OfficeError::NotDone(Code::NotAllowed)), "{person} {field}: {refused}");
    }
    assert_eq!(world.office().view(case).unwrap(), before);
}

/// Invariant 6: asking for what one may not see is answered like asking for what is not there.
#[test]
fn a_case_of_others_and_one_that_is_not_there_are_answered_alike() {
    let world = World::new(seed!());
    let (mut wang, tang) = (world.enrolled("wang"), world.enrolled("tang"));
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    let nobodys = xuncheng_core::id::ItemId::from_bytes([7; 16]);
    let ask = |phone: &Phone, item| {
        let said = super::bounds::ask(phone, |request| {
            request.want = vec![item];
            // Claims to read feeds that it was never granted, too.
            request.positions.insert("area/511902001/component".to_owned(), 0);
            request.positions.insert("own/wang".to_owned(), 0);
        });
        let text = unpacked(&said.body);
        let body: Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
        body["page"].clone()
    };
    let (others, none) = (ask(&tang, case), ask(&tang, nobodys));
    for page in [&others, &none] {
        for list in ["feeds", "entries", "snapshots", "receipts"] {
            assert_eq!(page[list].as_array().map(Vec::len), Some(0), "{list}: {page}");
        }
    }
    assert_eq!(masked(&others.to_string()), masked(&none.to_string()));
    let own = ask(&wang, case);
    let snapshots = own["snapshots"].as_array().unwrap();
    assert!(snapshots.iter().any(|snapshot| snapshot["item"] == case.to_string()), "whoever may see it is told");
}
