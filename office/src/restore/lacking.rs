//! Photo files that the ledger of a backup names and that are not in it as they were: the office draws again what it can; the
//! rest is lost, each by name, unless a phone still has it.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use xuncheng_core::id::{EntryId, IncarnationId, PhotoHash};

use crate::attached;
use crate::backup::photo_files::{Kind, PhotoFile};
use crate::error::OfficeError;
use crate::uploads::lost;

/// What a backup lacks.
pub(super) struct Lacking {
    /// Smaller pictures that the office draws again from their originals.
    pub(super) drawn_again: Vec<PhotoFile>,
    /// What it cannot draw.
    pub(super) lost: Vec<PhotoFile>,
}

impl Lacking {
    /// What is lacking of the `named` files where those at `whole` are not.
    pub(super) fn of(conn: &Connection, named: Vec<PhotoFile>, whole: &HashSet<&Path>) -> Result<Self, OfficeError> {
        let originals: HashSet<PhotoHash> = named
            .iter()
            .filter(|file| file.kind == Kind::Original && whole.contains(&*file.path))
            .map(|file| file.of)
            .collect();
        let mut lacking = Self { drawn_again: Vec::new(), lost: Vec::new() };
        for file in named.into_iter().filter(|file| !whole.contains(&*file.path)) {
            let drawn = match file.kind {
                Kind::View | Kind::Thumbnail => originals.contains(&file.of) && is_drawn(conn, file.of)?,
                Kind::Original | Kind::SentView => false,
            };
            if drawn { &mut lacking.drawn_again } else { &mut lacking.lost }.push(file);
        }
        Ok(lacking)
    }

    /// The originals among what is lost.
    pub(super) fn originals(&self) -> Vec<PhotoHash> {
        self.lost.iter().filter(|file| file.kind == Kind::Original).map(|file| file.of).collect()
    }

    /// What is lost, in words.
    pub(super) fn losses(&self, conn: &Connection) -> Result<Vec<String>, OfficeError> {
        self.lost.iter().map(|file| told(conn, file)).collect()
    }

    /// Takes out of a ledger what it says of files that are not there: a receipt for a lost original is void, and what is to be
    /// drawn again is drawn at the next start.
    pub(super) fn settle(&self, tx: &Transaction<'_>) -> Result<(), OfficeError> {
        for file in self.drawn_again.iter().chain(&self.lost) {
            match file.kind {
                Kind::Original => lost::ask_again(tx, file.of)?,
                Kind::View => {
                    tx.execute("UPDATE photo SET view_here = 0 WHERE sha256 = ?1", [file.of])?;
                }
                Kind::Thumbnail => {
                    tx.execute("UPDATE photo SET thumbnail_here = 0 WHERE sha256 = ?1", [file.of])?;
                    // Its phone may send it again.
                    tx.execute("UPDATE attachment SET previewed = 0 WHERE sha256 = ?1", [file.of])?;
                }
                Kind::SentView => {
                    tx.execute("UPDATE attachment SET view_sent = NULL WHERE view_sent = ?1", [file.of])?;
                }
            }
        }
        for file in &self.drawn_again {
            tx.execute(
                "INSERT OR IGNORE INTO office_drawing (entry, sha256)
                 SELECT entry, sha256 FROM attachment WHERE sha256 = ?1 AND receipt IS NOT NULL",
                [file.of],
            )?;
        }
        Ok(())
    }
}

/// Whether the office has a decoder for a photo, as an entry says that attaches it and whose original came.
fn is_drawn(conn: &Connection, sha256: PhotoHash) -> Result<bool, OfficeError> {
    let named: Option<(EntryId, IncarnationId)> = conn
        .prepare_cached(
            "SELECT a.entry, e.incarnation FROM attachment a JOIN entry e ON e.id = a.entry
             WHERE a.sha256 = ?1 AND a.receipt IS NOT NULL AND e.incarnation IS NOT NULL LIMIT 1",
        )?
        .query_row([sha256], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((entry, incarnation)) = named else { return Ok(false) };
    Ok(attached::by(conn, entry, incarnation)?.is_some_and(|attached| attached.photo.media.is_drawn()))
}

/// `the original 7a4221c9… of BZ20261125-0001, by li`
fn told(conn: &Connection, file: &PhotoFile) -> Result<String, OfficeError> {
    let what = match file.kind {
        Kind::Original => "original",
        Kind::View => "view",
        Kind::Thumbnail => "thumbnail",
        Kind::SentView => "view that its phone sent,",
    };
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT coalesce(i.label, 'what is held') AS label, coalesce(e.who, 'somebody') AS who
         FROM attachment a JOIN entry e ON e.id = a.entry LEFT JOIN item i ON i.id = a.item
         WHERE a.sha256 = ?1 OR a.view_sent = ?1 ORDER BY a.entry",
    )?;
    let rows = statement.query_map([file.of], |row| {
        Ok(format!("{}, by {}", row.get::<_, String>("label")?, row.get::<_, String>("who")?))
    })?;
    let shown: Vec<String> = rows.collect::<Result<_, _>>()?;
    Ok(format!("the {what} {} of {}", file.of, shown.join(" and ")))
}
