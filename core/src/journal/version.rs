//! An item's version: how many entries were applied to it, and a hash over all of them.

use serde::{Deserialize, Serialize};

use crate::id::{EpochId, Hash};

/// What an item had become, at one office, after some number of entries.
///
/// Two versions are the same only if their histories are: a count alone means something else after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The branch of the ledger on which the count was reached.
    pub epoch: EpochId,
    /// How many entries were applied or merged.
    pub count: u64,
    /// The rolling hash of their header hashes and effects.
    pub history: Hash,
}

impl Version {
    /// The version of an item to which nothing was applied yet.
    #[must_use]
    pub fn none(epoch: EpochId) -> Self {
        Self { epoch, count: 0, history: Hash::of("history/none", &[]) }
    }

    /// The version after one more entry, with its effects as the bytes that were stored with its verdict.
    #[must_use]
    pub fn after(&self, epoch: EpochId, header: &Hash, effects: &str) -> Self {
        let history = Hash::of("history", &[self.history.as_bytes(), header.as_bytes(), effects.as_bytes()]);
        Self { epoch, count: self.count + 1, history }
    }

    /// Whether it is `other`, on whatever branch either was reached: a history is one and the same on all that share it.
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        self.count == other.count && self.history == other.history
    }
}
