//! What a phone takes out of the office's answer to a parcel: each message as if it had come over a network, in a transaction of
//! its own, so that whoever was interrupted begins again and goes on where it was.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::apply::ApplyError;
use super::super::message::{self, Direction};
use super::super::previews;
use super::super::session::{self, Intent, OfficeKeys, Phone, SyncError, SyncIntent};
use super::super::succeed;
use super::super::wire::{PreviewsResponse, Refusal, SyncResponse};
use super::{CarryError, Closed, Maker, ParcelError, Part, Progress};
use crate::clock::{Now, Seed};
use crate::id::Nonce;
use crate::limits;
use crate::store::meta::{self, key};
use crate::store::parcels::{self, Made};

/// What was taken out of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unpacked {
    /// Pages of news that were applied.
    pub pages: u64,
    /// Pages that say what this phone has read since, by a network or another parcel.
    pub skipped: u64,
    /// Why the office did not take entries of the parcel, where it did not.
    pub refused: Option<Refusal>,
    /// Whether it was found out that a copy of this store speaks to the office too: this one goes on by itself.
    pub copied: bool,
}

/// Takes the answer in `file`.
pub(crate) fn unpack(
    conn: &mut Connection,
    phone: &Phone<'_>,
    file: &Path,
    now: &Now,
    seed: &Seed,
    tell: &mut dyn FnMut(Progress),
) -> Result<Unpacked, CarryError> {
    let failed = |error| CarryError::File { file: file.to_owned(), error };
    let office: OfficeKeys = meta::get(conn, key::OFFICE)?.ok_or(SyncError::NotEnrolled)?;
    let opened = File::open(file).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (total, opened) = opened.map_err(|error| failed(error.into()))?;
    let closed = Closed::read(opened).map_err(failed)?;
    let made: Made<Intent> = parcels::answered(conn, closed.sealed_for())?.ok_or_else(|| failed(not_for_here()))?;
    let opened = closed.open(&made.reply_key).and_then(|opened| opened.verify(&office.node));
    let (manifest, mut parcel) = opened.map_err(failed)?;
    if manifest.maker != (Maker::Office { answers: made.id }) {
        return Err(failed(ParcelError::Form("it answers another parcel than it is sealed for")));
    }
    let mut taking = Taking { conn, phone, made: &made, now, seed, unpacked: Unpacked::default() };
    while let Some((part, _)) = parcel.next_part().map_err(failed)? {
        match part {
            Part::Sync => taking.page(&parcel.message().map_err(failed)?)?,
            Part::Previews => taking.previews(&office, &parcel.message().map_err(failed)?)?,
            Part::Manifest | Part::Original { .. } => {
                return Err(failed(ParcelError::Form("no answer has such a part")));
            }
            Part::Unknown(_) => {}
        }
        tell(Progress { done: parcel.read(), total });
        if taking.unpacked.copied {
            break;
        }
    }
    Ok(taking.unpacked)
}

fn not_for_here() -> ParcelError {
    ParcelError::NotForHere(
        "it answers none of the last parcels of this phone: give it to the phone whose parcel it answers, or make another \
         parcel here and have that one answered",
    )
}

struct Taking<'a> {
    conn: &'a mut Connection,
    phone: &'a Phone<'a>,
    made: &'a Made<Intent>,
    now: &'a Now,
    seed: &'a Seed,
    unpacked: Unpacked,
}

impl Taking<'_> {
    /// Takes an answer to a request for entries and feeds, all of it in one transaction.
    fn page(&mut self, bytes: &[u8]) -> Result<(), CarryError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read where nobody else writes: another page, or a network, may have changed it.
        let office: OfficeKeys = meta::get(&tx, key::OFFICE)?.ok_or(SyncError::NotEnrolled)?;
        let answer: SyncResponse = open(bytes, &office)?;
        let sync = asked(self.made, answer.nonce).ok_or(SyncError::Apply(ApplyError::OtherRequest))?;
        let last: u64 = meta::get(&tx, key::REQUEST_NUMBER)?.unwrap_or(0);
        let newer = session::countersigned(&tx, &office)?.is_some_and(|known| known > sync.number);
        // A later request of this very store was answered: that is no sign of a copy.
        if newer || (answer.superseded && last > sync.number) {
            self.unpacked.skipped += 1;
            return Ok(());
        }
        let error = match session::take_page(&tx, self.phone, &office, sync, &answer, self.now) {
            Ok(refusal) => {
                tx.commit()?;
                self.unpacked.pages += 1;
                self.unpacked.refused.clone_from(&refusal);
                match refusal {
                    Some(refusal) => SyncError::NotTaken(refusal),
                    None => return Ok(()),
                }
            }
            // It says what was read since; or it was asked for under an incarnation that this store has left.
            Err(SyncError::Apply(ApplyError::OldPage | ApplyError::OtherRequest)) => {
                self.unpacked.skipped += 1;
                return Ok(());
            }
            Err(error) => {
                drop(tx);
                error
            }
        };
        if succeed::is_copied(&error) {
            return self.succeed(error);
        }
        // What else the answer of one that took not all brought is kept.
        if matches!(error, SyncError::NotTaken(_)) { Ok(()) } else { Err(error.into()) }
    }

    /// Goes on after the office's signed word that a copy of this store speaks to it too, as over a network.
    fn succeed(&mut self, error: SyncError) -> Result<(), CarryError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if succeed::is_fresh(&tx)? {
            return Err(error.into());
        }
        succeed::succeed(&tx, self.now, &mut self.seed.entropy())?;
        tx.commit()?;
        self.unpacked.copied = true;
        Ok(())
    }

    /// Takes an answer to a request for renditions.
    fn previews(&mut self, office: &OfficeKeys, bytes: &[u8]) -> Result<(), CarryError> {
        let answer: PreviewsResponse = open(bytes, office)?;
        let asked = self.made.intents.iter().find_map(|intent| match intent {
            Intent::Previews { nonce, rendition, photos } if *nonce == answer.nonce => Some((*rendition, photos)),
            Intent::Previews { .. }
            | Intent::Sync(_)
            | Intent::Have { .. }
            | Intent::Downloads { .. }
            | Intent::Upload(_) => None,
        });
        let (rendition, photos) = asked.ok_or(SyncError::Apply(ApplyError::OtherRequest))?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        previews::answered(&tx, rendition, photos, &answer, self.now, self.seed)?;
        Ok(tx.commit()?)
    }
}

/// The request for entries and feeds with this nonce.
fn asked(made: &Made<Intent>, nonce: Nonce) -> Option<&SyncIntent> {
    made.intents.iter().find_map(|intent| match intent {
        Intent::Sync(sync) if sync.nonce == nonce => Some(sync),
        Intent::Sync(_)
        | Intent::Have { .. }
        | Intent::Previews { .. }
        | Intent::Downloads { .. }
        | Intent::Upload(_) => None,
    })
}

fn open<T: DeserializeOwned>(bytes: &[u8], office: &OfficeKeys) -> Result<T, SyncError> {
    Ok(message::unpack(bytes, limits::RESPONSE_BYTES)?.open(Direction::Response, &office.node)?)
}
