//! The closed vocabulary of what an entry can do to an item: all that [`super::fold`] knows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::view::View;
use crate::clock::Moment;
use crate::id::{EntryId, ItemId};

/// One effect of a judged entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Effect {
    /// Gives a field a value; `null` empties it.
    SetField {
        /// The field.
        field: String,
        /// Its new value.
        value: Value,
    },
    /// Says that a personal field stands in the private part of this entry; the value is not repeated.
    SetPersonal {
        /// The field.
        field: String,
    },
    /// Adds a member to a set; the same key again replaces nothing.
    AddToSet {
        /// The set.
        set: String,
        /// What makes the member one and the same.
        key: String,
        /// The member.
        value: Value,
    },
    /// Moves the item in its workflow.
    SetState {
        /// The new state.
        state: String,
        /// The round (count of reworks) from now on.
        round: u32,
    },
    /// Starts a clock.
    StartClock {
        /// Its name.
        clock: String,
        /// Since when, to the minute.
        at: Moment,
    },
    /// Stops a clock.
    StopClock {
        /// Its name.
        clock: String,
        /// When, to the minute.
        at: Moment,
    },
    /// Keeps a value that did not win, so that it is shown.
    KeepLoser {
        /// The field that it was meant for.
        field: String,
        /// The value.
        value: Value,
        /// The entry that brought it.
        writer: EntryId,
        /// The entry whose value stands.
        winner: EntryId,
    },
    /// Ties the item to another.
    Link {
        /// How.
        relation: String,
        /// The other.
        item: ItemId,
    },
    /// Makes the item what this view says, which a phone brought back as the office had signed it, merged with what stood here:
    /// whoever wrote a value stays its writer.
    Restore {
        /// The item from now on.
        view: Box<View>,
        /// Entries that are in it: whoever brings one of them changes nothing.
        entries: Vec<EntryId>,
        /// What the office had written once, and must not write again.
        causes: Vec<String>,
    },
    /// Erases a part of an earlier entry, salt and all.
    ErasePart {
        /// The entry.
        entry: EntryId,
        /// Which part.
        part: String,
    },
}
