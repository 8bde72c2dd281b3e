//! `xuncheng demo`: the whole journey on this machine, with real processes, and with everything checked at its end.

mod cast;
mod checks;
mod desk;
mod interrupt;
mod pictures;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::print::{Table, say};
use cast::{Office, Phone, ShownCase};
use checks::Check;
use desk::Desk;
use pictures::{Picture, Pictures};

pub(crate) use interrupt::Interrupted;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Photos to use instead of the sample photos that ship with the program.
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// End when all is checked, instead of leaving the console up; the exit status says whether every check held.
    #[arg(long)]
    exit: bool,
    /// Keep the folders of the office and the phones here, instead of in a temporary place.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The console's port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// Longer than a signal takes from one process to the next.
const A_MOMENT: Duration = Duration::from_millis(200);
/// Small, so that a photo has many pieces and a kill falls between them.
const PIECE_BYTES: u64 = 256 * 1024;
/// Slow enough that a photo of 3 MB takes longer than a kill.
const KILLED_AT_BYTES_PER_SECOND: u64 = 2_000_000;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Before there is anything to be left behind.
    let asked_to_end = interrupt::watch()?;
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = match &args.keep {
        Some(keep) if keep.join("office").exists() => {
            bail!("{} holds an earlier demonstration: name another folder", keep.display())
        }
        Some(keep) => keep.clone(),
        None => temporary.path().to_owned(),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut stages = Stages::new();
    let (office, figures, checks) = journey(args, &folder, &mut stages).map_err(|error| {
        // Ctrl-C ends the processes too, and one of them may be heard of first.
        if asked_to_end.recv_timeout(A_MOMENT).is_ok() { Interrupted.into() } else { error }
    })?;
    stages.finish()?;
    report(&figures, &stages, &checks)?;
    let failed = checks.iter().filter(|check| check.found.is_err()).count();
    if failed > 0 {
        bail!("{failed} of {} checks did not hold", checks.len());
    }
    if args.exit {
        return Ok(());
    }
    say!("\nThe console is at {}  — sign in as 张受理, for one. Ctrl-C ends it.", office.console)?;
    say!("The office's data is in {}, the phones beside it.", office.data.display())?;
    office.wait(&asked_to_end);
    Ok(())
}

/// What the table at the end says.
#[derive(Default)]
struct Figures {
    cases: u64,
    photos: u64,
    bytes_sent: u64,
    bytes_sent_again: u64,
    round_trips: u64,
}

