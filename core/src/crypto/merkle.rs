//! Merkle trees (RFC 6962 shape): one signature covers many entries, and showing one shows no other.

use serde::{Deserialize, Serialize};

use crate::id::Hash;

/// The leaf for `content`; leaves and inner nodes are hashed apart, so that one is never taken for the other.
#[must_use]
pub fn leaf(content: &[u8]) -> Hash {
    Hash::of("merkle/leaf", &[content])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Hash::of("merkle/node", &[left.as_bytes(), right.as_bytes()])
}

/// The root over `leaves` in their order; of none, the hash of nothing.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    MerkleTree::over(leaves.to_vec()).root()
}

/// The whole tree over some leaves: each path to the root is read off, and no hash is made twice.
#[derive(Debug, Clone)]
pub struct MerkleTree {
    /// The leaves, then each level above them, down to the root. Where a level has an odd one at its end, that one stands in the
    /// level above as it is.
    levels: Vec<Vec<Hash>>,
}

impl MerkleTree {
    /// The tree over `leaves` in their order.
    #[must_use]
    pub fn over(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let pairs = below.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                odd => odd[0],
            });
            levels.push(pairs.collect());
        }
        Self { levels }
    }

    /// The root; over no leaves, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().unwrap_or_else(|| Hash::of("merkle/empty", &[]))
    }

    /// The path of the leaf at `index`; none where there is no such leaf.
    #[must_use]
    pub fn path(&self, index: usize) -> Option<MerklePath> {
        self.levels[0].get(index)?;
        let sibling = |(height, level): (usize, &Vec<Hash>)| {
            let at = index >> height;
            let side = if at.is_multiple_of(2) { Sibling::Right } else { Sibling::Left };
            level.get(at ^ 1).copied().map(side)
        };
        Some(MerklePath(self.levels.iter().enumerate().filter_map(sibling).collect()))
    }
}

/// The way from one leaf to the root: which side each sibling stands on, nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerklePath(Vec<Sibling>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sibling {
    Left(Hash),
    Right(Hash),
}

impl MerklePath {
    /// The root that this path leads to from `leaf`.
    #[must_use]
    pub fn root_from(&self, leaf: Hash) -> Hash {
        self.0.iter().fold(leaf, |below, sibling| match sibling {
            Sibling::Left(left) => node(left, &below),
            Sibling::Right(right) => node(&below, right),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tree as RFC 6962 describes it: each half over the largest power of two that leaves something.
    fn by_halves(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of("merkle/empty", &[]),
            [only] => *only,
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                node(&by_halves(left), &by_halves(right))
            }
        }
    }

    proptest! {
        #[test]
        fn every_leaf_has_a_path_to_the_root_and_no_other_leaf_fits_it(count in 1usize..140, pick in any::<prop::sample::Index>()) {
            let leaves: Vec<Hash> = (0..count).map(|n| leaf(&n.to_be_bytes())).collect();
            let index = pick.index(count);
            let tree = MerkleTree::over(leaves.clone());
            prop_assert_eq!(tree.root(), by_halves(&leaves));
            let path = tree.path(index).unwrap();
            prop_assert_eq!(path.root_from(leaves[index]), tree.root());
            prop_assert_ne!(path.root_from(leaf(b"another")), tree.root());
            prop_assert_eq!(tree.path(count), None);
        }
    }

    #[test]
    fn over_nothing_there_is_a_root_and_no_path() {
        assert_eq!(root(&[]), by_halves(&[]));
        assert_eq!(MerkleTree::over(Vec::new()).path(0), None);
    }
}
