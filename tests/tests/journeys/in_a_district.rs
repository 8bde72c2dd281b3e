//! One office and its phones in this process.

use xuncheng_core::field::FieldError;
use xuncheng_core::id::Hash;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::limits;
use xuncheng_core::photo::Fingerprint;
use xuncheng_core::store::list::Query;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::photos::{self, PhotoStage};
use xuncheng_core::sync::message;
use xuncheng_core::sync::session::{Action, Outcome, SyncError};
use xuncheng_core::work::case::CaseStep;
use xuncheng_office::backup::backup;
use xuncheng_tests::fixtures;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

#[test]
fn a_case_from_capture_to_closing() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.phone("li");

    // Captured before the phone has ever met an office: in the list at once, under a name of its own.
    let pictures = vec![li.new_picture(), li.new_picture()];
    let case = li.capture_at("污水井盖", in_dongcheng(), pictures);
    let item = case.summary.id;
    assert!(case.summary.label.starts_with("新-") && case.summary.pending && !case.summary.sent);
    assert_eq!(li.field().cases(&Query::default(), None, 20).unwrap().cases, std::slice::from_ref(&case.summary));
    assert!(case.photos.iter().all(|photo| photo.stage == Some(PhotoStage::Saved)));

    li.enrol(&office.code("li")).unwrap();
    li.sync().unwrap();
    let sent = li.case(item);
    assert!(sent.summary.numbered && sent.summary.label.starts_with("BZ20260721-"), "{}", sent.summary.label);
    assert!(!sent.summary.pending && sent.photos.iter().all(|photo| photo.stage == Some(PhotoStage::Received)));

    office.file_and_dispatch(item, "shizheng");
    let mut chen = world.enrolled("chen");
    let seen = chen.case(item);
    assert_eq!(
        (seen.summary.state.as_str(), seen.steps.as_slice()),
        ("dispatched", ["accept", "return"].map(str::to_owned).as_slice())
    );
    chen.step(item, CaseStep::Accept, &[]).unwrap();
    let handled = chen.step(item, CaseStep::Handle, &[]).unwrap();
    assert_eq!((handled.summary.state.as_str(), handled.photos.len()), ("handled", 3));
    chen.sync().unwrap();

    let mut sun = world.enrolled("sun");
    sun.step(item, CaseStep::Check, &[]).unwrap();
    sun.sync().unwrap();
    office.step("zhang", item, CaseStep::Close, &[]).unwrap();
    for phone in [&mut li, &mut chen, &mut sun] {
        phone.sync().unwrap();
    }
    assert_eq!(li.case(item).summary.state, "closed", "its reporter sees how it ended");
    assert!(!chen.holds(item) && !sun.holds(item), "everybody else is done with it");
    let taken: Vec<String> = office.view(item).unwrap().sets["steps"]
        .values()
        .map(|step| step.value["step"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(taken, ["file", "dispatch", "accept", "handle", "check", "close"]);
    world.check_invariants();
}

#[test]
fn a_returned_case_goes_back_to_the_dispatcher_with_its_reason() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut chen = world.enrolled("chen");
    let item = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    world.office().file_and_dispatch(item, "shizheng");
    chen.sync().unwrap();
    let without = chen.step(item, CaseStep::Return, &[]).unwrap_err();
    assert!(matches!(without, FieldError::NotNow { .. }), "a reason is needed: {without}");
    chen.step(item, CaseStep::Return, &[("reason", "产权属自来水公司")]).unwrap();
    chen.sync().unwrap();
    let view = world.office().view(item).unwrap();
    assert_eq!((view.state.as_str(), view.text("responsible_org")), ("filed", None));
    let last = view.sets["steps"].values().last().unwrap();
    assert_eq!(last.value["args"]["reason"], "产权属自来水公司");
    assert!(!chen.holds(item));
    world.office().step("zhao", item, CaseStep::Dispatch, &[("responsible_org", "chengguan")]).unwrap();
    let zhou = world.enrolled("zhou");
    assert!(zhou.holds(item));
    world.check_invariants();
}

