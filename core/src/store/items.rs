//! Items: their views, the columns that lists read, their search text and their place.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::{StoreError, from_json, to_json};
use crate::clock::Moment;
use crate::id::{EntryId, Hash, ItemId};
use crate::journal::version::Version;
use crate::journal::view::View;
use crate::place::GeoPoint;
use crate::search;
use crate::work::listing::Listing;
use crate::work::rules;

/// The item's view, on a phone with pending entries on top.
///
/// # Errors
/// [`StoreError`].
pub fn view(conn: &Connection, item: ItemId) -> Result<Option<View>, StoreError> {
    read_view(view_text(conn, item)?)
}

/// The item's view as it is stored.
///
/// # Errors
/// [`StoreError`].
pub fn view_text(conn: &Connection, item: ItemId) -> Result<Option<String>, StoreError> {
    Ok(conn.prepare_cached("SELECT view FROM item WHERE id = ?1")?.query_row([item], |row| row.get(0)).optional()?)
}

/// The item's view as the office judged it; none where the office has no such item.
///
/// # Errors
/// [`StoreError`].
pub fn confirmed(conn: &Connection, item: ItemId) -> Result<Option<View>, StoreError> {
    let kept: Option<Option<String>> = conn
        .prepare_cached("SELECT view FROM item_confirmed WHERE item = ?1")?
        .query_row([item], |row| row.get(0))
        .optional()?;
    match kept {
        Some(text) => read_view(text),
        None => view(conn, item),
    }
}

/// Whether the office has the item, as far as this replica knows: an Open of it was applied.
///
/// # Errors
/// [`StoreError`].
pub fn is_judged(conn: &Connection, item: ItemId) -> Result<bool, StoreError> {
    let sql = "SELECT coalesce((SELECT view IS NOT NULL FROM item_confirmed WHERE item = ?1),
                   EXISTS (SELECT 1 FROM item WHERE id = ?1))";
    Ok(conn.prepare_cached(sql)?.query_row([item], |row| row.get(0))?)
}

fn read_view(text: Option<String>) -> Result<Option<View>, StoreError> {
    text.map(|text| from_json("item", &text)).transpose()
}

/// The item's public fold row as bytes: equal on all replicas that hold it at the same version.
///
/// # Errors
/// [`StoreError`].
pub fn confirmed_bytes(conn: &Connection, item: ItemId) -> Result<Option<String>, StoreError> {
    confirmed(conn, item)?.map(|view| to_json("item", &view)).transpose()
}

/// Sets an item's view, with all that is read out of it.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &Transaction<'_>, item: ItemId, view: &View) -> Result<(), StoreError> {
    put_row(tx, item, view)?;
    put_found_by(tx, item, view)
}

/// Sets an item's view and what lists read out of it. Of many, [`put_search`] follows for one after another: SQLite writes down
/// what it has gathered of words whenever something else is written in between.
///
/// # Errors
/// [`StoreError`].
pub fn put_row(tx: &Transaction<'_>, item: ItemId, view: &View) -> Result<(), StoreError> {
    let listing = listing(view);
    tx.prepare_cached(
        "INSERT INTO item (id, kind, view, state, label, category, class, area, org, occurred_at, thumbnail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET view = excluded.view, state = excluded.state, label = excluded.label,
             category = excluded.category, class = excluded.class, area = excluded.area, org = excluded.org,
             occurred_at = excluded.occurred_at, thumbnail = excluded.thumbnail",
    )?
    .execute(rusqlite::params![
        item,
        view.kind,
        to_json("item", view)?,
        view.state,
        listing.label,
        listing.category,
        listing.class,
        listing.area,
        listing.org,
        listing.occurred_at.unwrap_or(0),
        listing.thumbnail,
    ])?;
    Ok(())
}

/// Has searches find an item by what it is, where this replica has it.
///
/// # Errors
/// [`StoreError`].
pub fn put_search(tx: &Transaction<'_>, item: ItemId) -> Result<(), StoreError> {
    view(tx, item)?.map_or(Ok(()), |view| put_found_by(tx, item, &view))
}

/// Items that searches find by something else than what they are now. Those that an earlier version wrote are taken as found.
///
/// # Errors
/// [`StoreError`].
pub fn misfound(conn: &Connection) -> Result<Vec<ItemId>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT id, view, found_by FROM item WHERE found_by IS NOT 0")?;
    let mut rows = statement.query([])?;
    let mut misfound = Vec::new();
    while let Some(row) = rows.next()? {
        let view: View = from_json("item", &row.get::<_, String>(1)?)?;
        let listing = listing(&view);
        if row.get::<_, Option<i64>>(2)? != Some(found_by(&listing.words.join(" "), listing.place)) {
            misfound.push(row.get(0)?);
        }
    }
    Ok(misfound)
}

