//! What the forms of a case send: a step taken, a comment written, each once however often it is posted. What corrects a
//! case has a file of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;
use xuncheng_core::id::{Hash, ItemId};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::journal::version::Version;
use xuncheng_core::journal::write::{Author, Draft, Seen};
use xuncheng_core::limits;
use xuncheng_core::store::{entries, judgements};
use xuncheng_core::work::case::{CASE, RULES};
use xuncheng_core::work::flow::Need;

use super::Console;
use super::error::ConsoleError;
use super::frame::Flash;
use super::viewer::Viewer;
use super::words;
use crate::{OfficeError, write_at_desk};

/// What a step's form sends.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StepTaken {
    token: String,
    seen: String,
    from: String,
    round: u32,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    responsible_org: String,
    #[serde(default)]
    waiver: String,
}

/// What the comment's form sends.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Said {
    token: String,
    seen: String,
    text: String,
}

/// `POST /cases/{item}/steps/{step}`
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path((item, step)): Path<(String, String)>,
    Form(taken): Form<StepTaken>,
) -> Result<Response, ConsoleError> {
    let known = RULES.steps.iter().find(|row| row.step == step).ok_or(ConsoleError::NotFound)?;
    let args = args(known.needs, &taken);
    let said = serde_json::json!([item, step, taken.from, taken.round, args]).to_string();
    let posted = Posted { token: taken.token, seen: taken.seen, said };
    let change = Change::Step { transition: step, from: taken.from, round: taken.round, args };
    let done = format!("已办理：{}", words::step(known.step));
    write(&console, viewer, &item, posted, change, done).await
}

/// `POST /cases/{item}/comments`
pub(super) async fn comment(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(item): Path<String>,
    Form(Said { token, seen, text }): Form<Said>,
) -> Result<Response, ConsoleError> {
    let text = text.trim().replace("\r\n", "\n");
    let posted = Posted { token, seen, said: serde_json::json!([item, text]).to_string() };
    write(&console, viewer, &item, posted, Change::Comment { text }, "意见已记入案卷".to_owned()).await
}

/// The arguments of a step: what was chosen, and what was written beside it. An empty reason falls to the note, so that
/// one's own words will do.
fn args(needs: &[Need], taken: &StepTaken) -> BTreeMap<String, Value> {
    let text = |text: &str| Some(text.trim().replace("\r\n", "\n")).filter(|text| !text.is_empty());
    let (mut reason, mut note) = (text(&taken.reason), text(&taken.note));
    if needs.contains(&Need::Reason) && reason.is_none() {
        reason = note.take();
    }
    let given = [
        ("reason", reason),
        ("note", note),
        ("responsible_org", text(&taken.responsible_org)),
        ("waiver", text(&taken.waiver)),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?)))).collect()
}

/// A form as it was posted.
pub(super) struct Posted {
    pub(super) token: String,
    pub(super) seen: String,
    /// All that it says: another text is another entry, also when a browser went back to the same form.
    pub(super) said: String,
}

impl Posted {
    /// What makes the same form posted twice one entry.
    fn cause(&self) -> String {
        format!("console/{}", Hash::of("console/form", &[self.token.as_bytes(), b"\0", self.said.as_bytes()]))
    }
}

/// Writes what a form asks for, and goes back to the case, which says what came of it.
pub(super) async fn write(
    console: &Arc<Console>,
    viewer: Viewer,
    item: &str,
    posted: Posted,
    change: Change,
    done: String,
) -> Result<Response, ConsoleError> {
    let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
    let seen: Option<Version> = serde_json::from_str(&posted.seen).ok();
    let seen = seen.filter(|seen| i64::try_from(seen.count).is_ok());
    let seen = seen.ok_or(ConsoleError::Junk("表单里没有案件的版本。"))?;
    if posted.token.is_empty() || posted.said.len() > 4 * limits::TEXT_CHARS * limits::FIELDS {
        return Err(ConsoleError::Junk("表单不完整，或内容过长。"));
    }
    let path = format!("/cases/{item}");
    let key = viewer.session.key;
    let author = console.office.author_for(viewer.person.id.clone(), viewer.session.name.clone());
    let turn = console.office.turn(move |intake| {
        if let Err(error) = viewer.case(intake.tx, item) {
            return Ok(Err(error));
        }
        let draft = Draft {
            item: Some(item),
            kind: CASE.to_owned(),
            change,
            fix: None,
            seen: Seen::Form(Some(seen)),
            cause: Some(posted.cause()),
        };
        once(intake, &author, draft).map(Ok)
    });
    let flash = match turn.await {
        Ok(verdict) => told(&verdict?, path.clone(), done),
        Err(OfficeError::NotDone(code)) => not_done(&code, path.clone()),
        Err(error) => return Err(error.into()),
    };
    console.sessions.say(&key, flash);
    Ok(Redirect::to(&path).into_response())
}

/// Writes the draft, unless its cause was written already: then it gives what was decided about that one.
fn once(intake: &mut Intake<'_, '_>, author: &Author, draft: Draft) -> Result<Verdict, OfficeError> {
    let before = match &draft.cause {
        Some(cause) => entries::with_cause(intake.tx, cause)?,
        None => None,
    };
    if let Some(before) = before
        && let Some(judged) = judgements::get(intake.tx, before)?
    {
        return Ok(judged.judgement.verdict);
    }
    Ok(write_at_desk(intake, author, draft)?.1.verdict)
}

fn told(verdict: &Verdict, path: String, done: String) -> Flash {
    match verdict {
        Verdict::Applied => Flash { path, tone: "good", said: done, next: String::new(), code: None },
        Verdict::Merged { lost } => {
            let lost: Vec<&str> = lost.iter().map(|name| words::field(name)).collect();
            let said = format!("已记入案卷，但没有采用：{}", lost.join("、"));
            let next = "页面打开之后办公室已另行更正；您填写的值留在案件经过里备查。".to_owned();
            Flash { path, tone: "warn", said, next, code: None }
        }
        Verdict::NoOp | Verdict::Unknown(_) => {
            let said = "案件已经是这个状态，没有重复办理".to_owned();
            Flash { path, tone: "warn", said, next: "页面已显示最新状态。".to_owned(), code: None }
        }
        Verdict::Rejected { code, .. } | Verdict::Held { reason: code, .. } => not_done(code, path),
    }
}

fn not_done(code: &Code, path: String) -> Flash {
    Flash {
        path,
        tone: "bad",
        said: format!("没有办理：{}", words::code(code)),
        next: words::advice(code).to_owned(),
        code: None,
    }
}
