//! Invariant 7: every bound is in `limits.rs`; input beyond it gets a clear error, never a crash.

use serde_json::{Value, json};
use xuncheng_core::clock::Seed;
use xuncheng_core::crypto::{Signed, SoftwareKey};
use xuncheng_core::field::FieldError;
use xuncheng_core::id::{EntryId, IncarnationId, Nonce, PersonId, PhotoHash};
use xuncheng_core::journal::entry::{Change, Entry};
use xuncheng_core::journal::ledger::{LedgerError, Taken};
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::limits;
use xuncheng_core::store::list::Query;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::outbox;
use xuncheng_core::sync::session::{Action, Body, Method, OfficeKeys, Outcome, Request, Response};
use xuncheng_core::sync::wire::{
    EnrolRequest, PROTOCOL, Preview, PreviewsRequest, Problem, Refusal, Rendition, SyncRequest,
};
use xuncheng_tests::ledger::{Ledger, Pen};
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// The key of a phone, out of its folder.
pub(crate) fn key_of(phone: &Phone) -> SoftwareKey {
    SoftwareKey::load(&phone.folder().join("device.key")).unwrap()
}

/// A request to the office, as bytes.
pub(crate) fn post(path: &str, body: Vec<u8>) -> Request {
    Request { method: Method::Post, path: path.to_owned(), headers: Vec::new(), body: Body::Bytes(body) }
}

pub(crate) fn answered(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Answered(response) => response,
        Outcome::Unreachable(why) | Outcome::Failed(why) | Outcome::Unreadable(why) => {
            panic!("nothing fails here: {why}")
        }
    }
}

/// A sync request that sends nothing, changed by `change`, signed by the phone's own key.
pub(crate) fn ask(phone: &Phone, change: impl FnOnce(&mut SyncRequest)) -> Response {
    let key = key_of(phone);
    let conn = phone.field().store();
    let through = outbox::through(conn).unwrap();
    let batch = outbox::batch(conn, phone.incarnation(), through, 500, &phone.now()).unwrap();
    let office: OfficeKeys = meta::get(conn, key::OFFICE).unwrap().unwrap();
    let mut request = SyncRequest {
        protocol: PROTOCOL,
        protocol_oldest: None,
        nonce: Nonce::from_bytes([5; 16]),
        incarnation: phone.incarnation(),
        number: meta::get(conn, key::REQUEST_NUMBER).unwrap().unwrap_or(0),
        epoch: office.epoch.id,
        countersigned: None,
        positions: xuncheng_core::store::feeds::positions(conn).unwrap(),
        seal: Signed::new(&batch.seal, &key).unwrap(),
        entries: batch.entries,
        erasures: Vec::new(),
        want: Vec::new(),
        pack: None,
        written: None,
        token: None,
        succeeds: None,
        backup: None,
        history: std::collections::BTreeMap::new(),
        page_bytes: None,
        certificate_wanted: false,
        before: Vec::new(),
        holds: None,
        recovery: None,
    };
    change(&mut request);
    let body = message::pack(Direction::Request, &request, &key).unwrap();
    answered(phone.carry(&post("/v1/sync", body)))
}

fn problem(response: &Response) -> Problem {
    serde_json::from_slice(&response.body).expect("a refusal says what is wrong in JSON")
}

