//! Traces of feeds, sessions and photos: what crosses, to whom, and what late or repeated answers do.

use serde_json::Value;
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::entry::{Change, Entry};
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::limits;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::{entries, feeds, items, photos};
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::session::{Action, Body, Method, OfficeKeys, Outcome, Request, Response};
use xuncheng_core::sync::wire::{Problem, SyncResponse};
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_tests::fixtures;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::{Phone, body_of, in_dongcheng, in_huifeng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

fn answered(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Answered(response) => response,
        Outcome::Unreachable(why) | Outcome::Failed(why) => panic!("nothing fails here: {why}"),
    }
}

fn code(response: &Response) -> String {
    serde_json::from_slice::<Problem>(&response.body).expect("a refusal says why").code
}

/// The next request of a conversation.
fn next(phone: &mut Phone) -> (xuncheng_core::id::Nonce, Request) {
    let Action::Send { id, request } = phone.next_action().unwrap() else { panic!("there is something to send") };
    (id, request)
}

/// One request, its answer, and what the phone makes of it.
fn exchange(phone: &mut Phone) -> Result<(), xuncheng_core::field::FieldError> {
    let (id, request) = next(phone);
    let outcome = phone.carry(&request);
    phone.completed(id, &outcome)
}

/// Carries requests until one goes to uploads, and gives that one.
fn next_upload(phone: &mut Phone) -> (xuncheng_core::id::Nonce, Request) {
    loop {
        let (id, request) = next(phone);
        if request.path.starts_with("/v1/photos/uploads") {
            return (id, request);
        }
        let outcome = phone.carry(&request);
        phone.completed(id, &outcome).unwrap();
    }
}

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

/// `late_response_of_old_epoch`, within one branch: two drivers of one store; whichever answer comes late does nothing.
#[test]
fn late_response_of_two_drivers() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.field_mut().start_sync().unwrap();
    // Both drivers ask, and are told the same action.
    let (first, one) = next(&mut li);
    let (second, other) = next(&mut li);
    assert_eq!(first, second);
    let slow = li.carry(&one);
    let quick = li.carry(&other);
    li.completed(second, &quick).unwrap();
    li.describe(case, "慢的那个还没到").unwrap();
    li.sync().unwrap();
    let through: Option<u64> = meta::get(li.field().store(), key::THROUGH).unwrap();
    let positions = feeds::positions(li.field().store()).unwrap();
    // The slow one reports after all of it: with its answer, and then with a failure.
    li.completed(first, &slow).unwrap();
    li.completed(first, &Outcome::Failed("timed out".to_owned())).unwrap();
    assert_eq!(meta::get::<u64>(li.field().store(), key::THROUGH).unwrap(), through);
    assert_eq!(feeds::positions(li.field().store()).unwrap(), positions);
    assert!(matches!(li.next_action().unwrap(), Action::Done), "and no wait was begun");
    world.check_invariants();
}

/// `late_response_of_old_epoch`, uploads: two drivers send the same piece; one of them is told where the office stands.
#[test]
fn two_drivers_of_one_upload_end_in_equality() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    let case = li.capture_at("matter/09006", in_dongcheng(), vec![picture]);
    li.field_mut().start_sync().unwrap();
    for _ in 0..200 {
        let Action::Send { id, request } = li.next_action().unwrap() else { break };
        let first = li.carry(&request);
        let second = li.carry(&request);
        // The second answer of a piece is an offset conflict; either may be the one that is reported.
        let reported = if world.roll(2) == 0 { first } else { second };
        li.completed(id, &reported).unwrap();
    }
    li.sync_whatever_happens();
    let photo = case.photos[0].sha256;
    assert_eq!(world.office().original(&photo), li.original(&photo));
    world.check_invariants();
}

