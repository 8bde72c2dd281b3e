//! Backups that a disk has damaged: what of them is put back, and what is said of the rest.

use std::fs;
use std::path::{Path, PathBuf};

use xuncheng_core::id::PhotoHash;
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_core::sync::wire::Rendition;
use xuncheng_office::{backup, restore};

use crate::phone::{Phone, Picture};
use crate::world::World;

/// An office with one case and two photos whose originals have arrived and are drawn.
async fn with_two_photos(world: &World) -> (Phone, [Picture; 2]) {
    let mut li = world.phone("li").await;
    let item = li.report();
    let pictures = [li.photograph(item), li.photograph(item)];
    li.sync(world).await;
    for picture in &pictures {
        li.begin(world, picture, &picture.original).await;
    }
    world.office().drawn().await.unwrap();
    (li, pictures)
}

fn place(world: &World) -> PathBuf {
    world.folder.path().join("backups")
}

fn again(world: &World) -> PathBuf {
    world.folder.path().join("again")
}

/// Where the place keeps these bytes.
fn blob(world: &World, sha256: &PhotoHash) -> PathBuf {
    let name = sha256.to_string();
    place(world).join("blobs").join(&name[..2]).join(&name)
}

fn rot(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Puts what was restored in the place of the office that is lost.
async fn move_in(world: &mut World) {
    world.office = None;
    fs::rename(world.data(), world.folder.path().join("lost")).unwrap();
    fs::rename(again(world), world.data()).unwrap();
    world.open().await;
    world.office().drawn().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn smaller_pictures_that_are_damaged_or_gone_are_drawn_again() {
    let mut world = World::new().await;
    let (_, [picture, _]) = with_two_photos(&world).await;
    let shown = |world: &World| {
        let folder = PhotoFolder::open(&world.data().join("photos")).unwrap();
        [folder.view(&picture.photo.sha256), folder.thumbnail(&picture.photo.sha256)]
            .map(|file| fs::read(file).unwrap())
    };
    let before = shown(&world);
    backup(&world.data(), &place(&world)).unwrap();
    let [view, thumbnail] = before.each_ref().map(|bytes| blob(&world, &Fingerprint::of(bytes).sha256));
    rot(&thumbnail);
    fs::remove_file(view).unwrap();

    let report = restore(&place(&world), &again(&world), false).unwrap();
    assert_eq!((report.drawn_again, report.missing.len(), report.photos), (2, 0, 4));
    move_in(&mut world).await;
    assert_eq!(shown(&world), before);
    let photos = world.status().await.photos;
    assert_eq!((photos.received, photos.flagged), (2, 0));
    assert_eq!(backup(&world.data(), &place(&world)).unwrap().copied, 2, "and the place has them again");
}

#[tokio::test(flavor = "multi_thread")]
async fn originals_that_are_damaged_or_gone_are_named_and_only_whoever_accepts_the_loss_restores() {
    let mut world = World::new().await;
    let (li, pictures) = with_two_photos(&world).await;
    // The second backup's ledger says that the first one made them safe.
    backup(&world.data(), &place(&world)).unwrap();
    backup(&world.data(), &place(&world)).unwrap();
    assert_eq!(world.status().await.photos.safe, 2);
    rot(&blob(&world, &pictures[0].photo.sha256));
    // As unreadable as a bad sector.
    let unreadable = blob(&world, &pictures[1].photo.sha256);
    fs::remove_file(&unreadable).unwrap();
    fs::create_dir(&unreadable).unwrap();

    let error = restore(&place(&world), &again(&world), false).unwrap_err().to_string();
    for picture in &pictures {
        let named = format!("the original {} of BZ20260721-0001, by li", picture.photo.sha256);
        assert!(error.contains(&named), "{error}");
    }
    assert!(error.contains("--accept-loss"), "{error}");
    let left: Vec<_> = fs::read_dir(world.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "again" || name.as_encoded_bytes().starts_with(b".")), "{left:?}");

    let report = restore(&place(&world), &again(&world), true).unwrap();
    let mut missing = pictures.each_ref().map(|picture| picture.photo.sha256);
    missing.sort();
    assert_eq!((report.missing.as_slice(), report.losses.len()), (&missing[..], 4));
    move_in(&mut world).await;
    let photos = world.status().await.photos;
    assert_eq!((photos.received, photos.safe), (0, 0), "its receipts for them are void");
    let ledger = rusqlite::Connection::open(world.data().join("ledger.sqlite")).unwrap();
    let safe: u64 =
        ledger.query_row("SELECT count(*) FROM feed WHERE row LIKE '{\"safe\"%'", [], |row| row.get(0)).unwrap();
    assert_eq!(safe, 0, "no phone is told that it may let go of them");

    // A phone that offers one again gets a receipt again.
    li.begin(&world, &pictures[0], &pictures[0].original).await;
    assert_eq!(world.status().await.photos.received, 1);
    let report = backup(&world.data(), &place(&world)).unwrap();
    assert_eq!((report.newly_safe, report.missing.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_the_office_cannot_draw_are_losses_too() {
    let mut world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let (heic, waiting) = (li.photograph_in_heic(item), li.photograph(item));
    li.sync(&world).await;
    li.begin(&world, &heic, &heic.original).await;
    li.show(&world, Rendition::View, &heic, &heic.view).await;
    li.preview(&world, &waiting, &waiting.thumbnail).await;
    backup(&world.data(), &place(&world)).unwrap();
    rot(&blob(&world, &heic.photo.view));
    rot(&blob(&world, &waiting.photo.thumbnail));

    let error = restore(&place(&world), &again(&world), false).unwrap_err().to_string();
    for named in [
        format!("the view that its phone sent, {} of BZ20260721-0001, by li", heic.photo.view),
        format!("the thumbnail {} of BZ20260721-0001, by li", waiting.photo.sha256),
    ] {
        assert!(error.contains(&named), "{error}");
    }
    let report = restore(&place(&world), &again(&world), true).unwrap();
    assert_eq!((report.missing.len(), report.drawn_again), (0, 0));
    move_in(&mut world).await;
    // Both are taken again from their phone.
    let folder = world.office().photos().clone();
    assert!(!folder.sent_view(&heic.photo.view).exists() && !folder.thumbnail(&waiting.photo.sha256).exists());
    li.show(&world, Rendition::View, &heic, &heic.view).await;
    li.preview(&world, &waiting, &waiting.thumbnail).await;
    assert_eq!(fs::read(folder.sent_view(&heic.photo.view)).unwrap(), heic.view);
    assert_eq!(fs::read(folder.thumbnail(&waiting.photo.sha256)).unwrap(), waiting.thumbnail);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_a_backup_is_said_at_once_and_which_older_one_is_whole() {
    let world = World::new().await;
    let (mut li, pictures) = with_two_photos(&world).await;
    let older = backup(&world.data(), &place(&world)).unwrap().backup;
    li.report();
    li.sync(&world).await;
    let newest = backup(&world.data(), &place(&world)).unwrap().backup;
    let older = older.canonicalize().unwrap();
    for file in ["ledger.sqlite", "keys/node.key"] {
        rot(&newest.join(file));
    }
    let error = restore(&place(&world), &again(&world), true).unwrap_err().to_string();
    for said in ["ledger.sqlite is missing or changed; keys/node.key is missing or changed", "--accept-loss"] {
        assert!(error.contains(said), "{error}");
    }
    assert!(error.contains(&format!("{} is whole, as of", older.display())), "{error}");

    // A manifest that cannot be read makes its folder no reason to forget that it is newer.
    fs::write(newest.join("manifest.json"), b"{").unwrap();
    let error = restore(&newest, &again(&world), true).unwrap_err().to_string();
    assert!(error.contains("is no manifest") && error.contains(&older.display().to_string()), "{error}");
    let error = restore(&place(&world), &again(&world), false).unwrap_err().to_string();
    assert!(error.contains("is newer and cannot be read") && error.contains("--accept-loss"), "{error}");
    let report = restore(&place(&world), &again(&world), true).unwrap();
    assert_eq!((&report.backup, report.missing.len()), (&older, 0));
    assert!(pictures.iter().all(|picture| {
        PhotoFolder::open(&again(&world).join("photos")).unwrap().original(&picture.photo.sha256).exists()
    }));

    fs::remove_file(older.join("ledger.sqlite")).unwrap();
    let error = restore(&older, &world.folder.path().join("third"), true).unwrap_err().to_string();
    assert!(error.contains("no other backup there is whole either"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_the_offices_disk_does_not_give_back_keeps_no_backup_from_being_made() {
    let world = World::new().await;
    let (_, pictures) = with_two_photos(&world).await;
    let lost = pictures[0].photo.sha256;
    let original = world.office().photos().original(&lost);
    fs::remove_file(&original).unwrap();
    fs::create_dir(&original).unwrap();
    let report = backup(&world.data(), &place(&world)).unwrap();
    assert_eq!((report.missing.as_slice(), report.newly_safe), (&[lost][..], 1));
    let error = restore(&place(&world), &again(&world), false).unwrap_err().to_string();
    assert!(error.contains(&lost.to_string()) && error.contains("--accept-loss"), "{error}");
    assert_eq!(restore(&place(&world), &again(&world), true).unwrap().missing, [lost]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_backup_left_is_swept_by_the_next_and_a_running_one_is_not() {
    let world = World::new().await;
    with_two_photos(&world).await;
    backup(&world.data(), &place(&world)).unwrap();
    let [killed, running] = ["killed", "running"].map(|name| {
        let folder = place(&world).join(format!(".unfinished-{name}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("ledger.sqlite"), b"half of a ledger").unwrap();
        (folder.clone(), fs::File::create(folder.join("unfinished.lock")).unwrap())
    });
    drop(killed.1);
    running.1.lock().unwrap();
    backup(&world.data(), &place(&world)).unwrap();
    assert!(!killed.0.exists() && running.0.join("ledger.sqlite").exists());
}