/// Invariant 7: a capture beyond a bound is an error that names the bound, and keeps nothing.
#[test]
fn a_capture_beyond_a_bound_is_refused_whole() {
    let world = World::new(seed!());
    let mut li = world.phone("li");
    let photos = |li: &mut Phone, count: usize| (0..count).map(|_| li.new_picture()).collect::<Vec<_>>();
    for count in [0, limits::PHOTOS_PER_CAPTURE + 1] {
        let pictures = photos(&mut li, count);
        let error = li.try_capture("matter/09006", Some(in_dongcheng()), pictures).unwrap_err();
        assert!(matches!(error, FieldError::PhotoCount { given, most: 12 } if given == count), "{error}");
    }
    let pictures = photos(&mut li, limits::PHOTOS_PER_CAPTURE);
    let case = li.try_capture("matter/09006", Some(in_dongcheng()), pictures).unwrap();
    assert_eq!(case.photos.len(), limits::PHOTOS_PER_CAPTURE);

    let long = "字".repeat(limits::TEXT_CHARS + 1);
    let item = case.summary.id;
    for error in [li.describe(item, &long).unwrap_err(), li.comment(item, &long).unwrap_err()] {
        assert!(matches!(error, FieldError::TextTooLong { chars: 2001, most: 2000, .. }), "{error}");
    }
    let entries = li.field().status().unwrap().entries;
    assert_eq!(entries, 13, "one Open, twelve photos");
    li.describe(item, &"字".repeat(limits::TEXT_CHARS)).unwrap();
    assert_eq!(li.field().cases(&Query::default(), None, 20).unwrap().cases.len(), 1);
    li.enrol(&world.office().code("li")).unwrap();
    li.sync().unwrap();
    world.check_invariants();
}

/// Invariant 7: lists and searches.
#[test]
fn a_list_is_never_longer_and_a_search_never_larger_than_its_bound() {
    let world = World::new(seed!());
    let mut li = world.phone("li");
    let pictures = vec![li.new_picture()];
    li.capture_at("matter/09006", in_dongcheng(), pictures);
    for limit in [0, 1, usize::MAX] {
        assert_eq!(li.field().cases(&Query::default(), None, limit).unwrap().cases.len(), 1);
    }
    for text in ["占".repeat(100_000), "\"*() OR NEAR".repeat(1000), "\0".to_owned(), "-- ' \" ;".to_owned()] {
        let query = Query { text: Some(text), ..Query::default() };
        li.field().cases(&query, None, 20).unwrap();
    }
}

