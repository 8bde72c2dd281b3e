//! Phones: whose they are, when they were last heard, what they still hold; and the codes that bring new ones.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use qrcode::{Color, QrCode};
use rusqlite::Connection;
use serde::Deserialize;
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{IncarnationId, PersonId};
use xuncheng_core::journal::actor;
use xuncheng_core::limits;
use xuncheng_core::store::{meta, photos, recovered};
use xuncheng_core::work::person::Person;

use super::Console;
use super::error::ConsoleError;
use super::frame::{Flash, Frame, Menu, page};
use super::names::{Names, number, org_name};
use super::viewer::Viewer;
use super::words;
use crate::backup::Verified;
use crate::codes::{self, CodeState};
use crate::devices::{self, Device};
use crate::ledger::fact;
use crate::recovery::{self, RecoveryStatus};
use crate::{Office, OfficeError, people, phone_clock};

const PATH: &str = "/phones";

#[derive(Template)]
#[template(path = "phones.html")]
struct PhonesPage {
    frame: Frame,
    admin: bool,
    phones: Vec<Phone>,
    codes: Vec<OpenCode>,
    people: Vec<(String, String)>,
    code: Option<ShownCode>,
    backup: Backup,
    /// How far phones have brought back what the office had lost; none on its first branch.
    recovery: Option<RecoveryStatus>,
}

/// The newest verified backup of this office.
#[derive(Debug)]
enum Backup {
    /// When it was made, and how long ago.
    Made(String, String),
    /// None: the command that makes one, with this data folder.
    Never(String),
}

/// A phone as the page shows it.
#[derive(Debug)]
struct Phone {
    incarnation: IncarnationId,
    name: String,
    person: String,
    org: String,
    enrolled: String,
    synced: Option<(String, String)>,
    /// How far its clock is off; none before it has synced.
    clock: Option<String>,
    entries: String,
    signed: String,
    /// What it had written and not sent when it was heard last.
    unsent: Option<String>,
    /// What others brought back of it, beyond what has come from itself.
    gap: Option<String>,
    named: u64,
    received: u64,
    missing: u64,
    missing_bytes: String,
    away: Vec<Away>,
    more: u64,
    /// Received, and in no backup yet.
    uncovered: u64,
    revoked: Option<String>,
}

/// An original that only a phone has.
#[derive(Debug)]
struct Away {
    /// Where to read of it; none where that is not for whoever looks.
    href: Option<String>,
    label: String,
    bytes: String,
}

/// A code that can be used.
#[derive(Debug)]
struct OpenCode {
    number: u64,
    person: String,
    until: String,
}

/// A code that was made just now: shown once.
#[derive(Debug)]
struct ShownCode {
    text: String,
    side: usize,
    squares: String,
}

/// What the form for a new code sends.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    person: String,
}

/// `GET /phones`
pub(super) async fn show(State(console): State<Arc<Console>>, viewer: Viewer) -> Result<Response, ConsoleError> {
    let flash = console.sessions.said(&viewer.session.key, PATH);
    let office = Arc::clone(&console.office);
    let now = office.now().wall;
    let mut phones = console.office.read(move |conn| Ok(read(conn, &office, &viewer, now))).await??;
    phones.code = flash.as_ref().and_then(|flash| flash.code.as_deref()).and_then(draw);
    phones.frame.flash = flash;
    page(&phones)
}

fn read(conn: &Connection, office: &Office, viewer: &Viewer, now: Moment) -> Result<PhonesPage, ConsoleError> {
    let pack = office.pack();
    let names = Names::read(conn)?;
    let mut phones = Vec::new();
    for device in devices::list(conn)? {
        // Somebody of the field sees their own phones; who keeps devices or cases sees all.
        if viewer.sight().is_none() || device.person == viewer.person.id {
            phones.push(phone(conn, office, viewer, &names, &device, now)?);
        }
    }
    phones.sort_by_key(|phone| phone.revoked.is_some());
    let open = |code: &codes::Code| code.state == CodeState::Open;
    let codes = if viewer.is_admin() { codes::list(conn, now)? } else { Vec::new() };
    let people = people::all(conn)?.into_iter().filter(|person| !person.roles.is_empty());
    let choice = |person: Person| {
        let label = format!("{}（{}）", person.name, org_name(pack, person.org.as_str()));
        (person.id.to_string(), label)
    };
    let backup = meta::get::<Verified>(conn, fact::BACKUP)?;
    Ok(PhonesPage {
        frame: Frame::of(conn, pack, viewer, Menu::Phones, "手机")?,
        admin: viewer.is_admin(),
        phones,
        codes: codes
            .into_iter()
            .filter(open)
            .map(|code| OpenCode {
                number: code.number,
                person: names.person(&code.person),
                until: code.expires_at.beijing(),
            })
            .collect(),
        people: if viewer.is_admin() { people.map(choice).collect() } else { Vec::new() },
        code: None,
        recovery: recovery::status(conn, &office.epoch())?,
        backup: match backup {
            Some(backup) => Backup::Made(backup.made_at.beijing(), words::ago(backup.made_at, now)),
            None => Backup::Never(format!("xuncheng backup --data {} --to 备份文件夹", office.data().display())),
        },
    })
}

