//! What a camera wrote beside the pixels (CIPA DC-008, Exif 3.0), as far as it can be read and can be true.
//!
//! Files come damaged by editors and messengers. Each fact is read for itself: one that is missing or absurd leaves a
//! note and takes no other fact with it.

use std::io::Cursor;

use ::exif::{Error, Exif, In, Reader, Tag, Value};
use serde::{Deserialize, Serialize};

use super::contained::contained;
use super::jpeg;
use super::media::{MediaType, PhotoBytes};
use super::taken_at::TakenAt;
use crate::limits;
use crate::place::GeoPoint;

const UNREADABLE: &str = "EXIF cannot be read: it is damaged, or the file around it";

/// Facts from a photo's EXIF; `None` where it has none, or none that can be true.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExifFacts {
    /// Where the camera was.
    pub position: Option<GeoPoint>,
    /// Altitude in metres, below sea level negative.
    pub altitude_m: Option<f64>,
    /// When the camera says the picture was taken.
    pub taken_at: Option<TakenAt>,
    /// How the stored pixels must be turned to stand upright, 1 to 8 as EXIF numbers it.
    pub orientation: Option<u8>,
    /// Who made the camera.
    pub make: Option<String>,
    /// The camera's model.
    pub model: Option<String>,
    /// What was there and could not be used, and why.
    pub notes: Vec<String>,
}

/// The facts, and the one number that is only needed where pixels cannot be decoded.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) facts: ExifFacts,
    /// Width and height as EXIF repeats them.
    pub(super) pixels: Option<(u32, u32)>,
}

/// Reads whatever EXIF `photo` has. Never fails: what is wrong stands in the notes.
pub(super) fn read(photo: &PhotoBytes) -> Reading {
    contained(|| read_block(photo)).unwrap_or_else(|| {
        let notes = vec![UNREADABLE.to_owned()];
        Reading { facts: ExifFacts { notes, ..ExifFacts::default() }, pixels: None }
    })
}

fn read_block(photo: &PhotoBytes) -> Reading {
    let mut notes = Vec::new();
    let Some(exif) = open(photo, &mut notes) else {
        return Reading { facts: ExifFacts { notes, ..ExifFacts::default() }, pixels: None };
    };
    let mut block = Block { exif: &exif, notes };
    let facts = ExifFacts {
        position: block.position(),
        altitude_m: block.altitude_m(),
        taken_at: block.taken_at(),
        orientation: block.orientation(),
        make: block.text(Tag::Make),
        model: block.text(Tag::Model),
        notes: Vec::new(),
    };
    let pixels = block.number(Tag::PixelXDimension).zip(block.number(Tag::PixelYDimension));
    Reading { facts: ExifFacts { notes: block.notes, ..facts }, pixels }
}

/// The first EXIF block with anything in it.
fn open(photo: &PhotoBytes, notes: &mut Vec<String>) -> Option<Exif> {
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let attempts = match photo.media {
        MediaType::Jpeg => {
            let blocks = jpeg::walk(&photo.bytes).exif;
            blocks.into_iter().map(|block| reader.read_raw(mended(block))).collect()
        }
        MediaType::Png | MediaType::Heic | MediaType::Unknown(_) => {
            let most = usize::try_from(limits::EXIF_BYTES).unwrap_or(usize::MAX);
            let head = photo.bytes.get(..most).unwrap_or(&photo.bytes);
            vec![reader.read_from_container(&mut Cursor::new(head))]
        }
    };
    for attempt in attempts {
        let read = attempt.or_else(|error| {
            error.distill_partial_result(|errors| {
                notes.push(format!("EXIF is damaged in {} places; what else it says was read", errors.len()));
            })
        });
        match read {
            Ok(exif) if exif.fields().len() > 0 => return Some(exif),
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(_) => notes.push(UNREADABLE.to_owned()),
        }
    }
    None
}

/// A copy of `block` without the two faults for which the reader gives up where every other program reads on: a wrong
/// version number, and pointers to the lists of EXIF and GPS fields that are not of the one type that they can have.
fn mended(block: &[u8]) -> Vec<u8> {
    let mut tiff = block.to_vec();
    let big_endian = tiff.starts_with(b"MM");
    let short = |number: u16| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    if let Some(version) = tiff.get_mut(2..4) {
        version.copy_from_slice(&short(42));
    }
    // The first list: where it starts, how many fields it has, then twelve bytes each: tag, type, count, value.
    let Some(&start) = tiff.get(4..).and_then(<[u8]>::first_chunk::<4>) else { return tiff };
    let start = if big_endian { u32::from_be_bytes(start) } else { u32::from_le_bytes(start) };
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let Some((&mut count, fields)) = tiff.get_mut(start..).and_then(|list| list.split_first_chunk_mut::<2>()) else {
        return tiff;
    };
    let count = if big_endian { u16::from_be_bytes(count) } else { u16::from_le_bytes(count) };
    let pointers = [Tag::ExifIFDPointer, Tag::GPSInfoIFDPointer].map(|tag| short(tag.number()));
    for field in fields.chunks_exact_mut(12).take(count.into()) {
        if pointers.iter().any(|pointer| field.starts_with(pointer)) {
            field[2..4].copy_from_slice(&short(4));
        }
    }
    tiff
}

