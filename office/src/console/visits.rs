//! Covert visits, for those who make or direct them. To everybody else there is no such page.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use rusqlite::Connection;
use xuncheng_core::clock::Moment;
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::view::View;
use xuncheng_core::journal::write::{Draft, Seen};
use xuncheng_core::limits;
use xuncheng_core::pack::Pack;
use xuncheng_core::search::Synonyms;
use xuncheng_core::store::list::{self, Query};
use xuncheng_core::store::{StoreError, items};
use xuncheng_core::work::flow::Who;
use xuncheng_core::work::visit::{CLOSE, CLOSED, VISIT};

use super::Console;
use super::error::ConsoleError;
use super::frame::{Flash, Frame, Menu, page};
use super::viewer::Viewer;
use super::words;
use crate::office::write_at_desk;

const PATH: &str = "/visits";

#[derive(Template)]
#[template(path = "visits.html")]
struct VisitsPage {
    frame: Frame,
    rows: Vec<Row>,
}

/// A visit as the list shows it.
#[derive(Debug)]
struct Row {
    number: String,
    site: String,
    description: String,
    occurred: String,
    photos: usize,
    closed: bool,
    /// Where whoever looks may send that it is done with.
    close: Option<String>,
}

/// `GET /visits`
pub(super) async fn show(State(console): State<Arc<Console>>, viewer: Viewer) -> Result<Response, ConsoleError> {
    if !viewer.sees_visits() {
        return Err(ConsoleError::NotFound);
    }
    let flash = console.sessions.said(&viewer.session.key, PATH);
    let office = Arc::clone(&console.office);
    let mut visits = console.office.read(move |conn| Ok(read(conn, office.pack(), &viewer))).await??;
    visits.frame.flash = flash;
    page(&visits)
}

/// `POST /visits/{item}/close`
pub(super) async fn close(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(item): Path<String>,
) -> Result<Response, ConsoleError> {
    let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
    if !viewer.sees_visits() {
        return Err(ConsoleError::NotFound);
    }
    let view = console.office.read(move |conn| Ok(items::view(conn, item)?)).await?;
    let view = view.filter(|view| view.kind == VISIT).ok_or(ConsoleError::NotFound)?;
    let author = console.office.author_for(viewer.person.id.clone(), viewer.session.name.clone());
    let change =
        Change::Step { transition: CLOSE.to_owned(), from: view.state, round: view.round, args: Default::default() };
    let draft = Draft {
        item: Some(item),
        kind: VISIT.to_owned(),
        change,
        fix: None,
        seen: Seen::Form(Some(view.version)),
        cause: None,
    };
    let said = match console.office.turn(move |intake| write_at_desk(intake, &author, draft)).await {
        Ok(_) => ("good", "已办结".to_owned()),
        Err(crate::OfficeError::NotDone(code)) => ("bad", format!("没有办理：{}", words::code(&code))),
        Err(error) => return Err(error.into()),
    };
    let flash = Flash { path: PATH.to_owned(), tone: said.0, said: said.1, next: String::new(), code: None };
    console.sessions.say(&viewer.session.key, flash);
    Ok(Redirect::to(PATH).into_response())
}

fn read(conn: &Connection, pack: &Pack, viewer: &Viewer) -> Result<VisitsPage, ConsoleError> {
    let found = list::page(conn, VISIT, &Query::default(), &Synonyms::none(), None, limits::LIST_ROWS)?;
    let may_close = viewer.actor_anywhere().could_be_any(&[Who::Appraiser]);
    let mut rows = Vec::new();
    for row in found.rows {
        let view: View = serde_json::from_str(&row.view).map_err(|source| StoreError::Row { table: "item", source })?;
        let text = |field: &str| view.text(field).unwrap_or_default().to_owned();
        let closed = view.state == CLOSED;
        rows.push(Row {
            number: row.label.unwrap_or_default(),
            site: text("site"),
            description: text("description"),
            occurred: Moment::from_unix_ms(row.occurred_at).beijing(),
            photos: view.members("photos").count(),
            closed,
            close: (may_close && !closed).then(|| format!("{PATH}/{}/close", row.id)),
        });
    }
    Ok(VisitsPage { frame: Frame::of(conn, pack, viewer, Menu::Visits, "暗访")?, rows })
}
