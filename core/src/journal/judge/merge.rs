//! What becomes of an edit where others wrote meanwhile: field by field, and as one where fields belong together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Facts, ReadEntry, Subject, derived, rule, set};
use crate::id::EntryId;
use crate::journal::effect::Effect;
use crate::journal::view::{Field, View};
use crate::mutant::{self, Mutant};
use crate::work::flow::{FieldRule, Policy, Rules, Writer};

/// An edit, and what it meets.
pub(super) struct Merge<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) view: &'a View,
    pub(super) facts: &'a Facts<'a>,
    pub(super) rules: &'a Rules,
    pub(super) entry: &'a ReadEntry<'a>,
}

/// The effects of an edit, and the fields in which it lost.
pub(super) fn fields(merge: &Merge<'_>, fields: &BTreeMap<String, Value>) -> (Vec<Effect>, Vec<String>) {
    // Fields that belong together are won or lost as one.
    let mut groups: BTreeMap<&str, Vec<(&String, &Value)>> = BTreeMap::new();
    for (name, value) in fields {
        let group = rule(merge.rules, name).map_or(name.as_str(), |rule| rule.group);
        groups.entry(group).or_default().push((name, value));
    }
    let mut effects = Vec::new();
    let mut lost = Vec::new();
    for (group, fields) in &groups {
        merge_group(merge, group, fields, &mut effects, &mut lost);
    }
    (effects, lost)
}

/// What becomes of fields that belong together.
enum Outcome {
    /// The new values stand, the old ones were known to their author.
    Replaces,
    /// The new values stand; the old ones, which their author had not seen, are kept beside them.
    Wins,
    /// The old values stand; the new ones are kept beside them.
    Loses,
}

fn merge_group(
    merge: &Merge<'_>,
    group: &str,
    named: &[(&String, &Value)],
    effects: &mut Vec<Effect>,
    lost: &mut Vec<String>,
) {
    let (sets, fields): (Vec<_>, Vec<_>) = named
        .iter()
        .copied()
        .partition(|(name, _)| rule(merge.rules, name).is_some_and(|rule| rule.policy == Policy::AddToSet));
    for (name, value) in sets {
        let known = merge.view.sets.get(name);
        let stands = |effect: &Effect| matches!(effect, Effect::AddToSet { key, .. } if known.is_some_and(|known| known.contains_key(key)));
        effects.extend(set(merge.rules, name, value).into_iter().filter(|effect| !stands(effect)));
    }
    let changed: Vec<_> = fields.into_iter().filter(|(name, value)| !stands(merge.view, name, value)).collect();
    let outcomes: Vec<Outcome> = changed.iter().map(|(name, value)| outcome(merge, name, value)).collect();
    let beside = beside(merge, group, named);
    let loses = beside.is_some() || outcomes.iter().any(|outcome| matches!(outcome, Outcome::Loses));
    for ((name, value), outcome) in changed.into_iter().zip(outcomes) {
        let standing = merge.view.fields.get(name);
        if loses {
            let winner = beside.or(standing.map(|field| field.writer)).unwrap_or(merge.entry.id);
            effects.push(Effect::KeepLoser {
                field: name.clone(),
                value: value.clone(),
                writer: merge.entry.id,
                winner,
            });
            lost.push(name.clone());
            continue;
        }
        let kept = !mutant::is_on(Mutant::LoserDropped);
        if let (true, Outcome::Wins, Some(field)) = (kept, outcome, standing) {
            effects.push(Effect::KeepLoser {
                field: name.clone(),
                value: field.value.clone(),
                writer: field.writer,
                winner: merge.entry.id,
            });
        }
        effects.push(Effect::SetField { field: name.clone(), value: value.clone() });
        effects.extend(derived(merge.rules, merge.facts.pack, name, value));
    }
}

/// Who wrote a field of `group` that the entry leaves as it is, without the entry's author having known: an address goes
/// with the place that it was written for, never onto another.
fn beside(merge: &Merge<'_>, group: &str, named: &[(&String, &Value)]) -> Option<EntryId> {
    let editable = |rule: &&FieldRule| rule.group == group && rule.writer == Writer::Editors;
    let left =
        merge.rules.fields.iter().filter(editable).filter(|rule| named.iter().all(|(name, _)| *name != rule.name));
    let standing = left.filter_map(|rule| merge.view.fields.get(rule.name));
    standing.filter(|field| !knew(merge, field)).map(|field| field.writer).next()
}

/// Whether the entry's author had seen the value that stands, or wrote it.
fn knew(merge: &Merge<'_>, standing: &Field) -> bool {
    let seen = merge.subject.seen.is_some_and(|seen| standing.at <= seen);
    let links = merge.subject.own_links;
    seen || merge.entry.own.is_some_and(|own| own == standing.writer || reaches(links, own, standing.writer))
}

fn stands(view: &View, name: &str, value: &Value) -> bool {
    match view.fields.get(name) {
        Some(field) => &field.value == value,
        None => value.is_null(),
    }
}

fn outcome(merge: &Merge<'_>, name: &str, value: &Value) -> Outcome {
    let Some(standing) = merge.view.fields.get(name) else {
        return Outcome::Replaces;
    };
    if reaches(merge.subject.own_links, standing.writer, merge.entry.id) {
        return Outcome::Loses;
    }
    if knew(merge, standing) {
        return Outcome::Replaces;
    }
    match rule(merge.rules, name).map_or(Policy::LatestArrival, |rule| rule.policy) {
        Policy::LatestArrival | Policy::AddToSet => Outcome::Wins,
        Policy::OfficeWins if merge.facts.actor.is_office() => Outcome::Wins,
        Policy::OfficeWins => Outcome::Loses,
        Policy::Maximum if value.as_f64() > standing.value.as_f64() => Outcome::Wins,
        Policy::Maximum => Outcome::Loses,
    }
}

/// Whether `own` links lead from `from` back to `to`.
fn reaches(links: &BTreeMap<EntryId, EntryId>, from: EntryId, to: EntryId) -> bool {
    let mut at = from;
    // Links name earlier entries, but a forged ring must not hold the judge up.
    let mut visited = BTreeSet::new();
    while let Some(before) = links.get(&at) {
        if *before == to {
            return true;
        }
        if !visited.insert(at) {
            return false;
        }
        at = *before;
    }
    false
}
