//! `POST /v1/sync`: takes what is new on a phone, answers with what is new for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use xuncheng_core::clock::Now;
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{EpochId, Hash, IncarnationId, Nonce};
use xuncheng_core::journal::actor;
use xuncheng_core::journal::entry::Entry;
use xuncheng_core::journal::ledger::{Intake, LedgerError, Sender, Taken};
use xuncheng_core::journal::seal::BatchSeal;
use xuncheng_core::limits;
use xuncheng_core::store::{StoreError, entries, lineage, meta};
use xuncheng_core::sync::offer::{Known, Recovery};
use xuncheng_core::sync::page;
use xuncheng_core::sync::wire::{
    Attestation, Countersignature, Epoch, PROTOCOL, Page, PhoneLimits, Refusal, Spoken, Succession, SyncRequest,
    SyncResponse, Versioned, token_hash,
};

use crate::body;
use crate::devices::{self, Device};
use crate::error::OfficeError;
use crate::ledger::{Grounds, fact};
use crate::office::Office;
use crate::phone_clock;
use crate::quotas::{self, Quotas};
use crate::recovery::{self, Shown, Standing};
use crate::uploads::{rows, token};

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
    let versions = Versioned { protocol: request.protocol, protocol_oldest: request.protocol_oldest };
    let shared = Spoken::HERE.common(versions.spoken());
    let SyncRequest { nonce, incarnation, number, epoch, countersigned, positions, seal, entries, .. } = request;
    let SyncRequest { want, pack, written, token, succeeds, before, holds, recovery, .. } = request;
    let line: Vec<Succession> = succeeds.into_iter().chain(before).take(limits::SUCCESSIONS).collect();
    if written.into_iter().chain(line.iter().map(|before| before.through)).any(|seq| i64::try_from(seq).is_err()) {
        return Err(OfficeError::Junk("a chain has no such place".to_owned()));
    }
    let (person, read) = (device.person.clone(), positions.clone());
    let asked = Asked { incarnation, number, countersigned, written, epoch, holds, recovery };
    let sent = Arc::new(Sent { asked, line, read, entries, seal });
    let mut taken = office.turn(turn(&office, &sent)).await?;
    if let Standing::RolledBack { above } = taken.standing {
        let grounds = Arc::clone(office.grounds());
        office.turn(move |intake| recovery::begin(intake, &grounds, above)).await?;
        taken = office.turn(turn(&office, &sent)).await?;
    }
    let BatchTaken { head, refusal, new, superseded, standing, known } = taken;
    if let Some(refusal) = &refusal {
        tracing::warn!(%person, ?refusal, "not all entries of a phone were taken");
    } else if new > 0 {
        tracing::info!(%person, entries = new, "entries came in");
    }

    let reader = Arc::clone(&office);
    let branch = office.grounds().branch();
    let own = branch.epoch.id;
    let (page, has_backups) = office
        .read(move |conn| {
            // Positions of what is lost mean nothing here. And whoever recorded a request reads nothing by sending it again.
            // What shares no version sends all the same, and would not read this page as it is meant.
            let page = if standing == Standing::Current && !superseded && shared.is_some() {
                page::build(conn, incarnation, &positions, &want, own, reader.signer())?
            } else {
                empty(&reader)?
            };
            Ok((page, meta::get::<serde_json::Value>(conn, fact::BACKUP)?.is_some()))
        })
        .await?;
    let server_time = office.now().wall;
    let fresh_token = if superseded { None } else { Some(token::issue(&office, incarnation, server_time)?) };
    let response = SyncResponse {
        protocol: PROTOCOL,
        nonce,
        epoch: branch.signed_epoch.clone(),
        server_time,
        head,
        page,
        token: fresh_token.filter(|fresh| token != Some(token_hash(fresh))).unwrap_or_default(),
        superseded,
        limits: PhoneLimits {
            piece_bytes: office.config().piece_bytes,
            retry_after_s: office.retry_after_s(),
            has_backups,
        },
        upgrade_needed: shared.is_none().then_some(Spoken::HERE),
        refusal,
        pack: (pack != Some(office.pack().hash())).then(|| office.pack().to_json()),
        recovery: known,
    };
    body::answer(&office, &response)
}

/// What a request brings to the ledger.
struct Sent {
    asked: Asked,
    line: Vec<Succession>,
    read: BTreeMap<String, u64>,
    entries: Vec<Entry>,
    seal: Signed<BatchSeal>,
}

/// The turn that takes a request in.
fn turn(
    office: &Arc<Office>,
    sent: &Arc<Sent>,
) -> impl FnOnce(&mut Intake<'_, '_>) -> Result<BatchTaken, OfficeError> + Send + 'static {
    let (grounds, sent) = (Arc::clone(office.grounds()), Arc::clone(sent));
    let (busy, quotas) = (Arc::clone(office.busy()), office.config().quotas.clone());
    move |intake| {
        devices::succeed(intake, sent.asked.incarnation, &sent.line, &sent.read)?;
        rows::sweep(intake, &grounds.folder.uploads(), &busy)?;
        take(intake, &grounds, &quotas, &sent)
    }
}

struct BatchTaken {
    head: Signed<Countersignature>,
    refusal: Option<Refusal>,
    /// How many entries were not here before, or not at this place.
    new: usize,
    /// Whether a later request of the device was answered before.
    superseded: bool,
    standing: Standing,
    /// What the phone needs to know to bring back what is lost; none where nothing is.
    known: Option<Known>,
}

