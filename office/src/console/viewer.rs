//! Whoever looks: which cases a person may see, and what of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, header};
use rusqlite::Connection;
use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::actor::{self, actor};
use xuncheng_core::journal::view::View;
use xuncheng_core::pack::Role;
use xuncheng_core::store::list::{Query, Sight};
use xuncheng_core::store::{StoreError, entries, items, judgements, list};
use xuncheng_core::work::Audience;
use xuncheng_core::work::case::CASE;
use xuncheng_core::work::flow::Actor;
use xuncheng_core::work::person::Person;
use xuncheng_core::work::visit::VISIT;

use super::error::ConsoleError;
use super::session::{Session, cookie};
use super::{Console, Synonyms};
use crate::devices;

/// A person who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    /// Who, as the list of people stands now.
    pub(super) person: Person,
    /// Where.
    pub(super) session: Session,
}

impl FromRequestParts<Arc<Console>> for Viewer {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, ConsoleError> {
        let signed_out = || {
            let reads = parts.method == Method::GET || parts.method == Method::HEAD;
            ConsoleError::SignedOut { next: reads.then(|| parts.uri.to_string()) }
        };
        let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let now = console.office.now().wall;
        let session = cookies
            .filter_map(|cookies| cookie(cookies, &console.cookie_name()))
            .find_map(|secret| console.sessions.find(secret, now))
            .ok_or_else(signed_out)?;
        let who = session.person.clone();
        // Read anew each time: what a person may do can change while a session lasts.
        let person = console.office.read(move |conn| Ok(actor::person(conn, &who)?)).await?;
        // Who has left keeps a name in the story, and no role.
        let person = person.filter(|person| !person.roles.is_empty()).ok_or_else(signed_out)?;
        Ok(Self { person, session })
    }
}

/// Whether the person has one of these roles.
pub(super) fn has_any(person: &Person, roles: &[Role]) -> bool {
    person.roles.iter().any(|role| roles.contains(role))
}

/// Who may know the reporter of a case.
const TOLD_OF_REPORTERS: &[Role] = &[Role::Acceptor, Role::Dispatcher, Role::Admin, Role::Verifier];
/// Who may see originals: their metadata can name the reporter's phone.
const SEE_ORIGINALS: &[Role] = &[Role::Acceptor, Role::Verifier, Role::Admin];

impl Viewer {
    /// What this person may see; everything where none is given.
    pub(super) fn sight(&self) -> Option<Sight> {
        let Person { roles, areas, classes, org, .. } = &self.person;
        if self.person.is_at_a_desk() {
            return None;
        }
        let in_the_field = roles.contains(&Role::Inspector) || roles.contains(&Role::Verifier);
        Some(Sight {
            audiences: Audience::feeds_of(&self.person).into_iter().collect(),
            areas: if in_the_field { areas.iter().map(ToString::to_string).collect() } else { Vec::new() },
            classes: classes.iter().map(ToString::to_string).collect(),
            orgs: if roles.contains(&Role::Handler) { vec![org.to_string()] } else { Vec::new() },
        })
    }

    /// The case, where this person may see it.
    pub(super) fn case(&self, conn: &Connection, item: ItemId) -> Result<View, ConsoleError> {
        let query = Query { sight: self.sight(), ..Query::default() };
        if !list::finds(conn, CASE, &query, &Synonyms::none(), item)? {
            return Err(ConsoleError::NotFound);
        }
        items::view(conn, item)?.ok_or(ConsoleError::NotFound)
    }

    /// This person as the rules see them at `item`.
    pub(super) fn actor(&self, conn: &Connection, item: ItemId) -> Result<Actor, StoreError> {
        actor(conn, &self.person.id, Some(&self.person), item, items::view(conn, item)?.as_ref())
    }

    /// This person as the rules see them at an item that somebody else opened.
    pub(super) fn actor_anywhere(&self) -> Actor {
        Actor {
            person: Some(self.person.id.clone()),
            roles: self.person.roles.clone(),
            org: Some(self.person.org.clone()),
            opened_it: false,
            handled_it: false,
            revoked: false,
            vouched: false,
        }
    }

    /// Whether this person may know who `author` is. A unit that handles cases is told neither who reported nor who checks.
    pub(super) fn is_told_of(&self, author: &Person) -> bool {
        has_any(&self.person, TOLD_OF_REPORTERS)
            || author.id == self.person.id
            || author.is_at_a_desk()
            || (author.org == self.person.org && author.roles.contains(&Role::Handler))
    }

    /// Whether this person may read an entry of the case `item`: of what took effect everybody may to whom the case is shown,
    /// as on their phones. What is held or rejected, or changed nothing, is for its author and for desks.
    pub(super) fn may_read(&self, conn: &Connection, item: ItemId, entry: EntryId) -> Result<bool, ConsoleError> {
        let judged = judgements::get(conn, entry)?.map(|judged| judged.judgement.verdict);
        if self.person.is_at_a_desk() || judged.is_some_and(|verdict| verdict.applies()) {
            return Ok(true);
        }
        // Whose phone it is was enrolled; whom an entry names as its author is only its own word.
        let device = entries::incarnation(conn, entry)?.map(|by| devices::get(conn, by)).transpose()?.flatten();
        Ok(match device {
            Some(device) => device.person == self.person.id,
            None => entries::is_of(conn, entry, item, &self.person.id)?,
        })
    }

    /// Whether this person sees what is held, of whatever kind.
    pub(super) fn sees_held(&self) -> bool {
        [CASE, VISIT].into_iter().any(|kind| self.person.is_at_a_desk_of(kind))
    }

    /// Whether this person decides about what is held, of whatever kind.
    pub(super) fn decides(&self) -> bool {
        [CASE, VISIT].into_iter().any(|kind| !self.person.deciding_roles(kind).is_empty())
    }

    /// How much is held that this person may see, by the kind of item that it is about.
    pub(super) fn held_by_kind(&self, conn: &Connection) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut held = judgements::held_by_kind(conn)?;
        held.retain(|kind, _| self.person.is_at_a_desk_of(kind));
        Ok(held)
    }

    /// Whether this person sees what is held of an item.
    pub(super) fn sees_what_is_held_of(&self, conn: &Connection, item: ItemId) -> Result<bool, StoreError> {
        let kind = entries::of_item(conn, item)?.first().and_then(|entry| entry.read_header().ok());
        Ok(kind.is_some_and(|header| self.person.is_at_a_desk_of(&header.kind)))
    }

    /// Whether this person may know of covert visits.
    pub(super) fn sees_visits(&self) -> bool {
        Audience::of_person(&self.person).contains(&Audience::Covert)
    }

    /// Whether this person may see originals.
    pub(super) fn sees_originals(&self) -> bool {
        has_any(&self.person, SEE_ORIGINALS)
    }

    /// Whether this person keeps devices.
    pub(super) fn is_admin(&self) -> bool {
        self.person.roles.contains(&Role::Admin)
    }
}
