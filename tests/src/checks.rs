//! What must hold at any moment, between any two requests, whatever failed before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{EntryId, EpochId, IncarnationId, ItemId, PhotoHash};
use xuncheng_core::journal::audit;
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::{self, items, photos};
use xuncheng_core::sync::session::OfficeKeys;
use xuncheng_core::sync::wire::Countersignature;

use crate::world::World;

/// A place of a chain.
type Place = (IncarnationId, u64);

/// The entry at a place, and its bytes as its author wrote them: header, origin, body, private part.
type Written = (EntryId, String, Option<String>, Option<String>, Option<String>);

/// What the office says of an item: count, history, view.
type Standing = (u64, String, String);

/// All checks, over the office and every phone of the world.
pub(crate) fn all(world: &World) {
    let office = world.office();
    let folder = office.folder();
    sound(&store::open_reader(&folder.join("ledger.sqlite")).expect("the ledger can be read"), "the office");
    office.read(dense);
    office.read(found);
    let first_branch = office.epoch().parent.is_none();
    office.read(move |conn| decided_once(conn, first_branch));
    let entries = office.read(written);
    let erased = office.read(erased);
    let standings = office.read(standings);
    let photos = PhotoFolder::open(&folder.join("photos")).expect("the office has a photo folder");
    let signed_for = "SELECT entry, sha256 FROM attachment WHERE receipt IS NOT NULL";
    for (_, sha256) in office.read(move |conn| attachments(conn, signed_for)) {
        assert_original(&photos, &sha256, "an original that the office signed for lies there");
    }
    let answered = Answered { epoch: office.epoch().id, last: office.read(last_requests) };
    for phone in world.0.phones.borrow().iter() {
        check_phone(phone, &entries, &erased, &standings, &answered);
    }
}

/// Searches find every item by what it is.
fn found(conn: &Connection) {
    assert_eq!(items::misfound(conn).expect("a store can be read"), [], "searches find an item by what it was");
}

/// Which requests the office knows that it answered.
struct Answered {
    epoch: EpochId,
    last: BTreeMap<IncarnationId, u64>,
}

impl Answered {
    /// Whether the office has all that it ever told a phone: it was not restored since, nor put back by hand.
    fn knows(&self, phone: &Connection) -> bool {
        let office: Option<OfficeKeys> = meta::get(phone, key::OFFICE).expect("a store can be read");
        let holds: Option<Signed<Countersignature>> = meta::get(phone, key::HOLDS).expect("a store can be read");
        let Some((office, holds)) = office.zip(holds) else { return true };
        let holds = holds.read_unverified().expect("a countersignature of the office's");
        office.epoch.id == self.epoch && self.last.get(&holds.incarnation).is_some_and(|last| *last >= holds.request)
    }
}

fn last_requests(conn: &Connection) -> BTreeMap<IncarnationId, u64> {
    let all = conn.prepare("SELECT incarnation, last_request FROM office_device");
    let found = all.and_then(|mut all| all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect());
    found.expect("the ledger can be read")
}

fn check_phone(
    folder: &Path,
    office: &BTreeMap<Place, Written>,
    erased_there: &BTreeSet<EntryId>,
    standings: &BTreeMap<(ItemId, u64), Standing>,
    answered: &Answered,
) {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a phone has a name").to_owned();
    let conn = store::open_reader(&folder.join("xuncheng.sqlite")).expect("a phone's store can be read");
    sound(&conn, &name);
    found(&conn);
    let own: IncarnationId =
        meta::get(&conn, key::INCARNATION).expect("a store can be read").expect("a store has an incarnation");
    chains(&conn, &name);
    if let Some(office) = meta::get::<OfficeKeys>(&conn, key::OFFICE).expect("a store can be read") {
        audit::told(&conn, &office.node).expect("what a phone was told is what the office signed");
    }
    no_secrets(&conn, own, &name);
    photos_are_here(&conn, folder, &name);
    if !answered.knows(&conn) {
        return;
    }
    let through: u64 = meta::get(&conn, key::THROUGH).expect("a store can be read").unwrap_or(0);
    let mut sent = written(&conn);
    sent.retain(|(incarnation, seq), _| *incarnation != own || *seq <= through);
    let erased_here = erased(&conn);
    // One of the two has not heard of it yet.
    let but_for_erased = |mut written: Written| {
        if erased_here.contains(&written.0) || erased_there.contains(&written.0) {
            written.4 = None;
        }
        written
    };
    for (place, written) in sent {
        // Of an own entry that left there is its place.
        if written.1.is_empty() {
            assert!(office.contains_key(&place), "{name}: what left the phone is at the office");
            continue;
        }
        let there = office.get(&place).cloned().map(but_for_erased);
        let here = Some(but_for_erased(written));
        assert_eq!(there, here, "{name}: what the office countersigned, it has, byte for byte");
    }
    same_views(&conn, standings, &name);
}

