//! Reading everything again: that a chain has no gap and no changed byte, that its batches were signed, that an item is
//! what its judgements make of it, that receipts and all that a phone was told are the office's.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::entry::EntryError;
use super::fold;
use super::seal::BatchSeal;
use super::version::Version;
use super::view::View;
use crate::crypto::{CryptoError, MerklePath, PublicKey, Signed};
use crate::id::{EntryId, Hash, IncarnationId, ItemId, PhotoHash};
use crate::limits;
use crate::store::{StoreError, entries, erased, items, judgements, photos, snapshots, to_json};
use crate::sync::wire::Attestation;

/// What does not hold.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signature.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// An entry's parts.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A chain has a gap, or an entry does not follow the one before it.
    #[error("the chain of {incarnation} breaks at place {seq}")]
    Broken {
        /// Whose chain.
        incarnation: IncarnationId,
        /// Where.
        seq: u64,
    },
    /// No signature covers an entry that was sent.
    #[error("no signature covers place {seq} of the chain of {incarnation}")]
    Unsigned {
        /// Whose chain.
        incarnation: IncarnationId,
        /// Where.
        seq: u64,
    },
    /// The judgements of an item do not lead to what is shown of it.
    #[error("item {item} is not what its judgements make of it: {what}")]
    NotReplayed {
        /// The item.
        item: ItemId,
        /// What differs.
        what: &'static str,
    },
    /// What a phone was told does not lead to what the office signed.
    #[error("what was told of {what} is not what the office signed")]
    NotTold {
        /// An item or an entry, by its id.
        what: String,
    },
    /// A receipt is about something else.
    #[error("the receipt for photo {sha256} of entry {entry} is about something else")]
    OtherReceipt {
        /// The entry.
        entry: EntryId,
        /// The photo.
        sha256: PhotoHash,
    },
}

/// Replays a chain from its first entry: places without a gap, each header naming the one before, every part held here
/// the one that its header names, and every entry up to `through` covered by a batch that `key` signed.
///
/// Returns how many entries it has.
///
/// # Errors
/// [`AuditError`] at the first thing that does not hold.
pub fn chain(conn: &Connection, incarnation: IncarnationId, key: &PublicKey, through: u64) -> Result<u64, AuditError> {
    let mut hashes: Vec<Hash> = Vec::new();
    // Places of which there is the hash alone. A batch of which all entries have left is no longer signed here.
    let mut left = BTreeSet::new();
    loop {
        let done = hashes.len() as u64;
        let next = entries::after(conn, incarnation, done, limits::BATCH_ENTRIES)?;
        if next.is_empty() {
            break;
        }
        for entry in next {
            let header = entry.read_header()?;
            let origin = entry.read_origin(&header)?;
            // Of one that left this phone there is its hash, at its place.
            while hashes.len() as u64 + 1 < origin.seq {
                let seq = hashes.len() as u64 + 1;
                let hash = entries::hash_at(conn, incarnation, seq)?.ok_or(AuditError::Broken { incarnation, seq })?;
                left.insert(seq);
                hashes.push(hash);
            }
            let seq = hashes.len() as u64 + 1;
            if origin.seq != seq || origin.incarnation != incarnation || origin.prev != hashes.last().copied() {
                return Err(AuditError::Broken { incarnation, seq });
            }
            entry.read_body(&header)?;
            if entry.private.is_some() || !erased::is_erased(conn, header.id)? {
                entry.read_private(&header)?;
            }
            hashes.push(entry.header_hash());
        }
    }
    // The last ones may have left, too.
    while let Some(hash) = entries::hash_at(conn, incarnation, hashes.len() as u64 + 1)? {
        hashes.push(hash);
        left.insert(hashes.len() as u64);
    }
    signed(conn, incarnation, key, &hashes, &left, through)?;
    Ok(hashes.len() as u64)
}

