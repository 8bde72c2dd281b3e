//! The network of a phone on the command line: does what core's session asks for, and reports what came of it.

use std::io::{Read, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustls::CertificateError;
use ureq::tls::{RootCerts, TlsConfig};
use xuncheng_core::field::{Field, FieldError};
use xuncheng_core::limits;
use xuncheng_core::sync::session::{Action, Body, Method, Outcome, Request, Response, SyncError};
use xuncheng_core::sync::wait::COPIED;

use crate::machine;
use crate::phone::CA;

/// How a conversation is driven.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// At most so many bytes of photos a second.
    pub bytes_per_second: Option<u64>,
    /// Wait and try again after a failure, instead of ending with it.
    pub keep_trying: bool,
}

/// How often a driver that waits looks whether another command of this phone has said that the link is back, or has written
/// something.
const LOOK: Duration = Duration::from_millis(500);

/// What happens on the way, for progress bars and for whoever watches.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A piece of an original is on its way.
    Sending {
        /// The original's file, by its name.
        file: String,
        /// Where the piece begins: all before it was acknowledged.
        offset: u64,
        /// Its length.
        length: u64,
    },
    /// The office answered a request.
    Answered {
        /// The request's path.
        path: String,
        /// The status.
        status: u16,
        /// Bytes of the request's body.
        sent: u64,
        /// The file that the body is a piece of, by its name.
        file: Option<String>,
        /// How much of an upload the office has, where it says so.
        offset: Option<u64>,
    },
    /// A request failed and is tried again later.
    Failed {
        /// Why.
        why: String,
    },
}

/// An HTTP client for one office.
pub(crate) struct Http {
    agent: ureq::Agent,
    base: String,
}

