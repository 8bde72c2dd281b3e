//! What a person at the office says of an entry that is held: it takes effect after all, or it is set aside for good
//! (docs/decisions/D14).
//!
//! What they said is an entry of the office's on the same item. It changes nothing of the item and is told to nobody: what
//! came of it is the new judgement of the held entry, and of all that waited behind it.

use super::{Intake, LedgerError, Sender, Standing, may_hear_of, reason_of};
use crate::id::{EntryId, PersonId};
use crate::journal::actor::person;
use crate::journal::entry::{Body, Change, Entry, EntryError, Header, Origin};
use crate::journal::judge::Decision;
use crate::journal::verdict::{Code, Judgement, Verdict};
use crate::journal::write::{Author, WriteError};
use crate::mutant::{self, Mutant};
use crate::pack::Role;
use crate::store::judgements::{self, Judged};
use crate::store::{entries, erased};

/// What becomes of a held entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It takes effect, as far as the rules let it: a person vouches for it.
    Release,
    /// It never does.
    Dismiss,
}

/// What a person says of a held entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The held entry.
    pub entry: EntryId,
    /// What becomes of it.
    pub ruling: Ruling,
    /// Why, in words.
    pub reason: String,
}

/// A held entry, as far as it can be read.
pub(super) struct Waiting {
    entry: Entry,
    header: Header,
    origin: Origin,
    body: Option<Body>,
    /// Who wrote it, where that can be read.
    who: Option<PersonId>,
    before: Judgement,
}

impl Intake<'_, '_> {
    /// Does what `author` says of an entry that `sender` sent and that is held, and gives the new judgements: its own, then
    /// those of what waited behind it, in the order of the chain. What is held as before gets none.
    ///
    /// # Errors
    /// [`LedgerError::NotHeld`] where it waits for nobody. [`LedgerError::NotRuled`]: with the code for which it would be held
    /// again, of one that cannot be released; [`Code::NotAllowed`] where it is not `author`'s to say, as of what they wrote
    /// themselves; [`Code::ReasonMissing`]; [`Code::Malformed`] for a reason that is too long. The caller drops the
    /// transaction then.
    pub fn rule(&mut self, author: &Author, said: &Said, sender: &Sender) -> Result<Vec<Judgement>, LedgerError> {
        let first = self.waiting(said.entry)?;
        let lent = self.lent(author, &first, sender)?;
        let behind = judgements::behind(self.tx, said.entry)?;
        self.record(author, &first, said)?;
        let standing = match said.ruling {
            Ruling::Release => Standing::Vouched(&lent),
            Ruling::Dismiss if sender.revoked => Standing::Revoked,
            Ruling::Dismiss => Standing::Own,
        };
        let decision = match said.ruling {
            Ruling::Release => self.decide_again(&first, standing)?,
            Ruling::Dismiss => Decision::without_effect(Verdict::Rejected { code: Code::Dismissed, after: None }),
        };
        if let Verdict::Held { reason, .. } = decision.verdict {
            return Err(LedgerError::NotRuled(reason));
        }
        let mut judged = vec![self.judge_again(first, decision)?];
        judged.extend(self.judge_behind(behind, standing)?);
        Ok(judged)
    }

    /// Judges what waited behind an entry that is held no more; what is held as before gets no new judgement.
    pub(super) fn judge_behind(
        &mut self,
        behind: Vec<EntryId>,
        standing: Standing<'_>,
    ) -> Result<Vec<Judgement>, LedgerError> {
        let mut judged = Vec::new();
        for entry in behind {
            if mutant::is_on(Mutant::ReleasedAlone) {
                break;
            }
            let waiting = self.waiting(entry)?;
            let decision = self.decide_again(&waiting, standing)?;
            if decision.verdict != waiting.before.verdict {
                judged.push(self.judge_again(waiting, decision)?);
            }
        }
        Ok(judged)
    }

    pub(super) fn waiting(&self, id: EntryId) -> Result<Waiting, LedgerError> {
        let judged = judgements::get(self.tx, id)?.map(|judged| judged.judgement);
        let held = judged.filter(|judgement| matches!(judgement.verdict, Verdict::Held { .. }));
        let (Some(before), Some(entry)) = (held, entries::get(self.tx, id)?) else {
            return Err(LedgerError::NotHeld(id));
        };
        let unreadable = |source: EntryError| LedgerError::Write(WriteError::Entry(source));
        let header = entry.read_header().map_err(unreadable)?;
        let origin = entry.read_origin(&header).map_err(unreadable)?;
        let body = entry.read_body(&header).ok();
        let who = match entry.read_private(&header) {
            Ok(private) => Some(private.who),
            Err(_) if erased::is_erased(self.tx, id)? => entries::who(self.tx, id)?,
            Err(_) => None,
        };
        Ok(Waiting { entry, header, origin, body, who, before })
    }

    /// The roles by which `author` decides. Nobody does about what is their own.
    fn lent(&self, author: &Author, waiting: &Waiting, sender: &Sender) -> Result<Vec<Role>, LedgerError> {
        let own = author.who == sender.person || waiting.who.as_ref().is_some_and(|who| *who == author.who);
        let kind = &waiting.header.kind;
        let person = person(self.tx, &author.who)?;
        if !may_hear_of(kind, person.as_ref()) {
            return Err(LedgerError::NotHeld(waiting.header.id));
        }
        let roles = person.map(|person| person.deciding_roles(kind)).unwrap_or_default();
        if own || roles.is_empty() { Err(LedgerError::NotRuled(Code::NotAllowed)) } else { Ok(roles) }
    }

    /// Writes down who decided what, when and why. Its cause names the held entry: nobody decides about one twice.
    fn record(&mut self, author: &Author, waiting: &Waiting, said: &Said) -> Result<(), LedgerError> {
        let reason = reason_of(&said.reason)?;
        let change = match said.ruling {
            Ruling::Release => Change::Release { entry: said.entry, reason },
            Ruling::Dismiss => Change::Dismiss { entry: said.entry, reason },
        };
        let decision = Decision::without_effect(Verdict::NoOp);
        self.write_down(author, &waiting.header, change, format!("held/{}", said.entry), decision)
    }

    /// As of now: by what the item is, and by what its author may do today.
    pub(super) fn decide_again(&self, waiting: &Waiting, standing: Standing<'_>) -> Result<Decision, LedgerError> {
        let Waiting { header, origin, body: Some(body), who: Some(who), .. } = waiting else {
            return Ok(Decision::held(Code::Malformed));
        };
        // Whoever it names did not write it: nobody can vouch for that.
        if !entries::is_of(self.tx, header.id, header.item, who)? {
            return Ok(Decision::held(Code::NotAllowed));
        }
        self.decide(header, origin, body, who, standing)
    }

    pub(super) fn judge_again(&mut self, waiting: Waiting, decision: Decision) -> Result<Judgement, LedgerError> {
        let Waiting { entry, header, origin, body, before, .. } = waiting;
        let (judgement, view) = self.judgement(&entry, &header, decision)?;
        // To whom the item was unknown, it stays so, unless what they wrote has become part of it.
        let unknown = matches!(before.verdict, Verdict::Held { reason: Code::UnknownItem, .. });
        let version = judgement.version.filter(|_| judgement.verdict.applies() || !unknown);
        let judgement = Judgement { version, received: before.received, ..judgement };
        let judged = Judged { text: crate::store::to_json("judgement", &judgement)?, judgement };
        judgements::replace(self.tx, &judged)?;
        let change = body.as_ref().map(|body| &body.change);
        self.pronounce(&header, &origin, change, &judged.judgement, &view)?;
        Ok(judged.judgement)
    }
}
