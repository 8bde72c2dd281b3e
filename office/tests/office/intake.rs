use std::future::Future;
use std::task::Poll;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use xuncheng_core::crypto::{Signed, SoftwareKey};
use xuncheng_core::id::EpochId;
use xuncheng_core::journal::audit;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::seal::BatchSeal;
use xuncheng_core::limits;
use xuncheng_core::store::entries::Head;
use xuncheng_core::store::{entries, items};
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::wire::{BATCH_BREAKS, Refusal};

use crate::phone::Phone;
use crate::world::World;

/// All that the office holds of items, as bytes.
async fn rows(world: &World) -> Vec<(String, String, String)> {
    let sql = "SELECT hex(e.id), coalesce(j.judgement, ''), coalesce(i.view, '') FROM entry e
               LEFT JOIN judgement j ON j.entry = e.id LEFT JOIN item i ON i.id = e.item ORDER BY e.rowid";
    let read = move |conn: &rusqlite::Connection| {
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    };
    world.office().read(read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_twice_does_what_it_did_once() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    li.write(Some(item), Change::Comment { text: "三个摊位".to_owned() });
    let batch = li.waiting();
    let request = li.request(batch, 0);
    let first = li.send(&world, &request).await;
    let (once, requests) = (rows(&world).await, world.status().await.entries);
    let second = li.send(&world, &request).await;
    assert_eq!(rows(&world).await, once);
    assert_eq!(world.status().await.entries, requests);
    assert_eq!(first.head, second.head);
    assert_eq!(first.refusal, None);
    let view = world.office().read(move |conn| Ok(items::view(conn, item)?)).await.unwrap().unwrap();
    assert!(view.text("number").unwrap().starts_with("BZ"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_split_anywhere_equals_the_whole() {
    for split in 0..=4 {
        let world = World::new().await;
        let mut li = world.phone("li").await;
        let item = li.report();
        for text in ["一", "二", "三"] {
            li.write(Some(item), Change::Comment { text: text.to_owned() });
        }
        let (first, second): (Vec<_>, Vec<_>) = {
            let all = li.waiting();
            (all[..split].to_vec(), all[split..].to_vec())
        };
        for (batch, after) in [(first, 0), (second, split as u64)] {
            let request = li.request(batch, after);
            assert_eq!(li.send(&world, &request).await.refusal, None);
        }
        let view = world.office().read(move |conn| Ok(items::view(conn, item)?)).await.unwrap().unwrap();
        // Open, three comments, and the number that the office gives after the Open, wherever the batch was split.
        assert_eq!(view.version.count, 5, "split at {split}");
        assert_eq!(view.members("comments").count(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_and_a_clone_are_refused_and_what_came_before_is_kept() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    li.write(Some(item), Change::Comment { text: "一".to_owned() });
    li.write(Some(item), Change::Comment { text: "二".to_owned() });
    let all = li.waiting();

    let gap = li.request(all[1..].to_vec(), 1);
    let response = li.send(&world, &gap).await;
    assert_eq!(response.refusal, Some(Refusal::Gap));
    let request = li.request(all[..1].to_vec(), 0);
    li.send(&world, &request).await;

    // A copy of the store went on in its own way.
    let mut copy = Phone::new("li");
    copy.author = li.author.clone();
    std::mem::swap(&mut copy.key, &mut li.key);
    copy.office_key.clone_from(&li.office_key);
    copy.epoch = li.epoch;
    copy.report();
    let other = copy.waiting();
    let request = copy.request(other, 0);
    assert_eq!(copy.send(&world, &request).await.refusal, Some(Refusal::Clone));
    let incarnation = copy.incarnation();
    let head = world.office().read(move |conn| Ok(entries::head(conn, incarnation)?)).await.unwrap();
    assert_eq!(head.seq, 1);
}

/// Whether the phone's own signatures cover all that the office has of its journal.
async fn audited(world: &World, phone: &Phone) -> Result<u64, String> {
    let (incarnation, key) = (phone.incarnation(), phone.key.public_key());
    let check = move |conn: &rusqlite::Connection| {
        let through = entries::head(conn, incarnation)?.seq;
        Ok(audit::chain(conn, incarnation, &key, through).map_err(|error| error.to_string()))
    };
    world.office().read(check).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_that_is_kept_is_covered_by_its_phones_signature_however_a_batch_is_split() {
    for split in 0..=3 {
        let world = World::new().await;
        let mut li = world.phone("li").await;
        let item = li.report();
        for text in ["一", "二", "三"] {
            li.write(Some(item), Change::Comment { text: text.to_owned() });
        }
        let mut all = li.waiting();
        // The last one's origin is not the one that its header names.
        all[3].origin = all[2].origin.clone();
        let request = li.request(all[..split].to_vec(), 0);
        assert_eq!(li.send(&world, &request).await.refusal, None);
        let before = rows(&world).await;
        let after = split as u64;
        if split < 3 {
            // Good ones before a bad one: they are not kept without their signature, and the phone is told to send fewer.
            let request = li.request(all[split..].to_vec(), after);
            let answer = world.post("/v1/sync", li.packed(&request)).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, BATCH_BREAKS));
            assert_eq!(rows(&world).await, before);
            let request = li.request(all[split..3].to_vec(), after);
            assert_eq!(li.send(&world, &request).await.refusal, None);
        }
        let request = li.request(all[3..].to_vec(), 3);
        assert_eq!(li.send(&world, &request).await.refusal, Some(Refusal::Malformed));
        assert_eq!(audited(&world, &li).await, Ok(3), "split at {split}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_names_other_places_takes_none() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    li.write(Some(item), Change::Comment { text: "一".to_owned() });
    let all = li.waiting();
    let hashes: Vec<_> = all.iter().map(xuncheng_core::journal::entry::Entry::header_hash).collect();
    for seq in [1, 3, 900, u64::MAX] {
        let mut request = li.request(all.clone(), 0);
        let now = request.seal.read_unverified().unwrap().now;
        let seal = BatchSeal::over(li.incarnation(), &hashes, Head { seq, hash: hashes.last().copied() }, now);
        request.seal = Signed::new(&seal, &li.key).unwrap();
        let response = li.send(&world, &request).await;
        assert_eq!(response.refusal, Some(Refusal::Seal), "{seq}");
        assert_eq!(world.status().await.cases, 0);
    }
    // Known ones out of their order, before a new one.
    li.sync(&world).await;
    li.write(Some(item), Change::Comment { text: "二".to_owned() });
    let new = li.waiting();
    let request = li.request(vec![all[1].clone(), all[0].clone(), new[0].clone()], 0);
    assert_eq!(li.send(&world, &request).await.refusal, Some(Refusal::Seal));
    li.sync(&world).await;
    assert_eq!(audited(&world, &li).await, Ok(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_that_no_feed_has_are_junk() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.positions.insert("own/li".to_owned(), u64::MAX);
    let request = li.request(Vec::new(), 0);
    let answer = world.post("/v1/sync", li.packed(&request)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "malformed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_over_other_entries_takes_none() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.report();
    li.report();
    let all = li.waiting();
    let mut request = li.request(all[..1].to_vec(), 0);
    request.entries = all;
    assert_eq!(li.send(&world, &request).await.refusal, Some(Refusal::Seal));
    assert_eq!(world.status().await.cases, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_another_key_signed_is_refused() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.report();
    let (batch, key) =
        (li.waiting(), SoftwareKey::generate(&mut xuncheng_core::clock::Seed::from_bytes([1; 32]).entropy()));
    let request = li.request(batch, 0);
    let forged = message::pack(Direction::Request, &request, &key).unwrap();
    let answer = world.post("/v1/sync", forged).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "bad_signature"));
    assert_ne!(key.public_key(), li.key.public_key());

    let mut stranger = Phone::new("li");
    let request = stranger.request(Vec::new(), 0);
    let answer = world.post("/v1/sync", stranger.packed(&request)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "unknown_device"));
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_is_told_so_and_never_hurts() {
    let world = World::new().await;
    for path in ["/v1/sync", "/v1/enrolment", "/v1/photos/previews"] {
        for junk in
            [b"".to_vec(), b"<html>sign in</html>".to_vec(), vec![0xFF; 4096], zstd(b"{}\n{}"), zstd(b"no line")]
        {
            let answer = world.post(path, junk).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "malformed"), "{path}");
        }
        let answer = world.post(path, vec![7; limits::REQUEST_BYTES + 1]).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
        let bomb = zstd(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < limits::REQUEST_BYTES);
        assert_eq!(world.post(path, bomb).await.status, StatusCode::PAYLOAD_TOO_LARGE);
        let answer = world.call(Request::put(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method"));
    }
    for path in ["/v1/nothing", "/v1/", "/v1"] {
        let answer = world.call(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_handler_answers_is_a_problem_too() {
    let world = World::new().await;
    for (method, path, status, code) in [
        ("PUT", "/v1/photos/uploads", 405, "method"),
        ("DELETE", "/v1/photos/uploads/00", 405, "method"),
        ("PATCH", "/v1/photos/uploads/%FF", 400, "malformed"),
        ("GET", "/v1/photos/uploads/1/2", 404, "not_found"),
        ("POST", "/v1/status", 405, "method"),
    ] {
        let request = Request::builder().method(method).uri(path).header("Tus-Resumable", "1.0.0");
        let answer = world.call(request.body(Body::empty()).unwrap()).await;
        let problem = answer.problem();
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{method} {path}");
        assert!(problem.detail.contains([';', ',']), "{problem:?} does not say what to do");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_turn_leaves_nothing_behind_and_the_next_turn_works() {
    let world = World::new().await;
    let outcome = world
        .office()
        .turn(|intake| -> Result<(), _> {
            intake.tx.execute("INSERT INTO meta (key, value) VALUES ('half', '1')", [])?;
            panic!("on purpose")
        })
        .await;
    outcome.expect_err("the turn panicked");
    let half = |conn: &rusqlite::Connection| Ok(xuncheng_core::store::meta::get::<u64>(conn, "half")?);
    assert_eq!(world.office().read(half).await.unwrap(), None);
    world.phone("li").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspector_of_another_area_reads_nothing_of_a_case() {
    let mut world = World::new().await;
    let people = world.data().join("people.toml");
    let text = std::fs::read_to_string(&people).unwrap();
    let (before, sun) = text.split_at(text.find("code = \"sun\"").unwrap());
    let elsewhere = sun.replacen("areas = [\"*\"]", "areas = [\"511902002\"]", 1);
    std::fs::write(&people, format!("{before}{elsewhere}")).unwrap();
    world.restart().await;
    let mut li = world.phone("li").await;
    let mut sun = world.phone("sun").await;
    let mut wang = world.phone("wang").await;
    sun.sync(&world).await;
    let item = li.report();
    li.sync(&world).await;

    let page = sun.sync(&world).await.page;
    assert!(page.feeds.is_empty() && page.entries.is_empty() && page.snapshots.is_empty(), "{page:?}");
    let mut asking = sun.request(Vec::new(), 0);
    asking.want = vec![item];
    assert_eq!(sun.send(&world, &asking).await.page.snapshots, []);
    assert!(wang.sync(&world).await.page.snapshots.iter().any(|snapshot| snapshot.item == item));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_of_another_epoch_may_send_but_reads_nothing() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.report();
    li.epoch = EpochId::from_bytes([9; 16]);
    let response = li.sync(&world).await;
    assert_eq!(response.refusal, None);
    assert_eq!(world.status().await.cases, 1);
    assert!(response.page.feeds.is_empty() && !response.page.more);
    let epoch = response.epoch.open(li.office_key.as_ref().unwrap()).unwrap();
    assert_eq!(epoch, world.office().epoch());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_office_writes_is_sealed_by_its_key() {
    let world = World::new().await;
    let unsealed = |conn: &rusqlite::Connection| {
        let sql = "SELECT count(*) FROM entry e WHERE NOT EXISTS (SELECT 1 FROM batch_seal s
                   WHERE s.incarnation = e.incarnation AND e.seq BETWEEN s.first_seq AND s.last_seq)";
        Ok(conn.query_row(sql, [], |row| row.get::<_, u64>(0))?)
    };
    let mut li = world.phone("li").await;
    li.report();
    li.sync(&world).await;
    assert_eq!(world.office().read(unsealed).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_no_store_can_hold_are_held_for_a_person_and_stop_nothing() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph(item);
    li.sync(&world).await;
    let huge = xuncheng_core::journal::entry::Photo { bytes: u64::MAX, ..picture.photo };
    let written = li.write(Some(item), Change::Attach { photo: huge, round: 0 });
    li.write(Some(item), Change::Comment { text: "继续".to_owned() });
    assert_eq!(li.sync(&world).await.refusal, None);
    let view = world.office().read(move |conn| Ok(items::view(conn, item)?)).await.unwrap().unwrap();
    assert_eq!((view.members("photos").count(), view.members("comments").count()), (1, 1));
    assert_eq!(world.status().await.held, 1, "{:?}", written.header.id);
}

/// Asks for a turn, and says whether it has to wait.
async fn stands<F: Future + Unpin>(turn: &mut F) -> bool {
    std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *turn).poll(context).is_pending())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_with_too_much_to_do_says_so_and_takes_it_all_later() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.report();
    // A turn that takes long, and as many behind it as may wait.
    let (go_on, held) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = std::sync::mpsc::channel::<()>();
    let office = world.office();
    let mut long = Box::pin(office.turn(move |_| {
        begun.send(()).unwrap();
        Ok(held.recv().is_ok())
    }));
    assert!(stands(&mut long).await);
    begins.recv().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..limits::TURNS_WAITING {
        let mut turn = Box::pin(office.turn(|_| Ok(())));
        assert!(stands(&mut turn).await);
        waiting.push(turn);
    }
    let (batch, through) = (li.waiting(), li.through);
    let request = li.request(batch, through);
    let answer = world.post("/v1/sync", li.packed(&request)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
    assert_eq!(answer.headers["retry-after"], limits::RETRY_AFTER_S.to_string());
    go_on.send(()).unwrap();
    assert!(long.await.unwrap());
    for turn in waiting {
        turn.await.unwrap();
    }
    assert_eq!(li.sync(&world).await.refusal, None);
    assert_eq!(li.waiting().len(), 0);
}
