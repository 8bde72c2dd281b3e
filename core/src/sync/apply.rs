//! What a phone does with the office's answer: all of it in one transaction, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Transaction;

use super::downloads;
use super::history;
use super::session::SyncIntent;
use super::wire::{Attestation, Countersignature, JudgedEntry, Page, Receipt, SyncResponse};
use crate::crypto::{CryptoError, MerklePath, MerkleTree, PublicKey, Signed};
use crate::id::{EntryId, EpochId, Hash, IncarnationId, ItemId};
use crate::journal::actor::person;
use crate::journal::entry::{Change, Entry};
use crate::journal::fold;
use crate::journal::predict::{Predictor, Reach};
use crate::journal::view::View;
use crate::mutant::{self, Mutant};
use crate::pack::Pack;
use crate::photo::PhotoFolder;
use crate::store::entries::Known;
use crate::store::feeds::{self, FeedRow};
use crate::store::judgements::{self, Judged, Proof};
use crate::store::meta::{self, key};
use crate::store::offers::{self, Held};
use crate::store::snapshots::{self, ProvenSnapshot};
use crate::store::{StoreError, entries, erased, from_json, items, pending, photos, to_json, transfers};

/// Why an answer was not applied. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signature does not hold.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The office had answered a later request of this store before this one.
    #[error("the office has answered a later request of this store already: a copy of it speaks to the office too")]
    Superseded,
    /// It answers another request.
    #[error("the office answered another request than this one")]
    OtherRequest,
    /// The office stands on another branch of its history: it was restored from a backup.
    #[error(
        "the office stands on another branch of its history ({counter}) than this phone, and does not ask for what it has lost: \
         this phone keeps all it has, and tries again"
    )]
    OtherEpoch {
        /// The branch that it shows.
        counter: u64,
    },
    /// The page does not begin where this phone has read to.
    #[error("the page does not continue what was read before")]
    OldPage,
    /// The page names what it does not carry, or carries what cannot be read.
    #[error("the page is not whole: {0}")]
    NotWhole(&'static str),
    /// The office's word on this phone's chain is not about this chain: a copy of this store wrote another one.
    #[error("the office has another entry at place {seq} of this phone's journal: two copies of this store write")]
    OtherChain {
        /// The place.
        seq: u64,
    },
}

/// What an answer is checked and applied with.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The office's signing key.
    pub office: &'a PublicKey,
    /// The branch that this phone stands on.
    pub epoch: EpochId,
    /// The life of the journal that this phone writes.
    pub incarnation: IncarnationId,
    /// What predictions stand on.
    pub predictor: Predictor<'a>,
    /// Where photos lie, others' too: they go with their items.
    pub photos: &'a PhotoFolder,
}

/// Applies the answer to the request of `intent`.
///
/// # Errors
/// [`ApplyError`]; the caller drops the transaction then.
pub fn apply(
    tx: &Transaction<'_>,
    reader: &Reader<'_>,
    intent: &SyncIntent,
    response: &SyncResponse,
) -> Result<(), ApplyError> {
    let epoch = response.epoch.open(reader.office)?;
    if epoch.id != reader.epoch {
        return Err(ApplyError::OtherEpoch { counter: epoch.counter });
    }
    acknowledge(tx, reader, intent, &response.head)?;
    if let Some(document) = &response.pack {
        match Pack::from_json(document) {
            Ok(pack) => {
                meta::set(tx, key::PACK, document)?;
                meta::set(tx, key::PACK_HASH, &pack.hash())?;
                meta::clear(tx, key::PACK_UNREAD)?;
            }
            // For a later version: the old one stands, and it is asked for again by the next version of this program.
            Err(_) => meta::set(tx, key::PACK_UNREAD, &(env!("CARGO_PKG_VERSION"), crate::pack::hash_of(document)))?,
        }
    }
    let again = read_page(tx, reader, intent, response)?;

    if !response.token.is_empty() {
        meta::set(tx, key::TOKEN, &response.token)?;
    }
    meta::set(tx, key::LIMITS, &response.limits)?;
    let wants = meta::get::<Vec<ItemId>>(tx, key::SNAPSHOTS_WANTED)?.is_some()
        || meta::get::<BTreeMap<ItemId, u64>>(tx, key::HISTORY_WANTED)?.is_some_and(|wanted| !wanted.is_empty());
    meta::set(tx, key::SYNC_WANTED, &(response.page.more || again || wants))?;
    meta::set(tx, key::RECEIPTS_EXPECTED, &false)?;
    Ok(())
}

