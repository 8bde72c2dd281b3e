//! One conversation with the office, without a socket.
//!
//! Drive it in a loop: ask [`next_action`] what to do, do it, hand the outcome to [`completed`]. Actions are rows: a
//! process that dies between the two may be followed by another that asks again, and an outcome reported twice does
//! nothing the second time. So two processes may drive one store at once: they are told the same action, or one takes up
//! where the other is. Both block for SQLite only. [`start`] begins a conversation and ends any wait but what the office asked
//! for: call it when the link is back, too.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};

pub use super::action::{Action, Body, Method, Outcome, Request, Response, SyncError};
use super::apply::{self, ApplyError, Reader};
use super::downloads;
use super::message::{self, Direction};
use super::outbox;
use super::policy::{self, Gate};
use super::previews;
use super::reoffer::{self, Part};
use super::room;
use super::succeed;
use super::uploads::{self, UploadIntent};
pub use super::wait::{Attention, attention};
use super::wire::{
    Countersignature, DownloadsRequest, DownloadsResponse, Epoch, HaveRequest, HaveResponse, PROTOCOL, PROTOCOL_OLDEST,
    PreviewsRequest, PreviewsResponse, Refusal, Rendition, SUPERSEDED, SyncRequest, SyncResponse, Wanted, token_hash,
};
use super::{clock_offset, have, sizes, wait};
use crate::clock::{Now, Seed};
use crate::crypto::{PublicKey, SealingPublicKey, Signed, Signer};
use crate::id::{EntryId, Hash, IncarnationId, ItemId, Nonce, PersonId, PhotoHash};
use crate::journal::entry::Exchange;
use crate::journal::predict::Predictor;
use crate::limits;
use crate::mutant::{self, Mutant};
use crate::pack::Pack;
use crate::photo::PhotoFolder;
use crate::store::meta::{self, key};
use crate::store::{StoreError, entries, erased, feeds, lineage, owed, photos, to_json, transfers};

/// What enrolment gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OfficeKeys {
    /// The office's address, without a slash at its end.
    pub url: String,
    /// The district's name.
    pub district: String,
    /// The district's root key.
    pub root: PublicKey,
    /// The key that signs the office's answers.
    pub node: PublicKey,
    /// The branch of the ledger that this phone stands on.
    pub epoch: Epoch,
    /// What parcels for the office are sealed for; none where this store was enrolled before there were any, until the next
    /// exchange brings it.
    #[serde(default)]
    pub sealing: Option<SealingPublicKey>,
}

/// What an action row is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Intent {
    Sync(SyncIntent),
    Have { nonce: Nonce, photos: Vec<(EntryId, PhotoHash)> },
    Previews { nonce: Nonce, rendition: Rendition, photos: Vec<(EntryId, PhotoHash)> },
    Downloads { nonce: Nonce, wanted: Vec<Wanted> },
    Upload(UploadIntent),
}

impl Intent {
    /// Bytes of an original that its request carries.
    const fn original_bytes(&self) -> u64 {
        match self {
            Self::Upload(upload) => upload.body_bytes(),
            Self::Sync(_) | Self::Have { .. } | Self::Previews { .. } | Self::Downloads { .. } => 0,
        }
    }
}

/// What a sync request is about: its body is built from this whenever it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncIntent {
    /// Makes the request unlike any other.
    pub nonce: Nonce,
    /// Which of this store's requests it is.
    pub number: u64,
    /// The batch begins after this place of the own chain.
    pub through: u64,
    /// At most so many bytes of entries; none at 0, while the office does not take the next one.
    pub bytes: usize,
    /// At most so many bytes of entries and snapshots in the answer; none leaves it to the office.
    #[serde(default)]
    pub page_bytes: Option<u64>,
    /// How far each feed was read.
    pub positions: BTreeMap<String, u64>,
    /// Items whose snapshot is wanted.
    pub want: Vec<ItemId>,
    /// Items whose whole story is wanted, each with the count up to which it is here.
    #[serde(default)]
    pub history: BTreeMap<ItemId, u64>,
    /// The device's clocks when it was decided.
    pub now: Now,
    /// What it brings back to an office that has lost it.
    #[serde(default)]
    pub reoffer: Option<Part>,
}

