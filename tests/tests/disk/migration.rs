//! The power goes while a store of an older schema is brought up to date.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;
use xuncheng_core::store;
use xuncheng_core::store::schema::{self, CORE, Migrations};
use xuncheng_disk::{Disk, Fault, Variant};
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

/// Killed at each change while it is made, opened by another program, which commits a fact; then the power goes. The names of the
/// file and of its log were the first program's to sync, and the fact is there.
#[test]
fn a_store_whose_making_was_killed_anywhere_keeps_what_the_next_program_commits() {
    for number in 0.. {
        let root = tempfile::tempdir().unwrap();
        let path = database(root.path());
        let disk = Disk::record(root.path());
        disk.fails_from_now(Some(Fault::Dies(number)));
        let made = store::open(&path);
        let is_killed = disk.has_struck();
        drop(made);
        disk.fails_from_now(None);
        let conn = store::open(&path).expect("a store opens wherever its making was cut off");
        conn.execute("INSERT INTO meta (key, value) VALUES ('fact', '1')", []).unwrap();
        disk.fails_from_now(Some(Fault::Dies(0)));
        drop(conn);
        let image = tempfile::tempdir().unwrap();
        disk.finish().end().image(Variant::Nothing).lay_out(image.path()).unwrap();
        let path = database(image.path());
        assert!(path.exists(), "killed at change {number}: the store has no name");
        let facts = store::open(&path).unwrap().query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, u64>(0));
        assert_eq!(facts.unwrap(), 1, "killed at change {number}");
        if !is_killed {
            break;
        }
    }
}