#[test]
fn a_case_does_not_close_while_an_original_is_on_a_phone_unless_it_is_waived_by_name() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let (mut chen, mut sun) = (world.enrolled("chen"), world.enrolled("sun"));
    let item = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    world.office().file_and_dispatch(item, "shizheng");
    chen.sync().unwrap();
    chen.step(item, CaseStep::Accept, &[]).unwrap();
    chen.step(item, CaseStep::Handle, &[]).unwrap();
    // The record goes, its photo does not.
    world.network(&chen).next(&[Fault::Twice, Fault::LoseRequest]);
    chen.sync().unwrap_err();
    sun.sync().unwrap();
    sun.step(item, CaseStep::Check, &[]).unwrap();
    sun.sync().unwrap();
    let early = world.office().step("zhang", item, CaseStep::Close, &[]).unwrap_err().to_string();
    assert!(early.contains("OriginalMissing"), "{early}");
    chen.sync_whatever_happens();
    world.office().step("zhang", item, CaseStep::Close, &[]).unwrap();
    world.check_invariants();
}

#[test]
fn an_iphones_photo_is_seen_at_the_desk_though_the_office_cannot_draw_it() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let heic = li.capture_in_heic("污水井盖", &fixtures::jpeg(2000, 1500, 5));
    let photo = heic.photos[0].sha256;
    li.capture("污水井盖");
    let view = std::fs::read(li.field().photos().view(&photo)).unwrap();
    let name = Fingerprint::of(&view).sha256;
    let kept = office.folder().join("photos").join(&name.to_string()[..2]).join(format!("{name}.sent.jpg"));

    // Entries, both thumbnails, the view: then the link is gone, before anybody heard that the view has come.
    let faults = [Fault::Twice, Fault::Twice, Fault::LoseAnswer];
    world.network(&li).next(&faults);
    li.sync().unwrap_err();
    assert_eq!(std::fs::read(&kept).unwrap(), view, "long before the original");
    assert_eq!(image::load_from_memory(&view).unwrap().width(), 1600);
    assert!(office.original(&photo).is_none());
    let sent_with = |item| move |conn: &rusqlite::Connection| photos::of_item(conn, item).unwrap()[0].view_sent;
    assert_eq!(office.read(sent_with(heic.summary.id)), Some(name));

    // It comes once more, and no third time; the office draws nothing from the HEIC, now or after a restart.
    li.sync_whatever_happens();
    office.stop();
    office.start();
    li.sync().unwrap();
    let paths: Vec<String> = world.network(&li).log().into_iter().map(|sent| sent.request.path).collect();
    let previews = paths.iter().filter(|path| path.ends_with("/previews")).count();
    let last = paths.iter().rposition(|path| path.ends_with("/previews")).unwrap();
    let first_original = paths.iter().position(|path| path.ends_with("/uploads")).unwrap();
    assert!(previews == 3 && last < first_original, "{paths:?}");
    assert_eq!(office.original(&photo), li.original(&photo));
    let left = |conn: &rusqlite::Connection| {
        let count =
            |table| conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, u64>(0)).unwrap();
        ["office_drawing", "office_flag"].map(count)
    };
    assert_eq!(office.read(left), [0, 0]);
    world.check_invariants();
}

#[test]
fn a_photo_survives_a_dead_battery_in_the_middle_of_its_upload() {
    let world = World::new(seed!());
    let piece: usize = 64 * 1024;
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(1_000_000, 7));
    let case = li.capture_at("污水井盖", in_dongcheng(), vec![picture]);
    let photo = case.photos[0].sha256;

    // Entries, thumbnail, then pieces; the battery dies while the sixth is on the way, at any byte of it.
    let cut_at = usize::try_from(world.roll(piece as u64)).unwrap();
    let mut plan = vec![None; 7];
    plan.push(Some(Fault::CutRequest(cut_at)));
    li.field_mut().start_sync().unwrap();
    for fault in plan {
        let Action::Send { id, request } = li.next_action().unwrap() else { panic!("there is something to send") };
        if let Some(fault) = fault {
            world.network(&li).next(&[fault]);
            let _ = li.carry(&request);
        } else {
            let outcome = li.carry(&request);
            li.completed(id, &outcome).unwrap();
        }
    }
    assert!(world.office().original(&photo).is_none());
    li.reboot();
    li.sync().unwrap();

    assert_eq!(world.office().original(&photo), li.original(&photo));
    let again = li.photo_bytes_sent() - li.original(&photo).unwrap().len();
    assert!(again <= piece, "{again} bytes were sent twice");
    let status = li.field().status().unwrap();
    assert!(status.bytes_sent_again <= piece as u64, "{status:?}");
    assert_eq!(case.photos.len(), 1);
    world.check_invariants();
}