/// What a conversation stands on; the connection to its store apart.
#[derive(Clone, Copy)]
pub struct Phone<'a> {
    /// The store's person.
    pub person: &'a PersonId,
    /// Where originals and renditions lie.
    pub photos: &'a PhotoFolder,
    /// Whoever holds the device's key.
    pub signer: &'a dyn Signer,
    /// The district's rules, as far as this phone has them.
    pub pack: &'a Pack,
}

/// Begins a conversation: wants an exchange now, ends any wait but what the office asked for, has whole uploads without a
/// receipt asked about.
///
/// # Errors
/// [`StoreError`].
pub fn start(conn: &mut Connection, photos: &PhotoFolder) -> Result<(), StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    meta::set(&tx, key::SYNC_WANTED, &true)?;
    // Another network may let more through.
    meta::clear(&tx, key::PREVIEWS_BYTES)?;
    for of in [sizes::PIECES, sizes::EXCHANGES] {
        of.begin(&tx)?;
    }
    have::wanted_for_many(&tx)?;
    wait::cancel(&tx)?;
    transfers::doubt_unreceipted(&tx)?;
    downloads::sweep(&tx, photos)?;
    tx.commit()?;
    Ok(())
}

/// What to do next.
///
/// # Errors
/// [`SyncError::NotEnrolled`], [`SyncError::Store`], [`SyncError::Crypto`] when the key store does not sign now.
pub fn next_action(conn: &mut Connection, phone: &Phone<'_>, now: &Now, seed: &Seed) -> Result<Action, SyncError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
    let office: OfficeKeys = meta::get(&tx, key::OFFICE)?.ok_or(SyncError::NotEnrolled)?;
    if let Some(monotonic_ms) = wait::conversation_until(&tx, now)? {
        return Ok(Action::WaitUntil { monotonic_ms });
    }
    let action = decide(&tx, phone, &office, now, seed)?;
    tx.commit().map_err(StoreError::from)?;
    Ok(action)
}

fn decide(
    tx: &Transaction<'_>,
    phone: &Phone<'_>,
    office: &OfficeKeys,
    now: &Now,
    seed: &Seed,
) -> Result<Action, SyncError> {
    let mut entropy = seed.entropy();
    if outbox::has_hole(tx)? {
        // An older backup than the newest was restored, and the office asks for entries that left here as safe: what is here
        // goes on without them.
        succeed::succeed(tx, now, &mut entropy)?;
        meta::clear(tx, key::COPIED)?;
    }
    // An action whose outcome nobody reported: a request is repeated as it was, a piece is asked about.
    while let Some((id, intent)) = transfers::open::<Intent>(tx)? {
        if let Intent::Upload(upload) = &intent
            && upload.body_bytes() > 0
        {
            uploads::doubt(tx, upload)?;
            transfers::doubt(tx, id)?;
            continue;
        }
        match request(tx, phone, office, &intent)? {
            Some(request) => return Ok(Action::Send { id, request }),
            None => transfers::end(tx, id)?,
        }
    }
    let gate = policy::gate(tx, phone.pack, now)?;
    while let Some(intent) = next_intent(tx, phone, &gate, now, seed, Nonce::from_bytes(entropy.bytes()))? {
        if let Some(request) = request(tx, phone, office, &intent)? {
            let id = Nonce::from_bytes(entropy.bytes());
            let metered_day = gate.metered_day.as_deref().filter(|_| intent.original_bytes() > 0);
            transfers::begin(tx, id, &intent, now, metered_day)?;
            if let Some(day) = metered_day {
                transfers::add_metered(tx, day, intent.original_bytes())?;
            }
            return Ok(Action::Send { id, request });
        }
    }
    Ok(wait::next(tx, now)?.map_or(Action::Done, |monotonic_ms| Action::WaitUntil { monotonic_ms }))
}

