//! The steps that the flow allows a person, as forms, and taking one.
//!
//! Which steps there are, for whom, and what they need stands in the workflow table and nowhere else.

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
use xuncheng_core::journal::view::View;
use xuncheng_core::journal::write::{Author, Draft};
use xuncheng_core::limits;
use xuncheng_core::pack::{CategoryCode, Pack, ReasonStep};
use xuncheng_core::store::{entries, judgements};
use xuncheng_core::work::case::{CASE, Case, RULES};
use xuncheng_core::work::flow::{Actor, Need, Row, Who};

use super::Console;
use super::error::ConsoleError;
use super::frame::Flash;
use super::viewer::Viewer;
use super::words;
use crate::{OfficeError, write_at_desk};

/// A step that a person may take now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StepForm {
    /// Its name on the wire.
    pub(super) step: &'static str,
    /// What the button says.
    pub(super) label: &'static str,
    /// Where it leads.
    pub(super) to: String,
    /// Whether it wants a reason: it sends the case back, or ends it.
    pub(super) careful: bool,
    /// Reasons to choose from, where one is needed.
    pub(super) reasons: Vec<String>,
    /// Organisations to choose from, where one is needed.
    pub(super) orgs: Vec<OrgChoice>,
    /// Originals that have not arrived: to be waited for, or waived in words.
    pub(super) waiver: bool,
    /// Why it cannot be taken yet, whatever is filled in.
    pub(super) blocked: Option<String>,
}

/// An organisation to choose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OrgChoice {
    /// Its code.
    pub(super) code: String,
    /// Its name, and whether it answers for such cases by default.
    pub(super) name: String,
    /// Whether it is chosen at first.
    pub(super) chosen: bool,
}

/// Whether anybody but the author may take the step: what only the author may do waits for nobody.
fn others(row: &Row) -> Vec<Who> {
    row.who.iter().copied().filter(|who| *who != Who::Author).collect()
}

/// The states from which the flow may wait for this person.
pub(super) fn awaits_from(viewer: &Viewer) -> Vec<String> {
    let actor = viewer.actor_anywhere();
    let version = Version::none(xuncheng_core::id::EpochId::from_bytes([0; 16]));
    // One case of another's, and one of the person's own organisation: between them, any relation that a role can have.
    let of_others = View::empty(CASE, version);
    let mut own = of_others.clone();
    own.fields.insert(
        "responsible_org".to_owned(),
        xuncheng_core::journal::view::Field {
            value: Value::String(viewer.person.org.to_string()),
            writer: xuncheng_core::id::EntryId::from_bytes([0; 16]),
            at: 0,
        },
    );
    let mut states: Vec<String> = RULES
        .steps
        .iter()
        .filter(|row| actor.is_any(&others(row), &of_others) || actor.is_any(&others(row), &own))
        .map(|row| row.from.to_owned())
        .collect();
    states.sort();
    states.dedup();
    states
}

/// The steps that the flow waits for this person to take, by what they are called.
pub(super) fn awaited(actor: &Actor, view: &View) -> Vec<&'static str> {
    RULES
        .steps
        .iter()
        .filter(|row| row.from == view.state && actor.is_any(&others(row), view))
        .map(|row| words::step(row.step))
        .collect()
}

/// The forms of the steps that the flow allows `actor` from where the case stands.
pub(super) fn forms(pack: &Pack, actor: &Actor, view: &View) -> Vec<StepForm> {
    let allowed = RULES.steps.iter().filter(|row| row.from == view.state && actor.is_any(row.who, view));
    allowed.map(|row| form(pack, view, row)).collect()
}

fn form(pack: &Pack, view: &View, row: &Row) -> StepForm {
    let unmet = |need: Need| need.unmet(view, &BTreeMap::new(), pack);
    let needs = |need| row.needs.contains(&need);
    // What no field of the form can meet.
    let blocked = row.needs.contains(&Need::AfterPhoto).then(|| unmet(Need::AfterPhoto)).flatten();
    let reason_step = ReasonStep::from(row.step);
    StepForm {
        step: row.step,
        label: words::step(row.step),
        to: words::state(row.to).label,
        careful: needs(Need::Reason),
        reasons: if needs(Need::Reason) {
            pack.reasons(&reason_step).map(|reason| reason.text.clone()).collect()
        } else {
            Vec::new()
        },
        orgs: if needs(Need::Organisation) { orgs(pack, view) } else { Vec::new() },
        waiver: needs(Need::Originals) && unmet(Need::Originals).is_some(),
        blocked: blocked.map(|code| format!("{}。{}", words::code(&code), words::advice(&code))),
    }
}

fn orgs(pack: &Pack, view: &View) -> Vec<OrgChoice> {
    let category = Case::of(view).category().and_then(|code| code.parse::<CategoryCode>().ok());
    let responsible = category.map(|category| pack.responsible_orgs(&category)).unwrap_or_default();
    let first = responsible.first().map(|org| &org.code);
    pack.organisations()
        .iter()
        .filter(|org| !org.responsible_for.is_empty())
        .map(|org| {
            let by_default = responsible.iter().any(|other| other.code == org.code);
            OrgChoice {
                code: org.code.to_string(),
                name: if by_default { format!("{}（按类别建议）", org.name) } else { org.name.clone() },
                chosen: first == Some(&org.code),
            }
        })
        .collect()
}

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
struct Posted {
    token: String,
    seen: String,
    /// All that it says: another text is another entry, also when a browser went back to the same form.
    said: String,
}

impl Posted {
    /// What makes the same form posted twice one entry.
    fn cause(&self) -> String {
        format!("console/{}", Hash::of("console/form", &[self.token.as_bytes(), b"\0", self.said.as_bytes()]))
    }
}

async fn write(
    console: &Arc<Console>,
    viewer: Viewer,
    item: &str,
    posted: Posted,
    change: Change,
    done: String,
) -> Result<Response, ConsoleError> {
    let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
    let seen: Version = serde_json::from_str(&posted.seen).map_err(|_| ConsoleError::Junk("表单里没有案件的版本。"))?;
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
            seen: Some(seen),
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
        Verdict::Applied | Verdict::Merged { .. } => {
            Flash { path, tone: "good", said: done, next: String::new(), code: None }
        }
        Verdict::NoOp => {
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
