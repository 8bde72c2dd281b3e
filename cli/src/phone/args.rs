//! What `xuncheng phone` understands.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use xuncheng_core::place::GeoPoint;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The phone's folder.
    #[arg(long, short, env = "XUNCHENG_PHONE", default_value = "xuncheng-phone")]
    pub folder: PathBuf,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a store for a person.
    Init {
        /// The person's code, like li.
        #[arg(long)]
        person: String,
    },
    /// Become a device of that person at an office.
    Enrol {
        /// The code that the office printed: xuncheng://enrol?…
        code: String,
        /// What this phone calls itself.
        #[arg(long, default_value = "command line")]
        device: String,
    },
    /// Keep a case with its photos; no network is needed.
    Capture(CaptureArgs),
    /// List cases, newest first.
    List(ListArgs),
    /// Show a case, its photos and its story.
    Show {
        /// Its number, provisional label, or the beginning of its id.
        case: String,
    },
    /// Correct a case.
    Edit {
        /// Its number, provisional label, or the beginning of its id.
        case: String,
        /// Another category: a code like matter/09006, or a name.
        #[arg(long)]
        category: Option<String>,
        /// What was seen.
        #[arg(long)]
        note: Option<String>,
        /// Where, in words.
        #[arg(long)]
        address: Option<String>,
        /// Where: LAT,LON in degrees, north and east positive.
        #[arg(long, value_parser = point, allow_hyphen_values = true)]
        at: Option<GeoPoint>,
    },
    /// Take a case back before it is sent; afterwards the office declines it.
    Withdraw {
        /// Its provisional label, or the beginning of its id.
        case: String,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Say something about a case.
    Comment {
        /// Its number, provisional label, or the beginning of its id.
        case: String,
        /// What to say.
        text: String,
    },
    /// Take a step of a case's workflow: file, decline, dispatch, accept, return, handle, check, rework, close, withdraw.
    ///
    /// `phone show` says which of them this phone's person may take now.
    Step(StepArgs),
    /// Send what waits and bring what is new.
    Sync {
        /// At most so many bytes of photos a second.
        #[arg(long, value_name = "BYTES")]
        limit_rate: Option<u64>,
        /// Wait and try again until all has gone, instead of ending with the first failure.
        #[arg(long)]
        keep_trying: bool,
        /// Print what happens as JSON lines.
        #[arg(long)]
        events: bool,
    },
    /// Say what waits, what is held here, and what needs a person.
    Status,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CaptureArgs {
    /// The category: a code like matter/09006, or a name like 占道经营.
    #[arg(long)]
    pub category: String,
    /// What was seen.
    #[arg(long, default_value = "")]
    pub note: String,
    /// Where, in words.
    #[arg(long)]
    pub address: Option<String>,
    /// Where: LAT,LON in degrees, north and east positive. Without it the photo's own position; without either the case has
    /// none, and every area sees it.
    #[arg(long, value_parser = point, allow_hyphen_values = true)]
    pub at: Option<GeoPoint>,
    /// The JPEG of a HEIC among the photos: HEIC=JPEG.
    #[arg(long, value_name = "HEIC=JPEG")]
    pub working_copy: Vec<String>,
    /// The photos: a far view first, then near ones.
    #[arg(required = true)]
    pub photos: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only in this state; may be given again.
    #[arg(long)]
    pub state: Vec<String>,
    /// Only of this category.
    #[arg(long)]
    pub category: Option<String>,
    /// Only in this area.
    #[arg(long)]
    pub area: Option<String>,
    /// Only of this responsible organisation.
    #[arg(long)]
    pub org: Option<String>,
    /// Only inside SOUTH,WEST,NORTH,EAST, in degrees.
    #[arg(long = "box", value_name = "S,W,N,E", allow_hyphen_values = true)]
    pub within: Option<String>,
    /// Only with these words, like 井盖.
    #[arg(long)]
    pub text: Option<String>,
    /// So many at most.
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
    /// Go on after the page that named this place.
    #[arg(long)]
    pub after: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StepArgs {
    /// The case's number, provisional label, or the beginning of its id.
    pub case: String,
    /// The step.
    pub step: String,
    /// Why, where the step wants a reason.
    #[arg(long)]
    pub reason: Option<String>,
    /// The responsible organisation, for dispatch.
    #[arg(long)]
    pub org: Option<String>,
    /// Why a missing original is waived, for close.
    #[arg(long)]
    pub waiver: Option<String>,
    /// Anything else.
    #[arg(long)]
    pub note: Option<String>,
    /// A photo that goes with it; may be given again.
    #[arg(long = "photo", value_name = "FILE")]
    pub photos: Vec<PathBuf>,
    /// The JPEG of a HEIC among the photos: HEIC=JPEG.
    #[arg(long, value_name = "HEIC=JPEG")]
    pub working_copy: Vec<String>,
}

/// `LAT,LON` in degrees.
fn point(text: &str) -> anyhow::Result<GeoPoint> {
    let (lat, lon) = text.split_once(',').context("a place is LAT,LON in degrees, like 31.8672,106.7431")?;
    let degrees = |part: &str| part.trim().parse::<f64>().with_context(|| format!("{part:?} is no number of degrees"));
    Ok(GeoPoint::from_degrees(degrees(lat)?, degrees(lon)?)?)
}