/// The database itself. The connection is a new one: SQLite's check of a full-text table on one that has been open for a
/// while reads it by an index that it remembers from earlier, and reports damage that is not there (3.54.1).
fn sound(conn: &Connection, name: &str) {
    // A connection of its own: the check does not refresh what FTS5 remembers of the index from an earlier statement, and
    // takes segments that a writer has merged since for lost ones.
    let path = conn.path().expect("a store is a file");
    let fresh = xuncheng_core::store::open_reader(std::path::Path::new(path)).expect("a store can be opened");
    let conn = &fresh;
    let said: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check runs");
    assert_eq!(said, "ok", "{name}: the database is sound");
    let dangling = conn.prepare("PRAGMA foreign_key_check").and_then(|mut check| check.exists([]));
    assert!(!dangling.expect("the check runs"), "{name}: no row names another that is not there");
}

/// Positions without a gap, in the ledger and in every feed; every entry judged; no entry judged twice.
fn dense(conn: &Connection) {
    let count = |sql: &str| -> u64 { conn.query_row(sql, [], |row| row.get(0)).expect("a statement of the checks") };
    assert_eq!(
        count("SELECT count(*) FROM (SELECT audience FROM feed GROUP BY audience HAVING max(position) != count(*))"),
        0,
        "a feed has a gap"
    );
    assert_eq!(
        count("SELECT count(*) FROM judgement"),
        count("SELECT coalesce(max(position), 0) FROM judgement"),
        "positions of the ledger have a gap"
    );
    assert_eq!(
        count("SELECT count(*) FROM entry e LEFT JOIN judgement j ON j.entry = e.id WHERE j.entry IS NULL"),
        0,
        "an entry was taken and not judged"
    );
    assert_eq!(
        count("SELECT count(*) FROM (SELECT incarnation FROM chain GROUP BY incarnation HAVING max(seq) != count(*))"),
        0,
        "a chain at the office has a gap"
    );
}

/// What is held was not decided about; of what a person decided about, the decision stands; nobody dismisses unnamed, unless
/// that was on another branch: what became of the entry comes back, who said so was told to nobody.
fn decided_once(conn: &Connection, first_branch: bool) {
    let count = |sql: &str| -> u64 { conn.query_row(sql, [], |row| row.get(0)).expect("a statement of the checks") };
    assert_eq!(
        count(
            "SELECT count(*) FROM judgement j JOIN entry said ON said.cause = 'held/' || lower(hex(j.entry))
             WHERE j.verdict = 'held' OR (said.change = 'dismiss') <> (j.judgement LIKE '%\"code\":\"dismissed\"%')"
        ),
        0,
        "an entry that a person decided about is not as they decided"
    );
    if first_branch {
        assert_eq!(
            count(
                "SELECT count(*) FROM judgement j WHERE j.judgement LIKE '%\"code\":\"dismissed\"%'
                 AND NOT EXISTS (SELECT 1 FROM entry said WHERE said.cause = 'held/' || lower(hex(j.entry)))"
            ),
            0,
            "an entry was dismissed, and nobody said so"
        );
    }
    assert_eq!(
        count(
            "SELECT count(*) FROM judgement j WHERE j.verdict = 'held' AND j.judgement ->> '$.verdict.held.behind' IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM judgement b WHERE b.verdict = 'held'
                 AND lower(hex(b.entry)) = j.judgement ->> '$.verdict.held.behind')"
        ),
        0,
        "an entry waits behind one that does not"
    );
}

/// Every chain that this store wrote is without a gap; of what it went on from, up to where that was.
fn chains(conn: &Connection, name: &str) {
    let gap = conn
        .prepare("SELECT 1 FROM chain GROUP BY incarnation HAVING max(seq) != count(*)")
        .and_then(|mut statement| statement.exists([]))
        .expect("a store can be read");
    assert!(!gap, "{name}: a chain of its own has a gap");
}

fn erased(conn: &Connection) -> BTreeSet<EntryId> {
    let mut all = conn.prepare("SELECT entry FROM erased").expect("a statement of the checks");
    let rows = all.query_map([], |row| row.get(0)).expect("a store can be read");
    rows.collect::<Result<_, _>>().expect("a store can be read")
}