/// `bare_hash`: whoever names a known hash in an entry of their own reads nothing and gets no receipt for it.
#[test]
fn bare_hash() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut wang = world.enrolled("wang");
    let theirs = li.capture("matter/09006");
    li.sync().unwrap();
    let stolen = photos::own(li.field().store()).unwrap()[0].clone();
    let mine = wang.capture("matter/09006").summary.id;
    wang.sync().unwrap();

    // The entry is judged like any other; the hash alone brings neither bytes nor receipt.
    let named = attach_a_known_hash(&mut wang, mine, &theirs.summary.id, &li);
    wang.sync_as_far_as_it_goes();
    let view = world.office().view(mine).unwrap();
    let key = stolen.sha256.to_string();
    assert!(view.sets["photos"].contains_key(&key), "it is named");
    assert!(!view.sets["originals"].contains_key(&key), "and not there: the case does not close on it");
    let receipt = world.office().read(move |conn| photos::receipt(conn, named, stolen.sha256).unwrap());
    assert!(receipt.is_none());
    // Nor does the entry of its owner open an upload to anybody else: like one that is not there at all.
    wang.capture("matter/09006");
    wang.field_mut().start_sync().unwrap();
    let (_, upload) = next_upload(&mut wang);
    let of = |entry: EntryId| {
        let mut request = Request { body: Body::Empty, ..upload.clone() };
        for (name, value) in &mut request.headers {
            if name == "Upload-Metadata" {
                *value = metadata(entry, &stolen.sha256.to_string());
            }
            if name == "Upload-Length" {
                *value = li.original(&stolen.sha256).unwrap().len().to_string();
            }
        }
        let answer = answered(wang.carry(&request));
        (answer.status, answer.body)
    };
    assert_eq!(of(stolen.entry), of(EntryId::from_bytes([9; 16])));
    // The photo itself is not to be had under any path of the phones' interface.
    for path in ["/v1/photos/originals/", "/v1/photos/", "/photos/"] {
        let request = Request { path: format!("{path}{key}"), body: Body::Empty, ..upload.clone() };
        assert!(answered(wang.carry(&request)).status >= 400);
    }
    world.check_invariants();
}

fn metadata(entry: EntryId, sha256: &str) -> String {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    format!("entry {},sha256 {}", encode(&entry.to_string()), encode(sha256))
}

/// Writes an Attach that names another's photo, into `thief`'s own chain and outbox.
fn attach_a_known_hash(thief: &mut Phone, item: ItemId, theirs: &ItemId, owner: &Phone) -> EntryId {
    let photo = owner
        .field()
        .case(*theirs)
        .unwrap()
        .entries
        .into_iter()
        .find_map(|entry| if let Change::Attach { photo, .. } = entry.change { Some(photo) } else { None })
        .unwrap();
    thief.write(item, CASE, Change::Attach { photo, round: 0 })
}

/// `recorded_request`: a stolen token opens uploads of that phone and nothing else; a recorded request cannot be changed.
#[test]
fn recorded_request() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    let (id, recorded) = next(&mut li);
    let outcome = li.carry(&recorded);
    li.completed(id, &outcome).unwrap();
    let (_, upload) = next_upload(&mut li);
    let token = upload.headers.iter().find(|(name, _)| name == "Authorization").unwrap().clone();
    // The token, with what its thief would like to know.
    let thief = "{\"nonce\":\"00\"}\n{}".as_bytes().to_vec();
    for path in ["/v1/sync", "/v1/photos/previews"] {
        let request = Request {
            path: path.to_owned(),
            headers: vec![token.clone()],
            body: Body::Bytes(zstd::stream::encode_all(&thief[..], 3).unwrap()),
            ..recorded.clone()
        };
        assert!((400..500).contains(&answered(li.carry(&request)).status));
    }
    // The recorded request with one position changed: the signature covers the whole body.
    let body = zstd::stream::decode_all(&body_of(&recorded)[..]).unwrap();
    let text = String::from_utf8(body).unwrap();
    let changed = text.replacen("\"positions\":{", "\"positions\":{\"area/511902003/matter\":0,", 1);
    assert_ne!(text, changed);
    let body = Body::Bytes(zstd::stream::encode_all(changed.as_bytes(), 3).unwrap());
    let answer = answered(li.carry(&Request { body, ..recorded.clone() }));
    assert_eq!((answer.status, code(&answer).as_str()), (401, "bad_signature"));
    // Sent again as it was, it takes nothing twice.
    let entries = world.office().read(|conn| count(conn, "SELECT count(*) FROM entry"));
    answered(li.carry(&recorded));
    assert_eq!(world.office().read(|conn| count(conn, "SELECT count(*) FROM entry")), entries);
    // Once the phone has asked again, whoever sends the recorded one reads nothing by it: no page, no token.
    let heard = |world: &World| world.office().read(|conn| count(conn, "SELECT last_sync_at FROM office_device"));
    li.sync().unwrap();
    world.wait_minutes(60);
    let before = heard(&world);
    let office: OfficeKeys = meta::get(li.field().store(), key::OFFICE).unwrap().unwrap();
    let answer = message::unpack(&answered(li.carry(&recorded)).body, limits::RESPONSE_BYTES).unwrap();
    let answer: SyncResponse = answer.open(Direction::Response, &office.node).unwrap();
    assert!(answer.superseded && answer.token.is_empty() && answer.page.feeds.is_empty());
    assert!(answer.page.entries.is_empty() && answer.page.snapshots.is_empty());
    assert_eq!(heard(&world), before, "nor does the office take it for a sign of life");
    world.check_invariants();
}

