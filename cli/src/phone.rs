//! `xuncheng phone`: a phone's store without a screen. Its folder holds exactly what a real phone's would.

mod args;
mod show;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;
use xuncheng_core::field::{Capture, CapturePhoto, CaseAct, CaseEdit, Field, FieldError};
use xuncheng_core::id::PersonId;
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::place::{BoundingBox, GeoPoint};
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::session::Outcome;
use xuncheng_core::work::case::{CaseState, CaseStep};

pub(crate) use args::Args;
use args::{CaptureArgs, Command, ListArgs, StepArgs};

use crate::driver::{self, Http, Pace};
use crate::machine;
use crate::print::{self, say};

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    act(args).map_err(|error| match error.downcast::<FieldError>() {
        // A code is for programs; people read what to do.
        Ok(FieldError::NotNow { step, code }) => anyhow::anyhow!("{step}: {}", print::reason(&code)),
        Ok(other) => other.into(),
        Err(error) => error,
    })
}

fn act(args: &Args) -> anyhow::Result<()> {
    let folder = &args.folder;
    match &args.command {
        Command::Init { person } => {
            let field = Field::init(folder, &PersonId::new(person)?, &machine::seed()?)?;
            say!("made a store for {} in {}", field.person(), folder.display())?;
            say!("next: xuncheng phone --folder {} capture …   (no network is needed)", folder.display())?;
            Ok(())
        }
        Command::Enrol { code, device } => enrol(folder, code, device),
        Command::Capture(capture_args) => capture(args, capture_args),
        Command::List(list_args) => list(args, list_args),
        Command::Show { case } => {
            let field = Field::open(folder)?;
            show::case(&field, &field.case(field.find_case(case)?)?, args.json)
        }
        Command::Edit { case, category, note, address, at } => {
            if category.is_none() && note.is_none() && address.is_none() && at.is_none() {
                bail!("there is nothing to change: give --category, --note, --address or --at");
            }
            let mut field = Field::open(folder)?;
            let item = field.find_case(case)?;
            let edit = CaseEdit {
                category: category.clone(),
                description: note.clone(),
                address: address.clone(),
                place: *at,
            };
            let case = field.edit(item, &edit, &machine::now(), &machine::seed()?)?;
            show::case(&field, &case, args.json)
        }
        Command::Withdraw { case, reason } => {
            let mut field = Field::open(folder)?;
            let item = field.find_case(case)?;
            let case = field.withdraw(item, reason, &machine::now(), &machine::seed()?)?;
            show::case(&field, &case, args.json)
        }
        Command::Comment { case, text } => {
            let mut field = Field::open(folder)?;
            let item = field.find_case(case)?;
            let case = field.comment(item, text, &machine::now(), &machine::seed()?)?;
            show::case(&field, &case, args.json)
        }
        Command::Step(step_args) => step(args, step_args),
        Command::Sync { limit_rate, keep_trying, events } => {
            let pace = Pace { bytes_per_second: *limit_rate, keep_trying: *keep_trying };
            sync(args, pace, *events)
        }
        Command::Status => show::status(&Field::open(folder)?.status()?, args.json),
    }
}

fn enrol(folder: &Path, code: &str, device: &str) -> anyhow::Result<()> {
    let code: EnrolmentCode = code.parse()?;
    let mut field = Field::open(folder)?;
    let enrolling = field.enrol(&code, device, &machine::seed()?)?;
    match Http::new(&code.office).send(&enrolling.request, Pace::default()) {
        Outcome::Answered(response) => field.enrolled(&enrolling, &response)?,
        Outcome::Unreachable(why) | Outcome::Failed(why) => {
            bail!("no answer from the office at {}: {why}", code.office)
        }
    }
    let office = field.office()?.context("enrolment left no office behind")?;
    say!("enrolled as {} at {} ({})", field.person(), office.url, office.district)?;
    Ok(())
}

fn photos(
    files: &[std::path::PathBuf],
    working_copies: &[String],
    roles: impl Fn(usize) -> PhotoRole,
) -> anyhow::Result<Vec<CapturePhoto>> {
    let mut copies = BTreeMap::new();
    for pair in working_copies {
        let (heic, jpeg) =
            pair.split_once('=').with_context(|| format!("--working-copy wants HEIC=JPEG, not {pair:?}"))?;
        copies.insert(std::path::PathBuf::from(heic), std::path::PathBuf::from(jpeg));
    }
    let photo = |(index, file): (usize, &std::path::PathBuf)| CapturePhoto {
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
    show::case(&field, &case, args.json)
}

fn step(args: &Args, step: &StepArgs) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let item = field.find_case(&step.case)?;
    let Some(known) = CaseStep::named(&step.step) else {
        let names: Vec<&str> = CaseStep::ALL.iter().map(|step| step.name()).collect();
        bail!("{:?} is no step of a case; steps are {}", step.step, names.join(", "));
    };
    let role = if known == CaseStep::Handle { PhotoRole::After } else { PhotoRole::Check };
    let said =
        [("reason", &step.reason), ("responsible_org", &step.org), ("waiver", &step.waiver), ("note", &step.note)];
    let act_args: BTreeMap<String, Value> =
        said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))).collect();
    let act = CaseAct {
        step: known,
        args: act_args,
        photos: photos(&step.photos, &step.working_copy, |_| role.clone())?,
        fix: None,
    };
    let case = field.step(item, &act, &machine::now(), &machine::seed()?)?;
    show::case(&field, &case, args.json)
}

fn list(args: &Args, list: &ListArgs) -> anyhow::Result<()> {
    let field = Field::open(&args.folder)?;
    for state in &list.state {
        if CaseState::named(state).is_none() {
            let names: Vec<&str> = CaseState::ALL.iter().map(|state| state.name()).collect();
            bail!("{state:?} is no state of a case; states are {}", names.join(", "));
        }
    }
    let category = list.category.as_deref().map(|text| category(&field, text)).transpose()?;
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
    show::page(&field.cases(&query, after.as_ref(), list.limit)?, args.json)
}

fn category(field: &Field, text: &str) -> anyhow::Result<String> {
    let catalogue = field.pack().catalogue();
    let found = catalogue.find(text).or_else(|| catalogue.named(text).last());
    Ok(found
        .with_context(|| format!("{text:?} is no category; try a code like matter/09006 or its name"))?
        .code
        .to_string())
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

fn sync(args: &Args, pace: Pace, events: bool) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let bar =
        if events || args.json { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new_spinner() };
    let result = driver::sync(&mut field, pace, |event| {
        bar.tick();
        if events {
            if let Ok(line) = serde_json::to_string(event) {
                // A phone goes on although nobody watches it.
                let _ = say!("{line}");
            }
        } else if let driver::Event::Answered { path, offset, .. } = event {
            bar.set_message(
                offset.map_or_else(|| path.clone(), |offset| format!("{path} {}", indicatif::HumanBytes(offset))),
            );
        }
    });
    bar.finish_and_clear();
    result?;
    if events { Ok(()) } else { show::status(&field.status()?, args.json) }
}
