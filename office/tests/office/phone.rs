//! Phones that speak to an office.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use xuncheng_core::clock::{Entropy, Moment, Now, Seed};
use xuncheng_core::crypto::{PublicKey, Signed, SoftwareKey};
use xuncheng_core::id::{EntryId, EpochId, Hash, IncarnationId, ItemId, Nonce, PersonId, PhotoHash};
use xuncheng_core::journal::entry::{Change, Entry, Photo, PhotoRole};
use xuncheng_core::journal::seal::BatchSeal;
use xuncheng_core::journal::write::{Author, Draft, Seen, Written, write};
use xuncheng_core::photo::{PhotoFolder, ingest};
use xuncheng_core::store::entries::{self, Head};
use xuncheng_core::store::schema;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::wire::{
    EnrolRequest, Enrolled, PROTOCOL, Preview, PreviewsRequest, PreviewsResponse, Rendition, SyncRequest, SyncResponse,
};

use crate::world::{Answer, START, World};

/// A phone as bare as it can be: a chain, a key, and how far it has read.
pub(crate) struct Phone {
    pub(crate) folder: TempDir,
    pub(crate) conn: Connection,
    pub(crate) key: SoftwareKey,
    pub(crate) author: Author,
    pub(crate) entropy: Entropy,
    pub(crate) through: u64,
    pub(crate) requests: u64,
    pub(crate) positions: BTreeMap<String, u64>,
    pub(crate) epoch: EpochId,
    pub(crate) office_key: Option<PublicKey>,
    pub(crate) token: String,
}

/// A photo on a phone.
pub(crate) struct Picture {
    pub(crate) entry: EntryId,
    pub(crate) item: ItemId,
    pub(crate) photo: Photo,
    pub(crate) original: Vec<u8>,
    pub(crate) view: Vec<u8>,
    pub(crate) thumbnail: Vec<u8>,
}

impl Phone {
    pub(crate) fn new(person: &str) -> Self {
        let mut conn = Connection::open_in_memory().unwrap();
        schema::migrate(&mut conn, schema::CORE).unwrap();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let mut entropy = Seed::from_bytes(seed).entropy();
        let author = Author {
            incarnation: IncarnationId::from_bytes(entropy.bytes()),
            who: PersonId::new(person).unwrap(),
            last_exchange: None,
            session: None,
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            conn,
            key: SoftwareKey::generate(&mut entropy),
            author,
            entropy,
            through: 0,
            requests: 0,
            positions: BTreeMap::new(),
            epoch: EpochId::from_bytes([0; 16]),
            office_key: None,
            token: String::new(),
        }
    }

    pub(crate) fn incarnation(&self) -> IncarnationId {
        self.author.incarnation
    }

    pub(crate) async fn enrol(&mut self, world: &World, code: &EnrolmentCode) -> Answer {
        let request = EnrolRequest {
            protocol: PROTOCOL,
            nonce: self.nonce(),
            secret: code.secret.clone(),
            person: self.author.who.clone(),
            incarnation: self.incarnation(),
            key: self.key.public_key(),
            device: "test phone".to_owned(),
        };
        let answer = world.post("/v1/enrolment", self.packed(&request)).await;
        if answer.status == StatusCode::OK {
            let message = message::unpack(&answer.body, 1 << 20).unwrap();
            let claimed: Enrolled = message.read_unverified().unwrap();
            assert_eq!(claimed.root.fingerprint(), code.root);
            let node = claimed.certificate.open(&claimed.root).unwrap().node;
            let enrolled: Enrolled = message.open(Direction::Response, &node).unwrap();
            assert_eq!(enrolled.nonce, request.nonce);
            self.epoch = enrolled.epoch.open(&node).unwrap().id;
            self.office_key = Some(node);
        }
        answer
    }

    pub(crate) fn nonce(&mut self) -> Nonce {
        Nonce::from_bytes(self.entropy.bytes())
    }

    pub(crate) fn packed<T: Serialize>(&self, body: &T) -> Vec<u8> {
        message::pack(Direction::Request, body, &self.key).unwrap()
    }

    pub(crate) fn opened<T: DeserializeOwned>(&self, answer: &Answer) -> T {
        assert_eq!(answer.status, StatusCode::OK, "{:?}", String::from_utf8_lossy(&answer.body));
        let message = message::unpack(&answer.body, 8 << 20).unwrap();
        message.open(Direction::Response, self.office_key.as_ref().unwrap()).unwrap()
    }

