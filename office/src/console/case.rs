//! The page of a case: what it is, its photos before and after, its story, and what may be done with it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use rusqlite::Connection;
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::view::View;
use xuncheng_core::pack::{Condition, Pack};
use xuncheng_core::store::entries;
use xuncheng_core::work::case::{Case, RULES};

use super::Console;
use super::corrections::{self, CorrectionForm};
use super::error::ConsoleError;
use super::frame::{Frame, Menu, page};
use super::names::{Names, area_name, category, coordinates, number, org_name, round, title};
use super::shots::{self, Shot, Shots};
use super::steps::{StepForm, forms};
use super::timeline::{self, Event};
use super::viewer::Viewer;
use super::words::{self, Chip};

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    frame: Frame,
    path: String,
    title: String,
    state: Chip,
    round: Option<String>,
    number: String,
    description: String,
    facts: Vec<(&'static str, String)>,
    conditions: Vec<Rule>,
    before: Vec<Shot>,
    after: Vec<Shot>,
    checks: Vec<Shot>,
    steps: Vec<StepForm>,
    correction: Option<CorrectionForm>,
    may_comment: bool,
    events: Vec<Event>,
    seen: String,
    from: String,
    at_round: u32,
    token: String,
}

/// A condition of the pack as the page shows it.
#[derive(Debug)]
struct Rule {
    filing: String,
    close: String,
    limit: String,
    example: bool,
}

/// `GET /cases/{item}`
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(item): Path<String>,
) -> Result<Response, ConsoleError> {
    let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
    let key = viewer.session.key;
    let token = hex::encode(console.office.entropy()?.bytes::<16>());
    let office = Arc::clone(&console.office);
    let mut case = console.office.read(move |conn| Ok(read(conn, office.pack(), &viewer, item, token))).await??;
    case.frame.flash = console.sessions.said(&key, &case.path);
    page(&case)
}

fn read(
    conn: &Connection,
    pack: &Pack,
    viewer: &Viewer,
    item: ItemId,
    token: String,
) -> Result<CasePage, ConsoleError> {
    let view = viewer.case(conn, item)?;
    let actor = viewer.actor(conn, item)?;
    let names = Names::read(conn)?;
    let case = Case::of(&view);
    let title = title(pack, &view);
    let number = number(&item, Some(&view));
    let Shots { before, after, checks } = shots::read(conn, viewer, &names, item, &view)?;
    let unreadable = |source| xuncheng_core::store::StoreError::Row { table: "item", source };
    Ok(CasePage {
        frame: Frame::of(conn, pack, viewer, Menu::Cases, format!("{title} {number}"))?,
        path: format!("/cases/{item}"),
        state: words::state(&view.state),
        round: round(&view),
        description: case.description().unwrap_or_default().to_owned(),
        facts: facts(conn, pack, viewer, &names, item, &view)?,
        conditions: conditions(pack, &view),
        steps: forms(pack, &actor, &view),
        correction: corrections::form(pack, &actor, &view),
        may_comment: actor.is_office() || actor.granted(RULES.attached_by, &view).is_ok(),
        events: timeline::read(conn, pack, viewer, &names, item, &view)?,
        seen: serde_json::to_string(&view.version).map_err(unreadable)?,
        from: view.state.clone(),
        at_round: view.round,
        title,
        number,
        before,
        after,
        checks,
        token,
    })
}

fn facts(
    conn: &Connection,
    pack: &Pack,
    viewer: &Viewer,
    names: &Names,
    item: ItemId,
    view: &View,
) -> Result<Vec<(&'static str, String)>, ConsoleError> {
    let case = Case::of(view);
    let category = category(pack, view);
    let area = case.area().and_then(|code| area_name(pack, code));
    let reporter = entries::opener(conn, item)?.filter(|reporter| names.may_know(viewer, reporter));
    let minute = |ms: Option<i64>| ms.map(|ms| xuncheng_core::clock::Moment::from_unix_ms(ms).beijing());
    let tags: Vec<&str> = view.members("tags").map(|(tag, _)| tag).collect();
    let clock = view.clocks.get("handle").and_then(|runs| runs.last());
    let handling = clock.map(|run| match run.stopped {
        Some(stopped) => format!("{} 至 {}", run.started.beijing(), stopped.beijing()),
        None => format!("{} 起", run.started.beijing()),
    });
    let given = [
        ("大类", category.map(|category| category.major_name.clone())),
        ("类别代码", category.map(|category| category.code.number().to_owned())),
        ("片区", Some(area.unwrap_or_else(|| "未落入任何片区".to_owned()))),
        ("地址", case.address().map(str::to_owned)),
        ("坐标", case.place().map(|point| format!("{}（WGS-84）", coordinates(&point)))),
        ("发现时间", minute(case.occurred_at())),
        ("到达办公室", minute(view.field("received").and_then(serde_json::Value::as_i64))),
        ("上报人", reporter.map(|reporter| names.person(&reporter))),
        ("责任单位", Some(case.responsible_org().map_or_else(|| "未派遣".to_owned(), |org| org_name(pack, org)))),
        ("处置计时", handling),
        ("标签", Some(tags.join("、")).filter(|tags| !tags.is_empty())),
    ];
    Ok(given.into_iter().filter_map(|(label, value)| Some((label, value?))).collect())
}

fn conditions(pack: &Pack, view: &View) -> Vec<Rule> {
    let rule = |condition: &Condition| Rule {
        filing: condition.filing.clone(),
        close: condition.close.clone(),
        limit: condition.limit.as_ref().map_or_else(|| "由办公室确定".to_owned(), ToString::to_string),
        example: !condition.confirmed,
    };
    category(pack, view).map(|known| pack.conditions(&known.code).iter().map(rule).collect()).unwrap_or_default()
}
