//! Numbered migrations, per component.

use rusqlite::{Connection, OptionalExtension as _};

use super::StoreError;

/// The numbered SQL files of one component, first to last. A released file is never edited.
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// Whose tables they are.
    pub component: &'static str,
    /// The files' texts, number 1 first.
    pub files: &'static [&'static str],
}

/// The tables of this crate.
pub const CORE: Migrations = Migrations {
    component: "core",
    files: &[
        include_str!("../../migrations/0001_journal.sql"),
        include_str!("../../migrations/0002_photos.sql"),
        include_str!("../../migrations/0003_sync.sql"),
        include_str!("../../migrations/0004_recovery.sql"),
        include_str!("../../migrations/0005_sending.sql"),
        include_str!("../../migrations/0006_room.sql"),
        include_str!("../../migrations/0007_parcel.sql"),
        include_str!("../../migrations/0008_left.sql"),
        include_str!("../../migrations/0009_erased.sql"),
        include_str!("../../migrations/0010_found_by.sql"),
        include_str!("../../migrations/0011_seal_received.sql"),
    ],
};

/// Applies what is missing, each migration in a transaction of its own.
///
/// # Errors
/// [`StoreError::Newer`] when the file was written by a later version; it is left as it is.
pub fn migrate(conn: &mut Connection, migrations: Migrations) -> Result<(), StoreError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (component TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT",
    )?;
    let Migrations { component, files } = migrations;
    while applied(conn, migrations)? < files.len() {
        let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // Another process may have brought the file up to date while this one waited for its turn.
        let number = applied(&tx, migrations)? + 1;
        if let Some(sql) = files.get(number - 1) {
            tx.execute_batch(sql)
                .map_err(|source| StoreError::Sqlite { doing: "bring its tables up to date", source })?;
            tx.execute(
                "INSERT INTO migration (component, number) VALUES (?1, ?2)
                 ON CONFLICT (component) DO UPDATE SET number = excluded.number",
                (component, number),
            )?;
        }
        tx.commit()?;
    }
    Ok(())
}

/// The number of the last migration that the file has had; 0 before the first.
fn applied(conn: &Connection, Migrations { component, files }: Migrations) -> Result<usize, StoreError> {
    let found: usize = conn
        .prepare("SELECT number FROM migration WHERE component = ?1")?
        .query_row([component], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    if found > files.len() {
        return Err(StoreError::Newer { component, found, known: files.len() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(conn: &Connection) -> Vec<String> {
        let mut statement = conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_database_migrated_in_steps_equals_a_fresh_one() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, CORE).unwrap();
        let mut stepped = Connection::open_in_memory().unwrap();
        for upto in 1..=CORE.files.len() {
            migrate(&mut stepped, Migrations { component: "core", files: &CORE.files[..upto] }).unwrap();
        }
        assert_eq!(tables(&fresh), tables(&stepped));
    }

    #[test]
    fn many_processes_may_open_a_new_database_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.sqlite");
        let ready = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    ready.wait();
                    crate::store::open(&path).unwrap();
                });
            }
        });
    }

    #[test]
    fn a_database_of_a_later_version_is_left_alone() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, CORE).unwrap();
        let older = Migrations { component: "core", files: &CORE.files[..1] };
        let all = CORE.files.len();
        assert!(matches!(migrate(&mut conn, older), Err(StoreError::Newer { found, known: 1, .. }) if found == all));
    }
}
