//! The types that cross between a phone and the office, and the statements that the office signs.

mod photos;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, Now};
use crate::crypto::{PublicKey, SealingPublicKey, Signed, Statement};
use crate::id::{EntryId, EpochId, Hash, IncarnationId, ItemId, Nonce, PersonId, PhotoHash};
use crate::journal::entry::Entry;
use crate::journal::erasure::Erasure;
use crate::journal::seal::BatchSeal;
use crate::limits;
use crate::store::entries::Head;
use crate::store::feeds::FeedRow;
use crate::sync::offer::{Known, Recovery};

pub use photos::{
    DownloadsRequest, DownloadsResponse, PhotoForm, Piece, Preview, PreviewsRequest, PreviewsResponse, Rendition,
    Wanted,
};

/// The version of these types: the latest that is spoken here.
pub const PROTOCOL: u32 = 1;
/// The earliest that is.
pub const PROTOCOL_OLDEST: u32 = 1;

/// A range of versions that somebody speaks. Two who share one speak the latest that they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    /// The earliest.
    pub min: u32,
    /// The latest.
    pub max: u32,
}

impl Spoken {
    /// What is spoken here.
    pub const HERE: Self = Self { min: PROTOCOL_OLDEST, max: PROTOCOL };

    /// The latest version that both speak; none where they share none.
    #[must_use]
    pub fn common(self, other: Self) -> Option<u32> {
        let latest = self.max.min(other.max);
        (latest >= self.min.max(other.min)).then_some(latest)
    }
}

/// What every request and answer says of its version, whatever else is in it: the one thing that no version changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Versioned {
    /// The latest version that its sender speaks.
    pub protocol: u32,
    /// The earliest; none where it is the same.
    #[serde(default)]
    pub protocol_oldest: Option<u32>,
}

impl Versioned {
    /// What the sender speaks.
    #[must_use]
    pub fn spoken(self) -> Spoken {
        Spoken { min: self.protocol_oldest.unwrap_or(self.protocol), max: self.protocol }
    }
}

/// The code of the [`Problem`] that says: this office speaks none of the versions that the phone does.
pub const UPGRADE_NEEDED: &str = "upgrade_needed";

/// `POST /v1/sync`: everything that is new on the phone, and how far it has read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncRequest {
    /// [`PROTOCOL`] of the phone.
    pub protocol: u32,
    /// [`PROTOCOL_OLDEST`] of the phone; none where it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_oldest: Option<u32>,
    /// Makes this request unlike any other; the answer is signed over it.
    pub nonce: Nonce,
    /// Who asks.
    pub incarnation: IncarnationId,
    /// Which of this incarnation's requests it is: a higher number than any before. Sent again, it keeps its number.
    pub number: u64,
    /// The branch of the ledger that the phone stands on.
    pub epoch: EpochId,
    /// The number of the request whose answer brought the last countersignature that the phone holds.
    #[serde(default)]
    pub countersigned: Option<u64>,
    /// How far the phone has read each feed.
    pub positions: BTreeMap<String, u64>,
    /// The signature over the batch and the new head.
    pub seal: Signed<BatchSeal>,
    /// New entries in chain order: at most [`limits::BATCH_ENTRIES`] and [`limits::BATCH_BYTES`].
    pub entries: Vec<Entry>,
    /// The office's word for each of them whose private part was erased: an office that was restored may not know of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erasures: Vec<Signed<Erasure>>,
    /// Items whose snapshot is wanted.
    #[serde(default)]
    pub want: Vec<ItemId>,
    /// The hash of the district pack that the phone has.
    #[serde(default)]
    pub pack: Option<Hash>,
    /// How many entries this incarnation has written: where a phone is lost, what had not come shows by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
    /// The [hash](token_hash) of the upload token that the phone has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Hash>,
    /// Which incarnation this one goes on from, under the key of both: a copy of its store was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeds: Option<Succession>,
    /// The backup that the phone heard of last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Nonce>,
    /// Items whose whole story is wanted, each with the count up to which the phone has it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub history: BTreeMap<ItemId, u64>,
    /// Bytes of entries and snapshots in the answer, at most: as many as go well over the phone's network, by [`limits`]. None
    /// leaves it to the office, as earlier versions do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_bytes: Option<u64>,
    /// Whether the phone lacks the office's certificate, having been enrolled by a version that kept less of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub certificate_wanted: bool,
    /// What that one goes on from in its turn, and so on, nearest first: the office may have lost those too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Succession>,
    /// The last countersignature that the phone holds: an office that does not know it has lost what came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Signed<Countersignature>>,
    /// What the phone brings back to an office that has lost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
}

