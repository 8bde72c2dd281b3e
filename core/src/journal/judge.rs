//! The decision about an entry: pure, total, and taken once, by the office. A phone calls it to predict.
//!
//! It sees one item. Whatever else matters (bytes arrived, a number given) is an entry that the office writes.

mod merge;

use std::collections::BTreeMap;

use serde_json::Value;

use merge::Merge;

use super::effect::Effect;
use super::entry::{Change, Photo};
use super::verdict::{Code, Verdict};
use super::view::View;
use crate::clock::Moment;
use crate::id::EntryId;
use crate::limits;
use crate::mutant::{self, Mutant};
use crate::pack::Pack;
use crate::work;
use crate::work::flow::{self, Actor, Also, FieldRule, Grant, Policy, Row, Rules, Who, Writer};

/// Which rules judge; stored with every verdict.
pub const JUDGE_VERSION: u32 = 1;

/// The item as it stands, and how the entry's author stands to it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The item; none before its Open was applied.
    pub view: Option<&'a View>,
    /// What the author had seen: the count that `seen` names, where its history is the office's at that count.
    pub seen: Option<u64>,
    /// `own` links of the author's last [`limits::OWN_LINKS`] entries on this item, each to the one written before it; only an
    /// edit is judged by them.
    pub own_links: &'a BTreeMap<EntryId, EntryId>,
    /// What the entry depends on in its own lineage and that was not applied.
    pub blocked: Option<Blocked>,
}

/// An earlier entry of the same lineage on the same item that was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// The item's Open is held: all that follows waits.
    HeldOpen(EntryId),
    /// The item's Open was rejected: nothing can follow.
    RejectedOpen(EntryId),
    /// A step is held: later steps wait, edits do not.
    HeldStep(EntryId),
}

/// What the office knows beside the item when it receives the entry.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The rules of the district.
    pub pack: &'a Pack,
    /// The author, with the roles held at receipt.
    pub actor: &'a Actor,
    /// When it was received, to the minute.
    pub received: Moment,
}

/// The entry as the judge reads it.
#[derive(Debug, Clone, Copy)]
pub struct ReadEntry<'a> {
    /// Its id.
    pub id: EntryId,
    /// The item's kind.
    pub kind: &'a str,
    /// The author's last entry on the item before it.
    pub own: Option<EntryId>,
    /// What it changes.
    pub change: &'a Change,
}

/// A verdict and what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// Its effects; empty unless it applies.
    pub effects: Vec<Effect>,
}

impl Decision {
    pub(super) const fn without_effect(verdict: Verdict) -> Self {
        Self { verdict, effects: Vec::new() }
    }

    const fn rejected(code: Code) -> Self {
        Self::without_effect(Verdict::Rejected { code, after: None })
    }

    /// Held for `reason`, until a person decides.
    #[must_use]
    pub const fn held(reason: Code) -> Self {
        Self::without_effect(Verdict::Held { reason, behind: None })
    }

    fn applied(effects: Vec<Effect>) -> Self {
        if effects.is_empty() {
            Self::without_effect(Verdict::NoOp)
        } else {
            Self { verdict: Verdict::Applied, effects }
        }
    }
}

/// Decides what `entry` does to `subject`.
#[must_use]
pub fn judge(subject: &Subject<'_>, facts: &Facts<'_>, entry: &ReadEntry<'_>) -> Decision {
    let decision = by_the_rules(subject, facts, entry);
    let goes_on = matches!(entry.change, Change::Step { .. }) || facts.actor.person.is_none();
    let (most, most_entries) = if goes_on {
        (limits::VIEW_BYTES_FULL, limits::ENTRIES_PER_ITEM_FULL)
    } else {
        (limits::VIEW_BYTES, limits::ENTRIES_PER_ITEM)
    };
    let fits = || {
        subject.view.is_none_or(|view| view.version.count < most_entries)
            && bytes(&subject.view) + bytes(&decision.effects) <= most
    };
    if decision.verdict.applies() && !fits() { Decision::held(Code::TooLarge) } else { decision }
}

/// The length of a value's JSON.
fn bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(limits::VIEW_BYTES_FULL, |text| text.len())
}

