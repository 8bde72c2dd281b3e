use axum::http::StatusCode;
use xuncheng_core::limits;
use xuncheng_core::store::feeds;
use xuncheng_core::store::judgements;
use xuncheng_core::sync::wire::Refusal;

use crate::phone::Phone;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_code_opens_one_enrolment_and_the_lost_answer_may_be_asked_for_again() {
    let world = World::new().await;
    let code = world.code("li").await;
    let mut li = Phone::new("li");
    assert_eq!(li.enrol(&world, &code).await.status, StatusCode::OK);
    assert_eq!(li.enrol(&world, &code).await.status, StatusCode::OK);
    assert_eq!(world.office().devices().await.unwrap().len(), 1);

    let answer = Phone::new("li").enrol(&world, &code).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "used_code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_code_that_opens_nothing_says_why() {
    let world = World::new().await;
    let code = world.code("li").await;

    let mut misread = code.clone();
    misread.secret = "0000-0000-0000-0000".to_owned();
    assert_eq!(Phone::new("li").enrol(&world, &misread).await.code(), "wrong_code");
    assert_eq!(Phone::new("wang").enrol(&world, &code).await.code(), "wrong_person");

    world.office().revoke_code(1).await.unwrap();
    assert_eq!(Phone::new("li").enrol(&world, &code).await.code(), "revoked_code");

    let late = world.code("li").await;
    world.pass_ms(limits::ENROLMENT_MS + 1);
    assert_eq!(Phone::new("li").enrol(&world, &late).await.code(), "expired_code");
    world.office().new_code("nobody".parse_person()).await.expect_err("there is no such person");
}

trait ParsePerson {
    fn parse_person(&self) -> xuncheng_core::id::PersonId;
}

impl ParsePerson for str {
    fn parse_person(&self) -> xuncheng_core::id::PersonId {
        xuncheng_core::id::PersonId::new(self).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_not_enrolled_a_second_time_with_another_key() {
    let world = World::new().await;
    let li = world.phone("li").await;
    let mut thief = Phone::new("li");
    thief.author.incarnation = li.incarnation();
    let code = world.code("li").await;
    assert_eq!(thief.enrol(&world, &code).await.code(), "enrolled_already");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_phone_sends_is_held_and_it_reads_only_of_its_own_entries() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.report();
    li.sync(&world).await;
    let office = world.office();
    office.revoke_device(office.author(), li.incarnation()).await.unwrap();

    li.report();
    let entry = li.waiting()[0].read_header().unwrap().id;
    li.positions.clear();
    let response = li.sync(&world).await;
    assert_eq!(response.refusal, None::<Refusal>);
    let judged = office.read(move |conn| Ok(judgements::get(conn, entry)?)).await.unwrap().unwrap();
    assert!(!judged.judgement.verdict.is_final(), "{:?}", judged.judgement.verdict);
    let read: Vec<&str> = response.page.feeds.iter().map(|feed| feed.audience.as_str()).collect();
    assert_eq!(read, [feeds::private(li.incarnation())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_offices_never_open_one_folder() {
    let world = World::new().await;
    let config = world.config();
    let error = tokio::task::spawn_blocking(|| xuncheng_office::Office::open(config)).await.unwrap().err().unwrap();
    assert!(error.to_string().contains("another office runs on"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_office_runs_without_its_root_key() {
    let mut world = World::new().await;
    assert!(world.office().root_key_is_here());
    std::fs::remove_file(world.data().join("keys/root.key")).unwrap();
    world.restart().await;
    assert!(!world.office().root_key_is_here());
    let mut li = world.phone("li").await;
    li.report();
    assert_eq!(li.sync(&world).await.refusal, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_read_again_when_their_file_has_changed() {
    let mut world = World::new().await;
    let mut li = world.phone("li").await;
    assert!(li.sync(&world).await.page.feeds.len() > 1);
    let people = world.data().join("people.toml");
    let text = std::fs::read_to_string(&people).unwrap();
    let (before, after) = text.split_at(text.find("code = \"li\"").unwrap());
    let after = after.replacen("areas = [\"511902001\", \"511902002\"]", "areas = [\"511902001\"]", 1);
    std::fs::write(&people, format!("{before}{after}")).unwrap();
    world.restart().await;
    li.positions.clear();
    li.sync(&world).await;
    let incarnation = li.incarnation();
    let granted = world.office().read(move |conn| Ok(feeds::granted(conn, incarnation)?)).await.unwrap();
    assert!(granted.keys().all(|feed| !feed.contains("511902002")), "{granted:?}");
    assert!(granted.keys().any(|feed| feed.contains("511902001")), "{granted:?}");
}
