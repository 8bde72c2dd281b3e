//! One signature per batch: over the Merkle root of its header hashes and the new head.
//!
//! Signing never stands in the way of a capture: it happens when a batch is about to be sent.

use serde::{Deserialize, Serialize};

use crate::clock::Now;
use crate::crypto::{self, Statement};
use crate::id::{Hash, IncarnationId};
use crate::store::entries::Head;

/// What a device signs when it sends a batch, be it empty: where its chain ends, and what its clocks said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSeal {
    /// Whose chain it is.
    pub incarnation: IncarnationId,
    /// The Merkle root over the header hashes of the batch, in chain order.
    pub root: Hash,
    /// How many entries the batch has; they end at `head`.
    pub count: u64,
    /// Where the chain ends with this batch.
    pub head: Head,
    /// The device's clocks when it signed.
    pub now: Now,
}

impl Statement for BatchSeal {
    const WHAT: &'static str = "batch of entries";
}

impl BatchSeal {
    /// The seal over the entries with these header hashes, which end at `head`.
    #[must_use]
    pub fn over(incarnation: IncarnationId, hashes: &[Hash], head: Head, now: Now) -> Self {
        let leaves: Vec<Hash> = hashes.iter().map(|hash| crypto::leaf(hash.as_bytes())).collect();
        Self { incarnation, root: crypto::root(&leaves), count: hashes.len() as u64, head, now }
    }

    /// Whether it covers exactly the entries with these header hashes.
    #[must_use]
    pub fn covers(&self, hashes: &[Hash]) -> bool {
        let leaves: Vec<Hash> = hashes.iter().map(|hash| crypto::leaf(hash.as_bytes())).collect();
        let ends_right = hashes.is_empty() || hashes.last().copied() == self.head.hash;
        self.count == hashes.len() as u64 && self.root == crypto::root(&leaves) && ends_right
    }

    /// The place of the batch's first entry.
    #[must_use]
    pub const fn first_seq(&self) -> u64 {
        (self.head.seq + 1).saturating_sub(self.count)
    }
}
