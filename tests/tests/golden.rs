//! Every form that is stored or sent, as it was agreed: a snapshot that changes here changes what other versions read.
//!
//! Keys, ids and salts come from fixed seeds, and signatures are deterministic (RFC 6979), so that all of it is stable.

#![allow(clippy::disallowed_methods, reason = "tests own clock, threads and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use xuncheng_core::clock::{Moment, Now, Seed};
use xuncheng_core::crypto::{SealedOrigin, SealingKey, Signed, SoftwareKey};
use xuncheng_core::id::{EntryId, EpochId, Hash, IncarnationId, ItemId, Nonce, PersonId, PhotoHash, Sm3Hash};
use xuncheng_core::journal::effect::Effect;
use xuncheng_core::journal::entry::{Change, Entry, Photo, PhotoRole};
use xuncheng_core::journal::erasure::{Erasure, PRIVATE};
use xuncheng_core::journal::ledger::Taken;
use xuncheng_core::journal::seal::BatchSeal;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::photo::MediaType;
use xuncheng_core::place::{Fix, GeoPoint, Provider};
use xuncheng_core::store::entries::Head;
use xuncheng_core::store::feeds::FeedRow;
use xuncheng_core::store::items;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::wire::{
    Attestation, Certificate, Countersignature, DownloadsRequest, DownloadsResponse, EnrolRequest, Enrolled, Epoch,
    FeedPage, JudgedEntry, Keep, PROTOCOL, Page, PhoneLimits, PhotoForm, Piece, Preview, PreviewsRequest,
    PreviewsResponse, Problem, Receipt, Refusal, Rendition, SafeThrough, Snapshot, SyncRequest, SyncResponse, Wanted,
};
use xuncheng_tests::ledger::{Ledger, Pen};
use xuncheng_tests::world::MORNING;

fn key(n: u8) -> SoftwareKey {
    SoftwareKey::generate(&mut Seed::from_bytes([n; 32]).entropy())
}

fn entry(n: u8) -> EntryId {
    EntryId::from_bytes([n; 16])
}

fn item(n: u8) -> ItemId {
    ItemId::from_bytes([n; 16])
}

fn hash(n: u8) -> PhotoHash {
    PhotoHash::from_bytes([n; 32])
}

fn now() -> Now {
    Now { wall: MORNING, monotonic_ms: 123_456, boot_id: "boot".to_owned() }
}

fn photo() -> Photo {
    Photo {
        sha256: hash(1),
        sm3: Sm3Hash::from_bytes([2; 32]),
        bytes: 345_678,
        media: MediaType::Jpeg,
        role: PhotoRole::Scene,
        width_px: 4000,
        height_px: 3000,
        view: hash(3),
        thumbnail: hash(4),
        drawn_by: xuncheng_core::photo::DRAWER.to_owned(),
    }
}

/// One of each change, as 李巡查 writes them one after the other.
fn entries() -> (ItemId, Vec<Entry>, Pen) {
    let mut pen = Pen::of("li", "golden");
    let fields = json!({
        "category": "matter/09006", "occurred_at": MORNING, "description": "占道经营",
        "place": { "lat_e7": 318_672_000, "lon_e7": 1_067_531_000 },
    });
    let (item, open) = pen.write(None, Change::Open { fields: serde_json::from_value(fields).unwrap() }, None);
    let changes = [
        Change::Attach { photo: photo(), round: 0 },
        Change::Edit {
            fields: [("address".to_owned(), json!("江北大道")), ("description".to_owned(), Value::Null)].into(),
        },
        Change::Step {
            transition: "withdraw".to_owned(),
            from: "reported".to_owned(),
            round: 0,
            args: [("reason".to_owned(), json!("报错了"))].into(),
        },
        Change::Comment { text: "已经撤了".to_owned() },
        // Only the office writes these; from a phone they are held.
        Change::Release { entry: entry(1), reason: "本人已核实".to_owned() },
        Change::Dismiss { entry: entry(1), reason: "重复上报".to_owned() },
        Change::Erase { entry: entry(1), part: PRIVATE.to_owned(), reason: "当事人要求".to_owned() },
    ];
    let rest = changes.map(|change| pen.write(Some(item), change, None).1);
    (item, [open].into_iter().chain(rest).collect(), pen)
}

#[test]
fn entries_of_every_change() {
    let (_, entries, _) = entries();
    // Parts are text inside, byte for byte as they are hashed.
    assert_json_snapshot!("entries", entries);
}

