//! Photos for tests: sound ones and every kind of broken one, the same bytes for the same seed.
//!
//! A fixture that cannot be made is a mistake in the tests, so everything here gives bytes or panics.

#![allow(clippy::expect_used, clippy::panic)]

mod exif;
mod heic;

pub use exif::{Camera, Flaw};

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, ImageFormat, Rgb, RgbImage};

/// The certificate of a district's own CA, a file that no public CA vouches for. Made with OpenSSL; its key is gone.
pub const DISTRICT_CA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fixtures/ca.pem");
/// What that CA says of an office at 127.0.0.1, until the end of the century.
pub const OFFICE_CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fixtures/office.pem");
/// The key of [`OFFICE_CERTIFICATE`].
pub const OFFICE_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fixtures/office.key");

/// A small generator of evenly spread numbers (splitmix64), so that a seed gives the same picture everywhere.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including 1.
    pub fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.bits() >> 32).expect("32 bits")) / 4_294_967_296.0
    }

    /// A number from `low` up to but not including `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }
}

/// Pixels of pure noise: nothing compresses worse, and no two seeds are alike.
#[must_use]
pub fn noise(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut dice = Dice::new(seed);
    RgbImage::from_fn(width, height, |_, _| {
        let [red, green, blue, ..] = dice.bits().to_le_bytes();
        Rgb([red, green, blue])
    })
}

/// A sound JPEG of at least this many bytes (and hardly more), without EXIF: for uploads that take a while.
#[must_use]
pub fn jpeg_of_at_least(bytes: usize, seed: u64) -> Vec<u8> {
    const WIDTH: u32 = 1024;
    let row_of_blocks = encode(&noise(WIDTH, 8, seed), None).len() - encode(&noise(WIDTH, 1, seed), None).len() / 8;
    let mut blocks = u32::try_from(bytes / row_of_blocks).expect("a size of this world").max(1);
    loop {
        let jpeg = encode(&noise(WIDTH, 8 * blocks, seed), None);
        if jpeg.len() >= bytes {
            return jpeg;
        }
        blocks += blocks / 32 + 1;
    }
}

/// A sound JPEG of this size in pixels (as stored), with what `camera` says.
#[must_use]
pub fn jpeg_with_exif(width: u32, height: u32, seed: u64, camera: &Camera) -> Vec<u8> {
    encode(&gradient(width, height, seed), Some(camera.tiff()))
}

/// A sound JPEG whose EXIF is that of [`Camera::default`] with one thing wrong.
#[must_use]
pub fn jpeg_with_flaw(flaw: Flaw) -> Vec<u8> {
    encode(&gradient(320, 240, 1), Some(Camera::default().tiff_with(flaw)))
}

/// A sound JPEG without EXIF of gravel: no pixel is as light as the next, and it packs as badly as what cameras see.
#[must_use]
pub fn jpeg_of_gravel(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut gravel = noise(width, height, seed);
    for pixel in gravel.pixels_mut() {
        *pixel = Rgb([pixel[0]; 3]);
    }
    encode(&gravel, None)
}

/// A sound JPEG without EXIF.
#[must_use]
pub fn jpeg(width: u32, height: u32, seed: u64) -> Vec<u8> {
    encode(&gradient(width, height, seed), None)
}

/// A sound PNG, half transparent on its right side.
#[must_use]
pub fn png(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let opaque = gradient(width, height, seed);
    let mut picture = image::DynamicImage::ImageRgb8(opaque).into_rgba8();
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        pixel.0[3] = if x < width / 2 { 255 } else { 128 };
    }
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).expect("a PNG can be written to memory");
    bytes.into_inner()
}

/// A HEIC as far as anybody here can tell: its boxes and its EXIF are sound, its pixels are not there.
#[must_use]
pub fn heic(camera: &Camera) -> Vec<u8> {
    heic::file(&camera.tiff())
}

/// A letter that was renamed to `.jpg`.
#[must_use]
pub fn text_file() -> Vec<u8> {
    "各位同事：附件为本周督查照片，请查收。\n".repeat(40).into_bytes()
}

/// The first `keep` bytes of a file: a copy that was cut off.
#[must_use]
pub fn cut_off(file: &[u8], keep: usize) -> Vec<u8> {
    file[..keep].to_vec()
}

/// The first `keep` bytes of a JPEG, and an end behind them: a cut copy that some program has closed.
#[must_use]
pub fn cut_and_closed(file: &[u8], keep: usize) -> Vec<u8> {
    [&file[..keep], b"\xFF\xD9"].concat()
}