fn count(conn: &rusqlite::Connection, sql: &str) -> u64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
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

/// `role_lost_while_uploading`: the record is judged, half of the original sent; the role goes, the photo does not.
#[test]
fn role_lost_while_uploading() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    let case = li.capture_at("matter/09006", in_dongcheng(), vec![picture]);
    let photo = case.photos[0].sha256;
    li.field_mut().start_sync().unwrap();
    for _ in 0..2 {
        let (id, upload) = next_upload(&mut li);
        let outcome = li.carry(&upload);
        li.completed(id, &outcome).unwrap();
    }
    assert!(world.office().original(&photo).is_none(), "half of it");
    world.office().change_people(|people| {
        let posted = "roles = [\"inspector\", \"verifier\"]\norg = \"jiandu\"\nareas = [\"511902001\", \"511902002\"]";
        people.replacen(posted, "roles = [\"auditor\"]\norg = \"jiandu\"", 1)
    });
    li.kill_and_restart();
    li.sync().unwrap();
    assert_eq!(world.office().original(&photo), li.original(&photo), "all of it");
    assert!(li.original(&photo).is_some() && li.holds(case.summary.id), "one's own report stays one's own");
    assert_eq!(li.field().status().unwrap().photos.received, 1);
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
    world.check_invariants();
}

/// A verdict that comes pages ahead of the item it is about retires nothing before the item is there.
#[test]
fn a_withdrawal_that_crosses_a_filing_is_settled_by_the_table() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    // The office has it and files it; the phone does not know that it arrived.
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.sync().unwrap_err();
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    li.withdraw(case).unwrap();
    assert_eq!(li.case(case).summary.state, "withdrawn");
    li.sync_whatever_happens();
    assert_eq!(li.case(case).summary.state, "filed", "the office's word stands");
    let refused = li.field().status().unwrap().refused;
    assert!(matches!(refused[0].verdict, Verdict::Rejected { .. }), "and it says that the withdrawal was refused");
    world.check_invariants();
}

/// An entry that the office cannot take at all holds up no photo of the entries that it has, and is offered again.
#[test]
fn an_entry_that_is_not_taken_holds_up_no_photo() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006");
    let photo = case.photos[0].sha256;
    li.field_mut().start_sync().unwrap();
    exchange(&mut li).unwrap();
    write_what_no_office_reads(&mut li, case.summary.id);
    assert!(world.office().original(&photo).is_none());

    let refused = exchange(&mut li).unwrap_err();
    assert!(refused.to_string().contains("could not read an entry"), "{refused}");
    let mut until = None;
    for _ in 0..20 {
        match li.next_action().unwrap() {
            Action::Send { id, request } => {
                let outcome = li.carry(&request);
                li.completed(id, &outcome).unwrap();
            }
            Action::WaitUntil { monotonic_ms } => {
                until = Some(monotonic_ms);
                break;
            }
            Action::Done => panic!("a phone never stops offering"),
        }
    }
    let until = until.expect("all that could go has gone, and the entry waits");
    assert_eq!(world.office().original(&photo), li.original(&photo));
    let status = li.field().status().unwrap();
    assert_eq!((status.photos.received, status.unsent), (1, 1));
    assert_eq!(status.attention.map(|attention| attention.code).as_deref(), Some("malformed"));
    // It is offered again once the wait is over, and whenever a conversation begins.
    world.network(&li).clear_log();
    world.wait_minutes(until / 60_000 + 1);
    exchange(&mut li).unwrap_err();
    li.sync().unwrap_err();
    assert_eq!(world.network(&li).log().len(), 2);
}