#[test]
fn what_the_office_makes_of_them() {
    let (item, entries, pen) = entries();
    let mut ledger = Ledger::new();
    let judgements: Vec<Value> = entries
        .iter()
        .map(|entry| match ledger.take(&pen.sender(), entry).unwrap() {
            Taken::Judged(judgement) => serde_json::to_value(&judgement).unwrap(),
            Taken::Repeat | Taken::Again => panic!("each comes once"),
        })
        .collect();
    assert_json_snapshot!("judgements", judgements);
    let view = items::confirmed_bytes(ledger.conn(), item).unwrap().unwrap();
    assert_json_snapshot!("view", serde_json::from_str::<Value>(&view).unwrap());
    let feeds: Vec<(String, u64, Value)> = ledger
        .conn()
        .prepare("SELECT audience, position, row FROM feed WHERE audience NOT LIKE 'own/%' OR audience = 'own/li' ORDER BY 1, 2")
        .unwrap()
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&row.get::<_, String>(2)?).unwrap()))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_json_snapshot!("feeds", feeds);
}

#[test]
fn verdicts_and_codes() {
    let verdicts = [
        Verdict::Applied,
        Verdict::NoOp,
        Verdict::Merged { lost: vec!["category".to_owned()] },
        Verdict::Rejected { code: Code::StaleRound, after: None },
        Verdict::Rejected { code: Code::Follows, after: Some(entry(1)) },
        Verdict::Held { reason: Code::Revoked, behind: None },
        Verdict::Held { reason: Code::Follows, behind: Some(entry(1)) },
    ];
    let codes = [
        Code::NotFromHere,
        Code::StaleRound,
        Code::ReasonMissing,
        Code::OrganisationMissing,
        Code::AfterPhotoMissing,
        Code::SamePhoto,
        Code::OriginalMissing,
        Code::NotAllowed,
        Code::Revoked,
        Code::Malformed,
        Code::TooLarge,
        Code::UnknownItem,
        Code::Follows,
        Code::Dismissed,
        Code::Unknown("of_a_later_version".to_owned()),
    ];
    assert_json_snapshot!("verdicts", (verdicts, codes));
}

#[test]
fn effects() {
    let effects = [
        Effect::SetField { field: "description".to_owned(), value: json!("井盖") },
        Effect::SetPersonal { field: "phone".to_owned() },
        Effect::AddToSet { set: "tags".to_owned(), key: "常犯".to_owned(), value: json!("常犯") },
        Effect::SetState { state: "filed".to_owned(), round: 1 },
        Effect::StartClock { clock: "handle".to_owned(), at: MORNING },
        Effect::StopClock { clock: "handle".to_owned(), at: MORNING },
        Effect::KeepLoser { field: "category".to_owned(), value: json!("x"), writer: entry(1), winner: entry(2) },
        Effect::Link { relation: "duplicate".to_owned(), item: item(3) },
        Effect::ErasePart { entry: entry(4), part: "private".to_owned() },
    ];
    assert_json_snapshot!("effects", effects);
}

#[test]
fn rows_of_feeds() {
    let office = SoftwareKey::generate(&mut Seed::from_bytes([3; 32]).entropy());
    let erasure = Signed::new(&Erasure { entry: entry(2), part: PRIVATE.to_owned() }, &office).unwrap();
    let rows = [
        FeedRow::Enter { item: item(1) },
        FeedRow::To { item: item(1), count: 3, entry: entry(2) },
        FeedRow::Leave { item: item(1) },
        FeedRow::Verdict { entry: entry(2) },
        FeedRow::Receipt { entry: entry(2), sha256: hash(1) },
        FeedRow::Safe { entry: entry(2), sha256: hash(1) },
        FeedRow::Want { entry: entry(2), sha256: hash(1) },
        FeedRow::Erased { entry: entry(2), erasure },
        FeedRow::Grant { audience: "area/511902001/matter".to_owned() },
        FeedRow::Withdraw { audience: "area/511902001/matter".to_owned() },
    ];
    assert_json_snapshot!("feed_rows", rows);
    // What a later version says is kept as it came.
    let later = json!({ "split": { "item": "00", "into": [1, 2] } });
    let read: FeedRow = serde_json::from_value(later.clone()).unwrap();
    assert_eq!((&read, serde_json::to_value(&read).unwrap()), (&FeedRow::Unknown(later.clone()), later));
}