fn next_intent(
    tx: &Transaction<'_>,
    phone: &Phone<'_>,
    gate: &Gate,
    now: &Now,
    seed: &Seed,
    nonce: Nonce,
) -> Result<Option<Intent>, StoreError> {
    // What the office has lost comes before all else: the rest stands on it.
    if let Some((part, through)) = reoffer::next(tx)? {
        let waits = matches!(part, Part::Chain { .. }) && wait::entries_until(tx, now)?.is_some();
        return if waits { Ok(None) } else { reoffer_intent(tx, now, nonce, part, through).map(Some) };
    }
    let unsent = entries::head(tx, meta::incarnation(tx)?)?.seq > outbox::through(tx)?;
    if (unsent && wait::entries_until(tx, now)?.is_none()) || flag(tx, key::SYNC_WANTED)? {
        return sync_intent(tx, now, nonce).map(Some);
    }
    if let Some(photos) = have::next(tx)? {
        return Ok(Some(Intent::Have { nonce, photos }));
    }
    let urgent = owed::urgent(tx, |category| phone.pack.is_urgent(category))?;
    // The thumbnails of all photos before the first view, and that before the originals.
    for rendition in [Rendition::Thumbnail, Rendition::View] {
        let photos = previews::owed(tx, phone.photos, rendition, &urgent, now)?;
        if !photos.is_empty() {
            return Ok(Some(Intent::Previews { nonce, rendition, photos }));
        }
    }
    // What somebody wants to see before what is only to be safe.
    let wanted = downloads::next(tx, now)?;
    if !wanted.is_empty() {
        return Ok(Some(Intent::Downloads { nonce, wanted }));
    }
    if wait::originals_until(tx, now)?.is_none()
        && let Some(upload) = uploads::next(tx, phone.photos, gate, &urgent, now, seed)?
    {
        return Ok(Some(Intent::Upload(upload)));
    }
    if flag(tx, key::RECEIPTS_EXPECTED)? {
        return sync_intent(tx, now, nonce).map(Some);
    }
    Ok(None)
}

fn flag(conn: &Connection, name: &str) -> Result<bool, StoreError> {
    Ok(meta::get(conn, name)?.unwrap_or(false))
}

fn sync_intent(tx: &Transaction<'_>, now: &Now, nonce: Nonce) -> Result<Intent, StoreError> {
    let most = sizes::EXCHANGES.next(tx)?;
    let bytes = if wait::entries_until(tx, now)?.is_some() { 0 } else { outbox::most_bytes(most) };
    let mut want: Vec<ItemId> = meta::get(tx, key::SNAPSHOTS_WANTED)?.unwrap_or_default();
    want.truncate(limits::WANTED_ITEMS);
    let history: BTreeMap<ItemId, u64> = meta::get(tx, key::HISTORY_WANTED)?.unwrap_or_default();
    Ok(Intent::Sync(SyncIntent {
        nonce,
        number: next_number(tx, now)?,
        through: outbox::through(tx)?,
        bytes,
        page_bytes: Some(most),
        positions: feeds::positions(tx)?,
        want,
        history: history.into_iter().take(limits::HISTORY_ITEMS).collect(),
        now: now.clone(),
        reoffer: None,
    }))
}

/// The next request of a re-offer.
fn reoffer_intent(
    tx: &Transaction<'_>,
    now: &Now,
    nonce: Nonce,
    part: Part,
    through: u64,
) -> Result<Intent, StoreError> {
    let bytes = match part {
        Part::Offers { .. } => 0,
        Part::Chain { .. } => outbox::most_bytes(sizes::EXCHANGES.next(tx)?),
    };
    let number = next_number(tx, now)?;
    let (positions, want, history) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    let (now, reoffer, page_bytes) = (now.clone(), Some(part), None);
    Ok(Intent::Sync(SyncIntent { nonce, number, through, bytes, page_bytes, positions, want, history, now, reoffer }))
}