fn journey(args: &Args, folder: &Path, stages: &mut Stages) -> anyhow::Result<(Office, Figures, Vec<Check>)> {
    let pictures =
        stages.run("photos 照片", |_| Pictures::gather(args.photos.as_deref(), &folder.join("pictures")))?;
    let (office, li, wang, crew) = stages.run("office and phones 指挥中心与手机", |bar| {
        let office = Office::start(&folder.join("office"), args.port, PIECE_BYTES)?;
        bar.set_message(office.console.clone());
        let li = Phone::init("li", &folder.join("phone-li"))?;
        let wang = Phone::init("wang", &folder.join("phone-wang"))?;
        let crew = Phone::init("chen", &folder.join("phone-chen"))?;
        Ok((office, li, wang, crew))
    })?;
    let phones = [&li, &wang, &crew];

    let (mine, big) = stages.run("capture, offline 离线采集", |bar| capture(bar, &pictures, &li, &wang))?;
    stages.run("enrol 登记", |_| {
        for phone in phones {
            phone.enrol(&office.code(phone.person)?)?;
        }
        Ok(())
    })?;
    stages.run("sync, one phone killed 同步（断电）", |bar| {
        kill_in_the_middle(bar, &li, &big)?;
        bar.set_message("started again");
        li.sync()?;
        wang.sync()?;
        crew.sync()
    })?;
    let cases = mine.len() as u64;
    stages.run("file and dispatch 立案派遣", |bar| file_and_dispatch(bar, &office, &li, &wang, &mine))?;
    stages.run("handle 处置", |bar| handle(bar, &office, &crew, &pictures))?;
    stages.run("check 核查", |bar| check_each_other(bar, &li, &wang, &mine))?;
    stages.run("close 结案", |bar| close(bar, &office, &li, &wang, &mine))?;
    stages.run("back up 备份", |_| {
        for phone in phones {
            phone.sync()?;
        }
        office.back_up(&folder.join("backup"))?;
        for phone in phones {
            phone.sync()?;
        }
        Ok(())
    })?;

    let mut figures = Figures { cases, ..Figures::default() };
    for phone in phones {
        let status = phone.status()?;
        let count = |name: &str| status[name].as_u64().unwrap_or(0);
        figures.photos +=
            status["photos"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum::<u64>();
        figures.bytes_sent += count("bytes_sent");
        figures.bytes_sent_again += count("bytes_sent_again");
        figures.round_trips += count("round_trips");
    }
    let checks = stages.run("verify 校验", |_| Ok(checks::all(&office, &phones, PIECE_BYTES)))?;
    Ok((office, figures, checks))
}

/// A case and who reported it.
struct Mine {
    id: String,
    by_li: bool,
}

/// Both inspectors walk their streets without a network. Returns their cases, and the hash of the large photo.
fn capture(bar: &ProgressBar, pictures: &Pictures, li: &Phone, wang: &Phone) -> anyhow::Result<(Vec<Mine>, String)> {
    bar.set_length(pictures.cases.len() as u64 + 1);
    let mut mine = Vec::new();
    for (index, picture) in pictures.cases.iter().enumerate() {
        let by_li = index % 2 == 0;
        let phone = if by_li { li } else { wang };
        let case = captured(phone, picture)?;
        mine.push(Mine { id: case.summary.id, by_li });
        bar.inc(1);
    }
    let large = captured(li, &pictures.large)?;
    let hash = large.photos.first().context("the large photo was not kept")?.sha256.clone();
    mine.push(Mine { id: large.summary.id, by_li: true });
    bar.inc(1);
    Ok((mine, hash))
}

fn captured(phone: &Phone, picture: &Picture) -> anyhow::Result<ShownCase> {
    let photos: Vec<&Path> = picture.files.iter().map(PathBuf::as_path).collect();
    phone.capture(&picture.category, &picture.note, picture.at, &photos)
}

/// Kills the phone when the office has acknowledged at least one piece of `original`, and not all.
fn kill_in_the_middle(bar: &ProgressBar, phone: &Phone, original: &str) -> anyhow::Result<()> {
    phone.sync_until_killed(KILLED_AT_BYTES_PER_SECOND, |event: &Value| {
        let sending = event["event"].as_str() == Some("sending");
        let acknowledged = event["offset"].as_u64().unwrap_or(0);
        if let Some(path) = event["path"].as_str() {
            bar.set_message(format!("{path} {}", HumanBytes(acknowledged)));
        }
        sending && event["file"].as_str() == Some(original) && acknowledged >= PIECE_BYTES
    })?;
    bar.set_message("killed in the middle of a photo");
    Ok(())
}

/// The reporter's phone holds the case as the office last told it.
fn fresh<'a>(li: &'a Phone, wang: &'a Phone, case: &Mine) -> anyhow::Result<ShownCase> {
    let phone = if case.by_li { li } else { wang };
    phone.show(&case.id)
}

fn sync_inspectors(li: &Phone, wang: &Phone) -> anyhow::Result<()> {
    li.sync()?;
    wang.sync()?;
    Ok(())
}

const CREW_ORG: &str = "shizheng";

fn file_and_dispatch(
    bar: &ProgressBar,
    office: &Office,
    li: &Phone,
    wang: &Phone,
    mine: &[Mine],
) -> anyhow::Result<()> {
    bar.set_length(2 * mine.len() as u64);
    let acceptor = Desk::sign_in(&office.console, "zhang")?;
    let dispatcher = Desk::sign_in(&office.console, "zhao")?;
    for case in mine {
        acceptor.step(&fresh(li, wang, case)?, "file", &[])?;
        bar.inc(1);
    }
    sync_inspectors(li, wang)?;
    for case in mine {
        dispatcher.step(&fresh(li, wang, case)?, "dispatch", &[("responsible_org", CREW_ORG)])?;
        bar.inc(1);
    }
    Ok(())
}

