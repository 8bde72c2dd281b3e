//! `xuncheng serve`, `code`, `device`: an office and who may send to it.

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;
use xuncheng_core::id::{EntryId, IncarnationId, PersonId};
use xuncheng_core::limits;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::wire::Keep;
use xuncheng_office::codes::CodeState;
use xuncheng_office::{Address, Config, Ledger, OfficeError, Quotas, Serving, Tls};

use crate::print::{self, say};

/// Where an office keeps its data, unless it is told otherwise.
const DATA: &str = "xuncheng-office";

/// Runs until Ctrl-C. XUNCHENG_LOG says how much it tells on the way: error, warn, info, debug.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The data folder; made at the first start.
    #[arg(long, env = "XUNCHENG_DATA", default_value = DATA)]
    data: PathBuf,
    /// The address to listen on. Beyond this machine it needs --tls-cert and --tls-key, or --insecure-listen.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 8650)]
    port: u16,
    /// The address that phones are told, when it is not the one listened on: https://xc.example.cn
    ///
    /// Whoever forwards the port to other machines (a proxy, a tunnel, a port mapping) must give it. A forwarder looks like
    /// this machine itself, which may open the console without a password; with --url the console leaves this port.
    #[arg(long)]
    url: Option<Address>,
    /// The console's own port on this machine, once --url, --tls-cert, --bind or --insecure-listen lets others reach the
    /// phones' port; 0 takes a free one.
    ///
    /// Without them the console is at the port of the phones. Never forward it; from a desk elsewhere: ssh -L.
    #[arg(long, default_value_t = 8651)]
    console_port: u16,
    /// A folder with a district pack, kept from now on and sent to all phones; at first the example pack of 巴州区.
    #[arg(long, value_name = "DIR")]
    pack: Option<PathBuf>,
    /// The certificate for HTTPS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS, because something in front of it brings TLS.
    #[arg(long)]
    insecure_listen: bool,
    /// The largest pieces in which phones send originals, in bytes (64 KiB to 4 MiB).
    #[arg(long, value_name = "BYTES", default_value_t = limits::PIECE_BYTES_MAX)]
    piece_bytes: u64,
    /// Days for which phones keep an original after a verified backup holds it; then it can be fetched again.
    #[arg(long, value_name = "DAYS", default_value_t = limits::ORIGINALS_KEPT_DAYS)]
    keep_originals_days: u32,
    #[command(flatten)]
    quotas: QuotaArgs,
    /// Print where it answers as one line of JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How much phones may send. What is beyond stays on its phone, which says why and sends it by itself later.
#[derive(Debug, Clone, clap::Args)]
struct QuotaArgs {
    /// Megabytes of originals of one phone in a day.
    #[arg(long, value_name = "MB", default_value_t = limits::DEVICE_DAY_BYTES / MEGABYTE)]
    phone_day_mb: u64,
    /// Megabytes of originals of one phone.
    #[arg(long, value_name = "MB", default_value_t = limits::DEVICE_BYTES / MEGABYTE)]
    phone_mb: u64,
    /// Megabytes of originals of all phones in a day.
    #[arg(long, value_name = "MB", default_value_t = limits::DISTRICT_DAY_BYTES / MEGABYTE)]
    district_day_mb: u64,
    /// Megabytes of originals of all phones.
    #[arg(long, value_name = "MB", default_value_t = limits::DISTRICT_BYTES / MEGABYTE)]
    district_mb: u64,
    /// Entries of one phone in an hour.
    #[arg(long, value_name = "COUNT", default_value_t = limits::DEVICE_HOUR_ENTRIES)]
    phone_hour_entries: u64,
    /// Originals of one phone that may be on their way at once.
    #[arg(long, value_name = "COUNT", default_value_t = limits::UPLOADS_OPEN)]
    phone_uploads: usize,
}

const MEGABYTE: u64 = 1_000_000;

impl QuotaArgs {
    const fn quotas(&self) -> Quotas {
        Quotas {
            device_day_bytes: self.phone_day_mb.saturating_mul(MEGABYTE),
            device_bytes: self.phone_mb.saturating_mul(MEGABYTE),
            district_day_bytes: self.district_day_mb.saturating_mul(MEGABYTE),
            district_bytes: self.district_mb.saturating_mul(MEGABYTE),
            device_hour_entries: self.phone_hour_entries,
            device_uploads: self.phone_uploads,
        }
    }
}

