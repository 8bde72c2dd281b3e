//! What a photo file says of itself, without keeping it.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, ImageReader};
use serde::Serialize;

use super::contained::contained;
use super::error::PhotoError;
use super::exif;
use super::fingerprint::sha256;
use super::media::{MediaType, PhotoBytes};
use super::rendition;
use super::taken_at::TakenAt;
use crate::id::PhotoHash;
use crate::place::GeoPoint;

/// What can be read from a photo file; `None` where the file has nothing, or nothing that can be true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Latitude in degrees, WGS-84, north positive, to 1e-7.
    pub lat: Option<f64>,
    /// Longitude in degrees, WGS-84, east positive, to 1e-7.
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
    /// What could not be read, and why; and where no case would take the photo, why not.
    pub notes: Vec<String>,
}

/// Looks at the photo at `path` without decoding its pixels; a broken file gives what can be read, with notes.
///
/// # Errors
/// [`PhotoError`] when the file cannot be read at all, is empty, too long, or no JPEG, PNG or HEIC.
pub fn inspect(path: &Path) -> Result<Inspection, PhotoError> {
    let photo = PhotoBytes::read(path)?;
    let exif::Reading { mut facts, pixels } = exif::read(&photo);
    let dimensions = match photo.media {
        MediaType::Jpeg => dimensions(&photo, ImageFormat::Jpeg),
        MediaType::Png => dimensions(&photo, ImageFormat::Png),
        // No decoder here opens a HEIC; its EXIF usually says.
        MediaType::Heic | MediaType::Unknown(_) => pixels,
    };
    match rendition::refusal(&photo) {
        // Having to come with a copy is no fault of a HEIC.
        None | Some(PhotoError::NeedsWorkingCopy { .. }) => {}
        Some(error) => facts.notes.push(format!("would not be taken for a case: {}", error.without_name())),
    }
    Ok(Inspection {
        lat: facts.position.map(GeoPoint::lat_degrees),
        lon: facts.position.map(GeoPoint::lon_degrees),
        altitude: facts.altitude_m,
        taken_at: facts.taken_at,
        orientation: facts.orientation,
        width: dimensions.map(|(width, _)| width),
        height: dimensions.map(|(_, height)| height),
        sha256: sha256(&photo.bytes),
        bytes: photo.bytes.len() as u64,
        make: facts.make,
        model: facts.model,
        notes: facts.notes,
    })
}

/// What the header says, however much it is.
fn dimensions(photo: &PhotoBytes, format: ImageFormat) -> Option<(u32, u32)> {
    contained(|| ImageReader::with_format(Cursor::new(photo.bytes.as_slice()), format).into_dimensions().ok()).flatten()
}
