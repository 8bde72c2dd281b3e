//! `xuncheng phone`: a phone's store without a screen. Its folder holds exactly what a real phone's would.

mod advice;
mod args;
mod ca;
mod categories;
mod parcel;
mod sending;
mod show;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;
use xuncheng_core::clock::{Now, Seed};
use xuncheng_core::field::{
    Capture, CapturePhoto, CaseAct, CaseDetail, CaseEdit, CasePhoto, Field, FieldError, PictureFile, VisitCapture,
};
use xuncheng_core::id::{EntryId, ItemId, PersonId};
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::place::{BoundingBox, GeoPoint};
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::session::Outcome;
use xuncheng_core::work::case::{CaseState, CaseStep};

pub(crate) use args::Args;
use args::{CaptureArgs, Command, ListArgs, Originals, StepArgs, VisitArgs};
pub(crate) use ca::CA;

use crate::driver::{self, Http, Pace};
use crate::machine;
use crate::print::{self, say};

pub(crate) use advice::code;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    act(args).map_err(|error| advice::advised(args, error))
}

fn act(args: &Args) -> anyhow::Result<()> {
    let folder = &args.folder;
    match &args.command {
        Command::Init { person } => {
            let field = Field::init(folder, &PersonId::new(person)?, &machine::seed()?)?;
            if args.json {
                return print::json(&serde_json::json!({ "person": field.person(), "folder": folder }));
            }
            say!("made a store for {} in {}", field.person(), folder.display())?;
            say!("next: {} capture …   (no network is needed)", args.phone())?;
            Ok(())
        }
        Command::Enrol { code, device, ca } => enrol(args, code, device, ca.as_deref()),
        Command::Categories { word } => categories::list(Field::open(folder)?.pack(), word.as_deref(), args.json),
        Command::Capture(capture_args) => capture(args, capture_args),
        Command::Visit(visit_args) => visit(args, visit_args),
        Command::Visits => show::visits(args, &Field::open(folder)?.visits()?),
        Command::List(list_args) => list(args, list_args),
        Command::Show { case, whole } => {
            let mut field = Field::open(folder)?;
            let item = field.find_case(case)?;
            if *whole && field.case(item)?.earlier > 0 {
                field.want_history(item)?;
                driver::sync(&mut field, ca::vouching(&args.folder)?, Pace::default(), |_| {})?;
            }
            // It is shown all the same where nothing can be noted, on a full disk.
            let _ = field.want_views(item);
            show::case(args, &field, &field.case(item)?)
        }
        Command::Photo { case, photo, original } => picture(args, case, photo.as_deref(), *original),
        Command::Edit { case, category, note, address, at, shown } => {
            if category.is_none() && note.is_none() && address.is_none() && at.is_none() {
                bail!("there is nothing to change: give --category, --note, --address or --at");
            }
            let edit = CaseEdit {
                category: category.clone(),
                description: note.clone(),
                address: address.clone(),
                place: *at,
                shown: shown.clone(),
            };
            change(args, case, |field, item, now, seed| field.edit(item, &edit, now, seed))
        }
        Command::Withdraw { case, reason } => {
            change(args, case, |field, item, now, seed| field.withdraw(item, reason, now, seed))
        }
        Command::Comment { case, text } => {
            if text.trim().is_empty() {
                bail!("there is nothing to say: give the comment's text");
            }
            change(args, case, |field, item, now, seed| field.comment(item, text, now, seed))
        }
        Command::Step(step_args) => step(args, step_args),
        Command::Sync { limit_rate, keep_trying, events, originals, follow, stands } => {
            let mut field = Field::open(folder)?;
            sending::stand(&mut field, *stands)?;
            if let Some(Originals::Now) = originals {
                field.send_originals_now(None)?;
            }
            let pace = Pace { bytes_per_second: *limit_rate, keep_trying: *keep_trying };
            sync(args, field, pace, *events, *follow)
        }
        Command::Parcel { command } => parcel::run(args, command),
        Command::LinkBack => {
            let mut field = Field::open(folder)?;
            field.start_sync()?;
            show::status(args, &field.status()?)
        }
        Command::SendNow { photos } => sending::now(args, photos),
        Command::Policy(policy) => sending::policy(args, policy),
        Command::Status => show::status(args, &Field::open(folder)?.status()?),
        Command::Acknowledge { entries, all } => acknowledge(args, entries, *all),
    }
}

