//! Applying what was decided. Nothing here judges: the same effects give the same view, whatever version made them.

use super::effect::Effect;
use super::version::Version;
use super::view::{Field, Loser, Member, Run, View};
use crate::id::EntryId;

/// Applies the `effects` of `entry`, which led to `version`.
pub fn apply(view: &mut View, entry: EntryId, version: Version, effects: &[Effect]) {
    view.version = version;
    for effect in effects {
        apply_one(view, entry, version.count, effect);
    }
}

fn apply_one(view: &mut View, writer: EntryId, at: u64, effect: &Effect) {
    match effect {
        Effect::SetField { field, value } => {
            view.fields.insert(field.clone(), Field::new(value.clone(), writer, at));
        }
        Effect::SetPersonal { field } => {
            view.personal.insert(field.clone(), writer);
        }
        Effect::AddToSet { set, key, value } => {
            let members = view.sets.entry(set.clone()).or_default();
            members.entry(key.clone()).or_insert_with(|| Member::new(value.clone(), writer));
        }
        Effect::SetState { state, round } => {
            view.state.clone_from(state);
            view.round = *round;
        }
        Effect::StartClock { clock, at } => {
            let runs = view.clocks.entry(clock.clone()).or_default();
            if runs.last().is_none_or(|run| run.stopped.is_some()) {
                runs.push(Run::since(*at));
            }
        }
        Effect::StopClock { clock, at } => {
            if let Some(run) = view.clocks.get_mut(clock).and_then(|runs| runs.last_mut()) {
                run.stopped.get_or_insert(*at);
            }
        }
        Effect::KeepLoser { field, value, writer, winner } => {
            view.losers.push(Loser::new(field.clone(), value.clone(), *writer, *winner));
        }
        Effect::Link { relation, item } => {
            let items = view.links.entry(relation.clone()).or_default();
            if !items.contains(item) {
                items.push(*item);
            }
        }
        Effect::Restore { view: restored, .. } => {
            let version = view.version;
            view.clone_from(restored);
            view.version = version;
        }
        // The part goes from the `entry` row, not from the view, which never repeats what may be erased.
        Effect::ErasePart { .. } => {}
    }
}
