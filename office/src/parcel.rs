//! Parcels: what phones without a network said, taken in from a file beside a running office or without one, and what is new for
//! them put into another (docs/decisions/D19).
//!
//! Each part goes through the same intake as over a network, in turns of its own: taken in again, after a kill or for no reason,
//! what came already is a repeat, and an original goes on where it was.

mod answer;
mod originals;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use xuncheng_core::crypto::SealingPublicKey;
use xuncheng_core::id::{IncarnationId, Nonce, PersonId};
use xuncheng_core::limits;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::sync::parcel::{Closed, Maker, Parcel, ParcelError, Part, Progress};
use xuncheng_core::sync::wire::{PreviewsRequest, PreviewsResponse, SyncRequest};

pub use answer::{Answered, answer, newest_of};

use crate::body;
use crate::devices::Device;
use crate::error::OfficeError;
use crate::intake::{self, Sent};
use crate::ledger::Ledger;
use crate::previews::{self, Shelf};
use crate::quotas::Quotas;
use crate::uploads::Original;
use crate::uploads::draw;

/// What was taken out of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenIn {
    /// Its name.
    pub parcel: Nonce,
    /// The phone that made it.
    pub device: IncarnationId,
    /// What that phone calls itself.
    pub name: String,
    /// Whose it is.
    pub person: PersonId,
    /// Entries that were not here before.
    pub entries: u64,
    /// Smaller pictures that are here now.
    pub previews: u64,
    /// Originals that are here now, and were not before.
    pub originals: u64,
    /// What of it was not taken, and why; the phone keeps that.
    pub refused: Vec<String>,
    /// Whether the phone has said something later already: the parcel is answered by nothing then.
    pub superseded: bool,
}

/// Takes in the parcel in `file`; `tell` hears how much of it was read.
///
/// # Errors
/// [`OfficeError::Parcel`], [`OfficeError::UnknownDevice`], and whatever keeps the office from writing; what came before is kept,
/// and the parcel can be taken in again.
pub fn take_in(ledger: &mut Ledger, file: &Path, tell: &mut dyn FnMut(Progress)) -> Result<TakenIn, OfficeError> {
    let grounds = Arc::clone(ledger.grounds());
    let failed = |source| OfficeError::Parcel { file: file.to_owned(), source };
    let opened = File::open(file).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (total, opened) = opened.map_err(|error| failed(error.into()))?;
    let closed = Closed::read(opened).map_err(failed)?;
    if *closed.sealed_for() != grounds.keys.sealing.public_key().fingerprint() {
        return Err(failed(not_for_here()));
    }
    let opened = closed.open(&grounds.keys.sealing).map_err(failed)?;
    let Maker::Phone { incarnation, succeeds, reply } = opened.claimed().maker.clone() else {
        return Err(failed(ParcelError::NotForHere("an office made it: it is for a phone")));
    };
    let device = body::sender(
        ledger.connection(),
        incarnation,
        succeeds.map(|before| before.predecessor).into_iter().collect(),
    )?;
    let (manifest, mut parcel) = opened.verify(&device.key).map_err(failed)?;

    let photos = PhotoFolder::open(&grounds.folder.photos())?;
    let naming = Mutex::default();
    let mut taking = Taking {
        ledger,
        shelf: Shelf { folder: &photos, naming: &naming },
        maker: (incarnation, reply),
        last: None,
        answers: Vec::new(),
        shown: BTreeSet::new(),
        taken: TakenIn {
            parcel: manifest.parcel,
            device: incarnation,
            name: device.name,
            person: device.person,
            entries: 0,
            previews: 0,
            originals: 0,
            refused: Vec::new(),
            superseded: false,
        },
    };
    while let Some((part, bytes)) = parcel.next_part().map_err(failed)? {
        match taking.part(&mut parcel, &part, bytes) {
            Ok(()) => {}
            Err(Stop::Parcel(error)) => return Err(failed(error)),
            Err(Stop::Office(error)) => taking.refuse(&part, error)?,
        }
        tell(Progress { done: parcel.read(), total });
    }
    taking.end()
}

const fn not_for_here() -> ParcelError {
    ParcelError::NotForHere(
        "it is sealed for another office, or answers a phone: a phone's parcel goes to the office that it is enrolled at",
    )
}

/// Why a part was not taken.
enum Stop {
    /// The parcel goes no further.
    Parcel(ParcelError),
    /// The office says no, or cannot.
    Office(OfficeError),
}

impl From<ParcelError> for Stop {
    fn from(error: ParcelError) -> Self {
        Self::Parcel(error)
    }
}

impl From<OfficeError> for Stop {
    fn from(error: OfficeError) -> Self {
        Self::Office(error)
    }
}

