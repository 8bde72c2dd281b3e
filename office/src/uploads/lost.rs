//! Originals that the office had and has no more: what it signed for them is void, and it asks for them again by name
//! (docs/protocol.md, 7).

use rusqlite::Transaction;
use xuncheng_core::id::{EntryId, PhotoHash};
use xuncheng_core::store::feeds::{self, FeedRow};
use xuncheng_core::store::{StoreError, lineage, photos};

use crate::error::OfficeError;

/// Asks every device whose entry names the original for it. The caller has seen that it does not lie in the photo folder as it
/// came.
pub(crate) fn ask_again(tx: &Transaction<'_>, sha256: PhotoHash) -> Result<(), OfficeError> {
    let mut statement = tx.prepare_cached(
        "SELECT a.entry FROM attachment a JOIN entry e ON e.id = a.entry
         WHERE a.sha256 = ?1 AND a.receipt IS NOT NULL AND e.incarnation IS NOT NULL",
    )?;
    let rows = statement.query_map([sha256], |row| row.get(0))?;
    let named: Vec<EntryId> = rows.collect::<Result<_, _>>()?;
    for entry in named {
        photos::void_receipt(tx, entry, sha256)?;
        // The one that is finished would take nothing more.
        tx.execute("DELETE FROM office_upload WHERE entry = ?1 AND sha256 = ?2", (entry, sha256))?;
        tx.execute("DELETE FROM office_drawing WHERE entry = ?1 AND sha256 = ?2", (entry, sha256))?;
        for holder in lineage::holders(tx, entry)? {
            unsay_safe(tx, &feeds::private(holder), entry, sha256)?;
        }
        feeds::tell(tx, entry, &FeedRow::Want { entry, sha256 })?;
    }
    tx.execute("UPDATE photo SET original_here = 0 WHERE sha256 = ?1", [sha256])?;
    Ok(())
}

/// A phone that has not read that the original is safe is not told so any more: it might let go of it before it reads on. The
/// row keeps its place, and tells of a receipt again once there is one.
fn unsay_safe(tx: &Transaction<'_>, feed: &str, entry: EntryId, sha256: PhotoHash) -> Result<(), OfficeError> {
    let [safe, receipt] = [FeedRow::Safe { entry, sha256 }, FeedRow::Receipt { entry, sha256 }]
        .map(|row| serde_json::to_string(&row).map_err(|source| StoreError::Row { table: "feed", source }));
    tx.prepare_cached("UPDATE feed SET row = ?3 WHERE audience = ?1 AND row = ?2")?.execute((feed, safe?, receipt?))?;
    Ok(())
}
