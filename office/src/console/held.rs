//! What is held: what phones sent and nothing has come of, until a person decides. Here it is seen, and decided.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query as Asked, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::Value;
use xuncheng_core::id::{EntryId, IncarnationId, ItemId, PersonId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::{Ruling, Said};
use xuncheng_core::journal::verdict::{Code, Judgement, Verdict};
use xuncheng_core::limits;
use xuncheng_core::pack::Pack;
use xuncheng_core::store::{StoreError, entries, judgements};
use xuncheng_core::work::case::CASE;

use super::Console;
use super::error::ConsoleError;
use super::frame::{Flash, Frame, Menu, page};
use super::names::{Names, category_name, number, title};
use super::timeline;
use super::viewer::Viewer;
use super::words;
use crate::OfficeError;

const PATH: &str = "/held";

#[derive(Template)]
#[template(path = "held.html")]
struct HeldPage {
    frame: Frame,
    cards: Vec<Card>,
    first: Option<&'static str>,
    next: Option<String>,
}

/// Where the page begins: the id of a held entry, or the newest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    from: String,
}

/// What one hand sent in one go: an entry, and the photos that follow it.
#[derive(Debug)]
struct Card {
    id: EntryId,
    what: String,
    about: Option<String>,
    when: String,
    who: String,
    by: String,
    /// Another author than the phone's person, where the entry names one.
    signed: Option<String>,
    case: Case,
    details: Vec<(String, String)>,
    /// The entries of its photos, with what each shows.
    photos: Vec<(EntryId, String)>,
    reason: String,
    remedy: &'static str,
    /// The address of what it follows.
    behind: Option<String>,
    /// How many others wait behind it.
    waiting: usize,
    /// What whoever looks may say of it.
    rulings: Rulings,
    kind: Kind,
    sender: (Option<IncarnationId>, ItemId),
    follows: Option<EntryId>,
}

/// The case that was meant.
#[derive(Debug)]
enum Case {
    /// Its address, and what it is called.
    Known(String, String),
    /// Why there is none.
    None(&'static str),
}

/// What may be said of a held entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rulings {
    /// Nothing: it follows another, or it is not for whoever looks.
    None,
    /// It is not in order, and would be held again.
    Dismiss,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Capture,
    Photos,
    Alone,
}

/// `GET /held`
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Asked(From { from }): Asked<From>,
) -> Result<Response, ConsoleError> {
    if !viewer.sees_held() {
        return Err(ConsoleError::Forbidden("待人工处理的内容由受理员、派遣员和系统管理员查看。"));
    }
    let from = match from.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| ConsoleError::Junk("翻页位置无法识别。"))?),
    };
    let flash = console.sessions.said(&viewer.session.key, PATH);
    let office = Arc::clone(&console.office);
    let mut held = console.office.read(move |conn| Ok(read(conn, office.pack(), &viewer, from))).await??;
    held.frame.flash = flash;
    page(&held)
}

/// What the form of a held entry sends.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Decided {
    reason: String,
}

/// `POST /held/{entry}/release`
pub(super) async fn release(
    console: State<Arc<Console>>,
    viewer: Viewer,
    entry: Path<String>,
    decided: Form<Decided>,
) -> Result<Response, ConsoleError> {
    rule(console, viewer, entry, Ruling::Release, decided).await
}

/// `POST /held/{entry}/dismiss`
pub(super) async fn dismiss(
    console: State<Arc<Console>>,
    viewer: Viewer,
    entry: Path<String>,
    decided: Form<Decided>,
) -> Result<Response, ConsoleError> {
    rule(console, viewer, entry, Ruling::Dismiss, decided).await
}

/// The held entry is its form's token: it is decided about once, however often the form is posted.
async fn rule(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(entry): Path<String>,
    ruling: Ruling,
    Form(Decided { reason }): Form<Decided>,
) -> Result<Response, ConsoleError> {
    if !viewer.decides() {
        return Err(ConsoleError::Forbidden("放行和驳回由受理员、系统管理员办理。"));
    }
    let entry = entry.parse().map_err(|_| ConsoleError::NotFound)?;
    let author = console.office.author_for(viewer.person.id.clone(), viewer.session.name.clone());
    let said = Said { entry, ruling, reason: reason.replace("\r\n", "\n") };
    let flash = match console.office.rule(author, said).await {
        Ok(judged) => told(ruling, &judged),
        Err(OfficeError::NotDone(code)) => {
            flash("bad", format!("没有办理：{}", words::code(&code)), words::advice(&code))
        }
        Err(OfficeError::NotHeld(_)) => flash("warn", "这一条已经处理过了，没有重复办理".to_owned(), ""),
        Err(error) => return Err(error.into()),
    };
    console.sessions.say(&viewer.session.key, flash);
    Ok(Redirect::to(PATH).into_response())
}

