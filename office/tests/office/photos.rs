use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::limits;
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_core::store::feeds::FeedRow;
use xuncheng_core::store::{items, photos};
use xuncheng_core::sync::wire::Rendition;

use crate::phone::{Phone, Picture};
use crate::world::World;

/// A phone whose case with one photo was judged.
async fn photographed(world: &World) -> (Phone, Picture) {
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph(item);
    li.sync(world).await;
    (li, picture)
}

async fn has_receipt(world: &World, picture: &Picture) -> bool {
    let (entry, sha256) = (picture.entry, picture.photo.sha256);
    world.office().read(move |conn| Ok(photos::receipt(conn, entry, sha256)?)).await.unwrap().is_some()
}

async fn originals(world: &World, item: ItemId) -> usize {
    let view = world.office().read(move |conn| Ok(items::view(conn, item)?)).await.unwrap().unwrap();
    view.members("originals").count()
}

fn kept(world: &World, picture: &Picture) -> Option<Vec<u8>> {
    std::fs::read(world.office().photos().original(&picture.photo.sha256)).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumbnail_is_kept_when_it_is_the_one_that_its_entry_names() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph(item);
    let early = li.preview(&world, &picture, &picture.thumbnail).await;
    assert!(early.taken.is_empty() && early.refused.is_empty(), "its entry has not come yet");

    li.sync(&world).await;
    let other = li.preview(&world, &picture, b"\xFF\xD8\xFF\xD9").await;
    assert_eq!(other.refused.len(), 1);
    let right = li.preview(&world, &picture, &picture.thumbnail).await;
    assert_eq!(right.taken, [(picture.entry, picture.photo.sha256)]);
    let file = world.office().photos().thumbnail(&picture.photo.sha256);
    assert_eq!(std::fs::read(file).unwrap(), picture.thumbnail);

    let mut wang = world.phone("wang").await;
    let foreign = wang.preview(&world, &picture, &picture.thumbnail).await;
    assert!(foreign.taken.is_empty() && foreign.refused.is_empty());
}

