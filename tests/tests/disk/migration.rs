//! The power goes while a store of an older schema is brought up to date.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;
use xuncheng_core::store;
use xuncheng_core::store::schema::{self, CORE, Migrations};
use xuncheng_disk::Disk;
use xuncheng_tests::power::{Choice, at_every_cut};
use xuncheng_tests::seed;

fn database(root: &Path) -> PathBuf {
    root.join("store.sqlite")
}

/// A store as a program left it that knew the first `number` migrations, with facts in it.
fn of_schema(number: usize) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut conn = Connection::open(database(root.path())).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    schema::migrate(&mut conn, Migrations { component: CORE.component, files: &CORE.files[..number] }).unwrap();
    let tx = conn.transaction().unwrap();
    for fact in 0..200 {
        tx.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", (format!("fact {fact}"), format!("{fact}")))
            .unwrap();
    }
    tx.commit().unwrap();
    root
}

#[test]
fn the_power_may_go_at_any_moment_of_a_migration() {
    let seed = seed!();
    for number in 0..CORE.files.len() {
        let root = if number == 0 { tempfile::tempdir().unwrap() } else { of_schema(number) };
        let facts = if number == 0 { 0 } else { 200 };
        let disk = Disk::record(root.path());
        drop(store::open(&database(root.path())).unwrap());
        disk.mark("opened");
        let recording = disk.finish();
        let what = format!("migrations above {number}");
        at_every_cut(&recording, Choice { what: &what, seed, most: 80, machines: &[] }, |image, said| {
            let path = database(image.path());
            assert!(path.exists() || said.is_empty(), "a store that was opened is there");
            let conn = store::open(&path).expect("a store opens wherever its migration was cut off");
            let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(check, "ok");
            let sql = "SELECT (SELECT count(*) FROM meta WHERE key LIKE 'fact %'), (SELECT number FROM migration WHERE component = 'core')";
            let found: (u64, usize) = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!(found, (facts, CORE.files.len()));
        });
    }
}
