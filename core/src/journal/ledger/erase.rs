//! A person at the office has the private part of an entry erased (docs/decisions/D20).
//!
//! The order is an entry of the office's on the same item, so that it says who gave it, when and why. Its effect is carried out
//! where it is pronounced, here and at an office that phones bring it back to; each phone that has the part is told.

use super::{Intake, LedgerError, Sender, may_hear_of, reason_of};
use crate::crypto::Signed;
use crate::id::{EntryId, PersonId};
use crate::journal::actor::person;
use crate::journal::effect::Effect;
use crate::journal::entry::{Change, Entry, EntryError, Header};
use crate::journal::erasure::{self, Erasure, PRIVATE};
use crate::journal::judge::Decision;
use crate::journal::verdict::{Code, Judgement, Verdict};
use crate::journal::write::{Author, WriteError};
use crate::pack::Role;
use crate::store::feeds::{self, FeedRow};
use crate::store::{StoreError, entries, erased, items};

impl Intake<'_, '_> {
    /// Erases the private part of `entry` in the name of `author`, an administrator, for a reason that is kept.
    ///
    /// # Errors
    /// [`LedgerError::NothingToErase`] where there is no such entry, or it was erased before. [`LedgerError::NotRuled`]:
    /// [`Code::NotAllowed`] where it is not `author`'s to say; [`Code::ReasonMissing`]; [`Code::Malformed`] for a reason that
    /// is too long. The caller drops the transaction then.
    pub fn erase(&mut self, author: &Author, entry: EntryId, reason: &str) -> Result<(), LedgerError> {
        let unreadable = |source: EntryError| LedgerError::Write(WriteError::Entry(source));
        let nothing = || LedgerError::NothingToErase(entry);
        if erased::is_erased(self.tx, entry)? {
            return Err(nothing());
        }
        let header = entries::get(self.tx, entry)?.ok_or_else(nothing)?.read_header().map_err(unreadable)?;
        let by = person(self.tx, &author.who)?;
        if !may_hear_of(&header.kind, by.as_ref()) {
            return Err(nothing());
        }
        if !by.is_some_and(|person| person.roles.contains(&Role::Admin)) {
            return Err(LedgerError::NotRuled(Code::NotAllowed));
        }
        let change = Change::Erase { entry, part: PRIVATE.to_owned(), reason: reason_of(reason)? };
        // What was held may be of an item that there is not: nothing has effects on that.
        let decision = if items::view(self.tx, header.item)?.is_some() {
            let effect = Effect::ErasePart { entry, part: PRIVATE.to_owned() };
            Decision { verdict: Verdict::Applied, effects: vec![effect] }
        } else {
            Decision::without_effect(Verdict::NoOp)
        };
        self.write_down(author, &header, change, format!("erased/{entry}"), decision)?;
        self.erase_part(entry, PRIVATE)
    }

    /// Erases what an office said to be erased, as a phone or a file keeps it: what this one has lost meanwhile. True where it
    /// was not known here. What another than this office signed is passed over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn erase_again(&self, signed: &Signed<Erasure>) -> Result<bool, LedgerError> {
        Ok(erasure::carry_out(self.tx, signed, &self.office.signer.public_key()?)?)
    }

    /// Carries out what a judgement says of parts of entries.
    pub(super) fn erase_by(&self, judgement: &Judgement) -> Result<(), LedgerError> {
        for effect in judgement.read_effects().unwrap_or_default() {
            if let Effect::ErasePart { entry, part } = effect {
                self.erase_part(entry, &part)?;
            }
        }
        Ok(())
    }

    fn erase_part(&self, entry: EntryId, part: &str) -> Result<(), LedgerError> {
        if !erased::is_erased(self.tx, entry)? {
            self.erase_again(&Signed::new(&Erasure { entry, part: part.to_owned() }, self.office.signer)?)?;
        }
        Ok(())
    }

    /// Tells whoever brought an entry that was erased before it came.
    pub(super) fn tell_erased(&self, entry: EntryId) -> Result<(), StoreError> {
        match erased::get(self.tx, entry)? {
            Some(erasure) => feeds::tell(self.tx, entry, &FeedRow::Erased { entry, erasure }),
            None => Ok(()),
        }
    }

    /// Who wrote an entry of `sender`'s: whom its private part names. Where that was erased, whose chain it stands in.
    pub(super) fn author_of(
        &self,
        entry: &Entry,
        header: &Header,
        sender: &Sender,
    ) -> Result<Option<PersonId>, StoreError> {
        if let Ok(private) = entry.read_private(header) {
            return Ok(Some(private.who));
        }
        let is_erased = entry.private.is_none() && erased::is_erased(self.tx, header.id)?;
        Ok(is_erased.then(|| sender.person.clone()))
    }
}
