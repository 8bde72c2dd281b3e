use std::path::{Path, PathBuf};

use xuncheng_core::sync::wire::Epoch;
use xuncheng_office::{Config, Office, backup, restore};

use crate::world::{Phone, Picture, World};

/// An office with one case whose original has arrived.
async fn with_one_case(world: &World) -> (Phone, Picture) {
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph(item);
    li.sync(world).await;
    li.begin(world, &picture, &picture.original).await;
    (li, picture)
}

fn place(world: &World) -> PathBuf {
    world.folder.path().join("backups")
}

fn epoch_of(data: &Path) -> Epoch {
    Office::open(Config::new(data)).unwrap().epoch().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_office_stands_on_a_new_epoch_with_all_that_was_backed_up() {
    let world = World::new().await;
    let (mut li, picture) = with_one_case(&world).await;
    backup(&world.data(), &place(&world)).unwrap();
    let again = world.folder.path().join("again");
    let report = restore(&place(&world), &again, false).unwrap();
    assert_eq!(report.epoch.counter, 2);
    assert_eq!(report.epoch.parent, Some(li.epoch));
    assert!(report.losses.iter().any(|loss| loss.contains("phones send it again")));
    assert!(!again.join("keys/root.key").exists());
    assert_eq!(
        std::fs::read(
            again.join("photos").join(&picture.photo.sha256.to_string()[..2]).join(picture.photo.sha256.to_string())
        )
        .unwrap(),
        picture.original
    );
    assert_eq!(epoch_of(&again), report.epoch);

    // The phone goes on at the restored office, and learns the epoch before it reads anything.
    let mut world = world;
    world.office = None;
    std::fs::rename(world.data(), world.folder.path().join("lost")).unwrap();
    std::fs::rename(&again, world.data()).unwrap();
    world.open().await;
    li.report();
    let response = li.sync(&world).await;
    assert_eq!(response.refusal, None);
    assert_eq!(response.epoch.open(li.office_key.as_ref().unwrap()).unwrap(), report.epoch);
    assert!(response.page.feeds.is_empty());
    assert_eq!(world.status().await.cases, 2);

    let third = world.folder.path().join("third");
    assert_eq!(restore(&place(&world), &third, false).unwrap().epoch.counter, 3, "no epoch is given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_tampered_with_does_not_verify() {
    let world = World::new().await;
    let (_, picture) = with_one_case(&world).await;
    let report = backup(&world.data(), &place(&world)).unwrap();
    let to = world.folder.path().join("again");
    let name = picture.photo.sha256.to_string();
    let blob = place(&world).join("blobs").join(&name[..2]).join(&name);
    let ledger = report.backup.join("ledger.sqlite");
    for file in [blob.clone(), ledger, report.backup.join("people.toml"), report.backup.join("keys/node.key")] {
        let good = std::fs::read(&file).unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        std::fs::write(&file, &bad).unwrap();
        let error = restore(&place(&world), &to, false).unwrap_err().to_string();
        assert!(error.contains("is missing or changed"), "{error}");
        assert!(!to.exists());
        std::fs::write(&file, good).unwrap();
    }
    // A damaged blob is written again by the next backup.
    std::fs::write(&blob, b"rot").unwrap();
    assert_eq!(backup(&world.data(), &place(&world)).unwrap().copied, 1);
    restore(&place(&world), &to, false).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_backup_is_restored_only_by_whoever_accepts_the_loss() {
    let world = World::new().await;
    let (mut li, _) = with_one_case(&world).await;
    let older = backup(&world.data(), &place(&world)).unwrap().backup;
    li.report();
    li.sync(&world).await;
    backup(&world.data(), &place(&world)).unwrap();
    let to = world.folder.path().join("again");
    let error = restore(&older, &to, false).unwrap_err().to_string();
    assert!(error.contains("holds 2 more entries") && error.contains("--accept-loss"), "{error}");
    let report = restore(&older, &to, true).unwrap();
    assert!(report.losses[0].contains("holds 2 more entries"), "{:?}", report.losses);

    let error = restore(&place(&world), &to, false).unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_the_office_lost_is_not_called_safe() {
    let world = World::new().await;
    let (_, picture) = with_one_case(&world).await;
    std::fs::write(world.office().photos().original(&picture.photo.sha256), b"rot").unwrap();
    let report = backup(&world.data(), &place(&world)).unwrap();
    assert_eq!((report.newly_safe, report.missing.as_slice()), (0, &[picture.photo.sha256][..]));
    assert_eq!(world.status().await.photos.safe, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_into_the_data_folder_is_refused() {
    let world = World::new().await;
    let error = backup(&world.data(), &world.data().join("backups")).unwrap_err().to_string();
    assert!(error.contains("would be lost with it"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_open_at_the_backup_does_not_open_the_restored_office() {
    let world = World::new().await;
    world.code("li").await;
    backup(&world.data(), &place(&world)).unwrap();
    let to = world.folder.path().join("again");
    restore(&place(&world), &to, false).unwrap();
    let ledger = xuncheng_office::Ledger::open(&Config::new(&to)).unwrap();
    let codes = ledger.codes().unwrap();
    assert_eq!(codes[0].state, xuncheng_office::codes::CodeState::Revoked);
}
