//! What the office decided about an entry, once, kept and sent as the bytes that were hashed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::effect::Effect;
use super::version::Version;
use crate::clock::Moment;
use crate::id::{EntryId, Hash};

/// The verdict. All but [`Verdict::Held`] are final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did what it said.
    Applied,
    /// Things already stood as it said.
    NoOp,
    /// It did what it could; these fields went to somebody else and its values are kept beside them.
    Merged {
        /// The fields that did not win.
        lost: Vec<String>,
    },
    /// It does nothing.
    Rejected {
        /// Why.
        code: Code,
        /// The rejected entry that it followed, when that is why.
        after: Option<EntryId>,
    },
    /// A person has to decide.
    Held {
        /// Why.
        reason: Code,
        /// The held entry that it follows, when that is why.
        behind: Option<EntryId>,
    },
    /// A verdict of a later version, kept as it came.
    #[serde(untagged)]
    Unknown(Value),
}

impl Verdict {
    /// Whether it changes the item.
    #[must_use]
    pub const fn applies(&self) -> bool {
        match self {
            Self::Applied | Self::Merged { .. } => true,
            Self::NoOp | Self::Rejected { .. } | Self::Held { .. } | Self::Unknown(_) => false,
        }
    }

    /// Whether it will never be another, as far as this version can tell.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Applied | Self::NoOp | Self::Merged { .. } | Self::Rejected { .. } => true,
            Self::Held { .. } | Self::Unknown(_) => false,
        }
    }
}

/// Why an entry was rejected or held: a code that screens have words for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The workflow has no such step from the present state.
    NotFromHere,
    /// The step was meant for an earlier round.
    StaleRound,
    /// A reason is needed.
    ReasonMissing,
    /// A responsible organisation of the pack is needed.
    OrganisationMissing,
    /// A photo taken after the work is needed, of this round.
    AfterPhotoMissing,
    /// The same picture is part of the item already, as something else.
    SamePhoto,
    /// An original has not arrived and nobody waived it.
    OriginalMissing,
    /// The author may not do this.
    NotAllowed,
    /// The author's device was revoked.
    Revoked,
    /// The entry is not what it says it is, or cannot be read.
    Malformed,
    /// With it the item would be more than phones can hold.
    TooLarge,
    /// There is no such item.
    UnknownItem,
    /// It follows an entry that is held or rejected.
    Follows,
    /// It was held, and a person at the office set it aside.
    Dismissed,
    /// A code of a later version, kept as it came.
    #[serde(untagged)]
    Unknown(String),
}

/// A verdict with its effects and the version that it led to, or stood at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judgement {
    /// The entry.
    pub entry: EntryId,
    /// The decision.
    pub verdict: Verdict,
    /// The item's version after it; none when there is no such item.
    pub version: Option<Version>,
    /// JSON list of [`Effect`]s, as hashed into the version.
    pub effects: Box<RawValue>,
    /// Which rules judged.
    pub judge: u32,
    /// Which district pack they read.
    pub pack: String,
    /// When it was received, to the minute.
    pub received: Moment,
    /// Of an entry of the office's about something that happened: what, once. A restored office knows by it what it need not
    /// write again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Judgement {
    /// The effects that this version knows; those of a later one are an error.
    ///
    /// # Errors
    /// Where the text departs from the vocabulary.
    pub fn read_effects(&self) -> serde_json::Result<Vec<Effect>> {
        serde_json::from_str(self.effects.get())
    }
}

/// What the office's signature over a judged entry covers: the leaf of one page's Merkle tree.
#[must_use]
pub fn judged_leaf(header: &Hash, sealed: &str, judgement: &str) -> Hash {
    let judgement = Hash::of("judgement", &[judgement.as_bytes()]);
    let sealed = Hash::of("sealed", &[sealed.as_bytes()]);
    crate::crypto::leaf(&[header.as_bytes().as_slice(), sealed.as_bytes(), judgement.as_bytes()].concat())
}