fn by_the_rules(subject: &Subject<'_>, facts: &Facts<'_>, entry: &ReadEntry<'_>) -> Decision {
    let is_step = matches!(entry.change, Change::Step { .. });
    // Before anything else: one decision about what went before is a decision about all that waits for it.
    match subject.blocked {
        Some(Blocked::HeldOpen(open)) => return behind(open),
        Some(Blocked::HeldStep(step)) if is_step => return behind(step),
        Some(Blocked::RejectedOpen(open)) => {
            return Decision::without_effect(Verdict::Rejected { code: Code::Follows, after: Some(open) });
        }
        Some(Blocked::HeldStep(_)) | None => {}
    }
    if facts.actor.revoked {
        return Decision::held(Code::Revoked);
    }
    let Some(rules) = work::rules(entry.kind) else {
        return Decision::held(Code::Malformed);
    };
    let Some(view) = subject.view else {
        return match entry.change {
            Change::Open { fields } => open(facts, rules, fields),
            Change::Edit { .. }
            | Change::Attach { .. }
            | Change::Step { .. }
            | Change::Comment { .. }
            | Change::Release { .. }
            | Change::Restored { .. }
            | Change::Dismiss { .. }
            | Change::Erase { .. } => Decision::held(Code::UnknownItem),
        };
    };
    if view.kind != entry.kind {
        return Decision::held(Code::Malformed);
    }
    match entry.change {
        // An item is opened once: whoever sends its Open again in an entry of their own would take it over.
        Change::Open { .. } => Decision::held(Code::Malformed),
        Change::Edit { fields } => edit(&Merge { subject, view, facts, rules, entry }, fields),
        Change::Attach { photo, round } => attach(view, facts, rules, photo, *round),
        Change::Step { transition, from: _, round, args } => step(view, facts, rules, transition, *round, args),
        Change::Comment { text } => comment(view, facts, rules, entry.id, text),
        // Said at a desk, where the ledger sees to it; of a phone's say nothing comes.
        Change::Release { .. } | Change::Restored { .. } | Change::Dismiss { .. } | Change::Erase { .. } => {
            Decision::held(Code::NotAllowed)
        }
    }
}

const fn behind(entry: EntryId) -> Decision {
    Decision::without_effect(Verdict::Held { reason: Code::Follows, behind: Some(entry) })
}

fn open(facts: &Facts<'_>, rules: &Rules, fields: &BTreeMap<String, Value>) -> Decision {
    // Nobody stands in any relation to what is not there yet: only roles count.
    if !facts.actor.could_be_any(rules.opened_by) {
        return Decision::held(Code::NotAllowed);
    }
    let missing = rules.required.iter().any(|name| !fields.contains_key(*name));
    if missing || !within_bounds(fields) || !sound(rules, fields) {
        return Decision::held(Code::Malformed);
    }
    // Only the office writes these, and only by entries of their own.
    if fields.keys().any(|name| rule(rules, name).is_some_and(|rule| rule.writer != Writer::Editors)) {
        return Decision::held(Code::NotAllowed);
    }
    let mut effects = vec![Effect::SetState { state: rules.initial.to_owned(), round: 0 }];
    let received = Value::from(facts.received.unix_ms());
    for (name, value) in fields {
        // A wrong clock is no reason to refuse a report: the entry keeps what it said, the item goes by its receipt.
        let value = if is_of_a_sound_clock(rules, facts, name, value) { value } else { &received };
        effects.extend(set(rules, name, value));
        effects.extend(derived(rules, facts.pack, name, value));
    }
    effects.push(Effect::SetField { field: "received".to_owned(), value: received });
    Decision { verdict: Verdict::Applied, effects }
}

/// A text or a number of fields that no screen makes.
fn within_bounds(fields: &BTreeMap<String, Value>) -> bool {
    fields.len() <= limits::FIELDS
        && fields.values().all(|value| value.as_str().is_none_or(|text| text.chars().count() <= limits::TEXT_CHARS))
}

/// Whether every field is of its form; an empty one is, unless no item is without it.
fn sound(rules: &Rules, fields: &BTreeMap<String, Value>) -> bool {
    let needed = |name: &String| rules.required.contains(&name.as_str());
    fields.iter().all(|(name, value)| if value.is_null() { !needed(name) } else { (rules.sound)(name, value) })
}

