//! Traces of sessions and photos: what late, repeated, recorded and stolen requests do.

use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::limits;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::photos;
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::session::{Action, Body, OfficeKeys, Outcome, Request, Response};
use xuncheng_core::sync::wire::{Problem, SyncResponse};
use xuncheng_core::work::case::{CASE, CaseStep};
use xuncheng_tests::fixtures;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::{Phone, body_of, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

pub(super) fn answered(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Answered(response) => response,
        Outcome::Unreachable(why) | Outcome::Failed(why) | Outcome::Unreadable(why) => {
            panic!("nothing fails here: {why}")
        }
    }
}

pub(super) fn code(response: &Response) -> String {
    serde_json::from_slice::<Problem>(&response.body).expect("a refusal says why").code
}

/// The next request of a conversation.
pub(super) fn next(phone: &mut Phone) -> (xuncheng_core::id::Nonce, Request) {
    let Action::Send { id, request } = phone.next_action().unwrap() else { panic!("there is something to send") };
    (id, request)
}

/// One request, its answer, and what the phone makes of it.
pub(super) fn exchange(phone: &mut Phone) -> Result<(), xuncheng_core::field::FieldError> {
    let (id, request) = next(phone);
    let outcome = phone.carry(&request);
    phone.completed(id, &outcome)
}

/// Carries requests until one goes to uploads, and gives that one.
pub(super) fn next_upload(phone: &mut Phone) -> (xuncheng_core::id::Nonce, Request) {
    loop {
        let (id, request) = next(phone);
        if request.path.starts_with("/v1/photos/uploads") {
            return (id, request);
        }
        let outcome = phone.carry(&request);
        phone.completed(id, &outcome).unwrap();
    }
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
