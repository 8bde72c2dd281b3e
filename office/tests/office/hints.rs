//! Whether there is something for a phone: said as soon as there is, to that phone alone, and nothing else with it.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use xuncheng_core::id::EpochId;
use xuncheng_core::sync::wire::{HintRequest, HintResponse};

use crate::phone::Phone;
use crate::world::{Answer, World};

/// What a phone asks that has read all that it was told.
fn question(phone: &mut Phone) -> (HintRequest, Vec<u8>) {
    let request = HintRequest {
        nonce: phone.nonce(),
        incarnation: phone.incarnation(),
        epoch: phone.epoch,
        positions: phone.positions.clone(),
    };
    let packed = phone.packed(&request);
    (request, packed)
}

async fn hint(world: &World, phone: &mut Phone) -> bool {
    let (request, packed) = question(phone);
    let answer = world.post("/v1/hints", packed).await;
    read(phone, &request, &answer)
}

fn read(phone: &Phone, request: &HintRequest, answer: &Answer) -> bool {
    let hint: HintResponse = phone.opened(answer);
    assert_eq!(hint.nonce, request.nonce);
    hint.news
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_waits_hears_of_news_when_there_is_some() {
    let world = World::configured(|config| config.hint_ms = 30_000).await;
    let (mut li, mut wang) = (world.phone("li").await, world.phone("wang").await);
    wang.sync(&world).await;
    wang.sync(&world).await;
    let begun = std::time::Instant::now();
    li.report();
    let (news, _) = tokio::join!(hint(&world, &mut wang), li.sync(&world));
    assert!(news && begun.elapsed().as_secs() < 20, "it did not wait to the end");
    // Until it has read them, it is told so at once.
    assert!(hint(&world, &mut wang).await);
    wang.sync(&world).await;
    // Who stands on another branch has something to learn.
    wang.epoch = EpochId::from_bytes([7; 16]);
    assert!(hint(&world, &mut wang).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_phone_may_not_see_is_no_news_to_it() {
    let mut world = World::configured(|config| config.hint_ms = 1_500).await;
    let people = world.data().join("people.toml");
    let text = std::fs::read_to_string(&people).unwrap();
    let (before, sun) = text.split_at(text.find("code = \"sun\"").unwrap());
    let elsewhere = sun.replacen("areas = [\"*\"]", "areas = [\"511902002\"]", 1);
    std::fs::write(&people, format!("{before}{elsewhere}")).unwrap();
    world.restart().await;
    let (mut li, mut sun) = (world.phone("li").await, world.phone("sun").await);
    sun.sync(&world).await;
    sun.sync(&world).await;
    li.report();
    let begun = std::time::Instant::now();
    let (news, _) = tokio::join!(hint(&world, &mut sun), li.sync(&world));
    assert!(!news);
    assert!(begun.elapsed().as_millis() >= 1_400, "nor does the answer come sooner for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_phone_is_told() {
    let world = World::configured(|config| config.hint_ms = 300).await;
    let (mut li, wang) = (world.phone("li").await, world.phone("wang").await);
    li.sync(&world).await;
    // Another's key, and the token of uploads with nothing else.
    let (request, _) = question(&mut li);
    let forged = world.post("/v1/hints", wang.packed(&request)).await;
    assert_eq!((forged.status, forged.code().as_str()), (StatusCode::UNAUTHORIZED, "bad_signature"));
    let bearer = format!("Bearer {}", li.token);
    let bare = Request::post("/v1/hints").header("Authorization", bearer).body(Body::empty()).unwrap();
    assert_eq!(world.call(bare).await.status, StatusCode::BAD_REQUEST);
    let mut stranger = Phone::new("li");
    let (_, packed) = question(&mut stranger);
    assert_eq!(world.post("/v1/hints", packed).await.code(), "unknown_device");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_phone_holds_no_more_than_its_places() {
    let world = World::configured(|config| config.hint_ms = 1_200).await;
    let (mut li, mut wang) = (world.phone("li").await, world.phone("wang").await);
    for phone in [&mut li, &mut wang] {
        phone.sync(&world).await;
        phone.sync(&world).await;
    }
    let asked: Vec<Vec<u8>> = (0..5).map(|_| question(&mut li).1).collect();
    let all = futures_util::future::join_all(asked.into_iter().map(|packed| world.post("/v1/hints", packed)));
    let (answers, other) = tokio::join!(all, hint(&world, &mut wang));
    let busy = answers.iter().filter(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.count(), 1);
    assert!(!other, "and another phone is not concerned");
    assert!(!hint(&world, &mut li).await, "places are given back");
}
