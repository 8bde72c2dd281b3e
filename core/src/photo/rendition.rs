//! The smaller pictures that people look at: turned upright, without EXIF.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::error::{LimitError, LimitErrorKind};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use super::contained::contained;
use super::error::PhotoError;
use super::exif;
use super::fingerprint::sha256;
use super::folder::PhotoFolder;
use super::media::{MediaType, PhotoBytes};
use super::scans;
use crate::id::PhotoHash;
use crate::limits;

/// What draws here, by the recipe of this file. Another decoder, scaling, quality or encoder is another recipe and takes another
/// number: the office compares, byte for byte, only what it would draw itself.
pub const DRAWER: &str = "xuncheng-1";

/// Tried in this order until the picture is small enough; grass and gravel need the lower ones.
const VIEW_QUALITIES: [u8; 4] = [80, 65, 50, 35];
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
    check_rendition(format!("{original}.thumb.jpg"), bytes, limits::THUMBNAIL_EDGE_PX)?;
    folder.keep(&[(folder.thumbnail(original), bytes)])?;
    Ok(sha256(bytes))
}

/// Checks a view that the office sent, and keeps it as that of `original`, durably.
///
/// # Errors
/// As [`keep_thumbnail`].
pub fn keep_view(bytes: &[u8], original: &PhotoHash, folder: &PhotoFolder) -> Result<(), PhotoError> {
    check_rendition(format!("{original}.view.jpg"), bytes, limits::VIEW_EDGE_PX)?;
    folder.keep(&[(folder.view(original), bytes)])
}

/// Checks a view that a phone sent, because the office cannot draw it from the original, and keeps it under its own SHA-256,
/// durably. Gives that, which the caller has found in the photo's entry.
///
/// # Errors
/// As [`keep_thumbnail`].
pub fn keep_sent_view(bytes: &[u8], folder: &PhotoFolder) -> Result<PhotoHash, PhotoError> {
    let view = sha256(bytes);
    check_rendition(format!("{view}.sent.jpg"), bytes, limits::VIEW_EDGE_PX)?;
    folder.keep(&[(folder.sent_view(&view), bytes)])?;
    Ok(view)
}

/// Whether these are a whole JPEG that can be decoded and is no larger than a rendition of `edge_px` is.
fn check_rendition(name: String, bytes: &[u8], edge_px: u32) -> Result<(), PhotoError> {
    let photo = PhotoBytes::of(name, bytes.to_vec())?;
    if photo.media != MediaType::Jpeg {
        return Err(photo.not_a_photo());
    }
    decoding(&photo, || {
        // Of a square: a larger one is told by its header, before anything is decoded.
        let picture = decode_within(&photo, u64::from(edge_px) * u64::from(edge_px))?;
        let (width, height) = (picture.width(), picture.height());
        if width.max(height) > edge_px {
            return Err(PhotoError::TooManyPixels { name: photo.name.clone(), width, height });
        }
        Ok(())
    })
}

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
    decoding(photo, || draw_decoded(photo))
}

/// Why no case would take `photo`, as far as that shows without decoding its pixels.
pub(super) fn refusal(photo: &PhotoBytes) -> Option<PhotoError> {
    decoding(photo, || open(photo, limits::PHOTO_PIXELS).map(drop)).err()
}

/// Does `work` with a decoder; one that breaks over `photo` says that it is damaged, and takes nothing with it.
fn decoding<T>(photo: &PhotoBytes, work: impl FnOnce() -> Result<T, PhotoError>) -> Result<T, PhotoError> {
    contained(work).unwrap_or_else(|| Err(PhotoError::Damaged { name: photo.name.clone(), decoder: None }))
}

fn draw_decoded(photo: &PhotoBytes) -> Result<Drawn, PhotoError> {
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
        view: encode_within(&view, &VIEW_QUALITIES, limits::VIEW_JPEG_BYTES).map_err(drawing)?,
        thumbnail: encode_within(&thumbnail, &THUMBNAIL_QUALITIES, limits::THUMBNAIL_AIM_BYTES).map_err(drawing)?,
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

/// A decoder for `photo`, after all has been looked at that can be told before its pixels take memory: its bounds, and
/// whether all of it is there.
///
/// # Errors
/// [`PhotoError::TooManyPixels`], [`PhotoError::CutOff`], [`PhotoError::Damaged`]; [`PhotoError::NeedsWorkingCopy`] for a
/// whole HEIC.
fn open(photo: &PhotoBytes, most_pixels: u64) -> Result<impl ImageDecoder + '_, PhotoError> {
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
    if photo.media == MediaType::Jpeg && !scans::are_whole(&photo.bytes) {
        return Err(photo.cut_off());
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

/// At the first of `qualities` that gives at most `aim_bytes`, or the last.
fn encode_within(picture: &RgbImage, qualities: &[u8], aim_bytes: usize) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    for quality in qualities {
        bytes = encode(picture, *quality)?;
        if bytes.len() <= aim_bytes {
            break;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic, reason = "what breaks is the point")]
    fn a_decoder_that_breaks_is_an_error_of_one_photo() {
        let photo = PhotoBytes::of("IMG_1.jpg".to_owned(), b"\xFF\xD8\xFF".to_vec()).unwrap();
        let broken = decoding(&photo, || -> Result<(), PhotoError> { panic!("as decoders do") }).unwrap_err();
        assert_eq!(
            broken.to_string(),
            "cannot read photo IMG_1.jpg: its picture data are damaged, or of a kind that this program does not know; copy \
             it again from the phone, or take the photo again"
        );
        decoding(&photo, || Ok(())).unwrap();
    }
}
