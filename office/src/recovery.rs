//! An office that has lost something: it was restored from a backup, or somebody put its data folder back by hand. What a phone
//! holds tells of the second; phones bring back what is lost in either (docs/protocol.md, 8).

use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{EpochId, Hash, IncarnationId, PersonId};
use xuncheng_core::journal::ledger::{Intake, Recovered};
use xuncheng_core::limits;
use xuncheng_core::mutant::{self, Mutant};
use xuncheng_core::store::entries::{self, Head};
use xuncheng_core::store::recovered::{self, Gap};
use xuncheng_core::store::{StoreError, lineage, meta};
use xuncheng_core::sync::offer::{Chain, Known, Offer, OfferedEntry, Recovery, Unproven, prove_snapshot};
use xuncheng_core::sync::wire::{Countersignature, Epoch};

use crate::devices;
use crate::erasures;
use crate::error::OfficeError;
use crate::ledger::{Grounds, begin_epoch, fact};

/// How a phone stands to this office's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All that it was told is in the ledger.
    Current,
    /// Something is not, and it brings that back.
    BringsBack,
    /// Something is not: nothing of it is taken before it knows that.
    Behind,
    /// As before, and it is of a version that brings nothing back but what it wrote.
    Older,
    /// The ledger was put back by hand to an earlier moment of this branch, or of one before it.
    RolledBack {
        /// The highest counter of a branch that is known by it.
        above: u64,
    },
}

/// What a request says of the branch that its phone stands on.
pub(crate) struct Shown<'a> {
    pub(crate) incarnation: IncarnationId,
    pub(crate) epoch: EpochId,
    pub(crate) holds: Option<&'a Signed<Countersignature>>,
    pub(crate) recovery: Option<&'a Recovery>,
}

/// How the phone that sent a request stands to the ledger.
pub(crate) fn standing(
    conn: &Connection,
    grounds: &Grounds,
    current: &Epoch,
    shown: &Shown<'_>,
) -> Result<Standing, OfficeError> {
    let mut lost = shown.epoch != current.id;
    if mutant::is_on(Mutant::RollbackUnseen) && !lost {
        return Ok(Standing::Current);
    }
    if let Some(holds) = shown.holds
        && let Ok(said) = holds.open(&grounds.keys.node.public_key())
        && is_of_lineage(conn, shown.incarnation, said.incarnation)?
    {
        if said.epoch != current.id {
            lost = true;
            if said.counter >= current.counter {
                return Ok(Standing::RolledBack { above: said.counter });
            }
        } else if !is_known(conn, holds, &said)? {
            lost = true;
            // An office that answered this request had heard of it. Where it has heard of a later one, the phone's store was
            // copied, and what it holds may have been forgotten.
            if last_request(conn, said.incarnation)? < said.request {
                return Ok(Standing::RolledBack { above: current.counter });
            }
        }
    }
    Ok(match shown.recovery {
        Some(recovery) if recovery.to == current.id => Standing::BringsBack,
        Some(_) => Standing::Behind,
        None if !lost => Standing::Current,
        None if shown.holds.is_none() => Standing::Older,
        None => Standing::Behind,
    })
}

fn is_of_lineage(conn: &Connection, incarnation: IncarnationId, of: IncarnationId) -> Result<bool, StoreError> {
    let before = lineage::predecessors(conn, incarnation)?;
    Ok(incarnation == of || before.iter().any(|(predecessor, _)| *predecessor == of))
}

fn is_known(conn: &Connection, holds: &Signed<Countersignature>, said: &Countersignature) -> Result<bool, OfficeError> {
    let known = countersigned(conn, said.incarnation, said.epoch, said.request)?;
    Ok(known.is_some_and(|known| known.hash() == holds.hash()))
}

/// What the office answered to a request with, as far as it still knows.
pub(crate) fn countersigned(
    conn: &Connection,
    incarnation: IncarnationId,
    epoch: EpochId,
    request: u64,
) -> Result<Option<Signed<Countersignature>>, OfficeError> {
    let text: Option<String> = conn
        .prepare_cached(
            "SELECT countersignature FROM office_countersignature WHERE incarnation = ?1 AND epoch = ?2 AND request = ?3",
        )?
        .query_row((incarnation, epoch, request), |row| row.get(0))
        .optional()?;
    text.as_deref().map(parsed).transpose()
}

fn parsed(text: &str) -> Result<Signed<Countersignature>, OfficeError> {
    Ok(serde_json::from_str(text).map_err(|source| StoreError::Row { table: "office_countersignature", source })?)
}

fn last_request(conn: &Connection, incarnation: IncarnationId) -> Result<u64, OfficeError> {
    let last = conn
        .prepare_cached("SELECT last_request FROM office_device WHERE incarnation = ?1")?
        .query_row([incarnation], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0))
}

/// Begins a branch of its own: the ledger that phones have heard of is not this one.
pub(crate) fn begin(intake: &mut Intake<'_, '_>, grounds: &Grounds, above: u64) -> Result<(), OfficeError> {
    let current = grounds.branch().epoch.clone();
    let counter = current.counter.max(above).saturating_add(1);
    let epoch = Epoch { counter, id: EpochId::from_bytes(intake.entropy.bytes()), parent: Some(current.id) };
    tracing::error!(
        branch = counter,
        "the data folder was put back to an earlier moment: the office goes on as a new branch of its history, and phones \
         bring back what it has lost"
    );
    begin_epoch(intake.tx, &epoch, &grounds.keys.node, intake.entropy)?;
    for erasure in erasures::known(intake.tx, &grounds.folder)? {
        intake.erase_again(&erasure)?;
    }
    Ok(())
}

