//! `POST /v1/sync`: takes what is new on a phone, answers with what is new for it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use xuncheng_core::clock::Now;
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{Hash, IncarnationId};
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
    if request.entries.len() > limits::BATCH_ENTRIES {
        return Err(OfficeError::TooLarge { limit: limits::BATCH_ENTRIES as u64 });
    }
    if request.positions.values().any(|position| i64::try_from(*position).is_err()) {
        return Err(OfficeError::Junk("a feed has no such position".to_owned()));
    }
    if i64::try_from(request.number).is_err() {
        return Err(OfficeError::Junk("a request has no such number".to_owned()));
    }
    let SyncRequest { nonce, incarnation, number, epoch, countersigned, positions, seal, entries, .. } = request;
    let SyncRequest { want, pack, written, succeeds, backup, history, .. } = request;
    if history.values().any(|count| i64::try_from(*count).is_err()) {
        return Err(OfficeError::Junk("no item comes to such a count".to_owned()));
    }
    if [written, succeeds.map(|before| before.through)].into_iter().flatten().any(|seq| i64::try_from(seq).is_err()) {
        return Err(OfficeError::Junk("a chain has no such place".to_owned()));
    }
    let asked = Asked { incarnation, number, countersigned, written };
    let (grounds, person, read) = (Arc::clone(office.grounds()), device.person.clone(), positions.clone());
    let taken = office
        .turn(move |intake| {
            if let Some(succession) = succeeds {
                devices::succeed(intake, incarnation, succession, &read)?;
            }
            take(intake, &grounds, entries, &seal, asked)
        })
        .await?;
    let BatchTaken { head, refusal, new, superseded } = taken;
    if let Some(refusal) = &refusal {
        tracing::warn!(%person, ?refusal, "not all entries of a phone were taken");
    } else if new > 0 {
        tracing::info!(%person, entries = new, "entries came in");
    }

    let reader = Arc::clone(&office);
    let (page, has_backups) = office
        .read(move |conn| {
            let own = reader.epoch().id;
            // Positions of another branch mean nothing here, and a phone does not apply this page: it learns the epoch.
            // And whoever recorded a request reads nothing by sending it again.
            let page = if epoch == own && !superseded {
                let asked = page::Asked { positions: &positions, want: &want, history: &history, backup };
                page::build(conn, incarnation, &asked, own, reader.signer())?
            } else {
                empty(&reader)?
            };
            Ok((page, meta::get::<serde_json::Value>(conn, fact::BACKUP)?.is_some()))
        })
        .await?;
    let server_time = office.now().wall;
    let response = SyncResponse {
        protocol: PROTOCOL,
        nonce,
        epoch: office.grounds().signed_epoch.clone(),
        server_time,
        head,
        page,
        token: if superseded { String::new() } else { token::issue(&office, incarnation, server_time)? },
        superseded,
        limits: PhoneLimits {
            piece_bytes: office.config().piece_bytes,
            retry_after_s: office.retry_after_s(),
            has_backups,
            keep: Some(office.config().keep),
        },
        refusal,
        pack: (pack != Some(office.pack().hash())).then(|| office.pack().to_json()),
    };
    body::answer(&office, &response)
}

struct BatchTaken {
    head: Signed<Countersignature>,
    refusal: Option<Refusal>,
    /// How many entries were not here before, or not at this place.
    new: usize,
    /// Whether a later request of the device was answered before.
    superseded: bool,
}

/// Which request it is, and the one that brought the last countersignature that the phone holds.
#[derive(Clone, Copy)]
struct Asked {
    incarnation: IncarnationId,
    number: u64,
    countersigned: Option<u64>,
    written: Option<u64>,
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
    asked: Asked,
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
    intake.let_settled_leave()?;
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
    asked: Asked,
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
fn empty(office: &Office) -> Result<Page, OfficeError> {
    let attestation = Attestation { epoch: office.epoch().id, root: xuncheng_core::crypto::root(&[]) };
    Ok(Page {
        feeds: Vec::new(),
        entries: Vec::new(),
        snapshots: Vec::new(),
        receipts: Vec::new(),
        attestation: Signed::new(&attestation, office.signer())?,
        more: false,
        safe_through: None,
    })
}
