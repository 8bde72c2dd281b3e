//! The office's side of the journal: an entry comes in, is chained, judged, folded, and told to those who may know.
//!
//! All of it happens in the one transaction that the caller holds: a crash leaves all of it or nothing.

mod erase;
mod held;
mod settled;
mod recovered;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Transaction;

pub use held::{Ruling, Said};
pub use recovered::Recovered;

use super::actor::{actor, person};
use super::entry::{Body, Change, Entry, EntryError, Header, Origin};
use super::fold;
use super::judge::{Decision, Facts, JUDGE_VERSION, ReadEntry, Subject, judge};
use super::verdict::{Code, Judgement, Verdict};
use super::version::Version;
use super::view::View;
use super::write::{Author, Draft, Seen, WriteError, write};
use crate::clock::{Entropy, Moment, Now};
use crate::crypto::{CryptoError, SealingKey, Signer};
use crate::id::{EntryId, EpochId, IncarnationId, ItemId, PersonId};
use crate::limits;
use crate::mutant::{self, Mutant};
use crate::pack::{Pack, Role};
use crate::store::entries::{self, Known};
use crate::store::feeds::{self, FeedRow};
use crate::store::judgements::{self, Judged};
use crate::store::{StoreError, erased, items, lineage, meta, photos, recovered as restored};
use crate::sync::wire::Refusal;
use crate::work::flow::{Actor, Numbers, Who};
use crate::work::person::Person;
use crate::work::{self, Audience};

/// Why the ledger did not take an entry.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The office's own entry could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The origin could not be sealed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The entry has no place in its chain: nothing of it was kept, the sender has it still.
    #[error("the entry was refused: {0:?}")]
    Refused(Refusal),
    /// What a person said of a held entry was not done; nothing of it was kept.
    #[error("this was not done: {0:?}")]
    NotRuled(Code),
    /// The entry does not wait for a person.
    #[error("entry {0} waits for nobody: it is not here, or was decided about already; list what is held")]
    NotHeld(EntryId),
    /// Of the entry nothing is to be erased.
    #[error("of entry {0} nothing is to be erased: it is not here, or it was erased already")]
    NothingToErase(EntryId),
}

/// What the ledger stands on.
#[derive(Clone, Copy)]
pub struct Office<'a> {
    /// The rules of the district.
    pub pack: &'a Pack,
    /// The branch of the ledger.
    pub epoch: EpochId,
    /// The key that origins are sealed with.
    pub sealing: &'a SealingKey,
    /// The hand that writes the office's own entries.
    pub node: &'a Author,
    /// The key that it signs with.
    pub signer: &'a dyn Signer,
}

/// Whose device sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The life of the journal.
    pub incarnation: IncarnationId,
    /// Whose it is.
    pub person: PersonId,
    /// Whether it was revoked: what it sends is held.
    pub revoked: bool,
}

/// One turn at the ledger.
pub struct Intake<'a, 'tx> {
    /// The transaction that all of it happens in.
    pub tx: &'a Transaction<'tx>,
    /// What the ledger stands on.
    pub office: Office<'a>,
    /// The office's clocks.
    pub now: &'a Now,
    /// Where ids and salts come from.
    pub entropy: &'a mut Entropy,
    /// Items that changed, and that searches find by what they were before.
    unsearched: BTreeSet<ItemId>,
}

/// Whose word an entry stands on, beside its author's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing<'a> {
    /// Nobody's.
    Own,
    /// Not even on that: its device was revoked.
    Revoked,
    /// That of a person at the office who released it, with the roles by which they did: what the author has no right to
    /// is judged as done by somebody who has these too.
    Vouched(&'a [Role]),
}

/// What became of an entry that was taken.
#[derive(Debug, Clone)]
pub enum Taken {
    /// It was judged now.
    Judged(Box<Judgement>),
    /// It was here already.
    Repeat,
    /// It was here already under another place, and has this one too from now on.
    Again,
}

impl<'a, 'tx> Intake<'a, 'tx> {
    /// A turn; [`Self::finish`] ends it.
    #[must_use]
    pub const fn new(tx: &'a Transaction<'tx>, office: Office<'a>, now: &'a Now, entropy: &'a mut Entropy) -> Self {
        Self { tx, office, now, entropy, unsearched: BTreeSet::new() }
    }

