//! What a store does that finds out that it was copied: it goes on as an incarnation of its own (docs/protocol.md, 2).

use rusqlite::Transaction;

use super::action::SyncError;
use super::apply::ApplyError;
use super::outbox;
use super::reoffer;
use super::wire::{Countersignature, Refusal, Succession};
use crate::clock::{Entropy, Now};
use crate::crypto::Signed;
use crate::id::{Hash, IncarnationId, Nonce};
use crate::journal::entry::{Entry, EntryError, Origin, part_hash};
use crate::limits;
use crate::mutant::{self, Mutant};
use crate::store::meta::{self, key};
use crate::store::{StoreError, entries, judgements, lineage, to_json, transfers};

/// Whether an error is the office's word that somebody else writes this store's chain.
pub(super) const fn is_copied(error: &SyncError) -> bool {
    matches!(
        error,
        SyncError::NotTaken(Refusal::Clone) | SyncError::Apply(ApplyError::OtherChain { .. } | ApplyError::Superseded)
    )
}

/// Whether this incarnation was made because of a copy, and has not once been told all that the office had to tell: another one
/// at once would be one too many. What is said while something is brought back to a restored office does not count.
pub(super) fn is_fresh(tx: &Transaction<'_>) -> Result<bool, SyncError> {
    if declared(tx)?.is_none() {
        return Ok(false);
    }
    let held: Option<Signed<Countersignature>> = meta::get(tx, key::HOLDS)?;
    let told = held.map(|held| held.read_unverified()).transpose()?;
    Ok(told.map(|told| told.incarnation) != Some(meta::incarnation(tx)?))
}

/// What the store says in its requests of the incarnation before; none where it was never copied.
pub(super) fn declared(tx: &Transaction<'_>) -> Result<Option<Succession>, StoreError> {
    meta::get(tx, key::SUCCEEDS)
}

/// Goes on under a new incarnation with all own entries above what this store shares with the office: the same ids, bodies and
/// private parts at new places. What hangs on an entry (photos, uploads, what waits, receipts) follows by its id.
pub(super) fn succeed(tx: &Transaction<'_>, now: &Now, entropy: &mut Entropy) -> Result<(), SyncError> {
    let (predecessor, through) = (meta::incarnation(tx)?, outbox::through(tx)?);
    let incarnation = IncarnationId::from_bytes(entropy.bytes());
    lineage::succeed(tx, incarnation, predecessor, through)?;
    // An office that was restored may have others' entries in the place of what it had of earlier chains, too.
    let mut chains = reoffer::lacking(tx)?;
    chains.push((predecessor, through));
    let mut prev = None;
    let mut seq = 0;
    for (chain, through) in chains {
        lineage::shorten(tx, incarnation, chain, through)?;
        loop {
            // Those that have moved are no longer there.
            let waiting = entries::after(tx, chain, through, limits::BATCH_ENTRIES)?;
            if waiting.is_empty() || (seq > 0 && mutant::is_on(Mutant::CopyLeavesEntries)) {
                break;
            }
            let left = if mutant::is_on(Mutant::CopyLeavesEntries) { 1 } else { waiting.len() };
            for entry in waiting.into_iter().take(left) {
                seq += 1;
                let place = Place { incarnation, seq, prev };
                prev = Some(place.take(tx, entry, Nonce::from_bytes(entropy.bytes()))?);
            }
        }
        lineage::forget_seals(tx, chain, through)?;
    }
    transfers::forget_actions(tx)?;
    meta::set(tx, key::INCARNATION, &incarnation)?;
    meta::set(tx, key::SUCCEEDS, &Succession { predecessor, through })?;
    meta::set(tx, key::THROUGH, &0)?;
    for fact in [key::COUNTERSIGNED, key::TOKEN, key::ENTRIES_POSTPONED, key::ATTENTION] {
        meta::clear(tx, fact)?;
    }
    meta::set(tx, key::SYNC_WANTED, &true)?;
    // The other copy may have sent what is owed here.
    super::have::wanted(tx)?;
    meta::set(tx, key::COPIED, &now.wall)?;
    Ok(())
}

/// Where an entry goes.
struct Place {
    incarnation: IncarnationId,
    seq: u64,
    prev: Option<Hash>,
}

impl Place {
    /// Moves `entry` here, and gives the hash of the header that it has here.
    fn take(self, tx: &Transaction<'_>, mut entry: Entry, salt: Nonce) -> Result<Hash, SyncError> {
        let Self { incarnation, seq, prev } = self;
        let unreadable = |source: EntryError| SyncError::OwnEntry(source);
        let mut header = entry.read_header().map_err(unreadable)?;
        judgements::keep_header(tx, header.id)?;
        let before = entry.read_origin(&header).map_err(unreadable)?;
        let origin = to_json("entry", &Origin::new(salt, incarnation, seq, prev, before.own))?;
        header.hashes.origin = part_hash("origin", &origin);
        entry.header = to_json("entry", &header)?;
        entry.origin = Some(origin);
        Ok(lineage::move_entry(tx, header.id, &entry, incarnation, seq)?)
    }
}