/// The chain that a request sends of.
fn chain_of(conn: &Connection, sync: &SyncIntent) -> Result<IncarnationId, StoreError> {
    match sync.reoffer {
        Some(Part::Chain { incarnation }) => Ok(incarnation),
        Some(Part::Offers { .. }) | None => meta::incarnation(conn),
    }
}

/// The last countersignature that the phone holds, under whatever incarnation.
fn holds(conn: &Connection) -> Result<Option<Signed<Countersignature>>, StoreError> {
    Ok(meta::get(conn, key::COUNTERSIGNED)?.or(meta::get(conn, key::HOLDS)?))
}

/// A higher number than any request of this store before. The wall clock takes it past what a copy of the store may have
/// sent since.
pub(super) fn next_number(tx: &Transaction<'_>, now: &Now) -> Result<u64, StoreError> {
    let last: u64 = meta::get(tx, key::REQUEST_NUMBER)?.unwrap_or(0);
    let number = u64::try_from(now.wall.unix_ms()).unwrap_or(0).max(last.saturating_add(1));
    meta::set(tx, key::REQUEST_NUMBER, &number)?;
    Ok(number)
}

/// The number of the last request that the office countersigned on this branch; it was checked when it came.
pub(super) fn countersigned(conn: &Connection, office: &OfficeKeys) -> Result<Option<u64>, SyncError> {
    let held: Option<Signed<Countersignature>> = meta::get(conn, key::COUNTERSIGNED)?;
    let held = held.map(|held| held.read_unverified()).transpose()?;
    Ok(held.filter(|held| held.epoch == office.epoch.id).map(|held| held.request))
}

/// The request for an intent; none where there is nothing to send any more.
pub(super) fn request(
    tx: &Transaction<'_>,
    phone: &Phone<'_>,
    office: &OfficeKeys,
    intent: &Intent,
) -> Result<Option<Request>, SyncError> {
    let post = |path: &str, body: Vec<u8>| Request::post(path, Body::Bytes(body));
    match intent {
        Intent::Sync(sync) => {
            let incarnation = meta::incarnation(tx)?;
            let batch = outbox::batch(tx, chain_of(tx, sync)?, sync.through, sync.bytes, &sync.now)?;
            let seal = Signed::new(&batch.seal, phone.signer)?;
            entries::insert_seal(tx, &batch.seal, &seal, None)?;
            let body = SyncRequest {
                protocol: PROTOCOL,
                protocol_oldest: (PROTOCOL_OLDEST != PROTOCOL).then_some(PROTOCOL_OLDEST),
                nonce: sync.nonce,
                incarnation,
                number: sync.number,
                epoch: office.epoch.id,
                countersigned: countersigned(tx, office)?,
                positions: sync.positions.clone(),
                seal,
                erasures: outbox::erasures(tx, &batch)?,
                entries: batch.entries,
                want: sync.want.clone(),
                pack: Some(pack_hash(tx, phone)?),
                written: Some(entries::head(tx, incarnation)?.seq),
                token: meta::get::<String>(tx, key::TOKEN)?.map(|token| token_hash(&token)),
                succeeds: succeed::declared(tx)?,
                backup: meta::get(tx, key::BACKUP)?,
                history: sync.history.clone(),
                page_bytes: sync.page_bytes,
                before: lineage::successions(tx, incarnation)?.into_iter().skip(1).collect(),
                holds: holds(tx)?,
                recovery: reoffer::recovery(tx, sync.reoffer)?,
                certificate_wanted: office.sealing.is_none(),
            };
            Ok(Some(post("/v1/sync", message::pack(Direction::Request, &body, phone.signer)?)))
        }
        Intent::Have { nonce, photos } => {
            let body = HaveRequest { nonce: *nonce, incarnation: meta::incarnation(tx)?, photos: photos.clone() };
            Ok(Some(post("/v1/photos/have", message::pack(Direction::Request, &body, phone.signer)?)))
        }
        Intent::Previews { nonce, rendition, photos } => {
            let mut previews = Vec::new();
            for (entry, sha256) in photos {
                match previews::preview(phone.photos, *rendition, *entry, *sha256) {
                    Some(preview) => previews.push(preview),
                    // There is nothing to send: what there is to see comes with the original.
                    None => previews::settle(tx, *rendition, *entry, *sha256)?,
                }
            }
            if previews.is_empty() {
                return Ok(None);
            }
            let (nonce, rendition, incarnation) = (*nonce, *rendition, meta::incarnation(tx)?);
            let body = PreviewsRequest { nonce, incarnation, rendition, previews };
            Ok(Some(post("/v1/photos/previews", message::pack(Direction::Request, &body, phone.signer)?)))
        }
        Intent::Downloads { nonce, wanted } => {
            let (nonce, incarnation) = (*nonce, meta::incarnation(tx)?);
            let number = countersigned(tx, office)?.unwrap_or(0);
            let body = DownloadsRequest { nonce, incarnation, number, wanted: wanted.clone() };
            Ok(Some(post("/v1/photos/downloads", message::pack(Direction::Request, &body, phone.signer)?)))
        }
        Intent::Upload(upload) => Ok(uploads::request(tx, phone.photos, upload)?),
    }
}