    /// Does what is done once for all that the turn took: searches find each item by what it is now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(self) -> Result<(), StoreError> {
        self.unsearched.into_iter().try_for_each(|item| items::put_search(self.tx, item))
    }
}

impl Intake<'_, '_> {
    /// Takes one entry of `sender`'s chain.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where it does not continue the chain; the transaction may go on with what came before.
    pub fn take(&mut self, entry: Entry, sender: &Sender) -> Result<Taken, LedgerError> {
        let malformed = |_: EntryError| LedgerError::Refused(Refusal::Malformed);
        let header = entry.read_header().map_err(malformed)?;
        let origin = entry.read_origin(&header).map_err(malformed)?;
        if origin.incarnation != sender.incarnation {
            return Err(LedgerError::Refused(Refusal::Malformed));
        }
        if let Some(repeat) = self.repeat(&entry, &header, &origin, sender)? {
            return Ok(repeat);
        }
        let (body, who) = match (entry.read_body(&header), self.author_of(&entry, &header, sender)?) {
            (Ok(body), Some(who)) => (body, who),
            // What can be read of it still stands: the photo that it attaches is kept, and signed for.
            (body, Some(_) | None) => {
                let change = body.ok().map(|body| body.change);
                return self.settle(entry, &header, &origin, change.as_ref(), None, Decision::held(Code::Malformed));
            }
        };
        if who != sender.person {
            // Whoever it names did not write it: it is nobody's last word.
            return self.settle(entry, &header, &origin, Some(&body.change), None, Decision::held(Code::NotAllowed));
        }
        let standing = if sender.revoked { Standing::Revoked } else { Standing::Own };
        let decision = self.decide(&header, &origin, &body, &who, standing)?;
        self.settle(entry, &header, &origin, Some(&body.change), Some(&who), decision)
    }

