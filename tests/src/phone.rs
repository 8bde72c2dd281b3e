//! A phone in a test's hand: a real store in a folder of its own, a clock with an error of its own, one link.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use xuncheng_core::clock::{Now, Seed};
use xuncheng_core::field::{
    Capture, CapturePhoto, CaseAct, CaseDetail, CaseEdit, Field, FieldError, VisitCapture, VisitSummary,
};
use xuncheng_core::id::{EntryId, IncarnationId, ItemId, PersonId, PhotoHash};
use xuncheng_core::journal::entry::{Change, Entry, Photo, PhotoRole};
use xuncheng_core::journal::predict;
use xuncheng_core::journal::write::{Author, Draft, Seen, write};
use xuncheng_core::place::GeoPoint;
use xuncheng_core::store::entries;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::parcel::pack::{Originals, Packed};
use xuncheng_core::sync::parcel::unpack::Unpacked;
use xuncheng_core::sync::session::{Action, Body, Method, Outcome, Request};
use xuncheng_core::work::case::CaseStep;

use crate::fixtures;
use crate::network::{Link, bytes_of};
use crate::world::Shared;

/// A phone.
pub struct Phone {
    world: Rc<Shared>,
    folder: PathBuf,
    field: Option<Field>,
    link: Rc<Link>,
    clock_error_ms: i64,
    boot: u32,
    booted_at_ms: u64,
    pictures: u64,
}

/// In the middle of the example district: the street 东城街道.
#[must_use]
pub fn in_dongcheng() -> GeoPoint {
    GeoPoint::from_degrees(31.8672, 106.7531).expect("a place on Earth")
}

/// In 回风街道, which 李巡查 is not posted to.
#[must_use]
pub fn in_huifeng() -> GeoPoint {
    GeoPoint::from_degrees(31.8672, 106.7700).expect("a place on Earth")
}

impl Phone {
    pub(crate) fn new(world: Rc<Shared>, person: &str) -> Self {
        let number = world.phones.borrow().len();
        let folder = world.folder.path().join(format!("phone-{number}-{person}"));
        let person = PersonId::new(person).expect("a person's code is ASCII");
        let field = Field::init(&folder, &person, &world.seed()).expect("a store can be made");
        world.phones.borrow_mut().push(folder.clone());
        let booted_at_ms = world.time.monotonic_ms();
        let link = Rc::default();
        Self { world, folder, field: Some(field), link, clock_error_ms: 0, boot: 1, booted_at_ms, pictures: 0 }
    }

    /// A phone whose folder was found: it was switched off, and its clock begins anew.
    pub(crate) fn found(world: Rc<Shared>, folder: PathBuf) -> Self {
        let field = Field::open(&folder).expect("a store that is found opens");
        world.phones.borrow_mut().push(folder.clone());
        let booted_at_ms = world.time.monotonic_ms();
        let link = Rc::default();
        Self { world, folder, field: Some(field), link, clock_error_ms: 0, boot: 1000, booted_at_ms, pictures: 3000 }
    }

