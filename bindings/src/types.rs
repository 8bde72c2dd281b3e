//! The core's own types, as they cross: this file says their shape once more, and the compiler holds the two together.
//!
//! Ids, hashes and codes cross as text, moments as a platform's own (`java.time.Instant`, `Date`), files as paths; what
//! does not read back as what it should be is an error of the call that it was given to.

use std::path::PathBuf;

use xuncheng_core::clock::{Moment, Now, Seed};
use xuncheng_core::field::{CaseEdit, OriginalsHeld, PhotoCounts, RefusedEntry, Shown};
use xuncheng_core::id::{EntryId, IncarnationId, ItemId, Nonce, PersonId, PhotoHash};
use xuncheng_core::journal::entry::Exchange;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::limits;
use xuncheng_core::place::{BoundingBox, Fix, GeoPoint, Provider};
use xuncheng_core::store::list::Cursor;
use xuncheng_core::sync::clock_offset::ClockOffset;
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::policy::Hold;
use xuncheng_core::sync::reoffer::{ReofferProgress, Reoffered};
use xuncheng_core::sync::session::Attention;
use xuncheng_core::work::case::CaseStep;

use crate::FieldError;

pub(crate) type LocalPath = PathBuf;
pub(crate) type ActionId = Nonce;
pub(crate) type ParcelId = Nonce;
pub(crate) type Status = xuncheng_core::field::Status;
pub(crate) type VerdictCode = Code;
pub(crate) type VerdictJson = serde_json::Value;

uniffi::custom_type!(
    /// A file or folder on this device.
    LocalPath, String, { remote, lower: |path| path.to_string_lossy().into_owned(), try_lift: |text| Ok(text.into()) }
);

// Time and entropy

uniffi::custom_type!(
    /// A moment of UTC, to the millisecond.
    Moment, i64, { remote, lower: |moment| moment.unix_ms(), try_lift: |unix_ms| Ok(Moment::from_unix_ms(unix_ms)) }
);

uniffi::custom_type!(
    /// 32 bytes of the operating system's entropy, new for each call.
    Seed, Vec<u8>, {
        remote,
        lower: |_seed| Vec::new(),
        try_lift: |bytes| Ok(Seed::from_bytes(bytes.try_into().map_err(FieldError::seed)?))
    }
);

/// What a device's clocks say at one moment.
#[uniffi::remote(Record)]
pub struct Now {
    /// The wall clock, as far as it can be trusted.
    pub wall: Moment,
    /// Milliseconds since some moment of this boot; never goes back within one `boot_id`.
    pub monotonic_ms: u64,
    /// Names the boot: another after every restart of the device.
    pub boot_id: String,
}

// Ids

uniffi::custom_type!(
    /// A case: 32 hexadecimal digits.
    ItemId, String, { remote, lower: |id| id.to_string(), try_lift: |text| Ok(text.parse().map_err(FieldError::id)?) }
);
uniffi::custom_type!(
    /// An entry of the journal: 32 hexadecimal digits.
    EntryId, String, { remote, lower: |id| id.to_string(), try_lift: |text| Ok(text.parse().map_err(FieldError::id)?) }
);
uniffi::custom_type!(
    /// One life of a phone's journal: 32 hexadecimal digits.
    IncarnationId, String, {
        remote,
        lower: |id| id.to_string(),
        try_lift: |text| Ok(text.parse().map_err(FieldError::id)?)
    }
);
uniffi::custom_type!(
    /// An action of the conversation with the office: 32 hexadecimal digits.
    ActionId, String, { remote, lower: |id| id.to_string(), try_lift: |text| Ok(text.parse().map_err(FieldError::id)?) }
);
uniffi::custom_type!(
    /// The SHA-256 of an original, by which a photo is known: 64 hexadecimal digits.
    PhotoHash, String, { remote, lower: |id| id.to_string(), try_lift: |text| Ok(text.parse().map_err(FieldError::id)?) }
);
uniffi::custom_type!(
    /// A person of the district: a short code of the office's choosing, like `li`.
    PersonId, String, {
        remote,
        lower: |person| person.to_string(),
        try_lift: |text| Ok(PersonId::new(&text).map_err(FieldError::id)?)
    }
);
uniffi::custom_type!(
    /// JSON of a later version.
    VerdictJson, String, { remote, lower: |json| json.to_string(), try_lift: |text| Ok(text.into()) }
);
uniffi::custom_type!(
    /// What a screen showed when a form was opened: to be handed back with it, not to be read.
    Shown, String, {
        remote,
        lower: |shown| shown.to_string(),
        try_lift: |text| Ok(text.parse().map_err(FieldError::shown)?)
    }
);
uniffi::custom_type!(
    /// Where a page of a list ended.
    Cursor, String, {
        remote,
        lower: |cursor| cursor.to_string(),
        try_lift: |text| Ok(text.parse().map_err(FieldError::cursor)?)
    }
);
uniffi::custom_type!(
    /// What an office prints, as text or as a QR code, to make a phone one of its own: `xuncheng://enrol?…`.
    EnrolmentCode, String, {
        remote,
        lower: |code| code.to_string(),
        try_lift: |text| Ok(text.parse().map_err(FieldError::enrolment_code)?)
    }
);

