//! What an office says when it has erased a part of an entry for good (docs/decisions/D20).

use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use crate::crypto::{PublicKey, Signed, Statement};
use crate::id::EntryId;
use crate::store::feeds::{self, FeedRow};
use crate::store::{StoreError, erased};

/// The part that can be erased: where the author of an entry was, by what clocks, and personal fields. Whose chain it stands in stays
/// known.
pub const PRIVATE: &str = "private";

/// A part of an entry, salt and all, is erased wherever it lies. Signed by the office it is the one reason for which something
/// leaves a phone that the office may not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The entry.
    pub entry: EntryId,
    /// Which part: [`PRIVATE`].
    pub part: String,
}

impl Statement for Erasure {
    const WHAT: &'static str = "erasure";
}

/// Carries out at the office what it signed once with `key`, and tells each phone that wrote the entry, under whatever
/// incarnation. True where it was not known here; what another signed is passed over.
///
/// # Errors
/// [`StoreError`].
pub fn carry_out(tx: &Transaction<'_>, signed: &Signed<Erasure>, key: &PublicKey) -> Result<bool, StoreError> {
    let Ok(erasure) = signed.open(key) else { return Ok(false) };
    let new = erased::put(tx, &erasure, signed)?;
    if new {
        feeds::tell(tx, erasure.entry, &FeedRow::Erased { entry: erasure.entry, erasure: signed.clone() })?;
    }
    Ok(new)
}