/// Runs an office until it is asked to end.
pub(crate) fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("XUNCHENG_LOG").unwrap_or_else(|_| "info".into()))
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // A log that nobody reads any more, or that a full disk holds no line of, stops no work.
        .log_internal_errors(false)
        .init();
    let config = Config {
        pack: args.pack.clone(),
        listen: SocketAddr::from((args.bind, args.port)),
        url: args.url.clone(),
        tls: args.tls_cert.clone().zip(args.tls_key.clone()).map(|(certificate, key)| Tls { certificate, key }),
        insecure_listen: args.insecure_listen,
        console_port: args.console_port,
        quotas: args.quotas.quotas(),
        piece_bytes: args.piece_bytes.clamp(limits::PIECE_BYTES_MIN, limits::PIECE_BYTES_MAX),
        keep: Keep { originals_days: args.keep_originals_days, ..Keep::default() },
        ..Config::new(&args.data)
    };
    let json = args.json;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the office's threads")?;
    runtime.block_on(xuncheng_office::serve(config, move |_, serving| {
        // An office goes on although nobody reads where it answers.
        let Serving { url, console, data, .. } = serving;
        let _ = if json {
            print::json_line(&json!({ "address": url, "console": console, "data": data }))
        } else {
            greet(serving).map_err(Into::into)
        };
    }))?;
    Ok(())
}

fn greet(serving: &Serving) -> std::io::Result<()> {
    say!("data     {}", serving.data.display())?;
    say!("console  {}", serving.console)?;
    say!("phones   {}", serving.url)?;
    say!("next     xuncheng code new --data {} --person li", serving.data.display())
}

#[derive(Debug, clap::Args)]
pub(crate) struct CodeArgs {
    #[command(subcommand)]
    command: CodeCommand,
}

#[derive(Debug, Subcommand)]
enum CodeCommand {
    /// Make a one-time code for a person's phone: a QR code and text, or text alone where it is not a terminal that reads.
    New {
        #[command(flatten)]
        at: At,
        /// The person's code, like li, as the office's people.toml has it.
        #[arg(long)]
        person: String,
        /// The address that the phone is told; without it the one at which the office answered last. An office whose port is
        /// forwarded has to be told its address itself: xuncheng serve --url.
        #[arg(long)]
        url: Option<Address>,
    },
    /// List the codes that were made.
    List {
        #[command(flatten)]
        at: At,
    },
    /// Make a code useless.
    Revoke {
        #[command(flatten)]
        at: At,
        /// Its number, as `xuncheng code list` shows it.
        number: u64,
    },
}

/// Which office, and who reads what is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct At {
    /// The office's data folder; the office may be running.
    #[arg(long, env = "XUNCHENG_DATA", default_value = DATA)]
    data: PathBuf,
    /// Print JSON, for programs; of an error its code and what it says.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What somebody at a desk orders about an entry.
#[derive(Debug, clap::Args)]
pub(crate) struct Order {
    #[command(flatten)]
    pub(crate) at: At,
    /// The entry, as `list` shows it.
    pub(crate) entry: EntryId,
    /// In whose name: the code of somebody who may, like he.
    #[arg(long)]
    pub(crate) person: String,
    /// Why; it is kept beside the name.
    #[arg(long)]
    pub(crate) reason: String,
}

impl Order {
    /// What came of it; where it was not done, that the entry is `still` what it was, and why.
    pub(crate) fn done<T>(&self, still: &str, result: Result<T, OfficeError>) -> anyhow::Result<T> {
        let why = match &result {
            Err(OfficeError::NotDone(code)) => format!("entry {} is {still}: {}", self.entry, print::reason(code)),
            Ok(_) | Err(_) => return Ok(result?),
        };
        result.context(why)
    }
}

impl At {
    /// The office's ledger.
    pub(crate) fn ledger(&self) -> anyhow::Result<Ledger> {
        Ok(Ledger::open(&Config::new(&self.data))?)
    }
}

impl CodeArgs {
    /// Whether a program reads what is printed.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            CodeCommand::New { at, .. } | CodeCommand::List { at } | CodeCommand::Revoke { at, .. } => at.json,
        }
    }
}

