//! What phones bring back after the office was restored (docs/protocol.md, 8).
//!
//! What bears the office's signature and continues the history here keeps its judgement. Anything else is judged anew under
//! its id; that its author was in the right the signature says. An item that comes as a snapshot becomes an entry of this office.

use std::collections::{BTreeMap, BTreeSet};

use super::{Intake, LedgerError, Standing};
use crate::id::{EntryId, ItemId, PersonId};
use crate::journal::actor::{actor, person};
use crate::journal::effect::Effect;
use crate::journal::entry::{Change, Entry, Header, Origin};
use crate::journal::fold;
use crate::journal::judge::{Decision, Facts, ReadEntry, Subject, judge};
use crate::journal::restored::Merge;
use crate::journal::verdict::{Code, Judgement, Verdict};
use crate::journal::version::Version;
use crate::journal::view::{Loser, View};
use crate::journal::write::{Draft, Seen, write};
use crate::limits;
use crate::store::entries::{self, Known};
use crate::store::judgements::{self, Judged};
use crate::store::{StoreError, from_json, items, photos, recovered, to_json};
use crate::sync::offer::ProvenEntry;
use crate::sync::wire::Snapshot;
use crate::work;
use crate::work::flow::Actor;

/// What became of something that a phone brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// It was here already.
    Known,
    /// It is here again as it was judged, or as this entry of the office's.
    Kept(EntryId),
    /// It was judged anew.
    Anew(EntryId),
    /// It is not taken by what the phone was told of it: its author brings it by its chain, to be judged like any other.
    Left,
    /// It cannot be taken: its item would be more than phones can hold, or is not here.
    NotTaken(Code),
}

