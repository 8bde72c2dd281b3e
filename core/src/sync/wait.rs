//! How long a phone waits before it tries again, and what it tells its person meanwhile.
//!
//! Four things wait by themselves, so that none holds up another: the whole conversation, after a failure; entries that the
//! office did not take; all originals, where it takes no more for now; a photo that it did not take, or that cannot be read
//! here. None waits for good. The word that the link is back ends all of it but what the office itself asked for.

use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use super::action::{Outcome, SyncError};
use super::wire::{PhoneLimits, Problem, Refusal, Spoken, UPGRADE_NEEDED};
use crate::clock::{Moment, Now, Seed};
use crate::id::{EntryId, PhotoHash};
use crate::limits;
use crate::store::meta::{self, key};
use crate::store::photos::{self, Aside};
use crate::store::{StoreError, from_json, to_json};

/// The code of the [`Attention`] that a copy of this store was found out; its person acknowledges it.
pub const COPIED: &str = "copied";

/// What needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// A code that screens have words for.
    pub code: String,
    /// What is wrong and what to do, for people.
    pub detail: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct BackOff {
    failures: u32,
    until_monotonic_ms: u64,
    boot_id: String,
    /// Until when the office itself asked to be left alone: no other network changes that.
    #[serde(default)]
    asked_until_monotonic_ms: Option<u64>,
}

/// Entries that the office did not take: they are offered again later, and what else there is goes on meanwhile.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Postponed {
    wait: BackOff,
    refusal: Refusal,
}

/// Originals of which the office takes no more for now.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OriginalsPostponed {
    wait: BackOff,
    why: Attention,
}

/// How long an answer asks to be left alone.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// It does not.
    Not,
    /// Something on the way did, and may be gone with the next network.
    OnTheWay(u64),
    /// The office did.
    ByTheOffice(u64),
}

impl BackOff {
    /// The next wait after `before` failures: twice as long at most with each further one, and drawn with full jitter, so
    /// that a district's phones do not all come back at once; as long as was asked at least.
    fn after(before: u32, asked: Asked, now: &Now, seed: &Seed) -> Self {
        let failures = before.saturating_add(1);
        let most = limits::BACK_OFF_MS_MIN.saturating_mul(1 << failures.min(20)).min(limits::BACK_OFF_MS_MAX);
        let (asked_ms, by_the_office) = match asked {
            Asked::Not => (0, None),
            Asked::OnTheWay(ms) => (ms, None),
            Asked::ByTheOffice(ms) => (ms, Some(now.monotonic_ms.saturating_add(ms))),
        };
        // A wait that is over when it begins would be none.
        let wait = seed.entropy().up_to(most).max(asked_ms).max(1);
        Self {
            failures,
            until_monotonic_ms: now.monotonic_ms.saturating_add(wait),
            boot_id: now.boot_id.clone(),
            asked_until_monotonic_ms: by_the_office,
        }
    }

    /// What is left of it when the link is back: what the office asked for.
    fn on_another_network(self) -> Option<Self> {
        let until_monotonic_ms = self.asked_until_monotonic_ms?;
        Some(Self { failures: 0, until_monotonic_ms, ..self })
    }

    /// Its end on the monotonic clock, while it lasts; a wait of another boot is over.
    fn still(&self, now: &Now) -> Option<u64> {
        (self.boot_id == now.boot_id && self.until_monotonic_ms > now.monotonic_ms).then_some(self.until_monotonic_ms)
    }
}

/// Until when, on this boot's monotonic clock, entries that the office did not take are kept back; none when they may go.
pub(super) fn entries_until(conn: &Connection, now: &Now) -> Result<Option<u64>, StoreError> {
    Ok(meta::get::<Postponed>(conn, key::ENTRIES_POSTPONED)?.and_then(|postponed| postponed.wait.still(now)))
}

/// Until when the whole conversation waits; none when it may go on.
pub(super) fn conversation_until(conn: &Connection, now: &Now) -> Result<Option<u64>, StoreError> {
    Ok(meta::get::<BackOff>(conn, key::BACK_OFF)?.and_then(|wait| wait.still(now)))
}