/// The crew pulls its cases, returns the first with a reason, gets it back, and handles all.
fn handle(bar: &ProgressBar, office: &Office, crew: &Phone, pictures: &Pictures) -> anyhow::Result<()> {
    crew.sync()?;
    let cases = crew.cases("dispatched")?;
    let first = cases.first().context("no case came to the crew")?;
    bar.set_length(cases.len() as u64 + 1);
    let returned = crew.show(&first.id)?;
    crew.step(&first.id, "return", &["--reason", "位置描述不清，请补充门牌号"])?;
    crew.sync()?;
    let dispatcher = Desk::sign_in(&office.console, "zhao")?;
    let mut again = returned;
    // After its return the case is filed again, and no longer on the crew's phone.
    again.summary.state = "filed".to_owned();
    dispatcher.step(&again, "dispatch", &[("responsible_org", CREW_ORG), ("note", "江北大道 88 号门前")])?;
    bar.inc(1);
    crew.sync()?;
    for (index, case) in crew.cases("dispatched")?.iter().enumerate() {
        crew.step(&case.id, "accept", &[])?;
        let after =
            pictures.after(&case.description, index)?.to_str().context("a photo's path is no Unicode text")?.to_owned();
        crew.step(&case.id, "handle", &["--photo", &after])?;
        bar.inc(1);
    }
    crew.sync()?;
    Ok(())
}

/// Nobody checks a case that he reported himself.
fn check_each_other(bar: &ProgressBar, li: &Phone, wang: &Phone, mine: &[Mine]) -> anyhow::Result<()> {
    sync_inspectors(li, wang)?;
    bar.set_length(mine.len() as u64);
    for case in mine {
        let checker = if case.by_li { wang } else { li };
        checker.step(&case.id, "check", &[])?;
        bar.inc(1);
    }
    sync_inspectors(li, wang)
}

fn close(bar: &ProgressBar, office: &Office, li: &Phone, wang: &Phone, mine: &[Mine]) -> anyhow::Result<()> {
    sync_inspectors(li, wang)?;
    bar.set_length(mine.len() as u64);
    let acceptor = Desk::sign_in(&office.console, "zhang")?;
    for case in mine {
        acceptor.step(&fresh(li, wang, case)?, "close", &[])?;
        bar.inc(1);
    }
    Ok(())
}

/// The stages, with a bar for the one that runs and a time for each that is done.
struct Stages {
    bars: MultiProgress,
    done: Vec<(&'static str, Duration)>,
}

impl Stages {
    fn new() -> Self {
        Self { bars: MultiProgress::new(), done: Vec::new() }
    }

    fn run<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&ProgressBar) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        interrupt::check()?;
        let begun = Instant::now();
        let bar = self.bars.add(ProgressBar::no_length());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<36} {wide_bar} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        let result = work(&bar).with_context(|| format!("in the stage “{name}”"));
        let took = begun.elapsed();
        bar.finish_and_clear();
        if result.is_ok() {
            let line = format!("✓ {name}  {:.1} s", took.as_secs_f64());
            // Without a terminal the bars are silent; the line is not.
            if self.bars.is_hidden() { say!("{line}")? } else { self.bars.println(&line)? }
        }
        self.done.push((name, took));
        result
    }

    fn finish(&self) -> std::io::Result<()> {
        let whole: Duration = self.done.iter().map(|(_, took)| *took).sum();
        say!("  {}", HumanDuration(whole))
    }
}

fn report(figures: &Figures, stages: &Stages, checks: &[Check]) -> std::io::Result<()> {
    let mut table = Table::with(&["what 项目", "figure 数值"]);
    for (name, value) in [
        ("cases closed 结案", figures.cases.to_string()),
        ("photos 照片", figures.photos.to_string()),
        ("bytes of originals sent 原件字节", format!("{} ({})", figures.bytes_sent, HumanBytes(figures.bytes_sent))),
        (
            "of them again after the kill 断电后重发",
            format!("{} (a piece has {PIECE_BYTES})", figures.bytes_sent_again),
        ),
        ("round trips 往返", figures.round_trips.to_string()),
    ] {
        table.row([name, &value]);
    }
    for (name, took) in &stages.done {
        table.row([format!("  {name}"), format!("{:.2} s", took.as_secs_f64())]);
    }
    table.print()?;
    let mut held = Table::with(&["check 校验", ""]);
    for Check { what, found } in checks {
        let found = match found {
            Ok(count) => format!("✓ {count}"),
            Err(error) => format!("✗ {error:#}"),
        };
        held.row([*what, &found]);
    }
    held.print()
}
