//! Programs of different versions at the two ends: what one does not know of the other's is kept, and neither blocks the other.

use serde_json::{Value, json};
use xuncheng_core::id::EntryId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::store::{entries, judgements};
use xuncheng_core::sync::session::{Body, Outcome, Request};
use xuncheng_core::sync::wire::{Spoken, UPGRADE_NEEDED};
use xuncheng_core::work::case::CASE;
use xuncheng_tests::newer;
use xuncheng_tests::phone::{Phone, body_of};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::wire::{answered, code, next};

/// The request as a phone of other versions would word it.
fn of_versions(phone: &Phone, request: &Request, oldest: u32, latest: u32) -> Request {
    let change = |body: &mut Value| {
        body["protocol"] = json!(latest);
        body["protocol_oldest"] = json!(oldest);
    };
    Request { body: Body::Bytes(newer::request(phone.folder(), &body_of(request), change)), ..request.clone() }
}

#[test]
fn two_speak_the_latest_version_that_both_know() {
    let of = |min, max| Spoken { min, max };
    assert_eq!(of(1, 1).common(of(1, 3)), Some(1));
    assert_eq!(of(2, 4).common(of(1, 3)), Some(3));
    assert_eq!(of(1, 2).common(of(3, 4)), None);
    assert_eq!(of(3, 4).common(of(1, 2)), None);
}

/// A phone that shares no version with its office sends what it has and loses nothing; it says which of the two is to be
/// updated, and goes on by itself once that was done.
#[test]
fn an_office_of_another_version_takes_what_is_sent_and_says_what_it_speaks() {
    for (oldest, latest, which) in [(7, 9, "older than its office"), (0, 0, "older than its office")] {
        let world = World::new(seed!());
        let mut li = world.enrolled("li");
        let case = li.capture("matter/09006").summary.id;
        li.field_mut().start_sync().unwrap();
        let (id, request) = next(&mut li);
        let outcome = li.carry(&of_versions(&li, &request, oldest, latest));
        li.completed(id, &outcome).unwrap();
        let status = li.field().status().unwrap();
        assert_eq!((status.unsent, status.pending), (0, 2), "the office has it, and has said nothing of it yet");
        let asks = status.attention.unwrap();
        assert_eq!(asks.code, UPGRADE_NEEDED);
        // The phone itself still speaks what its office does; which of the two it takes for older goes by its own range.
        assert!(asks.detail.contains("nothing is lost"), "{which}: {}", asks.detail);
        assert!(world.office().view(case).is_some());

        li.sync().unwrap();
        let status = li.field().status().unwrap();
        assert_eq!((status.attention, status.pending), (None, 0));
        assert!(li.case(case).summary.numbered);
        world.check_invariants();
    }
}

/// A request that this office cannot read at all is told what the office speaks; nothing of it is lost, nor of the phone's.
#[test]
fn a_request_of_another_version_that_cannot_be_read_is_told_so() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.field_mut().start_sync().unwrap();
    let (id, request) = next(&mut li);
    let change = |body: &mut Value| *body = json!({ "protocol": 9, "protocol_oldest": 7, "things": [1, 2, 3] });
    let bytes = newer::request(li.folder(), &body_of(&request), change);
    let outcome = li.carry(&Request { body: Body::Bytes(bytes), ..request });
    let response = answered(outcome.clone());
    assert_eq!((response.status, code(&response)), (426, UPGRADE_NEEDED.to_owned()));
    li.completed(id, &outcome).unwrap_err();
    assert_eq!(li.field().status().unwrap().attention.map(|asks| asks.code), Some(UPGRADE_NEEDED.to_owned()));
    assert!(world.office().view(case).is_none());
    li.sync().unwrap();
    assert!(li.case(case).summary.numbered && li.field().status().unwrap().attention.is_none());

    // One that says nothing of another version is no message, as before.
    li.field_mut().start_sync().unwrap();
    let (_, request) = next(&mut li);
    let bytes = newer::request(li.folder(), &body_of(&request), |body| *body = json!({ "protocol": 1, "things": [] }));
    assert_eq!(answered(li.carry(&Request { body: Body::Bytes(bytes), ..request })).status, 400);
    world.check_invariants();
}

