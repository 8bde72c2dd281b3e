//! The people of the district: read from `people.toml` as entries of the office, opened once, edited when the file has
//! changed; and found by their codes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::{Value, json};
use xuncheng_core::id::{Hash, ItemId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::journal::view::View;
use xuncheng_core::journal::write::{Draft, Seen};
use xuncheng_core::pack::people::{self, PersonRecord};
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::{StoreError, items};
use xuncheng_core::work::person::{PERSON, Person};

use crate::error::OfficeError;
use crate::folder::write_whole;
use crate::ledger::{Ledger, OFFICE_PERSON, fact};

/// Everybody who was ever named in `people.toml`, in the order of their codes.
pub(crate) fn all(conn: &Connection) -> Result<Vec<Person>, StoreError> {
    Ok(items::of_kind(conn, PERSON)?.iter().filter_map(|(_, view)| Person::of(view)).collect())
}

/// Reads the folder's `people.toml`, made from the example at the first start, into the ledger; with the pack that they fit,
/// where a new one `is_given`. Of a pack that they do not fit nothing is kept: the office starts again as it was.
pub(crate) fn import(ledger: &mut Ledger, is_given: bool) -> Result<(), OfficeError> {
    let path = ledger.grounds().folder.people();
    if !path.exists() {
        write_whole(&path, people::BAZHOU.as_bytes())?;
    }
    let text = std::fs::read_to_string(&path).map_err(|source| OfficeError::file(&path, source))?;
    let grounds = Arc::clone(ledger.grounds());
    let pack = &grounds.pack;
    let records = people::parse(&text, pack)?;
    if records.iter().any(|record| record.id.as_str() == OFFICE_PERSON) {
        return Err(OfficeError::Setup(format!("people.toml: the code {OFFICE_PERSON:?} is the office's own")));
    }
    for gap in people::gaps(pack, &records) {
        tracing::warn!("people.toml: {gap}");
    }
    // A star in it stands for what the pack has.
    let read = Hash::of("people", &[pack.hash().as_bytes(), text.as_bytes()]);
    ledger.turn(|intake| {
        if is_given {
            meta::set(intake.tx, key::PACK, &pack.to_json())?;
        }
        if meta::get(intake.tx, fact::PEOPLE)? == Some(read) {
            return Ok(());
        }
        let known: BTreeMap<String, (ItemId, View)> = items::of_kind(intake.tx, PERSON)?
            .into_iter()
            .filter_map(|(item, view)| Some((view.text("code")?.to_owned(), (item, view))))
            .collect();
        for record in &records {
            put(intake, known.get(record.id.as_str()), record)?;
        }
        let named: BTreeSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
        for (_, (item, view)) in known.iter().filter(|(code, _)| !named.contains(code.as_str())) {
            // Who left keeps a name in what was done, and may do nothing more.
            edit(intake, *item, view, [("roles", json!([])), ("areas", json!([]))].into())?;
        }
        Ok(meta::set(intake.tx, fact::PEOPLE, &read)?)
    })
}

fn put(intake: &mut Intake<'_, '_>, known: Option<&(ItemId, View)>, record: &PersonRecord) -> Result<(), OfficeError> {
    let fields: BTreeMap<&str, Value> = [
        ("code", json!(record.id)),
        ("name", json!(record.name)),
        ("roles", json!(record.roles)),
        ("org", json!(record.org)),
        ("areas", json!(record.areas)),
        ("classes", json!(record.classes)),
    ]
    .into();
    if let Some((item, view)) = known {
        return edit(intake, *item, view, fields);
    }
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let cause = format!("person/{}", record.id);
    write(intake, None, Change::Open { fields }, Some(cause))
}

fn edit(
    intake: &mut Intake<'_, '_>,
    item: ItemId,
    view: &View,
    fields: BTreeMap<&str, Value>,
) -> Result<(), OfficeError> {
    let changed: BTreeMap<String, Value> = fields
        .into_iter()
        .filter(|(name, value)| view.field(name) != Some(value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    if changed.is_empty() { Ok(()) } else { write(intake, Some(item), Change::Edit { fields: changed }, None) }
}

fn write(
    intake: &mut Intake<'_, '_>,
    item: Option<ItemId>,
    change: Change,
    cause: Option<String>,
) -> Result<(), OfficeError> {
    let node = intake.office.node.clone();
    intake.write(&node, Draft { item, kind: PERSON.to_owned(), change, fix: None, seen: Seen::Held, cause })?;
    Ok(())
}
