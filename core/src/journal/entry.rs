//! An entry: a public header and three parts bound to it by salted hashes.
//!
//! Parts are kept and sent as the bytes that their author wrote. Each part carries its salt inside, so that erasing the
//! part erases the salt and the hash in the header tells nothing of what stood there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::version::Version;
use crate::clock::{Moment, Now};
use crate::id::{EntryId, Hash, IncarnationId, ItemId, Nonce, PersonId, PhotoHash, Sm3Hash};
use crate::limits;
use crate::photo::MediaType;
use crate::place::Fix;

/// What everybody who holds the entry sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The entry's own id.
    pub id: EntryId,
    /// The item that it changes.
    pub item: ItemId,
    /// The item's kind, by its name on the wire: `case`, `device`, `person`.
    pub kind: String,
    /// The item's version at the office when the author opened the form; none while the office has not answered.
    pub seen: Option<Version>,
    /// The salted hashes of the three parts.
    pub hashes: PartHashes,
}

/// The salted hashes that bind the parts to their header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartHashes {
    /// Of [`Origin`].
    pub origin: Hash,
    /// Of [`Body`].
    pub body: Hash,
    /// Of [`Private`].
    pub private: Hash,
}

/// Which device wrote the entry, and where it stands in that device's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    salt: Nonce,
    /// The life of the journal that it belongs to.
    pub incarnation: IncarnationId,
    /// Contiguous from 1 within the incarnation.
    pub seq: u64,
    /// Hash of the incarnation's previous header; none at seq 1.
    pub prev: Option<Hash>,
    /// Id of the author's last entry on the same item, whatever incarnation it bore.
    pub own: Option<EntryId>,
}

/// What the entry changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    salt: Nonce,
    /// The change.
    #[serde(flatten)]
    pub change: Change,
}

/// What an entry can do: five things that anybody may write, three that a person at the office says of an entry, and one that an
/// office writes after it was restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Opens the item with these fields.
    Open {
        /// Field by name.
        fields: BTreeMap<String, Value>,
    },
    /// Changes these fields.
    Edit {
        /// Field by name; `null` empties it.
        fields: BTreeMap<String, Value>,
    },
    /// Attaches a photo.
    Attach {
        /// The photo and what it shows.
        photo: Photo,
        /// The round (count of reworks) that it was taken in, as its author saw it.
        round: u32,
    },
    /// Takes a step of the item's workflow.
    Step {
        /// The step's name in the workflow table.
        transition: String,
        /// The state that the author saw.
        from: String,
        /// The round (count of reworks) that the author saw.
        round: u32,
        /// What the step needs: a reason, a responsible organisation.
        args: BTreeMap<String, Value>,
    },
    /// Says something about the item.
    Comment {
        /// What is said.
        text: String,
    },
    /// Lets an entry that is held take effect, with all that waits behind it. Only the office writes it.
    Release {
        /// The held entry.
        entry: EntryId,
        /// Why.
        reason: String,
    },
    /// Brings back an item as the office had signed it on another branch. Only a restored office writes it.
    Restored {
        /// What was signed: the hash of the snapshot.
        snapshot: Hash,
        /// The version that it had.
        version: Version,
    },
    /// Sets an entry that is held aside for good. Only the office writes it.
    Dismiss {
        /// The held entry.
        entry: EntryId,
        /// Why.
        reason: String,
    },
    /// Has a part of an entry erased for good. Only the office writes it.
    Erase {
        /// The entry.
        entry: EntryId,
        /// Which part.
        part: String,
        /// Why.
        reason: String,
    },
}

impl Change {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Edit { .. } => "edit",
            Self::Attach { .. } => "attach",
            Self::Step { .. } => "step",
            Self::Comment { .. } => "comment",
            Self::Release { .. } => "release",
            Self::Restored { .. } => "restored",
            Self::Dismiss { .. } => "dismiss",
            Self::Erase { .. } => "erase",
        }
    }
}