/// One EXIF block being read, with the notes taken on the way.
struct Block<'a> {
    exif: &'a Exif,
    notes: Vec<String>,
}

impl Block<'_> {
    fn value(&self, tag: Tag) -> Option<&Value> {
        self.exif.get_field(tag, In::PRIMARY).map(|field| &field.value)
    }

    fn number(&self, tag: Tag) -> Option<u32> {
        self.value(tag)?.get_uint(0)
    }

    /// Text without the padding that cameras leave; bounded, since it travels in an entry.
    fn text(&self, tag: Tag) -> Option<String> {
        let Value::Ascii(lines) = self.value(tag)? else { return None };
        let text = String::from_utf8_lossy(lines.first()?);
        let readable = text.trim().chars().filter(|c| !c.is_control());
        let text: String = readable.take(limits::EXIF_TEXT_CHARS).collect();
        (!text.is_empty()).then_some(text)
    }

    fn position(&mut self) -> Option<GeoPoint> {
        let lat = self.angle(Tag::GPSLatitude, Tag::GPSLatitudeRef, ['N', 'S'], "latitude");
        let lon = self.angle(Tag::GPSLongitude, Tag::GPSLongitudeRef, ['E', 'W'], "longitude");
        let point = GeoPoint::from_degrees(lat?, lon?);
        point.inspect_err(|error| self.notes.push(format!("no position: {error}"))).ok()
    }

    /// Signed degrees out of degrees, minutes, seconds and a letter.
    fn angle(&mut self, tag: Tag, letter: Tag, letters: [char; 2], what: &str) -> Option<f64> {
        let parts = numbers(self.value(tag)?);
        let letter = self.text(letter).and_then(|text| text.chars().next()).map(|c| c.to_ascii_uppercase());
        let [positive, negative] = letters;
        let sign = match letter {
            Some(c) if c == positive => 1.0,
            Some(c) if c == negative => -1.0,
            Some(_) | None => {
                self.notes.push(format!("no position: the {what} does not say {positive} or {negative}"));
                return None;
            }
        };
        let sound = !parts.is_empty() && parts.len() <= 3 && parts.iter().all(|part| part.is_finite() && *part >= 0.0);
        if !sound {
            self.notes.push(format!("no position: the {what} is not degrees, minutes and seconds"));
            return None;
        }
        Some(sign * parts.iter().rev().fold(0.0, |smaller, part| smaller / 60.0 + part))
    }

    fn altitude_m(&mut self) -> Option<f64> {
        let metres = numbers(self.value(Tag::GPSAltitude)?).first().copied()?;
        if !(metres.is_finite() && metres.abs() <= limits::ALTITUDE_M) {
            self.notes.push(format!("no altitude: {metres} m is none"));
            return None;
        }
        // Odd references are below: 1 sea level, 3 the ellipsoid (Exif 3.0, 4.6.6).
        let below = self.number(Tag::GPSAltitudeRef).is_some_and(|reference| reference % 2 == 1);
        // Adding nothing turns the -0 that "0 m below" would be into 0.
        Some(if below { -metres } else { metres } + 0.0)
    }

    fn taken_at(&mut self) -> Option<TakenAt> {
        let time = self.text(Tag::DateTimeOriginal)?;
        let taken_at = TakenAt::from_exif(&time, self.text(Tag::OffsetTimeOriginal).as_deref());
        if taken_at.is_none() {
            self.notes.push(format!("no time: {time:?} is none"));
        }
        taken_at
    }

    fn orientation(&mut self) -> Option<u8> {
        let number = self.number(Tag::Orientation)?;
        let orientation = u8::try_from(number).ok().filter(|number| (1..=8).contains(number));
        if orientation.is_none() {
            self.notes.push(format!("no orientation: {number} is none"));
        }
        orientation
    }
}

/// The numbers of a value, whatever type a careless program gave it; not a number where a denominator is zero.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Rational(list) => list.iter().map(|part| ratio(part.num.into(), part.denom.into())).collect(),
        Value::SRational(list) => list.iter().map(|part| ratio(part.num.into(), part.denom.into())).collect(),
        Value::Float(list) => list.iter().map(|part| f64::from(*part)).collect(),
        Value::Double(list) => list.clone(),
        Value::Byte(_)
        | Value::Short(_)
        | Value::Long(_)
        | Value::Ascii(_)
        | Value::SByte(_)
        | Value::Undefined(..)
        | Value::SShort(_)
        | Value::SLong(_)
        | Value::Unknown(..) => value.iter_uint().map(|list| list.map(f64::from).collect()).unwrap_or_default(),
    }
}

fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { f64::NAN } else { numerator / denominator }
}
