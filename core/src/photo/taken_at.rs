//! When a photo says that it was taken.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::{BEIJING_MS, Moment};

const LOCAL: &str = "%Y-%m-%dT%H:%M:%S";

/// The camera's time: a moment when the file names the zone, else only what the camera's clock showed.
///
/// As text RFC 3339 with its offset, `2026-07-21T09:14:05+08:00`, or the same without one, `2014-05-01T12:00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenAt {
    /// The clock and its distance from UTC.
    Zoned(DateTime<FixedOffset>),
    /// The clock alone, in a zone that nobody wrote down.
    Local(NaiveDateTime),
}

impl TakenAt {
    /// The moment; a clock whose zone nobody wrote down is read as one of Beijing.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let unix_ms = match self {
            Self::Zoned(time) => time.timestamp_millis(),
            Self::Local(time) => time.and_utc().timestamp_millis() - BEIJING_MS,
        };
        Moment::from_unix_ms(unix_ms)
    }

    /// Reads EXIF's `2026:07:21 09:14:05` and, where there is one, its offset `+08:00`.
    ///
    /// `None` for blank and impossible times; an unreadable offset leaves the time local.
    pub(super) fn from_exif(time: &str, offset: Option<&str>) -> Option<Self> {
        let local = NaiveDateTime::parse_from_str(time.get(..19)?, "%Y:%m:%d %H:%M:%S").ok()?;
        // Year 0 parses, and is how some cameras say that their clock was never set.
        if local.date() < NaiveDate::from_ymd_opt(1826, 1, 1)? {
            return None;
        }
        let zoned = offset
            .and_then(|text| text.trim().parse::<FixedOffset>().ok())
            .and_then(|offset| local.and_local_timezone(offset).single());
        Some(zoned.map_or(Self::Local(local), Self::Zoned))
    }
}

impl fmt::Display for TakenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zoned(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Secs, false)),
            Self::Local(time) => write!(f, "{}", time.format(LOCAL)),
        }
    }
}

impl FromStr for TakenAt {
    type Err = chrono::ParseError;
    fn from_str(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text)
            .map(Self::Zoned)
            .or_else(|_| NaiveDateTime::parse_from_str(text, LOCAL).map(Self::Local))
    }
}

impl Serialize for TakenAt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TakenAt {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_an_offset_only_when_the_camera_wrote_one() {
        let text = |time, offset| TakenAt::from_exif(time, offset).map(|time| time.to_string());
        assert_eq!(text("2026:07:21 09:14:05", Some("+08:00")).unwrap(), "2026-07-21T09:14:05+08:00");
        assert_eq!(text("2014:05:01 12:00:00", None).unwrap(), "2014-05-01T12:00:00");
        assert_eq!(text("2014:05:01 12:00:00", Some("   :  ")).unwrap(), "2014-05-01T12:00:00");
        for blank in
            ["    :  :     :  :  ", "0000:00:00 00:00:00", "2026:02:30 10:00:00", "2026:07", "二〇二六年七月二十一日"]
        {
            assert_eq!(text(blank, None), None, "{blank}");
        }
    }

    #[test]
    fn both_forms_are_read_back_as_they_were_written() {
        for form in ["\"2026-07-21T09:14:05+08:00\"", "\"2014-05-01T12:00:00\""] {
            let time: TakenAt = serde_json::from_str(form).unwrap();
            assert_eq!(serde_json::to_string(&time).unwrap(), form);
        }
        assert!(serde_json::from_str::<TakenAt>("\"yesterday\"").is_err());
    }
}