fn put_found_by(tx: &Transaction<'_>, item: ItemId, view: &View) -> Result<(), StoreError> {
    let listing = listing(view);
    let words = listing.words.join(" ");
    let found_by = found_by(&words, listing.place);
    let (row, before): (i64, Option<i64>) = tx
        .prepare_cached("SELECT row, found_by FROM item WHERE id = ?1")?
        .query_row([item], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if before == Some(found_by) {
        return Ok(());
    }
    tx.prepare_cached("UPDATE item SET found_by = ?2 WHERE row = ?1")?.execute((row, found_by))?;
    if before.is_some() {
        tx.prepare_cached("DELETE FROM item_text WHERE rowid = ?1")?.execute([row])?;
    }
    tx.prepare_cached("INSERT INTO item_text (rowid, text) VALUES (?1, ?2)")?
        .execute((row, search::segment(&words)))?;
    put_place(tx, row, listing.place)
}

fn listing(view: &View) -> Listing<'_> {
    rules(&view.kind).map(|rules| (rules.listing)(view)).unwrap_or_default()
}

/// A hash of what searches find an item by. Whoever changes how [`search::segment`] cuts it has a migration forget these.
fn found_by(words: &str, place: Option<GeoPoint>) -> i64 {
    let place = place.map(|point| (point.lat_e7(), point.lon_e7()));
    let hash = Hash::of("item/found_by", &[format!("{place:?}").as_bytes(), words.as_bytes()]);
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn put_place(tx: &Transaction<'_>, row: i64, place: Option<GeoPoint>) -> Result<(), StoreError> {
    match place {
        Some(point) => tx
            .prepare_cached("INSERT OR REPLACE INTO item_place (row, lat_min, lat_max, lon_min, lon_max) VALUES (?1, ?2, ?2, ?3, ?3)")?
            .execute((row, point.lat_e7(), point.lon_e7()))?,
        None => tx.prepare_cached("DELETE FROM item_place WHERE row = ?1")?.execute([row])?,
    };
    Ok(())
}

/// Forgets an item that this replica may no longer hold.
///
/// # Errors
/// [`StoreError`].
pub fn remove(tx: &Transaction<'_>, item: ItemId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM item_confirmed WHERE item = ?1", [item])?;
    let row: Option<i64> = tx.query_row("SELECT row FROM item WHERE id = ?1", [item], |row| row.get(0)).optional()?;
    let Some(row) = row else { return Ok(()) };
    tx.execute("DELETE FROM item_text WHERE rowid = ?1", [row])?;
    tx.execute("DELETE FROM item_place WHERE row = ?1", [row])?;
    tx.execute("DELETE FROM item WHERE row = ?1", [row])?;
    Ok(())
}

/// Keeps the view as the office judged it beside the one with pending entries.
///
/// # Errors
/// [`StoreError`].
pub fn put_confirmed(tx: &Transaction<'_>, item: ItemId, view: Option<&View>) -> Result<(), StoreError> {
    let text = view.map(|view| to_json("item", view)).transpose()?;
    tx.prepare_cached(
        "INSERT INTO item_confirmed (item, view) VALUES (?1, ?2) ON CONFLICT (item) DO UPDATE SET view = excluded.view",
    )?
    .execute((item, text))?;
    Ok(())
}

/// Says that no pending entries stand on top of the item any more.
///
/// # Errors
/// [`StoreError`].
pub fn settle(tx: &Transaction<'_>, item: ItemId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM item_confirmed WHERE item = ?1")?.execute([item])?;
    Ok(())
}

/// Keeps what the history was at a count.
///
/// # Errors
/// [`StoreError`].
pub fn insert_version(tx: &Transaction<'_>, item: ItemId, version: &Version, entry: EntryId) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO item_version (item, count, history, entry) VALUES (?1, ?2, ?3, ?4)")?.execute((
        item,
        version.count,
        version.history,
        entry,
    ))?;
    Ok(())
}

/// The entry that led to the version `seen`: none where its history is not this office's at that count.
///
/// # Errors
/// [`StoreError`].
pub fn entry_seen(conn: &Connection, item: ItemId, seen: &Version) -> Result<Option<EntryId>, StoreError> {
    // No item comes to a count that the store cannot hold.
    let Ok(count) = i64::try_from(seen.count) else { return Ok(None) };
    Ok(conn
        .prepare_cached("SELECT entry FROM item_version WHERE item = ?1 AND count = ?2 AND history = ?3")?
        .query_row((item, count, seen.history), |row| row.get(0))
        .optional()?)
}

