//! Pictures that did not come from this phone's camera, or whose original has left it: asked for, on their way, or here.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params};

use super::StoreError;
use crate::clock::Moment;
use crate::id::{EntryId, ItemId, PhotoHash};
use crate::limits;
use crate::sync::wire::PhotoForm;

impl PhotoForm {
    const fn name(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::View => "view",
            Self::Original => "original",
        }
    }
}

impl ToSql for PhotoForm {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.name().to_sql()
    }
}

impl FromSql for PhotoForm {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        Self::ALL.into_iter().find(|form| form.name() == name).ok_or(FromSqlError::InvalidType)
    }
}

/// A picture of the photo that an entry shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Picture {
    /// The entry.
    pub entry: EntryId,
    /// The photo.
    pub sha256: PhotoHash,
    /// In which form.
    pub form: PhotoForm,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Picture> {
    Ok(Picture { entry: row.get("entry")?, sha256: row.get("sha256")?, form: row.get("form")? })
}

/// Asks for a picture of a photo of `item`, or says that it is wanted still: of those that are kept it is the last to go.
///
/// # Errors
/// [`StoreError`].
pub fn want(tx: &Transaction<'_>, item: ItemId, picture: &Picture) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO picture (entry, sha256, form, item, used)
         VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(used), 0) + 1 FROM picture))
         ON CONFLICT (entry, sha256, form) DO UPDATE SET used = excluded.used, absent_at = NULL",
    )?
    .execute((picture.entry, picture.sha256, picture.form, item))?;
    Ok(())
}

/// A picture that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub picture: Picture,
    /// How much of it is here.
    pub bytes: u64,
}

/// What is asked for next, all in one form, the smaller before the larger, and of these what was wanted last; at most `limit`.
/// What the office did not have lately is left out.
///
/// # Errors
/// [`StoreError`].
pub fn asked(conn: &Connection, now: Moment, limit: usize) -> Result<Vec<Asked>, StoreError> {
    for form in PhotoForm::ALL {
        let mut statement = conn.prepare_cached(
            "SELECT entry, sha256, form, bytes FROM picture
             WHERE here = 0 AND form = :form AND (absent_at IS NULL OR abs(:now - absent_at) > :again)
             ORDER BY used DESC LIMIT :limit",
        )?;
        let bound = named_params! { ":form": form, ":now": now, ":again": limits::ABSENT_MS, ":limit": limit };
        let rows = statement.query_map(bound, |row| Ok(Asked { picture: read(row)?, bytes: row.get("bytes")? }))?;
        let found: Vec<Asked> = rows.collect::<Result<_, _>>()?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// How a picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The whole of it is here, by its row.
    Here,
    /// It is asked for.
    Asked,
    /// It is asked for, and the office had none for this phone.
    Absent,
}

/// How a picture stands that was asked for; none where it was not.
///
/// # Errors
/// [`StoreError`].
pub fn standing(conn: &Connection, picture: &Picture) -> Result<Option<Standing>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT here, absent_at FROM picture WHERE entry = ?1 AND sha256 = ?2 AND form = ?3")?
        .query_row((picture.entry, picture.sha256, picture.form), |row| {
            let (here, absent): (bool, Option<Moment>) = (row.get("here")?, row.get("absent_at")?);
            Ok(match (here, absent) {
                (true, _) => Standing::Here,
                (false, None) => Standing::Asked,
                (false, Some(_)) => Standing::Absent,
            })
        })
        .optional()?)
}

/// Says how much of a picture is here, and whether that is the whole.
///
/// # Errors
/// [`StoreError`].
pub fn set_bytes(tx: &Transaction<'_>, picture: &Picture, bytes: u64, here: bool) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE picture SET bytes = ?4, here = ?5, absent_at = NULL WHERE entry = ?1 AND sha256 = ?2 AND form = ?3",
    )?
    .execute((picture.entry, picture.sha256, picture.form, bytes, here))?;
    Ok(())
}

/// Notes that the office had none for this phone, and that nothing of it is here.
///
/// # Errors
/// [`StoreError`].
pub fn set_absent(tx: &Transaction<'_>, picture: &Picture, at: Moment) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE picture SET absent_at = ?4, bytes = 0 WHERE entry = ?1 AND sha256 = ?2 AND form = ?3 AND here = 0",
    )?
    .execute((picture.entry, picture.sha256, picture.form, at))?;
    Ok(())
}

/// The pictures of an item.
///
/// # Errors
/// [`StoreError`].
pub fn of_item(conn: &Connection, item: ItemId) -> Result<Vec<Picture>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT entry, sha256, form FROM picture WHERE item = ?1")?;
    let rows = statement.query_map([item], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Others' originals, asked for or here; not those of photos that this store captured.
///
/// # Errors
/// [`StoreError`].
pub fn foreign_originals(conn: &Connection) -> Result<Vec<Picture>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT p.entry, p.sha256, p.form FROM picture p WHERE p.form = 'original' AND NOT EXISTS (
             SELECT 1 FROM attachment a WHERE a.entry = p.entry AND a.sha256 = p.sha256 AND a.own = 1)",
    )?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets a picture; whether no other entry's stands in the same file.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &Transaction<'_>, picture: &Picture) -> Result<bool, StoreError> {
    tx.prepare_cached("DELETE FROM picture WHERE entry = ?1 AND sha256 = ?2 AND form = ?3")?.execute((
        picture.entry,
        picture.sha256,
        picture.form,
    ))?;
    let sql = "SELECT 1 FROM picture WHERE sha256 = ?1 AND form = ?2";
    Ok(!tx.prepare_cached(sql)?.exists((picture.sha256, picture.form))?)
}

/// Whether a picture is in the file of this name.
///
/// # Errors
/// [`StoreError`].
pub fn is_here(conn: &Connection, sha256: PhotoHash, form: PhotoForm) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM picture WHERE sha256 = ?1 AND form = ?2 AND here = 1";
    Ok(conn.prepare_cached(sql)?.exists((sha256, form))?)
}

/// Bytes of all pictures that are here or on their way.
///
/// # Errors
/// [`StoreError`].
pub fn bytes(conn: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(sum(bytes), 0) FROM picture";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The picture that was wanted longest ago, of those that take room.
///
/// # Errors
/// [`StoreError`].
pub fn oldest(conn: &Connection) -> Result<Option<Picture>, StoreError> {
    let sql = "SELECT entry, sha256, form FROM picture WHERE bytes > 0 ORDER BY used LIMIT 1";
    Ok(conn.prepare_cached(sql)?.query_row([], read).optional()?)
}

/// The newest `limit` items of `kind`, as lists show them, whose thumbnail is somebody else's and was not asked for yet.
///
/// # Errors
/// [`StoreError`].
pub fn newest_without(conn: &Connection, kind: &str, limit: usize) -> Result<Vec<(ItemId, PhotoHash)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT i.id, i.thumbnail FROM (
             SELECT id, thumbnail FROM item WHERE kind = ?1 ORDER BY occurred_at DESC, row DESC LIMIT ?2) i
         WHERE i.thumbnail IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.item = i.id AND a.sha256 = i.thumbnail AND a.own = 1)
             AND NOT EXISTS (SELECT 1 FROM picture p
                 WHERE p.item = i.id AND p.sha256 = i.thumbnail AND p.form = 'thumbnail')",
    )?;
    let rows = statement.query_map((kind, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
