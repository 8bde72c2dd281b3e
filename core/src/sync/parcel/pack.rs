//! What a phone puts into a parcel: just the requests that it would send, one after the other, without waiting for answers.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};

use super::super::outbox;
use super::super::previews;
use super::super::session::{self, Body, Intent, OfficeKeys, Phone, SyncError, SyncIntent};
use super::super::succeed;
use super::super::wire::Rendition;
use super::place::{self, Way};
use super::{CarryError, Maker, Packer, ParcelError, Part, Progress};
use crate::clock::{Entropy, Now, Seed};
use crate::crypto::SealingKey;
use crate::id::{ItemId, Nonce, PhotoHash};
use crate::limits;
use crate::photo::{Fingerprint, PhotoFolder};
use crate::store::meta::{self, key};
use crate::store::owed::Owed;
use crate::store::parcels::{self, Made};
use crate::store::{StoreError, entries, feeds, transfers};

/// Which originals go into a parcel. Those that do not go by another one, or by the next network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Originals {
    /// None: a small file, for a chat.
    None,
    /// The oldest, as long as they have so many bytes together at most.
    AtMost {
        /// So many.
        bytes: u64,
    },
    /// All that the office has not signed for.
    All,
}

/// What was put into a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// Its name.
    pub parcel: Nonce,
    /// Where it lies.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Entries that the office has not acknowledged.
    pub entries: u64,
    /// Smaller pictures.
    pub previews: u64,
    /// Originals.
    pub originals: u64,
    /// Originals that the office has not signed for and that are not in it.
    pub originals_left: u64,
    /// Originals that do not lie here as they were kept.
    pub unreadable: Vec<PhotoHash>,
}

/// Writes a parcel for the office to `place`.
pub(crate) fn pack(
    conn: &mut Connection,
    phone: &Phone<'_>,
    place: &Path,
    originals: Originals,
    now: &Now,
    seed: &Seed,
    tell: &mut dyn FnMut(Progress),
) -> Result<Packed, CarryError> {
    let mut entropy = seed.entropy();
    let parcel = Nonce::from_bytes(entropy.bytes());
    let path = place::path(place, Way::ToOffice, parcel, now.wall);
    let failed = |error| CarryError::File { file: path.clone(), error };
    let file = place::begin(&path).map_err(failed)?;

    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let office: OfficeKeys = meta::get(&tx, key::OFFICE)?.ok_or(SyncError::NotEnrolled)?;
    let sealing = office.sealing.as_ref().ok_or(CarryError::NoSealingKey)?;
    let Plan { maker, syncs, previews, entries } = Plan::make(&tx, phone, &office, parcel, now, &mut entropy)?;
    let (chosen, originals_left) = choose(&tx, originals)?;
    tx.commit()?;

    let about = (parcel, now.wall, maker);
    let mut packer = Packer::begin(file, sealing, about, phone.signer, &mut entropy).map_err(failed)?;
    for request in &syncs {
        packer.message(Part::Sync, request).map_err(failed)?;
    }
    let mut pictures = 0;
    for (count, intent) in previews {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let request = session::request(&tx, phone, &office, &intent)?;
        tx.commit()?;
        // What cannot be read need not go: what there is to see comes with the original.
        if let Some(Body::Bytes(body)) = request.map(|request| request.body) {
            packer.message(Part::Previews, &body).map_err(failed)?;
            pictures += count;
        }
    }
    let mut progress = Progress { done: 0, total: chosen.iter().map(|owed| owed.bytes).sum() };
    let mut unreadable = Vec::new();
    for owed in &chosen {
        if !is_whole(phone.photos, owed) {
            unreadable.push(owed.sha256);
            progress.done += owed.bytes;
            continue;
        }
        let original = File::open(phone.photos.original(&owed.sha256)).map_err(ParcelError::from);
        let put = original.and_then(|original| {
            packer.original((owed.entry, owed.sha256), owed.bytes, original, |piece| {
                progress.done += piece;
                tell(progress);
            })
        });
        put.map_err(failed)?;
    }
    let bytes = packer.end().and_then(|file| place::end(file, &path)).map_err(failed)?;
    let originals = (chosen.len() - unreadable.len()) as u64;
    Ok(Packed { parcel, file: path, bytes, entries, previews: pictures, originals, originals_left, unreadable })
}

/// Whether an original lies here as it was kept. It is read whole, and once more when it is put in: a parcel is carried far, and
/// what is in it is to be of use there.
fn is_whole(folder: &PhotoFolder, owed: &Owed) -> bool {
    Fingerprint::of_file(&folder.original(&owed.sha256))
        .is_ok_and(|found| found.sha256 == owed.sha256 && found.bytes == owed.bytes)
}

