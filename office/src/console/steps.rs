//! The steps that the flow allows a person, as forms; and where it waits for one.
//!
//! Which steps there are, for whom, and what they need stands in the workflow table and nowhere else.

use std::collections::BTreeMap;

use xuncheng_core::journal::view::View;
use xuncheng_core::pack::{Pack, ReasonStep};
use xuncheng_core::store::list::{Waiting, Which};
use xuncheng_core::work::case::RULES;
use xuncheng_core::work::flow::{Actor, Need, Row, Who};

use super::names::category;
use super::viewer::Viewer;
use super::words;

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

/// Where cases wait for this person, as the workflow table says it. What only the author may do waits for nobody.
pub(super) fn awaits(viewer: &Viewer) -> Vec<Waiting> {
    let actor = viewer.actor_anywhere();
    let org = || viewer.person.org.to_string();
    let mut waiting = Vec::new();
    for row in RULES.steps {
        for who in others(row).into_iter().filter(|who| actor.could_be_any(&[*who])) {
            let which = match who {
                Who::Inspector
                | Who::CovertInspector
                | Who::Appraiser
                | Who::Acceptor
                | Who::Dispatcher
                | Who::Admin => Which::Every,
                Who::Handler => Which::Responsible { org: org() },
                Who::Verifier => Which::Neutral { person: viewer.person.id.clone(), org: org() },
                Who::Author | Who::Office => continue,
            };
            let way = Waiting { state: row.from.to_owned(), which };
            if !waiting.contains(&way) {
                waiting.push(way);
            }
        }
    }
    waiting
}

/// Who but the author may take the step.
fn others(row: &Row) -> Vec<Who> {
    row.who.iter().copied().filter(|who| *who != Who::Author).collect()
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
    let responsible = category(pack, view).map(|known| pack.responsible_orgs(&known.code)).unwrap_or_default();
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
