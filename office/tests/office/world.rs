//! An office in a folder of its own, without a port, and browsers on its machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use tempfile::TempDir;
use tower::ServiceExt as _;
use xuncheng_core::clock::{Moment, Now};
use xuncheng_core::id::PersonId;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::wire::Problem;
use xuncheng_office::{Clock, Config, Office, Status, app};

use crate::phone::Phone;

/// 2026-07-21 in Beijing.
pub(crate) const START: i64 = 1_784_592_000_000;

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) office: Option<Arc<Office>>,
    wall: Arc<AtomicI64>,
    change: fn(&mut Config),
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(
            self.headers["content-type"],
            "application/problem+json",
            "{:?}",
            String::from_utf8_lossy(&self.body)
        );
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }

    /// The code of the problem that it has to be.
    pub(crate) fn code(&self) -> String {
        self.problem().code
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn offset(&self) -> u64 {
        self.headers["upload-offset"].to_str().unwrap().parse().unwrap()
    }

    pub(crate) fn location(&self) -> String {
        self.headers["location"].to_str().unwrap().to_owned()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap()).await
    }

    /// An office with this change to what it is started with.
    pub(crate) async fn configured(change: fn(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self { folder, office: None, wall: Arc::new(AtomicI64::new(START)), change };
        world.open().await;
        world
    }

    /// An office whose data lies in `folder`.
    pub(crate) async fn within(folder: TempDir) -> Self {
        let mut world = Self { folder, office: None, wall: Arc::new(AtomicI64::new(START)), change: |_| {} };
        world.open().await;
        world
    }

    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn config(&self) -> Config {
        let wall = Arc::clone(&self.wall);
        let now = move || Now {
            wall: Moment::from_unix_ms(wall.load(Ordering::SeqCst)),
            monotonic_ms: 0,
            boot_id: "test".to_owned(),
        };
        let mut config = Config::new(self.data());
        config.clock = Clock::of(now);
        config.url = Some("http://127.0.0.1:8080".parse().unwrap());
        (self.change)(&mut config);
        config
    }

    pub(crate) async fn open(&mut self) {
        let config = self.config();
        self.office = Some(tokio::task::spawn_blocking(|| Office::open(config)).await.unwrap().unwrap());
    }

    /// Ends the office and starts it again on its folder.
    pub(crate) async fn restart(&mut self) {
        self.office = None;
        self.open().await;
    }

    pub(crate) fn office(&self) -> &Arc<Office> {
        self.office.as_ref().unwrap()
    }

    pub(crate) fn pass_ms(&self, ms: i64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        ask(&app(Arc::clone(self.office())), request).await
    }

    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> Answer {
        self.call(Request::post(path).body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn code(&self, person: &str) -> EnrolmentCode {
        self.office().new_code(PersonId::new(person).unwrap()).await.unwrap()
    }

    pub(crate) async fn status(&self) -> Status {
        let request = Request::get("/v1/status").header("Host", "127.0.0.1:8080");
        let answer = self.call(request.body(Body::empty()).unwrap()).await;
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// A browser on the office's own machine, with somebody signed in.
    pub(crate) async fn browser(&self, person: &str) -> Browser {
        let app = app(Arc::clone(self.office()));
        let mut browser = Browser { app, cookie: String::new() };
        let answer = browser.post("/sign-in", &format!("person={person}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    /// A phone that is enrolled.
    pub(crate) async fn phone(&self, person: &str) -> Phone {
        let mut phone = Phone::new(person);
        let code = self.code(person).await;
        let answer = phone.enrol(self, &code).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", String::from_utf8_lossy(&answer.body));
        phone
    }
}

async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// A browser that somebody is signed in with.
pub(crate) struct Browser {
    app: Router,
    cookie: String,
}

impl Browser {
    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "127.0.0.1:8080")
            .header("Origin", "http://127.0.0.1:8080")
            .header("Cookie", &self.cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        ask(&self.app, self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        let request = self.request("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
        ask(&self.app, request.body(Body::from(form.to_owned())).unwrap()).await
    }
}