fn written(conn: &Connection) -> BTreeMap<Place, Written> {
    let mut statement = conn
        .prepare("SELECT incarnation, seq, entry, header, origin, body, private FROM chain")
        .expect("a statement of the checks");
    let rows = statement
        .query_map([], |row| {
            let written = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
            Ok(((row.get(0)?, row.get(1)?), written))
        })
        .expect("a store can be read");
    rows.collect::<Result<_, _>>().expect("a store can be read")
}

/// What each item was at each count: only the newest has its view.
fn standings(conn: &Connection) -> BTreeMap<(ItemId, u64), Standing> {
    let mut statement = conn
        .prepare("SELECT v.item, v.count, lower(hex(v.history)) FROM item_version v")
        .expect("a statement of the checks");
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, ItemId>(0)?, row.get::<_, u64>(1)?, row.get::<_, String>(2)?)))
        .expect("the ledger can be read");
    let mut found = BTreeMap::new();
    for row in rows {
        let (item, count, history) = row.expect("the ledger can be read");
        let newest = items::view(conn, item).expect("the ledger can be read").is_some_and(|v| v.version.count == count);
        let view = items::confirmed_bytes(conn, item).expect("the ledger can be read").filter(|_| newest);
        found.insert((item, count), (count, history, view.unwrap_or_default()));
    }
    found
}

/// Invariant 4: at the same version the same bytes, at an earlier one the office's own history.
fn same_views(conn: &Connection, standings: &BTreeMap<(ItemId, u64), Standing>, name: &str) {
    let held: Vec<ItemId> = conn
        .prepare("SELECT id FROM item")
        .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
        .expect("a store can be read");
    for item in held {
        let Some(view) = items::confirmed(conn, item).expect("a store can be read") else { continue };
        let (_, history, newest) = standings
            .get(&(item, view.version.count))
            .unwrap_or_else(|| panic!("{name} holds item {item} at a count that the office never had"));
        assert_eq!(&view.version.history.to_string(), history, "{name}: item {item} has another history");
        if !newest.is_empty() {
            let bytes = items::confirmed_bytes(conn, item).expect("a store can be read");
            assert_eq!(bytes.as_ref(), Some(newest), "{name}: item {item} differs at the same version");
        }
    }
}

/// Invariant 6: of what somebody else wrote, only the public parts.
fn no_secrets(conn: &Connection, own: IncarnationId, name: &str) {
    let told = conn
        .prepare(
            "SELECT 1 FROM entry WHERE incarnation IS NOT ?1
             AND (incarnation IS NULL OR incarnation NOT IN (SELECT predecessor FROM predecessor WHERE incarnation = ?1))
             AND (origin IS NOT NULL OR private IS NOT NULL OR who IS NOT NULL OR incarnation IS NOT NULL)",
        )
        .and_then(|mut statement| statement.exists([own]))
        .expect("a store can be read");
    assert!(!told, "{name}: it was told who wrote an entry, where, or on which device");
}

/// Invariant 5: an original leaves only when it is safe; nothing is safe that was not received.
fn photos_are_here(conn: &Connection, folder: &Path, name: &str) {
    let lying = PhotoFolder::open(&folder.join("photos")).expect("a phone has a photo folder");
    let office: Option<OfficeKeys> = meta::get(conn, key::OFFICE).expect("a store can be read");
    for photo in photos::own(conn).expect("a store can be read") {
        assert!(photo.received || !photo.safe, "{name}: safe without a receipt");
        // What left was safe then; the office may have asked for it again since.
        if !photo.safe && photo.left_at.is_none() {
            assert_original(&lying, &photo.sha256, &format!("{name}: an original that is not safe lies on the phone"));
        }
        if let Some(receipt) = photos::receipt(conn, photo.entry, photo.sha256).expect("a store can be read") {
            let node = &office.as_ref().expect("a receipt comes from an office").node;
            let receipt = receipt.open(node).expect("a receipt is signed by the office");
            assert_eq!((receipt.entry, receipt.sha256), (photo.entry, photo.sha256), "{name}: another's receipt");
        }
    }
}

fn attachments(conn: &Connection, sql: &str) -> Vec<(EntryId, PhotoHash)> {
    conn.prepare(sql)
        .and_then(|mut all| all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .expect("a statement of the checks")
}

fn assert_original(folder: &PhotoFolder, sha256: &PhotoHash, what: &str) {
    let found = Fingerprint::of_file(&folder.original(sha256));
    assert_eq!(found.ok().map(|found| found.sha256), Some(*sha256), "{what}: {sha256}");
}
