//! A person of the district: an item that the office writes, not a row of the pack.

use serde_json::Value;

use super::Audience;
use super::flow::{Grant, Rules, Who};
use super::listing::Listing;
use crate::id::PersonId;
use crate::journal::view::View;
use crate::pack::{AreaCode, CategoryKind, OrgCode, Role};

/// The kind's name on the wire.
pub const PERSON: &str = "person";

/// The only state of a person so far.
const ACTIVE: &str = "active";

/// The rules of people.
pub static RULES: Rules = Rules {
    kind: PERSON,
    opened_by: &[Who::Office],
    required: &["code", "name", "roles", "org"],
    initial: ACTIVE,
    attached_by: &[],
    photo_roles: &[],
    edited_by: &[Grant { who: Who::Office, in_states: &[ACTIVE] }, Grant { who: Who::Admin, in_states: &[ACTIVE] }],
    steps: &[],
    fields: &[],
    sound: |_, _| true,
    moments: &[],
    derive: |_, _, _: &Value| Vec::new(),
    audiences: |_, view, _| Audience::own(view, "code"),
    listing: |view| Listing {
        label: view.text("code"),
        words: ["code", "name"].into_iter().filter_map(|field| view.text(field)).collect(),
        ..Listing::default()
    },
    numbers: None,
    desks: DESKS,
    deciders: DECIDERS,
    covert: false,
};

/// A person as code that knows people reads the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The person's code.
    pub id: PersonId,
    /// The name that screens show.
    pub name: String,
    /// What the person may do.
    pub roles: Vec<Role>,
    /// Where the person belongs.
    pub org: OrgCode,
    /// The areas that the person is posted to.
    pub areas: Vec<AreaCode>,
    /// The classes of cases that the person looks after there.
    pub classes: Vec<CategoryKind>,
}

/// The roles whose desks work on every case of the district.
pub const DESKS: &[Role] = &[Role::Acceptor, Role::Dispatcher, Role::Admin, Role::Auditor];

/// The roles that see others' originals: their metadata can name the reporter's phone.
pub const SEE_ORIGINALS: &[Role] = &[Role::Acceptor, Role::Verifier, Role::Admin];

/// The roles whose desks decide about what is held, of all kinds but those that have deciders of their own.
pub const DECIDERS: &[Role] = &[Role::Acceptor, Role::Admin];

impl Person {
    /// The roles by which the person decides about what is held of a kind; none where that is not theirs.
    #[must_use]
    pub fn deciding_roles(&self, kind: &str) -> Vec<Role> {
        let deciders = super::rules(kind).map_or(DECIDERS, |rules| rules.deciders);
        self.roles.iter().filter(|role| deciders.contains(role)).cloned().collect()
    }

    /// Whether the person works on every item of a kind.
    #[must_use]
    pub fn is_at_a_desk_of(&self, kind: &str) -> bool {
        let desks = super::rules(kind).map_or(DESKS, |rules| rules.desks);
        self.roles.iter().any(|role| desks.contains(role))
    }

    /// Whether the person may see the originals of photos that others took.
    #[must_use]
    pub fn sees_originals(&self) -> bool {
        self.roles.iter().any(|role| SEE_ORIGINALS.contains(role))
    }

    /// Whether the person works on every case of the district.
    #[must_use]
    pub fn is_at_a_desk(&self) -> bool {
        self.is_at_a_desk_of(super::case::CASE)
    }

    /// Reads `view` as a person; none where a field that is needed is missing.
    #[must_use]
    pub fn of(view: &View) -> Option<Self> {
        let list = |name: &str| view.field(name).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
        Some(Self {
            id: PersonId::new(view.text("code")?).ok()?,
            name: view.text("name")?.to_owned(),
            roles: serde_json::from_value(list("roles")).ok()?,
            org: OrgCode::new(view.text("org")?).ok()?,
            areas: serde_json::from_value(list("areas")).ok()?,
            classes: serde_json::from_value(list("classes")).ok()?,
        })
    }
}