impl Intake<'_, '_> {
    /// Takes back an entry that the office had judged on some branch, written by `who`, where that is known.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn recover(&mut self, proven: ProvenEntry, who: Option<&PersonId>) -> Result<Recovered, LedgerError> {
        match judgements::get(self.tx, proven.header.id)? {
            Some(here) => self.settle_held(&here, &proven),
            None => self.take_back(proven, who),
        }
    }

    /// What is held here, and was decided about where it was lost, is held no more.
    fn settle_held(&mut self, here: &Judged, proven: &ProvenEntry) -> Result<Recovered, LedgerError> {
        let ProvenEntry { entry, header, origin, body, judged, .. } = proven;
        let held = matches!(here.judgement.verdict, Verdict::Held { .. });
        let same = entries::get(self.tx, header.id)?.is_some_and(|known| known.header == entry.header);
        if !held || !same || !judged.judgement.verdict.is_final() {
            return Ok(Recovered::Known);
        }
        let before = items::view(self.tx, header.item)?;
        let after = if judged.judgement.verdict.applies() {
            continued(before.as_ref(), proven)
        } else {
            self.stands(&judged.judgement, header.item)?
                .then(|| before.unwrap_or_else(|| View::empty(&header.kind, Version::none(self.office.epoch))))
        };
        let Some(view) = after else { return Ok(Recovered::Known) };
        let behind = judgements::behind(self.tx, header.id)?;
        judgements::replace(self.tx, judged)?;
        self.pronounce(header, origin, Some(&body.change), &judged.judgement, &view)?;
        self.judge_behind(behind, Standing::Own)?;
        Ok(Recovered::Kept(header.id))
    }

    fn take_back(&mut self, proven: ProvenEntry, who: Option<&PersonId>) -> Result<Recovered, LedgerError> {
        let ProvenEntry { entry, header, origin, body, private: _, judged } = &proven;
        let judgement = &judged.judgement;
        let applies = judgement.verdict.applies();
        let before = items::view(self.tx, header.item)?;
        let written = match &judgement.cause {
            Some(cause) => entries::has_cause(self.tx, cause)?,
            None => false,
        };
        let known = written
            || recovered::is_restored(self.tx, header.id)?
            || (applies && self.is_number_of_another(judgement, header)?);
        if known {
            // What it would do is done.
            self.keep(&proven, who, None)?;
            let decision = Decision::without_effect(Verdict::NoOp);
            self.decide_about(entry, header, decision, judgement)?;
            self.retell_opened(header, entry)?;
            return Ok(Recovered::Anew(header.id));
        }
        if !applies {
            // Its author brings what is not final, or was said of another history, by the chain.
            if !judgement.verdict.is_final() || !self.stands(judgement, header.item)? {
                return Ok(Recovered::Left);
            }
            self.keep(&proven, who, judgement.cause.as_deref())?;
            judgements::insert(self.tx, header.item, judged, self.now.wall)?;
            return Ok(Recovered::Kept(header.id));
        }
        if let Some(view) = continued(before.as_ref(), &proven) {
            self.keep(&proven, who, judgement.cause.as_deref())?;
            judgements::insert(self.tx, header.item, judged, self.now.wall)?;
            self.show(header, judgement, &view)?;
            return Ok(Recovered::Kept(header.id));
        }
        let decision = self.decide_attested(header, origin, &body.change, judgement, who)?;
        if let Verdict::Held { reason, .. } = decision.verdict {
            return Ok(Recovered::NotTaken(reason));
        }
        self.keep(&proven, who, judgement.cause.as_deref())?;
        self.decide_about(entry, header, decision, judgement)?;
        Ok(Recovered::Anew(header.id))
    }

    /// Keeps an entry that came without its chain.
    fn keep(&self, proven: &ProvenEntry, who: Option<&PersonId>, cause: Option<&str>) -> Result<(), LedgerError> {
        let ProvenEntry { entry, header, origin, body, .. } = proven;
        let known = Known { header, origin: None, change: Some(body.change.name()), who, cause };
        entries::insert(self.tx, entry, &known)?;
        recovered::pull(self.tx, header.id, origin)?;
        if let Change::Attach { photo, .. } = &body.change {
            photos::attach(self.tx, header.id, header.item, photo, false)?;
        }
        Ok(())
    }

    /// Judges an entry that is kept here anew; it was received when it was received first.
    fn decide_about(
        &mut self,
        entry: &Entry,
        header: &Header,
        decision: Decision,
        first: &Judgement,
    ) -> Result<(), LedgerError> {
        let (judgement, view) = self.judgement(entry, header, decision)?;
        let judgement = Judgement { received: first.received, ..judgement };
        let judged = Judged { text: to_json("judgement", &judgement)?, judgement };
        judgements::insert(self.tx, header.item, &judged, self.now.wall)?;
        self.show(header, &judged.judgement, &view)
    }

    /// Does what a judgement says, and tells those who may know. Its author is told once the chain has come so far; what the
    /// office would write because of it may come back too.
    fn show(&self, header: &Header, judgement: &Judgement, view: &View) -> Result<(), LedgerError> {
        let (true, Some(version)) = (judgement.verdict.applies(), judgement.version) else { return Ok(()) };
        items::put(self.tx, header.item, view)?;
        items::insert_version(self.tx, header.item, &version, header.id)?;
        for effect in judgement.read_effects().unwrap_or_default() {
            if let Effect::Restore { entries, causes, .. } = effect {
                recovered::know(self.tx, header.item, &entries, &causes)?;
            }
        }
        self.erase_by(judgement)?;
        self.tell(header.item, view, Some(header.id))
    }

    /// Whether a judgement that changed nothing was said of a history that is this office's too.
    fn stands(&self, judgement: &Judgement, item: ItemId) -> Result<bool, LedgerError> {
        match &judgement.version {
            Some(version) => Ok(items::count_seen(self.tx, item, version)?.is_some()),
            None => Ok(items::view(self.tx, item)?.is_none()),
        }
    }

    /// Whether an entry gives its item a number that another one has got meanwhile.
    fn is_number_of_another(&self, judgement: &Judgement, header: &Header) -> Result<bool, LedgerError> {
        for effect in judgement.read_effects().unwrap_or_default() {
            if let Effect::SetField { field, value } = effect
                && field == NUMBER
                && let Some(number) = value.as_str()
            {
                return Ok(recovered::numbered(self.tx, &header.kind, number, header.item)?.is_some());
            }
        }
        Ok(false)
    }

    /// Judges what the office had applied where it was lost, by the item as it stands here.
    fn decide_attested(
        &self,
        header: &Header,
        origin: &Origin,
        change: &Change,
        first: &Judgement,
        who: Option<&PersonId>,
    ) -> Result<Decision, LedgerError> {
        let view = items::view(self.tx, header.item)?;
        if let Change::Restored { .. } = change {
            return self.restore_again(header.item, view.as_ref(), first);
        }
        let seen = match &header.seen {
            Some(seen) => items::count_seen(self.tx, header.item, seen)?,
            None => None,
        };
        let (own_links, own) = match (who, origin.own) {
            (Some(who), Some(own)) if entries::is_of(self.tx, own, header.item, who)? => {
                (entries::own_links(self.tx, header.item, who)?, Some(own))
            }
            (Some(_) | None, _) => (BTreeMap::new(), None),
        };
        let known = match who {
            Some(who) => actor(self.tx, who, person(self.tx, who)?.as_ref(), header.item, view.as_ref())?,
            None => Actor::office(),
        };
        let actor = Actor { vouched: true, ..known };
        let subject = Subject { view: view.as_ref(), seen, own_links: &own_links, blocked: None };
        let facts = Facts { pack: self.office.pack, actor: &actor, received: first.received };
        Ok(judge(&subject, &facts, &ReadEntry { id: header.id, kind: &header.kind, own, change }))
    }

    /// Takes back an item as the office had signed it on another branch, where that has something that is not here.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn recover_item(&mut self, snapshot: &Snapshot) -> Result<Recovered, LedgerError> {
        let signed = snapshot.leaf();
        let cause = format!("restored/{signed}");
        let theirs: View = from_json("snapshot", &snapshot.view)?;
        let known = self.known_in(snapshot.item)?;
        let seen: BTreeSet<EntryId> = snapshot.entries.iter().copied().collect();
        let here = items::view(self.tx, snapshot.item)?.is_some();
        if entries::has_cause(self.tx, &cause)? || (here && seen.is_subset(&known)) {
            return Ok(Recovered::Known);
        }
        for cause in &snapshot.causes {
            // A device that was enrolled again, somebody who was named again: what it is about stands as another item.
            if recovered::caused(self.tx, cause)?.is_some_and(|item| item != snapshot.item) {
                return Ok(Recovered::Known);
            }
        }
        let decision = self.restore(snapshot.item, &theirs, &snapshot.entries, &snapshot.causes)?;
        if let Verdict::Held { reason, .. } = decision.verdict {
            return Ok(Recovered::NotTaken(reason));
        }
        let change = Change::Restored { snapshot: signed, version: theirs.version };
        let draft = Draft {
            item: Some(snapshot.item),
            kind: theirs.kind.clone(),
            change,
            fix: None,
            seen: Seen::Held,
            cause: Some(cause),
        };
        let node = self.office.node.clone();
        let written = write(self.tx, &node, draft, self.now, self.entropy)?;
        self.settle(written.entry, &written.header, &written.origin, Some(&written.change), None, decision)?;
        recovered::know(self.tx, snapshot.item, &snapshot.entries, &snapshot.causes)?;
        self.settle_restored(&snapshot.entries)?;
        Ok(Recovered::Kept(written.header.id))
    }

    fn restore_again(&self, item: ItemId, view: Option<&View>, first: &Judgement) -> Result<Decision, LedgerError> {
        for effect in first.read_effects().unwrap_or_default() {
            if let Effect::Restore { view: theirs, entries, causes } = effect {
                return self.restore(item, &theirs, &entries, &causes);
            }
        }
        // Its effects are of a later version.
        Ok(view.map_or_else(|| Decision::held(Code::UnknownItem), |_| Decision::without_effect(Verdict::NoOp)))
    }

    /// What bringing back an item comes to.
    fn restore(
        &self,
        item: ItemId,
        theirs: &View,
        seen: &[EntryId],
        causes: &[String],
    ) -> Result<Decision, LedgerError> {
        let ours = items::view(self.tx, item)?;
        let known = self.known_in(item)?;
        let seen_set = seen.iter().copied().collect();
        let mut view = Merge { ours: ours.as_ref(), known: &known, theirs, seen: &seen_set }.view();
        if let Some(field) = view.fields.get(NUMBER).cloned()
            && let Some(number) = field.value.as_str()
            && recovered::numbered(self.tx, &view.kind, number, item)?.is_some()
        {
            // Another one has got it meanwhile: this one gets a new one, and the old is shown.
            view.fields.remove(NUMBER);
            view.losers.push(Loser::new(NUMBER.to_owned(), field.value, field.writer, field.writer));
        }
        if to_json("item", &view)?.len() > limits::VIEW_BYTES_FULL {
            return Ok(Decision::held(Code::TooLarge));
        }
        if let Some(ours) = ours {
            view.version = ours.version;
            if view == ours {
                return Ok(Decision::without_effect(Verdict::NoOp));
            }
        }
        view.version = theirs.version;
        let effect = Effect::Restore { view: Box::new(view), entries: seen.to_vec(), causes: causes.to_vec() };
        Ok(Decision { verdict: Verdict::Applied, effects: vec![effect] })
    }

    /// The entries on an item that were decided about here, or are in it by a snapshot.
    fn known_in(&self, item: ItemId) -> Result<BTreeSet<EntryId>, StoreError> {
        let mut known = recovered::entries(self.tx, item)?;
        known.extend(judgements::decided(self.tx, item)?);
        Ok(known)
    }

    /// What is held here is in the item already by a snapshot: nobody releases it a second time.
    fn settle_restored(&mut self, entries: &[EntryId]) -> Result<(), LedgerError> {
        for id in entries {
            let here = judgements::get(self.tx, *id)?;
            if !here.is_some_and(|judged| matches!(judged.judgement.verdict, Verdict::Held { .. })) {
                continue;
            }
            let behind = judgements::behind(self.tx, *id)?;
            let waiting = self.waiting(*id)?;
            self.judge_again(waiting, Decision::without_effect(Verdict::NoOp))?;
            self.judge_behind(behind, Standing::Own)?;
        }
        Ok(())
    }

    /// Tells of an item to those who may know once its opener is known: the entry that opened it came after the item.
    pub(super) fn retell_opened(&self, header: &Header, entry: &Entry) -> Result<(), LedgerError> {
        let opened = entry.read_body(header).is_ok_and(|body| matches!(body.change, Change::Open { .. }));
        match items::view(self.tx, header.item)? {
            Some(view) if opened => self.tell(header.item, &view, None),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes what the office writes once and has not, because it crashed or lost it: the number of an item.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn reconcile(&mut self) -> Result<(), LedgerError> {
        for rules in work::KINDS {
            let Some(numbers) = &rules.numbers else { continue };
            for item in recovered::unlabelled(self.tx, rules.kind)? {
                self.number(item, rules.kind, numbers)?;
            }
        }
        Ok(())
    }
}

const NUMBER: &str = "number";

/// The item after an applied entry with its judgement as it was signed; none where that does not continue the history here.
fn continued(before: Option<&View>, proven: &ProvenEntry) -> Option<View> {
    let ProvenEntry { entry, header, judged, .. } = proven;
    let judgement = &judged.judgement;
    let version = judgement.version?;
    let effects = judgement.read_effects().ok()?;
    let mut view = before.cloned().unwrap_or_else(|| View::empty(&header.kind, Version::none(version.epoch)));
    let next = view.version.after(version.epoch, &entry.header_hash(), judgement.effects.get());
    if next != version {
        return None;
    }
    fold::apply(&mut view, header.id, version, &effects);
    Some(view)
}