// Places

/// A position on the ground, WGS-84, in degrees, north and east positive.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct LatLon {
    /// Latitude in degrees.
    pub lat_degrees: f64,
    /// Longitude in degrees.
    pub lon_degrees: f64,
}

uniffi::custom_type!(
    /// A position on the ground.
    GeoPoint, LatLon, {
        remote,
        lower: |point| LatLon { lat_degrees: point.lat_degrees(), lon_degrees: point.lon_degrees() },
        try_lift: |at| Ok(GeoPoint::from_degrees(at.lat_degrees, at.lon_degrees).map_err(FieldError::place)?)
    }
);

/// A rectangle on the map, edges included.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct MapBox {
    /// The lower left corner on a map with north up.
    pub south_west: GeoPoint,
    /// The upper right corner on a map with north up.
    pub north_east: GeoPoint,
}

uniffi::custom_type!(
    /// A rectangle on the map.
    BoundingBox, MapBox, {
        remote,
        lower: |edges| MapBox { south_west: edges.south_west(), north_east: edges.north_east() },
        try_lift: |map| Ok(BoundingBox::new(map.south_west, map.north_east).map_err(FieldError::place)?)
    }
);

/// One answer to "where am I?".
#[uniffi::remote(Record)]
pub struct Fix {
    /// The position.
    pub point: GeoPoint,
    /// Radius in metres within which the true position lies with 68 % probability, as Android and iOS report it.
    pub accuracy_m: Option<f64>,
    /// Who said so.
    pub provider: Provider,
    /// When the position was measured, by the device's clock.
    pub at: Moment,
    /// Whether the device itself reports that the position was faked.
    pub mock: bool,
}

/// Where a fix comes from.
#[uniffi::remote(Enum)]
pub enum Provider {
    /// A satellite receiver.
    Gnss,
    /// Cells and Wi-Fi.
    Network,
    /// The platform's own mixture of the two.
    Fused,
    /// The photo's own metadata.
    Exif,
    /// A finger on the map.
    Map,
    /// Typed in.
    Manual,
    /// A newer program's word.
    Unknown(String),
}

// Verdicts

/// What the office decided about an entry. All but `Held` are final.
#[uniffi::remote(Enum)]
pub enum Verdict {
    /// It did what it said.
    Applied,
    /// Things already stood as it said.
    NoOp,
    /// It did what it could; these fields went to somebody else and its values are kept beside them.
    Merged {
        /// The fields that did not win.
        lost: Vec<String>,
    },
    /// It does nothing.
    Rejected {
        /// Why.
        code: VerdictCode,
        /// The rejected entry that it followed, when that is why.
        after: Option<EntryId>,
    },
    /// A person at the office has to decide.
    Held {
        /// Why.
        reason: VerdictCode,
        /// The held entry that it follows, when that is why.
        behind: Option<EntryId>,
    },
    /// A verdict of a later version, as its JSON.
    Unknown(VerdictJson),
}