/// Makes, lists and revokes enrolment codes.
pub(crate) fn code(args: &CodeArgs) -> anyhow::Result<()> {
    match &args.command {
        CodeCommand::New { at, person, url } => {
            let code = at.ledger()?.new_code(&PersonId::new(person)?, url.clone())?;
            show_code(&code, at.json)
        }
        CodeCommand::List { at } => {
            let ledger = at.ledger()?;
            let (codes, devices) = (ledger.codes()?, ledger.devices()?);
            let rows = codes.iter().map(|code| {
                let (state, device) = match code.state {
                    CodeState::Open => ("open", None),
                    CodeState::Used(incarnation) => ("used", Some(incarnation)),
                    CodeState::Expired => ("expired", None),
                    CodeState::Revoked => ("revoked", None),
                };
                let used_by = device.map_or_else(String::new, |incarnation| {
                    let known = devices.iter().find(|device| device.incarnation == incarnation);
                    format!(" by {}", known.map_or_else(|| incarnation.to_string(), |device| device.name.clone()))
                });
                let (made, until) = (code.created_at.beijing(), code.expires_at.beijing());
                (
                    json!({
                        "number": code.number, "person": code.person, "made": code.created_at,
                        "good_until": code.expires_at, "state": state, "device": device,
                    }),
                    vec![code.number.to_string(), code.person.to_string(), made, until, format!("{state}{used_by}")],
                )
            });
            print::rows(at.json, &["no.", "person", "made", "good until", "state"], rows)
        }
        CodeCommand::Revoke { at, number } => {
            at.ledger()?.revoke_code(*number)?;
            if at.json {
                return print::json(&json!({ "revoked": number }));
            }
            say!("code {number} is of no use now")?;
            Ok(())
        }
    }
}

fn show_code(code: &EnrolmentCode, json: bool) -> anyhow::Result<()> {
    let text = code.to_string();
    if json {
        return print::json(&json!({ "code": text, "person": code.person, "office": code.office }));
    }
    if !std::io::stdout().is_terminal() {
        // For `xuncheng phone enrol "$(xuncheng code new …)"`.
        say!("{text}")?;
        return Ok(());
    }
    let qr = qrcode::QrCode::with_error_correction_level(&text, qrcode::EcLevel::L)
        .context("the code is too long for a QR code")?;
    print::drawing(&qr.render::<qrcode::render::unicode::Dense1x2>().build())?;
    say!("{text}")?;
    say!("good once, for {}, within a day; on a phone: scan it, or xuncheng phone enrol '<code>'", code.person)?;
    Ok(())
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeviceArgs {
    #[command(subcommand)]
    command: DeviceCommand,
}

#[derive(Debug, Subcommand)]
enum DeviceCommand {
    /// List the phones of an office.
    List {
        #[command(flatten)]
        at: At,
    },
    /// Take a phone's rights: what it sends from now on is held until a person decides.
    Revoke {
        #[command(flatten)]
        at: At,
        /// The device, as `xuncheng device list` names it.
        device: String,
    },
}

impl DeviceArgs {
    /// Whether a program reads what is printed.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            DeviceCommand::List { at } | DeviceCommand::Revoke { at, .. } => at.json,
        }
    }
}

/// Lists and revokes phones.
pub(crate) fn device(args: &DeviceArgs) -> anyhow::Result<()> {
    match &args.command {
        DeviceCommand::List { at } => {
            let devices = at.ledger()?.devices()?;
            let shown =
                |moment: Option<xuncheng_core::clock::Moment>| moment.map_or_else(|| "—".to_owned(), |at| at.beijing());
            let rows = devices.iter().map(|device| {
                (
                    json!({
                        "device": device.incarnation, "person": device.person, "name": device.name,
                        "enrolled": device.enrolled_at, "last_sync": device.last_sync_at, "revoked": device.revoked_at,
                    }),
                    vec![
                        device.incarnation.to_string(),
                        device.person.to_string(),
                        device.name.clone(),
                        device.enrolled_at.beijing(),
                        shown(device.last_sync_at),
                        shown(device.revoked_at),
                    ],
                )
            });
            print::rows(at.json, &["device", "person", "name", "enrolled", "last sync", "revoked"], rows)
        }
        DeviceCommand::Revoke { at, device } => {
            let incarnation: IncarnationId = device.parse()?;
            at.ledger()?.revoke_device(incarnation)?;
            if at.json {
                return print::json(&json!({ "revoked": incarnation }));
            }
            say!("device {incarnation} is revoked")?;
            Ok(())
        }
    }
}
