//! How much one phone, or all of a district, may send: what is beyond is refused with a reason, stays on its phone, and is
//! offered again by itself.

use rusqlite::{Connection, OptionalExtension as _};
use xuncheng_core::clock::Moment;
use xuncheng_core::id::IncarnationId;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;
use xuncheng_core::store::entries;

use crate::error::OfficeError;

/// How much may be sent. Days are those of Beijing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Bytes of originals of one phone in a day.
    pub device_day_bytes: u64,
    /// Bytes of originals of one phone.
    pub device_bytes: u64,
    /// Bytes of originals of all phones in a day.
    pub district_day_bytes: u64,
    /// Bytes of originals of all phones.
    pub district_bytes: u64,
    /// Entries of one phone in an hour; the batch that reaches it is taken whole.
    pub device_hour_entries: u64,
    /// Uploads that one phone may have open.
    pub device_uploads: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            device_day_bytes: limits::DEVICE_DAY_BYTES,
            device_bytes: limits::DEVICE_BYTES,
            district_day_bytes: limits::DISTRICT_DAY_BYTES,
            district_bytes: limits::DISTRICT_BYTES,
            device_hour_entries: limits::DEVICE_HOUR_ENTRIES,
            device_uploads: limits::UPLOADS_OPEN,
        }
    }
}

/// Which quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// A phone's of the day.
    DeviceDay,
    /// A phone's.
    Device,
    /// The district's of the day.
    DistrictDay,
    /// The district's.
    District,
}

impl Quota {
    /// Its code in a refusal.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DeviceDay => "device_day_quota",
            Self::Device => "device_quota",
            Self::DistrictDay => "district_day_quota",
            Self::District => "district_quota",
        }
    }
}

impl std::fmt::Display for Quota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DeviceDay => {
                "this phone has sent as many originals as the office takes of it in a day; they go tomorrow"
            }
            Self::Device => {
                "this phone has sent as many originals as the office takes of it; the office can raise that"
            }
            Self::DistrictDay => {
                "the district's phones have sent as many originals as the office takes in a day; they go tomorrow"
            }
            Self::District => {
                "the district's phones have sent as many originals as the office takes; the office can raise that"
            }
        })
    }
}

/// Any of the counts: whose, of which day.
fn counts(incarnation: IncarnationId, day: &str) -> [(Vec<u8>, &str); 4] {
    let (device, district) = (incarnation.as_bytes().to_vec(), Vec::new());
    [(device.clone(), day), (device, ""), (district.clone(), day), (district, "")]
}

fn used(conn: &Connection, whose: &[u8], day: &str) -> Result<u64, OfficeError> {
    let bytes = conn
        .prepare_cached("SELECT bytes FROM office_originals WHERE whose = ?1 AND day = ?2")?
        .query_row((whose, day), |row| row.get(0))
        .optional()?;
    Ok(bytes.unwrap_or(0))
}

/// Counts an original of so many bytes that a phone begins to send.
///
/// # Errors
/// [`OfficeError::Quota`]: nothing was counted then.
pub(crate) fn charge(
    intake: &Intake<'_, '_>,
    quotas: &Quotas,
    incarnation: IncarnationId,
    bytes: u64,
) -> Result<(), OfficeError> {
    let day = intake.now.wall.beijing_day();
    let bounds = [
        (Quota::DeviceDay, quotas.device_day_bytes),
        (Quota::Device, quotas.device_bytes),
        (Quota::DistrictDay, quotas.district_day_bytes),
        (Quota::District, quotas.district_bytes),
    ];
    for ((whose, of), (quota, most)) in counts(incarnation, &day).into_iter().zip(bounds) {
        if used(intake.tx, &whose, of)?.saturating_add(bytes) > most {
            return Err(OfficeError::Quota(quota));
        }
    }
    for (whose, of) in counts(incarnation, &day) {
        intake
            .tx
            .prepare_cached(
                "INSERT INTO office_originals (whose, day, bytes) VALUES (?1, ?2, ?3)
                 ON CONFLICT (whose, day) DO UPDATE SET bytes = bytes + excluded.bytes",
            )?
            .execute((whose, of, bytes))?;
    }
    Ok(())
}

/// Takes an original out of the counts whose upload, begun at `begun`, came to nothing.
pub(crate) fn give_back(
    intake: &Intake<'_, '_>,
    incarnation: IncarnationId,
    bytes: u64,
    begun: Moment,
) -> Result<(), OfficeError> {
    for (whose, of) in counts(incarnation, &begun.beijing_day()) {
        intake
            .tx
            .prepare_cached("UPDATE office_originals SET bytes = max(bytes - ?3, 0) WHERE whose = ?1 AND day = ?2")?
            .execute((whose, of, bytes))?;
    }
    Ok(())
}

/// Whether a phone has sent as many entries within the last hour as it may: its journal is dense, so that the one which lies a
/// quota behind its head says so by when it came.
pub(crate) fn entries_used_up(
    intake: &Intake<'_, '_>,
    quotas: &Quotas,
    incarnation: IncarnationId,
) -> Result<bool, OfficeError> {
    let head = entries::head(intake.tx, incarnation)?.seq;
    let Some(place) = (head + 1).checked_sub(quotas.device_hour_entries).filter(|place| *place > 0) else {
        return Ok(false);
    };
    let came: Option<Option<Moment>> = intake
        .tx
        .prepare_cached(
            "SELECT j.received_at FROM entry e JOIN judgement j ON j.entry = e.id WHERE e.incarnation = ?1 AND e.seq = ?2",
        )?
        .query_row((incarnation, place), |row| row.get(0))
        .optional()?;
    Ok(came.flatten().is_some_and(|came| came.plus_ms(3_600_000) > intake.now.wall))
}