fn flash(tone: &'static str, said: String, next: &str) -> Flash {
    Flash { path: PATH.to_owned(), tone, said, next: next.to_owned(), code: None }
}

/// What came of it: of the entry itself, and of how many in all.
fn told(ruling: Ruling, judged: &[Judgement]) -> Flash {
    let verdict = judged.first().map(|judgement| &judgement.verdict);
    let (with_it, applied) =
        (judged.len().saturating_sub(1), judged.iter().filter(|judgement| judgement.verdict.applies()).count());
    match (ruling, verdict) {
        (Ruling::Dismiss, _) if with_it == 0 => {
            flash("good", "已驳回".to_owned(), "提交人的手机下次同步时会看到；照片作为证据保留。")
        }
        (Ruling::Dismiss, _) => flash(
            "good",
            format!("已驳回，随后的 {with_it} 条一并处理"),
            "提交人的手机下次同步时会看到；照片作为证据保留。",
        ),
        (Ruling::Release, Some(verdict)) if !verdict.applies() => {
            let why = words::why(verdict).unwrap_or_else(|| "案件已经是这样".to_owned());
            flash("warn", format!("已放行，但没有改变案件：{why}"), "提交人的手机下次同步时会看到。")
        }
        (Ruling::Release, _) => {
            flash("good", format!("已放行，{applied} 条内容生效"), "有关人员的手机下次同步时会看到。")
        }
    }
}

fn read(conn: &Connection, pack: &Pack, viewer: &Viewer, from: Option<EntryId>) -> Result<HeldPage, ConsoleError> {
    let kinds = viewer.held_by_kind(conn)?.into_keys().collect();
    let mut held = judgements::held(conn, Some(&kinds), from, limits::CONSOLE_ROWS + 1)?;
    let next = held.get(limits::CONSOLE_ROWS).map(|judged| address(judged.judgement.entry));
    held.truncate(limits::CONSOLE_ROWS);
    let reader = Reader { conn, pack, viewer, names: &Names::read(conn)? };
    let mut cards: Vec<Card> = Vec::new();
    for judged in held.iter().rev() {
        let Some(card) = reader.card(&judged.judgement)? else { continue };
        match cards.last_mut() {
            Some(last) if last.takes(&card) => last.take(card),
            Some(_) | None => cards.push(card),
        }
    }
    let here: Vec<EntryId> = cards.iter().map(|card| card.id).collect();
    for card in &mut cards {
        let elsewhere = |id| if here.contains(&id) { format!("#{id}") } else { address(id) };
        card.behind = card.follows.map(elsewhere);
    }
    cards.reverse();
    Ok(HeldPage {
        frame: Frame::of(conn, pack, viewer, Menu::Held, "待人工处理")?,
        cards,
        first: from.map(|_| PATH),
        next,
    })
}

/// The page that begins with this entry.
fn address(id: EntryId) -> String {
    format!("{PATH}?from={id}")
}

impl Card {
    /// Whether `next`, which came after it from the same phone, only adds photos to it.
    fn takes(&self, next: &Self) -> bool {
        let with_it = match self.kind {
            Kind::Capture => next.follows == Some(self.id),
            // What follows nothing is decided about one by one.
            Kind::Photos => self.follows.is_some() && next.follows == self.follows && next.signed == self.signed,
            Kind::Alone => false,
        };
        with_it && next.kind == Kind::Photos && next.sender == self.sender && next.when == self.when
    }

    fn take(&mut self, next: Self) {
        self.photos.extend(next.photos);
        if self.kind == Kind::Photos {
            self.what = format!("添加照片 {} 张", self.photos.len());
        }
    }
}

struct Reader<'a> {
    conn: &'a Connection,
    pack: &'a Pack,
    viewer: &'a Viewer,
    names: &'a Names,
}