fn phone(
    conn: &Connection,
    office: &Office,
    viewer: &Viewer,
    names: &Names,
    device: &Device,
    now: Moment,
) -> Result<Phone, ConsoleError> {
    let journal = devices::journal(conn, device.incarnation, office.epoch().id)?;
    let progress = photos::progress(conn, device.incarnation)?;
    let missing = progress.named.saturating_sub(progress.received);
    let mut away = Vec::new();
    for photo in photos::missing(conn, device.incarnation, limits::MISSING_LISTED)? {
        let (href, label) = match viewer.case(conn, photo.item) {
            Ok(view) => (Some(format!("/cases/{}", photo.item)), number(&photo.item, Some(&view))),
            Err(ConsoleError::NotFound) if viewer.sees_what_is_held_of(conn, photo.item)? => {
                (Some("/held".to_owned()), "待人工处理".to_owned())
            }
            // Whether there is such a case is not told either.
            Err(ConsoleError::NotFound) => (None, "不在您的案件中".to_owned()),
            Err(error) => return Err(error),
        };
        away.push(Away { href, label, bytes: words::bytes(photo.bytes) });
    }
    Ok(Phone {
        incarnation: device.incarnation,
        name: device.name.clone(),
        person: names.person(&device.person),
        org: names.org(office.pack(), &device.person).unwrap_or_default(),
        enrolled: device.enrolled_at.beijing(),
        synced: device.last_sync_at.map(|at| (at.beijing(), words::ago(at, now))),
        clock: phone_clock::ahead_ms(conn, device.incarnation)?.map(words::clock),
        entries: words::entries(journal.received),
        signed: words::signed(&journal),
        unsent: words::unsent(&journal),
        gap: recovered::gap(conn, device.incarnation)?.as_ref().and_then(words::gap),
        named: progress.named,
        received: progress.received,
        missing,
        missing_bytes: words::bytes(progress.missing_bytes),
        more: missing.saturating_sub(away.len() as u64),
        away,
        uncovered: progress.received.saturating_sub(progress.safe),
        revoked: device.revoked_at.map(Moment::beijing),
    })
}

/// `POST /codes`
pub(super) async fn make_code(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Form(Wanted { person: wanted }): Form<Wanted>,
) -> Result<Response, ConsoleError> {
    let owner = PersonId::new(&wanted).map_err(|_| ConsoleError::Junk("没有选择人员。"))?;
    let key = keeper(&viewer)?;
    let wanted = owner.clone();
    let known = console.office.read(move |conn| Ok(actor::person(conn, &wanted)?)).await?;
    let name = known.ok_or(ConsoleError::NotFound)?.name;
    let code = console.office.new_code(owner).await?;
    let said = format!("已为{name}生成登记码，24 小时内可用一次");
    console.sessions.say(
        &key,
        Flash {
            code: Some(code.to_string()), ..told(&said, "登记码只显示这一次，离开本页后不再显示。")
        },
    );
    Ok(Redirect::to(PATH).into_response())
}

/// `POST /codes/{number}/revoke`
pub(super) async fn revoke_code(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(number): Path<String>,
) -> Result<Response, ConsoleError> {
    let key = keeper(&viewer)?;
    let number = number.parse().map_err(|_| ConsoleError::NotFound)?;
    console.office.revoke_code(number).await?;
    console.sessions.say(&key, told(&format!("登记码 {number} 已作废"), ""));
    Ok(Redirect::to(PATH).into_response())
}

/// `POST /phones/{incarnation}/revoke`
pub(super) async fn revoke(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(incarnation): Path<String>,
) -> Result<Response, ConsoleError> {
    let key = keeper(&viewer)?;
    let incarnation: IncarnationId = incarnation.parse().map_err(|_| OfficeError::UnknownDevice)?;
    let author = console.office.author_for(viewer.person.id.clone(), viewer.session.name.clone());
    console.office.revoke_device(author, incarnation).await?;
    console
        .sessions
        .say(&key, told("手机已停用", "它以后发来的内容只保存在“待人工处理”页，不会生效；已有的内容不受影响。"));
    Ok(Redirect::to(PATH).into_response())
}

/// The session of somebody who keeps devices.
fn keeper(viewer: &Viewer) -> Result<xuncheng_core::id::Hash, ConsoleError> {
    if viewer.is_admin() {
        Ok(viewer.session.key)
    } else {
        Err(ConsoleError::Forbidden("手机和登记码由系统管理员管理。"))
    }
}

fn told(said: &str, next: &str) -> Flash {
    Flash { path: PATH.to_owned(), tone: "good", said: said.to_owned(), next: next.to_owned(), code: None }
}

/// A code as text, and as squares of a path with a quiet zone of four around them.
fn draw(text: &str) -> Option<ShownCode> {
    let code = QrCode::new(text).ok()?;
    let (width, quiet) = (code.width(), 4);
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let squares = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + quiet, at / width + quiet)).collect();
    Some(ShownCode { text: text.to_owned(), side: width + 2 * quiet, squares })
}