/// The pack that need not be sent: the one that stands here, or the office's where this version cannot read it.
fn pack_hash(conn: &Connection, phone: &Phone<'_>) -> Result<Hash, StoreError> {
    let unread: Option<(String, Hash)> = meta::get(conn, key::PACK_UNREAD)?;
    let unread = unread.filter(|(version, _)| version == env!("CARGO_PKG_VERSION"));
    Ok(unread.map_or_else(|| phone.pack.hash(), |(_, hash)| hash))
}

/// Takes the outcome of an action. An outcome of an action that is done already does nothing.
///
/// # Errors
/// [`SyncError`] says why the exchange did not succeed; the action is decided anew after a wait, nothing is lost.
pub fn completed(
    conn: &mut Connection,
    phone: &Phone<'_>,
    action: Nonce,
    outcome: &Outcome,
    now: &Now,
    seed: &Seed,
) -> Result<(), SyncError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
    // Looked up where nobody else writes: of two drivers that report the same action at once, one is the second.
    let Some(begun) = transfers::begun::<Intent>(&tx, action, &now.boot_id)? else { return Ok(()) };
    let intent = begun.intent;
    let result = match outcome {
        Outcome::Answered(response) => take_answer(&tx, phone, &intent, response, begun.begun_ms, now, seed),
        Outcome::Unreachable(why) | Outcome::Failed(why) => Err(SyncError::NoAnswer(why.clone())),
        Outcome::Unreadable(why) => Err(unreadable(&intent, why.clone())),
    };
    let Err(error) = result else {
        transfers::end(&tx, action)?;
        tx.commit().map_err(StoreError::from)?;
        if let Intent::Sync(_) = intent {
            erased::leave_no_log(conn)?;
            room::make(conn, phone.photos)?;
        }
        return Ok(());
    };
    // Another driver has taken it up since: what it was acknowledged counts, that it failed does not.
    if begun.doubted {
        return Ok(());
    }
    // What a refusal changed (an upload that begins again, all of an answer but entries that were not taken) is kept with it;
    // of an answer that cannot be taken nothing is.
    let tx = if matches!((&intent, &error), (Intent::Upload(_), _) | (_, SyncError::NotTaken(_))) {
        tx
    } else {
        drop(tx);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        if transfers::begun::<Intent>(&tx, action, &now.boot_id)?.is_none() {
            return Ok(());
        }
        tx
    };
    if succeed::is_copied(&error) {
        // That needs nobody: it goes on at once, unless the office says so of each incarnation in turn.
        let again = succeed::is_fresh(&tx)?;
        succeed::succeed(&tx, now, &mut seed.entropy())?;
        if again {
            wait::after(&tx, &error, outcome, now, seed)?;
        }
        tx.commit().map_err(StoreError::from)?;
        return if again { Err(error) } else { Ok(()) };
    }
    if let (Outcome::Unreachable(_), Some(day)) = (outcome, &begun.metered_day) {
        transfers::never_metered(&tx, day, intent.original_bytes())?;
    }
    note_failure(&tx, phone, &intent, &Failure { error: &error, outcome }, now, seed)?;
    transfers::end(&tx, action)?;
    tx.commit().map_err(StoreError::from)?;
    if error.is_locked() { Ok(()) } else { Err(error) }
}