    /// What the phone's clocks say.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            wall: self.world.time.wall(self.clock_error_ms),
            monotonic_ms: self.world.time.monotonic_ms() - self.booted_at_ms,
            boot_id: format!("boot {}", self.boot),
        }
    }

    fn seed(&self) -> Seed {
        self.world.seed()
    }

    /// The store, for whoever looks.
    #[must_use]
    pub fn field(&self) -> &Field {
        self.field.as_ref().expect("the phone is on")
    }

    /// The store, for whoever acts.
    pub fn field_mut(&mut self) -> &mut Field {
        self.field.as_mut().expect("the phone is on")
    }

    /// The folder of the store.
    #[must_use]
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Its way to the office.
    #[must_use]
    pub fn link(&self) -> Rc<Link> {
        Rc::clone(&self.link)
    }

    /// The life of the journal that it writes.
    #[must_use]
    pub fn incarnation(&self) -> IncarnationId {
        self.field().incarnation().expect("a store has an incarnation")
    }

    /// The program ends without having been asked.
    pub fn kill(&mut self) {
        self.field = None;
    }

    /// The program is started, where it does not run.
    ///
    /// # Errors
    /// Those of [`Field::open`].
    pub fn start(&mut self) -> Result<(), FieldError> {
        if self.field.is_none() {
            self.field = Some(Field::open(&self.folder)?);
        }
        Ok(())
    }

    /// Whether the program runs.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.field.is_some()
    }

    /// The program ends without having been asked, and is started again.
    pub fn kill_and_restart(&mut self) {
        self.field = None;
        self.field = Some(Field::open(&self.folder).expect("a store opens after its program was killed"));
    }

    /// The phone is switched off and on: another boot, whose clock begins anew.
    pub fn reboot(&mut self) {
        self.boots();
        self.kill_and_restart();
    }

    /// Its clock begins anew.
    pub fn boots(&mut self) {
        self.boot += 1;
        self.booted_at_ms = self.world.time.monotonic_ms();
    }

    /// From here on its wall clock is so far off.
    pub fn clock_off_by(&mut self, ms: i64) {
        self.clock_error_ms = ms;
    }

    /// Becomes a device of its person.
    ///
    /// # Errors
    /// Why it did not.
    pub fn enrol(&mut self, code: &EnrolmentCode) -> Result<(), FieldError> {
        let enrolling = self.field().enrol(code, "a phone of a test", &self.seed())?;
        match self.link.carry(&self.world, &enrolling.request) {
            Outcome::Answered(response) => self.field_mut().enrolled(&enrolling, &response),
            Outcome::Unreachable(why) | Outcome::Failed(why) | Outcome::Unreadable(why) => {
                Err(FieldError::Sync(xuncheng_core::sync::session::SyncError::NoAnswer(why)))
            }
        }
    }

    /// A file that its camera wrote.
    pub fn picture(&mut self, bytes: &[u8]) -> PathBuf {
        self.pictures += 1;
        // Beside the store: a camera has a card of its own.
        let name = self.folder.file_name().expect("a phone's folder has a name").to_string_lossy();
        let camera = self.folder.with_file_name(format!("camera-of-{name}"));
        fs::create_dir_all(&camera).expect("a camera has a folder");
        let path = camera.join(format!("IMG_{}.jpg", self.pictures));
        fs::write(&path, bytes).expect("a camera writes its files");
        path
    }

    /// A picture that is like no other.
    pub fn new_picture(&mut self) -> PathBuf {
        let seed = self.world.dice().bits();
        let bytes = fixtures::jpeg(96, 64, seed);
        self.picture(&bytes)
    }

    /// As [`Self::new_picture`], of two kilobytes with all that is drawn of it.
    pub fn small_picture(&mut self) -> PathBuf {
        let seed = self.world.dice().bits();
        let bytes = fixtures::jpeg(16, 16, seed);
        self.picture(&bytes)
    }

    /// Keeps a case with one new picture, in 东城街道.
    pub fn capture(&mut self, category: &str) -> CaseDetail {
        let picture = self.new_picture();
        self.capture_at(category, in_dongcheng(), vec![picture])
    }

    /// Keeps a covert visit to `site`, with one new picture.
    pub fn visit(&mut self, site: &str) -> VisitSummary {
        let photo = CapturePhoto { file: self.new_picture(), working_copy: None, role: PhotoRole::Scene };
        let visit = VisitCapture {
            site: site.parse().expect("a site has a name"),
            description: "工人没有戴安全帽".to_owned(),
            place: Some(in_dongcheng()),
            fix: None,
            photos: vec![photo],
        };
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().visit(&visit, &now, &seed).expect("a visit with sound photos is kept")
    }

    /// Keeps a case with these pictures.
    pub fn capture_at(&mut self, category: &str, place: GeoPoint, pictures: Vec<PathBuf>) -> CaseDetail {
        self.try_capture(category, Some(place), pictures).expect("a capture with sound photos is kept")
    }

    /// Keeps a case with these pictures, or says why not.
    ///
    /// # Errors
    /// Those of [`Field::capture`].
    pub fn try_capture(
        &mut self,
        category: &str,
        place: Option<GeoPoint>,
        pictures: Vec<PathBuf>,
    ) -> Result<CaseDetail, FieldError> {
        let roles = [PhotoRole::Scene].into_iter().chain(std::iter::repeat(PhotoRole::Close));
        let photo = |(file, role)| CapturePhoto { file, working_copy: None, role };
        self.try_capture_photos(category, place, pictures.into_iter().zip(roles).map(photo).collect())
    }

    /// Keeps a case in 东城街道 with a picture as iPhones take them: a HEIC, and beside it a JPEG that its platform made.
    pub fn capture_in_heic(&mut self, category: &str, copy: &[u8]) -> CaseDetail {
        let trailer = self.world.dice().bits().to_le_bytes();
        let file = self.picture(&[&fixtures::heic(&fixtures::Camera::default())[..], &trailer].concat());
        let photo = CapturePhoto { file, working_copy: Some(self.picture(copy)), role: PhotoRole::Scene };
        self.try_capture_photos(category, Some(in_dongcheng()), vec![photo])
            .expect("a sound HEIC with its copy is kept")
    }

    fn try_capture_photos(
        &mut self,
        category: &str,
        place: Option<GeoPoint>,
        photos: Vec<CapturePhoto>,
    ) -> Result<CaseDetail, FieldError> {
        let capture = Capture {
            category: category.to_owned(),
            description: "井盖破损，影响通行".to_owned(),
            address: Some("江北大道中段".to_owned()),
            place,
            fix: None,
            occurred_at: None,
            photos,
        };
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().capture(&capture, &now, &seed)
    }

    /// Corrects the description.
    ///
    /// # Errors
    /// Those of [`Field::edit`].
    pub fn describe(&mut self, item: ItemId, text: &str) -> Result<CaseDetail, FieldError> {
        self.edit(item, &CaseEdit { description: Some(text.to_owned()), ..CaseEdit::default() })
    }

    /// Corrects a case.
    ///
    /// # Errors
    /// Those of [`Field::edit`].
    pub fn edit(&mut self, item: ItemId, edit: &CaseEdit) -> Result<CaseDetail, FieldError> {
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().edit(item, edit, &now, &seed)
    }

    /// Says something about a case.
    ///
    /// # Errors
    /// Those of [`Field::comment`].
    pub fn comment(&mut self, item: ItemId, text: &str) -> Result<CaseDetail, FieldError> {
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().comment(item, text, &now, &seed)
    }

    /// Takes a case back.
    ///
    /// # Errors
    /// Those of [`Field::withdraw`].
    pub fn withdraw(&mut self, item: ItemId) -> Result<CaseDetail, FieldError> {
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().withdraw(item, "报错了", &now, &seed)
    }

    /// Takes a step, with a new photo where it is `Handle`.
    ///
    /// # Errors
    /// Those of [`Field::step`].
    pub fn step(&mut self, item: ItemId, step: CaseStep, args: &[(&str, &str)]) -> Result<CaseDetail, FieldError> {
        let args: BTreeMap<String, Value> =
            args.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let photos = if step == CaseStep::Handle {
            vec![CapturePhoto { file: self.new_picture(), working_copy: None, role: PhotoRole::After }]
        } else {
            Vec::new()
        };
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().step(item, &CaseAct { step, args, photos, fix: None, shown: None }, &now, &seed)
    }

    /// Takes a step as a screen hands it over.
    ///
    /// # Errors
    /// Those of [`Field::step`].
    pub fn act(&mut self, item: ItemId, act: &CaseAct) -> Result<CaseDetail, FieldError> {
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().step(item, act, &now, &seed)
    }

    /// From here on exchanges bring no more than so many bytes of entries each way, and one entry at least, until the next
    /// conversation begins.
    ///
    /// # Panics
    /// Where the store cannot be written.
    pub fn exchanges_of(&self, bytes: u64) {
        let tx = self.field().store().unchecked_transaction().expect("a transaction begins");
        meta::set(&tx, key::EXCHANGES, &json!({ "bytes": bytes, "most": bytes })).expect("a fact can be kept");
        tx.commit().expect("a transaction ends");
    }

    /// Writes an entry into the store's chain and outbox that no screen of this version would write.
    ///
    /// # Panics
    /// Where the entry is over its bounds.
    pub fn write(&mut self, item: impl Into<Option<ItemId>>, kind: &str, change: Change) -> EntryId {
        let author = Author {
            incarnation: self.incarnation(),
            who: self.field().person().clone(),
            last_exchange: None,
            session: None,
        };
        let item = item.into();
        let draft = Draft { item, kind: kind.to_owned(), change, fix: None, seen: Seen::Held, cause: None };
        let (now, mut entropy) = (self.now(), self.seed().entropy());
        let tx = self.field().store().unchecked_transaction().expect("a transaction begins");
        let written = write(&tx, &author, draft, &now, &mut entropy).expect("an entry within its bounds");
        predict::wait(&tx, written.header.id, written.header.item).expect("an entry can wait");
        tx.commit().expect("a transaction ends");
        written.header.id
    }

    /// Writes somebody's Open once more, word for word, as an entry of this store: what a colleague who was given its bytes
    /// could send.
    ///
    /// # Panics
    /// Where it cannot be read.
    pub fn open_again(&mut self, theirs: &Entry) -> EntryId {
        let opened = theirs.read_header().expect("a header that somebody wrote");
        let change = theirs.read_body(&opened).expect("the body of an Open").change;
        let id = self.write(opened.item, &opened.kind, change);
        let own = entries::get(self.field().store(), id).expect("the store can be read").expect("it was written");
        let mut header = own.read_header().expect("a header of ours");
        header.hashes.body = opened.hashes.body;
        let forged = Entry {
            header: serde_json::to_string(&header).expect("a header has a JSON form"),
            body: theirs.body.clone(),
            ..own
        };
        let sql = "UPDATE entry SET header = ?2, header_hash = ?3, body = ?4 WHERE id = ?1";
        let values = (id, &forged.header, forged.header_hash(), &forged.body);
        self.field().store().execute(sql, values).expect("the store can be written");
        id
    }

    /// A case as the phone shows it.
    #[must_use]
    pub fn case(&self, item: ItemId) -> CaseDetail {
        self.field().case(item).expect("the phone holds the case")
    }

    /// Whether the phone holds a case.
    #[must_use]
    pub fn holds(&self, item: ItemId) -> bool {
        self.field().case(item).is_ok()
    }

    /// The bytes of an original.
    #[must_use]
    pub fn original(&self, photo: &PhotoHash) -> Option<Vec<u8>> {
        fs::read(self.field().photos().original(photo)).ok()
    }

    /// One conversation: it ends when nothing is left to do, or with the first failure.
    ///
    /// # Errors
    /// The failure.
    pub fn sync(&mut self) -> Result<(), FieldError> {
        self.field_mut().start_sync()?;
        loop {
            match self.next_action()? {
                Action::Done => return Ok(()),
                Action::WaitUntil { .. } => panic!("a conversation that was just begun does not wait"),
                Action::Send { id, request } => {
                    let outcome = self.link.carry(&self.world, &request);
                    let (now, seed) = (self.now(), self.seed());
                    self.field_mut().completed(id, &outcome, &now, &seed)?;
                }
            }
        }
    }

    /// One conversation that waits and tries again until nothing is left to do, and says how many tries failed.
    pub fn sync_whatever_happens(&mut self) -> usize {
        self.field_mut().start_sync().expect("a conversation can be begun");
        let mut failures = 0;
        for _ in 0..1_000 {
            match self.next_action().expect("an enrolled phone knows what to do next") {
                Action::Done => return failures,
                Action::WaitUntil { monotonic_ms } => {
                    self.world.time.pass(monotonic_ms - self.now().monotonic_ms);
                }
                Action::Send { id, request } => {
                    let outcome = self.link.carry(&self.world, &request);
                    let (now, seed) = (self.now(), self.seed());
                    failures += usize::from(self.field_mut().completed(id, &outcome, &now, &seed).is_err());
                }
            }
        }
        panic!("a conversation does not end: {:?}", self.field().status());
    }

    /// As [`Self::sync`], up to the first request that cannot be made or is refused.
    pub fn sync_as_far_as_it_goes(&mut self) {
        self.field_mut().start_sync().expect("a conversation can be begun");
        while let Ok(Action::Send { id, request }) = self.next_action() {
            let outcome = self.link.carry(&self.world, &request);
            if self.completed(id, &outcome).is_err() {
                return;
            }
        }
    }

    /// Puts all that waits into a parcel on a stick.
    ///
    /// # Errors
    /// Those of [`Field::pack_parcel`].
    pub fn pack(&mut self, originals: Originals) -> Result<Packed, FieldError> {
        let (now, seed, stick) = (self.now(), self.seed(), self.world.parcels());
        self.field_mut().pack_parcel(&stick, originals, &now, &seed, &mut |_| {})
    }

    /// Takes the office's answer out of a parcel.
    ///
    /// # Errors
    /// Those of [`Field::unpack_parcel`].
    pub fn unpack(&mut self, file: &Path) -> Result<Unpacked, FieldError> {
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().unpack_parcel(file, &now, &seed, &mut |_| {})
    }

    /// A copy of the folder on another phone: two stores that take themselves for the same one.
    #[must_use]
    pub fn copied(&self) -> Self {
        let number = self.world.phones.borrow().len();
        let folder = self.world.folder.path().join(format!("phone-{number}-copy"));
        copy_all(&self.folder, &folder);
        self.world.phones.borrow_mut().push(folder.clone());
        Self {
            world: Rc::clone(&self.world),
            field: Some(Field::open(&folder).expect("a copy of a store is a store")),
            folder,
            link: Rc::default(),
            clock_error_ms: 0,
            boot: 100,
            booted_at_ms: self.booted_at_ms,
            pictures: 1000,
        }
    }

    /// The same store, opened once more: what a worker in the background drives while the app is open.
    #[must_use]
    pub fn opened_again(&self) -> Self {
        Self {
            world: Rc::clone(&self.world),
            folder: self.folder.clone(),
            field: Some(Field::open(&self.folder).expect("a store can be opened twice")),
            link: Rc::clone(&self.link),
            clock_error_ms: self.clock_error_ms,
            boot: self.boot,
            booted_at_ms: self.booted_at_ms,
            pictures: 2000,
        }
    }

    /// What it would do next.
    ///
    /// # Errors
    /// Those of [`Field::next_action`].
    pub fn next_action(&mut self) -> Result<Action, FieldError> {
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().next_action(&now, &seed)
    }

    /// Reports an outcome.
    ///
    /// # Errors
    /// Those of [`Field::completed`].
    pub fn completed(&mut self, id: xuncheng_core::id::Nonce, outcome: &Outcome) -> Result<(), FieldError> {
        let (now, seed) = (self.now(), self.seed());
        self.field_mut().completed(id, outcome, &now, &seed)
    }

    /// The request by which a program that is not ours would begin to send a photo for an entry.
    ///
    /// # Panics
    /// Where the store cannot be read.
    #[must_use]
    pub fn upload_of(&self, entry: EntryId, photo: &Photo) -> Request {
        let token: Option<String> = meta::get(self.field().store(), key::TOKEN).expect("a store can be read");
        let named = |name: &str, value: String| format!("{name} {}", BASE64.encode(value));
        let metadata = [named("entry", entry.to_string()), named("sha256", photo.sha256.to_string())].join(",");
        let headers = [
            ("Tus-Resumable", "1.0.0".to_owned()),
            ("Authorization", format!("Bearer {}", token.unwrap_or_default())),
            ("Content-Type", "application/offset+octet-stream".to_owned()),
            ("Upload-Length", photo.bytes.to_string()),
            ("Upload-Metadata", metadata),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Request { method: Method::Post, path: "/v1/photos/uploads".to_owned(), headers, body: Body::Empty }
    }

    /// Carries a request to the office as it is.
    pub fn carry(&self, request: &Request) -> Outcome {
        self.link.carry(&self.world, request)
    }

    /// Begins to do what it would do next, and dies before anybody is told what came of it.
    pub fn die_while_sending(&mut self) {
        if let Ok(Action::Send { request, .. }) = self.next_action() {
            self.link.carry(&self.world, &request);
        }
        self.kill_and_restart();
    }

    /// Bytes of photos in the requests that it has sent so far, whatever became of them.
    #[must_use]
    pub fn photo_bytes_sent(&self) -> usize {
        self.link
            .log()
            .iter()
            .filter(|sent| sent.request.path.starts_with("/v1/photos/uploads"))
            .map(|sent| sent.sent.len())
            .sum()
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Phone").field(&self.folder).finish()
    }
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder can be listed") {
        let path = entry.expect("a folder can be listed").path();
        let copy = to.join(path.file_name().expect("a file has a name"));
        if path.is_dir() {
            copy_all(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("a file can be copied");
        }
    }
}

/// The bytes of a request's body, for tests that change them.
#[must_use]
pub fn body_of(request: &Request) -> Vec<u8> {
    bytes_of(&request.body)
}
