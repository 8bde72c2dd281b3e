//! The list of cases: newest first, page by page, filtered, with what waits for whoever looks.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query as Asked, State};
use axum::response::Response;
use rusqlite::Connection;
use serde::Deserialize;
use xuncheng_core::clock::Moment;
use xuncheng_core::journal::view::View;
use xuncheng_core::limits;
use xuncheng_core::pack::{Catalogue, Pack};
use xuncheng_core::store::list::{self, Cursor, ListRow, Query};
use xuncheng_core::work::case::{CASE, Case, CaseState};

use super::Console;
use super::error::ConsoleError;
use super::frame::{Frame, Menu, page};
use super::names::{area_name, number, org_name, round, title};
use super::steps::{awaited, awaits};
use super::viewer::Viewer;
use super::words::{self, Chip};

/// The tab of what waits for whoever looks.
const MINE: &str = "mine";

/// What the address asks for; what is empty narrows nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filters {
    tab: String,
    q: String,
    category: String,
    area: String,
    org: String,
    after: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Frame,
    filters: Filters,
    categories: Vec<String>,
    areas: Vec<Choice>,
    orgs: Vec<Choice>,
    narrowed: bool,
    note: Option<String>,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    empty: Empty,
}

/// One choice of a select box.
#[derive(Debug)]
struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

/// A tab with its count.
#[derive(Debug)]
struct Tab {
    href: String,
    label: &'static str,
    count: String,
    current: bool,
    mine: bool,
}

/// A case as the list shows it.
#[derive(Debug)]
struct Row {
    href: String,
    thumbnail: Option<String>,
    title: String,
    state: Chip,
    round: Option<String>,
    number: String,
    area: String,
    address: String,
    description: String,
    occurred: String,
    org: Option<String>,
    photos: String,
    todo: Vec<&'static str>,
}

/// What an empty page says.
#[derive(Debug)]
struct Empty {
    title: &'static str,
    text: &'static str,
}

/// `GET /`
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Asked(filters): Asked<Filters>,
) -> Result<Response, ConsoleError> {
    let flash = console.sessions.said(&viewer.session.key, "/");
    let office = Arc::clone(&console.office);
    let mut list = console.office.read(move |conn| Ok(read(conn, office.pack(), &viewer, filters))).await??;
    list.frame.flash = flash;
    page(&list)
}

fn read(conn: &Connection, pack: &Pack, viewer: &Viewer, filters: Filters) -> Result<ListPage, ConsoleError> {
    let after: Option<Cursor> = match filters.after.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| ConsoleError::Junk("列表的翻页位置无法识别。"))?),
    };
    let (category, note) = category(pack, &filters.category);
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let query = Query {
        category,
        area: given(&filters.area),
        org: given(&filters.org),
        text: given(&filters.q),
        sight: viewer.sight(),
        ..Query::default()
    };

    let synonyms = pack.synonyms();
    let counts = list::count_by_state(conn, CASE, &query, synonyms)?;
    let awaits = awaits(viewer);
    let waiting = list::count_waiting(conn, CASE, &query, &awaits, synonyms)?;
    let found = if filters.tab == MINE {
        list::page_waiting(conn, CASE, &query, &awaits, synonyms, after.as_ref(), limits::CONSOLE_ROWS)?
    } else {
        let states = CaseState::named(&filters.tab).iter().map(|state| state.name().to_owned()).collect();
        list::page(conn, CASE, &Query { states, ..query.clone() }, synonyms, after.as_ref(), limits::CONSOLE_ROWS)?
    };

    let total: u64 = counts.values().sum();
    let narrowed =
        [&filters.q, &filters.category, &filters.area, &filters.org].iter().any(|text| !text.trim().is_empty());
    Ok(ListPage {
        frame: Frame::of(conn, pack, viewer, Menu::Cases, "案件")?,
        categories: names(pack.catalogue()),
        areas: pack.areas().iter().map(|area| choice(area.code.as_str(), &area.name, &filters.area)).collect(),
        orgs: pack.organisations().iter().map(|org| choice(org.code.as_str(), &org.name, &filters.org)).collect(),
        tabs: tabs(&filters, &counts, total, waiting),
        rows: found.rows.iter().map(|row| self::row(conn, pack, viewer, row)).collect::<Result<_, _>>()?,
        first: after.map(|_| filters.link(&filters.tab, None)),
        next: found.next.map(|next| filters.link(&filters.tab, Some(&next))),
        empty: empty(narrowed, filters.tab == MINE, total),
        narrowed,
        note,
        filters,
    })
}

/// The category with this name; where there is none, or more than one holds the words, a note says so.
fn category(pack: &Pack, name: &str) -> (Option<String>, Option<String>) {
    let name = name.trim();
    if name.is_empty() {
        return (None, None);
    }
    let exact = pack.catalogue().named(name).next();
    match (exact, pack.search_categories(name).as_slice()) {
        (Some(one), _) => (Some(one.code.to_string()), None),
        (None, [one]) => (Some(one.code.to_string()), None),
        (None, []) => (Some(String::new()), Some(format!("规则包里没有名为“{name}”的类别。"))),
        (None, several) => {
            let first: Vec<&str> = several.iter().take(5).map(|category| category.name.as_str()).collect();
            let note = format!("“{name}”对应 {} 个类别：{} 等，请选定一个。", several.len(), first.join("、"));
            (None, Some(note))
        }
    }
}

