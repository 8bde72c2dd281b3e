//! What `xuncheng phone` understands.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use xuncheng_core::field::{Shown, Site};
use xuncheng_core::place::GeoPoint;
use xuncheng_core::sync::parcel::pack;
use xuncheng_core::sync::policy::Power;

/// The environment's word for the phone's folder.
const FOLDER: &str = "XUNCHENG_PHONE";
/// The phone's folder where nobody named one.
const USUAL_FOLDER: &str = "xuncheng-phone";

/// Captures, syncs and takes steps as an app would, from the command line.
///
/// The first time: init, capture, enrol, sync. Then list, show and step, with a sync before and after.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The phone's folder: one for each person.
    #[arg(long, short, global = true, env = FOLDER, default_value = USUAL_FOLDER, value_name = "DIR")]
    pub folder: PathBuf,
    /// Print JSON, for programs; of an error its code and what it says.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// How this phone is named in a command, for whoever copies it.
    pub(super) fn phone(&self) -> String {
        let usual = std::env::var_os(FOLDER).map_or_else(|| USUAL_FOLDER.into(), PathBuf::from);
        if self.folder == usual {
            "xuncheng phone".to_owned()
        } else {
            format!("xuncheng phone --folder {}", self.folder.display())
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a phone's folder for a person; capturing works from here on.
    Init {
        /// The person's code, like li, as the office's people.toml has it.
        #[arg(long)]
        person: String,
    },
    /// Enrol this phone at an office, once, so that it can sync.
    Enrol {
        /// What `xuncheng code new` printed at the office, in quotes: 'xuncheng://enrol?…'
        code: String,
        /// What this phone calls itself: the console and the stories of cases name it so.
        #[arg(long, default_value = "命令行 command line")]
        device: String,
        /// The certificate of the district's own CA, PEM, where no public one vouches for the office. It is kept, and from
        /// then on nobody else vouches for it.
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
    },
    /// Report a case with its photos; no network is needed.
    Capture(CaptureArgs),
    /// Keep a covert visit (暗访) with its photos; no network is needed. Only covert inspectors and appraisers are told of it.
    Visit(VisitArgs),
    /// List the covert visits on this phone, newest first.
    Visits,
    /// List what a case can be about: all categories, or those that a word finds.
    Categories {
        /// A name or a part of it, a synonym, or a number: 井盖, 牛皮癣, 0900.
        word: Option<String>,
    },
    /// List the cases on this phone, newest first.
    List(ListArgs),
    /// Show a case, its photos and its story.
    Show {
        /// Its number, provisional label, or the beginning of its id.
        case: String,
        /// Fetch from the office what of its story is no longer on this phone.
        #[arg(long)]
        whole: bool,
    },
    /// Fetch the pictures of a case's photos from the office, where they are not here, and say where they lie.
    Photo {
        /// The case's number, provisional label, or the beginning of its id.
        case: String,
        /// Only this photo: the beginning of its SHA-256, as `show` gives it.
        photo: Option<String>,
        /// As the camera wrote it, instead of a picture of 1,600 px: own ones that have left this phone, others' for those who
        /// may see them.
        #[arg(long)]
        original: bool,
    },
    /// Correct a case: by whoever reported it until it is dispatched, by an acceptor until it is closed.
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
        #[arg(long, value_name = "LAT,LON", value_parser = point, allow_hyphen_values = true)]
        at: Option<GeoPoint>,
        /// What `show --json` gave as `shown`: values that came since are then not taken for seen.
        #[arg(long, value_name = "JSON")]
        shown: Option<Shown>,
    },
    /// Take back a case that you reported, until the office files it.
    ///
    /// One that was sent already is judged at the office: what happened there meanwhile counts, and `status` says so after
    /// the next sync.
    Withdraw {
        /// Its number, provisional label, or the beginning of its id.
        case: String,
        /// Why, in words; others can read it.
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Say something about a case.
    Comment {
        /// Its number, provisional label, or the beginning of its id.
        case: String,
        /// What to say.
        text: String,
    },
    /// Take a step of a case's workflow; `show` says which are yours now.
    Step(StepArgs),
    /// Send what waits to the office, and bring what is new.
    Sync {
        /// Send at most so many bytes of photos a second.
        #[arg(long, value_name = "BYTES")]
        limit_rate: Option<u64>,
        /// Wait and try again until all has gone, instead of ending with the first failure.
        #[arg(long)]
        keep_trying: bool,
        /// Print each thing that happens as a line of JSON.
        #[arg(long)]
        events: bool,
        /// Send all originals now, whatever the policy says.
        #[arg(long, value_name = "WHEN")]
        originals: Option<Originals>,
        /// Go on until Ctrl-C: what is new at the office is brought as soon as there is something.
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        stands: Stands,
    },
    /// Where there is no network at all: put what waits into a file, and take the office's answer out of one.
    Parcel {
        #[command(subcommand)]
        command: ParcelCommand,
    },
    /// Say that the network is back: a sync of this phone that waits goes on at once.
    ///
    /// For what the system runs then. A wait that the office itself asked for is not cut short.
    LinkBack,
    /// Send originals now, whatever the policy says: with the next sync.
    SendNow {
        /// The beginning of a photo's name, as `show` prints it; may be given again.
        #[arg(required = true, value_name = "PHOTO")]
        photos: Vec<String>,
    },
    /// Show when originals go by themselves, and set it. Records and small pictures always go at once.
    Policy(PolicyArgs),
    /// Say what waits to be sent, what the office refused, and what needs a person.
    Status,
    /// Say that you have seen what the office refused, or that this store was copied: `status` shows it no more, `show` still does.
    ///
    /// What is held comes back if the office decides about it anew and refuses it again. Nobody else is told.
    Acknowledge {
        /// The beginning of an entry's id, as `status` gives it, or `copy` where the store was copied; may be given again.
        #[arg(required_unless_present = "all", value_name = "ENTRY")]
        entries: Vec<String>,
        /// All that `status` shows.
        #[arg(long, conflicts_with = "entries")]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ParcelCommand {
    /// Put all that waits into a parcel that only the office opens: entries, small pictures, originals.
    ///
    /// Carry it there on a stick or by a chat: xuncheng parcel import. What is in it goes on waiting until the office has answered,
    /// by a parcel or a network; a parcel that is lost loses nothing.
    Export {
        /// The file to make, or a folder, where it gets a name of its own.
        #[arg(value_name = "FILE")]
        place: PathBuf,
        /// Which originals: all, none, or the oldest up to so many megabytes, like 200MB.
        #[arg(long, value_name = "all|none|N MB", default_value = "all", value_parser = packed)]
        originals: pack::Originals,
    },
    /// Take the office's answer to a parcel of this phone. Taken twice, it changes nothing the second time.
    Import {
        /// What the office made: 巡城-回包-….xcp.
        file: PathBuf,
    },
}

/// `all`, `none`, or megabytes.
fn packed(text: &str) -> anyhow::Result<pack::Originals> {
    match text.trim() {
        "all" => Ok(pack::Originals::All),
        "none" => Ok(pack::Originals::None),
        size => {
            let number = size.trim_end_matches(['B', 'b']).trim_end_matches(['M', 'm']).trim();
            let megabytes: u64 =
                number.parse().ok().with_context(|| format!("{size:?} is neither all nor none nor like 200MB"))?;
            Ok(pack::Originals::AtMost { bytes: megabytes.saturating_mul(1_000_000) })
        }
    }
}

/// When originals are sent.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Originals {
    /// With this sync.
    Now,
}

/// How the phone stands, for a sync that keeps to the policy; what is not given is as it was said last.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Stands {
    /// The network that there is.
    #[arg(long, value_name = "KIND")]
    pub network: Option<NetworkKind>,
    /// On battery, with so much left in percent; or `charging`.
    #[arg(long, value_name = "PERCENT", value_parser = power)]
    pub battery: Option<Power>,
}

