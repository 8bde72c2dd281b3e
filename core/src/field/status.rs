//! How the store stands: what waits, what is held, what needs a person.

use rusqlite::TransactionBehavior;
use serde::Serialize;

use super::{Field, FieldError, OriginalsHeld};
use crate::id::{EntryId, IncarnationId, ItemId, PersonId};
use crate::journal::actor::person;
use crate::journal::entry::Exchange;
use crate::journal::verdict::Verdict;
use crate::limits;
use crate::pack::Role;
use crate::store::meta::{self, key};
use crate::store::photos::{self, PhotoStage};
use crate::store::{clock_samples, entries, judgements, list, pending};
use crate::sync::clock_offset::{self, ClockOffset};
use crate::sync::outbox;
use crate::sync::reoffer::{self, ReofferProgress, Reoffered};
use crate::sync::session::{self, Attention};
use crate::sync::wire::PhoneLimits;

/// How the store stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Whose store it is.
    pub person: PersonId,
    /// The life of its journal.
    pub incarnation: IncarnationId,
    /// The office's address; none before enrolment.
    pub office: Option<String>,
    /// Whether that office makes backups; none before the first exchange.
    pub office_has_backups: Option<bool>,
    /// The last exchange with the office.
    pub last_exchange: Option<Exchange>,
    /// Entries written.
    pub entries: u64,
    /// Entries that the office does not have.
    pub unsent: u64,
    /// Entries that wait for their verdict.
    pub pending: u64,
    /// Own photos by where they stand.
    pub photos: PhotoCounts,
    /// Own entries that the office held or rejected, and why, until they are acknowledged: the oldest
    /// [`limits::REFUSED_SHOWN`].
    pub refused: Vec<RefusedEntry>,
    /// How many more of those there are.
    pub refused_more: u64,
    /// What needs a person, until the next exchange succeeds.
    pub attention: Option<Attention>,
    /// What is being offered again to an office that has lost it; none while nothing is.
    pub reoffer: Option<ReofferProgress>,
    /// What was offered again last, until that is acknowledged.
    pub reoffered: Option<Reoffered>,
    /// Requests that were answered.
    pub round_trips: u64,
    /// Bytes of originals that were sent and acknowledged.
    pub bytes_sent: u64,
    /// Bytes of originals that may have been sent before a cut and were sent again; never more than a piece for each cut.
    pub bytes_sent_again: u64,
    /// Originals that wait by the upload policy, and what for.
    pub originals_held: Option<OriginalsHeld>,
    /// How far the phone's clock is off, by its last exchanges with the office; none before the first.
    pub clock: Option<ClockOffset>,
}

/// Own photos by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PhotoCounts {
    /// On this device only.
    pub saved: u64,
    /// The office has the entry.
    pub sent: u64,
    /// The office has judged the entry.
    pub judged: u64,
    /// The office has signed for the original.
    pub received: u64,
    /// A verified backup covers the original.
    pub safe: u64,
}

/// An own entry that the office held or rejected.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedEntry {
    /// The entry.
    pub entry: EntryId,
    /// Its item.
    pub item: ItemId,
    /// What screens call the item.
    pub label: String,
    /// What the office decided.
    pub verdict: Verdict,
}