/// The count that `seen` vouches for: none where its history is not this office's at that count.
///
/// # Errors
/// [`StoreError`].
pub fn count_seen(conn: &Connection, item: ItemId, seen: &Version) -> Result<Option<u64>, StoreError> {
    Ok(entry_seen(conn, item, seen)?.map(|_| seen.count))
}

/// Ids of the entries that were applied to an item, in order.
///
/// # Errors
/// [`StoreError`].
pub fn applied(conn: &Connection, item: ItemId) -> Result<Vec<EntryId>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT entry FROM item_version WHERE item = ?1 ORDER BY count")?;
    let rows = statement.query_map([item], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The item of `kind` with this label: a case by its number, a person by their code.
///
/// # Errors
/// [`StoreError`].
pub fn labelled(conn: &Connection, kind: &str, label: &str) -> Result<Option<ItemId>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT id FROM item WHERE kind = ?1 AND label = ?2")?
        .query_row((kind, label), |row| row.get(0))
        .optional()?)
}

/// All items of `kind`, in the order of their labels.
///
/// # Errors
/// [`StoreError`].
pub fn of_kind(conn: &Connection, kind: &str) -> Result<Vec<(ItemId, View)>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT id, view FROM item WHERE kind = ?1 ORDER BY label, id")?;
    let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (id, text) = row?;
        Ok((id, from_json("item", &text)?))
    })
    .collect()
}

/// The audiences that an item is in.
///
/// # Errors
/// [`StoreError`].
pub fn audiences(conn: &Connection, item: ItemId) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT audience FROM membership WHERE item = ?1")?;
    let rows = statement.query_map([item], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Puts an item into an audience; at the office with the position of its feed at which it entered.
///
/// # Errors
/// [`StoreError`].
pub fn join(tx: &Transaction<'_>, item: ItemId, audience: &str, entered: Option<u64>) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO membership (item, audience, entered) VALUES (?1, ?2, ?3)")?
        .execute((item, audience, entered))?;
    Ok(())
}

/// Takes an item out of an audience.
///
/// # Errors
/// [`StoreError`].
pub fn leave(tx: &Transaction<'_>, item: ItemId, audience: &str) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM membership WHERE item = ?1 AND audience = ?2")?.execute((item, audience))?;
    Ok(())
}

/// The items of an audience.
///
/// # Errors
/// [`StoreError`].
pub fn members(conn: &Connection, audience: &str) -> Result<BTreeSet<ItemId>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT item FROM membership WHERE audience = ?1")?;
    let rows = statement.query_map([audience], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Items of `kind` in one of these states that are in a person's own feed and to which nothing has happened since `before`, each
/// with that feed, at most `limit`; at the office.
///
/// # Errors
/// [`StoreError`].
pub fn settled(
    conn: &Connection,
    kind: &str,
    states: &[&str],
    before: Moment,
    limit: usize,
) -> Result<Vec<(ItemId, String)>, StoreError> {
    let states = to_json("item", &states)?;
    // By the index of audiences: those that left before are not looked at again.
    let mut statement = conn.prepare_cached(
        "SELECT m.item, m.audience FROM membership m CROSS JOIN item i ON i.id = m.item
         WHERE m.audience >= 'own/' AND m.audience < 'own0' AND i.kind = ?1
             AND i.state IN (SELECT value FROM json_each(?2))
             AND NOT EXISTS (SELECT 1 FROM judgement j WHERE j.item = m.item AND j.received_at > ?3)
         ORDER BY m.audience, m.item LIMIT ?4",
    )?;
    let rows = statement.query_map((kind, states, before, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The length of an item's snapshot, view and ids of its entries, about as a page carries it; 0 where there is no such item.
///
/// # Errors
/// [`StoreError`].
pub fn snapshot_bytes(conn: &Connection, item: ItemId) -> Result<usize, StoreError> {
    let bytes = conn
        .prepare_cached(
            "SELECT octet_length(view) + 40 * (SELECT count(*) FROM item_version v WHERE v.item = item.id)
             FROM item WHERE id = ?1",
        )?
        .query_row([item], |row| row.get(0))
        .optional()?;
    Ok(bytes.unwrap_or(0))
}

/// Items of `kind` whose id begins with these hexadecimal digits, at most two.
///
/// # Errors
/// [`StoreError`].
pub fn starting_with(conn: &Connection, kind: &str, digits: &str) -> Result<Vec<ItemId>, StoreError> {
    let mut statement = conn
        .prepare_cached("SELECT id FROM item WHERE kind = ?1 AND substr(lower(hex(id)), 1, length(?2)) = ?2 LIMIT 2")?;
    let rows = statement.query_map((kind, digits), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
