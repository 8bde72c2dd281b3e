//! What the office has of a phone's photos, told to that phone alone.

use axum::http::StatusCode;
use xuncheng_core::id::{EntryId, PhotoHash};
use xuncheng_core::limits;
use xuncheng_core::sync::wire::{HaveRequest, HaveResponse};

use crate::phone::Phone;
use crate::world::World;

async fn have(world: &World, phone: &mut Phone, photos: Vec<(EntryId, PhotoHash)>) -> HaveResponse {
    let request = HaveRequest { nonce: phone.nonce(), incarnation: phone.incarnation(), photos };
    let answer = world.post("/v1/photos/have", phone.packed(&request)).await;
    let told: HaveResponse = phone.opened(&answer);
    assert_eq!(told.nonce, request.nonce);
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_told_what_is_here_of_its_own_and_of_nobody_elses() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let pictures = [li.photograph(item), li.photograph(item), li.photograph(item)];
    li.sync(&world).await;
    li.preview(&world, &pictures[0], &pictures[0].thumbnail).await;
    li.begin(&world, &pictures[1], &pictures[1].original[..500]).await;
    li.begin(&world, &pictures[2], &pictures[2].original).await;
    let all: Vec<_> = pictures.iter().map(|picture| (picture.entry, picture.photo.sha256)).collect();
    let unknown = (EntryId::from_bytes([9; 16]), pictures[0].photo.sha256);

    let told = have(&world, &mut li, [&all[..], &[unknown]].concat()).await;
    // Of the third the office draws the thumbnail itself.
    assert_eq!(told.thumbnails, [all[0], all[2]]);
    assert!(told.views.is_empty());
    let offsets: Vec<_> = told.uploads.iter().map(|upload| ((upload.entry, upload.sha256), upload.offset)).collect();
    assert_eq!(offsets, [(all[1], 500), (all[2], pictures[2].original.len() as u64)]);

    let mut wang = world.phone("wang").await;
    let others = have(&world, &mut wang, all.clone()).await;
    assert!(others.thumbnails.is_empty() && others.views.is_empty() && others.uploads.is_empty());

    let too_many = vec![all[0]; limits::HAVE_PHOTOS + 1];
    let request = HaveRequest { nonce: li.nonce(), incarnation: li.incarnation(), photos: too_many };
    let refused = world.post("/v1/photos/have", li.packed(&request)).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
}
