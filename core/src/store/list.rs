//! Lists of items: filtered, searched, boxed on a map, page by page.

use std::collections::BTreeMap;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::id::{ItemId, PersonId, PhotoHash};
use crate::limits;
use crate::place::BoundingBox;
use crate::search::{self, Synonyms};

/// What to list. Everything that is given narrows the list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Only items in one of these states; all where empty.
    pub states: Vec<String>,
    /// Only of this category.
    pub category: Option<String>,
    /// Only in this area.
    pub area: Option<String>,
    /// Only of this responsible organisation.
    pub org: Option<String>,
    /// Only inside this box.
    pub within: Option<BoundingBox>,
    /// Only with these words, any two characters in a row included.
    pub text: Option<String>,
    /// Only what these have a right to see; all where it is not given.
    pub sight: Option<Sight>,
}

/// A state in which items wait for somebody, and for whom among those who may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The state.
    pub state: String,
    /// Which of the items in it.
    pub which: Which,
}

/// Items by the relation that a person has to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All.
    Every,
    /// Those that this organisation is responsible for.
    Responsible {
        /// The person's organisation.
        org: String,
    },
    /// Those that the person did not open and whose organisation is not responsible.
    Neutral {
        /// The person.
        person: PersonId,
        /// The person's organisation.
        org: String,
    },
}

/// What somebody may see: every item that any of these reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// Names of feeds that the item is in.
    pub audiences: Vec<String>,
    /// Areas that the item lies in, whether it still is in their feeds or was closed.
    pub areas: Vec<String>,
    /// Classes of categories: what of those areas.
    pub classes: Vec<String>,
    /// Organisations that are, or were last, to handle it.
    pub orgs: Vec<String>,
}

/// Where a page ended: newest first, and of one minute what came to this store last; the next page begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    occurred_at: i64,
    row: i64,
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// The item.
    pub id: ItemId,
    /// Where it stands.
    pub state: String,
    /// Its number, once the office gave it one.
    pub label: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// Its area.
    pub area: Option<String>,
    /// The organisation that is to handle it.
    pub org: Option<String>,
    /// When it was seen, in milliseconds since 1970, to the minute.
    pub occurred_at: i64,
    /// The photo that stands for it.
    pub thumbnail: Option<PhotoHash>,
    /// JSON of its view, for what the list shows beside.
    pub view: String,
    /// Whether something about it waits to be sent or judged.
    pub pending: bool,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// Newest first.
    pub rows: Vec<ListRow>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.occurred_at, self.row)
    }
}

impl std::str::FromStr for Cursor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no place in a list");
        let (at, row) = text.rsplit_once('-').ok_or_else(wrong)?;
        Ok(Self { occurred_at: at.parse().map_err(|_| wrong())?, row: row.parse().map_err(|_| wrong())? })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<ListRow> {
    Ok(ListRow {
        id: row.get("id")?,
        state: row.get("state")?,
        label: row.get("label")?,
        category: row.get("category")?,
        area: row.get("area")?,
        org: row.get("org")?,
        occurred_at: row.get("occurred_at")?,
        thumbnail: row.get("thumbnail")?,
        view: row.get("view")?,
        pending: row.get("pending")?,
    })
}

/// One page of the items of `kind`, newest first, beginning after `after`, of at most `limit` rows
/// (and never more than [`limits::LIST_ROWS`]).
///
/// # Errors
/// [`StoreError`].
pub fn page(
    conn: &Connection,
    kind: &str,
    query: &Query,
    synonyms: &Synonyms,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, StoreError> {
    page_where(conn, conditions(kind, query, synonyms, after), limit)
}

/// The same, of those only that wait for somebody in one of these ways.
///
/// # Errors
/// [`StoreError`].
pub fn page_waiting(
    conn: &Connection,
    kind: &str,
    query: &Query,
    waiting: &[Waiting],
    synonyms: &Synonyms,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, StoreError> {
    page_where(conn, and_waits(conditions(kind, query, synonyms, after), waiting), limit)
}

type Conditions = (String, Vec<Sql>);

fn page_where(conn: &Connection, (conditions, mut values): Conditions, limit: usize) -> Result<Page, StoreError> {
    let limit = limit.clamp(1, limits::LIST_ROWS);
    values.push(Sql::Integer(i64::try_from(limit + 1).unwrap_or(i64::MAX)));
    let sql = format!(
        "SELECT i.row, i.id, i.state, i.label, i.category, i.area, i.org, i.occurred_at, i.thumbnail, i.view,
             EXISTS (SELECT 1 FROM pending p WHERE p.item = i.id) AS pending
         FROM item i WHERE {conditions} ORDER BY i.occurred_at DESC, i.row DESC LIMIT ?"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let with_place = |row: &Row<'_>| Ok((row.get("row")?, read(row)?));
    let mut rows: Vec<(i64, ListRow)> =
        statement.query_map(rusqlite::params_from_iter(values), with_place)?.collect::<Result<_, _>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(row, last)| Cursor { occurred_at: last.occurred_at, row: *row });
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
}

/// One item as a list would show it.
///
/// # Errors
/// [`StoreError`].
pub fn row(conn: &Connection, item: ItemId) -> Result<Option<ListRow>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT i.id, i.state, i.label, i.category, i.area, i.org, i.occurred_at, i.thumbnail, i.view,
                 EXISTS (SELECT 1 FROM pending p WHERE p.item = i.id) AS pending
             FROM item i WHERE i.id = ?1",
        )?
        .query_row([item], read)
        .optional()?)
}