/// What all requests share: who vouches for the office, a bound for each stage, the proxy that the environment names
/// (ALL_PROXY, HTTPS_PROXY, HTTP_PROXY, but for NO_PROXY), and that redirects are not followed, for the office sends phones
/// none, portals do.
pub(crate) fn agent(vouching: RootCerts) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(Duration::from_secs(10)))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_send_request(Some(Duration::from_secs(20)))
        .timeout_send_body(Some(Duration::from_secs(120)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(Duration::from_secs(60)))
        .tls_config(TlsConfig::builder().root_certs(vouching).build())
        .user_agent(concat!("xuncheng/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

impl Http {
    /// A client for the office at `base`, whose certificate is one that `vouching` vouch for.
    pub(crate) fn new(base: &str, vouching: RootCerts) -> Self {
        Self { agent: agent(vouching), base: base.trim_end_matches('/').to_owned() }
    }

    /// A client for the office of `field`.
    fn of(field: &Field, vouching: RootCerts) -> anyhow::Result<Self> {
        let office = field.office()?.ok_or(FieldError::Sync(SyncError::NotEnrolled))?;
        Ok(Self::new(&office.url, vouching))
    }

    /// Sends `request`; every failure is an outcome.
    pub(crate) fn send(&self, request: &Request, pace: Pace) -> Outcome {
        match self.try_send(request, pace) {
            Ok(response) => Outcome::Answered(response),
            Err(error) if error.is::<Unreadable>() => Outcome::Unreadable(format!("{error:#}")),
            Err(error) => match distrusted(&error) {
                Some(why) => Outcome::Unreachable(why),
                None if nothing_sent(&error) => Outcome::Unreachable(format!("{error:#}")),
                None => Outcome::Failed(format!("{error:#}")),
            },
        }
    }

    fn try_send(&self, request: &Request, pace: Pace) -> anyhow::Result<Response> {
        let url = format!("{}{}", self.base, request.path);
        let method = match request.method {
            Method::Post => ureq::http::Method::POST,
            Method::Patch => ureq::http::Method::PATCH,
            Method::Head => ureq::http::Method::HEAD,
        };
        let mut builder = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let answer = match &request.body {
            Body::Empty => self.agent.run(builder.body(())?)?,
            Body::Bytes(bytes) => self.agent.run(builder.body(bytes.as_slice())?)?,
            Body::File { path, offset, length } => {
                let mut file = std::fs::File::open(path).map_err(Unreadable)?;
                file.seek(SeekFrom::Start(*offset)).map_err(Unreadable)?;
                let broke = Arc::new(Mutex::new(None));
                let file = Watched { inner: file.take(*length), broke: Arc::clone(&broke) };
                let piece = Paced { inner: file, pace: pace.bytes_per_second, begun: Instant::now(), sent: 0 };
                let builder = builder.header("Content-Length", length.to_string());
                let answer = self.agent.run(builder.body(ureq::SendBody::from_owned_reader(piece))?);
                // Where the file broke off, the network is not to blame.
                if let Some(error) = broke.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    return Err(Unreadable(error).into());
                }
                answer?
            }
        };
        read_answer(answer)
    }
}

/// Why the certificate of whatever answered is not to be trusted, and what to do; none where that is not what is wrong.
fn distrusted(error: &anyhow::Error) -> Option<String> {
    let ureq::Error::Io(handshake) = error.downcast_ref()? else { return None };
    let rustls::Error::InvalidCertificate(why) = handshake.get_ref()?.downcast_ref()? else { return None };
    Some(if *why == CertificateError::UnknownIssuer {
        format!(
            "nobody whom this phone trusts vouches for the certificate that answered; if it is of the district's own CA, \
             give that CA's certificate: --ca FILE when enrolling, and later {CA} in the phone's folder"
        )
    } else {
        format!("the certificate that answered is not to be trusted: {why}; the office has to get another")
    })
}

/// Whether the connection was never made.
fn nothing_sent(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<ureq::Error>() {
        Some(ureq::Error::HostNotFound | ureq::Error::ConnectionFailed) => true,
        Some(ureq::Error::Timeout(stage)) => matches!(stage, ureq::Timeout::Resolve | ureq::Timeout::Connect),
        Some(ureq::Error::Io(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Some(_) | None => false,
    }
}

fn read_answer(mut answer: ureq::http::Response<ureq::Body>) -> anyhow::Result<Response> {
    let status = answer.status().as_u16();
    let text = |value: &ureq::http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers = answer.headers().iter().filter_map(|(name, value)| Some((name.to_string(), text(value)?))).collect();
    let mut body = Vec::new();
    let bound = limits::RESPONSE_BYTES as u64;
    answer.body_mut().as_reader().take(bound + 1).read_to_end(&mut body).context("the answer was cut off")?;
    if body.len() as u64 > bound {
        bail!("the answer is longer than {bound} bytes");
    }
    Ok(Response { status, headers, body })
}

/// The photo that was to be sent cannot be read on this machine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreadable(std::io::Error);

/// A reader that keeps the error it broke with: what carries it tells a broken reader from a broken connection no more.
struct Watched<R> {
    inner: R,
    broke: Arc<Mutex<Option<std::io::Error>>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            let told = std::io::Error::from(error.kind());
            *self.broke.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            told
        })
    }
}

/// A reader that gives no more than so many bytes a second.
struct Paced<R> {
    inner: R,
    pace: Option<u64>,
    begun: Instant,
    sent: u64,
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = if self.pace.is_some() { buffer.len().min(16 * 1024) } else { buffer.len() };
        let read = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.sent += read as u64;
        if let Some(pace) = self.pace.filter(|pace| *pace > 0) {
            let due = Duration::from_micros(self.sent.saturating_mul(1_000_000) / pace);
            if let Some(early) = due.checked_sub(self.begun.elapsed()) {
                std::thread::sleep(early);
            }
        }
        Ok(read)
    }
}

/// Carries everything that waits to the office and brings what is new there.
///
/// # Errors
/// Why it did not go on; nothing is lost, the next call goes on where this one ended.
pub(crate) fn sync(
    field: &mut Field,
    vouching: RootCerts,
    pace: Pace,
    mut tell: impl FnMut(&Event),
) -> anyhow::Result<()> {
    let http = Http::of(field, vouching)?;
    field.start_sync()?;
    drive(field, &http, pace, &mut tell)?;
    // What can go has gone. What cannot is no success: a script learns it from the status. That the store was copied keeps
    // nothing from going.
    let attention = field.status()?.attention.filter(|attention| attention.code != COPIED);
    attention.map_or(Ok(()), |attention| Err(anyhow::anyhow!(attention.detail)))
}