/// The requests of a parcel.
struct Plan {
    maker: Maker,
    /// Requests for entries and feeds, as they go over a network.
    syncs: Vec<Vec<u8>>,
    /// Requests for smaller pictures, each with how many.
    previews: Vec<(u64, Intent)>,
    entries: u64,
}

impl Plan {
    /// Decides what goes, signs for the entries, and keeps what the answer is read with.
    fn make(
        tx: &Transaction<'_>,
        phone: &Phone<'_>,
        office: &OfficeKeys,
        parcel: Nonce,
        now: &Now,
        entropy: &mut Entropy,
    ) -> Result<Self, CarryError> {
        // An earlier request that nobody has answered would come after this parcel's: it is asked anew, under a later number.
        while let Some((id, Intent::Sync(_))) = transfers::open::<Intent>(tx)? {
            transfers::end(tx, id)?;
        }
        let incarnation = meta::incarnation(tx)?;
        let (sent, written) = (outbox::through(tx)?, entries::head(tx, incarnation)?.seq);
        let (mut intents, mut syncs, mut through) = (Vec::new(), Vec::new(), sent);
        let number = loop {
            let next = outbox::batch(tx, incarnation, through, limits::BATCH_BYTES, now)?.seal.head.seq;
            let is_last = next >= written;
            let (want, history): (Vec<ItemId>, BTreeMap<ItemId, u64>) = if is_last {
                (
                    meta::get(tx, key::SNAPSHOTS_WANTED)?.unwrap_or_default(),
                    meta::get(tx, key::HISTORY_WANTED)?.unwrap_or_default(),
                )
            } else {
                (Vec::new(), BTreeMap::new())
            };
            let number = session::next_number(tx, now)?;
            let intent = Intent::Sync(SyncIntent {
                nonce: Nonce::from_bytes(entropy.bytes()),
                number,
                through,
                bytes: limits::BATCH_BYTES,
                page_bytes: None,
                positions: feeds::positions(tx)?,
                want: want.into_iter().take(limits::WANTED_ITEMS).collect(),
                history: history.into_iter().take(limits::HISTORY_ITEMS).collect(),
                now: now.clone(),
                reoffer: None,
            });
            if let Some(Body::Bytes(body)) = session::request(tx, phone, office, &intent)?.map(|request| request.body) {
                syncs.push(body);
            }
            intents.push(intent);
            if is_last {
                break number;
            }
            through = next;
        };
        let previews = previews_of(tx, phone.photos, entropy)?;
        intents.extend(previews.iter().map(|(_, intent)| intent.clone()));
        let reply_key = SealingKey::generate(entropy);
        let reply = reply_key.public_key().clone();
        parcels::keep(tx, &Made { id: parcel, number, reply_key, intents })?;
        let maker = Maker::Phone { incarnation, succeeds: succeed::declared(tx)?, reply };
        Ok(Self { maker, syncs, previews, entries: written.saturating_sub(sent) })
    }
}

/// Requests for all renditions that are owed and lie here.
fn previews_of(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    entropy: &mut Entropy,
) -> Result<Vec<(u64, Intent)>, StoreError> {
    let mut intents = Vec::new();
    for rendition in [Rendition::Thumbnail, Rendition::View] {
        let mut owed = parcels::previews_owed(tx, rendition)?;
        owed.retain(|(_, sha256)| previews::file(folder, rendition, sha256).exists());
        while !owed.is_empty() {
            let fitting = previews::fitting(folder, rendition, &owed, limits::PREVIEWS_BYTES).min(owed.len());
            let (nonce, photos) = (Nonce::from_bytes(entropy.bytes()), owed.drain(..fitting).collect());
            intents.push((fitting as u64, Intent::Previews { nonce, rendition, photos }));
        }
    }
    Ok(intents)
}

/// The originals that go, and how many are left.
fn choose(tx: &Transaction<'_>, originals: Originals) -> Result<(Vec<Owed>, u64), StoreError> {
    let mut room = match originals {
        Originals::None => 0,
        Originals::AtMost { bytes } => bytes,
        Originals::All => u64::MAX,
    };
    let (mut chosen, mut left) = (Vec::new(), 0);
    for owed in parcels::originals_owed(tx)? {
        match room.checked_sub(owed.bytes) {
            Some(rest) if left == 0 => {
                room = rest;
                chosen.push(owed);
            }
            Some(_) | None => left += 1,
        }
    }
    Ok((chosen, left))
}
