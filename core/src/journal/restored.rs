//! What becomes of an item when a phone brings it back as the office had signed it on another branch: field by field, and
//! what does not win is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::view::{Field, Loser, View};
use crate::id::EntryId;
use crate::work;
use crate::work::flow::{FieldRule, Rules, Writer};

/// An item as it stands, and as it was signed.
pub(super) struct Merge<'a> {
    /// As it stands; none where the office has no such item.
    pub(super) ours: Option<&'a View>,
    /// The entries that are in that.
    pub(super) known: &'a BTreeSet<EntryId>,
    /// As it was signed.
    pub(super) theirs: &'a View,
    /// The entries that are in that.
    pub(super) seen: &'a BTreeSet<EntryId>,
}

/// Which of two values stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// The one that stands; the other was known where it was written.
    Ours,
    /// The one that was signed; the other was known where it was written.
    Theirs,
    /// Neither was known to the other's author.
    Both,
}

impl Merge<'_> {
    /// The item with both in it. Whoever sees it has seen all that comes with it, so that its fields are as old as it.
    pub(super) fn view(&self) -> View {
        let Some(ours) = self.ours else {
            let mut view = self.theirs.clone();
            for field in view.fields.values_mut() {
                field.at = 1;
            }
            return view;
        };
        let mut view = ours.clone();
        let at = ours.version.count + 1;
        let state = self.of_steps(ours);
        for (group, names) in self.groups(ours) {
            self.merge_group(&mut view, &names, self.of_group(group, &names, ours, state), at);
        }
        self.merge_state(&mut view, ours, state);
        for (name, members) in &self.theirs.sets {
            if name == STEPS {
                continue;
            }
            let set = view.sets.entry(name.clone()).or_default();
            for (key, member) in members {
                set.entry(key.clone()).or_insert_with(|| member.clone());
            }
        }
        for loser in &self.theirs.losers {
            if !view.losers.contains(loser) {
                view.losers.push(loser.clone());
            }
        }
        for (field, entry) in &self.theirs.personal {
            view.personal.entry(field.clone()).or_insert(*entry);
        }
        for (relation, items) in &self.theirs.links {
            let links = view.links.entry(relation.clone()).or_default();
            let new: Vec<_> = items.iter().filter(|item| !links.contains(item)).copied().collect();
            links.extend(new);
        }
        view
    }

    /// The fields of both, those that belong together as one.
    fn groups<'v>(&'v self, ours: &'v View) -> BTreeMap<&'v str, BTreeSet<&'v str>> {
        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for name in ours.fields.keys().chain(self.theirs.fields.keys()) {
            let group = self.rule(name).map_or(name.as_str(), |rule| rule.group);
            groups.entry(group).or_default().insert(name);
        }
        groups
    }

    fn rule(&self, field: &str) -> Option<&'static FieldRule> {
        rules(self.theirs)?.fields.iter().find(|rule| rule.name == field)
    }

    fn of_group(&self, group: &str, names: &BTreeSet<&str>, ours: &View, state: Stands) -> Stands {
        let writers = |writer: Writer| {
            rules(self.theirs)
                .is_some_and(|rules| rules.fields.iter().any(|rule| rule.group == group && rule.writer == writer))
        };
        // What follows from steps alone goes with them.
        if writers(Writer::Nobody) && !writers(Writer::Editors) && !writers(Writer::Office) {
            return if state == Stands::Theirs { Stands::Theirs } else { Stands::Ours };
        }
        let differing = || names.iter().filter(|name| value(ours, name) != value(self.theirs, name));
        if differing().all(|name| ours.fields.get(*name).is_none_or(|field| self.seen.contains(&field.writer))) {
            return Stands::Theirs;
        }
        if differing().all(|name| self.theirs.fields.get(*name).is_none_or(|field| self.known.contains(&field.writer)))
        {
            return Stands::Ours;
        }
        // People may have read what the office alone writes, as its number, off the living branch.
        if writers(Writer::Office) { Stands::Ours } else { Stands::Both }
    }

    fn merge_group(&self, view: &mut View, names: &BTreeSet<&str>, stands: Stands, at: u64) {
        for name in names {
            let (ours, theirs) = (view.fields.get(*name).cloned(), self.theirs.fields.get(*name));
            let Some(theirs) = theirs else { continue };
            let mut theirs = theirs.clone();
            theirs.at = at;
            let Some(ours) = ours else {
                view.fields.insert((*name).to_owned(), theirs);
                continue;
            };
            if ours.value == theirs.value {
                continue;
            }
            let mut lose = |lost: &Field, winner: &Field| {
                let loser = Loser::new((*name).to_owned(), lost.value.clone(), lost.writer, winner.writer);
                if !view.losers.contains(&loser) {
                    view.losers.push(loser);
                }
            };
            match stands {
                Stands::Ours if self.known.contains(&theirs.writer) => {}
                Stands::Ours => lose(&theirs, &ours),
                Stands::Theirs => {
                    view.fields.insert((*name).to_owned(), theirs);
                }
                Stands::Both => {
                    lose(&ours, &theirs);
                    view.fields.insert((*name).to_owned(), theirs);
                }
            }
        }
    }

    /// Which course of the item stands: the one that knew of all steps of the other.
    fn of_steps(&self, ours: &View) -> Stands {
        if step_writers(ours).is_subset(self.seen) {
            Stands::Theirs
        } else if step_writers(self.theirs).is_subset(self.known) {
            Stands::Ours
        } else {
            Stands::Both
        }
    }

    fn merge_state(&self, view: &mut View, ours: &View, stands: Stands) {
        match stands {
            Stands::Theirs => {
                view.state.clone_from(&self.theirs.state);
                view.round = self.theirs.round;
                view.clocks.clone_from(&self.theirs.clocks);
                if let Some(steps) = self.theirs.sets.get(STEPS) {
                    view.sets.insert(STEPS.to_owned(), steps.clone());
                }
            }
            Stands::Ours => {}
            // People work on by the living branch; that it went another way is shown.
            Stands::Both => {
                let last = |view: &View| view.sets.get(STEPS).and_then(|steps| steps.values().next_back().cloned());
                if let (Some(lost), Some(won)) = (last(self.theirs), last(ours))
                    && self.theirs.state != ours.state
                {
                    let state = Value::from(self.theirs.state.clone());
                    view.losers.push(Loser::new("state".to_owned(), state, lost.writer, won.writer));
                }
            }
        }
    }
}

const STEPS: &str = "steps";

fn rules(view: &View) -> Option<&'static Rules> {
    work::rules(&view.kind)
}

fn value<'a>(view: &'a View, name: &str) -> Option<&'a Value> {
    view.fields.get(name).map(|field| &field.value)
}

fn step_writers(view: &View) -> BTreeSet<EntryId> {
    view.members(STEPS).map(|(_, step)| step.writer).collect()
}