/// How a request names the upload token that its phone has.
#[must_use]
pub fn token_hash(token: &str) -> Hash {
    Hash::of("token", &[token.as_bytes()])
}

/// An incarnation says which one it goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The one before.
    pub predecessor: IncarnationId,
    /// The last of its places that this store shares with the office; what came after it has a place here.
    pub through: u64,
}

/// The office's answer to [`SyncRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncResponse {
    /// [`PROTOCOL`] of the office.
    pub protocol: u32,
    /// The request's.
    pub nonce: Nonce,
    /// The branch of the ledger that the office stands on.
    pub epoch: Signed<Epoch>,
    /// The office's clock.
    pub server_time: Moment,
    /// Where the office has this incarnation's chain, countersigned.
    pub head: Signed<Countersignature>,
    /// What is new at the office.
    pub page: Page,
    /// Opens uploads of this incarnation's own photos, nothing else; empty where the phone has it already.
    pub token: String,
    /// Whether a later request of this incarnation was answered before: whoever repeats this one reads nothing by it, and
    /// neither page nor token stand here.
    #[serde(default)]
    pub superseded: bool,
    /// What the office asks of its phones.
    pub limits: PhoneLimits,
    /// What the office speaks, where that is none of the versions of the phone: entries were taken as far as they are of their
    /// form, and there is nothing to read before one of the two is updated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_needed: Option<Spoken>,
    /// Why the batch was not taken: one seal proves its entries together.
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// The district pack as [one document](crate::pack::Pack::to_json), where the phone has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// The office's keys, signed by the root key, where the phone wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Signed<Certificate>>,
    /// What the phone needs to know to bring back what this office has lost; its page says nothing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Known>,
}

/// What the office asks of its phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneLimits {
    /// Length of the largest pieces that originals are sent in, in bytes.
    pub piece_bytes: u64,
    /// Not before so many seconds another request, when the office is busy.
    #[serde(default)]
    pub retry_after_s: Option<u64>,
    /// Whether this office makes backups: without them nothing becomes safe.
    pub has_backups: bool,
    /// What of that which is safe phones let go; where the office does not say, they keep all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
}

/// What phones keep of that which is safe. What is not stays, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// For so many days after it became safe an original stays.
    pub originals_days: u32,
    /// While a phone has less room than so many bytes, they go earlier, the oldest first.
    pub free_bytes: u64,
    /// So many of others' entries on an item stay, the newest; earlier ones are in its snapshot, and can be had again.
    pub entries: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            originals_days: limits::ORIGINALS_KEPT_DAYS,
            free_bytes: limits::FREE_BYTES_WANTED,
            entries: limits::ENTRIES_KEPT,
        }
    }
}

/// Why an office did not take an entry into its chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Entries between the office's head and the first one sent are missing.
    Gap,
    /// The office has another entry at this place: two copies of one store write.
    Clone,
    /// The batch is not what its seal covers.
    Seal,
    /// An entry is not what it says it is, or its id belongs to another.
    Malformed,
    /// This device has sent as many entries as the office takes in an hour.
    Quota,
    /// A refusal of a later version.
    #[serde(untagged)]
    Unknown(String),
}

impl Refusal {
    /// Its code in an answer to people and programs.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Gap => "gap",
            Self::Clone => "clone",
            Self::Seal => "seal",
            Self::Malformed => "malformed",
            Self::Quota => "entries_quota",
            Self::Unknown(code) => code,
        }
    }

    /// What became of the entries, for people.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        match self {
            Self::Gap => "the office misses entries before those that were sent; they are sent again",
            Self::Clone => "the office has other entries in this phone's place: two copies of this store write",
            Self::Seal => "the signature over the batch did not cover it; it is signed and sent again",
            Self::Malformed => "the office could not read an entry of this phone; it is kept here and offered again",
            Self::Quota => {
                "this phone has sent as many entries as the office takes in an hour; the rest is kept here and goes by itself"
            }
            Self::Unknown(_) => {
                "the office refused an entry for a reason that this version does not know; it is kept here"
            }
        }
    }
}

