//! What is still to be sent: all of the own chain that the office does not have, in batches.

use rusqlite::Connection;

use crate::clock::Now;
use crate::crypto::Signed;
use crate::id::{EntryId, Hash, IncarnationId};
use crate::journal::entry::Entry;
use crate::journal::erasure::Erasure;
use crate::journal::seal::BatchSeal;
use crate::limits;
use crate::store::entries::Head;
use crate::store::meta::{self, key};
use crate::store::{StoreError, entries, erased, lineage};

/// The entries of one request.
#[derive(Debug, Clone)]
pub struct Batch {
    /// In chain order.
    pub entries: Vec<Entry>,
    /// What is to be signed over them.
    pub seal: BatchSeal,
}

/// How far the office has this chain.
///
/// # Errors
/// [`StoreError`].
pub fn through(conn: &Connection) -> Result<u64, StoreError> {
    Ok(meta::get(conn, key::THROUGH)?.unwrap_or(0))
}

/// Whether an entry that the office does not have has left this phone.
///
/// # Errors
/// [`StoreError`].
pub fn has_hole(conn: &Connection) -> Result<bool, StoreError> {
    entries::has_left(conn, meta::incarnation(conn)?, through(conn)?)
}

/// Whether the office has an own entry: one that an earlier incarnation of this store sent, or one up to [`through`].
///
/// # Errors
/// [`StoreError`].
pub fn is_sent(conn: &Connection, entry: EntryId) -> Result<bool, StoreError> {
    let own = meta::incarnation(conn)?;
    Ok(entries::incarnation(conn, entry)? != Some(own) || lineage::is_within(conn, entry, own, through(conn)?)?)
}

/// Bytes of entries in a request, where so many go well over the network.
#[must_use]
pub fn most_bytes(go_well: u64) -> usize {
    usize::try_from(go_well).unwrap_or(usize::MAX).min(limits::BATCH_BYTES)
}

/// The office's word for those of a batch whose private part was erased.
///
/// # Errors
/// [`StoreError`].
pub fn erasures(conn: &Connection, batch: &Batch) -> Result<Vec<Signed<Erasure>>, StoreError> {
    let bare = batch.entries.iter().filter(|entry| entry.private.is_none());
    let ids = bare.filter_map(|entry| entry.read_header().ok()).map(|header| header.id);
    ids.filter_map(|id| erased::get(conn, id).transpose()).collect()
}

/// The next batch above `through`: as many entries as fit into one request of at most `most_bytes`, and one at least; none
/// at 0.
///
/// # Errors
/// [`StoreError`].
pub fn batch(
    conn: &Connection,
    incarnation: IncarnationId,
    through: u64,
    most_bytes: usize,
    now: &Now,
) -> Result<Batch, StoreError> {
    let most_entries = if most_bytes == 0 { 0 } else { limits::BATCH_ENTRIES };
    let mut waiting = entries::after(conn, incarnation, through, most_entries)?;
    let mut bytes = 0;
    let fitting = waiting
        .iter()
        .take_while(|entry| {
            bytes += entry.bytes();
            bytes <= most_bytes
        })
        .count()
        .max(1);
    waiting.truncate(fitting);
    let hashes: Vec<Hash> = waiting.iter().map(Entry::header_hash).collect();
    let head = match hashes.last() {
        Some(last) => Head { seq: through + hashes.len() as u64, hash: Some(*last) },
        None => Head { seq: through, hash: entries::hash_at(conn, incarnation, through)? },
    };
    Ok(Batch { seal: BatchSeal::over(incarnation, &hashes, head, now.clone()), entries: waiting })
}