    /// Writes an entry and says which.
    pub(crate) fn write(&mut self, item: Option<ItemId>, change: Change) -> Written {
        let draft = Draft { item, kind: "case".to_owned(), change, fix: None, seen: Seen::Held, cause: None };
        let now = Now { wall: Moment::from_unix_ms(START), monotonic_ms: 0, boot_id: "phone".to_owned() };
        let tx = self.conn.transaction().unwrap();
        let written = write(&tx, &self.author, draft, &now, &mut self.entropy).unwrap();
        tx.commit().unwrap();
        written
    }

    /// Reports a case at a place of area 511902001.
    pub(crate) fn report(&mut self) -> ItemId {
        let fields: BTreeMap<String, Value> = [
            ("category".to_owned(), json!("matter/09006")),
            ("description".to_owned(), json!("占道经营")),
            ("place".to_owned(), json!(here())),
            ("occurred_at".to_owned(), json!(START)),
        ]
        .into();
        self.write(None, Change::Open { fields }).header.item
    }

    /// Attaches a photo of its own.
    pub(crate) fn photograph(&mut self, item: ItemId) -> Picture {
        let source = self.picture();
        self.keep(item, &source, None)
    }

    /// Attaches a photo of its own as an iPhone does: a HEIC, with a JPEG of it that its platform made.
    pub(crate) fn photograph_in_heic(&mut self, item: ItemId) -> Picture {
        let (source, copy) = (self.folder.path().join("camera.heic"), self.picture());
        std::fs::write(&source, heic(&self.entropy.bytes::<32>())).unwrap();
        self.keep(item, &source, Some(&copy))
    }

    fn picture(&mut self) -> PathBuf {
        let source = self.folder.path().join("camera.jpg");
        let colours: [u8; 32] = self.entropy.bytes();
        let picture = image::RgbImage::from_fn(640, 480, |x, y| {
            let noise = |n: u32| colours[((x / 3 * 7 + y / 5 * 13 + n) % 32) as usize];
            image::Rgb([noise(0), noise(11), noise(23)])
        });
        picture.save(&source).unwrap();
        source
    }

    fn keep(&mut self, item: ItemId, source: &Path, working_copy: Option<&Path>) -> Picture {
        let folder = PhotoFolder::open(&self.folder.path().join("photos")).unwrap();
        let kept = ingest(source, working_copy, &folder).unwrap();
        let photo = Photo {
            sha256: kept.sha256,
            sm3: kept.sm3,
            bytes: kept.bytes,
            media: kept.media,
            role: PhotoRole::Scene,
            width_px: kept.width,
            height_px: kept.height,
            view: kept.view,
            thumbnail: kept.thumbnail,
            drawn_by: xuncheng_core::photo::DRAWER.to_owned(),
        };
        self.attach(item, photo, &folder)
    }

    /// Attaches a photo that is described as `photo`.
    pub(crate) fn attach(&mut self, item: ItemId, photo: Photo, folder: &PhotoFolder) -> Picture {
        let original = std::fs::read(folder.original(&photo.sha256)).unwrap();
        let [view, thumbnail] =
            [folder.view(&photo.sha256), folder.thumbnail(&photo.sha256)].map(|file| std::fs::read(file).unwrap());
        let entry = self.write(Some(item), Change::Attach { photo: photo.clone(), round: 0 }).header.id;
        Picture { entry, item, photo, original, view, thumbnail }
    }

    pub(crate) fn waiting(&self) -> Vec<Entry> {
        entries::after(&self.conn, self.incarnation(), self.through, 1000).unwrap()
    }

    /// A request with these entries, which follow `after` in the chain.
    pub(crate) fn request(&mut self, batch: Vec<Entry>, after: u64) -> SyncRequest {
        self.requests += 1;
        let hashes: Vec<Hash> = batch.iter().map(Entry::header_hash).collect();
        let seq = after + batch.len() as u64;
        let hash = entries::hash_at(&self.conn, self.incarnation(), seq).unwrap();
        let now = Now { wall: Moment::from_unix_ms(START), monotonic_ms: 0, boot_id: "phone".to_owned() };
        let seal = BatchSeal::over(self.incarnation(), &hashes, Head { seq, hash }, now);
        SyncRequest {
            protocol: PROTOCOL,
            protocol_oldest: None,
            nonce: self.nonce(),
            incarnation: self.incarnation(),
            number: self.requests,
            epoch: self.epoch,
            countersigned: None,
            positions: self.positions.clone(),
            seal: Signed::new(&seal, &self.key).unwrap(),
            entries: batch,
            erasures: Vec::new(),
            want: Vec::new(),
            pack: None,
            written: None,
            token: None,
            succeeds: None,
            backup: None,
            history: std::collections::BTreeMap::new(),
            page_bytes: None,
            certificate_wanted: false,
            before: Vec::new(),
            holds: None,
            recovery: None,
        }
    }

