//! The smaller pictures that people look at: turned upright, without EXIF.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::error::{LimitError, LimitErrorKind};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use super::error::PhotoError;
use super::exif;
use super::fingerprint::sha256;
use super::folder::PhotoFolder;
use super::media::{MediaType, PhotoBytes};
use crate::id::PhotoHash;
use crate::limits;

const VIEW_QUALITY: u8 = 80;
/// Tried in this order until the thumbnail is small enough; grass and gravel need the lower ones.
const THUMBNAIL_QUALITIES: [u8; 4] = [75, 60, 45, 30];

/// The renditions of one original, as they lie in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renditions {
    /// The original that they were made from.
    pub original: PhotoHash,
    /// Width of the original in pixels, turned upright.
    pub width: u32,
    /// Height of the original in pixels, turned upright.
    pub height: u32,
    /// SHA-256 of the viewing rendition.
    pub view: PhotoHash,
    /// SHA-256 of the thumbnail.
    pub thumbnail: PhotoHash,
}

/// Makes both renditions of the original at `original` and keeps them in `folder`, durably.
///
/// A phone does this within [`super::ingest`]; the office does it again from the bytes that it received, and compares.
///
/// # Errors
/// As [`super::ingest`]; [`PhotoError::NeedsWorkingCopy`] for a HEIC, which only its own platform can decode.
pub fn derive_renditions(original: &Path, folder: &PhotoFolder) -> Result<Renditions, PhotoError> {
    let photo = PhotoBytes::read(original)?;
    let original = sha256(&photo.bytes);
    let drawn = draw(&photo)?;
    folder.keep(&[(folder.view(&original), &drawn.view), (folder.thumbnail(&original), &drawn.thumbnail)])?;
    Ok(drawn.describe(original))
}

/// Checks a thumbnail that a phone sent, and keeps it as that of `original`, durably: a whole JPEG that can be decoded and
/// is no larger than a thumbnail is. Gives its SHA-256, which the caller has found in the photo's entry.
///
/// # Errors
/// [`PhotoError::NotAPhoto`], [`PhotoError::CutOff`], [`PhotoError::Damaged`], [`PhotoError::TooManyPixels`] when it is
/// none; [`PhotoError::Folder`] and [`PhotoError::DiskFull`] when it cannot be kept.
pub fn keep_thumbnail(bytes: &[u8], original: &PhotoHash, folder: &PhotoFolder) -> Result<PhotoHash, PhotoError> {
    let name = format!("{original}.thumb.jpg");
    let photo = PhotoBytes::of(name.clone(), bytes.to_vec())?;
    if photo.media != MediaType::Jpeg {
        return Err(photo.not_a_photo());
    }
    let picture = decode_within(&photo, THUMBNAIL_PIXELS)?;
    let (width, height) = (picture.width(), picture.height());
    if width.max(height) > limits::THUMBNAIL_EDGE_PX {
        return Err(PhotoError::TooManyPixels { name, width, height });
    }
    folder.keep(&[(folder.thumbnail(original), bytes)])?;
    Ok(sha256(bytes))
}

/// Of a square thumbnail: a larger one is told by its header, before anything is decoded.
const THUMBNAIL_PIXELS: u64 = limits::THUMBNAIL_EDGE_PX as u64 * limits::THUMBNAIL_EDGE_PX as u64;

/// Both renditions in memory.
pub(super) struct Drawn {
    pub(super) view: Vec<u8>,
    pub(super) thumbnail: Vec<u8>,
    width: u32,
    height: u32,
}

impl Drawn {
    pub(super) fn describe(&self, original: PhotoHash) -> Renditions {
        Renditions {
            original,
            width: self.width,
            height: self.height,
            view: sha256(&self.view),
            thumbnail: sha256(&self.thumbnail),
        }
    }
}

