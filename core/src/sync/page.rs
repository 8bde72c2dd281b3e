//! What is new at the office for one phone: a page of its feeds, with what the rows name.
//!
//! Nothing in it depends on what the phone may not see: it is read from the phone's own feeds alone.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::wire::{Attestation, FeedPage, JudgedEntry, Page, Receipt, SafeThrough, Snapshot};
use crate::crypto::{self, CryptoError, Signed, Signer};
use crate::id::{EntryId, EpochId, Hash, IncarnationId, ItemId, Nonce, PhotoHash};
use crate::journal::entry::Entry;
use crate::journal::verdict::judged_leaf;
use crate::limits;
use crate::mutant::{self, Mutant};
use crate::store::feeds::{self, FeedRow};
use crate::store::judgements::Judged;
use crate::store::meta::{self, key};
use crate::store::{StoreError, entries, items, judgements, lineage, photos, recovered};

/// Why a page could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The office's key.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// What a phone asks for with its request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// How far it has read each feed.
    pub positions: &'a BTreeMap<String, u64>,
    /// Items whose snapshot it wants.
    pub want: &'a [ItemId],
    /// Items whose whole story it wants, each with the count up to which it has it.
    pub history: &'a BTreeMap<ItemId, u64>,
    /// The backup that it heard of last.
    pub backup: Option<Nonce>,
    /// Bytes of entries and snapshots that it takes at most; none where it does not say.
    pub bytes: Option<u64>,
}