    pub(crate) async fn send(&mut self, world: &World, request: &SyncRequest) -> SyncResponse {
        let answer = world.post("/v1/sync", self.packed(request)).await;
        let response: SyncResponse = self.opened(&answer);
        assert_eq!(response.nonce, request.nonce);
        response
    }

    /// Sends all that waits and reads one page.
    pub(crate) async fn sync(&mut self, world: &World) -> SyncResponse {
        let (batch, through) = (self.waiting(), self.through);
        let request = self.request(batch, through);
        let response = self.send(world, &request).await;
        let head = response.head.open(self.office_key.as_ref().unwrap()).unwrap();
        self.through = head.head.seq;
        for feed in &response.page.feeds {
            self.positions.insert(feed.audience.clone(), feed.next);
        }
        self.token.clone_from(&response.token);
        response
    }

    /// Sends a thumbnail.
    pub(crate) async fn preview(&mut self, world: &World, picture: &Picture, bytes: &[u8]) -> PreviewsResponse {
        self.show(world, Rendition::Thumbnail, picture, bytes).await
    }

    /// Sends a smaller picture of this kind.
    pub(crate) async fn show(
        &mut self,
        world: &World,
        rendition: Rendition,
        picture: &Picture,
        bytes: &[u8],
    ) -> PreviewsResponse {
        let previews = vec![Preview { entry: picture.entry, sha256: picture.photo.sha256, jpeg: BASE64.encode(bytes) }];
        let request = PreviewsRequest { nonce: self.nonce(), incarnation: self.incarnation(), rendition, previews };
        let answer = world.post("/v1/photos/previews", self.packed(&request)).await;
        self.opened(&answer)
    }

    fn tus(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("Tus-Resumable", "1.0.0")
            .header("Authorization", format!("Bearer {}", self.token))
    }

    /// Makes an upload, with its first bytes where some are given.
    pub(crate) async fn create(
        &self,
        world: &World,
        entry: EntryId,
        sha256: PhotoHash,
        length: u64,
        bytes: Body,
    ) -> Answer {
        let metadata =
            format!("entry {},sha256 {}", BASE64.encode(entry.to_string()), BASE64.encode(sha256.to_string()));
        let request = self
            .tus("POST", "/v1/photos/uploads")
            .header("Upload-Length", length)
            .header("Upload-Metadata", metadata)
            .header("Content-Type", "application/offset+octet-stream");
        world.call(request.body(bytes).unwrap()).await
    }

    pub(crate) async fn begin(&self, world: &World, picture: &Picture, bytes: &[u8]) -> Answer {
        let length = picture.original.len() as u64;
        self.create(world, picture.entry, picture.photo.sha256, length, Body::from(bytes.to_vec())).await
    }

    pub(crate) async fn head(&self, world: &World, location: &str) -> Answer {
        world.call(self.tus("HEAD", location).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn patch(&self, world: &World, location: &str, offset: u64, bytes: Body) -> Answer {
        let request = self
            .tus("PATCH", location)
            .header("Upload-Offset", offset)
            .header("Content-Type", "application/offset+octet-stream");
        world.call(request.body(bytes).unwrap()).await
    }
}

/// A HEIC as far as anybody here can tell: sound boxes around these bytes.
fn heic(pixels: &[u8]) -> Vec<u8> {
    let boxed =
        |kind: &[u8; 4], body: &[u8]| [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), &kind[..], body].concat();
    // One item of one extent: all that is in `idat`.
    let length = u32::try_from(pixels.len()).unwrap().to_be_bytes();
    let iloc = [&b"\x01\0\0\0\x44\0\0\x01\0\x01\0\x01\0\0\0\x01\0\0\0\0"[..], &length].concat();
    let meta = [&[0; 4][..], &boxed(b"iloc", &iloc), &boxed(b"idat", pixels)].concat();
    [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), boxed(b"meta", &meta)].concat()
}

/// A place inside area 511902001.
fn here() -> xuncheng_core::place::GeoPoint {
    let pack = xuncheng_core::pack::Pack::bazhou().unwrap();
    let area = &pack.areas()[0];
    assert_eq!(area.code.as_str(), "511902001");
    // The middle of its corners, or a corner: both are covered.
    let (lat, lon) = area
        .ring
        .iter()
        .fold((0.0, 0.0), |(lat, lon), corner| (lat + corner.lat_degrees(), lon + corner.lon_degrees()));
    let count = area.ring.len() as f64;
    let middle = xuncheng_core::place::GeoPoint::from_degrees(lat / count, lon / count).unwrap();
    if area.covers(&middle) { middle } else { area.ring[0] }
}