/// Decodes `photo` whole and draws its renditions.
pub(super) fn draw(photo: &PhotoBytes) -> Result<Drawn, PhotoError> {
    let drawing = |encoder| PhotoError::Rendition { name: photo.name.clone(), encoder };
    let exif_orientation = exif::read(photo).facts.orientation.unwrap_or(1);
    let picture = decode(photo)?;
    let (stored_width, stored_height) = (picture.width(), picture.height());
    // EXIF's 5 to 8 lie on their side.
    let (width, height) =
        if exif_orientation >= 5 { (stored_height, stored_width) } else { (stored_width, stored_height) };

    // Shrunk before it is turned: turning 50 megapixels takes as long as shrinking them.
    let mut upright = fit(picture, limits::VIEW_EDGE_PX);
    upright.apply_orientation(Orientation::from_exif(exif_orientation).unwrap_or(Orientation::NoTransforms));
    let view = flatten(upright);
    let thumbnail = fit(DynamicImage::ImageRgb8(view.clone()), limits::THUMBNAIL_EDGE_PX).into_rgb8();
    Ok(Drawn {
        view: encode(&view, VIEW_QUALITY).map_err(drawing)?,
        thumbnail: encode_small(&thumbnail).map_err(drawing)?,
        width,
        height,
    })
}

/// The pixels as stored, after the bounds of [`limits`] and the picture's own end have been checked.
fn decode(photo: &PhotoBytes) -> Result<DynamicImage, PhotoError> {
    decode_within(photo, limits::PHOTO_PIXELS)
}

fn decode_within(photo: &PhotoBytes, most_pixels: u64) -> Result<DynamicImage, PhotoError> {
    DynamicImage::from_decoder(open(photo, most_pixels)?).map_err(|error| damaged(photo, error))
}

/// A decoder for `photo` that has read no more than its header: what can be told before its pixels take memory and time.
///
/// # Errors
/// [`PhotoError::TooManyPixels`], [`PhotoError::CutOff`], [`PhotoError::Damaged`]; [`PhotoError::NeedsWorkingCopy`] for a
/// whole HEIC.
pub(super) fn open(photo: &PhotoBytes, most_pixels: u64) -> Result<impl ImageDecoder + '_, PhotoError> {
    let whole = photo.check_whole();
    let format = match photo.media {
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::Png => ImageFormat::Png,
        MediaType::Heic | MediaType::Unknown(_) => {
            return Err(whole.err().unwrap_or_else(|| PhotoError::NeedsWorkingCopy { name: photo.name.clone() }));
        }
    };
    let mut reader = ImageReader::with_format(Cursor::new(photo.bytes.as_slice()), format);
    reader.limits(memory());
    let decoder = match reader.into_decoder() {
        Ok(decoder) => decoder,
        Err(error) => return Err(whole.err().unwrap_or_else(|| damaged(photo, error))),
    };
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > most_pixels {
        return Err(PhotoError::TooManyPixels { name: photo.name.clone(), width, height });
    }
    whole?;
    // The decoders bound what they take beside the pixels, and leave the pixels themselves to whoever asks for them.
    if decoder.total_bytes() > limits::PHOTO_DECODE_BYTES {
        let error = ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory));
        return Err(damaged(photo, error));
    }
    Ok(decoder)
}

fn damaged(photo: &PhotoBytes, error: ImageError) -> PhotoError {
    let ended = matches!(&error, ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof);
    if ended { photo.cut_off() } else { PhotoError::Damaged { name: photo.name.clone(), decoder: Some(error) } }
}

fn memory() -> Limits {
    let mut most = Limits::default();
    most.max_alloc = Some(limits::PHOTO_DECODE_BYTES);
    most
}

/// Shrinks until the longer edge has at most `edge_px`; never grows.
fn fit(picture: DynamicImage, edge_px: u32) -> DynamicImage {
    if picture.width().max(picture.height()) <= edge_px {
        return picture;
    }
    // Triangle weighs every source pixel, so that text on a flyer stays legible and nothing shimmers.
    picture.resize(edge_px, edge_px, FilterType::Triangle)
}

/// Three colours of eight bits; what is transparent is seen on white, as paper.
fn flatten(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let transparent = picture.into_rgba8();
    RgbImage::from_fn(transparent.width(), transparent.height(), |x, y| {
        let [red, green, blue, alpha] = transparent.get_pixel(x, y).0;
        let on_white = |colour: u8| {
            let mixed = (u16::from(colour) * u16::from(alpha) + 255 * u16::from(255 - alpha)) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Rgb([red, green, blue].map(on_white))
    })
}

fn encode(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(bytes)
}

fn encode_small(picture: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    for quality in THUMBNAIL_QUALITIES {
        bytes = encode(picture, quality)?;
        if bytes.len() <= limits::THUMBNAIL_AIM_BYTES {
            break;
        }
    }
    Ok(bytes)
}
