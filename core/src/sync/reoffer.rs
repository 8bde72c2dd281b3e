//! What a phone does whose office has lost something: it was restored from a backup, or its data folder was put back by hand
//! (docs/protocol.md, 8).
//!
//! The phone offers again all that it wrote, and all that it was told with the last of its countersignatures that the office
//! still knows or after it: first what the office had judged, item by item, then its own chains. What is left to do is in rows, so
//! that an interrupted re-offer goes on where it was. Only when all is answered it enters the office's branch, and reads that
//! from its beginning.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use super::apply::{self, ApplyError, Reader};
use super::offer::{Chain, Known, Offer, Recovery};
use super::outbox;
use super::session::{OfficeKeys, SyncIntent};
use super::sizes;
use super::wire::{Epoch, SyncResponse};
use crate::clock::Moment;
use crate::id::IncarnationId;
use crate::limits;
use crate::store::meta::{self, key};
use crate::store::{StoreError, entries, judgements, lineage, offers, snapshots, to_json, transfers};

/// A re-offer under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reoffer {
    /// The branch that it is for.
    to: Epoch,
    /// The last request of which the office still knows that it answered it; 0 where it knows of none.
    since: u64,
    /// How much was to be offered, beside own chains.
    offered: u64,
    /// How far the office has each own chain.
    sent: BTreeMap<IncarnationId, u64>,
}

/// What one request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the office had judged, up to this place of the order.
    Offers {
        /// The last one.
        through: u64,
    },
    /// The next entries of an own chain.
    Chain {
        /// Whose.
        incarnation: IncarnationId,
    },
}

/// How a re-offer stands, for whoever looks at the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReofferProgress {
    /// Entries and items that are still to be offered.
    pub left: u64,
    /// How many there were.
    pub of: u64,
}

/// A re-offer that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reoffered {
    /// When.
    pub at: Moment,
    /// The branch that the office stands on now.
    pub counter: u64,
    /// How many entries and items were offered.
    pub offered: u64,
    /// How many receipts were void.
    pub voided: u64,
}

fn under_way(conn: &Connection) -> Result<Option<Reoffer>, StoreError> {
    meta::get(conn, key::REOFFER)
}

/// How the re-offer stands that is under way; none where none is.
///
/// # Errors
/// [`StoreError`].
pub fn progress(conn: &Connection) -> Result<Option<ReofferProgress>, StoreError> {
    let Some(reoffer) = under_way(conn)? else { return Ok(None) };
    let left = offers::count(conn)?;
    let chains: u64 = chains(conn, &reoffer)?.iter().map(|chain| chain.through.saturating_sub(chain.sent)).sum();
    Ok(Some(ReofferProgress { left: left + chains, of: reoffer.offered.max(left) + chains }))
}

/// An own chain, as far as it belongs to this store.
#[derive(Debug, Clone, Copy)]
struct OwnChain {
    incarnation: IncarnationId,
    /// How far the office has it.
    sent: u64,
    /// Where it ends.
    through: u64,
}

/// The own chains, oldest first.
fn chains(conn: &Connection, reoffer: &Reoffer) -> Result<Vec<OwnChain>, StoreError> {
    let own = meta::incarnation(conn)?;
    let sent = |incarnation| reoffer.sent.get(&incarnation).copied().unwrap_or(0);
    let mut chains: Vec<OwnChain> = lineage::successions(conn, own)?
        .into_iter()
        .rev()
        .map(|before| OwnChain {
            incarnation: before.predecessor,
            sent: sent(before.predecessor).min(before.through),
            through: before.through,
        })
        .collect();
    chains.push(OwnChain { incarnation: own, sent: sent(own), through: entries::head(conn, own)?.seq });
    Ok(chains)
}

/// What the next request brings; none where nothing is under way.
pub(super) fn next(tx: &Transaction<'_>) -> Result<Option<(Part, u64)>, StoreError> {
    let Some(reoffer) = under_way(tx)? else { return Ok(None) };
    let own = meta::incarnation(tx)?;
    let most = outbox::most_bytes(sizes::EXCHANGES.next(tx)?);
    let mut bytes = 0;
    let mut through = None;
    for owed in offers::next(tx, limits::BATCH_ENTRIES)? {
        if let Some(offer) = offer(tx, &owed)? {
            bytes += to_json("offer", &offer)?.len();
        }
        if through.is_some() && bytes > most {
            break;
        }
        through = Some(owed.place);
    }
    if let Some(through) = through {
        return Ok(Some((Part::Offers { through }, outbox::through(tx)?)));
    }
    let chains = chains(tx, &reoffer)?;
    let next = chains.iter().find(|chain| chain.sent < chain.through);
    let (incarnation, sent) =
        next.map_or_else(|| (own, outbox::through(tx)), |chain| (chain.incarnation, Ok(chain.sent)));
    Ok(Some((Part::Chain { incarnation }, sent?)))
}

/// What a request with `part` says.
pub(super) fn recovery(tx: &Transaction<'_>, part: Option<Part>) -> Result<Option<Recovery>, StoreError> {
    let (Some(part), Some(reoffer)) = (part, under_way(tx)?) else { return Ok(None) };
    let offers = offered(tx, part)?;
    Ok(Some(Recovery { to: reoffer.to.id, more: offers::count(tx)? > offers.len() as u64, offers }))
}

/// What `part` offers.
pub(super) fn offered(tx: &Transaction<'_>, part: Part) -> Result<Vec<Offer>, StoreError> {
    let Part::Offers { through } = part else { return Ok(Vec::new()) };
    let owed = offers::next(tx, limits::BATCH_ENTRIES)?;
    owed.iter().filter(|owed| owed.place <= through).filter_map(|owed| offer(tx, owed).transpose()).collect()
}

