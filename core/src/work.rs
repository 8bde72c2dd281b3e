//! What people work on. Each kind of item is a table of steps ([`flow`]) and a list of fields; one engine
//! ([`crate::journal::judge`]) walks them all (docs/decisions/D7).

pub mod flow;
pub mod case;
pub mod device;
pub mod listing;
pub mod person;
pub mod visit;

use std::collections::BTreeSet;

use flow::Rules;

use crate::id::PersonId;
use crate::journal::view::View;
use crate::pack::{AreaCode, CategoryKind, OrgCode, Role};

/// The rules of a kind of item, by its name on the wire; none for a kind of a later version.
#[must_use]
pub fn rules(kind: &str) -> Option<&'static Rules> {
    KINDS.iter().copied().find(|rules| rules.kind == kind)
}

/// The rules of all kinds.
pub static KINDS: [&Rules; 4] = [&case::RULES, &visit::RULES, &device::RULES, &person::RULES];

/// Who may receive an item: each has a feed of its own, and a phone keeps one position in each that it reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Those who inspect an area, by class of category.
    Area(AreaCode, CategoryKind),
    /// Those who handle for an organisation.
    Organisation(OrgCode),
    /// Those who make covert visits, and those who direct them.
    Covert,
    /// One person: own reports, own devices, one's own entry in the list of people.
    Own(PersonId),
}

impl Audience {
    /// The feed's name on the wire and in rows.
    #[must_use]
    pub fn feed(&self) -> String {
        match self {
            Self::Area(area, class) => format!("area/{area}/{class}"),
            Self::Organisation(org) => format!("org/{org}"),
            Self::Covert => "covert".to_owned(),
            Self::Own(person) => format!("own/{person}"),
        }
    }

    /// The person whose code stands in `field`, alone; nobody where none does.
    fn own(view: &View, field: &str) -> BTreeSet<Self> {
        view.text(field).and_then(|code| PersonId::new(code).ok()).map(Self::Own).into_iter().collect()
    }

    /// The names of the feeds that a person reads on a phone.
    #[must_use]
    pub fn feeds_of(person: &person::Person) -> BTreeSet<String> {
        Self::of_person(person).iter().map(Self::feed).collect()
    }

    /// The feeds that a person with these roles, posted so, reads on a phone.
    #[must_use]
    pub fn of_person(person: &person::Person) -> BTreeSet<Self> {
        let mut audiences = BTreeSet::from([Self::Own(person.id.clone())]);
        if person.roles.contains(&Role::Inspector) || person.roles.contains(&Role::Verifier) {
            for area in &person.areas {
                for class in &person.classes {
                    audiences.insert(Self::Area(area.clone(), class.clone()));
                }
            }
        }
        if person.roles.contains(&Role::Handler) {
            audiences.insert(Self::Organisation(person.org.clone()));
        }
        if person.roles.contains(&Role::CovertInspector) || person.roles.contains(&Role::Appraiser) {
            audiences.insert(Self::Covert);
        }
        audiences
    }
}