fn take_answer(
    tx: &Transaction<'_>,
    phone: &Phone<'_>,
    intent: &Intent,
    response: &Response,
    begun_ms: Option<u64>,
    now: &Now,
    seed: &Seed,
) -> Result<(), SyncError> {
    let office: OfficeKeys = meta::get(tx, key::OFFICE)?.ok_or(SyncError::NotEnrolled)?;
    meta::clear(tx, key::ATTENTION)?;
    meta::tally(tx, "round_trips", 1)?;
    let mut not_taken = None;
    let took_ms = begun_ms.and_then(|begun| now.monotonic_ms.checked_sub(begun));
    match intent {
        Intent::Sync(sync) => {
            let answer: SyncResponse = open(response, &office)?;
            not_taken = take_page(tx, phone, &office, sync, &answer, now)?;
            if let Some(took_ms) = took_ms {
                learn_size(tx, sync, &answer, took_ms)?;
            }
            let exchange = Exchange { server_time: answer.server_time, now: now.clone() };
            meta::set(tx, key::LAST_EXCHANGE, &exchange)?;
            clock_offset::note(tx, answer.server_time, begun_ms, now)?;
        }
        Intent::Have { nonce, photos } => {
            let answer: HaveResponse = open(response, &office)?;
            if answer.nonce != *nonce {
                return Err(ApplyError::OtherRequest.into());
            }
            have::answered(tx, photos, &answer)?;
        }
        Intent::Previews { nonce, rendition, photos } => {
            let answer: PreviewsResponse = open(response, &office)?;
            if answer.nonce != *nonce {
                return Err(ApplyError::OtherRequest.into());
            }
            previews::answered(tx, *rendition, photos, &answer, now, seed)?;
        }
        Intent::Upload(upload) => {
            uploads::answered(tx, phone.photos, upload, response, took_ms)?;
            if upload.body_bytes() > 0 {
                meta::clear(tx, key::ORIGINALS_POSTPONED)?;
            }
        }
        Intent::Downloads { nonce, wanted } => match open::<DownloadsResponse>(response, &office) {
            Ok(answer) if answer.nonce != *nonce => return Err(ApplyError::OtherRequest.into()),
            Ok(answer) => downloads::take(tx, phone.photos, wanted, &answer, now)?,
            // An office of an earlier version, or one that takes no such list: all else goes on.
            Err(error) if error.is_of_no_picture() => downloads::none(tx, wanted, now)?,
            Err(error) => return Err(error),
        },
    }
    meta::clear(tx, key::BACK_OFF)?;
    if let Intent::Sync(_) = intent {
        wait::rest(tx, now)?;
    }
    // They wait, or they would be sent without end.
    not_taken.map_or(Ok(()), |refusal| Err(SyncError::NotTaken(refusal)))
}

