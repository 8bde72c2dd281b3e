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
use xuncheng_core::journal::erasure::Erasure;
use xuncheng_core::journal::ledger::{Intake, LedgerError, Sender, Taken};
use xuncheng_core::journal::seal::BatchSeal;
use xuncheng_core::limits;
use xuncheng_core::store::{StoreError, entries, lineage, meta};
use xuncheng_core::sync::offer::{Known, Recovery};
use xuncheng_core::sync::page;
use xuncheng_core::sync::wire::{
    Attestation, Countersignature, Epoch, Keep, PROTOCOL, Page, PhoneLimits, Refusal, Spoken, Succession, SyncRequest,
    SyncResponse, Versioned, token_hash,
};

use crate::body;
use crate::devices::{self, Device};
use crate::error::OfficeError;
use crate::ledger::{Grounds, Ledger, fact};
use crate::office::Office;
use crate::phone_clock;
use crate::quotas::{self, Quotas};
use crate::recovery::{self, Shown, Standing};
use crate::uploads::{rows, token};

pub(crate) async fn sync(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let (request, device): (SyncRequest, Device) = body::signed(&office, body).await?;
    let sent = Arc::new(Sent::of(request)?);
    let mut taken = office.turn(turn(&office, &sent)).await?;
    if let Standing::RolledBack { above } = taken.standing {
        let grounds = Arc::clone(office.grounds());
        office.turn(move |intake| recovery::begin(intake, &grounds, above)).await?;
        taken = office.turn(turn(&office, &sent)).await?;
    }
    taken.log(&device);
    let reader = Arc::clone(&office);
    let response = office
        .read(move |conn| {
            let (config, retry_after_s) = (reader.config(), reader.retry_after_s());
            let says = Says { piece_bytes: config.piece_bytes, retry_after_s, keep: Some(config.keep) };
            answer(conn, reader.grounds(), &sent, &taken, says)
        })
        .await?;
    body::answer(office.grounds(), &response)
}

/// Takes in what a phone sent by another way than a network, as [`sync`] does.
pub(crate) fn hear(
    ledger: &mut Ledger,
    quotas: &Quotas,
    device: &Device,
    sent: &Sent,
) -> Result<BatchTaken, OfficeError> {
    let grounds = Arc::clone(ledger.grounds());
    let mut taken = ledger.turn(|intake| take_all(intake, &grounds, quotas, sent))?;
    if let Standing::RolledBack { above } = taken.standing {
        ledger.turn(|intake| recovery::begin(intake, &grounds, above))?;
        taken = ledger.turn(|intake| take_all(intake, &grounds, quotas, sent))?;
    }
    taken.log(device);
    Ok(taken)
}

/// The answer to what was sent: what is new for that phone since the positions that it names.
pub(crate) fn answer(
    conn: &Connection,
    grounds: &Grounds,
    sent: &Sent,
    taken: &BatchTaken,
    says: Says,
) -> Result<SyncResponse, OfficeError> {
    let branch = grounds.branch();
    let own = branch.epoch.id;
    let BatchTaken { head, refusal, superseded, standing, known, .. } = taken;
    let incarnation = sent.asked.incarnation;
    // Positions of what is lost mean nothing here. And whoever recorded a request reads nothing by sending it again.
    // What shares no version sends all the same, and would not read this page as it is meant.
    let page = if *standing == Standing::Current && !superseded && sent.shared.is_some() {
        let Sent { positions, want, history, backup, page_bytes, .. } = sent;
        let asked = page::Asked { positions, want, history, backup: *backup, bytes: *page_bytes };
        page::build(conn, incarnation, &asked, own, grounds.signer())?
    } else {
        empty(grounds, own)?
    };
    let server_time = grounds.clock.now().wall;
    let has_backups = meta::get::<serde_json::Value>(conn, fact::BACKUP)?.is_some();
    let fresh_token = if *superseded { None } else { Some(token::issue(grounds, incarnation, server_time)?) };
    let Says { piece_bytes, retry_after_s, keep } = says;
    Ok(SyncResponse {
        protocol: PROTOCOL,
        nonce: sent.nonce,
        epoch: branch.signed_epoch.clone(),
        server_time,
        head: head.clone(),
        page,
        token: fresh_token.filter(|fresh| sent.token != Some(token_hash(fresh))).unwrap_or_default(),
        superseded: *superseded,
        limits: PhoneLimits { piece_bytes, retry_after_s, has_backups, keep },
        upgrade_needed: sent.shared.is_none().then_some(Spoken::HERE),
        refusal: refusal.clone(),
        pack: (sent.pack != Some(grounds.pack.hash())).then(|| grounds.pack.to_json()),
        certificate: sent.certificate_wanted.then(|| grounds.certificate.clone()),
        recovery: known.clone(),
    })
}