    /// Writes an entry by an office hand and takes it: a console step, or something that the office noticed.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn write(&mut self, author: &Author, draft: Draft) -> Result<(ItemId, Judgement), LedgerError> {
        let written = write(self.tx, author, draft, self.now, self.entropy)?;
        let unreadable = |source: EntryError| LedgerError::Write(WriteError::Entry(source));
        let body = written.entry.read_body(&written.header).map_err(unreadable)?;
        let private = written.entry.read_private(&written.header).map_err(unreadable)?;
        let decision = self.decide(&written.header, &written.origin, &body, &private.who, Standing::Own)?;
        match self.settle(
            written.entry,
            &written.header,
            &written.origin,
            Some(&body.change),
            Some(&private.who),
            decision,
        )? {
            Taken::Judged(judgement) => Ok((written.header.item, *judgement)),
            Taken::Repeat | Taken::Again => Err(LedgerError::Refused(Refusal::Malformed)),
        }
    }

    /// What the office has of this entry already, none where it is new; or an error where its place in the chain is another's or
    /// not yet reached.
    fn repeat(
        &mut self,
        entry: &Entry,
        header: &Header,
        origin: &Origin,
        sender: &Sender,
    ) -> Result<Option<Taken>, LedgerError> {
        let refused = |refusal| Err(LedgerError::Refused(refusal));
        if let Some(here) = entries::hash_at(self.tx, origin.incarnation, origin.seq)? {
            return if here == entry.header_hash() { Ok(Some(Taken::Repeat)) } else { refused(Refusal::Clone) };
        }
        let known = entries::get(self.tx, header.id)?;
        let is_erased = erased::is_erased(self.tx, header.id)?;
        if known.as_ref().is_some_and(|known| !is_same(known, entry, header, is_erased)) {
            return refused(Refusal::Malformed);
        }
        let head = entries::head(self.tx, origin.incarnation)?;
        if origin.seq != head.seq + 1 {
            return refused(Refusal::Gap);
        }
        if origin.prev != head.hash {
            return refused(Refusal::Clone);
        }
        let known = known.filter(|_| !mutant::is_on(Mutant::RepeatTakenForNew));
        let Some(known) = known else { return Ok(None) };
        if self.author_of(entry, header, sender)?.is_some_and(|who| who == sender.person) {
            restored::complete(self.tx, header.id, entry, &sender.person)?;
        }
        self.take_place(entry, &known, header.id, origin)?;
        self.retell_opened(header, entry)?;
        Ok(Some(Taken::Again))
    }

    /// Gives an entry that is here already its place in this chain: one more where a copy of its author's store brought it before,
    /// its own where it came back after a restore ahead of its chain. Tells whose that is what became of the entry so far.
    fn take_place(&self, entry: &Entry, known: &Entry, id: EntryId, origin: &Origin) -> Result<(), LedgerError> {
        if restored::is_pulled(self.tx, id)? && known.header == entry.header {
            restored::place(self.tx, id, origin)?;
        } else {
            restored::forget(self.tx, id)?;
            lineage::take_place(self.tx, id, entry, origin.incarnation, origin.seq)?;
        }
        let private = feeds::private(origin.incarnation);
        feeds::append(self.tx, &private, &FeedRow::Verdict { entry: id })?;
        for photo in photos::of_entry(self.tx, id)?.iter().filter(|photo| photo.received) {
            feeds::append(self.tx, &private, &FeedRow::Receipt { entry: id, sha256: photo.sha256 })?;
            if photo.safe {
                feeds::append(self.tx, &private, &FeedRow::Safe { entry: id, sha256: photo.sha256 })?;
            }
        }
        if let Some(erasure) = erased::get(self.tx, id)? {
            feeds::append(self.tx, &private, &FeedRow::Erased { entry: id, erasure })?;
        }
        Ok(())
    }

    fn decide(
        &self,
        header: &Header,
        origin: &Origin,
        body: &Body,
        who: &PersonId,
        standing: Standing<'_>,
    ) -> Result<Decision, LedgerError> {
        if restored::is_restored(self.tx, header.id)? {
            return Ok(Decision::without_effect(Verdict::NoOp));
        }
        let view = items::view(self.tx, header.item)?;
        let seen = match &header.seen {
            Some(seen) => items::count_seen(self.tx, header.item, seen)?,
            None => None,
        };
        let own_links = match body.change {
            Change::Edit { .. } => entries::own_links(self.tx, header.item, who)?,
            Change::Open { .. }
            | Change::Attach { .. }
            | Change::Step { .. }
            | Change::Comment { .. }
            | Change::Release { .. }
            | Change::Restored { .. }
            | Change::Dismiss { .. }
            | Change::Erase { .. } => BTreeMap::new(),
        };
        let subject = Subject {
            view: view.as_ref(),
            seen,
            own_links: &own_links,
            blocked: judgements::blocked(self.tx, origin.incarnation, header.item, Some(header.id))?,
        };
        let person = person(self.tx, who)?;
        let revoked = standing == Standing::Revoked;
        let actor = self.actor(header.item, view.as_ref(), who, person.as_ref(), revoked)?;
        if let Some(view) = &view
            && standing == Standing::Own
            && !self.may_know_of(header.item, origin.incarnation, view, &actor, person.as_ref())?
        {
            return Ok(Decision::held(Code::UnknownItem));
        }
        // An author leads back only through what that author wrote on this item.
        let own = match origin.own {
            Some(own) if entries::is_of(self.tx, own, header.item, who)? => Some(own),
            Some(_) | None => None,
        };
        let entry = ReadEntry { id: header.id, kind: &header.kind, own, change: &body.change };
        let decide = |actor: &Actor| {
            judge(&subject, &Facts { pack: self.office.pack, actor, received: self.now.wall.to_minute() }, &entry)
        };
        let decision = decide(&actor);
        match (standing, &decision.verdict) {
            (Standing::Vouched(lent), Verdict::Held { reason: Code::NotAllowed, .. }) => {
                let roles = [actor.roles.as_slice(), lent].concat();
                Ok(decide(&Actor { roles, ..actor }))
            }
            (Standing::Own | Standing::Revoked | Standing::Vouched(_), _) => Ok(decision),
        }
    }

    fn actor(
        &self,
        item: ItemId,
        view: Option<&View>,
        who: &PersonId,
        person: Option<&Person>,
        revoked: bool,
    ) -> Result<Actor, LedgerError> {
        if *who == self.office.node.who {
            return Ok(Actor::office());
        }
        Ok(Actor { revoked, ..actor(self.tx, who, person, item, view)? })
    }

    /// Whether an author is, or was, told of the item: what is not theirs is answered as if it were not there.
    fn may_know_of(
        &self,
        item: ItemId,
        incarnation: IncarnationId,
        view: &View,
        actor: &Actor,
        person: Option<&Person>,
    ) -> Result<bool, LedgerError> {
        let Some(who) = &actor.person else { return Ok(true) };
        // What a desk writes on, the console has shown it.
        if incarnation == self.office.node.incarnation {
            return Ok(true);
        }
        if person.is_some_and(|person| person.is_at_a_desk_of(&view.kind)) || actor.was_any(&[Who::Handler], view) {
            return Ok(true);
        }
        let reads = person.map(Audience::feeds_of).unwrap_or_default();
        let told = items::audiences(self.tx, item)?;
        Ok(!reads.is_disjoint(&told)
            || feeds::saw_leave(self.tx, incarnation, item)?
            || entries::is_known_to(self.tx, item, who)?)
    }

    /// Keeps the entry with its judgement, applies it, and tells those who may know.
    fn settle(
        &mut self,
        mut entry: Entry,
        header: &Header,
        origin: &Origin,
        change: Option<&Change>,
        who: Option<&PersonId>,
        decision: Decision,
    ) -> Result<Taken, LedgerError> {
        let origin_text = entry.origin.as_deref().unwrap_or_default();
        let sealed = self.office.sealing.seal(origin_text, &entry.header_hash(), self.entropy)?;
        entry.sealed = Some(crate::store::to_json("entry", &sealed)?);
        let known = Known { header, origin: Some(origin), change: change.map(Change::name), who, cause: None };
        entries::insert(self.tx, &entry, &known)?;
        if let Some(Change::Attach { photo, .. }) = change {
            // Held and rejected entries keep their photos: they stay evidence.
            photos::attach(self.tx, header.id, header.item, photo, false)?;
        }

        let (judgement, view) = self.judgement(&entry, header, decision)?;
        let judged = Judged { text: crate::store::to_json("judgement", &judgement)?, judgement };
        judgements::insert(self.tx, header.item, &judged, self.now.wall)?;
        self.pronounce(header, origin, change, &judged.judgement, &view)?;
        self.tell_erased(header.id)?;
        self.retell_opened(header, &entry)?;
        Ok(Taken::Judged(Box::new(judged.judgement)))
    }

    /// Tells the author of a judgement that is kept, and where it applies does what it says and tells those who may know.
    fn pronounce(
        &mut self,
        header: &Header,
        origin: &Origin,
        change: Option<&Change>,
        judgement: &Judgement,
        view: &View,
    ) -> Result<(), LedgerError> {
        if origin.incarnation != self.office.node.incarnation {
            feeds::tell(self.tx, header.id, &FeedRow::Verdict { entry: header.id })?;
        }
        if let (true, Some(version)) = (judgement.verdict.applies(), judgement.version) {
            items::put_row(self.tx, header.item, view)?;
            items::insert_version(self.tx, header.item, &version, header.id)?;
            self.erase_by(judgement)?;
            self.tell(header.item, view, Some(header.id))?;
            self.unsearched.insert(header.item);
            self.follow(header.item, view, change)?;
        }
        Ok(())
    }

    fn judgement(&self, entry: &Entry, header: &Header, decision: Decision) -> Result<(Judgement, View), LedgerError> {
        let before = items::view(self.tx, header.item)?;
        let unknown = matches!(decision.verdict, Verdict::Held { reason: Code::UnknownItem, .. });
        let stands = before.as_ref().map(|view| view.version).filter(|_| !unknown);
        let mut view = before.unwrap_or_else(|| View::empty(&header.kind, Version::none(self.office.epoch)));
        let effects = crate::store::to_json("judgement", &decision.effects)?;
        let version = if decision.verdict.applies() {
            let version = view.version.after(self.office.epoch, &entry.header_hash(), &effects);
            fold::apply(&mut view, header.id, version, &decision.effects);
            Some(version)
        } else {
            stands
        };
        let effects = serde_json::value::RawValue::from_string(effects)
            .map_err(|source| StoreError::Row { table: "judgement", source })?;
        let judgement = Judgement {
            entry: header.id,
            verdict: decision.verdict,
            version,
            effects,
            judge: JUDGE_VERSION,
            pack: self.office.pack.version().to_owned(),
            received: self.now.wall.to_minute(),
            cause: entries::cause(self.tx, header.id)?,
        };
        Ok((judgement, view))
    }

    /// Feed rows: where the item enters, leaves, or by an `entry` changes.
    fn tell(&self, item: ItemId, view: &View, entry: Option<EntryId>) -> Result<(), LedgerError> {
        let before = items::audiences(self.tx, item)?;
        let opener = entries::opener(self.tx, item)?;
        let told = work::rules(&view.kind)
            .map(|rules| (rules.audiences)(self.office.pack, view, opener.as_ref()))
            .unwrap_or_default();
        let after: BTreeSet<String> = told.iter().map(Audience::feed).collect();
        for audience in &after {
            if before.contains(audience) {
                if let Some(entry) = entry {
                    feeds::append(self.tx, audience, &FeedRow::To { item, count: view.version.count, entry })?;
                }
            } else {
                let entered = feeds::append(self.tx, audience, &FeedRow::Enter { item })?;
                items::join(self.tx, item, audience, Some(entered))?;
            }
        }
        for audience in before.difference(&after) {
            items::leave(self.tx, item, audience)?;
            let left = feeds::append(self.tx, audience, &FeedRow::Leave { item })?;
            feeds::depart(self.tx, audience, item, left)?;
        }
        Ok(())
    }

    /// What the office writes because of what was applied: a new case gets its number.
    fn follow(&mut self, item: ItemId, view: &View, change: Option<&Change>) -> Result<(), LedgerError> {
        let Some(numbers) = work::rules(&view.kind).and_then(|rules| rules.numbers.as_ref()) else { return Ok(()) };
        if matches!(change, Some(Change::Open { .. })) && view.text("number").is_none() {
            self.number(item, &view.kind, numbers)?;
        }
        Ok(())
    }

    fn number(&mut self, item: ItemId, kind: &str, numbers: &Numbers) -> Result<(), LedgerError> {
        let number = self.next_number(kind, numbers)?;
        let fields = [("number".to_owned(), number.into())].into();
        let mut cause = format!("number/{item}");
        if entries::has_cause(self.tx, &cause)? {
            // The one that it had before a restore is another's now.
            cause.push_str("/again");
        }
        self.write_once(&cause, item, kind, fields)
    }

    /// `BZ20260721-0007`: dense within the day of receipt in Beijing, because it is counted in this transaction; but for
    /// numbers that phones brought back after a restore.
    fn next_number(&self, kind: &str, numbers: &Numbers) -> Result<String, LedgerError> {
        let day = self.now.wall.beijing_day();
        let key = format!("{}/{day}", numbers.series);
        loop {
            let number = meta::get::<u64>(self.tx, &key)?.unwrap_or(0) + 1;
            meta::set(self.tx, &key, &number)?;
            let text = format!("{}{day}-{number:04}", (numbers.prefix)(self.office.pack));
            if items::labelled(self.tx, kind, &text)?.is_none() {
                return Ok(text);
            }
        }
    }

    /// Writes an edit by the office itself, unless it was written for this cause already.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn write_once(
        &mut self,
        cause: &str,
        item: ItemId,
        kind: &str,
        fields: BTreeMap<String, serde_json::Value>,
    ) -> Result<(), LedgerError> {
        if entries::has_cause(self.tx, cause)? {
            return Ok(());
        }
        let draft = Draft {
            item: Some(item),
            kind: kind.to_owned(),
            change: Change::Edit { fields },
            fix: None,
            seen: Seen::Held,
            cause: Some(cause.to_owned()),
        };
        let node = self.office.node.clone();
        self.write(&node, draft)?;
        Ok(())
    }

    /// Grants and withdraws feeds so that `incarnation` reads those of its person's roles, and says so in its private
    /// feed. What is granted is in `granted`, a table of the office's.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn grant(&mut self, incarnation: IncarnationId, person: Option<&Person>) -> Result<(), LedgerError> {
        let wanted = person.map(Audience::feeds_of).unwrap_or_default();
        let granted: BTreeSet<String> = feeds::granted(self.tx, incarnation)?.into_keys().collect();
        let private = feeds::private(incarnation);
        for audience in wanted.difference(&granted) {
            feeds::grant(self.tx, incarnation, audience)?;
            feeds::append(self.tx, &private, &FeedRow::Grant { audience: audience.clone() })?;
        }
        for audience in granted.difference(&wanted) {
            feeds::withdraw(self.tx, incarnation, audience)?;
            if mutant::is_on(Mutant::WithdrawalUnsaid) {
                continue;
            }
            feeds::append(self.tx, &private, &FeedRow::Withdraw { audience: audience.clone() })?;
        }
        Ok(())
    }

    /// Lets `incarnation` go on where `predecessor` was after `through`, whose feeds it has read to `positions`: it reads on
    /// where nothing was withdrawn meanwhile, and is told to begin anew where something was.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn succeed(
        &mut self,
        incarnation: IncarnationId,
        predecessor: IncarnationId,
        through: u64,
        positions: &BTreeMap<String, u64>,
    ) -> Result<(), LedgerError> {
        lineage::succeed(self.tx, incarnation, predecessor, through)?;
        let granted = feeds::granted(self.tx, predecessor)?;
        let private = feeds::private(incarnation);
        for (audience, position) in positions.iter().filter(|(audience, _)| !feeds::is_private(audience)) {
            match granted.get(audience) {
                Some(since) if *position == 0 || position >= since => {
                    feeds::inherit(self.tx, incarnation, audience, *since)?;
                }
                Some(_) | None => {
                    feeds::append(self.tx, &private, &FeedRow::Withdraw { audience: audience.clone() })?;
                }
            }
        }
        Ok(())
    }

    /// Writes down what a person at the office ordered about an entry, of which `about` is the header: once for each `cause`.
    fn write_down(
        &mut self,
        author: &Author,
        about: &Header,
        change: Change,
        cause: String,
        decision: Decision,
    ) -> Result<(), LedgerError> {
        let draft = Draft {
            item: Some(about.item),
            kind: about.kind.clone(),
            change,
            fix: None,
            seen: Seen::Held,
            cause: Some(cause),
        };
        let written = write(self.tx, author, draft, self.now, self.entropy)?;
        self.settle(written.entry, &written.header, &written.origin, Some(&written.change), None, decision)?;
        Ok(())
    }

    /// When this turn happens, as readers are told.
    #[must_use]
    pub const fn minute(&self) -> Moment {
        self.now.wall.to_minute()
    }
}