/// The kinds of networks.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum NetworkKind {
    /// Not paid by the byte.
    Unmetered,
    /// Paid by the byte.
    Metered,
    /// Another operator's.
    Roaming,
}

fn power(text: &str) -> anyhow::Result<Power> {
    if text == "charging" {
        return Ok(Power::Charging);
    }
    let percent: u8 = text
        .trim_end_matches('%')
        .parse()
        .ok()
        .filter(|percent| *percent <= 100)
        .with_context(|| format!("{text:?} is no charge of a battery: give 0 to 100, or charging"))?;
    Ok(Power::Battery { percent })
}

/// The rule for originals. What is not given stays; once anything is given, this phone no longer goes by the district's word.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    /// Only over networks that are not paid by the byte.
    #[arg(long, value_name = "true|false")]
    pub unmetered_only: Option<bool>,
    /// Also while roaming.
    #[arg(long, value_name = "true|false")]
    pub roaming: Option<bool>,
    /// Only while charging.
    #[arg(long, value_name = "true|false")]
    pub charging_only: Option<bool>,
    /// On battery, not below this charge; 0 is no floor.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub battery_floor: Option<u8>,
    /// At most so many megabytes a day over networks that are paid by the byte.
    #[arg(long, value_name = "MB")]
    pub megabytes_a_day: Option<u32>,
    /// Only those that somebody asks for.
    #[arg(long, value_name = "true|false")]
    pub asked_only: Option<bool>,
    /// Go by the district's word again.
    #[arg(long, conflicts_with_all = ["unmetered_only", "roaming", "charging_only", "battery_floor", "megabytes_a_day", "asked_only"])]
    pub default: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CaptureArgs {
    /// The category: a code like matter/09006, or a name like 占道经营. `xuncheng phone categories 经营` finds both.
    #[arg(long)]
    pub category: String,
    /// What was seen, in words.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub note: String,
    /// Where, in words.
    #[arg(long)]
    pub address: Option<String>,
    /// Where: LAT,LON in degrees, north and east positive. Without it the first position that a photo has; where none has
    /// one, every area sees the case, and `xuncheng phone edit` can give it later.
    #[arg(long, value_name = "LAT,LON", value_parser = point, allow_hyphen_values = true)]
    pub at: Option<GeoPoint>,
    /// The JPEG of the same picture, for each HEIC among the photos; may be given again.
    #[arg(long, value_name = "HEIC=JPEG")]
    pub working_copy: Vec<String>,
    /// The photos, JPEG, PNG or HEIC: a far view first, then near ones.
    #[arg(required = true, value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VisitArgs {
    /// The key site, in words.
    #[arg(long)]
    pub site: Site,
    /// What was found, in words.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub note: String,
    /// Where: LAT,LON in degrees, north and east positive. Without it the first position that a photo has.
    #[arg(long, value_name = "LAT,LON", value_parser = point, allow_hyphen_values = true)]
    pub at: Option<GeoPoint>,
    /// The JPEG of the same picture, for each HEIC among the photos; may be given again.
    #[arg(long, value_name = "HEIC=JPEG")]
    pub working_copy: Vec<String>,
    /// The photos, JPEG, PNG or HEIC.
    #[arg(required = true, value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only in this state, like reported or handling; may be given again.
    #[arg(long)]
    pub state: Vec<String>,
    /// Only of this category: a code or a name.
    #[arg(long)]
    pub category: Option<String>,
    /// Only in the area with this code, like 511902001.
    #[arg(long)]
    pub area: Option<String>,
    /// Only of the responsible organisation with this code, like shizheng.
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
    /// Go on where the page before ended: what it printed after `more:`.
    #[arg(long)]
    pub after: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StepArgs {
    /// The case's number, provisional label, or the beginning of its id.
    pub case: String,
    /// file, decline, dispatch, accept, return, handle, check, rework, close or withdraw.
    pub step: String,
    /// Why: for decline, return and rework; as you like for withdraw.
    #[arg(long)]
    pub reason: Option<String>,
    /// The code of the responsible organisation, like shizheng: for dispatch.
    #[arg(long)]
    pub org: Option<String>,
    /// Why it may close without an original that has not arrived: for close.
    #[arg(long)]
    pub waiver: Option<String>,
    /// A remark that goes with it.
    #[arg(long)]
    pub note: Option<String>,
    /// A photo that goes with it, taken after the work for handle; may be given again.
    #[arg(long = "photo", value_name = "FILE")]
    pub photos: Vec<PathBuf>,
    /// The JPEG of the same picture, for each HEIC among the photos; may be given again.
    #[arg(long, value_name = "HEIC=JPEG")]
    pub working_copy: Vec<String>,
    /// What `show --json` gave as `shown`: the step is then judged as decided upon that.
    #[arg(long, value_name = "JSON")]
    pub shown: Option<Shown>,
}

/// `LAT,LON` in degrees.
fn point(text: &str) -> anyhow::Result<GeoPoint> {
    let (lat, lon) = text.split_once(',').context("a place is LAT,LON in degrees, like 31.8672,106.7431")?;
    let degrees = |part: &str| part.trim().parse::<f64>().with_context(|| format!("{part:?} is no number of degrees"));
    Ok(GeoPoint::from_degrees(degrees(lat)?, degrees(lon)?)?)
}
