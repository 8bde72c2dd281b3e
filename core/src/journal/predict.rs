//! What a phone shows before the office has answered: the confirmed view with its own pending entries replayed on top.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::Transaction;

use super::actor::{actor, person};
use super::entry::{Change, EntryError};
use super::fold;
use super::judge::{Blocked, Decision, Facts, ReadEntry, Subject, judge};
use super::version::Version;
use super::view::View;
use super::write::Written;
use crate::clock::Moment;
use crate::id::{EntryId, EpochId, ItemId, PersonId};
use crate::pack::{Pack, Role};
use crate::store::{StoreError, entries, items, judgements, meta, pending};
use crate::work::flow::Actor;

/// Has an entry wait on top of its item, beside which what the office judged is kept.
///
/// # Errors
/// [`StoreError`].
pub fn wait(tx: &Transaction<'_>, entry: EntryId, item: ItemId) -> Result<(), StoreError> {
    if pending::of_item(tx, item)?.is_empty() {
        // Of a capture that was rejected the office has nothing, and what is shown is not what it judged.
        items::put_confirmed(tx, item, items::confirmed(tx, item)?.as_ref())?;
    }
    pending::insert(tx, entry, item)
}

/// Whether this phone will hold what became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It does, or may once it has read on.
    Read,
    /// It has read all, and the item is in none of its audiences: of own entries it hears what was decided, and no more.
    Beyond,
    /// The item left.
    Left,
}

/// What a prediction stands on: the cached pack and the store's own person.
#[derive(Debug, Clone, Copy)]
pub struct Predictor<'a> {
    /// The rules of the district, as far as this phone has them.
    pub pack: &'a Pack,
    /// Whose store it is.
    pub person: &'a PersonId,
}

impl Predictor<'_> {
    /// The store's person as the rules see them. Before the office told more, an inspector: a capture is never refused.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn actor(&self, conn: &Connection, item: ItemId, view: Option<&View>) -> Result<Actor, StoreError> {
        let person = person(conn, self.person)?;
        let known = actor(conn, self.person, person.as_ref(), item, view)?;
        Ok(if person.is_some() { known } else { Actor { roles: vec![Role::Inspector], ..known } })
    }

    /// What the office will most likely decide.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn decide(
        &self,
        conn: &Connection,
        view: Option<&View>,
        item: ItemId,
        seen: Option<Version>,
        entry: &ReadEntry<'_>,
        received: Moment,
    ) -> Result<Decision, StoreError> {
        Ok(self.stand(conn, item, view)?.decide(view, seen, entry, received))
    }

    /// How the store's person stands to an item.
    fn stand(&self, conn: &Connection, item: ItemId, view: Option<&View>) -> Result<Stand<'_>, StoreError> {
        Ok(Stand {
            pack: self.pack,
            actor: self.actor(conn, item, view)?,
            own_links: entries::own_links(conn, item, self.person)?,
            // A held step holds up the steps after it here too; what follows a held capture is shown with it.
            blocked: judgements::blocked(conn, meta::incarnation(conn)?, item, None)?
                .filter(|blocked| matches!(blocked, Blocked::HeldStep(_))),
        })
    }

    /// Shows an entry that was just written on top of its item: what [`Predictor::settle`] would come to, without
    /// replaying those that waited before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn push(&self, tx: &Transaction<'_>, written: &Written, at: Moment) -> Result<(), StoreError> {
        let item = written.header.item;
        let shown = items::view(tx, item)?;
        wait(tx, written.header.id, item)?;
        let waiting = Waiting {
            id: written.header.id,
            kind: written.header.kind.clone(),
            seen: written.header.seen,
            own: written.origin.own,
            change: written.change.clone(),
            written: at,
        };
        match self.stand(tx, item, shown.as_ref())?.show(shown, &waiting) {
            Some(view) => items::put(tx, item, &view),
            None => Ok(()),
        }
    }

    /// Settles an item after its confirmed view, its verdicts or its pending entries changed; [`items::put_search`] is to follow.
    ///
    /// A pending entry retires when its final verdict is in what is held here, or will never be, or when the item left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle(
        &self,
        tx: &Transaction<'_>,
        item: ItemId,
        confirmed: Option<&View>,
        reach: Reach,
    ) -> Result<(), StoreError> {
        let mut waiting = Vec::new();
        for entry in pending::of_item(tx, item)? {
            if reach == Reach::Left || retires(tx, entry, confirmed, reach)? {
                pending::retire(tx, entry)?;
            } else {
                waiting.push(entry);
            }
        }
        match confirmed {
            Some(view) if waiting.is_empty() => {
                items::settle(tx, item)?;
                items::put_row(tx, item, view)
            }
            None if waiting.is_empty() => items::put_confirmed(tx, item, None),
            Some(_) | None => {
                items::put_confirmed(tx, item, confirmed)?;
                match self.replay(tx, item, confirmed.cloned(), &waiting)? {
                    Some(view) => items::put_row(tx, item, &view),
                    None => Ok(()),
                }
            }
        }
    }

    fn replay(
        &self,
        conn: &Connection,
        item: ItemId,
        confirmed: Option<View>,
        waiting: &[EntryId],
    ) -> Result<Option<View>, StoreError> {
        let stand = self.stand(conn, item, confirmed.as_ref())?;
        let mut view = confirmed;
        for id in waiting {
            if let Some(waiting) = read(conn, *id)? {
                view = stand.show(view, &waiting);
            }
        }
        Ok(view)
    }
}

