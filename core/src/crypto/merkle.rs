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
    match leaves {
        [] => Hash::of("merkle/empty", &[]),
        [only] => *only,
        many => {
            let (left, right) = many.split_at(split(many.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The largest power of two below `len` (`len` > 1).
const fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
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
    /// The path of the leaf at `index`; none where there is no such leaf.
    #[must_use]
    pub fn of(leaves: &[Hash], index: usize) -> Option<Self> {
        if index >= leaves.len() {
            return None;
        }
        let mut siblings = Vec::new();
        let (mut range, mut index) = (leaves, index);
        while range.len() > 1 {
            let (left, right) = range.split_at(split(range.len()));
            if index < left.len() {
                siblings.push(Sibling::Right(root(right)));
                range = left;
            } else {
                siblings.push(Sibling::Left(root(left)));
                index -= left.len();
                range = right;
            }
        }
        siblings.reverse();
        Some(Self(siblings))
    }

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

    proptest! {
        #[test]
        fn every_leaf_has_a_path_to_the_root_and_no_other_leaf_fits_it(count in 1usize..40, pick in any::<prop::sample::Index>()) {
            let leaves: Vec<Hash> = (0..count).map(|n| leaf(&n.to_be_bytes())).collect();
            let index = pick.index(count);
            let path = MerklePath::of(&leaves, index).unwrap();
            prop_assert_eq!(path.root_from(leaves[index]), root(&leaves));
            prop_assert_ne!(path.root_from(leaf(b"another")), root(&leaves));
        }
    }
}
