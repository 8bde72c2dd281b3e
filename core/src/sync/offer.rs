//! What a phone brings back to an office that was restored, and what proves it (docs/protocol.md, 8).
//!
//! An entry that the office judged comes with the judgement as it was signed; an item whose entries the phone never had comes
//! as the snapshot that was signed. Own entries that nobody judged go as they always go: in batches, by their chain.

use serde::{Deserialize, Serialize};

use super::wire::{Attestation, JudgedEntry};
use crate::crypto::{CryptoError, MerklePath, PublicKey, SealedOrigin, SealingKey, Signed};
use crate::id::{EntryId, EpochId, Hash, IncarnationId};
use crate::journal::entry::{Body, Entry, EntryError, Header, Origin, Private};
use crate::journal::verdict::judged_leaf;
use crate::store::entries::Head;
use crate::store::judgements::Judged;
use crate::store::snapshots::ProvenSnapshot;
use crate::store::{StoreError, from_json};

/// The part of a request that brings something back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The branch that it is brought to; another one takes nothing of it.
    pub to: EpochId,
    /// What the office had judged or signed, in the order in which it is to be taken.
    pub offers: Vec<Offer>,
    /// Whether more of that comes with the next request.
    pub more: bool,
}

/// One thing that a phone was told and brings back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// An entry with its judgement.
    Entry(Box<OfferedEntry>),
    /// An item as it stood.
    Snapshot(Box<ProvenSnapshot>),
    /// Something of a later version: it is not taken here.
    #[serde(untagged)]
    Unknown(serde_json::Value),
}

/// A judged entry with what proves that the office judged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedEntry {
    /// The entry with its judgement; its author brings the private part too.
    pub judged: JudgedEntry,
    /// The office's signature over the page that told of it.
    pub attestation: Signed<Attestation>,
    /// The way from the entry to that page's root.
    pub path: MerklePath,
}

/// What an office tells a phone that is to bring something back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The countersignatures of the phone's lineage that this office knows, each by its [hash](Signed::hash).
    pub countersignatures: Vec<Hash>,
    /// How far the office has each chain of the lineage; of a predecessor no further than it belongs to the lineage.
    pub chains: Vec<Chain>,
}

/// How far the office has a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Whose.
    pub incarnation: IncarnationId,
    /// Where it ends there.
    pub head: Head,
}

/// Why something that was offered is not taken as what it says it is.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// A signature, or the sealed origin.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The entry's parts.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Something in it cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    /// The signature covers something else.
    #[error("the office's signature does not cover what is offered under it")]
    NotCovered,
    /// The judgement is of another entry.
    #[error("the judgement is not of entry {0}")]
    OtherEntry(EntryId),
}

/// An entry that the office judged on some branch, as far as the phone that brought it may know it, and its origin.
#[derive(Debug, Clone)]
pub struct ProvenEntry {
    /// Its bytes: the private part only where its author brought it.
    pub entry: Entry,
    /// The header.
    pub header: Header,
    /// Whose it is: the office alone opens the sealed copy.
    pub origin: Origin,
    /// What it changes.
    pub body: Body,
    /// Who wrote it and where, from its author.
    pub private: Option<Private>,
    /// What was decided.
    pub judged: Judged,
}

impl OfferedEntry {
    /// The entry with its judgement, if the office with the key `node` signed for it.
    ///
    /// # Errors
    /// [`Unproven`].
    pub fn prove(self, node: &PublicKey, sealing: &SealingKey) -> Result<ProvenEntry, Unproven> {
        let Self { judged: JudgedEntry { entry: id, header, body, private, sealed, judgement }, attestation, path } =
            self;
        let header_text = header.ok_or(EntryError::Withheld { id, part: "header" })?;
        let mut entry = Entry { header: header_text, origin: None, sealed: Some(sealed), body, private };
        let sealed = entry.sealed.as_deref().unwrap_or_default();
        let leaf = judged_leaf(&entry.header_hash(), sealed, &judgement);
        covers(&attestation, &path, leaf, node)?;
        let origin: SealedOrigin = from_json("entry", sealed)?;
        entry.origin = Some(sealing.open(&origin, &entry.header_hash())?);
        let header = entry.read_header()?;
        let origin = entry.read_origin(&header)?;
        let body = entry.read_body(&header)?;
        let private = entry.private.is_some().then(|| entry.read_private(&header)).transpose()?;
        let judged = Judged::read(judgement)?;
        if header.id != id || judged.judgement.entry != id {
            return Err(Unproven::OtherEntry(id));
        }
        Ok(ProvenEntry { entry, header, origin, body, private, judged })
    }
}

/// Checks that the office with the key `node` signed for a snapshot.
///
/// # Errors
/// [`Unproven`].
pub fn prove_snapshot(offered: &ProvenSnapshot, node: &PublicKey) -> Result<(), Unproven> {
    covers(&offered.attestation, &offered.path, offered.snapshot.leaf(), node)
}

fn covers(attestation: &Signed<Attestation>, path: &MerklePath, leaf: Hash, node: &PublicKey) -> Result<(), Unproven> {
    let signed = attestation.open(node)?;
    if path.root_from(leaf) == signed.root { Ok(()) } else { Err(Unproven::NotCovered) }
}
