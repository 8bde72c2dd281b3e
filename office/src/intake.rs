//! `POST /v1/sync`: takes what is new on a phone, answers with what is new for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use rusqlite::Connection;
use xuncheng_core::clock::Now;
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{EpochId, Hash, IncarnationId, ItemId, Nonce};
use xuncheng_core::journal::actor;
use xuncheng_core::journal::entry::Entry;
use xuncheng_core::journal::ledger::{Intake, LedgerError, Sender, Taken};
use xuncheng_core::journal::seal::BatchSeal;
use xuncheng_core::limits;
use xuncheng_core::store::{StoreError, entries, meta};
use xuncheng_core::sync::page;
use xuncheng_core::sync::wire::{
    Attestation, Countersignature, PROTOCOL, Page, PhoneLimits, Refusal, SyncRequest, SyncResponse,
};

use crate::body;
use crate::devices::{self, Device};
use crate::error::OfficeError;
use crate::ledger::{Grounds, fact};
use crate::office::Office;
use crate::uploads::token;

pub(crate) async fn sync(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let (request, device): (SyncRequest, Device) = body::signed(&office, body).await?;
    check(&request)?;
    let grounds = Arc::clone(office.grounds());
    let (asked, taken) = office.turn(move |intake| hear(intake, &grounds, &device, request)).await?;
    let grounds = Arc::clone(office.grounds());
    let (piece_bytes, retry_after_s) = (office.config().piece_bytes, office.retry_after_s());
    let response = office.read(move |conn| answer(conn, &grounds, &asked, &taken, piece_bytes, retry_after_s)).await?;
    body::answer(office.grounds(), &response)
}

/// What a request asks, its entries apart.
pub(crate) struct Asked {
    pub(crate) nonce: Nonce,
    pub(crate) incarnation: IncarnationId,
    pub(crate) number: u64,
    pub(crate) epoch: EpochId,
    /// The number of the request that brought the last countersignature that the phone holds.
    countersigned: Option<u64>,
    pub(crate) positions: BTreeMap<String, u64>,
    pub(crate) want: Vec<ItemId>,
    pack: Option<Hash>,
    written: Option<u64>,
    certificate_wanted: bool,
}

/// Refuses what no phone of any version sends.
pub(crate) fn check(request: &SyncRequest) -> Result<(), OfficeError> {
    if request.entries.len() > limits::BATCH_ENTRIES {
        return Err(OfficeError::TooLarge { limit: limits::BATCH_ENTRIES as u64 });
    }
    if request.positions.values().any(|position| i64::try_from(*position).is_err()) {
        return Err(OfficeError::Junk("a feed has no such position".to_owned()));
    }
    if i64::try_from(request.number).is_err() {
        return Err(OfficeError::Junk("a request has no such number".to_owned()));
    }
    let seqs = [request.written, request.succeeds.map(|before| before.through)];
    if seqs.into_iter().flatten().any(|seq| i64::try_from(seq).is_err()) {
        return Err(OfficeError::Junk("a chain has no such place".to_owned()));
    }
    Ok(())
}

/// Takes what a request brings, by whatever way it came, and signs for it.
pub(crate) fn hear(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    device: &Device,
    request: SyncRequest,
) -> Result<(Asked, BatchTaken), OfficeError> {
    let SyncRequest { nonce, incarnation, number, epoch, countersigned, positions, seal, entries, .. } = request;
    let SyncRequest { want, pack, written, succeeds, certificate_wanted, .. } = request;
    if let Some(succession) = succeeds {
        devices::succeed(intake, incarnation, succession, &positions)?;
    }
    let asked =
        Asked { nonce, incarnation, number, epoch, countersigned, positions, want, pack, written, certificate_wanted };
    let taken = take(intake, grounds, entries, &seal, &asked)?;
    let person = &device.person;
    if let Some(refusal) = &taken.refusal {
        tracing::warn!(%person, ?refusal, "not all entries of a phone were taken");
    } else if taken.new > 0 {
        tracing::info!(%person, entries = taken.new, "entries came in");
    }
    Ok((asked, taken))
}

/// The answer to what was asked: what is new for that phone since the positions that it names.
pub(crate) fn answer(
    conn: &Connection,
    grounds: &Grounds,
    asked: &Asked,
    taken: &BatchTaken,
    piece_bytes: u64,
    retry_after_s: Option<u64>,
) -> Result<SyncResponse, OfficeError> {
    let own = grounds.epoch.id;
    // Positions of another branch mean nothing here, and a phone does not apply this page: it learns the epoch. And whoever
    // recorded a request reads nothing by sending it again.
    let page = if asked.epoch == own && !taken.superseded {
        page::build(conn, asked.incarnation, &asked.positions, &asked.want, own, grounds.signer())?
    } else {
        empty(grounds)?
    };
    let server_time = grounds.clock.now().wall;
    let token = if taken.superseded { String::new() } else { token::issue(grounds, asked.incarnation, server_time)? };
    let has_backups = meta::get::<serde_json::Value>(conn, fact::BACKUP)?.is_some();
    Ok(SyncResponse {
        protocol: PROTOCOL,
        nonce: asked.nonce,
        epoch: grounds.signed_epoch.clone(),
        server_time,
        head: taken.head.clone(),
        page,
        token,
        superseded: taken.superseded,
        limits: PhoneLimits { piece_bytes, retry_after_s, has_backups },
        refusal: taken.refusal.clone(),
        pack: (asked.pack != Some(grounds.pack.hash())).then(|| grounds.pack.to_json()),
        certificate: asked.certificate_wanted.then(|| grounds.certificate.clone()),
    })
}