/// Changes a case that is named as people name it, and shows it.
fn change(
    args: &Args,
    case: &str,
    work: impl FnOnce(&mut Field, ItemId, &Now, &Seed) -> Result<CaseDetail, FieldError>,
) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let item = field.find_case(case)?;
    let case = work(&mut field, item, &machine::now(), &machine::seed()?)?;
    show::case(args, &field, &case)
}

fn enrol(args: &Args, code: &str, device: &str, ca: Option<&Path>) -> anyhow::Result<()> {
    let code: EnrolmentCode = code.parse()?;
    let mut field = Field::open(&args.folder)?;
    let enrolling = field.enrol(&code, device, &machine::seed()?)?;
    let vouching = ca.map_or_else(|| ca::vouching(&args.folder), ca::read)?;
    match Http::new(&code.office, vouching).send(&enrolling.request, Pace::default()) {
        Outcome::Answered(response) => {
            // First: an enrolled phone can always sync.
            ca.map_or(Ok(()), |ca| ca::keep(&args.folder, ca))?;
            field.enrolled(&enrolling, &response)?;
        }
        Outcome::Unreachable(why) | Outcome::Failed(why) | Outcome::Unreadable(why) => {
            bail!(
                "no answer from the office at {}: {why}; the code stays good: try again when the office runs there and \
                 this machine can reach it",
                code.office
            )
        }
    }
    let office = field.office()?.context("enrolment left no office behind")?;
    if args.json {
        return print::json(&serde_json::json!({
            "person": field.person(), "office": office.url, "district": office.district,
        }));
    }
    say!("enrolled as {} at {} ({})", field.person(), office.url, office.district)?;
    say!("next: {} sync", args.phone())?;
    Ok(())
}

fn photos(
    files: &[PathBuf],
    working_copies: &[String],
    roles: impl Fn(usize) -> PhotoRole,
) -> anyhow::Result<Vec<CapturePhoto>> {
    let mut copies = BTreeMap::new();
    for pair in working_copies {
        let (heic, jpeg) =
            pair.split_once('=').with_context(|| format!("--working-copy wants HEIC=JPEG, not {pair:?}"))?;
        copies.insert(PathBuf::from(heic), PathBuf::from(jpeg));
    }
    let photo = |(index, file): (usize, &PathBuf)| CapturePhoto {
        file: file.clone(),
        working_copy: copies.get(file).cloned(),
        role: roles(index),
    };
    Ok(files.iter().enumerate().map(photo).collect())
}

fn capture(args: &Args, capture: &CaptureArgs) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let far_then_near = |index| if index == 0 { PhotoRole::Scene } else { PhotoRole::Close };
    let capture = Capture {
        category: capture.category.clone(),
        description: capture.note.clone(),
        address: capture.address.clone(),
        place: capture.at,
        fix: None,
        occurred_at: None,
        photos: photos(&capture.photos, &capture.working_copy, far_then_near)?,
    };
    let case = field.capture(&capture, &machine::now(), &machine::seed()?)?;
    show::case(args, &field, &case)
}

fn visit(args: &Args, visit: &VisitArgs) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let visit = VisitCapture {
        site: visit.site.clone(),
        description: visit.note.clone(),
        place: visit.at,
        fix: None,
        photos: photos(&visit.photos, &visit.working_copy, |_| PhotoRole::Scene)?,
    };
    let kept = field.visit(&visit, &machine::now(), &machine::seed()?)?;
    show::visits(args, &[kept])
}

fn step(args: &Args, step: &StepArgs) -> anyhow::Result<()> {
    let Some(known) = CaseStep::named(&step.step) else {
        let names: Vec<&str> = CaseStep::ALL.iter().map(|step| step.name()).collect();
        bail!("{:?} is no step of a case; steps are {}", step.step, names.join(", "));
    };
    let role = match known {
        CaseStep::Handle => PhotoRole::After,
        CaseStep::Check | CaseStep::Rework => PhotoRole::Check,
        // What a unit finds when it comes.
        CaseStep::File
        | CaseStep::Decline
        | CaseStep::Dispatch
        | CaseStep::Accept
        | CaseStep::Return
        | CaseStep::Close
        | CaseStep::Withdraw => PhotoRole::Scene,
    };
    let said =
        [("reason", &step.reason), ("responsible_org", &step.org), ("waiver", &step.waiver), ("note", &step.note)];
    let act_args: BTreeMap<String, Value> =
        said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))).collect();
    let act = CaseAct {
        step: known,
        args: act_args,
        photos: photos(&step.photos, &step.working_copy, |_| role.clone())?,
        fix: None,
        shown: step.shown.clone(),
    };
    change(args, &step.case, |field, item, now, seed| field.step(item, &act, now, seed))
}