fn request(phone: &SoftwareKey) -> SyncRequest {
    let (_, entries, pen) = entries();
    let incarnation = pen.sender().incarnation;
    let hashes: Vec<Hash> = entries.iter().map(Entry::header_hash).collect();
    let head = Head { seq: hashes.len() as u64, hash: hashes.last().copied() };
    let erasure = Signed::new(&Erasure { entry: entry(1), part: PRIVATE.to_owned() }, phone).unwrap();
    SyncRequest {
        protocol: PROTOCOL,
        protocol_oldest: None,
        nonce: Nonce::from_bytes([5; 16]),
        incarnation,
        number: 7,
        epoch: EpochId::from_bytes([6; 16]),
        countersigned: Some(6),
        positions: [("own/li".to_owned(), 7)].into(),
        seal: Signed::new(&BatchSeal::over(incarnation, &hashes, head, now()), phone).unwrap(),
        entries,
        erasures: vec![erasure],
        want: vec![item(8)],
        pack: None,
        written: None,
        token: None,
        succeeds: None,
        backup: Some(Nonce::from_bytes([7; 16])),
        history: [(item(8), 40)].into(),
        page_bytes: None,
        certificate_wanted: false,
        before: Vec::new(),
        holds: None,
        recovery: None,
    }
}

#[test]
fn a_sync_request_and_its_envelope() {
    let phone = key(1);
    let request = request(&phone);
    assert_json_snapshot!("sync_request", request);
    let packed = message::pack(Direction::Request, &request, &phone).unwrap();
    let text = String::from_utf8(zstd::stream::decode_all(&packed[..]).unwrap()).unwrap();
    let (signature, body) = text.split_once('\n').unwrap();
    assert_eq!(body, serde_json::to_string(&request).unwrap(), "the body as it was signed, after one line");
    assert_json_snapshot!("envelope", serde_json::from_str::<Value>(signature).unwrap());
    let message = message::unpack(&packed, 1 << 20).unwrap();
    let read: SyncRequest = message.open(Direction::Request, &phone.public_key()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), body);
    message.open::<SyncRequest>(Direction::Response, &phone.public_key()).expect_err("signed as a request");
}

#[test]
fn a_sync_response() {
    let node = key(2);
    let epoch = Epoch { counter: 2, id: EpochId::from_bytes([6; 16]), parent: Some(EpochId::from_bytes([5; 16])) };
    let head = Head { seq: 5, hash: Some(Hash::of("test", &[b"header"])) };
    let incarnation = IncarnationId::from_bytes([9; 16]);
    let countersigned = Countersignature {
        incarnation,
        head,
        request: 7,
        now: Some(now()),
        epoch: epoch.id,
        at: MORNING,
        counter: 2,
        id: Some(Nonce::from_bytes([8; 16])),
    };
    let receipt = Receipt { entry: entry(2), sha256: hash(1), bytes: 345_678, epoch: epoch.id, at: MORNING };
    let judged = JudgedEntry {
        entry: entry(2),
        header: Some("{}".to_owned()),
        body: Some("{}".to_owned()),
        private: None,
        sealed: "{}".to_owned(),
        judgement: "{}".to_owned(),
    };
    let snapshot = Snapshot {
        item: item(1),
        view: "{}".to_owned(),
        entries: vec![entry(1), entry(2)],
        causes: vec![format!("number/{}", item(1))],
    };
    let rows = vec![FeedRow::Enter { item: item(1) }];
    let page = Page {
        feeds: vec![FeedPage { audience: "own/li".to_owned(), from: 7, rows, next: 8 }],
        entries: vec![judged],
        snapshots: vec![snapshot.clone()],
        receipts: vec![Signed::new(&receipt, &node).unwrap()],
        attestation: Signed::new(&Attestation { epoch: epoch.id, root: snapshot.leaf() }, &node).unwrap(),
        more: true,
        safe_through: Some(SafeThrough {
            backup: Nonce::from_bytes([7; 16]),
            positions: [("own/li".to_owned(), 6)].into(),
        }),
    };
    let response = SyncResponse {
        protocol: PROTOCOL,
        nonce: Nonce::from_bytes([5; 16]),
        epoch: Signed::new(&epoch, &node).unwrap(),
        server_time: MORNING,
        head: Signed::new(&countersigned, &node).unwrap(),
        page,
        token: "token".to_owned(),
        superseded: false,
        limits: PhoneLimits {
            piece_bytes: 1 << 20,
            retry_after_s: Some(30),
            has_backups: true,
            keep: Some(Keep::default()),
        },
        upgrade_needed: None,
        refusal: Some(Refusal::Clone),
        pack: Some("{}".to_owned()),
        certificate: None,
        recovery: None,
    };
    assert_json_snapshot!("sync_response", response);
    let refusals = [
        Refusal::Gap,
        Refusal::Clone,
        Refusal::Seal,
        Refusal::Malformed,
        Refusal::Quota,
        Refusal::Unknown("later".to_owned()),
    ];
    assert_json_snapshot!("refusals", refusals);
}