/// Takes the office's answer to a request for entries and feeds, by whatever way it came; gives why entries were not taken, where
/// they were not: what else the answer brought is kept.
pub(super) fn take_page(
    tx: &Transaction<'_>,
    phone: &Phone<'_>,
    office: &OfficeKeys,
    sync: &SyncIntent,
    answer: &SyncResponse,
    now: &Now,
) -> Result<Option<Refusal>, SyncError> {
    let reader = Reader {
        office: &office.node,
        epoch: office.epoch.id,
        incarnation: meta::incarnation(tx)?,
        predictor: Predictor { pack: phone.pack, person: phone.person },
        photos: phone.photos,
    };
    if answer.nonce != sync.nonce {
        return Err(ApplyError::OtherRequest.into());
    }
    if answer.superseded {
        return Err(ApplyError::Superseded.into());
    }
    if let Some(certificate) = &answer.certificate {
        let certificate = certificate.open(&office.root)?;
        meta::set(tx, key::OFFICE, &OfficeKeys { sealing: Some(certificate.sealing), ..office.clone() })?;
    }
    match &answer.recovery {
        Some(known) => reoffer::answered(tx, &reader, office, sync, answer, known, now.wall)?,
        None => apply::apply(tx, &reader, sync, answer)?,
    }
    match answer.upgrade_needed {
        Some(spoken) => meta::set(tx, key::UPGRADE_NEEDED, &spoken)?,
        None => meta::clear(tx, key::UPGRADE_NEEDED)?,
    }
    if sync.bytes > 0 && answer.refusal.is_none() {
        meta::clear(tx, key::ENTRIES_POSTPONED)?;
    }
    Ok(answer.refusal.clone())
}

fn open<T: serde::de::DeserializeOwned>(response: &Response, office: &OfficeKeys) -> Result<T, SyncError> {
    if response.status != 200 {
        return Err(SyncError::refused(response));
    }
    let message = message::unpack(&response.body, limits::RESPONSE_BYTES)?;
    Ok(message.open(Direction::Response, &office.node)?)
}

/// Only originals are sent out of files.
fn unreadable(intent: &Intent, why: String) -> SyncError {
    match intent {
        Intent::Upload(upload) => SyncError::Unreadable { photo: upload.photo().1, why },
        Intent::Sync(_) | Intent::Have { .. } | Intent::Previews { .. } | Intent::Downloads { .. } => {
            SyncError::NoAnswer(why)
        }
    }
}

/// What came of a request, and why that is no success.
struct Failure<'a> {
    error: &'a SyncError,
    outcome: &'a Outcome,
}

/// After a failure: the action is decided anew, later.
fn note_failure(
    tx: &Transaction<'_>,
    phone: &Phone<'_>,
    intent: &Intent,
    failure: &Failure<'_>,
    now: &Now,
    seed: &Seed,
) -> Result<(), StoreError> {
    let Failure { error, outcome } = failure;
    match (intent, outcome) {
        (Intent::Upload(upload), Outcome::Unreachable(_)) => uploads::unsent(tx, upload)?,
        (Intent::Upload(upload), Outcome::Failed(_)) => {
            uploads::doubt(tx, upload)?;
            if upload.body_bytes() > 0 {
                sizes::PIECES.cut(tx)?;
            }
        }
        (Intent::Upload(upload), Outcome::Unreadable(_)) => {
            uploads::unsent(tx, upload)?;
            let (entry, sha256) = upload.photo();
            // It is this one's trouble, and holds up none of the others.
            return wait::set_aside(tx, entry, sha256, Some(&error.attention()), now, seed);
        }
        (Intent::Upload(upload), Outcome::Answered(_)) => {
            uploads::doubt(tx, upload)?;
            let (entry, sha256) = upload.photo();
            if error.is_locked() {
                // That is no failure, and nothing that a person could help with.
                return wait::set_aside(tx, entry, sha256, None, now, seed);
            }
            if error.is_of_quota() {
                return wait::postpone_originals(tx, error, outcome, now, seed);
            }
            if error.may_be_of_one_photo() {
                wait::set_aside(tx, entry, sha256, Some(&error.attention()), now, seed)?;
            }
        }
        (Intent::Sync(_), Outcome::Failed(_)) if mutant::is_on(Mutant::SentTakenForAcknowledged) => {
            meta::set(tx, key::THROUGH, &entries::head(tx, meta::incarnation(tx)?)?.seq)?;
        }
        (Intent::Sync(_), Outcome::Failed(_)) => sizes::EXCHANGES.cut(tx)?,
        (Intent::Downloads { .. }, _) if error.code() == SUPERSEDED => meta::set(tx, key::SYNC_WANTED, &true)?,
        (Intent::Sync(_) | Intent::Have { .. } | Intent::Previews { .. } | Intent::Downloads { .. }, _) => {}
    }
    if error.is_of_size() {
        shrink(tx, phone, intent)?;
    }
    wait::after(tx, error, outcome, now, seed)
}