/// How the store's person stands to one item: what all predictions about it share.
struct Stand<'a> {
    pack: &'a Pack,
    actor: Actor,
    own_links: BTreeMap<EntryId, EntryId>,
    blocked: Option<Blocked>,
}

impl Stand<'_> {
    fn decide(&self, view: Option<&View>, seen: Option<Version>, entry: &ReadEntry<'_>, received: Moment) -> Decision {
        let subject =
            Subject { view, seen: seen.map(|seen| seen.count), own_links: &self.own_links, blocked: self.blocked };
        judge(&subject, &Facts { pack: self.pack, actor: &self.actor, received }, entry)
    }

    /// The item with one more waiting entry on top.
    fn show(&self, mut view: Option<View>, waiting: &Waiting) -> Option<View> {
        let entry = ReadEntry { id: waiting.id, kind: &waiting.kind, own: waiting.own, change: &waiting.change };
        let mut decision = self.decide(view.as_ref(), waiting.seen, &entry, waiting.written);
        // A capture that the office holds, or will hold, is shown to its author all the same.
        if let (None, Change::Open { .. }, false) = (&view, &waiting.change, decision.verdict.applies()) {
            let roles = vec![Role::Inspector, Role::CovertInspector];
            let actor = Actor { roles, opened_it: true, ..self.actor.clone() };
            let subject = Subject { view: None, seen: None, own_links: &BTreeMap::new(), blocked: None };
            decision = judge(&subject, &Facts { pack: self.pack, actor: &actor, received: waiting.written }, &entry);
        }
        if decision.verdict.applies() {
            let unconfirmed = Version::none(EpochId::from_bytes([0; 16]));
            let target = view.get_or_insert_with(|| View::empty(&waiting.kind, unconfirmed));
            let version = target.version;
            fold::apply(target, waiting.id, version, &decision.effects);
        }
        view
    }
}

fn retires(conn: &Connection, entry: EntryId, confirmed: Option<&View>, reach: Reach) -> Result<bool, StoreError> {
    let Some(judged) = judgements::get(conn, entry)? else { return Ok(false) };
    let version = judged.judgement.version.filter(|_| reach != Reach::Beyond);
    let Some(version) = version else { return Ok(judged.judgement.verdict.is_final()) };
    let held = confirmed.is_some_and(|view| view.version.count >= version.count);
    Ok(judged.judgement.verdict.is_final() && held)
}

/// An own entry that waits for its verdict.
struct Waiting {
    id: EntryId,
    kind: String,
    seen: Option<Version>,
    own: Option<EntryId>,
    change: Change,
    written: Moment,
}

/// An own entry as it was written; none where a part was erased since.
fn read(conn: &Connection, id: EntryId) -> Result<Option<Waiting>, StoreError> {
    let Some(entry) = entries::get(conn, id)? else { return Ok(None) };
    let parts = || -> Result<Waiting, EntryError> {
        let header = entry.read_header()?;
        let origin = entry.read_origin(&header)?;
        let body = entry.read_body(&header)?;
        let private = entry.read_private(&header)?;
        let written = private.capture.now.wall.to_minute();
        Ok(Waiting { id, kind: header.kind, seen: header.seen, own: origin.own, change: body.change, written })
    };
    Ok(parts().ok())
}
