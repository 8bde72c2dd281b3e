//! The files of the photo folder that a ledger says are there.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use xuncheng_core::id::PhotoHash;
use xuncheng_core::photo::PhotoFolder;

use crate::error::OfficeError;

/// What a file of the photo folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An original.
    Original,
    /// The view that the office drew from an original.
    View,
    /// The thumbnail of an original.
    Thumbnail,
    /// A view that a phone sent, of what the office cannot draw.
    SentView,
}

/// A file of the photo folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhotoFile {
    /// The original that it is, or is drawn from; of a view that a phone sent, that view.
    pub(crate) of: PhotoHash,
    pub(crate) kind: Kind,
    /// Within the folder.
    pub(crate) path: PathBuf,
}

impl PhotoFile {
    /// Whether its name says what its bytes must be.
    pub(crate) const fn is_named_by_its_bytes(&self) -> bool {
        match self.kind {
            Kind::Original | Kind::SentView => true,
            Kind::View | Kind::Thumbnail => false,
        }
    }
}

/// The files of the folder `photos` that the ledger says are there.
pub(crate) fn of_ledger(conn: &Connection, photos: &PhotoFolder) -> Result<Vec<PhotoFile>, OfficeError> {
    let file = |of, kind, path: PathBuf| PhotoFile {
        of,
        kind,
        path: path.strip_prefix(photos.root()).map(Path::to_owned).unwrap_or(path),
    };
    let mut statement =
        conn.prepare("SELECT sha256, original_here, view_here, thumbnail_here FROM photo ORDER BY sha256")?;
    let mut rows = statement.query([])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let of: PhotoHash = row.get("sha256")?;
        for (column, kind, path) in [
            ("original_here", Kind::Original, photos.original(&of)),
            ("view_here", Kind::View, photos.view(&of)),
            ("thumbnail_here", Kind::Thumbnail, photos.thumbnail(&of)),
        ] {
            if row.get::<_, bool>(column)? {
                files.push(file(of, kind, path));
            }
        }
    }
    let mut statement =
        conn.prepare("SELECT DISTINCT view_sent FROM attachment WHERE view_sent IS NOT NULL ORDER BY view_sent")?;
    let views = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<PhotoHash>, _>>()?;
    files.extend(views.into_iter().map(|of| file(of, Kind::SentView, photos.sent_view(&of))));
    Ok(files)
}