fn list(args: &Args, list: &ListArgs) -> anyhow::Result<()> {
    let field = Field::open(&args.folder)?;
    for state in &list.state {
        if CaseState::named(state).is_none() {
            let names: Vec<&str> = CaseState::ALL.iter().map(|state| state.name()).collect();
            bail!("{state:?} is no state of a case; states are {}", names.join(", "));
        }
    }
    let category = list.category.as_deref().map(|text| field.category(text)).transpose()?;
    let query = Query {
        states: list.state.clone(),
        category,
        area: list.area.clone(),
        org: list.org.clone(),
        within: list.within.as_deref().map(map_box).transpose()?,
        text: list.text.clone(),
        ..Query::default()
    };
    let after = list.after.as_deref().map(str::parse).transpose().map_err(anyhow::Error::msg)?;
    show::page(args, &field, &query, &field.cases(&query, after.as_ref(), list.limit)?)
}

/// `SOUTH,WEST,NORTH,EAST` in degrees.
fn map_box(text: &str) -> anyhow::Result<BoundingBox> {
    let degrees: Vec<f64> = text
        .split(',')
        .map(|part| part.trim().parse())
        .collect::<Result<_, _>>()
        .context("a box is SOUTH,WEST,NORTH,EAST in degrees")?;
    let [south, west, north, east] = degrees[..] else { bail!("a box is SOUTH,WEST,NORTH,EAST in degrees") };
    Ok(BoundingBox::new(GeoPoint::from_degrees(south, west)?, GeoPoint::from_degrees(north, east)?)?)
}

fn sync(args: &Args, mut field: Field, pace: Pace, events: bool, follow: bool) -> anyhow::Result<()> {
    let vouching = ca::vouching(&args.folder)?;
    let bar =
        if events || args.json { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new_spinner() };
    let tell = |event: &driver::Event| {
        bar.tick();
        if events {
            // A phone goes on although nobody watches it.
            let _ = print::json_line(event);
        } else if let driver::Event::Answered { path, offset, .. } = event {
            let path = print::text(path);
            bar.set_message(
                offset.map_or_else(|| path.clone(), |offset| format!("{path} {}", indicatif::HumanBytes(offset))),
            );
        }
    };
    let result = if follow {
        driver::follow(&mut field, vouching, pace, tell)
    } else {
        driver::sync(&mut field, vouching, pace, tell)
    };
    bar.finish_and_clear();
    result?;
    if events { Ok(()) } else { show::status(args, &field.status()?) }
}

fn picture(args: &Args, case: &str, photo: Option<&str>, original: bool) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let item = field.find_case(case)?;
    let named = |known: &CasePhoto| photo.is_none_or(|start| known.sha256.to_string().starts_with(start));
    let mut photos = field.case(item)?.photos;
    photos.retain(named);
    if photos.is_empty() {
        bail!("this case has no such photo; `{} show {case}` shows which it has", args.phone());
    }
    if original {
        photos.iter().try_for_each(|photo| field.want_original(item, photo.sha256))?;
    } else {
        field.want_views(item)?;
    }
    let lies_here =
        |photo: &CasePhoto| matches!(if original { &photo.original } else { &photo.view }, PictureFile::Here { .. });
    if !photos.iter().all(lies_here) {
        driver::sync(&mut field, ca::vouching(&args.folder)?, Pace::default(), |_| {})?;
        photos = field.case(item)?.photos;
        photos.retain(named);
    }
    show::pictures(args, &photos, original)
}

/// What `acknowledge` calls the copy of a store, beside entries by their ids.
const COPY: &str = "copy";
/// What it calls a re-offer to a restored office.
const RESTORE: &str = "restore";

fn acknowledge(args: &Args, entries: &[String], all: bool) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    if all || entries.iter().any(|entry| entry == COPY) {
        field.acknowledge_copy()?;
    }
    if all || entries.iter().any(|entry| entry == RESTORE) {
        field.acknowledge_restore()?;
    }
    let entries = entries.iter().filter(|entry| *entry != COPY && *entry != RESTORE);
    let seen: Vec<EntryId> = if all {
        field.status()?.refused.into_iter().map(|refused| refused.entry).collect()
    } else {
        entries.map(|entry| field.find_refused(entry)).collect::<Result<_, _>>()?
    };
    for entry in seen {
        field.acknowledge(entry)?;
    }
    show::status(args, &field.status()?)
}