impl Field {
    /// What the store's person may do, as the office has told; none before it has.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn roles(&self) -> Result<Option<Vec<Role>>, FieldError> {
        Ok(person(&self.conn, &self.person)?.map(|person| person.roles))
    }

    /// How the store stands.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn status(&self) -> Result<Status, FieldError> {
        let incarnation = self.incarnation()?;
        let head = entries::head(&self.conn, incarnation)?;
        let through = outbox::through(&self.conn)?;
        let mut counts = PhotoCounts::default();
        for photo in photos::own(&self.conn)? {
            let count = match self.stage(&photo)? {
                PhotoStage::Saved => &mut counts.saved,
                PhotoStage::Sent => &mut counts.sent,
                PhotoStage::Judged => &mut counts.judged,
                PhotoStage::Received => &mut counts.received,
                PhotoStage::Safe => &mut counts.safe,
            };
            *count += 1;
        }
        let mut refused = Vec::new();
        for (item, judged) in judgements::refused(&self.conn, limits::REFUSED_SHOWN)? {
            let label = list::row(&self.conn, item)?.and_then(|row| row.label);
            refused.push(RefusedEntry {
                entry: judged.judgement.entry,
                item,
                label: label.unwrap_or_else(|| super::cases::provisional_label(item)),
                verdict: judged.judgement.verdict,
            });
        }
        let refused_count = judgements::refused_count(&self.conn)?;
        Ok(Status {
            person: self.person.clone(),
            incarnation,
            office: self.office()?.map(|office| office.url),
            office_has_backups: meta::get::<PhoneLimits>(&self.conn, key::LIMITS)?.map(|limits| limits.has_backups),
            last_exchange: meta::get(&self.conn, key::LAST_EXCHANGE)?,
            entries: entries::own_count(&self.conn)?,
            unsent: head.seq.saturating_sub(through),
            pending: pending::count(&self.conn)?,
            photos: counts,
            refused_more: refused_count.saturating_sub(refused.len() as u64),
            refused,
            attention: session::attention(&self.conn)?,
            reoffer: reoffer::progress(&self.conn)?,
            reoffered: meta::get(&self.conn, key::REOFFERED)?,
            round_trips: meta::tallied(&self.conn, "round_trips")?,
            bytes_sent: meta::tallied(&self.conn, "bytes_sent")?,
            bytes_sent_again: meta::tallied(&self.conn, "bytes_sent_again")?,
            originals_held: self.originals_held()?,
            clock: clock_offset::estimate(&clock_samples::newest_first(&self.conn)?),
        })
    }

    /// Notes that the store's person has seen that the office held or rejected an own entry: [`Self::status`] shows it no
    /// more, unless the office decides about it anew and it is refused again. That stays on this phone; the case's story
    /// keeps the verdict. Once more does nothing.
    ///
    /// # Errors
    /// [`FieldError::NotRefused`], [`FieldError::Store`].
    pub fn acknowledge(&mut self, entry: EntryId) -> Result<(), FieldError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !judgements::acknowledge(&tx, entry)? {
            return Err(FieldError::NotRefused(entry.to_string()));
        }
        tx.commit()?;
        Ok(())
    }

    /// Notes that the store's person has seen that a copy of it speaks to the office too: [`Self::status`] says it no more, unless
    /// that is found out once more. Where nobody has found out, nothing is done.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn acknowledge_copy(&mut self) -> Result<(), FieldError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        meta::clear(&tx, key::COPIED)?;
        tx.commit()?;
        Ok(())
    }

    /// Notes that the store's person has seen that the office had lost something and that it was offered again: [`Self::status`]
    /// says it no more. Where nothing was, nothing is done.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn acknowledge_restore(&mut self) -> Result<(), FieldError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        meta::clear(&tx, key::REOFFERED)?;
        tx.commit()?;
        Ok(())
    }

    /// The refused entry, acknowledged or not, whose id begins with `text`, of four digits at least.
    ///
    /// # Errors
    /// [`FieldError::NotRefused`], [`FieldError::Ambiguous`], [`FieldError::Store`].
    pub fn find_refused(&self, text: &str) -> Result<EntryId, FieldError> {
        let digits = text.to_ascii_lowercase();
        let known = |digits: &str| judgements::refused_starting_with(&self.conn, digits);
        let found = if digits.len() < 4 { Vec::new() } else { known(&digits)? };
        match found.as_slice() {
            [] => Err(FieldError::NotRefused(text.to_owned())),
            [only] => Ok(*only),
            _ => Err(FieldError::Ambiguous(text.to_owned())),
        }
    }
}