struct Taking<'a> {
    ledger: &'a mut Ledger,
    shelf: Shelf<'a>,
    /// Who made the parcel, and what its answer is sealed for.
    maker: (IncarnationId, SealingPublicKey),
    /// The last request for entries and feeds that was taken, with its number.
    last: Option<(u64, Vec<u8>)>,
    /// What became of smaller pictures.
    answers: Vec<PreviewsResponse>,
    /// The entries that originals in the parcel are shown by.
    shown: BTreeSet<xuncheng_core::id::EntryId>,
    taken: TakenIn,
}

impl Taking<'_> {
    fn part(&mut self, parcel: &mut Parcel<File>, part: &Part, bytes: u64) -> Result<(), Stop> {
        match part {
            Part::Sync => {
                let message = message(parcel, bytes)?;
                self.sync(message)?;
            }
            Part::Previews => {
                let message = message(parcel, bytes)?;
                self.previews(&message)?;
            }
            Part::Original { entry, sha256 } => {
                let original = Original { entry: *entry, sha256: *sha256, length: bytes };
                let new = originals::take(self.ledger, self.shelf.folder, parcel, original, self.maker.0)?;
                self.taken.originals += u64::from(new);
                self.shown.insert(*entry);
            }
            Part::Manifest => return Err(ParcelError::Form("it has two manifests").into()),
            // Of a later version: the phone keeps what it is, and a later office takes it.
            Part::Unknown(_) => {}
        }
        Ok(())
    }

    /// Takes a request for entries and feeds, as `POST /v1/sync` does. It is answered later, with all that follows from the parcel.
    fn sync(&mut self, message: Vec<u8>) -> Result<(), OfficeError> {
        let (request, device): (SyncRequest, Device) = body::open(self.ledger.connection(), &message)?;
        self.is_makers(request.incarnation)?;
        let number = request.number;
        let heard = intake::hear(self.ledger, &Quotas::default(), &device, &Sent::of(request)?)?;
        self.taken.entries += heard.new as u64;
        if let Some(refusal) = &heard.refusal {
            self.taken.refused.push(refusal.detail().to_owned());
        }
        self.taken.superseded = heard.superseded;
        self.last = Some((number, message));
        Ok(())
    }

    /// Takes smaller pictures, as `POST /v1/photos/previews` does.
    fn previews(&mut self, message: &[u8]) -> Result<(), OfficeError> {
        let (request, device): (PreviewsRequest, Device) = body::open(self.ledger.connection(), message)?;
        self.is_makers(request.incarnation)?;
        previews::check(&request)?;
        let (nonce, rendition) = (request.nonce, request.rendition);
        let sorted = previews::keep_all(self.ledger.connection(), self.shelf, device.incarnation, request)?;
        let answer = self.ledger.turn(|intake| previews::note_all(intake, nonce, rendition, sorted))?;
        self.taken.previews += answer.taken.len() as u64;
        self.answers.push(answer);
        Ok(())
    }

    /// Whoever made the parcel reads its answer: another's recorded request would have that one's news sealed for them.
    fn is_makers(&self, incarnation: IncarnationId) -> Result<(), OfficeError> {
        if incarnation == self.maker.0 { Ok(()) } else { Err(OfficeError::BadSignature) }
    }

    /// Notes what the office does not take, as it would tell a phone; what keeps the office itself from its work ends here.
    fn refuse(&mut self, part: &Part, error: OfficeError) -> Result<(), OfficeError> {
        if error.problem().status >= 500 {
            return Err(error);
        }
        let what = match part {
            Part::Sync => "entries".to_owned(),
            Part::Previews => "small pictures".to_owned(),
            Part::Original { sha256, .. } => format!("original {sha256}"),
            Part::Manifest | Part::Unknown(_) => "a part".to_owned(),
        };
        self.taken.refused.push(format!("{what}: {error}"));
        Ok(())
    }

    /// Keeps what the parcel is answered with, and draws what its originals show.
    fn end(self) -> Result<TakenIn, OfficeError> {
        let Self { ledger, shelf, maker: (incarnation, reply), last, answers, shown, taken } = self;
        if let Some((number, request)) = last {
            let kept = answer::Kept { incarnation, parcel: taken.parcel, number, request, reply, previews: answers };
            ledger.turn(|intake| answer::keep(intake, &kept))?;
        }
        for due in draw::left_over(ledger.connection())? {
            if shown.contains(&due.0)
                && let Err(error) = draw::draw_beside(ledger, shelf, &due)
            {
                tracing::error!(sha256 = %due.1.sha256, %error, "a photo could not be drawn; it is tried again after the next start");
            }
        }
        Ok(taken)
    }
}

fn message(parcel: &mut Parcel<File>, bytes: u64) -> Result<Vec<u8>, Stop> {
    if bytes > limits::REQUEST_BYTES as u64 {
        return Err(OfficeError::TooLarge { limit: limits::REQUEST_BYTES as u64 }.into());
    }
    Ok(parcel.message()?)
}