#[test]
fn a_wrong_a_used_a_revoked_and_an_old_code_are_told_apart() {
    let world = World::new(seed!());
    let office = world.office();
    let refused = |phone: &mut Phone, code| {
        let error = phone.enrol(&code).unwrap_err();
        let FieldError::Sync(SyncError::Refused { code, detail, .. }) = error else { panic!("{error}") };
        assert!(!detail.is_empty());
        code
    };
    let mut li = world.phone("li");
    let case = li.capture("matter/09006").summary.id;
    let mut wrong = office.code("li");
    wrong.secret = "0000-0000-0000-0000".to_owned();
    assert_eq!(refused(&mut li, wrong), "wrong_code");
    let old = office.code("li");
    world.wait_minutes(60 * 25);
    assert_eq!(refused(&mut li, old), "expired_code");
    let revoked = office.code("li");
    office.revoke_newest_code();
    assert_eq!(refused(&mut li, revoked), "revoked_code");
    let mut other_office = office.code("li");
    other_office.root = xuncheng_core::id::Hash::of("test", &[b"another office"]);
    assert!(matches!(li.enrol(&other_office), Err(FieldError::OtherOffice)));
    assert!(li.field().office().unwrap().is_none());

    let code = office.code("li");
    // The answer is lost; the same phone may ask again with the same code, another may not.
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.enrol(&code).unwrap_err();
    li.enrol(&code).unwrap();
    let mut second = world.phone("li");
    assert_eq!(refused(&mut second, code), "used_code");
    li.sync().unwrap();
    assert!(office.view(case).is_some(), "what was captured before is sent");
    world.check_invariants();
}

#[test]
fn a_case_that_was_withdrawn_before_it_was_sent_is_corrected_and_taken_back_where_it_was_made() {
    let world = World::new(seed!());
    let mut li = world.phone("li");
    let item = li.capture("matter/09006").summary.id;
    li.describe(item, "写错了，再写").unwrap();
    let gone = li.withdraw(item).unwrap();
    assert_eq!(gone.summary.state, "withdrawn");
    let again = li.withdraw(item).unwrap();
    assert_eq!(again.entries.len(), gone.entries.len() + 1, "said twice, and the second changes nothing");
    li.enrol(&world.office().code("li")).unwrap();
    li.sync().unwrap();
    let view = world.office().view(item).unwrap();
    assert_eq!((view.state.as_str(), view.text("description")), ("withdrawn", Some("写错了，再写")));
    assert!(!world.enrolled("wang").holds(item), "nobody else is bothered with it");
    world.check_invariants();
}

#[test]
fn a_case_that_was_sent_is_taken_back_until_the_office_files_it() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut wang = world.enrolled("wang");
    let [taken_back, filed] = [0, 1].map(|_| li.capture("matter/09006").summary.id);
    li.sync().unwrap();
    wang.sync().unwrap();
    assert_eq!(li.case(taken_back).steps, ["withdraw"], "it is offered");
    li.withdraw(taken_back).unwrap();
    let by_another = wang.withdraw(taken_back).unwrap_err();
    assert!(matches!(by_another, FieldError::NotNow { code: Code::NotAllowed, .. }), "{by_another:?}");
    world.office().step("zhang", filed, CaseStep::File, &[]).unwrap();
    li.sync().unwrap();
    assert_eq!(world.office().view(taken_back).unwrap().state, "withdrawn", "the office judged it");
    let number = li.case(filed).summary.label;
    assert!(li.case(filed).summary.numbered && li.case(filed).steps.is_empty());
    let refused = li.withdraw(filed).unwrap_err();
    let FieldError::NotNow { label, step, code } = refused else { panic!("{refused:?}") };
    assert_eq!((label, step.as_str(), code), (number, "withdraw", Code::NotFromHere));
    world.check_invariants();
}