/// The phone's folder with its photos.
fn folder_of(phone: &Phone) -> PhotoFolder {
    PhotoFolder::open(&phone.folder.path().join("photos")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_thumbnail_of_a_photo_stays_and_counts_for_those_only_who_name_it() {
    let world = World::new().await;
    let (mut li, picture) = photographed(&world).await;
    assert_eq!(li.preview(&world, &picture, &picture.thumbnail).await.taken.len(), 1);

    // Another phone shows the same photo with the same thumbnail, a third with one of its own.
    let mut wang = world.phone("wang").await;
    let item = wang.report();
    let same = wang.attach(item, picture.photo.clone(), &folder_of(&li));
    wang.sync(&world).await;
    assert_eq!(wang.preview(&world, &same, &picture.thumbnail).await.taken, [(same.entry, same.photo.sha256)]);

    let mut sun = world.phone("sun").await;
    let item = sun.report();
    let forged = sun.photograph(item);
    let photo = Photo { thumbnail: forged.photo.thumbnail, ..picture.photo.clone() };
    let other = sun.attach(item, photo, &folder_of(&li));
    sun.sync(&world).await;
    let answer = sun.preview(&world, &other, &forged.thumbnail).await;
    assert!(answer.taken.is_empty() && answer.refused[0].2.contains("another thumbnail"), "{answer:?}");
    // Nor does somebody else's thumbnail count for an entry that names another one.
    let answer = sun.preview(&world, &other, &picture.thumbnail).await;
    assert!(answer.taken.is_empty() && answer.refused[0].2.contains("not those"), "{answer:?}");

    let file = world.office().photos().thumbnail(&picture.photo.sha256);
    assert_eq!(std::fs::read(file).unwrap(), picture.thumbnail);
    assert_eq!(world.status().await.photos.previewed, 2);
    // What was taken is taken when it comes again.
    assert_eq!(li.preview(&world, &picture, &picture.thumbnail).await.taken.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_office_draws_from_one_entrys_original_is_not_shown_for_anothers() {
    let world = World::new().await;
    let (mut li, picture) = photographed(&world).await;
    // Somebody who knows only the hash of 李巡查's photo names it in a case of their own, with a picture of their own.
    let mut sun = world.phone("sun").await;
    let item = sun.report();
    let forged = sun.photograph(item);
    let photo = Photo { thumbnail: forged.photo.thumbnail, ..picture.photo.clone() };
    let other = sun.attach(item, photo, &folder_of(&li));
    sun.sync(&world).await;
    assert_eq!(sun.preview(&world, &other, &forged.thumbnail).await.taken.len(), 1);

    let zhang = world.browser("zhang").await;
    let page = |item: ItemId| format!("/cases/{item}/photos/{}/thumb", picture.photo.sha256);
    assert_eq!(zhang.get(&page(other.item)).await.body, forged.thumbnail);
    assert_eq!(zhang.get(&page(picture.item)).await.headers["content-type"], "image/svg+xml", "its own has not come");

    li.begin(&world, &picture, &picture.original).await;
    world.office().drawn().await.unwrap();
    assert_eq!(zhang.get(&page(picture.item)).await.body, picture.thumbnail);
    assert_eq!(zhang.get(&page(other.item)).await.headers["content-type"], "image/svg+xml");
    assert_eq!(li.preview(&world, &picture, &picture.thumbnail).await.taken.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_its_phone_showed_otherwise_is_flagged_and_the_console_says_so() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let honest = li.photograph(item);
    let drawn_elsewhere = li.photograph(item);
    li.sync(&world).await;
    li.begin(&world, &honest, &honest.original).await;
    world.office().drawn().await.unwrap();
    let case = format!("/cases/{item}");
    let zhang = world.browser("zhang").await;
    assert!(!zhang.get(&case).await.text().contains("请核对"));
    assert_eq!(world.status().await.photos.flagged, 0);

    let photo = Photo { thumbnail: honest.photo.thumbnail, view: honest.photo.view, ..drawn_elsewhere.photo.clone() };
    let mut wang = world.phone("wang").await;
    let item = wang.report();
    let shown_otherwise = wang.attach(item, photo, &folder_of(&li));
    wang.sync(&world).await;
    wang.begin(&world, &shown_otherwise, &shown_otherwise.original).await;
    assert!(has_receipt(&world, &shown_otherwise).await, "it is kept all the same");
    world.office().drawn().await.unwrap();
    assert_eq!(world.status().await.photos.flagged, 1);
    let page = zhang.get(&format!("/cases/{item}")).await.text();
    assert!(page.contains("手机发来的缩略图与原件不符，请核对"), "{page}");
    assert!(page.contains("手机上的预览图与原件不符，请核对"), "{page}");
    assert!(!zhang.get(&case).await.text().contains("请核对"), "the other case has nothing to do with it");
}

/// How many photos are still to be drawn.
async fn undrawn(world: &World) -> u64 {
    let count =
        |conn: &rusqlite::Connection| Ok(conn.query_row("SELECT count(*) FROM office_drawing", [], |row| row.get(0))?);
    world.office().read(count).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_heic_the_desk_sees_the_view_that_its_phone_sent() {
    let mut world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph_in_heic(item);
    li.sync(&world).await;
    let page = |rendition: &str| format!("/cases/{item}/photos/{}/{rendition}", picture.photo.sha256);
    let zhang = world.browser("zhang").await;
    li.preview(&world, &picture, &picture.thumbnail).await;
    assert_eq!(zhang.get(&page("view")).await.body, picture.thumbnail, "until the view has come");

    let named = [(picture.entry, picture.photo.sha256)];
    assert_eq!(li.show(&world, Rendition::View, &picture, &picture.view).await.taken, named);
    assert_eq!(li.show(&world, Rendition::View, &picture, &picture.view).await.taken, named, "as often as it comes");
    assert_eq!(zhang.get(&page("view")).await.body, picture.view);
    assert_eq!(zhang.get(&page("thumb")).await.body, picture.thumbnail);
    assert!(zhang.get(&format!("/cases/{item}")).await.text().contains("预览图已到"));

    // Its original says no more to the office: nothing is drawn, nothing doubted, nothing tried again.
    li.begin(&world, &picture, &picture.original).await;
    assert!(has_receipt(&world, &picture).await);
    world.office().drawn().await.unwrap();
    assert_eq!((undrawn(&world).await, flags(&world).await), (0, Vec::new()));
    let backups = world.folder.path().join("backups");
    let backup = xuncheng_office::backup(&world.data(), &backups).unwrap();
    assert!(backup.manifest.photos.iter().any(|part| part.sha256 == picture.photo.view), "{:?}", backup.manifest);
    drop(zhang);
    world.restart().await;
    let zhang = world.browser("zhang").await;
    assert_eq!(zhang.get(&page("view")).await.body, picture.view);
    let original = zhang.get(&page("original")).await;
    assert_eq!((original.headers["content-type"].to_str().unwrap(), original.body), ("image/heic", picture.original));
    let name = format!("attachment; filename=\"{}.heic\"", &picture.photo.sha256.to_string()[..12]);
    assert_eq!(original.headers["content-disposition"], name.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_kept_only_of_what_the_office_cannot_draw_and_only_as_its_entry_names_it() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let heic = li.photograph_in_heic(item);
    let early = li.show(&world, Rendition::View, &heic, &heic.view).await;
    assert!(early.taken.is_empty() && early.refused.is_empty(), "its entry has not come yet");
    let jpeg = li.photograph(item);
    let folder = folder_of(&li);
    // Entries that name what is no view: another size, no picture, more bytes than a view has.
    let large = image::RgbImage::from_pixel(1601, 8, image::Rgb([90, 90, 90]));
    let mut wide = std::io::Cursor::new(Vec::new());
    large.write_to(&mut wide, image::ImageFormat::Jpeg).unwrap();
    let odd = [wide.into_inner(), b"no picture".to_vec(), vec![0xFF; limits::VIEW_JPEG_BYTES + 1]].map(|bytes| {
        let photo = Photo { view: Fingerprint::of(&bytes).sha256, ..heic.photo.clone() };
        (li.attach(item, photo, &folder), bytes)
    });
    li.sync(&world).await;
    let mut refusal = async |picture: &Picture, bytes: &[u8]| {
        let answer = li.show(&world, Rendition::View, picture, bytes).await;
        assert!(answer.taken.is_empty(), "{answer:?}");
        answer.refused.into_iter().map(|(_, _, why)| why).collect::<String>()
    };
    assert!(refusal(&jpeg, &jpeg.view).await.contains("the office draws this picture"));
    assert!(refusal(&heic, &heic.thumbnail).await.contains("not those that the entry names"));
    for ((picture, bytes), why) in odd.iter().zip(["1,601 × 8 pixels", "not a JPEG", "at most 655360 bytes"]) {
        let said = refusal(picture, bytes).await;
        assert!(said.contains(why), "{said}");
    }
    let mut wang = world.phone("wang").await;
    let foreign = wang.show(&world, Rendition::View, &heic, &heic.view).await;
    assert!(foreign.taken.is_empty() && foreign.refused.is_empty());
    let views = world.office().photos().sent_view(&heic.photo.view);
    assert!(!views.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_names_anothers_heic_shows_their_own_pictures_and_no_other() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph_in_heic(item);
    // Somebody who knows the hash of 李巡查's photo was here first, with pictures of their own.
    let mut sun = world.phone("sun").await;
    let item = sun.report();
    let forged = sun.photograph(item);
    let photo = Photo { view: forged.photo.view, thumbnail: forged.photo.thumbnail, ..picture.photo.clone() };
    let other = sun.attach(item, photo, &folder_of(&li));
    sun.sync(&world).await;
    assert_eq!(sun.preview(&world, &other, &forged.thumbnail).await.taken.len(), 1);
    assert_eq!(sun.show(&world, Rendition::View, &other, &forged.view).await.taken.len(), 1);

    li.sync(&world).await;
    assert_eq!(li.show(&world, Rendition::View, &picture, &picture.view).await.taken.len(), 1);
    li.begin(&world, &picture, &picture.original).await;
    world.office().drawn().await.unwrap();
    let zhang = world.browser("zhang").await;
    let page = |item: ItemId, rendition: &str| format!("/cases/{item}/photos/{}/{rendition}", picture.photo.sha256);
    for rendition in ["thumb", "view"] {
        assert_eq!(zhang.get(&page(picture.item, rendition)).await.body, picture.view, "not what stands in its place");
    }
    assert_eq!(zhang.get(&page(other.item, "view")).await.body, forged.view);
    assert_eq!(zhang.get(&page(other.item, "original")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_breaks_its_decoder_is_flagged_and_not_met_again() {
    let mut world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let sound = li.photograph(item);
    let breaking: &[u8] = include_bytes!("../../../tests/src/fixtures/breaking.jpg");
    let found = Fingerprint::of(breaking);
    let photo = Photo { sha256: found.sha256, sm3: found.sm3, bytes: found.bytes, ..sound.photo.clone() };
    let folder = folder_of(&li);
    for (file, bytes) in [
        (folder.original(&photo.sha256), breaking),
        (folder.view(&photo.sha256), &sound.view),
        (folder.thumbnail(&photo.sha256), &sound.thumbnail),
    ] {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
    let broken = li.attach(item, photo, &folder);
    li.sync(&world).await;
    li.begin(&world, &broken, &broken.original).await;
    li.begin(&world, &sound, &sound.original).await;
    world.office().drawn().await.unwrap();
    assert_eq!(flags(&world).await, [(broken.entry, "unreadable".to_owned())], "and the one after it is drawn");
    assert_eq!(undrawn(&world).await, 0);
    world.restart().await;
    assert!(has_receipt(&world, &broken).await, "it is kept all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_in_pieces_gets_its_receipt_when_it_is_whole_and_not_before() {
    let world = World::new().await;
    let (mut li, picture) = photographed(&world).await;
    let half = picture.original.len() / 2;
    let created = li.begin(&world, &picture, &picture.original[..half]).await;
    assert_eq!((created.status, created.offset()), (StatusCode::CREATED, half as u64));
    assert!(created.location().starts_with("/v1/photos/uploads/"));
    assert!(created.headers["upload-expires"].to_str().unwrap().ends_with(" GMT"));
    assert!(!has_receipt(&world, &picture).await && kept(&world, &picture).is_none());

    let rest = Body::from(picture.original[half..].to_vec());
    let answer = li.patch(&world, &created.location(), half as u64, rest).await;
    assert_eq!((answer.status, answer.offset()), (StatusCode::NO_CONTENT, picture.original.len() as u64));
    assert_eq!(kept(&world, &picture).as_ref(), Some(&picture.original));
    assert_eq!(originals(&world, picture.item).await, 1);
    let status = world.status().await;
    assert_eq!((status.photos.received, status.photos.flagged, status.uploads.resent_bytes), (1, 0, 0));

    let page = li.sync(&world).await.page;
    let receipt = page.receipts[0].open(li.office_key.as_ref().unwrap()).unwrap();
    assert_eq!((receipt.entry, receipt.sha256, receipt.epoch), (picture.entry, picture.photo.sha256, li.epoch));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_cut_goes_on_where_it_was_cut_also_after_a_restart() {
    let mut world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let cut_at = 10_000;
    let pieces =
        [Ok(Bytes::copy_from_slice(&picture.original[..cut_at])), Err(std::io::Error::other("the link is gone"))];
    let cut = Body::from_stream(futures_util::stream::iter(pieces));
    let (entry, sha256, length) = (picture.entry, picture.photo.sha256, picture.original.len() as u64);
    let answer = li.create(&world, entry, sha256, length, cut).await;
    assert_eq!(answer.code(), "cut_off");

    world.restart().await;
    // The phone does not know where its upload is: it asks for it again, and says nothing twice.
    let again = li.begin(&world, &picture, &[]).await;
    assert_eq!((again.status, again.offset()), (StatusCode::CREATED, cut_at as u64));
    let asked = li.head(&world, &again.location()).await;
    assert_eq!((asked.status, asked.offset()), (StatusCode::OK, cut_at as u64));
    let wrong = li.patch(&world, &again.location(), 0, Body::from(picture.original.clone())).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::CONFLICT, "offset_mismatch"));
    let rest = Body::from(picture.original[cut_at..].to_vec());
    assert_eq!(li.patch(&world, &again.location(), cut_at as u64, rest).await.status, StatusCode::NO_CONTENT);
    assert!(has_receipt(&world, &picture).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_upload_that_is_sent_again_changes_nothing() {
    let world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let first = li.begin(&world, &picture, &picture.original).await;
    let second = li.begin(&world, &picture, &picture.original).await;
    assert_eq!((second.status, second.location()), (StatusCode::CREATED, first.location()));
    assert_eq!(second.offset(), picture.original.len() as u64);
    let status = world.status().await;
    assert_eq!(status.uploads.resent_bytes, picture.original.len() as u64);
    assert_eq!((status.photos.received, originals(&world, picture.item).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_the_photo_are_discarded_and_the_photo_can_come() {
    let world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let mut spoilt = picture.original.clone();
    spoilt[5_000] ^= 1;
    let answer = li.begin(&world, &picture, &spoilt).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (460, "checksum_mismatch"));
    assert!(!has_receipt(&world, &picture).await && kept(&world, &picture).is_none());
    assert_eq!(li.begin(&world, &picture, &picture.original).await.status, StatusCode::CREATED);
    assert!(has_receipt(&world, &picture).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_entry_and_anothers_are_told_the_same_and_may_come_later() {
    let world = World::new().await;
    let (_, picture) = photographed(&world).await;
    let mut wang = world.phone("wang").await;
    let item = wang.report();
    let own = wang.photograph(item);
    wang.sync(&world).await;
    let anothers = wang.begin(&world, &picture, &picture.original).await;
    let late = wang.photograph(item);
    let unknown = wang.begin(&world, &late, &late.original).await;
    assert_eq!((unknown.status, anothers.status), (StatusCode::CONFLICT, StatusCode::CONFLICT));
    assert_eq!(unknown.problem(), anothers.problem());
    wang.sync(&world).await;
    assert_eq!(wang.begin(&world, &late, &late.original).await.status, StatusCode::CREATED);

    // A known hash is no photo of one's own: its bytes have to come from whoever names it.
    let mismatch = wang.create(&world, own.entry, picture.photo.sha256, own.original.len() as u64, Body::empty()).await;
    assert_eq!(mismatch.code(), "not_of_entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_photo_under_another_entry_has_to_come_again() {
    let world = World::new().await;
    let (li, picture) = photographed(&world).await;
    li.begin(&world, &picture, &picture.original).await;
    let mut wang = world.phone("wang").await;
    let item = wang.report();
    let same = wang.attach(item, picture.photo.clone(), &folder_of(&li));
    wang.sync(&world).await;
    assert!(!has_receipt(&world, &same).await);
    wang.begin(&world, &same, &same.original).await;
    assert!(has_receipt(&world, &same).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_ones_own_uploads_until_it_expires() {
    let world = World::new().await;
    let (mut li, picture) = photographed(&world).await;
    let created = li.begin(&world, &picture, &picture.original[..100]).await;
    let mut wang = world.phone("wang").await;
    wang.sync(&world).await;
    assert_eq!(wang.head(&world, &created.location()).await.status, StatusCode::NOT_FOUND);
    let stolen = wang.patch(&world, &created.location(), 100, Body::from("x")).await;
    assert_eq!(stolen.code(), "not_found");

    let good = std::mem::replace(&mut li.token, "bm90IGEgdG9rZW4".to_owned());
    assert_eq!(li.begin(&world, &picture, &[]).await.code(), "bad_token");
    li.token = good;
    // A token is good to the end of the day on which an upload that was begun with it expires.
    world.pass_ms(limits::UPLOAD_KEEP_MS + 1);
    let expired = li.patch(&world, &created.location(), 100, Body::from("x")).await;
    assert_eq!((expired.status, expired.code().as_str()), (StatusCode::GONE, "expired"));
    world.pass_ms(24 * 3_600_000);
    assert_eq!(li.begin(&world, &picture, &[]).await.code(), "bad_token");
    li.sync(&world).await;
    assert_eq!(li.begin(&world, &picture, &picture.original).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_speak_tus_and_say_so() {
    let world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let options = world.call(Request::options("/v1/photos/uploads").body(Body::empty()).unwrap()).await;
    assert_eq!(options.status, StatusCode::NO_CONTENT);
    assert_eq!(options.headers["tus-version"], "1.0.0");
    assert_eq!(options.headers["tus-extension"], "creation,creation-with-upload,expiration");
    assert_eq!(options.headers["tus-max-size"], limits::PHOTO_BYTES.to_string().as_str());

    let mute = world.post("/v1/photos/uploads", Vec::new()).await;
    assert_eq!((mute.status, mute.code().as_str()), (StatusCode::PRECONDITION_FAILED, "tus_version"));
    assert_eq!(mute.headers["tus-version"], "1.0.0");

    let (entry, sha256) = (picture.entry, picture.photo.sha256);
    let large = li.create(&world, entry, sha256, limits::PHOTO_BYTES + 1, Body::empty()).await;
    assert_eq!((large.status, large.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
    let created = li.begin(&world, &picture, &[]).await;
    let over = li.patch(&world, &created.location(), 0, Body::from([&picture.original[..], b"x"].concat())).await;
    assert_eq!(over.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(li.head(&world, "/v1/photos/uploads/zz").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_write_to_one_upload_one_is_locked_out() {
    let world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let created = li.begin(&world, &picture, &[]).await;
    let (feed, body) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let slow = Body::from_stream(futures_util::stream::unfold(body, |mut body| async {
        let piece = body.recv().await?;
        Some((piece, body))
    }));
    let location = created.location();
    let (first, ()) = tokio::join!(li.patch(&world, &location, 0, slow), async {
        feed.send(Ok(Bytes::from_static(b"abc"))).await.unwrap();
        // The channel holds one piece: once there is room again, the first request is reading.
        feed.reserve().await.unwrap();
        let second = li.patch(&world, &location, 0, Body::from("abc")).await;
        assert_eq!((second.status, second.code().as_str()), (StatusCode::LOCKED, "locked"));
        drop(feed);
    });
    assert_eq!((first.status, first.offset()), (StatusCode::NO_CONTENT, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_last_byte_and_the_receipt_is_made_good_at_the_next_start() {
    let mut world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let created = li.begin(&world, &picture, &[]).await;
    // As the crash leaves it: all bytes noted, nothing signed.
    let id = created.location().rsplit('/').next().unwrap().to_owned();
    std::fs::write(world.data().join("uploads").join(&id), &picture.original).unwrap();
    let sql = "UPDATE office_upload SET offset = length";
    world.office().turn(move |intake| Ok(intake.tx.execute(sql, [])?)).await.unwrap();
    world.restart().await;
    assert!(has_receipt(&world, &picture).await);
    assert_eq!(kept(&world, &picture), Some(picture.original.clone()));
    assert_eq!(originals(&world, picture.item).await, 1);
    world.office().drawn().await.unwrap();
    let view = world.office().photos().view(&picture.photo.sha256);
    assert_eq!(Fingerprint::of_file(&view).unwrap().sha256, picture.photo.view);
    let head = li.head(&world, &created.location()).await;
    assert_eq!(head.offset(), picture.original.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_last_turn_failed_is_signed_for_when_its_phone_asks_again() {
    let world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let created = li.begin(&world, &picture, &[]).await;
    // The original gets its place, and the turn that would sign for it fails.
    let ledger = rusqlite::Connection::open(world.data().join("ledger.sqlite")).unwrap();
    let body: String =
        ledger.query_row("SELECT body FROM entry WHERE change = 'attach'", [], |row| row.get(0)).unwrap();
    let put = |body: &str| ledger.execute("UPDATE entry SET body = ?1 WHERE change = 'attach'", [body]).unwrap();
    put("");
    let whole = Body::from(picture.original.clone());
    let failed = li.patch(&world, &created.location(), 0, whole).await;
    assert!(failed.status.is_client_error(), "{}", failed.status);
    assert!(kept(&world, &picture).is_some() && !has_receipt(&world, &picture).await);
    put(&body);
    let head = li.head(&world, &created.location()).await;
    assert_eq!(head.offset(), picture.original.len() as u64);
    assert!(has_receipt(&world, &picture).await);
    assert_eq!(originals(&world, picture.item).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_does_not_wait_for_the_pictures_and_what_was_not_drawn_is_drawn_after_the_next_start() {
    let mut world = World::new().await;
    let (li, picture) = photographed(&world).await;
    let mut wang = world.phone("wang").await;
    let item = wang.report();
    let other = wang.photograph(item);
    let photo = Photo { view: other.photo.view, ..picture.photo.clone() };
    let shown_otherwise = wang.attach(item, photo, &folder_of(&li));
    wang.sync(&world).await;

    // The artist has no room to draw in.
    let easel = world.data().join("photos").join("drawing");
    std::fs::write(&easel, "").unwrap();
    assert_eq!(li.begin(&world, &picture, &picture.original).await.status, StatusCode::CREATED);
    assert!(has_receipt(&world, &picture).await);
    let answer = wang.begin(&world, &shown_otherwise, &picture.original).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert!(has_receipt(&world, &shown_otherwise).await);
    world.office().drawn().await.unwrap();
    let view = world.office().photos().view(&picture.photo.sha256);
    assert!(!view.exists());
    assert_eq!(world.status().await.photos.flagged, 0);

    std::fs::remove_file(easel).unwrap();
    world.restart().await;
    world.office().drawn().await.unwrap();
    assert_eq!(Fingerprint::of_file(&view).unwrap().sha256, picture.photo.view);
    // Drawn once, compared with what each of the entries says: one of them shows something else.
    assert_eq!(flags(&world).await, [(shown_otherwise.entry, "view".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_comes_to_a_photo_that_is_drawn_is_compared_even_after_the_office_ended() {
    let mut world = World::new().await;
    let (li, picture) = photographed(&world).await;
    li.begin(&world, &picture, &picture.original).await;
    world.office().drawn().await.unwrap();

    let mut wang = world.phone("wang").await;
    let item = wang.report();
    let other = wang.photograph(item);
    let photo = Photo { thumbnail: other.photo.thumbnail, ..picture.photo.clone() };
    let shown_otherwise = wang.attach(item, photo, &folder_of(&li));
    wang.sync(&world).await;
    let drawing = world.data().join("photos").join("drawing");
    std::fs::remove_dir_all(&drawing).unwrap();
    std::fs::write(&drawing, "").unwrap();
    wang.begin(&world, &shown_otherwise, &picture.original).await;
    world.office().drawn().await.unwrap();
    assert!(flags(&world).await.is_empty());

    std::fs::remove_file(drawing).unwrap();
    world.restart().await;
    world.office().drawn().await.unwrap();
    assert_eq!(flags(&world).await, [(shown_otherwise.entry, "thumbnail".to_owned())]);
}

/// What of which entry's photo was flagged.
async fn flags(world: &World) -> Vec<(EntryId, String)> {
    let read = |conn: &rusqlite::Connection| {
        let mut statement = conn.prepare("SELECT entry, what FROM office_flag ORDER BY entry, what")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    world.office().read(read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_is_safe_is_named_once_a_backup_holds_it() {
    let world = World::new().await;
    let (mut li, picture) = photographed(&world).await;
    li.begin(&world, &picture, &picture.original).await;
    world.office().drawn().await.unwrap();
    assert!(!li.sync(&world).await.limits.has_backups);
    let place = world.folder.path().join("backups");
    let report = xuncheng_office::backup(&world.data(), &place).unwrap();
    assert_eq!((report.newly_safe, report.missing.len()), (1, 0));
    let response = li.sync(&world).await;
    assert!(response.limits.has_backups);
    let safe = FeedRow::Safe { entry: picture.entry, sha256: picture.photo.sha256 };
    assert_eq!(response.page.feeds.iter().flat_map(|feed| &feed.rows).filter(|row| **row == safe).count(), 1);
    let again = xuncheng_office::backup(&world.data(), &place).unwrap();
    assert_eq!((again.newly_safe, again.copied), (0, 0));
    assert!(li.sync(&world).await.page.feeds.is_empty());
}