/// A photo as an entry names it: by what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photo {
    /// SHA-256 of the original's bytes.
    pub sha256: PhotoHash,
    /// SM3 of the original's bytes.
    pub sm3: Sm3Hash,
    /// Length of the original.
    pub bytes: u64,
    /// Type of the original.
    pub media: MediaType,
    /// What it shows.
    pub role: PhotoRole,
    /// Width once turned upright, in pixels.
    pub width_px: u32,
    /// Height once turned upright, in pixels.
    pub height_px: u32,
    /// SHA-256 of the rendition of 1,600 px, as captured.
    pub view: PhotoHash,
    /// SHA-256 of the thumbnail of 320 px, as captured.
    pub thumbnail: PhotoHash,
    /// Who drew both, and by which recipe: as [`crate::photo::DRAWER`] says it here. What another drew differs in its bytes.
    pub drawn_by: String,
}

/// What a photo shows of its case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoRole {
    /// A far view that the place can be found by (远景).
    Scene,
    /// A near view of the defect (近景).
    Close,
    /// After rectification (整改后).
    After,
    /// Taken by whoever checked the result (核查).
    Check,
    /// A role of a later version, kept as it came.
    #[serde(untagged)]
    Unknown(String),
}

/// Who wrote the entry, and where; only the author and the office read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Private {
    salt: Nonce,
    /// The person.
    pub who: PersonId,
    /// Where the device was.
    #[serde(rename = "where")]
    pub fix: Option<Fix>,
    /// Personal fields, by name.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    /// What bounds the moment of the change.
    pub capture: CaptureInputs,
    /// The console session that the entry was written in, for entries of the office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// The inputs of the interval in which something happened (docs/decisions/D12): recorded from the first version on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureInputs {
    /// What the device's clocks said.
    pub now: Now,
    /// The last exchange with the office before it.
    pub last_exchange: Option<Exchange>,
}

/// One exchange with the office: both clocks at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The office's time in its answer.
    pub server_time: Moment,
    /// The device's clocks when the answer came.
    pub now: Now,
}

impl Origin {
    /// An origin with a fresh salt.
    #[must_use]
    pub const fn new(
        salt: Nonce,
        incarnation: IncarnationId,
        seq: u64,
        prev: Option<Hash>,
        own: Option<EntryId>,
    ) -> Self {
        Self { salt, incarnation, seq, prev, own }
    }
}

impl Body {
    /// A body with a fresh salt.
    #[must_use]
    pub const fn new(salt: Nonce, change: Change) -> Self {
        Self { salt, change }
    }
}

impl Private {
    /// A private part with a fresh salt.
    #[must_use]
    pub const fn new(
        salt: Nonce,
        who: PersonId,
        fix: Option<Fix>,
        capture: CaptureInputs,
        session: Option<String>,
    ) -> Self {
        Self { salt, who, fix, fields: BTreeMap::new(), capture, session }
    }
}

/// An entry as it is stored and sent: every part as its author's bytes, or withheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// JSON of [`Header`].
    pub header: String,
    /// JSON of [`Origin`]; for its author and the office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// JSON of the sealed copy of the origin, for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// JSON of [`Body`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// JSON of [`Private`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<String>,
}

/// Why an entry is not what it says it is.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// A part is no JSON of its form.
    #[error("the {part} of an entry cannot be read: {source}")]
    Unreadable {
        /// Which part.
        part: &'static str,
        /// Where it departs from its form.
        #[source]
        source: serde_json::Error,
    },
    /// A part is not the one that the header names.
    #[error("the {part} of entry {id} is not the one that its header names")]
    Mismatch {
        /// The entry.
        id: EntryId,
        /// Which part.
        part: &'static str,
    },
    /// An Attach names a photo that no phone holds.
    #[error("entry {id} names a photo of {bytes} bytes")]
    ImpossiblePhoto {
        /// The entry.
        id: EntryId,
        /// The length.
        bytes: u64,
    },
    /// A part that is needed here was withheld.
    #[error("the {part} of entry {id} was not given")]
    Withheld {
        /// The entry.
        id: EntryId,
        /// Which part.
        part: &'static str,
    },
    /// The entry, or its origin, is over its bound.
    #[error("an entry of {bytes} bytes is over the limit of {limit}")]
    TooLong {
        /// Header and parts together, or the origin.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// An Open whose item id is not made from its body.
    #[error("entry {id} opens an item that is not its own")]
    ForeignItem {
        /// The entry.
        id: EntryId,
    },
}