#[test]
fn an_office_that_answers_413_is_sent_smaller_batches_and_gets_everything() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    for n in 0..40 {
        li.comment(item, &n.to_string()).unwrap();
    }
    world.network(&li).next(&[Fault::Status(413); 3]);
    let failures = li.sync_whatever_happens();
    assert_eq!(failures, 3);
    assert_eq!(world.office().view(item).unwrap().sets["comments"].len(), 40);
    world.check_invariants();
}

/// Invariant 5: safe is said by name, after a verified backup holds the bytes; until then, and after, the phone keeps them.
#[test]
fn an_original_is_safe_only_after_a_verified_backup_holds_it() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let place = tempfile::TempDir::new().unwrap();
    let stages = |li: &Phone, item| li.case(item).photos.iter().map(|photo| photo.stage.unwrap()).collect::<Vec<_>>();
    let first = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    assert_eq!(stages(&li, first), [PhotoStage::Received]);

    backup(&world.office().folder(), place.path()).unwrap();
    // Captured and received after the backup began: not in it.
    let second = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    assert_eq!((stages(&li, first), stages(&li, second)), (vec![PhotoStage::Safe], vec![PhotoStage::Received]));
    assert_eq!(li.field().status().unwrap().office_has_backups, Some(true));

    // An original that is damaged at the office becomes safe by no backup.
    let lost = li.case(second).photos[0].sha256;
    let at_office = world.office().folder().join("photos");
    std::fs::write(xuncheng_core::photo::PhotoFolder::open(&at_office).unwrap().original(&lost), b"rotten").unwrap();
    let report = backup(&world.office().folder(), place.path()).unwrap();
    assert_eq!(report.missing, [lost]);
    li.sync().unwrap();
    assert_eq!(stages(&li, second), [PhotoStage::Received]);
    for item in [first, second] {
        let photo = li.case(item).photos[0].sha256;
        assert!(li.original(&photo).is_some(), "this version deletes nothing");
    }
}

/// Whatever is too large on the way is sent in smaller requests: thumbnails and pieces of originals, too.
#[test]
fn thumbnails_and_pieces_that_are_too_large_on_the_way_go_in_smaller_requests() {
    let world = World::new(seed!());
    world.office().set_piece_bytes(256 * 1024);
    let mut li = world.enrolled("li");
    let pictures = (0..3).map(|n| li.picture(&fixtures::jpeg_of_at_least(300_000, n))).collect();
    let item = li.capture_at("matter/09006", in_dongcheng(), pictures).summary.id;
    let link = world.network(&li);
    link.clear_log();
    link.most_bytes(Some(40 * 1024));
    li.sync_whatever_happens();
    assert!(li.case(item).photos.iter().all(|photo| photo.stage == Some(PhotoStage::Received)));
    let log = link.log();
    let refused =
        |path: &str| log.iter().any(|sent| sent.request.path.starts_with(path) && sent.sent.len() > 40 * 1024);
    assert!(refused("/v1/photos/uploads"), "a piece was too large at first");
    world.check_invariants();
}

/// What never left the phone was not sent again.
#[test]
fn an_office_that_cannot_be_reached_costs_no_bytes() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(300_000, 1));
    li.capture_at("matter/09006", in_dongcheng(), vec![picture]);
    // Each request finds no network once, then goes through.
    let mut lost = false;
    li.field_mut().start_sync().unwrap();
    for _ in 0..200 {
        match li.next_action().unwrap() {
            Action::Done => break,
            Action::WaitUntil { monotonic_ms } => world.wait_ms(monotonic_ms - li.now().monotonic_ms),
            Action::Send { id, request } => {
                lost = !lost;
                let no_network = || Outcome::Unreachable("no network".to_owned());
                let outcome = if lost { no_network() } else { li.carry(&request) };
                assert_eq!(li.completed(id, &outcome).is_err(), lost);
            }
        }
    }
    let status = li.field().status().unwrap();
    assert_eq!((status.photos.received, status.bytes_sent_again), (1, 0));
}

