//! The shim itself: what it sees, what it makes of it, how it fails.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};
use xuncheng_disk::{Disk, Fault, Image, Variant};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn laid_out(image: &Image) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    image.lay_out(folder.path()).unwrap();
    folder
}

/// Whatever changes files in this program comes by: each way to write that the product or a crate of its uses.
#[test]
fn every_way_to_change_a_file_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("there before"), b"bytes").unwrap();
    let disk = Disk::record(root);
    fs::write(root.join("a"), vec![1; 5000]).unwrap();
    fs::copy(root.join("a"), root.join("copied")).unwrap();
    io::copy(&mut File::open(root.join("a")).unwrap(), &mut File::create(root.join("streamed")).unwrap()).unwrap();
    File::options().append(true).open(root.join("a")).unwrap().write_all(b"appended").unwrap();
    File::options().write(true).open(root.join("a")).unwrap().write_all_at(b"in the middle", 2000).unwrap();
    File::options().write(true).open(root.join("there before")).unwrap().set_len(2).unwrap();
    let pieces = [io::IoSlice::new(b"one"), io::IoSlice::new(b"two")];
    assert_eq!(File::create(root.join("pieces")).unwrap().write_vectored(&pieces).unwrap(), 6);
    NamedTempFile::new_in(root).unwrap().persist(root.join("persisted")).unwrap();
    fs::create_dir_all(root.join("x/y")).unwrap();
    fs::rename(root.join("copied"), root.join("x/y/moved")).unwrap();
    fs::hard_link(root.join("a"), root.join("linked")).unwrap();
    fs::remove_file(root.join("a")).unwrap();
    fs::create_dir_all(root.join("z/z")).unwrap();
    fs::write(root.join("z/z/z"), b"z").unwrap();
    fs::remove_dir_all(root.join("z")).unwrap();
    let conn = rusqlite::Connection::open(root.join("x/db")).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    drop(conn);
    // It says itself whether what it saw leads to what lies there.
    let recording = disk.finish();
    assert!(recording.syncs() > 0, "SQLite syncs");
}

#[test]
fn what_is_not_synced_may_be_lost_and_what_is_stays() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let disk = Disk::record(root);
    let mut file = File::create(root.join("file")).unwrap();
    file.write_all(b"synced").unwrap();
    file.sync_all().unwrap();
    let has_no_name = disk.operations();
    File::open(root).unwrap().sync_all().unwrap();
    disk.mark("promised");
    file.write_all(b", not synced").unwrap();
    fs::rename(root.join("file"), root.join("renamed")).unwrap();
    let recording = disk.finish();

    let before = recording.cuts().find(|cut| cut.after as u64 == has_no_name).unwrap();
    assert!(names(laid_out(&before.image(Variant::Nothing)).path()).is_empty(), "its folder was not synced");
    let end = recording.end();
    assert_eq!(end.said, ["promised"]);
    let read = |variant, name: &str| fs::read_to_string(laid_out(&end.image(variant)).path().join(name)).ok();
    assert_eq!(read(Variant::Nothing, "file").as_deref(), Some("synced"));
    assert_eq!(read(Variant::Names, "renamed").as_deref(), Some("synced"));
    assert_eq!(read(Variant::Bytes, "file").as_deref(), Some("synced, not synced"));
    assert_eq!(read(Variant::Everything, "renamed").as_deref(), Some("synced, not synced"));
    assert_eq!(read(Variant::Zeros, "renamed").as_deref(), Some("synced\0\0\0\0\0\0\0\0\0\0\0\0"));
    let drawn: std::collections::HashSet<_> =
        (0..20).map(|seed| end.image(Variant::Drawn(seed)).fingerprint()).collect();
    assert!(drawn.len() >= 4, "a name and a write that may be there each give four images, {} were drawn", drawn.len());
}

#[test]
fn a_sync_that_fails_leaves_nothing_that_a_later_one_would_bring() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let mut file = File::create(&path).unwrap();
    let disk = Disk::record(folder.path());
    file.write_all(b"lost").unwrap();
    disk.fails_from_now(Some(Fault::Error(0)));
    assert!(file.sync_all().is_err());
    file.sync_all().unwrap();
    let end = disk.finish().end();
    assert_eq!(fs::read(laid_out(&end.image(Variant::Nothing)).path().join("file")).unwrap(), b"");
}

#[test]
fn a_disk_fails_where_it_is_told_to_and_nowhere_else() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = folder.path();
    let disk = Disk::failing(root, Fault::Dies(3));
    fs::write(root.join("whole"), b"made and written").unwrap();
    File::open(root.join("whole")).unwrap().sync_all().unwrap();
    assert!(!disk.has_struck());
    let error = fs::write(root.join("late"), b"late").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(5));
    assert!(fs::remove_file(root.join("whole")).is_err(), "what is dead stays so");
    assert!(disk.has_struck());
    fs::write(other.path().join("elsewhere"), b"another disk").unwrap();
    drop(disk);

    let disk = Disk::failing(root, Fault::Full(1));
    let mut file = File::options().write(true).open(root.join("whole")).unwrap();
    file.write_all(b"MADE").unwrap();
    file.write_all(b" and").unwrap();
    let error = File::options().append(true).open(root.join("whole")).unwrap().write_all(b"more").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(fs::create_dir(root.join("folder")).unwrap_err().kind(), ErrorKind::StorageFull);
    fs::rename(root.join("whole"), root.join("renamed")).unwrap();
    drop(disk);

    let disk = Disk::failing(root, Fault::Tears(1));
    assert!(fs::write(root.join("torn"), vec![7; 4096]).is_err());
    assert_eq!(fs::metadata(root.join("torn")).unwrap().len(), 2048);
    drop(disk);
    assert_eq!(names(root), ["renamed", "torn"]);
}
