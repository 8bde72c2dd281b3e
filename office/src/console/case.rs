//! The page of a case: what it is, its photos before and after, its story, and what may be done with it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use rusqlite::Connection;
use serde::Deserialize;
use xuncheng_core::id::{ItemId, PhotoHash};
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::journal::view::View;
use xuncheng_core::pack::{CategoryCode, Condition, Pack};
use xuncheng_core::store::photos::Attachment;
use xuncheng_core::store::{entries, photos};
use xuncheng_core::work::case::{Case, RULES};

use super::Console;
use super::error::ConsoleError;
use super::frame::{Frame, Menu, page};
use super::names::{Names, area_name, coordinates, number, org_name, round, title};
use super::steps::{StepForm, forms};
use super::timeline::{self, Event};
use super::viewer::Viewer;
use super::words::{self, Chip};
use crate::flags;

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
    may_comment: bool,
    events: Vec<Event>,
    seen: String,
    from: String,
    at_round: u32,
    token: String,
}

/// A photo as the page shows it.
#[derive(Debug)]
struct Shot {
    address: String,
    rendition: &'static str,
    alt: String,
    role: String,
    round: u64,
    size: String,
    stands: &'static str,
    standing: String,
    /// Where it is not what its entry says.
    doubts: Vec<&'static str>,
    original: bool,
}

/// A condition of the pack as the page shows it.
#[derive(Debug)]
struct Rule {
    filing: String,
    close: String,
    limit: String,
    example: bool,
}

/// A member of the set `photos`, as the judge writes it.
#[derive(Debug, Deserialize)]
struct ShotFacts {
    role: PhotoRole,
    #[serde(default)]
    round: u64,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    width_px: u32,
    #[serde(default)]
    height_px: u32,
}

/// `GET /cases/{item}`
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(item): Path<String>,
) -> Result<Response, ConsoleError> {
    let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
    let key = viewer.session.key;
    let token = hex::encode(crate::clock::entropy()?.bytes::<16>());
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
    let (before, after, checks) = shots(conn, viewer, &names, item, &view)?;
    let unreadable = |source| xuncheng_core::store::StoreError::Row { table: "item", source };
    Ok(CasePage {
        frame: Frame::of(pack, viewer, Menu::Cases, format!("{title} {number}")),
        path: format!("/cases/{item}"),
        state: words::state(&view.state),
        round: round(&view),
        description: case.description().unwrap_or_default().to_owned(),
        facts: facts(conn, pack, viewer, &names, item, &view)?,
        conditions: conditions(pack, &case),
        steps: forms(pack, &actor, &view),
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
    let category = case.category().and_then(|code| code.parse::<CategoryCode>().ok());
    let category = category.as_ref().and_then(|code| pack.catalogue().get(code));
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

fn conditions(pack: &Pack, case: &Case<'_>) -> Vec<Rule> {
    let category = case.category().and_then(|code| code.parse::<CategoryCode>().ok());
    let rule = |condition: &Condition| Rule {
        filing: condition.filing.clone(),
        close: condition.close.clone(),
        limit: condition.limit.as_ref().map_or_else(|| "由办公室确定".to_owned(), ToString::to_string),
        example: !condition.confirmed,
    };
    category.map(|code| pack.conditions(&code).iter().map(rule).collect()).unwrap_or_default()
}

type Shots = (Vec<Shot>, Vec<Shot>, Vec<Shot>);

/// The photos before, after (the latest round first) and of the check.
fn shots(conn: &Connection, viewer: &Viewer, names: &Names, item: ItemId, view: &View) -> Result<Shots, ConsoleError> {
    let attachments = photos::of_item(conn, item)?;
    let flags = flags::of_item(conn, item)?;
    let (mut before, mut after, mut checks) = Shots::default();
    for (sha256, member) in Case::of(view).photos() {
        let Ok(sha256) = sha256.parse::<PhotoHash>() else { continue };
        let Ok(facts) = serde_json::from_value::<ShotFacts>(member.value.clone()) else { continue };
        let attachment =
            attachments.iter().find(|attachment| attachment.entry == member.writer && attachment.sha256 == sha256);
        let (stands, standing) = standing(conn, viewer, names, attachment)?;
        let received = attachment.is_some_and(|attachment| attachment.received);
        let role = words::role(&facts.role).to_owned();
        let shot = Shot {
            address: format!("/cases/{item}/photos/{sha256}"),
            rendition: if received { "view" } else { "thumb" },
            alt: format!("{role}照片"),
            round: facts.round,
            size: format!("{}×{}，{}", facts.width_px, facts.height_px, words::bytes(facts.bytes)),
            stands,
            standing,
            doubts: flags
                .iter()
                .filter(|flag| flag.entry == member.writer && flag.sha256 == sha256)
                .map(|flag| words::doubt(flag.what))
                .collect(),
            original: received && viewer.sees_originals(),
            role,
        };
        match facts.role {
            PhotoRole::After => after.push(shot),
            PhotoRole::Check => checks.push(shot),
            PhotoRole::Scene | PhotoRole::Close | PhotoRole::Unknown(_) => before.push(shot),
        }
    }
    after.sort_by_key(|shot| std::cmp::Reverse(shot.round));
    Ok((before, after, checks))
}

/// Where a photo stands on its way, and who still has its original.
fn standing(
    conn: &Connection,
    viewer: &Viewer,
    names: &Names,
    attachment: Option<&Attachment>,
) -> Result<(&'static str, String), ConsoleError> {
    let Some(attachment) = attachment else { return Ok(("stands-away", "办公室没有这张照片".to_owned())) };
    if attachment.received {
        let safe = if attachment.safe { "，已有备份" } else { "" };
        return Ok(("stands-here", format!("原件已到{safe}")));
    }
    let incarnation = entries::incarnation(conn, attachment.entry)?;
    let holder = match incarnation.as_ref().and_then(|incarnation| names.device(incarnation)) {
        Some(device) if names.may_know(viewer, &device.person) => {
            format!("{}的“{}”上", names.person(&device.person), device.name)
        }
        Some(_) | None => "拍摄的手机上".to_owned(),
    };
    let thumbnail = if attachment.previewed { "缩略图已到" } else { "缩略图未到" };
    Ok(("stands-away", format!("{thumbnail}，原件还在{holder}")))
}