/// The code of the [`Problem`] that says: entries of the batch are good and a later one is not, send fewer at once.
pub const BATCH_BREAKS: &str = "batch_breaks";

/// What is new at the office for one phone. It shows only when it is whole and its signature holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page {
    /// The feeds, each from where the phone had read it.
    pub feeds: Vec<FeedPage>,
    /// The judged entries that the rows name, each once.
    pub entries: Vec<JudgedEntry>,
    /// The items that entered, or were asked for, as they stand.
    pub snapshots: Vec<Snapshot>,
    /// The receipts that the rows name.
    pub receipts: Vec<Signed<Receipt>>,
    /// The office's signature over entries and snapshots.
    pub attestation: Signed<Attestation>,
    /// Whether there is more to read right away.
    pub more: bool,
    /// How far a verified backup holds the reader's feeds, where the phone had not heard of that backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_through: Option<SafeThrough>,
}

/// How far a verified backup holds each feed of a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeThrough {
    /// A name of the backup that says nothing else.
    pub backup: Nonce,
    /// The last position of each feed that is in it.
    pub positions: BTreeMap<String, u64>,
}

/// The rows of one feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedPage {
    /// The feed.
    pub audience: String,
    /// The position that the rows follow.
    pub from: u64,
    /// The rows.
    pub rows: Vec<FeedRow>,
    /// The position to read on from.
    pub next: u64,
}

/// A judged entry as its reader may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedEntry {
    /// The entry.
    pub entry: EntryId,
    /// Its header; withheld from the incarnation that wrote it, which has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Its private part, where the reader may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<String>,
    /// Its sealed origin.
    pub sealed: String,
    /// The judgement as it was signed.
    pub judgement: String,
}

/// An item as it stands at the office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The item.
    pub item: ItemId,
    /// JSON of its view.
    pub view: String,
    /// The entries that were applied to it, in order: they are in it already.
    pub entries: Vec<EntryId>,
    /// What the office wrote once about something that happened, and must not write again.
    pub causes: Vec<String>,
}

impl Snapshot {
    /// What the page's signature covers of it.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        let entries: Vec<u8> = self.entries.iter().flat_map(|entry| *entry.as_bytes()).collect();
        let causes = self.causes.join("\n");
        let parts =
            [&entries[..], causes.as_bytes(), self.view.as_bytes()].map(|part| Hash::of("snapshot/part", &[part]));
        let [entries, causes, view] = &parts;
        let whole = [self.item.as_bytes().as_slice(), entries.as_bytes(), causes.as_bytes(), view.as_bytes()].concat();
        crate::crypto::leaf(&whole)
    }
}

/// The office's signature over one page: a pulled copy proves itself by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// The branch of the ledger.
    pub epoch: EpochId,
    /// The Merkle root over the page's entries, then its snapshots.
    pub root: Hash,
}

impl Statement for Attestation {
    const WHAT: &'static str = "page";
}

/// A branch of the ledger's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Above any that was shown before.
    pub counter: u64,
    /// Its random name.
    pub id: EpochId,
    /// The branch that it grew from; none for the first.
    pub parent: Option<EpochId>,
}

impl Statement for Epoch {
    const WHAT: &'static str = "epoch";
}

/// The office's word on where it has an incarnation's chain, one for each request: a cut tail shows against it, and a
/// restored office by it what it has lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersignature {
    /// Whose chain.
    pub incarnation: IncarnationId,
    /// Where it ends at the office.
    pub head: Head,
    /// The number of the request that it answers.
    pub request: u64,
    /// What the device's clocks said when it signed its head; none where its signature did not hold.
    pub now: Option<Now>,
    /// The branch of the ledger.
    pub epoch: EpochId,
    /// When, to the minute.
    pub at: Moment,
    /// The counter of that branch.
    #[serde(default)]
    pub counter: u64,
    /// Makes it unlike any other: after a data folder was put back by hand, the same request may be answered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Nonce>,
}

