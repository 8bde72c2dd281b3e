//! A disk that is full: 507, and nothing is half done.

use std::path::PathBuf;
use std::process::Command;

use axum::body::Body;
use axum::http::StatusCode;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::limits;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_grow_takes_nothing_and_says_so() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let item = li.report();
    li.sync(&world).await;
    let before = world.status().await.entries;
    for _ in 0..30 {
        li.write(Some(item), Change::Comment { text: "长".repeat(limits::TEXT_CHARS) });
    }
    let (batch, through) = (li.waiting(), li.through);
    let request = li.request(batch, through);
    // The writer's connection may use no page more than the file has: to SQLite that is a full disk.
    let pages = async |most: u32| {
        world.office().turn(move |intake| Ok(intake.tx.pragma_update(None, "max_page_count", most)?)).await.unwrap();
    };
    pages(1).await;
    let answer = world.post("/v1/sync", li.packed(&request)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "disk_full"));
    assert_eq!(answer.headers["retry-after"], limits::RETRY_AFTER_S.to_string());
    assert_eq!(world.status().await.entries, before);
    pages(u32::MAX - 1).await;
    assert_eq!(li.send(&world, &request).await.refusal, None);
    assert_eq!(world.status().await.entries, before + 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_does_not_fit_goes_on_once_there_is_room() {
    let disk = SmallDisk::mounted();
    let world = World::within(tempfile::tempdir_in(&disk.path).unwrap()).await;
    let mut li = world.phone("li").await;
    let item = li.report();
    let picture = li.photograph(item);
    li.sync(&world).await;
    let filler = disk.path.join("filler");
    let created = li.begin(&world, &picture, &picture.original[..100]).await;
    fill(&filler);
    let rest = || Body::from(picture.original[100..].to_vec());
    let answer = li.patch(&world, &created.location(), 100, rest()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "disk_full"));
    assert_eq!(world.status().await.photos.received, 0);

    std::fs::remove_file(filler).unwrap();
    let stands = li.head(&world, &created.location()).await;
    let offset = stands.offset();
    let rest = Body::from(picture.original[usize::try_from(offset).unwrap()..].to_vec());
    let answer = li.patch(&world, &created.location(), offset, rest).await;
    assert_eq!((answer.status, answer.offset()), (StatusCode::NO_CONTENT, picture.original.len() as u64));
    assert_eq!(world.status().await.photos.received, 1);
}

/// Writes until there is no room for another byte.
fn fill(path: &PathBuf) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}

/// A file system of a few megabytes in memory. Only root may make one: without, the test fails and says what it takes.
struct SmallDisk {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mounted() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(&path).output().unwrap();
        assert!(
            mounted.status.success(),
            "not checked: a full disk takes root, or a namespace of one's own (unshare -Urm ./test rust): {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self { path, _dir: dir }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_for_which_there_is_no_room_says_where_and_leaves_nothing_behind() {
    let disk = SmallDisk::mounted();
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.report();
    li.sync(&world).await;
    fill(&disk.path.join("filler"));
    let (data, place) = (world.data(), disk.path.join("backups"));
    std::fs::create_dir_all(&place).unwrap();
    let to = place.clone();
    let error = tokio::task::spawn_blocking(move || xuncheng_office::backup(&data, &to)).await.unwrap().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("there is no room left at {}", place.display())), "{text}");
    let left: Vec<_> = std::fs::read_dir(&place).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "blobs"), "{left:?}");
}

/// What lies there names who reported, and where: other accounts of the machine read nothing of it.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_its_owner_reads_an_office_or_its_backups() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new().await;
    let mut li = world.phone("li").await;
    li.report();
    li.sync(&world).await;
    let (data, place) = (world.data(), world.data().with_file_name("backups"));
    let (from, to) = (data.clone(), place.clone());
    let made = tokio::task::spawn_blocking(move || xuncheng_office::backup(&from, &to)).await.unwrap().unwrap();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in [data.clone(), data.join("photos"), data.join("uploads"), data.join("keys"), place.join("blobs")] {
        assert_eq!(mode(folder.clone()), 0o700, "{}", folder.display());
    }
    for file in [data.join("ledger.sqlite"), data.join("ledger.sqlite-wal"), data.join("people.toml")] {
        assert_eq!(mode(file.clone()), 0o600, "{}", file.display());
    }
    assert_eq!(mode(made.backup), 0o700);
}
