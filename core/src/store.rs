//! The SQLite file: one for a phone's store, one for the office's ledger, with the same tables.
//!
//! One file per table family. Writers take a transaction, readers a connection; statements are literals with named
//! columns. Migrations are numbered per component, so that the office keeps tables of its own beside these.

pub mod schema;
pub mod meta;
pub mod entries;
pub mod erased;
pub mod lineage;
pub mod judgements;
pub mod items;
pub mod list;
pub mod feeds;
pub mod pending;
pub mod photos;
pub mod parcels;
pub mod pictures;
pub mod room;
pub mod history;
pub mod owed;
pub mod clock_samples;
pub mod snapshots;
pub mod offers;
pub mod recovered;
pub mod transfers;

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_SHMSIZE};

use crate::{limits, private};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full: nothing of this call was kept.
    #[error("the disk is full: nothing was saved; free some space and try again")]
    DiskFull,
    /// SQLite refused.
    #[error("the database did not {doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// A row cannot be read back as what was written.
    #[error("a row of {table} cannot be read: {source}")]
    Row {
        /// The table.
        table: &'static str,
        /// Where it departs from its form.
        #[source]
        source: serde_json::Error,
    },
    /// The database was written by a later version.
    #[error(
        "this database was written by a later version (its {component} tables are at {found}, this program knows {known})"
    )]
    Newer {
        /// Which tables.
        component: &'static str,
        /// Their number.
        found: usize,
        /// The highest number known here.
        known: usize,
    },
    /// The store lacks a fact that every one has from its beginning.
    #[error("the database does not say its {0}: it is no whole store")]
    NoFact(&'static str),
    /// There is no store in this folder, or it was not set up.
    #[error("there is no store at {0}")]
    NoStore(std::path::PathBuf),
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        let code = source.sqlite_error().map(|error| error.extended_code);
        match code {
            // The second: there is no room for the index of the write-ahead log, which even a reader makes.
            Some(SQLITE_FULL | SQLITE_IOERR_SHMSIZE) => Self::DiskFull,
            Some(_) | None => Self::Sqlite { doing: "finish a statement", source },
        }
    }
}

/// Opens the SQLite file at `path` for writing, makes it durable and brings its tables up to date.
///
/// # Errors
/// [`StoreError::Newer`], [`StoreError::Sqlite`], [`StoreError::DiskFull`].
pub fn open(path: &Path) -> Result<Connection, StoreError> {
    make_private(path)?;
    let mut conn = Connection::open(path).map_err(|source| StoreError::Sqlite { doing: "open", source })?;
    configure(&conn)?;
    schema::migrate(&mut conn, schema::CORE)?;
    Ok(conn)
}

/// A new SQLite file is its owner's alone, and with it what SQLite keeps beside it. Where this fails SQLite will say why.
fn make_private(path: &Path) -> Result<(), StoreError> {
    match private::new_file().open(path) {
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            Err(StoreError::DiskFull)
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens the SQLite file at `path` for reading only, beside its writer.
///
/// # Errors
/// [`StoreError::Sqlite`].
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|source| StoreError::Sqlite { doing: "open for reading", source })?;
    ready(&conn)?;
    Ok(conn)
}

/// How every connection waits, and what it keeps.
fn ready(conn: &Connection) -> Result<(), StoreError> {
    conn.busy_timeout(Duration::from_millis(limits::STORE_BUSY_MS))?;
    conn.set_prepared_statement_cache_capacity(limits::STORE_STATEMENTS);
    // Else SQLite prepares a statement anew when a value is bound by which it might have found another plan, as LIMIT's.
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "cache_size", -limits::STORE_CACHE_KIB)?;
    Ok(())
}

fn configure(conn: &Connection) -> Result<(), StoreError> {
    ready(conn)?;
    use_wal(conn)?;
    // A commit is on the disk before the call returns; Apple's fsync alone does not reach the medium.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "fullfsync", "ON")?;
    conn.pragma_update(None, "foreign_keys", "ON")?;
    // What is erased is overwritten, and not only forgotten.
    conn.pragma_update(None, "secure_delete", "ON")?;
    Ok(())
}

/// Switches to a write-ahead log, once in a file's life. Of several that open a new file at once SQLite turns away all but one,
/// without waiting: they wait for their turn to write, and look again.
fn use_wal(conn: &Connection) -> Result<(), StoreError> {
    loop {
        let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        if mode == "wal" {
            return Ok(());
        }
        match conn.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
            }
            done => return Ok(done?),
        }
    }
}

/// Reads a JSON column.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Row { table, source })
}

/// Writes a JSON column.
pub(crate) fn to_json<T: serde::Serialize>(table: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Row { table, source })
}