/// Whether a field that holds a moment holds one that a clock in order could have said before the entry came here; any other
/// field does.
fn is_of_a_sound_clock(rules: &Rules, facts: &Facts<'_>, name: &str, value: &Value) -> bool {
    let latest = facts.received.plus_ms(limits::CLOCK_AHEAD_MS).unix_ms();
    !rules.moments.contains(&name)
        || value.as_i64().is_some_and(|moment| (limits::EARLIEST_MOMENT_MS..=latest).contains(&moment))
}

fn rule<'a>(rules: &'a Rules, field: &str) -> Option<&'a FieldRule> {
    rules.fields.iter().find(|rule| rule.name == field)
}

fn set(rules: &Rules, name: &str, value: &Value) -> Vec<Effect> {
    if rule(rules, name).is_some_and(|rule| rule.policy == Policy::AddToSet) {
        let members = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let add = |value: Value| Effect::AddToSet { set: name.to_owned(), key: key_of(&value), value };
        return members.into_iter().map(add).collect();
    }
    vec![Effect::SetField { field: name.to_owned(), value: value.clone() }]
}

/// What makes two members of a set one: their text.
fn key_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn derived(rules: &Rules, pack: &Pack, name: &str, value: &Value) -> impl Iterator<Item = Effect> {
    (rules.derive)(pack, name, value)
        .into_iter()
        .map(|(field, value)| Effect::SetField { field: field.to_owned(), value })
}

fn edit(merge: &Merge<'_>, fields: &BTreeMap<String, Value>) -> Decision {
    let timely = |(name, value): (&String, &Value)| {
        value.is_null() || is_of_a_sound_clock(merge.rules, merge.facts, name, value)
    };
    if fields.is_empty() || !within_bounds(fields) || !sound(merge.rules, fields) || !fields.iter().all(timely) {
        return Decision::held(Code::Malformed);
    }
    let writer = |name: &String| rule(merge.rules, name).map_or(Writer::Editors, |rule| rule.writer);
    let by_the_office = merge.facts.actor.person.is_none() || merge.facts.actor.vouched;
    if fields.keys().any(|name| writer(name) == Writer::Nobody || (writer(name) == Writer::Office && !by_the_office)) {
        return Decision::held(Code::NotAllowed);
    }
    if fields.keys().any(|name| writer(name) == Writer::Editors)
        && let Some(refused) = refused(merge.facts, merge.rules.edited_by, merge.view)
    {
        return refused;
    }
    let (effects, lost) = merge::fields(merge, fields);
    if lost.is_empty() { Decision::applied(effects) } else { Decision { verdict: Verdict::Merged { lost }, effects } }
}

/// What becomes of something that none of `grants` allows now: who never may is held for a person, who came too late
/// is told so.
fn refused(facts: &Facts<'_>, grants: &[Grant], view: &View) -> Option<Decision> {
    match facts.actor.granted(grants, view) {
        Ok(()) => None,
        Err(Code::NotFromHere) => Some(Decision::rejected(Code::NotFromHere)),
        Err(code) => Some(Decision::held(code)),
    }
}

fn attach(view: &View, facts: &Facts<'_>, rules: &Rules, photo: &Photo, round: u32) -> Decision {
    if round > view.round {
        return Decision::held(Code::Malformed);
    }
    if let Some(refused) = refused(facts, rules.attached_by, view) {
        return refused;
    }
    // It stays evidence, held; it is not shown as what it is not.
    if !facts.actor.may_show(rules, &photo.role, view) {
        return Decision::held(Code::NotAllowed);
    }
    let key = photo.sha256.to_string();
    let photos = view.sets.get("photos");
    if let Some(same) = photos.and_then(|photos| photos.get(&key)) {
        // The same picture shows one thing only: what stood there before the work is no evidence of the work.
        let repeated = same.value["role"] == serde_json::json!(photo.role) && same.value["round"] == round;
        return if repeated { Decision::without_effect(Verdict::NoOp) } else { Decision::rejected(Code::SamePhoto) };
    }
    // What a unit shows of its work counts for the task that it was given, not for a later one or another unit's.
    let works = round == view.round && facts.actor.is_any(&[Who::Handler], view);
    let task = works.then(|| flow::task(view));
    let value = serde_json::json!({
        // Photos are shown in the order in which they came.
        "order": photos.map_or(0, BTreeMap::len),
        "role": photo.role,
        "round": round,
        "task": task,
        "media": photo.media,
        "bytes": photo.bytes,
        "width_px": photo.width_px,
        "height_px": photo.height_px,
        "view": photo.view,
        "thumbnail": photo.thumbnail,
    });
    Decision::applied(vec![Effect::AddToSet { set: "photos".to_owned(), key, value }])
}