/// Until when originals are kept back of which the office takes no more for now; none when they may go.
pub(super) fn originals_until(conn: &Connection, now: &Now) -> Result<Option<u64>, StoreError> {
    Ok(meta::get::<OriginalsPostponed>(conn, key::ORIGINALS_POSTPONED)?.and_then(|postponed| postponed.wait.still(now)))
}

/// When the first of what waits by itself may go; none where nothing waits.
pub(super) fn next(conn: &Connection, now: &Now) -> Result<Option<u64>, StoreError> {
    let waits = [entries_until(conn, now)?, originals_until(conn, now)?, photos::aside_until(conn, now)?];
    Ok(waits.into_iter().flatten().min())
}

/// Forgets all waits but those that the office asked for: another network may let through what this one did not.
pub(super) fn cancel(tx: &Transaction<'_>) -> Result<(), StoreError> {
    match meta::get::<BackOff>(tx, key::BACK_OFF)?.and_then(BackOff::on_another_network) {
        Some(left) => meta::set(tx, key::BACK_OFF, &left)?,
        None => meta::clear(tx, key::BACK_OFF)?,
    }
    let originals: Option<OriginalsPostponed> = meta::get(tx, key::ORIGINALS_POSTPONED)?;
    match originals.and_then(|originals| Some((originals.wait.on_another_network()?, originals.why))) {
        Some((wait, why)) => meta::set(tx, key::ORIGINALS_POSTPONED, &OriginalsPostponed { wait, why })?,
        None => meta::clear(tx, key::ORIGINALS_POSTPONED)?,
    }
    meta::clear(tx, key::ENTRIES_POSTPONED)?;
    photos::none_aside(tx)
}

/// Keeps all originals back because of `error`: the office takes no more of them for now. What else there is goes on.
pub(super) fn postpone_originals(
    tx: &Transaction<'_>,
    error: &SyncError,
    outcome: &Outcome,
    now: &Now,
    seed: &Seed,
) -> Result<(), StoreError> {
    let before: Option<OriginalsPostponed> = meta::get(tx, key::ORIGINALS_POSTPONED)?;
    let wait = BackOff::after(before.map_or(0, |before| before.wait.failures), asked(outcome), now, seed);
    meta::set(tx, key::ORIGINALS_POSTPONED, &OriginalsPostponed { wait, why: error.attention() })
}

/// Waits after `error`: with entries where the office did not take those, else with all.
pub(super) fn after(
    tx: &Transaction<'_>,
    error: &SyncError,
    outcome: &Outcome,
    now: &Now,
    seed: &Seed,
) -> Result<(), StoreError> {
    if let SyncError::NotTaken(refusal) = error {
        let before: Option<Postponed> = meta::get(tx, key::ENTRIES_POSTPONED)?;
        let wait = BackOff::after(before.map_or(0, |before| before.wait.failures), Asked::Not, now, seed);
        return meta::set(tx, key::ENTRIES_POSTPONED, &Postponed { wait, refusal: refusal.clone() });
    }
    let before: Option<BackOff> = meta::get(tx, key::BACK_OFF)?;
    let wait = BackOff::after(before.map_or(0, |before| before.failures), asked(outcome), now, seed);
    meta::set(tx, key::BACK_OFF, &wait)?;
    meta::set(tx, key::ATTENTION, &error.attention())
}

/// Keeps back a photo that the office did not take: it holds up no other, and is offered again. A person is told `why`, where
/// that is for one.
pub(super) fn set_aside(
    tx: &Transaction<'_>,
    entry: EntryId,
    sha256: PhotoHash,
    why: Option<&Attention>,
    now: &Now,
    seed: &Seed,
) -> Result<(), StoreError> {
    let wait = BackOff::after(photos::refusals(tx, entry, sha256)?, Asked::Not, now, seed);
    let BackOff { failures, until_monotonic_ms, boot_id, .. } = wait;
    let aside = Aside { until_monotonic_ms, boot_id, refusals: failures };
    let why = why.map(|why| to_json("attachment", why)).transpose()?;
    photos::set_aside(tx, entry, sha256, &aside, why.as_deref())
}

