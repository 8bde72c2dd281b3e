//! An office with people, phones and cases for the console's tests, and a browser of few words.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{EntryId, IncarnationId, ItemId, PersonId, PhotoHash, Sm3Hash};
use xuncheng_core::journal::entry::{Change, Photo, PhotoRole};
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::journal::verdict::Judgement;
use xuncheng_core::journal::version::Version;
use xuncheng_core::journal::write::{Author, Draft, Seen};
use xuncheng_core::photo::{Fingerprint, MediaType};
use xuncheng_core::store::{items, photos};
use xuncheng_core::sync::wire::Receipt;
use xuncheng_core::work::case::CASE;
use xuncheng_core::work::device::DEVICE;
use xuncheng_core::work::person::PERSON;

use crate::clock::Clock;
use crate::devices::{self, Device};
use crate::{Config, Office, OfficeError};

/// What a JPEG begins with: nobody decodes these.
pub(crate) const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0];

/// An office on a folder of its own.
pub(crate) struct World {
    pub(crate) office: Arc<Office>,
    pub(crate) app: Router,
    _folder: tempfile::TempDir,
}

/// A browser that somebody is signed in with.
pub(crate) struct Browser {
    app: Router,
    cookie: String,
}

/// An answer, read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8_lossy(&to_bytes(body, 1 << 22).await.unwrap()).into_owned();
    Answer { status: parts.status, headers: parts.headers, text }
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| askama::filters::urlencode_strict(text).unwrap().to_string();
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// The hidden fields of the first form of a page.
pub(crate) fn hidden<'a>(page: &'a str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest: &'a str = page.split(&start).nth(1).unwrap_or_else(|| panic!("no field {name} in {page}"));
    rest.split('"').next().unwrap().replace("&quot;", "\"").replace("&#34;", "\"")
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Clock::system())
    }

    /// Whose office reads this clock.
    pub(crate) fn with(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Some("http://127.0.0.1:8000".parse().unwrap());
        let office = Office::open(Config { url, clock, ..Config::new(folder.path()) }).unwrap();
        let app = super::super::routes(Arc::clone(&office));
        Self { office, app, _folder: folder }
    }

    /// Signs in by the picker.
    pub(crate) async fn sign_in(&self, person: &str) -> Browser {
        let request = Request::post("/sign-in")
            .header(header::HOST, "127.0.0.1:8000")
            .header(header::ORIGIN, "http://127.0.0.1:8000")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(&[("person", person)]).into())
            .unwrap();
        let answer = ask(&self.app, request).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"), "{}", answer.text);
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        Browser { app: self.app.clone(), cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    /// What `person`'s phone wrote reaches the office.
    pub(crate) async fn phone_writes(&self, person: &str, item: Option<ItemId>, change: Change) -> (ItemId, Judgement) {
        self.phone_writes_having_seen(person, item, change, None).await
    }

    /// The same, from a phone that had last seen the case at `seen`.
    pub(crate) async fn phone_writes_having_seen(
        &self,
        person: &str,
        item: Option<ItemId>,
        change: Change,
        seen: Option<Version>,
    ) -> (ItemId, Judgement) {
        let author = self.hand_of(person);
        let draft = Draft {
            item,
            kind: CASE.to_owned(),
            change,
            fix: None,
            seen: seen.map_or(Seen::Held, |seen| Seen::Form(Some(seen))),
            cause: None,
        };
        self.turn(move |intake| Ok(intake.write(&author, draft)?)).await
    }

    /// The hand that writes on `person`'s phone.
    pub(crate) fn hand_of(&self, person: &str) -> Author {
        let mut incarnation = [0; 16];
        incarnation[..person.len()].copy_from_slice(person.as_bytes());
        Author {
            incarnation: IncarnationId::from_bytes(incarnation),
            session: None,
            ..self.office.author_for(PersonId::new(person).unwrap(), "")
        }
    }

    pub(crate) async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Intake<'_, '_>) -> Result<T, OfficeError> + Send + 'static,
    ) -> T {
        self.office.turn(work).await.unwrap()
    }

    /// A case as an inspector reports it.
    pub(crate) async fn case(&self, person: &str, category: &str, address: &str) -> ItemId {
        self.phone_writes(person, None, self.report(category, address)).await.0
    }

    /// Many cases as an inspector reports them.
    pub(crate) async fn cases(&self, person: &str, category: &str, count: usize) -> Vec<ItemId> {
        let author = self.hand_of(person);
        let reports: Vec<Change> = (0..count).map(|number| self.report(category, &format!("{number} 号"))).collect();
        self.turn(move |intake| {
            let open = |change| {
                let kind = CASE.to_owned();
                let draft = Draft { item: None, kind, change, fix: None, seen: Seen::Held, cause: None };
                Ok(intake.write(&author, draft)?.0)
            };
            reports.into_iter().map(open).collect()
        })
        .await
    }

    pub(crate) fn report(&self, category: &str, address: &str) -> Change {
        let fields: BTreeMap<String, Value> = [
            ("category".to_owned(), json!(category)),
            ("occurred_at".to_owned(), json!(self.office.now().wall.to_minute())),
            ("address".to_owned(), json!(address)),
            ("description".to_owned(), json!("占用人行道摆摊，行人绕行")),
            ("place".to_owned(), json!({ "lat_e7": 318_672_000, "lon_e7": 1_067_503_000 })),
        ]
        .into();
        Change::Open { fields }
    }

    /// The phone that `person` writes on is known by this name.
    pub(crate) async fn enrol(&self, person: &str, name: &str) {
        self.enrol_for(person, person, name).await;
    }

    /// The phone that `hand` writes on is enrolled as `person`'s.
    pub(crate) async fn enrol_for(&self, person: &str, hand: &str, name: &str) {
        let incarnation = self.hand_of(hand).incarnation;
        let fields = [
            ("person".to_owned(), json!(person)),
            ("incarnation".to_owned(), json!(incarnation)),
            ("key".to_owned(), json!(self.office.signer().public_key().unwrap())),
            ("name".to_owned(), json!(name)),
        ];
        let change = Change::Open { fields: fields.into() };
        let (kind, name, person) = (DEVICE.to_owned(), name.to_owned(), PersonId::new(person).unwrap());
        let key = self.office.signer().public_key().unwrap();
        self.turn(move |intake| {
            let node = intake.office.node.clone();
            let (item, _) =
                intake.write(&node, Draft { item: None, kind, change, fix: None, seen: Seen::Held, cause: None })?;
            let device = Device {
                incarnation,
                item,
                person,
                key,
                name,
                enrolled_at: intake.now.wall,
                revoked_at: None,
                last_sync_at: None,
            };
            devices::insert(intake, &device)
        })
        .await;
    }

    /// From now on `person` has this role, and no other.
    pub(crate) async fn has_role(&self, person: &'static str, role: &'static str) {
        self.turn(move |intake| {
            let item = items::labelled(intake.tx, PERSON, person)?;
            let (kind, node) = (PERSON.to_owned(), intake.office.node.clone());
            let change = Change::Edit { fields: [("roles".to_owned(), json!([role]))].into() };
            intake.write(&node, Draft { item, kind, change, fix: None, seen: Seen::Held, cause: None })?;
            Ok(())
        })
        .await;
    }

    /// A photo of a case: its thumbnail has come, its original as well where `received`.
    pub(crate) async fn photo(
        &self,
        person: &str,
        item: ItemId,
        role: PhotoRole,
        number: u8,
        received: bool,
    ) -> PhotoHash {
        let (judgement, sha256) = self.names_photo(person, item, role, number).await;
        let path = self.office.photos().thumbnail(&sha256);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, JPEG).unwrap();
        if received {
            std::fs::write(self.office.photos().original(&sha256), JPEG).unwrap();
        }
        self.arrived(judgement.entry, item, sha256, received).await;
        sha256
    }

    /// A photo of a case of which nothing has come yet.
    pub(crate) async fn names_photo(
        &self,
        person: &str,
        item: ItemId,
        role: PhotoRole,
        number: u8,
    ) -> (Judgement, PhotoHash) {
        let sha256 = PhotoHash::from_bytes([number; 32]);
        let photo = Photo {
            sha256,
            sm3: Sm3Hash::from_bytes([number; 32]),
            bytes: 3_355_443,
            media: MediaType::Jpeg,
            role,
            width_px: 4000,
            height_px: 3000,
            view: sha256,
            thumbnail: Fingerprint::of(JPEG).sha256,
            drawn_by: xuncheng_core::photo::DRAWER.to_owned(),
        };
        let (_, judgement) = self.phone_writes(person, Some(item), Change::Attach { photo, round: 0 }).await;
        (judgement, sha256)
    }

    /// A backup covers the originals of `item` that have arrived.
    pub(crate) async fn covered(&self, item: ItemId) {
        self.turn(move |intake| {
            for attachment in photos::of_item(intake.tx, item)? {
                photos::set_safe(intake.tx, attachment.entry, attachment.sha256, intake.now.wall)?;
            }
            Ok(())
        })
        .await;
    }

    async fn arrived(&self, entry: EntryId, item: ItemId, sha256: PhotoHash, received: bool) {
        let office = Arc::clone(&self.office);
        self.turn(move |intake| {
            photos::set_previewed(intake.tx, entry, sha256)?;
            if received {
                let at = office.now().wall.to_minute();
                let receipt = Receipt { entry, sha256, bytes: 3_355_443, epoch: office.epoch().id, at };
                photos::set_receipt(intake.tx, &receipt, &Signed::new(&receipt, office.signer())?, None)?;
                // Behind a held entry it waits for the release.
                if items::view(intake.tx, item)?.is_some() {
                    let fields = [("originals".to_owned(), json!([sha256]))].into();
                    intake.write_once(&format!("original/{entry}"), item, CASE, fields)?;
                }
            }
            Ok(())
        })
        .await;
    }
}

