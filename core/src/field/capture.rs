//! Capturing a case: its photos are kept first, then all that is written of it in one transaction.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value;

use super::{CaseDetail, Field, FieldError, discard};
use crate::clock::{Moment, Now, Seed};
use crate::journal::entry::PhotoRole;
use crate::limits;
use crate::photo::{Ingested, ingest};
use crate::place::{Fix, GeoPoint, Provider};
use crate::store::{StoreError, meta};
use crate::work::case::CASE;

/// A case as an inspector captures it.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The category: a code like `matter/09006`, or its name.
    pub category: String,
    /// What was seen, in words.
    pub description: String,
    /// Where it is, in words.
    pub address: Option<String>,
    /// Where it is; none takes the first photo's position, then the device's fix.
    pub place: Option<GeoPoint>,
    /// Where the device is.
    pub fix: Option<Fix>,
    /// When it was seen; none is now.
    pub occurred_at: Option<Moment>,
    /// A far and a near view at best.
    pub photos: Vec<CapturePhoto>,
}

/// A photo to be kept.
#[derive(Debug, Clone)]
pub struct CapturePhoto {
    /// The file as the camera wrote it.
    pub file: PathBuf,
    /// A JPEG of the same picture, where the file is a HEIC.
    pub working_copy: Option<PathBuf>,
    /// What it shows.
    pub role: PhotoRole,
}

impl Field {
    /// Keeps a case: the photos' files first, then in one transaction its entries, its row and its photos' rows.
    /// It is in the list when this returns.
    ///
    /// # Errors
    /// [`FieldError::Photo`], [`FieldError::UnknownCategory`], [`FieldError::PhotoCount`], [`FieldError::TextTooLong`],
    /// [`FieldError::Store`]; nothing was kept then.
    pub fn capture(&mut self, capture: &Capture, now: &Now, seed: &Seed) -> Result<CaseDetail, FieldError> {
        let given = capture.photos.len();
        if given == 0 || given > limits::PHOTOS_PER_CAPTURE {
            return Err(FieldError::PhotoCount { given, most: limits::PHOTOS_PER_CAPTURE });
        }
        let category = self.category(&capture.category)?;
        within("description", &capture.description)?;
        within("address", capture.address.as_deref().unwrap_or(""))?;
        let kept = self.ingest_all(&capture.photos)?;

        let from_photo = kept.iter().find_map(|(photo, _)| photo.exif.position);
        let place = capture.place.or(from_photo).or_else(|| capture.fix.as_ref().map(|fix| fix.point));
        let occurred_at = capture.occurred_at.unwrap_or(now.wall).to_minute();
        let mut fields: BTreeMap<String, Value> = BTreeMap::new();
        fields.insert("category".to_owned(), category.into());
        fields.insert("occurred_at".to_owned(), occurred_at.unix_ms().into());
        fields.insert("description".to_owned(), capture.description.trim().into());
        if let Some(address) = capture.address.as_deref().map(str::trim).filter(|address| !address.is_empty()) {
            fields.insert("address".to_owned(), address.into());
        }
        if let Some(point) = place {
            fields
                .insert("place".to_owned(), serde_json::json!({ "lat_e7": point.lat_e7(), "lon_e7": point.lon_e7() }));
        }
        let fix = capture.fix.clone().or_else(|| kept.iter().find_map(|(photo, _)| fix_of_photo(photo, now)));

        let written = self.in_one_transaction(now, seed, |hand| {
            let item = hand.open(CASE, fields, fix)?;
            for (photo, role) in &kept {
                hand.attach(item, photo, role, capture.fix.as_ref(), "capture", 0)?;
            }
            Ok(item)
        });
        let item = self.or_discard(written, kept)?;
        self.case(item)
    }

    /// The category that `text` names, by code or by name, as it is written on the wire.
    ///
    /// # Errors
    /// [`FieldError::UnknownCategory`].
    pub fn category(&self, text: &str) -> Result<String, FieldError> {
        let catalogue = self.pack.catalogue();
        let found = catalogue.find(text).or_else(|| catalogue.named(text).last());
        found.map(|category| category.code.to_string()).ok_or_else(|| FieldError::UnknownCategory(text.to_owned()))
    }

    /// Keeps the files of all photos, or of none. A picture that is given twice is kept once, as what it was given first.
    pub(super) fn ingest_all(&mut self, photos: &[CapturePhoto]) -> Result<Vec<(Ingested, PhotoRole)>, FieldError> {
        let mut kept: Vec<(Ingested, PhotoRole)> = Vec::new();
        for photo in photos {
            match ingest(&photo.file, photo.working_copy.as_deref(), &self.photos) {
                Ok(ingested) if kept.iter().any(|(known, _)| known.sha256 == ingested.sha256) => {}
                Ok(ingested) => kept.push((ingested, photo.role.clone())),
                Err(error) => return self.or_discard(Err(error.into()), kept),
            }
        }
        Ok(kept)
    }

    /// Where `result` is an error, deletes the files of `kept` that no row names: nothing is kept by halves. Where it cannot be
    /// known what the store will say, they are left to the next start, which does so.
    pub(super) fn or_discard<T>(
        &mut self,
        result: Result<T, FieldError>,
        kept: Vec<(Ingested, PhotoRole)>,
    ) -> Result<T, FieldError> {
        let Err(error) = &result else { return result };
        // Other errors come before a commit, or of one for which there was no room: it is not in the log as a whole.
        let is_known = !matches!(error, FieldError::Store(StoreError::Sqlite { .. })) || settle(&mut self.conn).is_ok();
        let photos = kept.iter().map(|(photo, _)| photo.sha256);
        if !is_known || discard(&mut self.conn, &self.photos, photos).is_err() {
            kept.into_iter().for_each(|(photo, _)| photo.leave_to_next_start());
        }
        result
    }
}

/// A commit whose sync failed may lie in the log as a whole, and be found there after a crash: SQLite forgets it, and takes
/// its place with the next commit. This is that next commit; after it the failed one is nowhere.
fn settle(conn: &mut Connection) -> Result<(), StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    meta::tally(&tx, meta::key::FAILED_COMMITS, 1)?;
    Ok(tx.commit()?)
}

pub(super) fn within(what: &'static str, text: &str) -> Result<(), FieldError> {
    let chars = text.chars().count();
    if chars > limits::TEXT_CHARS {
        Err(FieldError::TextTooLong { what, chars, most: limits::TEXT_CHARS })
    } else {
        Ok(())
    }
}

/// A fix out of a photo's EXIF position: said to be one, and as old as the photo says that it is.
pub(super) fn fix_of_photo(photo: &Ingested, now: &Now) -> Option<Fix> {
    let point = photo.exif.position?;
    let at = photo.exif.taken_at.map_or(now.wall, |taken_at| taken_at.moment());
    Some(Fix { point, accuracy_m: None, provider: Provider::Exif, at, mock: false })
}