/// What became of a request's entries.
pub(crate) struct BatchTaken {
    head: Signed<Countersignature>,
    /// Why they were not taken.
    pub(crate) refusal: Option<Refusal>,
    /// How many entries were not here before, or not at this place.
    pub(crate) new: usize,
    /// Whether a later request of the device was answered before.
    pub(crate) superseded: bool,
}

/// Takes a batch, whole or none of it, so that the device's signature covers every entry that is kept.
///
/// The phone's epoch is not asked for: an entry is bound to its chain, and a phone that comes to a restored office sends
/// what that office has lost.
fn take(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    batch: Vec<Entry>,
    seal: &Signed<BatchSeal>,
    asked: &Asked,
) -> Result<BatchTaken, OfficeError> {
    let device = devices::get(intake.tx, asked.incarnation)?.ok_or(OfficeError::UnknownDevice)?;
    let revoked = device.revoked_at.is_some();
    let sender = Sender { incarnation: device.incarnation, person: device.person.clone(), revoked };
    let statement = sealed(&device, &batch, seal);
    let (new, refusal) = match &statement {
        Some(statement) => take_entries(intake, &sender, batch, statement, seal)?,
        None => (0, Some(Refusal::Seal)),
    };
    let person = if revoked { None } else { actor::person(intake.tx, &device.person)? };
    intake.grant(device.incarnation, person.as_ref())?;
    let superseded = !devices::heard(intake, device.incarnation, asked.number, asked.written)?;
    meta::tally(intake.tx, fact::SYNC_REQUESTS, 1)?;
    let now = statement.map(|statement| statement.now);
    Ok(BatchTaken { head: countersign(intake, grounds, device.incarnation, asked, now)?, refusal, new, superseded })
}

/// What the device said over its batch, if it signed it and it covers just these entries, at the places that it names.
fn sealed(device: &Device, batch: &[Entry], seal: &Signed<BatchSeal>) -> Option<BatchSeal> {
    let statement = seal.open(&device.key).ok().filter(|statement| i64::try_from(statement.head.seq).is_ok())?;
    let hashes: Vec<Hash> = batch.iter().map(Entry::header_hash).collect();
    let in_place = batch.iter().zip(statement.first_seq()..).all(|(entry, seq)| is_at(entry, seq));
    (statement.incarnation == device.incarnation && statement.covers(&hashes) && in_place).then_some(statement)
}

/// Whether the entry says that its place is `seq`. One that says nothing is for the ledger to refuse.
fn is_at(entry: &Entry, seq: u64) -> bool {
    let origin = entry.read_header().and_then(|header| entry.read_origin(&header));
    origin.map_or(true, |origin| origin.seq == seq)
}

/// Takes all entries, with their seal, and says how many are new; or why the first new one was refused.
///
/// A later one that is refused takes the whole turn back: those before it would be kept without a signature, since this one
/// is over all of them. The phone sends fewer at once then, and the good ones come under a signature of their own.
fn take_entries(
    intake: &mut Intake<'_, '_>,
    sender: &Sender,
    batch: Vec<Entry>,
    statement: &BatchSeal,
    seal: &Signed<BatchSeal>,
) -> Result<(usize, Option<Refusal>), OfficeError> {
    let mut new = 0;
    for entry in batch {
        match intake.take(entry, sender) {
            Ok(Taken::Judged(judgement)) => {
                new += 1;
                if judgement.verdict.applies() {
                    devices::follow(intake, judgement.entry)?;
                }
            }
            Ok(Taken::Again) => new += 1,
            Ok(Taken::Repeat) => {}
            Err(LedgerError::Refused(refusal)) if new == 0 => return Ok((0, Some(refusal))),
            Err(LedgerError::Refused(refusal)) => return Err(OfficeError::BatchBreaks { refusal, after: new }),
            Err(other) => return Err(other.into()),
        }
    }
    entries::insert_seal(intake.tx, statement, seal)?;
    Ok((new, None))
}

/// Signs for where the office has the chain, and forgets what it signed before the one that the phone holds.
fn countersign(
    intake: &Intake<'_, '_>,
    grounds: &Grounds,
    incarnation: IncarnationId,
    asked: &Asked,
    now: Option<Now>,
) -> Result<Signed<Countersignature>, OfficeError> {
    let (head, epoch) = (entries::head(intake.tx, incarnation)?, grounds.epoch.id);
    let (request, at) = (asked.number, intake.minute());
    let signed = Signed::new(&Countersignature { incarnation, head, request, now, epoch, at }, grounds.signer())?;
    let text = serde_json::to_string(&signed)
        .map_err(|source| StoreError::Row { table: "office_countersignature", source })?;
    intake
        .tx
        .prepare_cached(
            "INSERT OR REPLACE INTO office_countersignature (incarnation, epoch, request, seq, countersignature)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((incarnation, epoch, request, head.seq, text))?;
    intake
        .tx
        .prepare_cached("DELETE FROM office_countersignature WHERE incarnation = ?1 AND epoch = ?2 AND request < ?3")?
        .execute((incarnation, epoch, asked.countersigned.unwrap_or(0).min(request)))?;
    Ok(signed)
}

/// A page that says nothing.
fn empty(grounds: &Grounds) -> Result<Page, OfficeError> {
    let attestation = Attestation { epoch: grounds.epoch.id, root: xuncheng_core::crypto::root(&[]) };
    Ok(Page {
        feeds: Vec::new(),
        entries: Vec::new(),
        snapshots: Vec::new(),
        receipts: Vec::new(),
        attestation: Signed::new(&attestation, grounds.signer())?,
        more: false,
    })
}
