//! Photos: what goes in with a case, where the files lie, how far each has come.

use xuncheng_core::clock::Moment;
use xuncheng_core::field::{CapturePhoto, CasePhoto, PictureFile};
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::photo::{Inspection, TakenAt};
use xuncheng_core::store::photos::PhotoStage;

use crate::types::LocalPath;
use crate::{FieldApp, FieldError};

/// A photo to be kept.
#[uniffi::remote(Record)]
pub struct CapturePhoto {
    /// The file as the camera wrote it.
    pub file: LocalPath,
    /// A JPEG of the same picture, where the file is a HEIC.
    #[uniffi(default)]
    pub working_copy: Option<LocalPath>,
    /// What it shows.
    pub role: PhotoRole,
}

/// What a photo shows of its case.
#[uniffi::remote(Enum)]
pub enum PhotoRole {
    /// A far view that the place can be found by (远景).
    Scene,
    /// A near view of the defect (近景).
    Close,
    /// After rectification (整改后).
    After,
    /// Taken by whoever checked the result (核查).
    Check,
    /// A role of a later version, kept as it came.
    Unknown(String),
}

/// A photo of a case.
#[uniffi::remote(Record)]
pub struct CasePhoto {
    /// The entry that shows it.
    pub entry: EntryId,
    /// The original.
    pub sha256: PhotoHash,
    /// What it shows.
    pub role: PhotoRole,
    /// The round (count of reworks) that it belongs to.
    pub round: u32,
    /// Where it stands on its way to the office; none for a photo of somebody else.
    pub stage: Option<PhotoStage>,
    /// When the original left this phone, which was safe, by the office's clock; none while it is here, or was never.
    pub left_at: Option<Moment>,
    /// At most 320 px, JPEG.
    pub thumbnail: PictureFile,
    /// At most 1,600 px, JPEG.
    pub view: PictureFile,
    /// As the camera wrote it.
    pub original: PictureFile,
}

/// Where a picture is.
#[uniffi::remote(Enum)]
pub enum PictureFile {
    /// On this phone.
    Here {
        /// Its file.
        path: LocalPath,
    },
    /// It is asked for, and comes with a conversation.
    Asked,
    /// The office had none for this phone when it was asked last; it is asked again.
    Absent,
    /// It can be asked for.
    ToBeHad,
    /// The store's person may not see others' originals.
    Withheld,
}

/// Where a photo stands on its way to the office.
#[uniffi::remote(Enum)]
pub enum PhotoStage {
    /// On this device, durable.
    Saved,
    /// The office has its entry.
    Sent,
    /// The office has judged its entry.
    Judged,
    /// The office has signed for the original.
    Received,
    /// A verified backup of the office covers the original.
    Safe,
}

/// What a photo file says of itself; none where the file has nothing, or nothing that can be true.
#[uniffi::remote(Record)]
pub struct Inspection {
    /// Latitude in degrees, WGS-84, north positive.
    pub lat: Option<f64>,
    /// Longitude in degrees, WGS-84, east positive.
    pub lon: Option<f64>,
    /// Altitude in metres, below sea level negative.
    pub altitude: Option<f64>,
    /// When the photo says it was taken.
    pub taken_at: Option<TakenAt>,
    /// EXIF orientation, 1 to 8.
    pub orientation: Option<u8>,
    /// Pixels in a row, as stored in the file.
    pub width: Option<u32>,
    /// Rows, as stored in the file.
    pub height: Option<u32>,
    /// SHA-256 of the file.
    pub sha256: PhotoHash,
    /// Length of the file.
    pub bytes: u64,
    /// Who made the camera.
    pub make: Option<String>,
    /// The camera's model.
    pub model: Option<String>,
    /// What could not be read, and why.
    pub notes: Vec<String>,
}

uniffi::custom_type!(
    /// The camera's time: `2026-07-21T09:14:05+08:00`, or the same without an offset where the camera wrote none.
    TakenAt, String, {
        remote,
        lower: |time| time.to_string(),
        try_lift: |text| Ok(text.parse().map_err(FieldError::taken_at)?)
    }
);

#[uniffi::export]
impl FieldApp {
    /// Wants the thumbnails that stand for these cases in a list that is scrolled on: those that are not here come with the
    /// next conversation.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`].
    pub fn want_thumbnails(&self, ids: Vec<ItemId>) -> Result<(), FieldError> {
        Ok(self.field().want_thumbnails(&ids)?)
    }

    /// Wants the views of a case's photos, because it was opened.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`].
    pub fn want_views(&self, id: ItemId) -> Result<(), FieldError> {
        Ok(self.field().want_views(id)?)
    }

    /// Wants the original of a case's photo: somebody else's, or one that has left this phone.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`], [`FieldError::UnknownPhoto`], [`FieldError::Withheld`].
    pub fn want_original(&self, id: ItemId, photo: PhotoHash) -> Result<(), FieldError> {
        Ok(self.field().want_original(id, photo)?)
    }
}

/// Looks at the photo at `file` without keeping it; a broken file gives what can be read, with notes.
///
/// # Errors
/// [`FieldError::PhotoRefused`] when the file cannot be read at all, is empty, too long, or no picture.
#[uniffi::export]
pub fn inspect_photo(file: LocalPath) -> Result<Inspection, FieldError> {
    Ok(xuncheng_core::photo::inspect(&file).map_err(xuncheng_core::field::FieldError::from)?)
}