fn signed(
    conn: &Connection,
    incarnation: IncarnationId,
    key: &PublicKey,
    hashes: &[Hash],
    left: &BTreeSet<u64>,
    through: u64,
) -> Result<(), AuditError> {
    let beyond_left = |mut covered: u64| {
        while left.contains(&(covered + 1)) {
            covered += 1;
        }
        covered
    };
    let mut covered = beyond_left(0);
    for seal in entries::seals(conn, incarnation)? {
        let batch: BatchSeal = Signed::open(&seal, key)?;
        let (first, last) = (batch.first_seq(), batch.head.seq);
        let range = usize::try_from(first.saturating_sub(1)).ok().zip(usize::try_from(last).ok());
        let Some(part) = range.and_then(|(from, to)| hashes.get(from..to)) else {
            return Err(AuditError::Broken { incarnation, seq: last });
        };
        if !batch.covers(part) {
            return Err(AuditError::Broken { incarnation, seq: first });
        }
        if first <= covered + 1 {
            covered = beyond_left(covered.max(last));
        }
    }
    if covered < through { Err(AuditError::Unsigned { incarnation, seq: covered + 1 }) } else { Ok(()) }
}

/// Replays an item at the office from its judgements: the same versions, the same view byte for byte.
///
/// # Errors
/// [`AuditError::NotReplayed`].
pub fn item(conn: &Connection, item: ItemId) -> Result<(), AuditError> {
    let wrong = |what| AuditError::NotReplayed { item, what };
    let shown = items::view(conn, item)?.ok_or(wrong("it is not there"))?;
    let mut view: Option<View> = None;
    for id in items::applied(conn, item)? {
        let judged = judgements::get(conn, id)?.ok_or(wrong("a judgement is missing"))?;
        let entry = entries::get(conn, id)?.ok_or(wrong("an entry is missing"))?;
        let said = judged.judgement.version.ok_or(wrong("an applied entry has no version"))?;
        let before = view.get_or_insert_with(|| View::empty(&shown.kind, Version::none(said.epoch)));
        let version = before.version.after(said.epoch, &entry.header_hash(), judged.judgement.effects.get());
        if version != said {
            return Err(wrong("the history takes another way"));
        }
        let effects = judged.judgement.read_effects().map_err(|_| wrong("an effect has no words here"))?;
        fold::apply(before, id, version, &effects);
    }
    let replayed = view.ok_or(wrong("nothing was applied"))?;
    if to_json("item", &replayed)? == to_json("item", &shown)? { Ok(()) } else { Err(wrong("the view")) }
}

/// Checks that all that this phone was told, judgements and snapshots, is what the office signed; returns how much it is.
///
/// # Errors
/// [`AuditError::Crypto`], [`AuditError::NotTold`].
pub fn told(conn: &Connection, office: &PublicKey) -> Result<u64, AuditError> {
    let mut count = 0;
    let mut check = |what: String, leaf: &Hash, path: &MerklePath, attestation: &Signed<Attestation>| {
        count += 1;
        let signed = attestation.open(office)?;
        if path.root_from(*leaf) == signed.root { Ok(()) } else { Err(AuditError::NotTold { what }) }
    };
    for told in judgements::proven(conn)? {
        check(format!("entry {}", told.entry), &told.leaf, &told.path, &told.attestation)?;
    }
    for told in snapshots::all(conn)? {
        check(format!("item {}", told.snapshot.item), &told.snapshot.leaf(), &told.path, &told.attestation)?;
    }
    Ok(count)
}

/// Checks the office's receipts for this phone's originals; returns how many there are.
///
/// # Errors
/// [`AuditError::Crypto`], [`AuditError::OtherReceipt`].
pub fn receipts(conn: &Connection, office: &PublicKey) -> Result<u64, AuditError> {
    let mut count = 0;
    for photo in photos::own(conn)? {
        let Some(signed) = photos::receipt(conn, photo.entry, photo.sha256)? else { continue };
        let receipt = signed.open(office)?;
        if receipt.entry != photo.entry || receipt.sha256 != photo.sha256 {
            return Err(AuditError::OtherReceipt { entry: photo.entry, sha256: photo.sha256 });
        }
        count += 1;
    }
    Ok(count)
}