/// A district pack that is given to the office reaches every phone with its next exchange, and stands in the ledger.
#[test]
fn a_district_pack_given_to_the_office_reaches_the_phones_and_stays() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.sync().unwrap();
    assert_eq!(li.field().pack().version(), "bazhou@2026.1");
    let folder = tempfile::TempDir::new().unwrap();
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/packs/bazhou");
    for file in std::fs::read_dir(own).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let text = text.replace("version = \"2026.1\"", "version = \"2026.2\"").replace("污水井盖", "污水检查井盖");
        std::fs::write(folder.path().join(file.file_name()), text).unwrap();
    }
    // An earlier one was of a kind that this version could not read.
    let mut conn = xuncheng_core::store::open(&li.folder().join("xuncheng.sqlite")).unwrap();
    let tx = conn.transaction().unwrap();
    meta::set(&tx, key::PACK_UNREAD, &(env!("CARGO_PKG_VERSION"), Hash::of("pack", &[b"of a later version"]))).unwrap();
    tx.commit().unwrap();
    world.office().give_pack(folder.path());
    li.sync().unwrap();
    assert_eq!(li.field().pack().version(), "bazhou@2026.2");
    assert!(
        meta::get::<(String, Hash)>(li.field().store(), key::PACK_UNREAD).unwrap().is_none(),
        "or it comes each time"
    );
    drop(folder);
    world.office().stop();
    world.office().start();
    li.kill_and_restart();
    li.sync().unwrap();
    assert_eq!(li.field().pack().version(), "bazhou@2026.2");
    let item = li.capture("污水检查井盖").summary.id;
    li.sync().unwrap();
    assert_eq!(world.office().view(item).unwrap().text("category_name"), Some("污水检查井盖"));
    world.check_invariants();
}

/// Whoever joins an area late is not told which cases had left it before.
#[test]
fn what_left_before_a_phone_came_is_not_told() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let gone = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    world.office().step("zhang", gone, CaseStep::Decline, &[("reason", "不属实")]).unwrap();
    let here = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let mut wang = world.phone("wang");
    wang.enrol(&world.office().code("wang")).unwrap();
    let link = world.network(&wang);
    link.clear_log();
    wang.sync().unwrap();
    assert!(wang.holds(here) && !wang.holds(gone));
    let answers =
        link.log().into_iter().filter(|sent| sent.request.path == "/v1/sync").map(|sent| match sent.outcome {
            Outcome::Answered(response) => message::unpack(&response.body, limits::RESPONSE_BYTES)
                .and_then(|message| message.read_unverified::<serde_json::Value>())
                .unwrap()
                .to_string(),
            Outcome::Unreachable(why) | Outcome::Failed(why) | Outcome::Unreadable(why) => {
                panic!("nothing fails here: {why}")
            }
        });
    let told: String = answers.collect();
    assert!(told.contains(&here.to_string()) && !told.contains(&gone.to_string()));
}

/// Of several cases in one minute the last one stands first, and paging names each once.
#[test]
fn the_case_just_captured_stands_first() {
    let world = World::new(seed!());
    let mut li = world.phone("li");
    let mut captured: Vec<_> = (0..7).map(|_| li.capture("matter/09006").summary.id).collect();
    captured.reverse();
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = li.field().cases(&Query::default(), after.as_ref(), 3).unwrap();
        listed.extend(page.cases.iter().map(|case| case.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, captured);
}

/// A capture is never refused for a picture that is given twice: it is kept once.
#[test]
fn a_picture_that_is_given_twice_is_kept_once() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.new_picture();
    let case = li.capture_at("matter/09006", in_dongcheng(), vec![picture.clone(), picture]);
    assert_eq!(case.photos.len(), 1);
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().photos.received, 1);
    world.check_invariants();
}

/// Behind a capture that the office holds, a phone offers nothing that would be held with it.
#[test]
fn a_held_capture_offers_no_steps() {
    let world = World::new(seed!());
    let mut chen = world.enrolled("chen");
    let case = chen.capture("matter/09006").summary.id;
    chen.sync().unwrap();
    let held = chen.case(case);
    assert!(matches!(held.entries[0].verdict, Some(Verdict::Held { .. })), "{:?}", held.entries);
    assert_eq!((held.steps, held.may_edit), (Vec::new(), false));
}