/// Whether a person at the office is told that there is anything of such a kind: of what is covert only its own desks are.
fn may_hear_of(kind: &str, person: Option<&Person>) -> bool {
    !work::rules(kind).is_some_and(|rules| rules.covert) || person.is_some_and(|person| person.is_at_a_desk_of(kind))
}

/// The words in which a person says why, as they are kept.
fn reason_of(said: &str) -> Result<String, LedgerError> {
    let reason = said.trim();
    if reason.is_empty() {
        return Err(LedgerError::NotRuled(Code::ReasonMissing));
    }
    if reason.chars().count() > limits::TEXT_CHARS {
        return Err(LedgerError::NotRuled(Code::Malformed));
    }
    Ok(reason.to_owned())
}

/// Whether `again` is what is here as `known`, wherever either stands in a chain. Whoever has only seen the header of an entry
/// has not its private part; of one whose private part was erased nobody has.
fn is_same(known: &Entry, again: &Entry, header: &Header, is_erased: bool) -> bool {
    let same = |before: &Header| before.item == header.item && before.kind == header.kind && before.seen == header.seen;
    let Ok(before) = known.read_header() else { return false };
    let same_private = match &known.private {
        Some(private) => again.private.as_ref() == Some(private),
        // Others brought it back, without what only its author has.
        None => {
            let proven = again.read_private(header).is_ok() || (is_erased && again.private.is_none());
            before.hashes.private == header.hashes.private && proven
        }
    };
    same(&before) && before.hashes.body == header.hashes.body && known.body == again.body && same_private
}