/// A request of a phone's.
pub(crate) struct Sent {
    nonce: Nonce,
    asked: Asked,
    line: Vec<Succession>,
    /// How far the phone has read each feed.
    pub(crate) positions: BTreeMap<String, u64>,
    entries: Vec<Entry>,
    erasures: Vec<Signed<Erasure>>,
    seal: Signed<BatchSeal>,
    /// Items whose snapshot is wanted.
    pub(crate) want: Vec<ItemId>,
    pack: Option<Hash>,
    certificate_wanted: bool,
    /// The version that both speak.
    shared: Option<u32>,
    /// The upload token that the phone has.
    token: Option<Hash>,
    /// The backup that the phone heard of last.
    pub(crate) backup: Option<Nonce>,
    /// Items whose whole story is wanted.
    pub(crate) history: BTreeMap<ItemId, u64>,
    /// How much the answer may bring.
    page_bytes: Option<u64>,
}

/// What an office says of itself in an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Says {
    /// Length of the largest pieces that it takes.
    pub(crate) piece_bytes: u64,
    /// How long it asks to be left alone.
    pub(crate) retry_after_s: Option<u64>,
    /// What of that which is safe phones keep; none where nothing is to leave by this answer.
    pub(crate) keep: Option<Keep>,
}

impl Sent {
    /// The request, unless no phone of any version sends such a one.
    pub(crate) fn of(request: SyncRequest) -> Result<Self, OfficeError> {
        if request.entries.len().max(request.erasures.len()) > limits::BATCH_ENTRIES {
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
        let SyncRequest { backup, history, certificate_wanted, page_bytes, erasures, .. } = request;
        if history.values().any(|count| i64::try_from(*count).is_err()) {
            return Err(OfficeError::Junk("no item comes to such a count".to_owned()));
        }
        let line: Vec<Succession> = succeeds.into_iter().chain(before).take(limits::SUCCESSIONS).collect();
        if written.into_iter().chain(line.iter().map(|before| before.through)).any(|seq| i64::try_from(seq).is_err()) {
            return Err(OfficeError::Junk("a chain has no such place".to_owned()));
        }
        let asked = Asked { incarnation, number, countersigned, written, epoch, holds, recovery };
        Ok(Self {
            nonce,
            asked,
            line,
            positions,
            entries,
            erasures,
            seal,
            want,
            pack,
            certificate_wanted,
            shared,
            token,
            backup,
            history,
            page_bytes,
        })
    }
}

/// The turn that takes a request in.
fn turn(
    office: &Arc<Office>,
    sent: &Arc<Sent>,
) -> impl FnOnce(&mut Intake<'_, '_>) -> Result<BatchTaken, OfficeError> + Send + 'static {
    let (grounds, sent) = (Arc::clone(office.grounds()), Arc::clone(sent));
    let (busy, quotas) = (Arc::clone(office.busy()), office.config().quotas.clone());
    move |intake| {
        rows::sweep(intake, &grounds.folder.uploads(), &busy)?;
        take_all(intake, &grounds, &quotas, &sent)
    }
}

fn take_all(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    quotas: &Quotas,
    sent: &Sent,
) -> Result<BatchTaken, OfficeError> {
    devices::succeed(intake, sent.asked.incarnation, &sent.line, &sent.positions)?;
    take(intake, grounds, quotas, sent)
}

/// What became of a request.
pub(crate) struct BatchTaken {
    head: Signed<Countersignature>,
    /// Why its entries were not taken.
    pub(crate) refusal: Option<Refusal>,
    /// How many entries were not here before, or not at this place.
    pub(crate) new: usize,
    /// Whether a later request of the device was answered before.
    pub(crate) superseded: bool,
    standing: Standing,
    /// What the phone needs to know to bring back what is lost; none where nothing is.
    known: Option<Known>,
}

impl BatchTaken {
    fn log(&self, device: &Device) {
        let person = &device.person;
        if let Some(refusal) = &self.refusal {
            tracing::warn!(%person, ?refusal, "not all entries of a phone were taken");
        } else if self.new > 0 {
            tracing::info!(%person, entries = self.new, "entries came in");
        }
    }
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
            for erasure in &sent.erasures {
                intake.erase_again(erasure)?;
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
    intake.let_settled_leave()?;
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
    entries::insert_seal(intake.tx, statement, seal, Some(intake.now.wall))?;
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
fn empty(grounds: &Grounds, epoch: EpochId) -> Result<Page, OfficeError> {
    let attestation = Attestation { epoch, root: xuncheng_core::crypto::root(&[]) };
    Ok(Page {
        feeds: Vec::new(),
        entries: Vec::new(),
        snapshots: Vec::new(),
        receipts: Vec::new(),
        attestation: Signed::new(&attestation, grounds.signer())?,
        more: false,
        safe_through: None,
    })
}