impl Reader<'_> {
    fn card(&self, judgement: &Judgement) -> Result<Option<Card>, ConsoleError> {
        let Verdict::Held { reason, behind } = &judgement.verdict else { return Ok(None) };
        let Some(entry) = entries::get(self.conn, judgement.entry)? else { return Ok(None) };
        let Ok(header) = entry.read_header() else { return Ok(None) };
        let change = entry.read_body(&header).ok().map(|body| body.change);
        let author = entry.read_private(&header).ok().map(|private| private.who);
        let incarnation = entries::incarnation(self.conn, header.id)?;
        let device = incarnation.as_ref().and_then(|incarnation| self.names.device(incarnation));

        // Whose phone it is was enrolled; whom an entry names as its author is only its own word.
        let sender = device.map(|device| &device.person).or(author.as_ref());
        let shown = |person: &PersonId| self.names.shown(self.pack, self.viewer, person);
        let by = match (device, sender) {
            (Some(device), Some(person)) if self.names.may_know(self.viewer, person) => device.name.clone(),
            (Some(_), _) => "手机".to_owned(),
            (None, _) => "没有登记的设备".to_owned(),
        };
        let case = self.case(header.item, &header.kind, change.as_ref())?;
        let mut card = Card {
            id: header.id,
            what: change
                .as_ref()
                .map_or_else(|| "无法读取的内容".to_owned(), |change| timeline::what(change, Some(&judgement.verdict))),
            about: None,
            when: judgement.received.beijing(),
            who: sender.map_or_else(|| "不明".to_owned(), shown),
            by,
            signed: author.as_ref().filter(|author| sender != Some(*author)).map(shown),
            details: Vec::new(),
            photos: Vec::new(),
            reason: self.reason(reason, &case),
            remedy: words::remedy(reason),
            behind: None,
            waiting: judgements::behind(self.conn, header.id)?.len(),
            rulings: self.rulings(&header.kind, reason, [author.as_ref(), sender]),
            kind: Kind::Alone,
            sender: (incarnation, header.item),
            follows: self.still_held(*behind)?,
            case,
        };
        if let Some(change) = &change {
            card.details = timeline::details(self.pack, change, Some(&judgement.verdict));
        }
        match change {
            Some(Change::Open { fields }) => {
                card.kind = Kind::Capture;
                let code = fields.get("category").and_then(Value::as_str).unwrap_or_default();
                card.about = category_name(self.pack, code);
                let category = words::field("category");
                card.details.retain(|(label, _)| card.about.is_none() || label != category);
            }
            Some(Change::Attach { photo, .. }) => {
                card.kind = Kind::Photos;
                card.photos.push((header.id, words::role(&photo.role).to_owned()));
            }
            Some(
                Change::Edit { .. }
                | Change::Step { .. }
                | Change::Comment { .. }
                | Change::Release { .. }
                | Change::Restored { .. }
                | Change::Dismiss { .. }
                | Change::Erase { .. },
            )
            | None => {}
        }
        Ok(Some(card))
    }

    fn case(&self, item: ItemId, kind: &str, change: Option<&Change>) -> Result<Case, ConsoleError> {
        match self.viewer.case(self.conn, item) {
            Ok(view) => {
                let name = format!("{} {}", title(self.pack, &view), number(&item, Some(&view)));
                Ok(Case::Known(format!("/cases/{item}"), name))
            }
            Err(ConsoleError::NotFound) if kind != CASE => Ok(Case::None("不是案件的内容")),
            Err(ConsoleError::NotFound) => Ok(Case::None(match change {
                Some(Change::Open { .. }) => "上报没有生效，还没有案件",
                Some(_) | None => "办公室没有这个案件",
            })),
            Err(error) => Err(error),
        }
    }

    fn reason(&self, reason: &Code, case: &Case) -> String {
        match case {
            Case::Known(..) => words::code_at_case(reason),
            Case::None(_) => words::code(reason),
        }
    }

    /// What the viewer may say of what is held of a kind for `reason`, and is `whose`.
    fn rulings(&self, kind: &str, reason: &Code, whose: [Option<&PersonId>; 2]) -> Rulings {
        let me = &self.viewer.person;
        let decides = !me.deciding_roles(kind).is_empty() && !whose.contains(&Some(&me.id));
        if !decides || *reason == Code::Follows {
            Rulings::None
        } else if matches!(reason, Code::Malformed | Code::TooLarge) {
            Rulings::Dismiss
        } else {
            Rulings::Both
        }
    }

    /// The entry, if it is held itself.
    fn still_held(&self, entry: Option<EntryId>) -> Result<Option<EntryId>, StoreError> {
        let Some(entry) = entry else { return Ok(None) };
        let judged = judgements::get(self.conn, entry)?.map(|judged| judged.judgement.verdict);
        Ok(matches!(judged, Some(Verdict::Held { .. })).then_some(entry))
    }
}
