//! What is held: entries that phones sent and that wait for a person; and what that person says of them.

use rusqlite::Connection;
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{EntryId, ItemId, PersonId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::{Intake, Said, Sender};
use xuncheng_core::journal::verdict::{Code, Judgement, Verdict};
use xuncheng_core::journal::write::Author;
use xuncheng_core::limits;
use xuncheng_core::store::{entries, judgements};

use crate::devices;
use crate::error::OfficeError;
use crate::uploads::finish;

/// An entry that waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The entry.
    pub entry: EntryId,
    /// The item that it is about; the office may have no such item.
    pub item: ItemId,
    /// What it was to do; none where it cannot be read.
    pub change: Option<Change>,
    /// Whose phone sent it.
    pub person: Option<PersonId>,
    /// Why it is held.
    pub reason: Code,
    /// The held entry that it follows, when that is why.
    pub behind: Option<EntryId>,
    /// How many others wait behind it.
    pub waiting: usize,
    /// When it came.
    pub received: Moment,
}

/// What waits for a person, newest first, at most [`limits::HELD_LISTED`].
///
/// # Errors
/// [`OfficeError::Store`].
pub fn list(conn: &Connection) -> Result<Vec<Held>, OfficeError> {
    let mut held = Vec::new();
    for judged in judgements::held(conn, None, None, limits::HELD_LISTED)? {
        let Judgement { entry, verdict: Verdict::Held { reason, behind }, received, .. } = judged.judgement else {
            continue;
        };
        let Some(written) = entries::get(conn, entry)? else { continue };
        let Ok(header) = written.read_header() else { continue };
        let change = written.read_body(&header).ok().map(|body| body.change);
        let person = sender(conn, entry)?.map(|sender| sender.person);
        let waiting = judgements::behind(conn, entry)?.len();
        held.push(Held { entry, item: header.item, change, person, reason, behind, waiting, received });
    }
    Ok(held)
}

/// Does what `author` says of a held entry, and what follows from what takes effect by it: an original that came meanwhile
/// counts, a device that it revokes is kept out. Gives the new judgements.
///
/// # Errors
/// [`OfficeError::NotHeld`]; [`OfficeError::NotDone`] with the reason; nothing was done then.
pub fn rule(intake: &mut Intake<'_, '_>, author: &Author, said: &Said) -> Result<Vec<Judgement>, OfficeError> {
    let sender = sender(intake.tx, said.entry)?.ok_or(OfficeError::NotHeld(said.entry))?;
    let judged = intake.rule(author, said, &sender)?;
    for judgement in &judged {
        if judgement.verdict.applies() {
            devices::follow(intake, judgement.entry)?;
        }
        finish::note_waiting(intake, judgement.entry, sender.incarnation)?;
    }
    Ok(judged)
}

/// Who sent an entry: the person whose phone it is; of a phone that is not enrolled here, whom the entry names.
fn sender(conn: &Connection, entry: EntryId) -> Result<Option<Sender>, OfficeError> {
    let Some(incarnation) = entries::incarnation(conn, entry)? else { return Ok(None) };
    if let Some(device) = devices::get(conn, incarnation)? {
        return Ok(Some(Sender { incarnation, person: device.person, revoked: device.revoked_at.is_some() }));
    }
    let Some(written) = entries::get(conn, entry)? else { return Ok(None) };
    let named = written.read_header().and_then(|header| written.read_private(&header)).ok();
    Ok(named.map(|private| Sender { incarnation, person: private.who, revoked: false }))
}
