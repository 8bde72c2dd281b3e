//! What an item has become: a map of fields and sets, the same bytes on every replica at the same version.
//!
//! Typed structs ([`crate::work`]) read this map and leave what they do not know untouched. What a snapshot of a later
//! version has beside it stays too, after the members that this version knows: a later version adds its own at the end,
//! in order of name, so that all write the same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::version::Version;
use crate::clock::Moment;
use crate::id::{EntryId, ItemId};

/// The public state of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The item's kind.
    pub kind: String,
    /// Where it stands in its workflow.
    pub state: String,
    /// Count of reworks.
    pub round: u32,
    /// What it is the state of.
    pub version: Version,
    /// Fields by name.
    pub fields: BTreeMap<String, Field>,
    /// Sets by name, members by key.
    pub sets: BTreeMap<String, BTreeMap<String, Member>>,
    /// Clocks by name: when each run of them began and ended.
    pub clocks: BTreeMap<String, Vec<Run>>,
    /// Values that did not win, in the order of arrival.
    pub losers: Vec<Loser>,
    /// Personal fields: which entry's private part holds each.
    pub personal: BTreeMap<String, EntryId>,
    /// Other items that it is tied to, by relation.
    pub links: BTreeMap<String, Vec<ItemId>>,
    #[serde(flatten)]
    later: Later,
}

/// Members that a later version put beside those of this one.
type Later = BTreeMap<String, Value>;

/// A field's value and who wrote it last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The value.
    pub value: Value,
    /// The entry that wrote it.
    pub writer: EntryId,
    /// The item's count when it did.
    pub at: u64,
    #[serde(flatten)]
    later: Later,
}

/// A member of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// What it is.
    pub value: Value,
    /// The entry that added it.
    pub writer: EntryId,
    #[serde(flatten)]
    later: Later,
}

/// One run of a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// To the minute.
    pub started: Moment,
    /// To the minute; none while it runs.
    pub stopped: Option<Moment>,
    #[serde(flatten)]
    later: Later,
}

/// A value that did not win.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loser {
    /// The field that it was meant for.
    pub field: String,
    /// The value.
    pub value: Value,
    /// The entry that brought it.
    pub writer: EntryId,
    /// The entry whose value stands.
    pub winner: EntryId,
    #[serde(flatten)]
    later: Later,
}

impl Field {
    /// `value` as `writer` wrote it when it became the item's `at`th entry.
    #[must_use]
    pub const fn new(value: Value, writer: EntryId, at: u64) -> Self {
        Self { value, writer, at, later: Later::new() }
    }
}

impl Member {
    /// `value` as `writer` added it.
    #[must_use]
    pub const fn new(value: Value, writer: EntryId) -> Self {
        Self { value, writer, later: Later::new() }
    }
}

impl Run {
    /// A run that goes on.
    #[must_use]
    pub const fn since(started: Moment) -> Self {
        Self { started, stopped: None, later: Later::new() }
    }
}

impl Loser {
    /// `value`, which `writer` brought for `field`, where `winner`'s stands.
    #[must_use]
    pub const fn new(field: String, value: Value, writer: EntryId, winner: EntryId) -> Self {
        Self { field, value, writer, winner, later: Later::new() }
    }
}

impl View {
    /// An item before its first entry.
    #[must_use]
    pub fn empty(kind: &str, version: Version) -> Self {
        Self {
            kind: kind.to_owned(),
            state: String::new(),
            round: 0,
            version,
            fields: BTreeMap::new(),
            sets: BTreeMap::new(),
            clocks: BTreeMap::new(),
            losers: Vec::new(),
            personal: BTreeMap::new(),
            links: BTreeMap::new(),
            later: Later::new(),
        }
    }

    /// A field's value; none where it was never set or is empty.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).map(|field| &field.value).filter(|value| !value.is_null())
    }

    /// A field's value as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str()
    }

    /// A set's members by key; none where it was never added to.
    pub fn members(&self, set: &str) -> impl Iterator<Item = (&str, &Member)> {
        self.sets.get(set).into_iter().flatten().map(|(key, member)| (key.as_str(), member))
    }
}
