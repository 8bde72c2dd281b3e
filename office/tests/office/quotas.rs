//! How much phones may send, what they are told beyond, and what gives room again.

use axum::body::Body;
use axum::http::StatusCode;
use xuncheng_core::limits;
use xuncheng_core::sync::wire::Refusal;
use xuncheng_office::Config;

use crate::phone::{Phone, Picture};
use crate::world::World;

/// Two photos of one phone, which the office knows of.
async fn two_pictures(world: &World, person: &str) -> (Phone, [Picture; 2]) {
    let mut phone = world.phone(person).await;
    let item = phone.report();
    let pictures = [phone.photograph(item), phone.photograph(item)];
    phone.sync(world).await;
    (phone, pictures)
}

/// A day later the token is good still.
const DAY_MS: i64 = 24 * 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn each_quota_is_refused_by_its_name_and_takes_nothing() {
    let cases: [(&str, fn(&mut Config)); 4] = [
        ("device_day_quota", |config| config.quotas.device_day_bytes = 1),
        ("device_quota", |config| config.quotas.device_bytes = 1),
        ("district_day_quota", |config| config.quotas.district_day_bytes = 1),
        ("district_quota", |config| config.quotas.district_bytes = 1),
    ];
    for (code, change) in cases {
        let world = World::configured(change).await;
        let (li, [picture, _]) = two_pictures(&world, "li").await;
        let refused = li.begin(&world, &picture, &picture.original).await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, code));
        assert_eq!(refused.headers["retry-after"], limits::QUOTA_RETRY_AFTER_S.to_string());
        assert!(refused.problem().detail.ends_with("the phone keeps them and sends them by itself"));
        assert_eq!(std::fs::read_dir(world.data().join("uploads")).unwrap().count(), 0, "{code}");
    }
}

/// Each phone has its own, and so has each day; what was begun is not asked about again.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_its_own_and_so_has_each_phone() {
    // The pictures of these tests have some hundred kilobytes each.
    let world = World::configured(|config| config.quotas.device_day_bytes = 1_000_000).await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let pictures: Vec<Picture> = (0..30).map(|_| li.photograph(item)).collect();
    li.sync(&world).await;
    let (mut used, mut refused) = (0, Vec::new());
    for picture in &pictures {
        let answer = li.begin(&world, picture, b"").await;
        let length = picture.original.len();
        if used + length <= 1_000_000 {
            assert_eq!(answer.status, StatusCode::CREATED);
            used += length;
        } else {
            assert_eq!(answer.code(), "device_day_quota");
            refused.push(picture);
        }
    }
    assert!(!refused.is_empty(), "{used} bytes of 30 pictures are not enough for this test");
    let (wang, [other, _]) = two_pictures(&world, "wang").await;
    assert_eq!(wang.begin(&world, &other, &other.original).await.status, StatusCode::CREATED);
    assert_eq!(li.begin(&world, &pictures[0], &pictures[0].original).await.status, StatusCode::CREATED);
    assert_eq!(li.begin(&world, refused[0], b"").await.code(), "device_day_quota");
    world.pass_ms(DAY_MS);
    assert_eq!(li.begin(&world, refused[0], &refused[0].original).await.status, StatusCode::CREATED);
}

/// What was begun and abandoned is swept with the next sync of whichever phone, bytes and all, and gives its room back.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_upload_is_swept_and_gives_its_room_back() {
    let world = World::configured(|config| config.quotas.device_uploads = 1).await;
    let (mut li, [first, second]) = two_pictures(&world, "li").await;
    let uploads = || std::fs::read_dir(world.data().join("uploads")).unwrap().count();
    let begun = li.begin(&world, &first, &first.original[..1000]).await;
    assert_eq!((begun.status, uploads()), (StatusCode::CREATED, 1));
    let refused = li.begin(&world, &second, &second.original).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_uploads"));
    assert_eq!(counted(&world).await, first.original.len() as u64);

    world.pass_ms(limits::UPLOAD_KEEP_MS - 1000);
    let mut wang = world.phone("wang").await;
    wang.sync(&world).await;
    assert_eq!(uploads(), 1, "it is kept as long as it was said");
    world.pass_ms(2000);
    wang.sync(&world).await;
    assert_eq!((uploads(), counted(&world).await), (0, 0));

    // With a new token it begins again, and arrives.
    li.sync(&world).await;
    let gone = li.patch(&world, &begun.location(), 1000, Body::from(first.original[1000..].to_vec())).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let whole = li.begin(&world, &first, &first.original).await;
    assert_eq!((whole.status, whole.offset()), (StatusCode::CREATED, first.original.len() as u64));
    assert_eq!(counted(&world).await, first.original.len() as u64);
    // What has arrived stays counted when its upload is forgotten.
    world.pass_ms(limits::UPLOAD_KEEP_MS + 1000);
    wang.sync(&world).await;
    assert_eq!(counted(&world).await, first.original.len() as u64);
}

/// Bytes that are counted for the district.
async fn counted(world: &World) -> u64 {
    let sql = "SELECT coalesce(sum(bytes), 0) FROM office_originals WHERE whose = x'' AND day = ''";
    world.office().read(move |conn| Ok(conn.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
}

/// Bytes that are not the photo are thrown away, and count for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_is_not_counted() {
    let world = World::new().await;
    let (li, [picture, _]) = two_pictures(&world, "li").await;
    let wrong = vec![0; picture.original.len()];
    assert_eq!(li.begin(&world, &picture, &wrong).await.code(), "checksum_mismatch");
    assert_eq!(counted(&world).await, 0);
}

/// A phone's entries of the hour are used up: the batch after them is refused by name, in an answer that brings all else.
#[tokio::test(flavor = "multi_thread")]
async fn entries_over_the_hours_quota_are_refused_in_the_answer() {
    let world = World::configured(|config| config.quotas.device_hour_entries = 3).await;
    let mut li = world.phone("li").await;
    for _ in 0..3 {
        li.report();
    }
    assert_eq!(li.sync(&world).await.refusal, None, "the batch that reaches it is taken whole");
    li.report();
    let over = li.sync(&world).await;
    assert_eq!(over.refusal, Some(Refusal::Quota));
    assert!(!over.token.is_empty(), "uploads go on");
    assert_eq!(li.through, 3);
    world.pass_ms(3_600_000);
    assert_eq!(li.sync(&world).await.refusal, None);
    assert_eq!(li.through, 4);
}