impl Entry {
    /// The hash that chains, batches and histories are made of.
    #[must_use]
    pub fn header_hash(&self) -> Hash {
        header_hash(&self.header)
    }

    /// Header and parts together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        [Some(&self.header), self.origin.as_ref(), self.body.as_ref(), self.private.as_ref()]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum()
    }

    /// # Errors
    /// [`EntryError::TooLong`], [`EntryError::Unreadable`].
    pub fn read_header(&self) -> Result<Header, EntryError> {
        if self.bytes() > limits::ENTRY_BYTES {
            return Err(EntryError::TooLong { bytes: self.bytes(), limit: limits::ENTRY_BYTES });
        }
        read("header", &self.header)
    }

    /// # Errors
    /// [`EntryError::Withheld`], [`EntryError::Mismatch`], [`EntryError::Unreadable`], [`EntryError::TooLong`].
    pub fn read_origin(&self, header: &Header) -> Result<Origin, EntryError> {
        // Longer ones have no sealed copy.
        let bytes = self.origin.as_ref().map_or(0, String::len);
        if bytes > limits::ORIGIN_BYTES {
            return Err(EntryError::TooLong { bytes, limit: limits::ORIGIN_BYTES });
        }
        read_part(header, "origin", self.origin.as_deref(), header.hashes.origin)
    }

    /// # Errors
    /// As [`Self::read_origin`], and [`EntryError::ForeignItem`] for an Open with another's item id.
    pub fn read_body(&self, header: &Header) -> Result<Body, EntryError> {
        let body: Body = read_part(header, "body", self.body.as_deref(), header.hashes.body)?;
        match &body.change {
            Change::Attach { photo, .. } if photo.bytes > limits::PHOTO_BYTES_NAMED => {
                Err(EntryError::ImpossiblePhoto { id: header.id, bytes: photo.bytes })
            }
            Change::Open { .. } if header.item != ItemId::opened_by(&header.hashes.body) => {
                Err(EntryError::ForeignItem { id: header.id })
            }
            Change::Open { .. }
            | Change::Edit { .. }
            | Change::Attach { .. }
            | Change::Step { .. }
            | Change::Comment { .. }
            | Change::Release { .. }
            | Change::Restored { .. }
            | Change::Dismiss { .. }
            | Change::Erase { .. } => Ok(body),
        }
    }

    /// # Errors
    /// As [`Self::read_origin`].
    pub fn read_private(&self, header: &Header) -> Result<Private, EntryError> {
        read_part(header, "private", self.private.as_deref(), header.hashes.private)
    }
}

/// The hash of a header's bytes, see [`Entry::header_hash`].
#[must_use]
pub(crate) fn header_hash(header: &str) -> Hash {
    Hash::of("header", &[header.as_bytes()])
}

/// The hash that binds a part to its header.
#[must_use]
pub(crate) fn part_hash(part: &'static str, text: &str) -> Hash {
    Hash::of("part", &[part.as_bytes(), &[0], text.as_bytes()])
}

fn read<T: serde::de::DeserializeOwned>(part: &'static str, text: &str) -> Result<T, EntryError> {
    serde_json::from_str(text).map_err(|source| EntryError::Unreadable { part, source })
}

fn read_part<T: serde::de::DeserializeOwned>(
    header: &Header,
    part: &'static str,
    text: Option<&str>,
    hash: Hash,
) -> Result<T, EntryError> {
    let text = text.ok_or(EntryError::Withheld { id: header.id, part })?;
    if part_hash(part, text) != hash {
        return Err(EntryError::Mismatch { id: header.id, part });
    }
    read(part, text)
}