/// What a phone needs to know to bring back what is lost.
pub(crate) fn known(conn: &Connection, incarnation: IncarnationId) -> Result<Known, OfficeError> {
    let mut chains = vec![Chain { incarnation, head: entries::head(conn, incarnation)? }];
    for (predecessor, through) in lineage::predecessors(conn, incarnation)? {
        let mut head = entries::head(conn, predecessor)?;
        if head.seq > through {
            head = Head { seq: through, hash: entries::hash_at(conn, predecessor, through)? };
        }
        chains.push(Chain { incarnation: predecessor, head });
    }
    let mut countersignatures: Vec<(u64, Hash)> = Vec::new();
    for chain in &chains {
        let mut statement = conn.prepare_cached(
            "SELECT request, countersignature FROM office_countersignature WHERE incarnation = ?1
             ORDER BY request DESC LIMIT ?2",
        )?;
        let rows = statement.query_map((chain.incarnation, limits::COUNTERSIGNATURES_NAMED), |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })?;
        for row in rows {
            let (request, text) = row?;
            countersignatures.push((request, parsed(&text)?.hash()));
        }
    }
    countersignatures.sort_unstable_by(|a, b| b.cmp(a));
    countersignatures.truncate(limits::COUNTERSIGNATURES_NAMED);
    Ok(Known { countersignatures: countersignatures.into_iter().map(|(_, hash)| hash).collect(), chains })
}

/// Takes back what a phone brings, each as far as it proves itself. What does not is no reason to refuse the rest: its author
/// brings it by the chain, and it is judged as what it is.
///
/// Once a phone has brought all of that, the office writes what should have followed and did not come back.
pub(crate) fn take(intake: &mut Intake<'_, '_>, grounds: &Grounds, brought: &Recovery) -> Result<(), OfficeError> {
    for offer in &brought.offers {
        let taken = match offer {
            Offer::Entry(offered) => take_entry(intake, grounds, OfferedEntry::clone(offered))?,
            Offer::Snapshot(offered) => match prove_snapshot(offered, &grounds.keys.node.public_key()) {
                Ok(()) => Some(intake.recover_item(&offered.snapshot)?),
                Err(why) => unproven(&why),
            },
            Offer::Unknown(_) => None,
        };
        match taken {
            Some(Recovered::Kept(entry) | Recovered::Anew(entry)) => {
                meta::tally(intake.tx, fact::RECOVERED, 1)?;
                devices::follow(intake, entry)?;
            }
            Some(Recovered::NotTaken(code)) => {
                tracing::warn!(
                    ?code,
                    "a phone brought something back that has no place here; it is counted as missing"
                );
                meta::tally(intake.tx, fact::NOT_RECOVERED, 1)?;
            }
            Some(Recovered::Known | Recovered::Left) | None => {}
        }
    }
    if brought.more { Ok(()) } else { Ok(intake.reconcile()?) }
}

fn take_entry(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    offered: OfferedEntry,
) -> Result<Option<Recovered>, OfficeError> {
    let proven = match offered.prove(&grounds.keys.node.public_key(), &grounds.keys.sealing) {
        Ok(proven) => proven,
        Err(why) => return Ok(unproven(&why)),
    };
    let who: Option<PersonId> = match &proven.private {
        Some(private) => Some(private.who.clone()),
        // Whose phone it was; who wrote at a desk only the office had known.
        None => devices::get(intake.tx, proven.origin.incarnation)?.map(|device| device.person),
    };
    Ok(Some(intake.recover(proven, who.as_ref())?))
}

fn unproven(why: &Unproven) -> Option<Recovered> {
    tracing::warn!(%why, "what a phone brought back does not prove itself");
    None
}

/// How far recovery has come on this branch of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryStatus {
    /// Entries and items that phones brought back.
    pub recovered: u64,
    /// Those that had no place.
    pub not_recovered: u64,
    /// Entries of phones that are known of and that nobody has brought.
    pub missing: u64,
    /// Phones that were not heard on this branch yet: they may still bring something.
    pub silent: u64,
}

/// How far recovery has come; none where the ledger never left its first branch.
///
/// # Errors
/// [`OfficeError::Store`].
pub fn status(conn: &Connection, epoch: &Epoch) -> Result<Option<RecoveryStatus>, OfficeError> {
    if epoch.parent.is_none() {
        return Ok(None);
    }
    let silent = conn
        .prepare_cached(
            "SELECT count(*) FROM office_device d WHERE d.revoked_at IS NULL AND NOT EXISTS (
                 SELECT 1 FROM office_countersignature c WHERE c.incarnation = d.incarnation AND c.epoch = ?1)",
        )?
        .query_row([epoch.id], |row| row.get(0))?;
    Ok(Some(RecoveryStatus {
        recovered: meta::tallied(conn, fact::RECOVERED)?,
        not_recovered: meta::tallied(conn, fact::NOT_RECOVERED)?,
        missing: recovered::gaps(conn)?.iter().map(Gap::missing).sum(),
        silent,
    }))
}
