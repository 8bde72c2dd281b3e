//! What somebody wrote in a field stands there, or is kept beside it, unless whoever replaced it had seen it. Told from the
//! entries alone, without the judge.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;
use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::version::Version;
use xuncheng_core::store::{entries, items};

/// The field that the district's people write in, on phones and at desks.
const FIELD: &str = "description";

/// An applied entry that says something of the field.
struct Word {
    entry: EntryId,
    at: u64,
    value: Value,
    seen: Option<Version>,
    own: Option<EntryId>,
}

/// Checks every item of a ledger.
pub(super) fn none_is_lost(conn: &Connection) {
    for item in cases(conn) {
        of_item(conn, item);
    }
}

/// The cases of a ledger.
pub(super) fn cases(conn: &Connection) -> Vec<ItemId> {
    let all = conn.prepare("SELECT id FROM item WHERE kind = 'case'");
    let found = all.and_then(|mut all| all.query_map([], |row| row.get(0))?.collect());
    found.expect("the ledger can be read")
}

fn of_item(conn: &Connection, item: ItemId) {
    let view = items::view(conn, item).expect("the ledger can be read").expect("an item has a view");
    let stands = view.fields.get(FIELD).map(|field| &field.value);
    let mut before: BTreeMap<EntryId, EntryId> = BTreeMap::new();
    let mut words: Vec<Word> = Vec::new();
    for (at, entry) in (1..).zip(items::applied(conn, item).expect("the ledger can be read")) {
        // What a phone brought back as the office had signed it stands in for entries that are not here.
        if is_restored(conn, entry) {
            return;
        }
        words.extend(read(conn, entry, at, &mut before));
    }
    for word in &words {
        let kept = view.losers.iter().any(|loser| loser.field == FIELD && loser.value == word.value);
        // Who says the same takes nothing from anybody.
        let mut same = words.iter().filter(|same| same.value == word.value);
        let known = same.any(|same| {
            let mut after = words.iter().filter(|later| later.at > same.at && later.value != same.value);
            after.any(|later| had_seen(conn, item, later, same, &before))
        });
        assert!(
            stands == Some(&word.value) || kept || known,
            "what entry {} says of item {item} is nowhere, and nobody who wrote after it had seen it: {}",
            word.entry,
            word.value
        );
    }
}

/// What an entry says of the field; its link to its author's entry before it is noted whatever it says.
fn read(conn: &Connection, id: EntryId, at: u64, before: &mut BTreeMap<EntryId, EntryId>) -> Option<Word> {
    let entry = entries::get(conn, id).expect("the ledger can be read").expect("an applied entry is here");
    let header = entry.read_header().expect("an applied entry has a header");
    let origin = entry.read_origin(&header).expect("an applied entry has an origin");
    if let Some(own) = origin.own {
        before.insert(id, own);
    }
    let (Change::Open { fields } | Change::Edit { fields }) =
        entry.read_body(&header).expect("an applied entry has a body").change
    else {
        return None;
    };
    let value = fields.get(FIELD)?.clone();
    Some(Word { entry: id, at, value, seen: header.seen, own: origin.own })
}

fn is_restored(conn: &Connection, id: EntryId) -> bool {
    let entry = entries::get(conn, id).expect("the ledger can be read").expect("an applied entry is here");
    let header = entry.read_header().expect("an applied entry has a header");
    entry.read_body(&header).is_ok_and(|body| matches!(body.change, Change::Restored { .. }))
}

/// Whether whoever wrote `later` had seen `word`, or had written it.
fn had_seen(conn: &Connection, item: ItemId, later: &Word, word: &Word, before: &BTreeMap<EntryId, EntryId>) -> bool {
    let seen = later.seen.and_then(|seen| items::count_seen(conn, item, &seen).expect("the ledger can be read"));
    let mut link = later.own;
    while let Some(own) = link {
        if own == word.entry {
            return true;
        }
        link = before.get(&own).copied();
    }
    seen.is_some_and(|seen| seen >= word.at)
}
