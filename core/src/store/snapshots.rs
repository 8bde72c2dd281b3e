//! The office's signed snapshots, on a phone: with the judged entries after it, an item's last one proves what is held here.

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use serde::{Deserialize, Serialize};

use super::{StoreError, from_json, to_json};
use crate::crypto::{MerklePath, Signed};
use crate::id::ItemId;
use crate::sync::wire::{Attestation, Snapshot};

/// A snapshot with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenSnapshot {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The office's signature over the page that brought it.
    pub attestation: Signed<Attestation>,
    /// The way from the snapshot to that page's root.
    pub path: MerklePath,
}

/// Keeps a snapshot that `request` brought in place of the item's last one.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &Transaction<'_>, proven: &ProvenSnapshot, request: u64) -> Result<(), StoreError> {
    let ProvenSnapshot { snapshot, attestation, path } = proven;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO snapshot (item, snapshot, attestation, path, request) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((
        snapshot.item,
        to_json("snapshot", snapshot)?,
        to_json("snapshot", attestation)?,
        to_json("snapshot", path)?,
        request,
    ))?;
    Ok(())
}

/// Forgets the snapshot of an item that left this phone.
///
/// # Errors
/// [`StoreError`].
pub fn remove(tx: &Transaction<'_>, item: ItemId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM snapshot WHERE item = ?1")?.execute([item])?;
    Ok(())
}

/// All snapshots.
///
/// # Errors
/// [`StoreError`].
pub fn all(conn: &Connection) -> Result<Vec<ProvenSnapshot>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT snapshot, attestation, path FROM snapshot ORDER BY item")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| read(&row?)).collect()
}

/// The snapshot of an item; none where it never came, or left.
///
/// # Errors
/// [`StoreError`].
pub fn get(conn: &Connection, item: ItemId) -> Result<Option<ProvenSnapshot>, StoreError> {
    let row: Option<(String, String, String)> = conn
        .prepare_cached("SELECT snapshot, attestation, path FROM snapshot WHERE item = ?1")?
        .query_row([item], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    row.map(|row| read(&row)).transpose()
}

fn read((snapshot, attestation, path): &(String, String, String)) -> Result<ProvenSnapshot, StoreError> {
    Ok(ProvenSnapshot {
        snapshot: from_json("snapshot", snapshot)?,
        attestation: from_json("snapshot", attestation)?,
        path: from_json("snapshot", path)?,
    })
}