/// A JPEG of 72 × 56 pixels in ten scans, from coarse to fine, as web pages and messengers like them
/// (`cjpeg -quality 40 -progressive -optimize`).
pub const PROGRESSIVE: &[u8] = include_bytes!("fixtures/progressive.jpg");

/// The same picture in one scan with a restart marker after every third unit (`cjpeg -quality 40 -optimize -restart 3B`).
pub const WITH_RESTARTS: &[u8] = include_bytes!("fixtures/restarts.jpg");

/// A JPEG of two blocks whose brightness, times the largest factor, is more than its decoder's sums hold: in programs that
/// check their sums, as tests are, the decoder panics over it.
pub const BREAKING: &[u8] = include_bytes!("fixtures/breaking.jpg");

/// Where the data of each scan of a JPEG begin, and end at its next segment or end marker.
#[must_use]
pub fn scans(jpeg: &[u8]) -> Vec<std::ops::Range<usize>> {
    let markers = |from: usize, which: &[u8]| {
        (from..jpeg.len() - 1).find(|at| jpeg[*at] == 0xFF && which.contains(&jpeg[at + 1])).expect("a sound JPEG")
    };
    let mut scans = Vec::new();
    let mut at = 0;
    loop {
        at = markers(at, &[0xDA, 0xD9]);
        if jpeg[at + 1] == 0xD9 {
            return scans;
        }
        let begin = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        at = markers(begin, &[0xC4, 0xDA, 0xD9]);
        scans.push(begin..at);
    }
}

/// A file of the right length whose end is zeros: what a power cut leaves on some file systems.
#[must_use]
pub fn zeroed_from(file: &[u8], keep: usize) -> Vec<u8> {
    let mut bytes = file[..keep].to_vec();
    bytes.resize(file.len(), 0);
    bytes
}

/// A small JPEG whose header announces this many pixels: decoding it would take gigabytes.
#[must_use]
pub fn jpeg_that_claims(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = jpeg(64, 64, 1);
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a baseline frame header");
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// A small PNG whose header announces this many pixels of four colours, of this many bits each.
#[must_use]
pub fn png_that_claims(width: u32, height: u32, bits: u8) -> Vec<u8> {
    let chunk = |named: &[u8]| {
        let length = u32::try_from(named.len() - 4).expect("a small fixture");
        [&length.to_be_bytes(), named, &crc32(named).to_be_bytes()].concat()
    };
    let header = [b"IHDR", &width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, 6, 0, 0, 0]].concat();
    // The beginning of a stream, which nobody should come to.
    [&b"\x89PNG\r\n\x1A\n"[..], &chunk(&header), &chunk(b"IDAT\x78\x9C"), &chunk(b"IEND")].concat()
}

/// The check sum of a PNG's chunk (PNG, annex D), bit by bit: these are short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

/// A JPEG with two EXIF blocks, of which only the second can be read.
#[must_use]
pub fn jpeg_with_second_exif(camera: &Camera) -> Vec<u8> {
    let sound = encode(&gradient(320, 240, 1), Some(camera.tiff()));
    let mut bytes = sound[..2].to_vec();
    bytes.extend(b"\xFF\xE1\x00\x0EExif\0\0rubbish");
    bytes.truncate(bytes.len() - 1);
    bytes.extend(&sound[2..]);
    bytes
}

/// Soft colours with some grain: compresses like a photo, and tells its corners apart.
///
/// The upper left corner is red, the upper right green, the lower left blue.
fn gradient(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut dice = Dice::new(seed);
    RgbImage::from_fn(width, height, |x, y| {
        let (right, down) = (x > width / 2, y > height / 2);
        let grain = dice.bits().to_le_bytes()[0] % 24;
        let shade = u8::try_from(u64::from(x + y) * 40 / u64::from(width + height)).expect("below 40");
        let colour = match (right, down) {
            (false, false) => [200, 20, 20],
            (true, false) => [20, 200, 20],
            (false, true) => [20, 20, 200],
            (true, true) => [180, 180, 180],
        };
        Rgb(colour.map(|part| part - shade.min(part) + grain))
    })
}

/// A JPEG of quality 90, with this TIFF structure as its EXIF.
pub(crate) fn encode(picture: &RgbImage, tiff: Option<Vec<u8>>) -> Vec<u8> {
    encode_with_quality(picture, tiff, 90)
}

/// A JPEG with this TIFF structure as its EXIF.
pub fn encode_with_quality(picture: &RgbImage, tiff: Option<Vec<u8>>, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    if let Some(tiff) = tiff {
        encoder.set_exif_metadata(tiff).expect("JPEG carries EXIF");
    }
    encoder.encode_image(picture).expect("a JPEG can be written to memory");
    bytes
}