/// Invariant 7: an entry over 64 KiB is neither written nor taken; one with too much in it is held.
#[test]
fn an_entry_beyond_its_bounds_is_not_written_not_taken_or_held() {
    let mut ledger = Ledger::new();
    let mut pen = Pen::of("li", "first");
    let open = |fields: Value| Change::Open { fields: serde_json::from_value(fields).unwrap() };
    let sound = json!({ "category": "matter/09006", "occurred_at": 0 });
    let text = "字".repeat(limits::TEXT_CHARS + 1);
    for fields in [
        json!({ "category": "matter/09006", "occurred_at": 0, "description": text }),
        json!({ "category": "matter/09006" }),
        (0..=limits::FIELDS).map(|n| (format!("f{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into(),
    ] {
        let (_, entry) = pen.write(None, open(fields), None);
        let Taken::Judged(judgement) = ledger.take(&pen.sender(), &entry).unwrap() else { panic!("taken once") };
        assert_eq!(judgement.verdict, Verdict::Held { reason: Code::Malformed, behind: None });
    }
    let (_, mut entry) = pen.write(None, open(sound), None);
    entry.private = entry.private.map(|text| text + &" ".repeat(limits::ENTRY_BYTES));
    let refused = ledger.take(&pen.sender(), &entry).unwrap_err();
    assert!(matches!(refused, LedgerError::Refused(Refusal::Malformed)), "{refused}");
    let many = (0..20).map(|n| (format!("f{n}"), json!("字".repeat(2000)))).collect::<serde_json::Map<_, _>>();
    let error = pen.try_write(None, open(many.into()), None).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("an entry of ") && text.ends_with(" bytes is over the limit of 65536"), "{text}");
}

/// Invariant 7: a thousand entries go in batches, none beyond the wire's bounds.
#[test]
fn a_long_day_goes_in_batches_within_the_wires_bounds() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let cases: Vec<_> = (0..12).map(|_| li.capture("matter/09006").summary.id).collect();
    for number in 0..600 {
        li.comment(cases[number % 12], &format!("{number} {}", "巡查日志".repeat(40))).unwrap();
    }
    world.network(&li).clear_log();
    li.sync().unwrap();
    let mut entries = 0;
    for sent in world.network(&li).log().iter().filter(|sent| sent.request.path == "/v1/sync") {
        assert!(sent.sent.len() <= 256 * 1024, "{} bytes", sent.sent.len());
        let message = message::unpack(&sent.sent, limits::REQUEST_BYTES).unwrap();
        let request: SyncRequest = message.read_unverified().unwrap();
        assert!(request.entries.len() <= limits::BATCH_ENTRIES);
        entries += request.entries.len();
    }
    assert_eq!(entries, 624);
    for case in cases {
        assert_eq!(world.office().view(case).unwrap().sets["comments"].len(), 50);
    }
    world.check_invariants();
}

/// Invariant 7: what the office is sent beyond its bounds, or out of any form, gets a problem and changes nothing.
#[test]
fn the_office_answers_every_monstrous_request_with_a_problem() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let bomb = zstd::stream::encode_all(&vec![b'0'; 200 * 1024 * 1024][..], 19).unwrap();
    assert!(bomb.len() < 64 * 1024);
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("a body over the limit", vec![b'x'; limits::REQUEST_BYTES + 1]),
        ("a bomb", bomb),
        ("nothing", Vec::new()),
        ("no message", b"<html>".to_vec()),
        ("half a message", message::pack(Direction::Request, &json!({}), &key_of(&li)).unwrap()[..40].to_vec()),
        ("no request", message::pack(Direction::Request, &json!({ "a": [1, 2] }), &key_of(&li)).unwrap()),
        ("deep", zstd::stream::encode_all(format!("{{}}\n{}", "[".repeat(100_000)).as_bytes(), 3).unwrap()),
    ];
    for (what, body) in bodies {
        for path in ["/v1/sync", "/v1/enrolment", "/v1/photos/previews"] {
            let answer = answered(li.carry(&post(path, body.clone())));
            assert!((400..500).contains(&answer.status), "{what} at {path}: {}", answer.status);
            let said = problem(&answer);
            assert!(said.status == answer.status && !said.detail.is_empty(), "{what} at {path}: {said:?}");
        }
    }
    let preview = |n: u8| Preview {
        entry: EntryId::from_bytes([n; 16]),
        sha256: PhotoHash::from_bytes([n; 32]),
        jpeg: "AAAA".to_owned(),
    };
    let previews = (0..=12).map(preview).collect();
    let (nonce, rendition) = (Nonce::from_bytes([1; 16]), Rendition::Thumbnail);
    let many = PreviewsRequest { nonce, incarnation: li.incarnation(), rendition, previews };
    let body = message::pack(Direction::Request, &many, &key_of(&li)).unwrap();
    assert_eq!(problem(&answered(li.carry(&post("/v1/photos/previews", body)))).code, "too_large");
    for name in [String::new(), "名".repeat(101), "a\nb".to_owned()] {
        let key = SoftwareKey::generate(&mut Seed::from_bytes([3; 32]).entropy());
        let enrol = EnrolRequest {
            protocol: PROTOCOL,
            nonce: Nonce::from_bytes([2; 16]),
            secret: world.office().code("li").secret,
            person: PersonId::new("li").unwrap(),
            incarnation: IncarnationId::from_bytes([8; 16]),
            key: key.public_key(),
            device: name,
        };
        let body = message::pack(Direction::Request, &enrol, &key).unwrap();
        assert_eq!(problem(&answered(li.carry(&post("/v1/enrolment", body)))).code, "malformed");
    }
    li.capture("matter/09006");
    li.sync().unwrap();
    world.check_invariants();
}

/// Invariant 7: more entries than one request may carry.
#[test]
fn a_request_of_501_entries_is_too_large() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    let entry = li.field().store().query_row("SELECT header, origin, body, private FROM entry LIMIT 1", [], |row| {
        Ok(Entry { header: row.get(0)?, origin: row.get(1)?, sealed: None, body: row.get(2)?, private: row.get(3)? })
    });
    let entry = entry.unwrap();
    let answer = ask(&li, |request| request.entries = vec![entry; limits::BATCH_ENTRIES + 1]);
    assert_eq!((answer.status, problem(&answer).code.as_str()), (413, "too_large"));
    assert!(world.office().view(case).is_none());
}