/// Writes an entry whose header is of no form that this office reads, as a much later version might.
fn write_what_no_office_reads(phone: &mut Phone, item: ItemId) {
    phone.comment(item, "以后的版本").unwrap();
    let header = "{\"of\":\"a later form\"}".to_owned();
    let entry = Entry { header, origin: None, sealed: None, body: None, private: None };
    let last = "UPDATE entry SET header = ?1, header_hash = ?2 WHERE seq = (SELECT max(seq) FROM entry)";
    phone.field().store().execute(last, (&entry.header, entry.header_hash())).unwrap();
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

/// An office that asks to be left alone is left alone for that long, by whatever lane; a new network may be tried at once.
#[test]
fn an_office_that_asks_to_be_left_alone_is() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    let (id, _) = next(&mut li);
    let headers = vec![("retry-after".to_owned(), "600".to_owned())];
    let busy = Response { status: 503, headers, body: Vec::new() };
    li.completed(id, &Outcome::Answered(busy)).unwrap_err();
    let Action::WaitUntil { monotonic_ms } = li.next_action().unwrap() else { panic!("it waits") };
    assert!(monotonic_ms >= li.now().monotonic_ms + 600_000, "for as long as it was asked");
    world.wait_minutes(11);
    exchange(&mut li).unwrap();
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().unsent, 0);
    world.check_invariants();
}

/// A photo that the office does not take waits by itself: the others go on, and it goes when the office takes it.
#[test]
fn a_photo_that_is_not_taken_holds_up_no_other() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let first = li.capture("matter/09006").photos[0].sha256;
    let second = li.capture("matter/09006").photos[0].sha256;
    li.field_mut().start_sync().unwrap();
    let problem = Problem { status: 409, code: "not_of_entry".to_owned(), detail: "这张照片不对".to_owned() };
    let refusal = Response { status: 409, headers: Vec::new(), body: serde_json::to_vec(&problem).unwrap() };
    let mut refused = 0;
    for _ in 0..200 {
        match li.next_action().unwrap() {
            Action::Send { id, request } if is_of(&request, &first) => {
                refused += 1;
                li.completed(id, &Outcome::Answered(refusal.clone())).unwrap_err();
            }
            Action::Send { id, request } => {
                let outcome = li.carry(&request);
                li.completed(id, &outcome).unwrap();
            }
            Action::WaitUntil { monotonic_ms } if world.office().original(&second).is_none() || refused < 4 => {
                world.wait_ms(monotonic_ms - li.now().monotonic_ms);
            }
            Action::WaitUntil { .. } => break,
            Action::Done => panic!("the first photo is still owed"),
        }
    }
    assert!(world.office().original(&second).is_some() && world.office().original(&first).is_none());
    let attention = li.field().status().unwrap().attention.expect("a person is told");
    assert_eq!((attention.code.as_str(), refused), ("not_of_entry", 4));
    li.sync().unwrap();
    assert_eq!(world.office().original(&first), li.original(&first));
    assert_eq!(li.field().status().unwrap().attention, None);
    world.check_invariants();
}

/// Whether a request sends `photo`, or makes an upload for it.
fn is_of(request: &Request, photo: &PhotoHash) -> bool {
    matches!(&request.body, Body::File { path, .. } if path.to_string_lossy().contains(&photo.to_string()))
}