/// What an exchange that was as full as it might be, either way, says of the network by how long it took.
fn learn_size(tx: &Transaction<'_>, sync: &SyncIntent, answer: &SyncResponse, took_ms: u64) -> Result<(), StoreError> {
    let unsent = entries::head(tx, meta::incarnation(tx)?)?.seq > outbox::through(tx)?;
    let bytes = match sync.page_bytes {
        Some(bytes) if answer.page.more => bytes,
        // What was written meanwhile is unsent too: only the batch itself tells whether it was full.
        Some(_) | None if unsent => entry_bytes(tx, sync)?,
        Some(_) | None => return Ok(()),
    };
    sizes::EXCHANGES.sent(tx, bytes, took_ms)
}

/// Bytes of the entries that a request sends.
fn entry_bytes(tx: &Transaction<'_>, sync: &SyncIntent) -> Result<u64, StoreError> {
    let batch = outbox::batch(tx, chain_of(tx, sync)?, sync.through, sync.bytes, &sync.now)?;
    Ok(batch.entries.iter().map(|entry| entry.bytes() as u64).sum())
}

/// After a request was more than something on the way, or the office, takes at once: the next ones are half as large.
fn shrink(tx: &Transaction<'_>, phone: &Phone<'_>, intent: &Intent) -> Result<(), StoreError> {
    let refused: u64 = match intent {
        Intent::Sync(sync) => {
            let mut refused = entry_bytes(tx, sync)?;
            for offer in sync.reoffer.map_or(Ok(Vec::new()), |part| reoffer::offered(tx, part))? {
                refused += to_json("offer", &offer)?.len() as u64;
            }
            // What carried nothing was not refused for its size.
            return if refused == 0 { Ok(()) } else { sizes::EXCHANGES.refused(tx, refused) };
        }
        Intent::Previews { rendition, photos, .. } => {
            if let (Rendition::Thumbnail, [(entry, sha256)]) = (rendition, photos.as_slice()) {
                // It cannot be made smaller; a view or the original shows the photo.
                photos::set_previewed(tx, *entry, *sha256)?;
            }
            let sent = photos
                .iter()
                .filter_map(|(entry, sha256)| previews::preview(phone.photos, *rendition, *entry, *sha256));
            sent.map(|preview| preview.jpeg.len() as u64).sum()
        }
        // A list of ids is small; what is large is the answer.
        Intent::Have { .. } | Intent::Downloads { .. } => return Ok(()),
        Intent::Upload(upload) if upload.body_bytes() > 0 => return sizes::PIECES.refused(tx, upload.body_bytes()),
        Intent::Upload(_) => return Ok(()),
    };
    if refused == 0 { Ok(()) } else { meta::set(tx, key::PREVIEWS_BYTES, &(refused / 2)) }
}
