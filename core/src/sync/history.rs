//! What of an item's story a phone has: its newest entries, and the office's snapshot for what came before. What a verified
//! backup holds may leave; whoever wants to see the whole story asks for it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Transaction;

use super::session::SyncIntent;
use super::wire::{FeedPage, Page};
use crate::id::{EntryId, ItemId};
use crate::limits;
use crate::photo::PhotoFolder;
use crate::store::meta::{self, key};
use crate::store::{StoreError, entries, feeds, history, items, judgements, snapshots};

/// Notes for all entries of a page which feed told of them, and up to where: a backup that holds that much of it holds them.
/// And which part of a story is still to be asked for.
pub(super) fn told(
    tx: &Transaction<'_>,
    intent: &SyncIntent,
    page: &Page,
    read: &[&FeedPage],
) -> Result<(), StoreError> {
    let mut untold: BTreeSet<EntryId> = page.entries.iter().map(|judged| judged.entry).collect();
    for feed in read {
        for entry in feed.rows.iter().filter_map(|row| row.tells_of()) {
            judgements::set_told(tx, entry, &feed.audience, feed.next)?;
            untold.remove(&entry);
        }
    }
    let mut came: BTreeMap<ItemId, u64> = BTreeMap::new();
    for entry in untold {
        let Some(item) = entries::item_of(tx, entry)? else { continue };
        // Of a story that was asked for. Any feed that the item is in has a row of it that is no earlier than the entry.
        if let Some(audience) = items::audiences(tx, item)?.into_iter().next() {
            let position = feeds::position(tx, &audience)?.unwrap_or(0);
            judgements::set_told(tx, entry, &audience, position)?;
        }
        if let Some(version) = judgements::get(tx, entry)?.and_then(|judged| judged.judgement.version) {
            let most = came.entry(item).or_default();
            *most = version.count.max(*most);
        }
    }
    if let Some(safe) = &page.safe_through {
        for (audience, position) in &safe.positions {
            feeds::set_safe(tx, audience, *position)?;
        }
        meta::set(tx, key::BACKUP, &safe.backup)?;
        meta::clear(tx, key::HISTORY_KEPT)?;
        meta::set(tx, key::ENTRIES_MAY_GO, &true)?;
    }
    if !intent.history.is_empty() {
        let mut wanted: BTreeMap<ItemId, u64> = meta::get(tx, key::HISTORY_WANTED)?.unwrap_or_default();
        for (item, from) in &intent.history {
            let held = items::confirmed(tx, *item)?.map_or(0, |view| view.version.count);
            match came.get(item) {
                Some(came) if came > from && *came < held => wanted.insert(*item, *came),
                // There was no room for it beside the rest of the page.
                None if page.more => wanted.insert(*item, *from),
                // All of it, or it is not for this phone.
                Some(_) | None => wanted.remove(item),
            };
        }
        meta::set(tx, key::HISTORY_WANTED, &wanted)?;
        // Somebody looks at them: they stay until another backup is heard of.
        let mut kept: BTreeSet<ItemId> = meta::get(tx, key::HISTORY_KEPT)?.unwrap_or_default();
        kept.extend(intent.history.keys());
        meta::set(tx, key::HISTORY_KEPT, &kept)?;
    }
    Ok(())
}

/// Lets judged entries go that are safe: of others all but the newest `keep` on each item, as far as a signed snapshot stands for
/// them; own ones once their item has left this phone. Where a newer snapshot would let more go it is asked for.
pub(super) fn let_go(tx: &Transaction<'_>, folder: &PhotoFolder, keep: usize) -> Result<(), StoreError> {
    let mut want: BTreeSet<ItemId> = meta::get(tx, key::SNAPSHOTS_WANTED)?.unwrap_or_default();
    let before = want.len();
    let looked_at: BTreeSet<ItemId> = meta::get(tx, key::HISTORY_KEPT)?.unwrap_or_default();
    for item in history::crowded(tx, keep)?.into_iter().filter(|item| !looked_at.contains(item)) {
        let covered = snapshots::count(tx, item)?.unwrap_or(0);
        let old = history::of_others(tx, item)?.into_iter().skip(keep).filter(|told| told.safe);
        let (may_go, beyond): (Vec<_>, Vec<_>) = old.partition(|told| told.count <= covered);
        for told in &may_go {
            history::forget(tx, told.entry)?;
        }
        // Not for each single entry: a snapshot has all of the item.
        if beyond.len() >= keep.max(1) {
            want.insert(item);
        }
    }
    if want.len() > before {
        meta::set(tx, key::SNAPSHOTS_WANTED, &want)?;
        meta::set(tx, key::SYNC_WANTED, &true)?;
    }
    let mut gone = 0;
    for entry in history::own_of_the_past(tx, limits::BATCH_ENTRIES)? {
        for photo in history::let_go(tx, entry)? {
            // The original has left before; what is left of it are pictures that the office has.
            folder.discard(&photo);
        }
        gone += 1;
    }
    if gone > 0 {
        history::forget_seals(tx)?;
    }
    if gone < limits::BATCH_ENTRIES {
        meta::clear(tx, key::ENTRIES_MAY_GO)?;
    }
    Ok(())
}
