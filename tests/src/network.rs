//! A phone's way to the office: it carries one request after the other, and fails as it is told to.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use axum::body::Body as HttpBody;
use futures_util::stream;
use xuncheng_core::sync::session::{Body, Method, Outcome, Request, Response};

use crate::fixtures::Dice;
use crate::newer;
use crate::world::Shared;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    LoseRequest,
    /// The office does what it asks; the answer is lost.
    LoseAnswer,
    /// It arrives twice; the second answer comes back.
    Twice,
    /// Nothing comes back, and it arrives once more ahead of the next request.
    Late,
    /// Its body is cut after so many bytes.
    CutRequest(usize),
    /// The answer's body ends after so many bytes, as if it were whole.
    TruncateAnswer(usize),
    /// A captive portal answers with its page, and 200.
    Portal,
    /// Something on the way answers with this status and a page of its own.
    Status(u16),
}

impl Fault {
    /// What kind of fault it is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LoseRequest => "request lost",
            Self::LoseAnswer => "answer lost",
            Self::Twice => "request twice",
            Self::Late => "request late and again",
            Self::CutRequest(_) => "request cut",
            Self::TruncateAnswer(_) => "answer cut",
            Self::Portal => "captive portal",
            Self::Status(_) => "error on the way",
        }
    }
}

/// One request and what came of it, for tests that compare traffic.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request. Where its body is a file, that may have changed since.
    pub request: Request,
    /// The bytes of its body.
    pub sent: Vec<u8>,
    /// What the phone was told.
    pub outcome: Outcome,
}

/// How slow a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Bytes of a request's body that go in a second.
    pub bytes_per_second: u64,
    /// The way to the office; back it takes as long.
    pub one_way_ms: u64,
}

/// One phone's way to the office.
#[derive(Debug, Default)]
pub struct Link {
    planned: RefCell<VecDeque<Fault>>,
    /// So many of a hundred requests meet a fault.
    bad_weather: Cell<u64>,
    /// Something on the way lets no larger body through.
    most_bytes: Cell<Option<usize>>,
    /// So many bytes of a body go in a second; each request takes its way there and back besides.
    pace: Cell<Option<Pace>>,
    /// Nothing goes through.
    down: Cell<bool>,
    late: RefCell<Vec<(Request, Vec<u8>)>>,
    /// The phone's folder, where phone and office are to take each other for peers of a later version.
    newer: RefCell<Option<PathBuf>>,
    log: RefCell<Vec<Exchange>>,
}

impl Link {
    /// The next requests meet these faults, one each.
    pub fn next(&self, faults: &[Fault]) {
        self.planned.borrow_mut().extend(faults);
    }

    /// From here on something on the way answers 413 to any body of more than so many bytes.
    pub fn most_bytes(&self, most: Option<usize>) {
        self.most_bytes.set(most);
    }

    /// From here on it is as slow as this.
    pub fn pace(&self, pace: Option<Pace>) {
        self.pace.set(pace);
    }

    /// From here on nothing goes through, or all does again.
    pub fn down(&self, down: bool) {
        self.down.set(down);
    }

    /// From here on the phone in `folder` and the office take each other for peers of a later version, which say more.
    pub fn says_more(&self, folder: &Path) {
        *self.newer.borrow_mut() = Some(folder.to_owned());
    }

    /// From here on so many of a hundred requests meet a fault, drawn from the world's dice.
    pub fn weather(&self, faults_of_a_hundred: u64) {
        self.bad_weather.set(faults_of_a_hundred);
    }

    /// Everything that was sent so far.
    #[must_use]
    pub fn log(&self) -> Vec<Exchange> {
        self.log.borrow().clone()
    }

    /// Forgets what was sent so far.
    pub fn clear_log(&self) {
        self.log.borrow_mut().clear();
    }

