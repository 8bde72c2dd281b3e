//! Where a photo is not what its entry says of it: noted, shown to people, and kept all the same.

use rusqlite::{Connection, Row, types::Type};
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::ledger::Intake;

use crate::error::OfficeError;

/// What of a photo is not as its entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The phone's thumbnail is not drawn from the original.
    Thumbnail,
    /// Nor is the picture that people look at.
    View,
    /// The original has another SM3.
    Sm3,
    /// The original is no picture that can be opened.
    Unreadable,
}

impl What {
    const ALL: [Self; 4] = [Self::Thumbnail, Self::View, Self::Sm3, Self::Unreadable];

    const fn name(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::View => "view",
            Self::Sm3 => "sm3",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A photo of an entry that is not what the entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) entry: EntryId,
    pub(crate) sha256: PhotoHash,
    pub(crate) what: What,
}

/// Notes the flag, once.
pub(crate) fn raise(intake: &Intake<'_, '_>, flag: &Flag, detail: &str) -> Result<(), OfficeError> {
    let Flag { entry, sha256, what } = *flag;
    tracing::warn!(%entry, %sha256, "{detail}");
    intake.tx.execute(
        "INSERT OR IGNORE INTO office_flag (entry, sha256, what, detail, flagged_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (entry, sha256, what.name(), detail, intake.now.wall),
    )?;
    Ok(())
}

/// The flags of an item's photos.
pub(crate) fn of_item(conn: &Connection, item: ItemId) -> Result<Vec<Flag>, OfficeError> {
    let mut statement = conn.prepare_cached(
        "SELECT f.entry, f.sha256, f.what FROM attachment a
         JOIN office_flag f ON f.entry = a.entry AND f.sha256 = a.sha256 WHERE a.item = ?1 ORDER BY f.entry, f.sha256, f.what",
    )?;
    let rows = statement.query_map([item], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Flag> {
    let name: String = row.get("what")?;
    let what = What::ALL.into_iter().find(|what| what.name() == name);
    let unknown = || rusqlite::Error::FromSqlConversionFailure(2, Type::Text, format!("no flag {name}").into());
    Ok(Flag { entry: row.get("entry")?, sha256: row.get("sha256")?, what: what.ok_or_else(unknown)? })
}