/// The page that `reader` has asked for.
///
/// # Errors
/// [`PageError`].
pub fn build(
    conn: &Connection,
    reader: IncarnationId,
    asked: &Asked<'_>,
    epoch: EpochId,
    signer: &dyn Signer,
) -> Result<Page, PageError> {
    let Asked { positions, want, history, backup, .. } = *asked;
    let granted = feeds::granted(conn, reader)?;
    let most = asked.bytes.map_or(limits::PAGE_BYTES, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let mut draft = PageDraft::new(conn, most.clamp(limits::PAGE_BYTES_MIN, limits::PAGE_BYTES_MAX));
    let private = feeds::private(reader);
    let mut pages = vec![draft.feed(&private, positions, 0, None)?];
    for (predecessor, through) in lineage::predecessors(conn, reader)? {
        let part = Some((predecessor, through));
        pages.push(draft.feed(&feeds::private(predecessor), positions, 0, part)?);
    }
    for (audience, since) in &granted {
        pages.push(draft.feed(audience, positions, *since, None)?);
    }
    let is_read = |item: ItemId| -> Result<bool, StoreError> {
        Ok(items::audiences(conn, item)?.iter().any(|audience| granted.contains_key(audience)))
    };
    for item in want.iter().take(limits::WANTED_ITEMS) {
        if !is_read(*item)? {
            continue;
        }
        if draft.bytes > draft.most_bytes {
            // Asked for again, together with the rest of the rows.
            draft.more = true;
            break;
        }
        draft.bytes += items::snapshot_bytes(conn, *item)?;
        draft.names.enter(*item);
    }
    for (item, count) in history.iter().take(limits::HISTORY_ITEMS) {
        if is_read(*item)? {
            draft.story(*item, *count)?;
        }
    }
    let (names, more) = (draft.names, draft.more);
    let safe_through = safe_through(conn, &pages, backup)?;
    let feeds: Vec<FeedPage> = pages.into_iter().filter(|page| page.next > page.from).collect();
    let snapshots: Vec<Snapshot> =
        names.items.iter().filter_map(|item| snapshot(conn, *item).transpose()).collect::<Result<_, _>>()?;
    let entries = judged_entries(conn, reader, &names)?;
    let receipts = names
        .receipts
        .iter()
        .filter_map(|(entry, sha256)| photos::receipt(conn, *entry, *sha256).transpose())
        .collect::<Result<Vec<Signed<Receipt>>, _>>()?;
    let attestation = Signed::new(&Attestation { epoch, root: crypto::root(&leaves(&entries, &snapshots)) }, signer)?;
    let entries = entries.into_iter().map(|(_, entry)| entry).collect();
    Ok(Page { feeds, entries, snapshots, receipts, attestation, more, safe_through })
}

/// How far the newest verified backup holds these feeds; none where there is none, or the reader has heard of it.
fn safe_through(
    conn: &Connection,
    feeds: &[FeedPage],
    heard: Option<Nonce>,
) -> Result<Option<SafeThrough>, StoreError> {
    let newest: Option<Nonce> = meta::get(conn, key::BACKUP)?;
    let Some(backup) = newest.filter(|newest| Some(*newest) != heard) else { return Ok(None) };
    let mut positions = BTreeMap::new();
    for feed in feeds {
        positions.insert(feed.audience.clone(), feeds::safe(conn, &feed.audience)?);
    }
    Ok(Some(SafeThrough { backup, positions }))
}

/// Whether such a page would say something.
///
/// # Errors
/// [`PageError`].
pub fn is_news(conn: &Connection, reader: IncarnationId, positions: &BTreeMap<String, u64>) -> Result<bool, PageError> {
    let mut draft = PageDraft::new(conn, limits::PAGE_BYTES);
    let mut feeds = vec![(feeds::private(reader), 0, None)];
    for (predecessor, through) in lineage::predecessors(conn, reader)? {
        feeds.push((feeds::private(predecessor), 0, Some((predecessor, through))));
    }
    feeds.extend(feeds::granted(conn, reader)?.into_iter().map(|(audience, since)| (audience, since, None)));
    for (audience, since, part) in feeds {
        if !draft.feed(&audience, positions, since, part)?.rows.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The leaves that a page's signature covers: its entries with their header hashes, then its snapshots.
#[must_use]
pub fn leaves(entries: &[(Hash, JudgedEntry)], snapshots: &[Snapshot]) -> Vec<Hash> {
    let judged = entries.iter().map(|(header, entry)| judged_leaf(header, &entry.sealed, &entry.judgement));
    judged.chain(snapshots.iter().map(Snapshot::leaf)).collect()
}

/// What the rows of a page name.
#[derive(Default)]
struct Names {
    /// Items that enter: their snapshot says all.
    items: BTreeSet<ItemId>,
    /// Entries in the order in which the rows name them, with the item that they belong to.
    entries: Vec<(EntryId, Option<ItemId>)>,
    seen: BTreeSet<EntryId>,
    receipts: Vec<(EntryId, PhotoHash)>,
}

impl Names {
    fn enter(&mut self, item: ItemId) {
        self.items.insert(item);
    }

    /// Names an entry that is told whether its item's snapshot is in the page or not.
    fn told(&mut self, entry: EntryId) {
        self.entry(entry, None);
    }

    fn entry(&mut self, entry: EntryId, item: Option<ItemId>) {
        if self.seen.insert(entry) {
            self.entries.push((entry, item));
        }
    }
}

struct PageDraft<'a> {
    conn: &'a Connection,
    names: Names,
    bytes: usize,
    most_bytes: usize,
    rows: usize,
    more: bool,
}

impl<'a> PageDraft<'a> {
    fn new(conn: &'a Connection, most_bytes: usize) -> Self {
        Self { conn, names: Names::default(), bytes: 0, most_bytes, rows: 0, more: false }
    }

    /// The rows of a feed that its reader reads since position `since`; of a predecessor's private feed those that speak of its
    /// entries up to the place that belongs to the reader's lineage.
    fn feed(
        &mut self,
        audience: &str,
        positions: &BTreeMap<String, u64>,
        since: u64,
        part: Option<(IncarnationId, u64)>,
    ) -> Result<FeedPage, StoreError> {
        let from = positions.get(audience).copied().unwrap_or(0);
        let left = limits::PAGE_ROWS.saturating_sub(self.rows);
        let mut page = FeedPage { audience: audience.to_owned(), from, rows: Vec::new(), next: from };
        let rows = feeds::unread(self.conn, audience, from, since, left + 1)?;
        let more = rows.len() > left;
        for (position, row) in rows.into_iter().take(left) {
            if self.bytes > self.most_bytes {
                self.more = true;
                return Ok(page);
            }
            page.next = position;
            let skipped = self.rows == 1 && mutant::is_on(Mutant::SkippedPosition);
            if skipped || !self.is_for(&row, part)? {
                continue;
            }
            self.rows += 1;
            self.name(&row)?;
            page.rows.push(row);
        }
        if !more {
            // What stands behind the last row that says something says nothing to this reader.
            page.next = page.next.max(feeds::last(self.conn, audience)?);
        }
        self.more |= more;
        Ok(page)
    }

    /// Names the entries that were applied to an item above `count`, as far as there is room: what is left of them is asked for
    /// again.
    fn story(&mut self, item: ItemId, count: u64) -> Result<(), StoreError> {
        let after = usize::try_from(count).unwrap_or(usize::MAX);
        for entry in items::applied(self.conn, item)?.into_iter().skip(after) {
            if self.bytes > self.most_bytes {
                // Asked for again: what does not come although nothing more is to come is not for this phone.
                self.more = true;
                break;
            }
            self.bytes += entries::page_bytes(self.conn, entry)?;
            self.names.told(entry);
        }
        Ok(())
    }

    /// Whether a row of a private feed speaks of an entry of the reader's lineage.
    fn is_for(&self, row: &FeedRow, part: Option<(IncarnationId, u64)>) -> Result<bool, StoreError> {
        let Some((predecessor, through)) = part else { return Ok(true) };
        match row.entry() {
            Some(entry) => lineage::is_within(self.conn, entry, predecessor, through),
            None => Ok(false),
        }
    }

    /// Notes what a row names.
    fn name(&mut self, row: &FeedRow) -> Result<(), StoreError> {
        match row {
            FeedRow::Enter { item } => {
                if !self.names.items.contains(item) {
                    self.bytes += items::snapshot_bytes(self.conn, *item)?;
                    self.names.enter(*item);
                }
            }
            FeedRow::To { item, entry, .. } => {
                self.bytes += entries::page_bytes(self.conn, *entry)?;
                self.names.entry(*entry, Some(*item));
            }
            FeedRow::Verdict { entry } => {
                self.bytes += entries::page_bytes(self.conn, *entry)?;
                self.names.entry(*entry, None);
            }
            FeedRow::Receipt { entry, sha256 } => self.names.receipts.push((*entry, *sha256)),
            FeedRow::Leave { .. }
            | FeedRow::Safe { .. }
            | FeedRow::Want { .. }
            | FeedRow::Erased { .. }
            | FeedRow::Grant { .. }
            | FeedRow::Withdraw { .. }
            | FeedRow::Unknown(_) => {}
        }
        Ok(())
    }
}

fn snapshot(conn: &Connection, item: ItemId) -> Result<Option<Snapshot>, StoreError> {
    let Some(view) = items::view_text(conn, item)? else { return Ok(None) };
    let mut entries = items::applied(conn, item)?;
    entries.extend(recovered::entries(conn, item)?);
    let mut causes = entries::causes(conn, item)?;
    causes.extend(recovered::causes(conn, item)?);
    Ok(Some(Snapshot { item, view, entries, causes }))
}

fn judged_entries(
    conn: &Connection,
    reader: IncarnationId,
    names: &Names,
) -> Result<Vec<(Hash, JudgedEntry)>, StoreError> {
    let mut judged = Vec::new();
    for (id, item) in &names.entries {
        // A snapshot in the same page has it in already.
        if item.is_some_and(|item| names.items.contains(&item)) {
            continue;
        }
        let (Some(entry), Some(Judged { text, .. })) = (entries::get(conn, *id)?, judgements::get(conn, *id)?) else {
            continue;
        };
        let own = is_as_written(conn, reader, *id)?;
        let header_hash = entry.header_hash();
        let Entry { header, origin: _, sealed, body, private: _ } = entry;
        let (header, body) = if own { (None, None) } else { (Some(header), body) };
        let sealed = sealed.unwrap_or_default();
        judged.push((header_hash, JudgedEntry { entry: *id, header, body, private: None, sealed, judgement: text }));
    }
    Ok(judged)
}

/// Whether the reader has an entry with the very header that was judged: it, or one that it goes on from, sent it first.
fn is_as_written(conn: &Connection, reader: IncarnationId, entry: EntryId) -> Result<bool, StoreError> {
    let Some(first) = entries::incarnation(conn, entry)? else { return Ok(false) };
    if first == reader {
        return Ok(true);
    }
    for (predecessor, through) in lineage::predecessors(conn, reader)? {
        if predecessor == first && lineage::is_within(conn, entry, predecessor, through)? {
            return Ok(true);
        }
    }
    Ok(false)
}