/// Why an entry was rejected or held, or cannot be written now: a code that screens have words for.
#[uniffi::remote(Enum)]
pub enum VerdictCode {
    /// The workflow has no such step from the present state.
    NotFromHere,
    /// The step was meant for an earlier round.
    StaleRound,
    /// A reason is needed.
    ReasonMissing,
    /// A responsible organisation of the pack is needed.
    OrganisationMissing,
    /// A photo taken after the work is needed, attached by the unit since it was given this task.
    AfterPhotoMissing,
    /// The same picture is part of the item already, as something else.
    SamePhoto,
    /// An original has not arrived and nobody waived it.
    OriginalMissing,
    /// The author may not do this.
    NotAllowed,
    /// The author's device was revoked.
    Revoked,
    /// The entry is not what it says it is, or cannot be read.
    Malformed,
    /// With it the item would be more than phones can hold.
    TooLarge,
    /// There is no such item.
    UnknownItem,
    /// It follows an entry that is held or rejected.
    Follows,
    /// It was held, and a person at the office set it aside.
    Dismissed,
    /// A code of a later version, kept as it came.
    Unknown(String),
}

// Cases

/// What can be done with a case.
#[uniffi::remote(Enum)]
pub enum CaseStep {
    /// 立案
    File,
    /// 不予立案
    Decline,
    /// 派遣
    Dispatch,
    /// 接收
    Accept,
    /// 回退
    Return,
    /// 处置反馈
    Handle,
    /// 核查通过
    Check,
    /// 返工
    Rework,
    /// 结案
    Close,
    /// 撤回
    Withdraw,
}

/// What to correct of a case; what is absent stays.
#[uniffi::remote(Record)]
pub struct CaseEdit {
    /// The category, by code or name.
    #[uniffi(default)]
    pub category: Option<String>,
    /// What was seen.
    #[uniffi(default)]
    pub description: Option<String>,
    /// Where it is, in words.
    #[uniffi(default)]
    pub address: Option<String>,
    /// Where it is.
    #[uniffi(default)]
    pub place: Option<GeoPoint>,
    /// What the form showed when it was opened; absent is what the store holds now.
    #[uniffi(default)]
    pub shown: Option<Shown>,
}

// The store

/// How the store stands.
#[uniffi::remote(Record)]
pub struct Status {
    /// Whose store it is.
    pub person: PersonId,
    /// The life of its journal.
    pub incarnation: IncarnationId,
    /// The office's address; none before enrolment.
    pub office: Option<String>,
    /// Whether that office makes backups; none before the first exchange.
    pub office_has_backups: Option<bool>,
    /// The last exchange with the office.
    pub last_exchange: Option<Exchange>,
    /// Entries written.
    pub entries: u64,
    /// Entries that the office does not have.
    pub unsent: u64,
    /// Entries that wait for their verdict.
    pub pending: u64,
    /// Own photos by where they stand.
    pub photos: PhotoCounts,
    /// Own originals that were safe and have left this phone.
    pub originals_left: u64,
    /// When the last of them left, by the office's clock.
    pub last_left_at: Option<Moment>,
    /// Bytes of pictures that were fetched and can be had again.
    pub fetched_bytes: u64,
    /// Own entries that the office held or rejected, and why, until they are acknowledged: the oldest 20.
    pub refused: Vec<RefusedEntry>,
    /// How many more of those there are.
    pub refused_more: u64,
    /// What needs a person, until the next exchange succeeds.
    pub attention: Option<Attention>,
    /// What is being offered again to an office that has lost it; none while nothing is.
    pub reoffer: Option<ReofferProgress>,
    /// What was offered again last, until that is acknowledged.
    pub reoffered: Option<Reoffered>,
    /// Requests that were answered.
    pub round_trips: u64,
    /// Bytes of originals that were sent and acknowledged.
    pub bytes_sent: u64,
    /// Bytes of originals that may have been sent before a cut and were sent again.
    pub bytes_sent_again: u64,
    /// Originals that wait by the upload policy, and what for.
    pub originals_held: Option<OriginalsHeld>,
    /// How far the phone's clock is off, by its last exchanges with the office.
    pub clock: Option<ClockOffset>,
}

