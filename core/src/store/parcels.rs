//! Parcels that a phone made, until their answers no longer matter; and which photos go into one.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::owed::Owed;
use super::{StoreError, from_json, to_json};
use crate::crypto::SealingKey;
use crate::id::{EntryId, Hash, Nonce, PhotoHash};
use crate::limits;
use crate::sync::wire::Rendition;

/// A parcel that this phone made.
pub struct Made<T> {
    /// Its name.
    pub id: Nonce,
    /// The number of the last request in it.
    pub number: u64,
    /// What its answer is sealed for.
    pub reply_key: SealingKey,
    /// The requests in it.
    pub intents: Vec<T>,
}

/// Keeps what an answer is read with, and forgets what is kept of the parcels before the newest
/// [`limits::PARCELS_KEPT`].
///
/// # Errors
/// [`StoreError`].
pub fn keep<T: Serialize>(tx: &Transaction<'_>, made: &Made<T>) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO parcel (id, number, reply, reply_key, intents) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((
            made.id,
            made.number,
            made.reply_key.public_key().fingerprint(),
            made.reply_key.to_text(),
            to_json("parcel", &made.intents)?,
        ))?;
    tx.prepare_cached(
        "DELETE FROM parcel WHERE number < (SELECT number FROM parcel ORDER BY number DESC LIMIT 1 OFFSET ?1)",
    )?
    .execute([limits::PARCELS_KEPT - 1])?;
    Ok(())
}

/// The parcel whose answer is sealed for the key with the fingerprint `reply`; none where this phone made none such, or too many
/// since.
///
/// # Errors
/// [`StoreError`].
pub fn answered<T: DeserializeOwned>(conn: &Connection, reply: &Hash) -> Result<Option<Made<T>>, StoreError> {
    let found: Option<(Nonce, u64, String, String)> = conn
        .prepare_cached("SELECT id, number, reply_key, intents FROM parcel WHERE reply = ?1")?
        .query_row([reply], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((id, number, reply_key, intents)) = found else { return Ok(None) };
    let reply_key = SealingKey::from_text(&reply_key).ok_or(StoreError::NoFact("parcel's key"))?;
    Ok(Some(Made { id, number, reply_key, intents: from_json("parcel", &intents)? }))
}

/// Own photos whose `rendition` the office has not taken, oldest first, judged or not: what goes into a parcel comes after its
/// entries.
///
/// # Errors
/// [`StoreError`].
pub fn previews_owed(conn: &Connection, rendition: Rendition) -> Result<Vec<(EntryId, PhotoHash)>, StoreError> {
    let owed = match rendition {
        Rendition::Thumbnail => "a.own = 1 AND a.previewed = 0 AND a.receipt IS NULL",
        Rendition::View => "a.own = 1 AND a.view_owed = 1",
    };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT a.entry, a.sha256 FROM attachment a JOIN entry e ON e.id = a.entry WHERE {owed} ORDER BY e.rowid"
    ))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Own originals that the office has not signed for, oldest first, judged or not.
///
/// # Errors
/// [`StoreError`].
pub fn originals_owed(conn: &Connection) -> Result<Vec<Owed>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT a.entry, a.sha256, a.bytes, a.lost, iif(a.gone = 2, a.gone_at, NULL) AS left_at FROM attachment a JOIN entry e ON e.id = a.entry
         WHERE a.own = 1 AND a.receipt IS NULL ORDER BY e.rowid",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Owed {
            entry: row.get("entry")?,
            sha256: row.get("sha256")?,
            bytes: row.get("bytes")?,
            was_lost: row.get::<_, u8>("lost")? != 0,
            left_at: row.get("left_at")?,
            asked: false,
        })
    };
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