/// How far the office has this chain: countersigned, so that a cut tail shows.
pub(super) fn acknowledge(
    tx: &Transaction<'_>,
    reader: &Reader<'_>,
    intent: &SyncIntent,
    head: &Signed<Countersignature>,
) -> Result<(), ApplyError> {
    let said = head.open(reader.office)?;
    if said.incarnation != reader.incarnation || said.request != intent.number {
        return Err(ApplyError::OtherRequest);
    }
    let own = if said.head.seq == 0 { None } else { entries::hash_at(tx, reader.incarnation, said.head.seq)? };
    if said.head.hash != own && !mutant::is_on(Mutant::HeadUnchecked) {
        return Err(ApplyError::OtherChain { seq: said.head.seq });
    }
    meta::set(tx, key::COUNTERSIGNED, head)?;
    meta::set(tx, key::HOLDS, head)?;
    meta::set(tx, key::THROUGH, &said.head.seq)?;
    let held = Held { request: said.request, hash: head.hash(), incarnation: said.incarnation, seq: said.head.seq };
    Ok(offers::hold(tx, &held)?)
}

/// Whether there is more to read right away: a feed that was withdrawn and granted again.
fn read_page(
    tx: &Transaction<'_>,
    reader: &Reader<'_>,
    intent: &SyncIntent,
    SyncResponse { page, server_time, .. }: &SyncResponse,
) -> Result<bool, ApplyError> {
    for feed in &page.feeds {
        if feed.from != feeds::position(tx, &feed.audience)?.unwrap_or(0) {
            return Err(ApplyError::OldPage);
        }
    }
    let mut reading = PageReading {
        tx,
        reader,
        request: intent.number,
        entries: BTreeMap::new(),
        confirmed: BTreeMap::new(),
        touched: BTreeSet::new(),
        left: BTreeSet::new(),
        want: BTreeSet::new(),
        withdrawn: BTreeSet::new(),
    };
    reading.keep_all(page)?;
    for feed in &page.feeds {
        // Withdrawn in this page, and perhaps granted again: what there was is gone, and is read from the start.
        if reading.withdrawn.contains(&feed.audience) {
            continue;
        }
        let shown = if mutant::is_on(Mutant::PageShownHalf) { feed.rows.len() / 2 } else { feed.rows.len() };
        for row in &feed.rows[..shown] {
            reading.row(&feed.audience, row)?;
        }
    }
    for signed in &page.receipts {
        let receipt: Receipt = signed.open(reader.office)?;
        photos::set_receipt(tx, &receipt, signed, Some(intent.number))?;
        if mutant::is_on(Mutant::ReceiptTakenForSafe) {
            photos::set_safe(tx, receipt.entry, receipt.sha256, *server_time)?;
        }
    }
    // After the receipts: nothing is safe that was not received, nor what was asked for again since.
    let mut safe = BTreeSet::new();
    for row in page.feeds.iter().flat_map(|feed| &feed.rows) {
        if let FeedRow::Safe { entry, sha256 } = row {
            safe.insert((*entry, *sha256));
        } else if let FeedRow::Want { entry, sha256 } = row {
            safe.remove(&(*entry, *sha256));
        }
    }
    for (entry, sha256) in safe {
        photos::set_safe(tx, entry, sha256, *server_time)?;
    }
    let more = page.more || !reading.withdrawn.is_empty();
    if !more && meta::get(tx, key::READING_ANEW)?.unwrap_or(false) {
        for item in offers::left_behind(tx)? {
            reading.touched.insert(item);
            reading.left.insert(item);
        }
        meta::clear(tx, key::READING_ANEW)?;
    }
    reading.settle(more)?;
    reading.want_snapshots(intent, page)?;
    let withdrawn = reading.withdrawn;
    let (again, read): (Vec<_>, Vec<_>) = page.feeds.iter().partition(|feed| withdrawn.contains(&feed.audience));
    for feed in &read {
        feeds::set_position(tx, &feed.audience, feed.next)?;
    }
    history::told(tx, intent, page, &read)?;
    Ok(!again.is_empty())
}