/// Phone and office of a later version, each with more to say in every message, in rows of a kind that nobody knows and in
/// every part of an entry: all works as it does, and what was written is at the office and comes back byte for byte.
#[test]
fn what_a_later_version_says_survives_both_ways() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    for phone in [&li, &wang] {
        phone.link().says_more(phone.folder());
    }
    let written = |phone: &Phone| -> Vec<EntryId> {
        let mut own =
            phone.field().store().prepare("SELECT id FROM entry WHERE incarnation IS NOT NULL ORDER BY seq").unwrap();
        own.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let case = li.capture("matter/09006").summary.id;
    newer::write_more(li.field().store(), &written(&li)).unwrap();
    li.sync().unwrap();
    let before = written(&li).len();
    li.describe(case, "两处占道").unwrap();
    li.comment(case, "还在").unwrap();
    newer::write_more(li.field().store(), &written(&li)[before..]).unwrap();
    li.sync().unwrap();
    wang.sync().unwrap();
    world.settle();
    assert_eq!(world.office().view(case).unwrap().text("description"), Some("两处占道"));
    assert_eq!(wang.case(case).summary.description, "两处占道");
    for id in written(&li) {
        let here = entries::get(li.field().store(), id).unwrap().unwrap();
        let there = world.office().read(move |conn| entries::get(conn, id).unwrap().unwrap());
        assert!(here.header.contains("小雨") && here.private.as_ref().unwrap().contains("小雨"));
        assert_eq!(
            (&here.header, &here.origin, &here.body, &here.private),
            (&there.header, &there.origin, &there.body, &there.private)
        );
        // Who reads it has the words that are for readers, whether it knows them or not.
        if let Some(read) = entries::get(wang.field().store(), id).unwrap() {
            assert_eq!((&read.header, &read.body), (&here.header, &here.body));
        }
        let judged = world.office().read(move |conn| judgements::get(conn, id).unwrap().unwrap().judgement);
        assert!(judged.verdict.applies(), "{:?}", judged.verdict);
    }
    assert_eq!(li.field().status().unwrap().photos.received, 1);
    world.check_invariants();
}

/// A kind of change that this office does not know is held, is not lost and holds up nothing else; so is an item of a kind that
/// it does not know.
#[test]
fn a_change_of_a_later_version_is_held_and_kept() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let unknown = li.write(case, CASE, Change::Comment { text: "measure".to_owned() });
    let store = li.field().store();
    let entry = entries::get(store, unknown).unwrap().unwrap();
    let body =
        entry.body.clone().unwrap().replace("\"comment\":{\"text\":\"measure\"}", "\"measure\":{\"depth_mm\":35}");
    assert_ne!(Some(&body), entry.body.as_ref());
    let hash = xuncheng_core::id::Hash::of("part", &[b"body", &[0], body.as_bytes()]);
    let was = entry.read_header().unwrap().hashes.body;
    let header = entry.header.replace(&was.to_string(), &hash.to_string());
    let header_hash = xuncheng_core::id::Hash::of("header", &[header.as_bytes()]);
    let sql = "UPDATE entry SET header = ?2, header_hash = ?3, body = ?4 WHERE id = ?1";
    store.execute(sql, (unknown, &header, header_hash, &body)).unwrap();
    let whistle =
        li.write(xuncheng_core::id::ItemId::from_bytes([9; 16]), "whistle", Change::Comment { text: "一".to_owned() });
    let after = li.write(case, CASE, Change::Comment { text: "井口积水".to_owned() });
    li.sync().unwrap();
    let verdict =
        |id: EntryId| world.office().read(move |conn| judgements::get(conn, id).unwrap().unwrap().judgement.verdict);
    assert_eq!(verdict(unknown), Verdict::Held { reason: Code::Malformed, behind: None });
    assert_eq!(verdict(whistle), Verdict::Held { reason: Code::Malformed, behind: None });
    assert_eq!(verdict(after), Verdict::Applied);
    let there = world.office().read(move |conn| entries::get(conn, unknown).unwrap().unwrap());
    assert_eq!((there.body, there.header), (Some(body), header), "byte for byte");
    assert_eq!(li.field().status().unwrap().unsent, 0);
    world.check_invariants();
}

/// An office of a later version judges in words that a phone does not know: the phone takes the office's view of the item, and
/// keeps the words.
#[test]
fn a_verdict_and_rows_of_a_later_version_hold_up_nothing() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.field_mut().start_sync().unwrap();
    let (id, request) = next(&mut li);
    let outcome = li.carry(&request);
    // A row, a refusal and limits of a kind that nobody here knows.
    let outcome = newer::answer(&world.office().folder(), outcome, |answer| {
        newer::say_more(answer);
        answer["refusal"] = json!("too_windy");
    });
    assert!(matches!(outcome, Outcome::Answered(_)));
    li.completed(id, &outcome).unwrap_err();
    let asks = li.field().status().unwrap().attention.unwrap();
    assert!(asks.detail.contains("does not know"), "{}", asks.detail);
    li.sync().unwrap();
    assert!(li.case(case).summary.numbered, "what the page brought is here");
    world.check_invariants();
}