/// As [`sync`], and goes on: what is new at the office is brought as soon as the office hints at it, and what is written here
/// goes at once.
///
/// # Errors
/// Where this phone's store can be used no more.
pub(crate) fn follow(
    field: &mut Field,
    vouching: RootCerts,
    pace: Pace,
    mut tell: impl FnMut(&Event),
) -> anyhow::Result<()> {
    let http = Http::of(field, vouching)?;
    let pace = Pace { keep_trying: true, ..pace };
    field.start_sync()?;
    loop {
        drive(field, &http, pace, &mut tell)?;
        let asked = field.ask_for_hint(&machine::seed()?)?;
        let outcome = std::thread::scope(|scope| {
            let hint = scope.spawn(|| http.send(&asked.request, Pace::default()));
            while !hint.is_finished() {
                std::thread::sleep(LOOK);
                drive(field, &http, pace, &mut tell)?;
            }
            hint.join().map_err(|_| anyhow::anyhow!("the thread that waited for a hint broke off"))
        })?;
        let heard = match &outcome {
            Outcome::Answered(response) => field.hinted(&asked, response).map_err(|error| error.to_string()),
            Outcome::Unreachable(why) | Outcome::Failed(why) | Outcome::Unreadable(why) => Err(why.clone()),
        };
        match heard {
            Ok(true) => field.start_sync()?,
            Ok(false) => {}
            Err(why) => {
                tell(&Event::Failed { why });
                // Whether the office is there at all the next exchange finds out, and waits as it should.
                let until = Instant::now() + Duration::from_millis(limits::HINT_PAUSE_MS);
                while Instant::now() < until {
                    std::thread::sleep(LOOK);
                    drive(field, &http, pace, &mut tell)?;
                }
                field.start_sync()?;
            }
        }
    }
}

/// Does what the session asks for until nothing is left.
fn drive(field: &mut Field, http: &Http, pace: Pace, tell: &mut impl FnMut(&Event)) -> anyhow::Result<()> {
    let mut failure: Option<FieldError> = None;
    loop {
        match field.next_action(&machine::now(), &machine::seed()?)? {
            Action::Done => return Ok(()),
            Action::WaitUntil { monotonic_ms } => {
                if !pace.keep_trying {
                    let attention = field.status()?.attention.map(|attention| anyhow::anyhow!(attention.detail));
                    let left_alone = || {
                        anyhow::anyhow!(
                            "what is left has to wait: the office asks to be left alone for now, or another sync of \
                             this phone sends it"
                        )
                    };
                    return Err(failure.map(Into::into).or(attention).unwrap_or_else(left_alone));
                }
                let left = Duration::from_millis(monotonic_ms.saturating_sub(machine::now().monotonic_ms));
                std::thread::sleep(left.min(LOOK));
            }
            Action::Send { id, request } => {
                if let Body::File { path, offset, length } = &request.body {
                    tell(&Event::Sending { file: name_of(path), offset: *offset, length: *length });
                }
                let outcome = http.send(&request, pace);
                let noted = field.completed(id, &outcome, &machine::now(), &machine::seed()?);
                // Only now: whoever reads of an answer finds here what it brought.
                if let Outcome::Answered(response) = &outcome {
                    tell(&answered(&request, response));
                }
                match noted {
                    Ok(()) => failure = None,
                    // What could not be noted, on a full or broken disk, would come next again, without end.
                    Err(error @ (FieldError::Store(_) | FieldError::Sync(SyncError::Store(_)))) => {
                        return Err(error.into());
                    }
                    Err(error) => {
                        tell(&Event::Failed { why: error.to_string() });
                        failure = Some(error);
                    }
                }
            }
        }
    }
}

fn answered(request: &Request, response: &Response) -> Event {
    let sent = match &request.body {
        Body::Empty => 0,
        Body::Bytes(bytes) => bytes.len() as u64,
        Body::File { length, .. } => *length,
    };
    let file = match &request.body {
        Body::File { path, .. } => Some(name_of(path)),
        Body::Empty | Body::Bytes(_) => None,
    };
    let offset = response.header("Upload-Offset").and_then(|offset| offset.parse().ok());
    Event::Answered { path: request.path.clone(), status: response.status, sent, file, offset }
}

fn name_of(path: &std::path::Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