/// A busy office that has answered is left alone for as long as it asks.
pub(super) fn rest(tx: &Transaction<'_>, now: &Now) -> Result<(), StoreError> {
    let limits: Option<PhoneLimits> = meta::get(tx, key::LIMITS)?;
    let Some(seconds) = limits.and_then(|limits| limits.retry_after_s) else { return Ok(()) };
    let wait = seconds.saturating_mul(1000).min(limits::BACK_OFF_MS_MAX);
    let until_monotonic_ms = now.monotonic_ms.saturating_add(wait);
    let asked_until_monotonic_ms = Some(until_monotonic_ms);
    let boot_id = now.boot_id.clone();
    meta::set(tx, key::BACK_OFF, &BackOff { failures: 0, until_monotonic_ms, boot_id, asked_until_monotonic_ms })
}

/// How long an answer asks to be left alone. Nobody signs a refusal: what does not even look like one of the office's is a
/// portal's or a proxy's.
fn asked(outcome: &Outcome) -> Asked {
    let response = match outcome {
        Outcome::Answered(response) => response,
        Outcome::Unreachable(_) | Outcome::Failed(_) | Outcome::Unreadable(_) => return Asked::Not,
    };
    let seconds = response.header("Retry-After").and_then(|text| text.trim().parse::<u64>().ok());
    let Some(seconds) = seconds else { return Asked::Not };
    let ms = seconds.saturating_mul(1000).min(limits::BACK_OFF_MS_MAX);
    let by_the_office = serde_json::from_slice::<Problem>(&response.body).is_ok();
    if by_the_office { Asked::ByTheOffice(ms) } else { Asked::OnTheWay(ms) }
}

/// The phone and its office share no version of the protocol: which of the two is to be updated. What is written goes on being
/// kept, and sent as far as the office takes it.
fn upgrade_needed(office: Spoken) -> Attention {
    let here = Spoken::HERE;
    let todo = if here.max < office.min {
        "this program is older than its office: update it; until then it sends, and reads nothing new"
    } else {
        "this program is newer than its office: tell the office to update; until then it sends, and reads nothing new"
    };
    let (min, max) = (office.min, office.max);
    let detail = format!(
        "{todo} (the office speaks versions {min} to {max} of the protocol, this program {} to {}); nothing is lost",
        here.min, here.max
    );
    Attention { code: UPGRADE_NEEDED.to_owned(), detail }
}

/// What needs a person: the last failure, entries or originals that the office did not take, a photo that it did not take or that is lost,
/// an update; or that this store was copied, until its person has acknowledged it.
///
/// # Errors
/// [`StoreError`].
pub fn attention(conn: &Connection) -> Result<Option<Attention>, StoreError> {
    if let Some(failure) = meta::get(conn, key::ATTENTION)? {
        return Ok(Some(failure));
    }
    if let Some(postponed) = meta::get::<Postponed>(conn, key::ENTRIES_POSTPONED)? {
        return Ok(Some(SyncError::NotTaken(postponed.refusal).attention()));
    }
    if let Some(postponed) = meta::get::<OriginalsPostponed>(conn, key::ORIGINALS_POSTPONED)? {
        return Ok(Some(postponed.why));
    }
    if let Some(refusal) = photos::refusal(conn)? {
        return Ok(Some(from_json("attachment", &refusal)?));
    }
    if let Some(spoken) = meta::get::<Spoken>(conn, key::UPGRADE_NEEDED)? {
        return Ok(Some(upgrade_needed(spoken)));
    }
    Ok(meta::get::<Moment>(conn, key::COPIED)?.map(|at| Attention {
        code: COPIED.to_owned(),
        detail: format!(
            "on {} it was found that a copy of this store speaks to the office too: both go on, nothing is lost; where nobody \
             meant to copy it, tell the office, since whoever has the copy reads what you read",
            at.beijing()
        ),
    }))
}
