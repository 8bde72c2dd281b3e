use std::path::{Path, PathBuf};

use xuncheng_core::sync::wire::Epoch;
use xuncheng_office::{BackupReport, Config, Office, OfficeError, backup, restore};

use crate::phone::{Phone, Picture};
use crate::world::World;

/// An office with one case whose original has arrived.
async fn with_one_case(world: &World) -> (Phone, Picture) {
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph(item);
    li.sync(world).await;
    li.begin(world, &picture, &picture.original).await;
    // A backup before its smaller pictures are drawn would leave them to the next one.
    world.office().drawn().await.unwrap();
    (li, picture)
}

fn place(world: &World) -> PathBuf {
    world.folder.path().join("backups")
}

fn epoch_of(data: &Path) -> Epoch {
    Office::open(Config::new(data)).unwrap().epoch()
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
    for file in [ledger, report.backup.join("people.toml"), report.backup.join("keys/node.key")] {
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

/// Runs `meanwhile` after a backup has copied the ledger and before it reads people and keys: the file of people is a
/// pipe then, whose reader waits for us.
#[cfg(unix)]
fn backup_with(world: &World, meanwhile: impl FnOnce()) -> Result<BackupReport, OfficeError> {
    let people = world.data().join("people.toml");
    let text = std::fs::read(&people).unwrap();
    std::fs::remove_file(&people).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&people).status().unwrap().success());
    let (data, place) = (world.data(), place(world));
    let running = std::thread::spawn(move || backup(&data, &place));
    // Opening a pipe waits for the other end.
    let mut pipe = std::fs::File::options().write(true).open(&people).unwrap();
    meanwhile();
    std::io::Write::write_all(&mut pipe, &text).unwrap();
    drop(pipe);
    let report = running.join().unwrap();
    std::fs::remove_file(&people).unwrap();
    std::fs::write(&people, text).unwrap();
    report
}

/// Blobs are copied after the ledger that names them: what comes meanwhile is not called safe.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn backup_blobs_before_ledger() {
    let world = World::new().await;
    let (mut li, first) = with_one_case(&world).await;
    let second = li.photograph(first.item);
    li.sync(&world).await;
    let runtime = tokio::runtime::Handle::current();
    let report = tokio::task::block_in_place(|| {
        backup_with(&world, || {
            runtime.block_on(li.begin(&world, &second, &second.original));
        })
    });
    assert_eq!(report.unwrap().newly_safe, 1);
    let photos = world.status().await.photos;
    assert_eq!((photos.received, photos.safe), (2, 1));
    assert_eq!(backup(&world.data(), &place(&world)).unwrap().newly_safe, 1);
}

/// Copies a ledger, its log included.
fn copy_ledger(from: &Path, to: &Path) {
    rusqlite::Connection::open(from).unwrap().backup("main", to, None::<fn(rusqlite::backup::Progress)>).unwrap();
}

/// Puts the ledger `from` in the place of `to`.
fn put_back(from: &Path, to: &Path) {
    for log in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let log = to.with_file_name(log);
        assert!(!log.exists() || std::fs::remove_file(log).is_ok());
    }
    std::fs::copy(from, to).unwrap();
}

/// Photos that a ledger calls safe.
fn named_safe(ledger: &Path) -> u64 {
    let conn = rusqlite::Connection::open(ledger).unwrap();
    conn.query_row("SELECT count(*) FROM attachment WHERE safe = 1", [], |row| row.get(0)).unwrap()
}

/// `rollback_during_backup`: a backup of a ledger that was put back underneath calls nothing safe.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn rollback_during_backup() {
    let mut world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    li.sync(&world).await;
    // A copy of the file as somebody keeps it who knows of no backups.
    world.office = None;
    let (ledger, older) = (world.data().join("ledger.sqlite"), world.folder.path().join("older.sqlite"));
    copy_ledger(&ledger, &older);
    world.open().await;
    let picture = li.photograph(item);
    li.sync(&world).await;
    li.begin(&world, &picture, &picture.original).await;
    world.office = None;

    let newer = world.folder.path().join("newer.sqlite");
    let refused = backup_with(&world, || {
        copy_ledger(&ledger, &newer);
        put_back(&older, &ledger);
    });
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("put back while it was backed up"), "{error}");
    assert_eq!(named_safe(&ledger), 0);
    // The same where the newer one is put back again: nobody has read its photos back for it.
    put_back(&newer, &ledger);
    assert_eq!(named_safe(&ledger), 0);

    // Nor where it stands on another branch by then.
    let branched = backup_with(&world, || {
        let again = world.folder.path().join("again");
        restore(&place(&world), &again, false).unwrap();
        put_back(&again.join("ledger.sqlite"), &ledger);
    });
    assert_eq!(named_safe(&ledger), 0);
    assert!(branched.unwrap_err().to_string().contains("put back while it was backed up"));
}