fn offer(tx: &Transaction<'_>, owed: &offers::Owed) -> Result<Option<Offer>, StoreError> {
    Ok(match owed.entry {
        Some(entry) => judgements::offered(tx, entry)?.map(|entry| Offer::Entry(Box::new(entry))),
        None => snapshots::get(tx, owed.item)?.map(|snapshot| Offer::Snapshot(Box::new(snapshot))),
    })
}

/// Own chains before this one of which the office lacks a part while a re-offer is under way, with how far it has each, oldest
/// first.
pub(super) fn lacking(conn: &Connection) -> Result<Vec<(IncarnationId, u64)>, StoreError> {
    let Some(reoffer) = under_way(conn)? else { return Ok(Vec::new()) };
    let mut chains = chains(conn, &reoffer)?;
    chains.pop();
    Ok(chains.iter().filter(|chain| chain.sent < chain.through).map(|chain| (chain.incarnation, chain.sent)).collect())
}

/// Takes the answer of an office that has lost something: begins to offer that, goes on with it, or enters its branch.
///
/// # Errors
/// [`ApplyError`]; the caller drops the transaction then.
pub(super) fn answered(
    tx: &Transaction<'_>,
    reader: &Reader<'_>,
    office: &OfficeKeys,
    intent: &SyncIntent,
    answer: &SyncResponse,
    known: &Known,
    at: Moment,
) -> Result<(), ApplyError> {
    let to = answer.epoch.open(reader.office)?;
    if to.counter < office.epoch.counter {
        // An office that shows an older branch has been put back by hand, and finds that out by what this phone holds.
        return Err(ApplyError::OtherEpoch { counter: to.counter });
    }
    let said = answer.head.open(reader.office)?;
    if said.incarnation != reader.incarnation || said.request != intent.number {
        return Err(ApplyError::OtherRequest);
    }
    let (mut reoffer, taken) = match (under_way(tx)?, intent.reoffer) {
        (Some(reoffer), Some(part)) if reoffer.to.id == to.id => (reoffer, Some(part)),
        // Of what is brought to another branch the office takes nothing.
        (Some(_) | None, _) => (begin(tx, to, known)?, None),
    };
    if let Some(Part::Offers { through }) = taken {
        offers::answered(tx, through)?;
    }
    for chain in &known.chains {
        let sent = matches!(taken, Some(Part::Chain { incarnation }) if incarnation == chain.incarnation);
        if is_ours(tx, chain)? {
            reoffer.sent.insert(chain.incarnation, chain.head.seq);
        } else if sent && answer.refusal.is_none() {
            // What was sent is there, and so is what a copy of this store wrote.
            return Err(ApplyError::OtherChain { seq: chain.head.seq });
        }
    }
    meta::set(tx, key::THROUGH, &reoffer.sent.get(&reader.incarnation).copied().unwrap_or(0))?;
    meta::set(tx, key::COUNTERSIGNED, &answer.head)?;
    meta::set(tx, key::SYNC_WANTED, &true)?;
    meta::set(tx, key::REOFFER, &reoffer)?;
    let done = chains(tx, &reoffer)?.iter().all(|chain| chain.sent >= chain.through);
    if answer.refusal.is_none() && done && offers::count(tx)? == 0 {
        enter(tx, reader, office, intent, answer, &reoffer, at)?;
    }
    Ok(())
}

/// Whether this store has the entry at which the office's chain ends, as the office has it.
fn is_ours(conn: &Connection, chain: &Chain) -> Result<bool, StoreError> {
    Ok(chain.head.seq == 0 || entries::hash_at(conn, chain.incarnation, chain.head.seq)? == chain.head.hash)
}

fn begin(tx: &Transaction<'_>, to: Epoch, known: &Known) -> Result<Reoffer, StoreError> {
    let mut last = None;
    for hash in &known.countersignatures {
        last = last.max(offers::held(tx, hash)?.map(|held| (held.request, held.incarnation, held.seq)));
    }
    let since = last.map_or(0, |(request, ..)| request);
    // Where the office's chain ends in an entry that is not here, both have it up to where both knew of last.
    let sent = last.map(|(_, incarnation, seq)| (incarnation, seq)).into_iter().collect();
    Ok(Reoffer { to, since, offered: offers::fill(tx, since)?, sent })
}

/// All is answered: from here on this store reads the office's branch.
fn enter(
    tx: &Transaction<'_>,
    reader: &Reader<'_>,
    office: &OfficeKeys,
    intent: &SyncIntent,
    answer: &SyncResponse,
    reoffer: &Reoffer,
    at: Moment,
) -> Result<(), ApplyError> {
    apply::acknowledge(tx, reader, intent, &answer.head)?;
    let voided = offers::leave_branch(tx, reoffer.since)?;
    meta::set(tx, key::OFFICE, &OfficeKeys { epoch: reoffer.to.clone(), ..office.clone() })?;
    let Reoffer { to: Epoch { counter, .. }, offered, .. } = *reoffer;
    meta::set(tx, key::REOFFERED, &Reoffered { at, counter, offered, voided })?;
    meta::set(tx, key::READING_ANEW, &true)?;
    for fact in [key::REOFFER, key::SNAPSHOTS_WANTED, key::TOKEN] {
        meta::clear(tx, fact)?;
    }
    Ok(transfers::forget_actions(tx)?)
}