    pub(crate) fn carry(&self, world: &Shared, request: &Request) -> Outcome {
        let sent = match read(&request.body) {
            Ok(sent) => sent,
            Err(error) => return Outcome::Unreadable(error.to_string()),
        };
        if self.down.get() {
            // What was planned for this request meets none later.
            self.planned.borrow_mut().pop_front();
            return Outcome::Unreachable("no network".to_owned());
        }
        let way_ms = self.pace.get().map_or(0, |pace| {
            world.time.pass(sent.len() as u64 * 1000 / pace.bytes_per_second + pace.one_way_ms);
            pace.one_way_ms
        });
        let newer = self.newer.borrow().clone();
        let sent = match &newer {
            Some(folder) if matches!(request.body, Body::Bytes(_)) => newer::request(folder, &sent, newer::say_more),
            Some(_) | None => sent,
        };
        for (late, body) in self.late.take() {
            world.deliver(&late, HttpBody::from(body));
        }
        let fault = self.planned.borrow_mut().pop_front().or_else(|| self.draw(&mut world.dice(), sent.len()));
        let too_large = self.most_bytes.get().is_some_and(|most| sent.len() > most);
        let fault = if too_large { Some(Fault::Status(413)) } else { fault };
        let whole = || world.deliver(request, HttpBody::from(sent.clone()));
        let outcome = match fault {
            None => Outcome::Answered(whole()),
            Some(Fault::LoseRequest) => Outcome::Unreachable("no route to the office".to_owned()),
            Some(Fault::LoseAnswer) => {
                whole();
                failed("the connection was reset")
            }
            Some(Fault::Twice) => {
                whole();
                Outcome::Answered(whole())
            }
            Some(Fault::Late) => {
                self.late.borrow_mut().push((request.clone(), sent.clone()));
                failed("timed out")
            }
            Some(Fault::CutRequest(after)) => {
                world.deliver(request, cut(&sent, after));
                failed("broken pipe")
            }
            Some(Fault::TruncateAnswer(after)) => {
                let mut answer = whole();
                answer.body.truncate(after);
                Outcome::Answered(answer)
            }
            Some(Fault::Portal) => Outcome::Answered(page(200)),
            Some(Fault::Status(status)) => Outcome::Answered(page(status)),
        };
        world.time.pass(way_ms);
        let outcome = match newer {
            Some(_) => newer::answer(&world.folder.path().join("office"), outcome, newer::say_more),
            None => outcome,
        };
        self.log.borrow_mut().push(Exchange { request: request.clone(), sent, outcome: outcome.clone() });
        outcome
    }

    fn draw(&self, dice: &mut Dice, length: usize) -> Option<Fault> {
        if dice.bits() % 100 >= self.bad_weather.get() {
            return None;
        }
        let within = |dice: &mut Dice| usize::try_from(dice.bits() % (length as u64 + 1)).unwrap_or(0);
        Some(match dice.bits() % 9 {
            0 => Fault::LoseRequest,
            1 | 2 => Fault::LoseAnswer,
            3 => Fault::Twice,
            4 => Fault::Late,
            5 => Fault::CutRequest(within(dice)),
            6 => Fault::TruncateAnswer(within(dice)),
            7 => Fault::Portal,
            _ => Fault::Status([413, 500, 502, 503, 404][within(dice) % 5]),
        })
    }
}

fn failed(why: &str) -> Outcome {
    Outcome::Failed(why.to_owned())
}

/// What a captive portal, or a proxy with something to say, answers.
fn page(status: u16) -> Response {
    let body = b"<html><head><title>Free WiFi</title></head><body>Sign in to go on</body></html>".to_vec();
    Response { status, headers: vec![("Content-Type".to_owned(), "text/html".to_owned())], body }
}

/// The body that ends in an error after so many bytes.
fn cut(bytes: &[u8], after: usize) -> HttpBody {
    let kept = bytes[..after.min(bytes.len())].to_vec();
    HttpBody::from_stream(stream::iter([Ok(kept), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]))
}

/// The bytes of a request's body.
#[must_use]
pub fn bytes_of(body: &Body) -> Vec<u8> {
    read(body).expect("a photo that is to be sent can be read")
}

/// As a platform's network stack reads a body.
fn read(body: &Body) -> std::io::Result<Vec<u8>> {
    Ok(match body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes.clone(),
        Body::File { path, offset, length } => {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(*offset))?;
            let mut bytes = Vec::new();
            file.take(*length).read_to_end(&mut bytes)?;
            bytes
        }
    })
}

/// The method as HTTP writes it.
#[must_use]
pub const fn method(method: Method) -> &'static str {
    match method {
        Method::Post => "POST",
        Method::Patch => "PATCH",
        Method::Head => "HEAD",
    }
}
