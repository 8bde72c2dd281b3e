//! What a phone's parcel is answered with: its last request is answered as if it had been sent once more, page after page until
//! there is nothing new, into a parcel that only this phone opens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;
use xuncheng_core::crypto::SealingPublicKey;
use xuncheng_core::id::{IncarnationId, ItemId, Nonce, PersonId};
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;
use xuncheng_core::store::StoreError;
use xuncheng_core::store::feeds::FeedRow;
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::parcel::place::{self, Way};
use xuncheng_core::sync::parcel::{Maker, Packer, Part};
use xuncheng_core::sync::wire::{Page, PreviewsResponse, SyncRequest};

use crate::body;
use crate::devices::Device;
use crate::error::OfficeError;
use crate::intake::{self, Says, Sent};
use crate::ledger::{Grounds, Ledger};
use crate::quotas::Quotas;

/// What is kept of the newest parcel of a phone.
pub(super) struct Kept {
    pub(super) incarnation: IncarnationId,
    pub(super) parcel: Nonce,
    pub(super) number: u64,
    pub(super) request: Vec<u8>,
    pub(super) reply: SealingPublicKey,
    pub(super) previews: Vec<PreviewsResponse>,
}

/// A parcel for a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The parcel that it answers.
    pub answers: Nonce,
    /// The phone that it is for.
    pub device: IncarnationId,
    /// Where it lies.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Pages of news in it.
    pub pages: u64,
}

/// Keeps what the parcel is answered with, unless there is a newer one of its phone.
pub(super) fn keep(intake: &Intake<'_, '_>, kept: &Kept) -> Result<(), OfficeError> {
    let text = |source| StoreError::Row { table: "office_parcel", source };
    let reply = serde_json::to_string(&kept.reply).map_err(text)?;
    let previews = serde_json::to_string(&kept.previews).map_err(text)?;
    intake.tx.execute(
        "INSERT INTO office_parcel (incarnation, parcel, number, request, reply, previews, taken_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (incarnation) DO UPDATE SET parcel = excluded.parcel, number = excluded.number,
             request = excluded.request, reply = excluded.reply, previews = excluded.previews, taken_at = excluded.taken_at
         WHERE excluded.number >= number",
        rusqlite::params![
            kept.incarnation,
            kept.parcel,
            kept.number,
            kept.request,
            reply,
            previews,
            intake.now.wall
        ],
    )?;
    Ok(())
}

fn kept(conn: &Connection, incarnation: IncarnationId) -> Result<Option<Kept>, OfficeError> {
    let sql = "SELECT parcel, number, request, reply, previews FROM office_parcel WHERE incarnation = ?1";
    let found: Option<(Nonce, u64, Vec<u8>, String, String)> = conn
        .prepare_cached(sql)?
        .query_row([incarnation], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .optional()?;
    let Some((parcel, number, request, reply, previews)) = found else { return Ok(None) };
    let row = |source| StoreError::Row { table: "office_parcel", source };
    let reply = serde_json::from_str(&reply).map_err(row)?;
    let previews = serde_json::from_str(&previews).map_err(row)?;
    Ok(Some(Kept { incarnation, parcel, number, request, reply, previews }))
}

/// The phone of `person` whose parcel was taken in last; none where none was.
///
/// # Errors
/// [`OfficeError::Store`].
pub fn newest_of(ledger: &Ledger, person: &PersonId) -> Result<Option<IncarnationId>, OfficeError> {
    let sql = "SELECT p.incarnation FROM office_parcel p JOIN office_device d USING (incarnation)
               WHERE d.person = ?1 ORDER BY p.taken_at DESC, p.incarnation LIMIT 1";
    Ok(ledger.connection().prepare_cached(sql)?.query_row([person.as_str()], |row| row.get(0)).optional()?)
}

/// Answers the newest parcel of `device` with all that is new for it now, in a file at `place`, or under a name of its own in it
/// where that is a folder.
///
/// # Errors
/// [`OfficeError::NoAnswer`], [`OfficeError::Parcel`]; [`OfficeError::Store`].
pub fn answer(ledger: &mut Ledger, device: IncarnationId, place: &Path) -> Result<Answered, OfficeError> {
    let kept = kept(ledger.connection(), device)?.ok_or(OfficeError::NoAnswer(
        "no parcel of this phone was taken in: only a parcel is answered; take one in first",
    ))?;
    let grounds = Arc::clone(ledger.grounds());
    let now = grounds.clock.now();
    let path = place::path(place, Way::ToPhone, kept.parcel, now.wall);
    let failed = |source| OfficeError::Parcel { file: path.clone(), source };
    let file = place::begin(&path).map_err(failed)?;

    // Sent once more it is a repeat: what it brought is here, and it is signed for as the office stands now.
    let (request, sender): (SyncRequest, Device) = body::open(ledger.connection(), &kept.request)?;
    let mut sent = Sent::of(request)?;
    let taken = intake::hear(ledger, &Quotas::default(), &sender, &sent)?;
    if taken.superseded {
        return Err(OfficeError::NoAnswer(
            "this phone has talked with the office over a network since it made its parcel: there is nothing to answer, \
             what is new it reads there, or asks for by another parcel",
        ));
    }
    let maker = Maker::Office { answers: kept.parcel };
    let mut entropy = grounds.entropy.fresh()?;
    let name = Nonce::from_bytes(entropy.bytes());
    let mut packer =
        Packer::begin(file, &kept.reply, (name, now.wall, maker), grounds.signer(), &mut entropy).map_err(failed)?;
    for answer in &kept.previews {
        packer.message(Part::Previews, &signed(&grounds, answer)?).map_err(failed)?;
    }
    let mut pages = 0;
    loop {
        // All of a page is of one moment.
        let moment = ledger.connection().unchecked_transaction()?;
        let says = Says { piece_bytes: limits::PIECE_BYTES, retry_after_s: None, keep: None };
        let response = intake::answer(&moment, &grounds, &sent, &taken, says)?;
        moment.finish()?;
        packer.message(Part::Sync, &signed(&grounds, &response)?).map_err(failed)?;
        pages += 1;
        if !read_on(&mut sent, &response.page) {
            break;
        }
    }
    let bytes = packer.end().and_then(|file| place::end(file, &path)).map_err(failed)?;
    Ok(Answered { answers: kept.parcel, device, file: path, bytes, pages })
}

/// Moves on to what follows `page`, as a phone does that has read it; false where nothing does.
fn read_on(sent: &mut Sent, page: &Page) -> bool {
    let mut again = false;
    for feed in &page.feeds {
        sent.positions.insert(feed.audience.clone(), feed.next);
    }
    for row in page.feeds.iter().flat_map(|feed| &feed.rows) {
        if let FeedRow::Withdraw { audience } = row {
            // What there was is gone; granted again, it is read from the start.
            sent.positions.remove(audience);
            again = true;
        }
    }
    let came: Vec<ItemId> = page.snapshots.iter().map(|snapshot| snapshot.item).collect();
    sent.want.retain(|item| !came.contains(item));
    page.more || again
}

fn signed<T: Serialize>(grounds: &Grounds, answer: &T) -> Result<Vec<u8>, OfficeError> {
    Ok(message::pack(Direction::Response, answer, grounds.signer())?)
}