/// Originals that wait, and what for.
#[uniffi::remote(Record)]
pub struct OriginalsHeld {
    /// How many.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What for.
    pub hold: Hold,
    /// The same, for people.
    pub detail: String,
}

/// What originals wait for.
#[uniffi::remote(Enum)]
pub enum Hold {
    /// Somebody who asks for them.
    Asking,
    /// A network that is not paid by the byte.
    UnmeteredNetwork,
    /// The end of roaming.
    HomeNetwork,
    /// A charger.
    Charger,
    /// A charger, or this charge of the battery.
    Battery {
        /// In percent.
        floor_percent: u8,
    },
    /// Another day, or a network that is not paid by the byte: today's are used.
    AnotherDay {
        /// What a day has.
        megabytes: u32,
    },
}

/// How far a phone's clock is off.
#[uniffi::remote(Record)]
pub struct ClockOffset {
    /// How far the office's clock is ahead of the phone's, in milliseconds; below 0 where the phone's is fast.
    pub ahead_ms: i64,
    /// And by how much that may be wrong either way, in milliseconds.
    pub within_ms: i64,
}

/// How a re-offer stands.
#[uniffi::remote(Record)]
pub struct ReofferProgress {
    /// Entries and items that are still to be offered.
    pub left: u64,
    /// How many there were.
    pub of: u64,
}

/// A re-offer that is over.
#[uniffi::remote(Record)]
pub struct Reoffered {
    /// When.
    pub at: Moment,
    /// The branch that the office stands on now.
    pub counter: u64,
    /// How many entries and items were offered.
    pub offered: u64,
    /// How many receipts were void.
    pub voided: u64,
}

/// Own photos by where they stand.
#[uniffi::remote(Record)]
pub struct PhotoCounts {
    /// On this device only.
    pub saved: u64,
    /// The office has the entry.
    pub sent: u64,
    /// The office has judged the entry.
    pub judged: u64,
    /// The office has signed for the original.
    pub received: u64,
    /// A verified backup covers the original.
    pub safe: u64,
}

/// An own entry that the office held or rejected.
#[uniffi::remote(Record)]
pub struct RefusedEntry {
    /// The entry.
    pub entry: EntryId,
    /// Its case.
    pub item: ItemId,
    /// What screens call the case.
    pub label: String,
    /// What the office decided.
    pub verdict: Verdict,
}

/// What needs a person, until the next exchange succeeds.
#[uniffi::remote(Record)]
pub struct Attention {
    /// A code that screens have words for.
    pub code: String,
    /// What is wrong and what to do, for people.
    pub detail: String,
}

/// One exchange with the office: both clocks at once.
#[uniffi::remote(Record)]
pub struct Exchange {
    /// The office's time in its answer.
    pub server_time: Moment,
    /// The device's clocks when the answer came.
    pub now: Now,
}

/// One header of a request or an answer.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpHeader {
    /// Its name, in any case.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The bounds that a form or a driver has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Limits {
    /// Characters of a description, a reason, a comment.
    pub text_chars: u64,
    /// Photos of one capture.
    pub photos_per_capture: u64,
    /// Cases in one page of a list.
    pub list_rows: u64,
    /// Bytes of an answer of the office: a driver reads no more.
    pub response_bytes: u64,
}

/// The bounds that a form or a driver has to know.
#[uniffi::export]
pub fn limits() -> Limits {
    Limits {
        text_chars: limits::TEXT_CHARS as u64,
        photos_per_capture: limits::PHOTOS_PER_CAPTURE as u64,
        list_rows: limits::LIST_ROWS as u64,
        response_bytes: limits::RESPONSE_BYTES as u64,
    }
}