struct PageReading<'a> {
    tx: &'a Transaction<'a>,
    reader: &'a Reader<'a>,
    /// The request that the page answers.
    request: u64,
    /// The judged entries of the page.
    entries: BTreeMap<EntryId, (Hash, Judged)>,
    /// Views as the office judged them, while the page is read.
    confirmed: BTreeMap<ItemId, Option<View>>,
    touched: BTreeSet<ItemId>,
    left: BTreeSet<ItemId>,
    want: BTreeSet<ItemId>,
    /// Audiences that the page takes away.
    withdrawn: BTreeSet<String>,
}

impl PageReading<'_> {
    /// Checks the page's signature and keeps its entries and snapshots with their proofs.
    fn keep_all(&mut self, page: &Page) -> Result<(), ApplyError> {
        let mut named = Vec::new();
        for judged in &page.entries {
            named.push((self.header_hash(judged)?, judged.clone()));
        }
        let tree = MerkleTree::over(super::page::leaves(&named, &page.snapshots));
        let attestation: Attestation = page.attestation.open(self.reader.office)?;
        if attestation.epoch != self.reader.epoch || attestation.root != tree.root() {
            return Err(ApplyError::NotWhole("its signature covers another page"));
        }
        let proof = to_json("judgement", &page.attestation)?;
        let path = |index| tree.path(index).ok_or(ApplyError::NotWhole("an entry without a leaf"));
        let first_snapshot = named.len();
        for (index, (header, entry)) in named.into_iter().enumerate() {
            self.keep(header, entry, &proof, path(index)?)?;
        }
        for (index, snapshot) in page.snapshots.iter().enumerate() {
            let (snapshot, attestation) = (snapshot.clone(), page.attestation.clone());
            self.adopt(&ProvenSnapshot { snapshot, attestation, path: path(first_snapshot + index)? })?;
        }
        Ok(())
    }

    fn header_hash(&self, judged: &JudgedEntry) -> Result<Hash, ApplyError> {
        match &judged.header {
            Some(header) => {
                Ok(Entry { header: header.clone(), origin: None, sealed: None, body: None, private: None }
                    .header_hash())
            }
            None => Ok(entries::get(self.tx, judged.entry)?
                .ok_or(ApplyError::NotWhole("an own entry that is not here"))?
                .header_hash()),
        }
    }

    fn keep(&mut self, header_hash: Hash, wire: JudgedEntry, proof: &str, path: MerklePath) -> Result<(), ApplyError> {
        let judged = Judged::read(wire.judgement)?;
        if judged.judgement.entry != wire.entry {
            return Err(ApplyError::NotWhole("a judgement of another entry"));
        }
        let own = entries::incarnation(self.tx, wire.entry)?.is_some();
        // Of an own entry that a copy of this store sent first, the office judged another header than the one that is here.
        let other = wire.header.clone().filter(|_| own);
        let item = match wire.header {
            Some(header) if !own => {
                let entry =
                    Entry { header, origin: None, sealed: Some(wire.sealed), body: wire.body, private: wire.private };
                self.keep_foreign(&entry, wire.entry)?
            }
            Some(_) | None => {
                entries::set_sealed(self.tx, wire.entry, &wire.sealed)?;
                entries::item_of(self.tx, wire.entry)?.ok_or(ApplyError::NotWhole("an own entry that is not here"))?
            }
        };
        judgements::learn(
            self.tx,
            item,
            &judged,
            &Proof { attestation: proof, path, header: other, request: self.request },
        )?;
        self.entries.insert(wire.entry, (header_hash, judged));
        self.touched.insert(item);
        Ok(())
    }

    /// Keeps an entry that somebody else wrote, as far as it may be seen here.
    fn keep_foreign(&self, entry: &Entry, id: EntryId) -> Result<ItemId, ApplyError> {
        let header = entry.read_header().map_err(|_| ApplyError::NotWhole("a header that cannot be read"))?;
        if header.id != id {
            return Err(ApplyError::NotWhole("a header of another entry"));
        }
        // A body that this version cannot read is kept as it came: its effects say what it did.
        let change = entry.read_body(&header).ok().map(|body| body.change);
        let known =
            Known { header: &header, origin: None, change: change.as_ref().map(Change::name), who: None, cause: None };
        entries::insert(self.tx, entry, &known)?;
        if let Some(Change::Attach { photo, .. }) = &change {
            photos::attach(self.tx, id, header.item, photo, false)?;
        }
        Ok(header.item)
    }

    fn confirmed(&mut self, item: ItemId) -> Result<&mut Option<View>, StoreError> {
        self.touched.insert(item);
        match self.confirmed.entry(item) {
            std::collections::btree_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::btree_map::Entry::Vacant(unknown) => Ok(unknown.insert(items::confirmed(self.tx, item)?)),
        }
    }

    fn adopt(&mut self, proven: &ProvenSnapshot) -> Result<(), ApplyError> {
        let view: View = from_json("item", &proven.snapshot.view)?;
        let held = self.confirmed(proven.snapshot.item)?;
        let same = held.as_ref().is_some_and(|held| held.version == view.version);
        if same || held.as_ref().is_none_or(|held| held.version.count <= view.version.count) {
            *held = Some(view);
            // A newer proof of the same stands for the entries up to it: those that are safe may go.
            snapshots::put(self.tx, proven, self.request)?;
            meta::set(self.tx, key::ENTRIES_MAY_GO, &true)?;
        }
        Ok(())
    }

    fn row(&mut self, audience: &str, row: &FeedRow) -> Result<(), ApplyError> {
        match row {
            FeedRow::Enter { item } => {
                items::join(self.tx, *item, audience, None)?;
                self.left.remove(item);
                self.confirmed(*item)?;
            }
            FeedRow::To { item, count, entry } => self.advance(*item, *count, *entry)?,
            FeedRow::Leave { item } => self.leave(audience, *item)?,
            FeedRow::Verdict { entry } => {
                if !self.entries.contains_key(entry) {
                    return Err(ApplyError::NotWhole("a verdict without its judgement"));
                }
            }
            FeedRow::Grant { audience } => {
                if feeds::position(self.tx, audience)?.is_none() {
                    feeds::set_position(self.tx, audience, 0)?;
                }
            }
            FeedRow::Withdraw { audience } => {
                for item in items::members(self.tx, audience)? {
                    self.leave(audience, item)?;
                }
                feeds::forget(self.tx, audience)?;
                self.withdrawn.insert(audience.clone());
            }
            FeedRow::Want { entry, sha256 } => {
                photos::void_receipt(self.tx, *entry, *sha256)?;
                transfers::forget_upload(self.tx, *entry, *sha256)?;
            }
            FeedRow::Erased { erasure, .. } => {
                erased::put(self.tx, &erasure.open(self.reader.office)?, erasure)?;
            }
            // Receipts and what is safe are read after the rows; a row of a later version is passed over.
            FeedRow::Receipt { .. } | FeedRow::Safe { .. } | FeedRow::Unknown(_) => {}
        }
        Ok(())
    }

    fn leave(&mut self, audience: &str, item: ItemId) -> Result<(), StoreError> {
        if mutant::is_on(Mutant::LeaveIgnored) {
            return Ok(());
        }
        items::leave(self.tx, item, audience)?;
        self.confirmed(item)?;
        if items::audiences(self.tx, item)?.is_empty() {
            self.left.insert(item);
        }
        Ok(())
    }

    /// Applies an entry onto the history that it names; on a gap or another history the item's snapshot is asked for.
    fn advance(&mut self, item: ItemId, count: u64, entry: EntryId) -> Result<(), ApplyError> {
        let found = self.entries.get(&entry).cloned();
        let epoch = self.reader.epoch;
        let held = self.confirmed(item)?;
        let Some(view) = held else {
            self.want.insert(item);
            return Ok(());
        };
        // What is held was read on this branch: entering it, the phone forgot what it had read of another.
        let known = view.version.count >= count;
        if known && !mutant::is_on(Mutant::DoubleApply) {
            return Ok(());
        }
        let Some((header, judged)) = found else {
            self.want.insert(item);
            return Ok(());
        };
        let next = view.version.after(epoch, &header, judged.judgement.effects.get());
        // An office that was restored keeps what it had judged on an earlier branch as it was signed.
        let continued =
            if known { Some(next) } else { judged.judgement.version.filter(|version| version.is_at(&next)) };
        match (judged.judgement.read_effects(), continued) {
            (Ok(effects), Some(version)) => fold::apply(view, entry, version, &effects),
            // Effects of a later version's vocabulary, or another history: the office's snapshot says what came of it.
            (Ok(_) | Err(_), _) => {
                self.want.insert(item);
            }
        }
        Ok(())
    }

    /// Settles what the page touched; where there is no `more` to read, also what waits on items that are in no audience.
    fn settle(&mut self, more: bool) -> Result<(), ApplyError> {
        if !more {
            self.touched.extend(pending::beyond(self.tx)?);
        }
        let touched = std::mem::take(&mut self.touched);
        for &item in &touched {
            let left = self.left.contains(&item);
            let confirmed = match self.confirmed.remove(&item) {
                Some(view) => view,
                None => items::confirmed(self.tx, item)?,
            };
            let reach = if left {
                Reach::Left
            } else if more || !items::audiences(self.tx, item)?.is_empty() {
                Reach::Read
            } else {
                Reach::Beyond
            };
            self.reader.predictor.settle(self.tx, item, confirmed.as_ref(), reach)?;
            if left {
                items::remove(self.tx, item)?;
                snapshots::remove(self.tx, item)?;
                entries::purge_foreign(self.tx, item)?;
                downloads::forget_item(self.tx, self.reader.photos, item)?;
                meta::set(self.tx, key::ENTRIES_MAY_GO, &true)?;
            }
        }
        for item in touched {
            items::put_search(self.tx, item)?;
        }
        // A right to originals goes with the role, whatever version their items are at.
        if !person(self.tx, self.reader.predictor.person)?.is_some_and(|own| own.sees_originals()) {
            downloads::forget_originals(self.tx, self.reader.photos)?;
        }
        Ok(())
    }

    /// Which snapshots are asked for next: those that this page's rows could not do without, and those that another request
    /// found wanting meanwhile. What was asked for and did not come, although nothing more is to come, is not for this phone.
    fn want_snapshots(&self, intent: &SyncIntent, page: &Page) -> Result<(), StoreError> {
        let came = |item: &ItemId| page.snapshots.iter().any(|snapshot| snapshot.item == *item);
        let asked_in_vain = |item: &ItemId| intent.want.contains(item) && !page.more;
        let before: Vec<ItemId> = meta::get(self.tx, key::SNAPSHOTS_WANTED)?.unwrap_or_default();
        let still = before.into_iter().filter(|item| !came(item) && !asked_in_vain(item));
        let want: BTreeSet<ItemId> =
            still.chain(self.want.iter().copied()).filter(|item| !self.left.contains(item)).collect();
        if want.is_empty() {
            meta::clear(self.tx, key::SNAPSHOTS_WANTED)
        } else {
            meta::set(self.tx, key::SNAPSHOTS_WANTED, &want)
        }
    }
}