/// Which request it is, and what the phone holds of this office.
struct Asked {
    incarnation: IncarnationId,
    number: u64,
    countersigned: Option<u64>,
    written: Option<u64>,
    epoch: EpochId,
    holds: Option<Signed<Countersignature>>,
    recovery: Option<Recovery>,
}

/// Takes what a phone brings. From a phone that brings back what is lost the office takes that first, and from one that does not
/// know yet that something is, nothing: what it wrote stands on that.
///
/// A batch is taken whole or not at all, so that the device's signature covers every entry that is kept. The phone's epoch is not
/// asked for: an entry is bound to its chain.
fn take(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    quotas: &Quotas,
    sent: &Sent,
) -> Result<BatchTaken, OfficeError> {
    let Sent { asked, entries, seal, .. } = sent;
    let device = devices::get(intake.tx, asked.incarnation)?.ok_or(OfficeError::UnknownDevice)?;
    let current = &grounds.branch().epoch;
    let shown = Shown {
        incarnation: asked.incarnation,
        epoch: asked.epoch,
        holds: asked.holds.as_ref(),
        recovery: asked.recovery.as_ref(),
    };
    let standing = recovery::standing(intake.tx, grounds, current, &shown)?;
    let revoked = device.revoked_at.is_some();
    let author = author_of(intake, &device, seal)?;
    let statement = sealed(&author, entries, seal);
    let (mut new, mut refusal) = (0, None);
    match standing {
        Standing::Current | Standing::Older | Standing::BringsBack => {
            if let Some(brought) = &asked.recovery {
                recovery::take(intake, grounds, brought)?;
            }
            let brings_back = asked.recovery.is_some();
            match &statement {
                // What the office has lost it had taken before.
                Some(_)
                    if !brings_back
                        && !entries.is_empty()
                        && quotas::entries_used_up(intake, quotas, device.incarnation)? =>
                {
                    refusal = Some(Refusal::Quota);
                }
                Some(statement) => {
                    let sender = Sender { incarnation: author.incarnation, person: author.person.clone(), revoked };
                    (new, refusal) = take_entries(intake, &sender, entries.clone(), statement, seal)?;
                }
                None => refusal = Some(Refusal::Seal),
            }
        }
        Standing::Behind | Standing::RolledBack { .. } => {}
    }
    let person = if revoked { None } else { actor::person(intake.tx, &device.person)? };
    intake.grant(device.incarnation, person.as_ref())?;
    let superseded = !devices::heard(intake, device.incarnation, asked.number, asked.written)?;
    meta::tally(intake.tx, fact::SYNC_REQUESTS, 1)?;
    let now = statement.map(|statement| statement.now);
    if let (false, Some(now)) = (superseded, &now) {
        phone_clock::note(intake, device.incarnation, asked.number, now)?;
    }
    let known = match standing {
        Standing::Current | Standing::RolledBack { .. } => None,
        Standing::BringsBack | Standing::Behind | Standing::Older => {
            Some(recovery::known(intake.tx, asked.incarnation)?)
        }
    };
    let head = countersign(intake, grounds, current, asked, now)?;
    Ok(BatchTaken { head, refusal, new, superseded, standing, known })
}

/// Whose chain a batch is of: the device's, or one that it goes on from, where it brings back what is lost of that.
fn author_of(intake: &Intake<'_, '_>, device: &Device, seal: &Signed<BatchSeal>) -> Result<Device, OfficeError> {
    let named = seal.read_unverified().ok().filter(|named| named.incarnation != device.incarnation);
    let Some(named) = named else { return Ok(device.clone()) };
    let before = lineage::predecessors(intake.tx, device.incarnation)?;
    let belongs = before.iter().any(|(before, through)| *before == named.incarnation && named.head.seq <= *through);
    let author = if belongs { devices::get(intake.tx, named.incarnation)? } else { None };
    Ok(author.unwrap_or_else(|| device.clone()))
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

/// Signs for where the office has the chain, and forgets what it signed before the one that the phone holds, but for the last
/// ones. The same request once more gets the same answer.
fn countersign(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    current: &Epoch,
    asked: &Asked,
    now: Option<Now>,
) -> Result<Signed<Countersignature>, OfficeError> {
    let Asked { incarnation, number: request, .. } = *asked;
    let (head, epoch) = (entries::head(intake.tx, incarnation)?, current.id);
    if let Some(before) = recovery::countersigned(intake.tx, incarnation, epoch, request)?
        && before.read_unverified()?.head == head
    {
        return Ok(before);
    }
    let (at, counter, id) = (intake.minute(), current.counter, Some(Nonce::from_bytes(intake.entropy.bytes())));
    let said = Countersignature { incarnation, head, request, now, epoch, at, counter, id };
    let signed = Signed::new(&said, grounds.signer())?;
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
        .prepare_cached(
            "DELETE FROM office_countersignature WHERE incarnation = ?1 AND epoch = ?2 AND request < ?3 AND request < (
                 SELECT min(request) FROM (
                     SELECT request FROM office_countersignature WHERE incarnation = ?1 AND epoch = ?2
                     ORDER BY request DESC LIMIT ?4))",
        )?
        .execute((incarnation, epoch, asked.countersigned.unwrap_or(0).min(request), limits::COUNTERSIGNATURES_KEPT))?;
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
    })
}