impl Browser {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "127.0.0.1:8000").header(header::COOKIE, &self.cookie);
        ask(&self.app, request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let request = Request::post(path)
            .header(header::HOST, "127.0.0.1:8000")
            .header(header::ORIGIN, "http://127.0.0.1:8000")
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        ask(&self.app, request.body(form(pairs).into()).unwrap()).await
    }

    /// Posts the form that corrects a case as `page` shows it, with `more` filled in another way, and gives the next page.
    pub(crate) async fn correct(&self, item: ItemId, page: &str, more: &[(&str, &str)]) -> Answer {
        let mut pairs: Vec<(String, String)> =
            ["token", "seen"].map(|name| (name.to_owned(), hidden(page, name))).to_vec();
        for name in ["category", "description", "address", "place"] {
            let was = hidden(page, &format!("{name}_was"));
            let now = more.iter().find(|(other, _)| *other == name).map_or(was.as_str(), |(_, text)| *text);
            pairs.push((name.to_owned(), now.to_owned()));
            pairs.push((format!("{name}_was"), was));
        }
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = self.post(&format!("/cases/{item}/corrections"), &pairs).await;
        if answer.status == StatusCode::SEE_OTHER { self.get(&format!("/cases/{item}")).await } else { answer }
    }

    /// Posts a step as the case's page shows it now, with `more` filled in, and gives the page that follows.
    pub(crate) async fn step(&self, item: ItemId, step: &str, more: &[(&str, &str)]) -> Answer {
        let path = format!("/cases/{item}");
        let page = self.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{step} of {item}");
        let page = page.text;
        let fields: Vec<(&str, String)> =
            ["token", "seen", "from", "round"].map(|name| (name, hidden(&page, name))).to_vec();
        let mut pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.extend(more);
        let answer = self.post(&format!("{path}/steps/{step}"), &pairs).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, path.as_str()),
            "{}",
            answer.text
        );
        self.get(&path).await
    }
}
