//! What a phone lets go to make room, right after the office has answered on the branch that this phone stands on: what is
//! safe, by name, and what the office's rule does not keep here.
//!
//! Of an original the row says first that it is about to go; then, with nobody else writing, it is asked once more whether
//! something keeps it, and the file is deleted. What a process leaves between the two is found by that row: the file is there
//! still, and goes or stays by what has been heard since, or it is not, and has left.

use std::fs;
use std::io::ErrorKind;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::history;
use super::wire::{Keep, PhoneLimits};
use crate::clock::Moment;
use crate::journal::entry::Exchange;
use crate::photo::PhotoFolder;
use crate::private;
use crate::store::StoreError;
use crate::store::meta::{self, key};
use crate::store::room::{self, MayGo};

const DAY_MS: i64 = 24 * 3_600_000;

/// Lets go of what may go now.
///
/// # Errors
/// [`StoreError`].
pub(super) fn make(conn: &mut Connection, folder: &PhotoFolder) -> Result<(), StoreError> {
    // What was safe on a branch that this phone is about to leave may be nowhere on the next.
    if meta::get::<serde_json::Value>(conn, key::REOFFER)?.is_some() {
        return Ok(());
    }
    let keep = meta::get::<PhoneLimits>(conn, key::LIMITS)?.and_then(|limits| limits.keep);
    let heard = meta::get::<Exchange>(conn, key::LAST_EXCHANGE)?.map(|exchange| exchange.server_time);
    if let (Some(keep), Some(now)) = (keep, heard) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for original in due(room::may_go(&tx)?, keep, now, folder) {
            room::set_going(&tx, original.sha256, now)?;
        }
        tx.commit()?;
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    delete(&tx, folder)?;
    if let (Some(keep), true) = (keep, meta::get(&tx, key::ENTRIES_MAY_GO)?.unwrap_or(false)) {
        history::let_go(&tx, folder, keep.entries)?;
    }
    tx.commit()?;
    Ok(())
}

/// Those whose days are over; and where there is little room the others, the longest safe first, until there is enough.
fn due(originals: Vec<MayGo>, keep: Keep, now: Moment, folder: &PhotoFolder) -> Vec<MayGo> {
    let until = now.plus_ms(-i64::from(keep.originals_days).saturating_mul(DAY_MS));
    let mut missing = keep.free_bytes.saturating_sub(private::free_bytes(folder.root()).unwrap_or(u64::MAX));
    let mut goes = |original: &MayGo| {
        let goes = original.safe_since <= until || missing > 0;
        if goes {
            missing = missing.saturating_sub(original.bytes);
        }
        goes
    };
    originals.into_iter().filter(|original| goes(original)).collect()
}

/// Deletes the originals that are about to go and that still may.
fn delete(tx: &Transaction<'_>, folder: &PhotoFolder) -> Result<(), StoreError> {
    // A card that is out has its photos still.
    if !folder.root().is_dir() {
        return Ok(());
    }
    for (sha256, may_go) in room::going(tx)? {
        let file = folder.original(&sha256);
        if !may_go {
            // What was heard since keeps it; one that was deleted before has left all the same.
            room::set_left(tx, sha256, !file.exists())?;
            continue;
        }
        match fs::remove_file(&file) {
            Ok(()) => {
                room::set_left(tx, sha256, true)?;
                // The entries that show it may go after it.
                meta::set(tx, key::ENTRIES_MAY_GO, &true)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => room::set_left(tx, sha256, true)?,
            // It takes room, and is tried again.
            Err(_) => {}
        }
    }
    Ok(())
}