/// Names to choose from, each once, in the standard's order.
fn names(catalogue: &Catalogue) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    catalogue.all().iter().map(|category| &category.name).filter(|name| seen.insert(*name)).cloned().collect()
}

fn view(row: &ListRow) -> Result<View, ConsoleError> {
    let unreadable = |source| xuncheng_core::store::StoreError::Row { table: "item", source };
    Ok(serde_json::from_str(&row.view).map_err(unreadable)?)
}

fn row(conn: &Connection, pack: &Pack, viewer: &Viewer, row: &ListRow) -> Result<Row, ConsoleError> {
    let view = view(row)?;
    let case = Case::of(&view);
    let org = case.responsible_org().map(|code| org_name(pack, code));
    let (after, before): (Vec<_>, Vec<_>) =
        view.members("photos").partition(|(_, photo)| photo.value["role"] == "after");
    let photos = match (before.len(), after.len()) {
        (0, 0) => "没有照片".to_owned(),
        (before, 0) => format!("照片 {before} 张"),
        (before, after) => format!("照片 {before} 张，整改后 {after} 张"),
    };
    Ok(Row {
        href: format!("/cases/{}", row.id),
        thumbnail: row.thumbnail.map(|sha256| format!("/cases/{}/photos/{sha256}/thumb", row.id)),
        title: title(pack, &view),
        state: words::state(&view.state),
        round: round(&view),
        number: number(&row.id, Some(&view)),
        area: case.area().and_then(|code| area_name(pack, code)).unwrap_or_else(|| "片区未定".to_owned()),
        address: case.address().unwrap_or_default().to_owned(),
        description: case.description().unwrap_or_default().to_owned(),
        occurred: Moment::from_unix_ms(row.occurred_at).beijing(),
        org,
        photos,
        todo: awaited(&viewer.actor(conn, row.id)?, &view),
    })
}

fn choice(value: &str, name: &str, chosen: &str) -> Choice {
    Choice { value: value.to_owned(), name: name.to_owned(), chosen: value == chosen }
}

fn tabs(filters: &Filters, counts: &std::collections::BTreeMap<String, u64>, total: u64, waiting: u64) -> Vec<Tab> {
    let tab = |name: &str, label, count: u64| Tab {
        href: filters.link(name, None),
        label,
        count: count.to_string(),
        current: filters.tab == name,
        mine: name == MINE,
    };
    let state = |state: &CaseState| tab(state.name(), state.label(), counts.get(state.name()).copied().unwrap_or(0));
    let first = [tab("", "全部", total), tab(MINE, "我的待办", waiting)];
    first.into_iter().chain(CaseState::ALL.iter().map(state)).collect()
}

const fn empty(narrowed: bool, mine: bool, total: u64) -> Empty {
    let (title, text) = match (narrowed, mine, total) {
        (true, ..) => ("没有符合条件的案件", "请放宽筛选条件，或清除后再查。搜索支持两个字的词，如“盲道”“井盖”。"),
        (false, true, _) => ("没有待办", "目前没有等您办理的案件。有新的案件到达这一环节时，会出现在这里。"),
        (false, false, 0) => {
            ("还没有案件", "采集员的手机同步后，案件会出现在这里。还没有登记手机的，请到“手机”页生成登记码。")
        }
        (false, false, _) => ("这个环节没有案件", "请看其他环节，或打开“全部”。"),
    };
    Empty { title, text }
}

impl Filters {
    /// The address of the same filters on another tab, or further on.
    fn link(&self, tab: &str, after: Option<&Cursor>) -> String {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let pairs = [
            ("tab", tab),
            ("q", &self.q),
            ("category", &self.category),
            ("area", &self.area),
            ("org", &self.org),
            ("after", &after),
        ];
        let encode = |(name, value): (&str, &str)| {
            askama::filters::urlencode_strict(value).map_or_else(|_| String::new(), |value| format!("{name}={value}"))
        };
        let query: Vec<String> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(encode).collect();
        if query.is_empty() { "/".to_owned() } else { format!("/?{}", query.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_the_filters_and_begins_at_the_first_page() {
        let filters = Filters {
            tab: "filed".into(),
            q: "盲道 破".into(),
            area: "511902001".into(),
            after: "1-2".into(),
            ..Filters::default()
        };
        assert_eq!(filters.link("mine", None), "/?tab=mine&q=%E7%9B%B2%E9%81%93%20%E7%A0%B4&area=511902001");
        assert_eq!(Filters::default().link("", None), "/");
    }

    #[test]
    fn a_category_is_chosen_by_its_name() {
        let pack = Pack::bazhou().unwrap();
        let (code, note) = category(&pack, " 占道经营 ");
        assert_eq!((code.as_deref(), note), (Some("gbt47678.5-2026/matter/09006"), None));
        let (code, note) = category(&pack, "井盖");
        assert!(code.is_none() && note.unwrap().contains("请选定一个"));
        let (code, note) = category(&pack, "太空船");
        assert!(code.is_some_and(|code| code.is_empty()) && note.unwrap().contains("没有名为“太空船”的类别"));
    }
}