/// How many items of `kind` the query finds.
///
/// # Errors
/// [`StoreError`].
pub fn count(conn: &Connection, kind: &str, query: &Query, synonyms: &Synonyms) -> Result<u64, StoreError> {
    count_where(conn, conditions(kind, query, synonyms, None))
}

/// How many of those wait for somebody in one of these ways.
///
/// # Errors
/// [`StoreError`].
pub fn count_waiting(
    conn: &Connection,
    kind: &str,
    query: &Query,
    waiting: &[Waiting],
    synonyms: &Synonyms,
) -> Result<u64, StoreError> {
    count_where(conn, and_waits(conditions(kind, query, synonyms, None), waiting))
}

fn count_where(conn: &Connection, (conditions, values): Conditions) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM item i WHERE {conditions}");
    Ok(conn.prepare_cached(&sql)?.query_row(rusqlite::params_from_iter(values), |row| row.get(0))?)
}

/// How many items of `kind` the query finds in each state; states without any are left out.
///
/// # Errors
/// [`StoreError`].
pub fn count_by_state(
    conn: &Connection,
    kind: &str,
    query: &Query,
    synonyms: &Synonyms,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let (conditions, values) = conditions(kind, query, synonyms, None);
    let sql = format!("SELECT i.state, count(*) FROM item i WHERE {conditions} GROUP BY i.state");
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the query finds `item` among the items of `kind`.
///
/// # Errors
/// [`StoreError`].
pub fn finds(
    conn: &Connection,
    kind: &str,
    query: &Query,
    synonyms: &Synonyms,
    item: ItemId,
) -> Result<bool, StoreError> {
    let (conditions, mut values) = conditions(kind, query, synonyms, None);
    values.push(Sql::Blob(item.as_bytes().to_vec()));
    let sql = format!("SELECT 1 FROM item i WHERE {conditions} AND i.id = ?");
    Ok(conn.prepare_cached(&sql)?.exists(rusqlite::params_from_iter(values))?)
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Narrows to what waits in one of these ways; to nothing where there is none.
fn and_waits((mut conditions, mut values): Conditions, waiting: &[Waiting]) -> Conditions {
    let mut ways = Vec::new();
    for Waiting { state, which } in waiting {
        values.push(Sql::Text(state.clone()));
        ways.push(match which {
            Which::Every => "(i.state = ?)",
            Which::Responsible { org } => {
                values.push(Sql::Text(org.clone()));
                "(i.state = ? AND i.org = ?)"
            }
            Which::Neutral { person, org } => {
                values.extend([Sql::Text(org.clone()), Sql::Text(person.as_str().to_owned())]);
                "(i.state = ? AND i.org IS NOT ? AND
                  (SELECT e.who FROM item_version v JOIN entry e ON e.id = v.entry
                   WHERE v.item = i.id AND v.count = 1) IS NOT ?)"
            }
        });
    }
    conditions.push_str(&format!(" AND ({})", if ways.is_empty() { "0".to_owned() } else { ways.join(" OR ") }));
    (conditions, values)
}

fn conditions(kind: &str, query: &Query, synonyms: &Synonyms, after: Option<&Cursor>) -> Conditions {
    let mut conditions = vec!["i.kind = ?".to_owned()];
    let mut values = vec![Sql::Text(kind.to_owned())];
    if !query.states.is_empty() {
        conditions.push(format!("i.state IN ({})", marks(query.states.len())));
        values.extend(query.states.iter().cloned().map(Sql::Text));
    }
    for (column, wanted) in [("i.category", &query.category), ("i.area", &query.area), ("i.org", &query.org)] {
        if let Some(wanted) = wanted {
            conditions.push(format!("{column} = ?"));
            values.push(Sql::Text(wanted.clone()));
        }
    }
    if let Some(Sight { audiences, areas, classes, orgs }) = &query.sight {
        conditions.push(format!(
            "(i.area IN ({}) AND i.class IN ({}) OR i.org IN ({}) OR i.id IN (SELECT item FROM membership WHERE audience IN ({})))",
            marks(areas.len()),
            marks(classes.len()),
            marks(orgs.len()),
            marks(audiences.len()),
        ));
        values.extend(areas.iter().chain(classes).chain(orgs).chain(audiences).cloned().map(Sql::Text));
    }
    if let Some(within) = &query.within {
        conditions.push(
            "i.row IN (SELECT row FROM item_place WHERE lat_min >= ? AND lat_max <= ? AND lon_min >= ? AND lon_max <= ?)".to_owned(),
        );
        let (south_west, north_east) = (within.south_west(), within.north_east());
        let edges = [south_west.lat_e7(), north_east.lat_e7(), south_west.lon_e7(), north_east.lon_e7()];
        values.extend(edges.map(|edge| Sql::Integer(i64::from(edge))));
    }
    if let Some(text) = query.text.as_deref().filter(|text| !text.trim().is_empty()) {
        match search::match_query(text, synonyms) {
            Some(query) => {
                conditions.push("i.row IN (SELECT rowid FROM item_text WHERE item_text MATCH ?)".to_owned());
                values.push(Sql::Text(query));
            }
            // Nothing but punctuation: it is found nowhere.
            None => conditions.push("0".to_owned()),
        }
    }
    if let Some(Cursor { occurred_at, row }) = after {
        conditions.push("(i.occurred_at, i.row) < (?, ?)".to_owned());
        values.extend([Sql::Integer(*occurred_at), Sql::Integer(*row)]);
    }
    (conditions.join(" AND "), values)
}
