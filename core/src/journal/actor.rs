//! Who acts: a person as the ledger knows them, and how they stand to an item.

use rusqlite::Connection;

use super::view::View;
use crate::id::{ItemId, PersonId};
use crate::store::{StoreError, entries, items};
use crate::work::flow::{self, Actor};
use crate::work::person::{PERSON, Person};
use crate::work::{self, Audience};

/// The person with this code, as they stand now; none where nobody has told of them.
///
/// # Errors
/// [`StoreError`].
pub fn person(conn: &Connection, code: &PersonId) -> Result<Option<Person>, StoreError> {
    let Some(item) = items::labelled(conn, PERSON, code.as_str())? else { return Ok(None) };
    Ok(items::view(conn, item)?.as_ref().and_then(Person::of))
}

/// `who` at `item`, with the roles that `person` has now.
///
/// # Errors
/// [`StoreError`].
pub fn actor(
    conn: &Connection,
    who: &PersonId,
    person: Option<&Person>,
    item: ItemId,
    view: Option<&View>,
) -> Result<Actor, StoreError> {
    Ok(Actor {
        person: Some(who.clone()),
        roles: person.map(|person| person.roles.clone()).unwrap_or_default(),
        org: person.map(|person| person.org.clone()),
        opened_it: opened(conn, who, item)?,
        handled_it: view.map_or(Ok(false), |view| handled(conn, who, item, view))?,
        revoked: false,
        vouched: false,
    })
}

/// A new phone of the reporter's does not hold who opened the item, only that it is one of the reporter's own.
fn opened(conn: &Connection, who: &PersonId, item: ItemId) -> Result<bool, StoreError> {
    let own = Audience::Own(who.clone()).feed();
    Ok(entries::opener(conn, item)?.as_ref() == Some(who) || items::audiences(conn, item)?.contains(&own))
}

fn handled(conn: &Connection, who: &PersonId, item: ItemId, view: &View) -> Result<bool, StoreError> {
    let Some(rules) = work::rules(&view.kind) else { return Ok(false) };
    for step in flow::handling_steps(rules, view) {
        if entries::is_of(conn, step, item, who)? {
            return Ok(true);
        }
    }
    Ok(false)
}
