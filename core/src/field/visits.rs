//! Covert visits on the phone of whoever makes them.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use super::capture::within;
use super::{CapturePhoto, Field, FieldError};
use crate::clock::{Moment, Now, Seed};
use crate::id::ItemId;
use crate::journal::view::View;
use crate::limits;
use crate::place::{Fix, GeoPoint};
use crate::store::from_json;
use crate::store::list::{self, ListRow, Query};
use crate::work::visit::VISIT;

/// A key site (重点点位), in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site(String);

/// A visit is of some place.
#[derive(Debug, thiserror::Error)]
#[error("a visit is of a key site: say which, in words")]
pub struct NoSite;

impl FromStr for Site {
    type Err = NoSite;

    fn from_str(text: &str) -> Result<Self, NoSite> {
        let site = text.trim();
        if site.is_empty() { Err(NoSite) } else { Ok(Self(site.to_owned())) }
    }
}

/// A covert visit as its inspector keeps it.
#[derive(Debug, Clone)]
pub struct VisitCapture {
    /// What was looked at.
    pub site: Site,
    /// What was found, in words.
    pub description: String,
    /// Where it is; none takes the first photo's position, then the device's fix.
    pub place: Option<GeoPoint>,
    /// Where the device is.
    pub fix: Option<Fix>,
    /// What shows it.
    pub photos: Vec<CapturePhoto>,
}

/// A covert visit in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VisitSummary {
    /// The item.
    pub id: ItemId,
    /// Its number from the office; none before it came.
    pub number: Option<String>,
    /// Where it stands, by its name on the wire.
    pub state: String,
    /// The key site.
    pub site: String,
    /// What was found.
    pub description: String,
    /// When, to the minute.
    pub occurred_at: Moment,
    /// How many photos show it.
    pub photos: usize,
    /// Whether something about it waits to be sent or judged.
    pub pending: bool,
}

impl Field {
    /// Keeps a covert visit, as [`Field::capture`] keeps a case. Whether its person makes such visits the office judges.
    ///
    /// # Errors
    /// [`FieldError::Photo`], [`FieldError::PhotoCount`], [`FieldError::TextTooLong`], [`FieldError::Store`]; nothing was kept then.
    pub fn visit(&mut self, visit: &VisitCapture, now: &Now, seed: &Seed) -> Result<VisitSummary, FieldError> {
        let given = visit.photos.len();
        if given == 0 || given > limits::PHOTOS_PER_CAPTURE {
            return Err(FieldError::PhotoCount { given, most: limits::PHOTOS_PER_CAPTURE });
        }
        within("site", &visit.site.0)?;
        within("description", &visit.description)?;
        let kept = self.ingest_all(&visit.photos)?;
        let from_photo = kept.iter().find_map(|(photo, _)| photo.exif.position);
        let mut fields: BTreeMap<String, Value> = [
            ("site".to_owned(), visit.site.0.as_str().into()),
            ("description".to_owned(), visit.description.trim().into()),
            ("occurred_at".to_owned(), now.wall.to_minute().unix_ms().into()),
        ]
        .into();
        if let Some(point) = visit.place.or(from_photo).or_else(|| visit.fix.as_ref().map(|fix| fix.point)) {
            let place = serde_json::json!({ "lat_e7": point.lat_e7(), "lon_e7": point.lon_e7() });
            fields.insert("place".to_owned(), place);
        }
        let written = self.in_one_transaction(now, seed, |hand| {
            let item = hand.open(VISIT, fields, visit.fix.clone())?;
            for (photo, role) in &kept {
                hand.attach(item, photo, role, visit.fix.as_ref(), "visit", 0)?;
            }
            Ok(item)
        });
        let item = self.or_discard(written, kept)?;
        let row = list::row(&self.conn, item)?.ok_or_else(|| FieldError::UnknownCase(item.to_string()))?;
        summary(row)
    }

    /// The covert visits on this phone, newest first, at most [`limits::LIST_ROWS`].
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn visits(&self) -> Result<Vec<VisitSummary>, FieldError> {
        let synonyms = self.pack.synonyms();
        let page = list::page(&self.conn, VISIT, &Query::default(), synonyms, None, limits::LIST_ROWS)?;
        page.rows.into_iter().map(summary).collect()
    }
}

fn summary(row: ListRow) -> Result<VisitSummary, FieldError> {
    let view: View = from_json("item", &row.view)?;
    let text = |field: &str| view.text(field).unwrap_or_default().to_owned();
    Ok(VisitSummary {
        id: row.id,
        number: row.label,
        state: row.state,
        site: text("site"),
        description: text("description"),
        occurred_at: Moment::from_unix_ms(row.occurred_at),
        photos: view.members("photos").count(),
        pending: row.pending,
    })
}