/// Invariant 7: uploads.
#[test]
fn an_upload_beyond_its_bounds_is_refused() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.capture("matter/09006");
    let Action::Send { id, request } = next_upload(&mut li) else { panic!("an original is owed") };
    let with = |name: &str, value: &str| {
        let mut changed = request.clone();
        for (known, old) in &mut changed.headers {
            if known == name {
                value.clone_into(old);
            }
        }
        let answer = answered(li.carry(&changed));
        (answer.status, problem(&answer).code)
    };
    assert_eq!(with("Upload-Length", &(limits::PHOTO_BYTES + 1).to_string()).0, 413);
    assert_eq!(with("Upload-Length", "1").1, "not_of_entry");
    for nonsense in ["", "-1", "99999999999999999999999", "ten"] {
        assert_eq!(with("Upload-Length", nonsense).1, "malformed", "{nonsense}");
    }
    for nonsense in ["", "entry", "entry AAAA,sha256 BBBB"] {
        let metadata = with("Upload-Metadata", nonsense);
        assert_eq!(metadata.0, 400, "{nonsense}: {metadata:?}");
    }
    assert_eq!(with("Tus-Resumable", "0.2.2").0, 412);
    assert_eq!(with("Authorization", "Bearer AAAA").1, "bad_token");
    assert_eq!(with("Content-Type", "text/plain").0, 415);
    let answer = li.carry(&request);
    li.completed(id, &answer).unwrap();
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().photos.received, 1);
}

/// Carries what comes before an original, and gives its first request.
pub(crate) fn next_upload(phone: &mut Phone) -> Action {
    phone.field_mut().start_sync().unwrap();
    loop {
        let action = phone.next_action().unwrap();
        let Action::Send { id, request } = &action else { return action };
        if request.path.starts_with("/v1/photos/uploads") {
            return action;
        }
        let outcome = phone.carry(request);
        phone.completed(*id, &outcome).unwrap();
    }
}

/// Invariant 7: an answer that unpacks to more than a phone is ready for.
#[test]
fn a_phone_survives_every_monstrous_answer() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    let bomb = zstd::stream::encode_all(&vec![b'0'; 200 * 1024 * 1024][..], 19).unwrap();
    let other = SoftwareKey::generate(&mut Seed::from_bytes([3; 32]).entropy());
    let answers = [
        (200, bomb),
        (200, Vec::new()),
        (200, b"{}".to_vec()),
        (200, message::pack(Direction::Response, &json!({}), &other).unwrap()),
        (200, vec![0xFF; limits::RESPONSE_BYTES + 1]),
        (500, vec![0; 1000]),
        (413, b"{\"status\":413,\"code\":\"too_large\",\"detail\":\"less\"}".to_vec()),
        (302, b"moved".to_vec()),
        (999, Vec::new()),
    ];
    for (status, body) in answers {
        li.field_mut().start_sync().unwrap();
        let Action::Send { id, .. } = li.next_action().unwrap() else { panic!("there is something to send") };
        let headers = vec![("Retry-After".to_owned(), "99999999999999999999".to_owned())];
        let error = li.completed(id, &Outcome::Answered(Response { status, headers, body })).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert!(li.holds(case));
        assert_eq!(li.field().status().unwrap().unsent, 2);
    }
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().unsent, 0);
    world.check_invariants();
}

/// Invariant 7: a well-signed answer to another request, or of another office, is not applied.
#[test]
fn an_answer_to_another_request_is_not_applied() {
    let seed = seed!();
    let (here, there) = (World::new(seed), World::new(seed.wrapping_add(1)));
    let mut li = here.enrolled("li");
    let mut other = there.enrolled("li");
    let recorded = ask(&li, |_| ());
    let foreign = ask(&other, |_| ());
    other.sync().unwrap();
    let case = li.capture("matter/09006").summary.id;
    for answer in [recorded, foreign] {
        li.field_mut().start_sync().unwrap();
        let Action::Send { id, .. } = li.next_action().unwrap() else { panic!("there is something to send") };
        li.completed(id, &Outcome::Answered(answer)).unwrap_err();
        assert!(li.case(case).summary.pending);
    }
    li.sync().unwrap();
    assert!(!li.case(case).summary.pending);
}