/// Thumbnails that the office leaves out of its answer are sent again later, and nothing waits for them.
#[test]
fn a_thumbnail_that_is_left_out_holds_up_nothing() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    exchange(&mut li).unwrap();
    let (id, request) = next(&mut li);
    assert!(request.path.ends_with("/previews"), "{}", request.path);
    // The office cannot read the entry for a while: it neither takes nor refuses.
    let ledger = rusqlite::Connection::open(world.office().folder().join("ledger.sqlite")).unwrap();
    let shows = "SELECT body FROM entry WHERE change = 'attach'";
    let body: String = ledger.query_row(shows, [], |row| row.get(0)).unwrap();
    let put = |body: &str| ledger.execute("UPDATE entry SET body = ?1 WHERE change = 'attach'", [body]).unwrap();
    put("");
    let outcome = li.carry(&request);
    put(&body);
    li.completed(id, &outcome).unwrap();
    let Action::WaitUntil { monotonic_ms } = li.next_action().unwrap() else { panic!("it is set aside") };
    world.wait_ms(monotonic_ms - li.now().monotonic_ms);
    li.sync_whatever_happens();
    assert_eq!(world.office().original(&case.photos[0].sha256), li.original(&case.photos[0].sha256));
    world.check_invariants();
}

/// An original that is gone from a phone is said for as long as the office has not got it, not until the next answer.
#[test]
fn a_lost_original_is_said_until_the_office_has_it() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let lost = li.capture("matter/09006").photos[0].sha256;
    let kept = li.capture("matter/09006").photos[0].sha256;
    std::fs::remove_file(li.field().photos().original(&lost)).unwrap();
    for _ in 0..2 {
        li.sync().unwrap();
        let attention = li.field().status().unwrap().attention.expect("a person is told");
        assert_eq!(attention.code, "original_lost");
        assert!(attention.detail.contains(&lost.to_string()), "{}", attention.detail);
    }
    assert!(world.office().original(&kept).is_some());
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
    late.sync().unwrap();
    for case in &cases {
        assert_eq!(late.case(*case).view.field("later/6/28"), Some(&text));
    }
    let pages = world.network(&late).log().iter().filter(|sent| sent.path == "/v1/sync").count();
    assert!(pages > 2, "{pages} pages for 2 MB of cases");
    world.check_invariants();
}

/// An upload that another request writes to is left alone for a while: it is not asked about and sent without end.
#[test]
fn an_upload_that_is_locked_waits() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    let photo = li.capture_at("matter/09006", in_dongcheng(), vec![picture]).photos[0].sha256;
    li.field_mut().start_sync().unwrap();
    let (id, create) = next_upload(&mut li);
    let outcome = li.carry(&create);
    li.completed(id, &outcome).unwrap();
    let problem = Problem { status: 423, code: "locked".to_owned(), detail: "someone writes".to_owned() };
    for _ in 0..3 {
        let (id, _) = next_upload_piece(&world, &mut li);
        let locked = Response { status: 423, headers: Vec::new(), body: serde_json::to_vec(&problem).unwrap() };
        li.completed(id, &Outcome::Answered(locked)).unwrap_err();
        assert!(matches!(li.next_action().unwrap(), Action::WaitUntil { .. }), "not without end");
    }
    li.sync_whatever_happens();
    assert_eq!(world.office().original(&photo), li.original(&photo));
    assert_eq!(li.field().status().unwrap().bytes_sent_again, 0, "the office read nothing of what it refused");
}

/// Waits and carries whatever comes before the next piece of an upload, and gives that piece.
fn next_upload_piece(world: &World, phone: &mut Phone) -> (xuncheng_core::id::Nonce, Request) {
    for _ in 0..20 {
        match phone.next_action().unwrap() {
            Action::Send { id, request } if request.method == Method::Patch => return (id, request),
            Action::Send { id, request } => {
                let outcome = phone.carry(&request);
                phone.completed(id, &outcome).unwrap();
            }
            Action::WaitUntil { monotonic_ms } => world.wait_ms(monotonic_ms - phone.now().monotonic_ms),
            Action::Done => break,
        }
    }
    panic!("there is no piece to send");
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
    assert_eq!(log.iter().filter(|sent| sent.path == "/v1/sync").count(), 1, "one page has it all");
    assert_eq!(li.case(cases[0]).summary.description, (limits::PAGE_ROWS + 19).to_string());
    assert!(li.case(cases[0]).entries.is_empty() && !li.holds(cases[1]), "its snapshot says all of it");
    // From there on it follows.
    world.office().edit("zhang", cases[2], &[("description", Value::from("后来"))]).unwrap();
    let mut li = li;
    li.sync().unwrap();
    assert_eq!(li.case(cases[2]).summary.description, "后来");
    world.check_invariants();
}