fn comment(view: &View, facts: &Facts<'_>, rules: &Rules, id: EntryId, text: &str) -> Decision {
    // The office may remark on anything, at any time.
    if !facts.actor.is_office()
        && let Some(refused) = refused(facts, rules.attached_by, view)
    {
        return refused;
    }
    if text.trim().is_empty() || text.chars().count() > limits::TEXT_CHARS {
        return Decision::held(Code::Malformed);
    }
    let value = serde_json::json!({ "text": text, "at": facts.received });
    Decision::applied(vec![Effect::AddToSet { set: "comments".to_owned(), key: id.to_string(), value }])
}

fn step(
    view: &View,
    facts: &Facts<'_>,
    rules: &Rules,
    transition: &str,
    round: u32,
    args: &BTreeMap<String, Value>,
) -> Decision {
    let rows = || rules.steps.iter().filter(|row| row.step == transition);
    if !within_bounds(args) || rows().next().is_none() {
        return Decision::held(Code::Malformed);
    }
    // Who never may is held for a person; who might have, but came too late, is told so.
    if !rows().any(|row| facts.actor.could_be_any(row.who)) {
        return Decision::held(Code::NotAllowed);
    }
    if round != view.round && !mutant::is_on(Mutant::StaleRoundTaken) {
        return Decision::rejected(Code::StaleRound);
    }
    let Some(row) = rows().find(|row| row.from == view.state) else {
        let already = rows().any(|row| row.to == view.state && keeps_what_stands(row, view, args));
        return if already { Decision::without_effect(Verdict::NoOp) } else { Decision::rejected(Code::NotFromHere) };
    };
    if !facts.actor.is_any(row.who, view) {
        let too_late = facts.actor.was_any(row.who, view);
        return if too_late { Decision::rejected(Code::NotFromHere) } else { Decision::held(Code::NotAllowed) };
    }
    match row.needs.iter().find_map(|need| need.unmet(view, args, facts.pack)) {
        Some(code) => Decision::rejected(code),
        None => Decision::applied(step_effects(view, facts, row, args)),
    }
}

/// Whether what the step would keep is what stands: a case dispatched to one unit is not thereby dispatched to another.
fn keeps_what_stands(row: &Row, view: &View, args: &BTreeMap<String, Value>) -> bool {
    row.also.iter().all(|also| match also {
        Also::Keep(field) => view.field(field) == args.get(*field),
        Also::Empty(_) | Also::Start(_) | Also::Stop(_) | Also::NextRound => true,
    })
}

fn step_effects(view: &View, facts: &Facts<'_>, row: &Row, args: &BTreeMap<String, Value>) -> Vec<Effect> {
    let next_round = row.also.contains(&Also::NextRound);
    let round = if next_round { view.round.saturating_add(1) } else { view.round };
    let mut effects = vec![Effect::SetState { state: row.to.to_owned(), round }];
    for also in row.also {
        match also {
            Also::Keep(field) => {
                let value = args.get(*field).cloned().unwrap_or(Value::Null);
                effects.push(Effect::SetField { field: (*field).to_owned(), value });
            }
            Also::Empty(field) => effects.push(Effect::SetField { field: (*field).to_owned(), value: Value::Null }),
            Also::Start(clock) => effects.push(Effect::StartClock { clock: (*clock).to_owned(), at: facts.received }),
            Also::Stop(clock) => effects.push(Effect::StopClock { clock: (*clock).to_owned(), at: facts.received }),
            Also::NextRound => {}
        }
    }
    // The public course of the item: a replica that holds only a snapshot can still tell its story.
    let taken = view.sets.get("steps").map_or(0, BTreeMap::len);
    effects.push(Effect::AddToSet {
        set: "steps".to_owned(),
        key: format!("{taken:06}"),
        value: serde_json::json!({
            "step": row.step, "from": row.from, "to": row.to, "round": view.round, "at": facts.received, "args": args,
        }),
    });
    effects
}