impl Statement for Countersignature {
    const WHAT: &'static str = "countersignature";
}

/// The office's word that an original is in its hands, whole and durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The entry that shows it.
    pub entry: EntryId,
    /// The original.
    pub sha256: PhotoHash,
    /// Its length.
    pub bytes: u64,
    /// The branch of the ledger: a restore may void it.
    pub epoch: EpochId,
    /// When, to the minute.
    pub at: Moment,
}

impl Statement for Receipt {
    const WHAT: &'static str = "receipt";
}

/// The keys of an office node, certified by the district's root key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The district's name.
    pub district: String,
    /// The key that signs answers, receipts and console entries.
    pub node: PublicKey,
    /// The key that origins are sealed for.
    pub sealing: SealingPublicKey,
}

impl Statement for Certificate {
    const WHAT: &'static str = "certificate";
}

/// `POST /v1/enrolment`: a device asks to be a person's, with a one-time secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// [`PROTOCOL`] of the phone.
    pub protocol: u32,
    /// Makes this request unlike any other.
    pub nonce: Nonce,
    /// The secret of the code.
    pub secret: String,
    /// Whose store it is.
    pub person: PersonId,
    /// The life of the journal that it writes.
    pub incarnation: IncarnationId,
    /// The key that it signs with; this request is signed by it.
    pub key: PublicKey,
    /// What the device calls itself.
    pub device: String,
}

/// The office's answer to [`EnrolRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enrolled {
    /// The request's.
    pub nonce: Nonce,
    /// The district's root key: its fingerprint is in the code.
    pub root: PublicKey,
    /// The office's keys, signed by the root key.
    pub certificate: Signed<Certificate>,
    /// The branch of the ledger, signed by the office's key.
    pub epoch: Signed<Epoch>,
    /// The office's clock.
    pub server_time: Moment,
}

/// The code of the [`Problem`] that says: another request of this device was answered since, sync first.
pub const SUPERSEDED: &str = "superseded";

/// `POST /v1/photos/have`: what of these photos of the asker's own entries is at the office?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HaveRequest {
    /// Makes this request unlike any other.
    pub nonce: Nonce,
    /// Who asks.
    pub incarnation: IncarnationId,
    /// At most 500.
    pub photos: Vec<(EntryId, PhotoHash)>,
}

/// The office's answer to [`HaveRequest`]: of what the asker's own lineage sent, and hints only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HaveResponse {
    /// The request's.
    pub nonce: Nonce,
    /// Those whose thumbnail need not be sent.
    pub thumbnails: Vec<(EntryId, PhotoHash)>,
    /// Those whose view need not be sent.
    pub views: Vec<(EntryId, PhotoHash)>,
    /// Originals on their way, or there.
    pub uploads: Vec<HaveUpload>,
}

/// An original on its way to the office, or there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaveUpload {
    /// The entry that shows the photo.
    pub entry: EntryId,
    /// The photo.
    pub sha256: PhotoHash,
    /// Its upload.
    pub upload: Nonce,
    /// How much of it is there.
    pub offset: u64,
}

/// `POST /v1/hints`: is there something for the asker? The answer waits until there is, or for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HintRequest {
    /// Makes this request unlike any other.
    pub nonce: Nonce,
    /// Who asks.
    pub incarnation: IncarnationId,
    /// The branch of the ledger that the asker stands on.
    pub epoch: EpochId,
    /// How far it has read each feed.
    pub positions: BTreeMap<String, u64>,
}

/// The office's answer to [`HintRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HintResponse {
    /// The request's.
    pub nonce: Nonce,
    /// Whether there is something.
    pub news: bool,
}

/// An error in the form of RFC 9457 (problem details), as every request may be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A code that programs read: `unknown_device`, `wrong_code`, `used_code`, `too_large`, …
    pub code: String,
    /// What is wrong and what to do next, for people.
    pub detail: String,
}