#[test]
fn enrolment() {
    let (root, node, phone) = (key(3), key(2), key(1));
    let sealing = SealingKey::generate(&mut Seed::from_bytes([4; 32]).entropy());
    let certificate =
        Certificate {
            district: "巴州区".to_owned(), node: node.public_key(), sealing: sealing.public_key().clone()
        };
    let epoch = Epoch { counter: 1, id: EpochId::from_bytes([6; 16]), parent: None };
    let nonce = Nonce::from_bytes([5; 16]);
    let asked = EnrolRequest {
        protocol: PROTOCOL,
        nonce,
        secret: "K7QM-3ZTA-9WXE-01RS".to_owned(),
        person: PersonId::new("li").unwrap(),
        incarnation: IncarnationId::from_bytes([9; 16]),
        key: phone.public_key(),
        device: "李的手机".to_owned(),
    };
    let enrolled = Enrolled {
        nonce,
        root: root.public_key(),
        certificate: Signed::new(&certificate, &root).unwrap(),
        epoch: Signed::new(&epoch, &node).unwrap(),
        server_time: MORNING,
    };
    let code = EnrolmentCode {
        office: "https://xc.example.cn".to_owned(),
        person: PersonId::new("li").unwrap(),
        secret: "K7QM-3ZTA-9WXE-01RS".to_owned(),
        root: root.public_key().fingerprint(),
    };
    assert_json_snapshot!("enrolment", (asked, enrolled, code.to_string()));
}

#[test]
fn previews_and_problems() {
    let nonce = Nonce::from_bytes([5; 16]);
    let preview = Preview { entry: entry(2), sha256: hash(1), jpeg: "/9j/".to_owned() };
    let incarnation = IncarnationId::from_bytes([9; 16]);
    let asked = PreviewsRequest { nonce, incarnation, rendition: Rendition::View, previews: vec![preview] };
    let answered = PreviewsResponse {
        nonce,
        taken: vec![(entry(2), hash(1))],
        refused: vec![(entry(3), hash(2), "the entry shows another photo".to_owned())],
    };
    let problem = Problem { status: 413, code: "too_large".to_owned(), detail: "send less at once".to_owned() };
    assert_json_snapshot!("previews_and_problems", (asked, answered, problem));
}

#[test]
fn downloads() {
    let (nonce, incarnation) = (Nonce::from_bytes([5; 16]), IncarnationId::from_bytes([9; 16]));
    let wanted = |form, offset| Wanted { entry: entry(2), sha256: hash(1), form, offset };
    let piece = Piece { wanted: wanted(PhotoForm::Original, 524_288), total: 600_000, bytes: "/9j/".to_owned() };
    let all = vec![wanted(PhotoForm::Thumbnail, 0), wanted(PhotoForm::View, 0), piece.wanted];
    let answered = DownloadsResponse { nonce, pieces: vec![piece], absent: vec![all[0]] };
    let asked = DownloadsRequest { nonce, incarnation, number: 7, wanted: all };
    assert_json_snapshot!("downloads", (asked, answered));
}

#[test]
fn a_sealed_origin_and_a_fix() {
    let sealing = SealingKey::generate(&mut Seed::from_bytes([4; 32]).entropy());
    let header = Hash::of("test", &[b"header"]);
    let mut entropy = Seed::from_bytes([8; 32]).entropy();
    let sealed = sealing.seal("{\"salt\":\"00\"}", &header, &mut entropy).unwrap();
    assert_eq!(sealing.open(&sealed, &header).unwrap(), "{\"salt\":\"00\"}");
    let by_hpke: SealedOrigin = serde_json::from_str(include_str!("../fixtures/sealed_by_hpke.json")).unwrap();
    assert_eq!(sealing.open(&by_hpke, &header).unwrap(), "{\"salt\":\"00\"}", "as the first versions sealed");
    let point = GeoPoint::from_degrees(31.8672, 106.7531).unwrap();
    let fix = |provider| Fix { point, accuracy_m: Some(4.5), provider, at: Moment::from_unix_ms(0), mock: false };
    assert_json_snapshot!("sealed_origin_and_fix", (sealed, [fix(Provider::Gnss), fix(Provider::Exif)]));
}
