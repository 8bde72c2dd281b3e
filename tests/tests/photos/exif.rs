//! What is read from EXIF, sound and broken: one bad fact takes no other with it.

use xuncheng_core::id::PhotoHash;
use xuncheng_core::photo::{Inspection, ingest, inspect};
use xuncheng_tests::fixtures::{self, Camera, Flaw};

use super::Desk;

fn seen(bytes: &[u8]) -> Inspection {
    let desk = Desk::new();
    let path = desk.camera_writes("IMG_1.jpg", bytes);
    inspect(&path).unwrap()
}

fn with_flaw(flaw: Flaw) -> Inspection {
    let bytes = fixtures::jpeg_with_flaw(flaw);
    let desk = Desk::new();
    let path = desk.camera_writes("IMG_1.jpg", &bytes);
    ingest(&path, None, &desk.folder).expect("a capture is never refused for its EXIF");
    inspect(&path).unwrap()
}

fn position(seen: &Inspection) -> Option<(f64, f64)> {
    seen.lat.zip(seen.lon)
}

const IN_BAZHOU: Option<(f64, f64)> = Some((31.8672, 106.7431));

#[test]
fn an_inspection_is_written_in_this_order() {
    let seen = seen(&fixtures::jpeg_with_exif(640, 480, 3, &Camera::default()));
    insta::assert_json_snapshot!(Inspection { sha256: PhotoHash::from_bytes([0xAB; 32]), bytes: 40_960, ..seen }, @r#"
    {
      "lat": 31.8672,
      "lon": 106.7431,
      "altitude": 356.5,
      "taken_at": "2026-07-21T09:14:05+08:00",
      "orientation": 1,
      "width": 640,
      "height": 480,
      "sha256": "abababababababababababababababababababababababababababababababab",
      "bytes": 40960,
      "make": "Xuncheng",
      "model": "Fixture",
      "notes": []
    }
    "#);
}

#[test]
fn a_photo_without_exif_has_nothing_to_say() {
    let seen = seen(&fixtures::jpeg(640, 480, 3));
    assert_eq!(position(&seen), None);
    assert_eq!((seen.altitude, seen.taken_at, seen.orientation, seen.make, seen.model), (None, None, None, None, None));
    assert_eq!((seen.width, seen.height), (Some(640), Some(480)));
    assert!(seen.notes.is_empty(), "having no EXIF is no fault: {:?}", seen.notes);
}

#[test]
fn south_west_and_below_the_sea_are_negative() {
    let camera = Camera { position: Some((-33.8568, -70.6483)), altitude_m: Some(-12.25), ..Camera::default() };
    let seen = seen(&fixtures::jpeg_with_exif(64, 64, 3, &camera));
    assert_eq!(position(&seen), Some((-33.8568, -70.6483)));
    assert_eq!(seen.altitude, Some(-12.25));
}

#[test]
fn a_time_without_offset_stays_local() {
    let camera = Camera { offset: None, ..Camera::default() };
    let seen = seen(&fixtures::jpeg_with_exif(64, 64, 3, &camera));
    assert_eq!(seen.taken_at.unwrap().to_string(), "2026-07-21T09:14:05");
}

#[test]
fn broken_lists_of_fields_still_give_what_can_be_read() {
    for flaw in [
        Flaw::ValueOverlapsFields,
        Flaw::OffsetPastEnd,
        Flaw::TooManyFields,
        Flaw::NextListBeyondEnd,
        Flaw::GpsPointerOfTypeIfd,
        Flaw::WrongMagic,
    ] {
        let seen = with_flaw(flaw);
        assert_eq!(position(&seen), IN_BAZHOU, "{flaw:?}: {:?}", seen.notes);
        assert_eq!(seen.orientation, Some(1), "{flaw:?}");
        assert_eq!(
            seen.taken_at.map(|time| time.to_string()).as_deref(),
            Some("2026-07-21T09:14:05+08:00"),
            "{flaw:?}"
        );
    }
}

#[test]
fn a_gps_list_that_is_not_one_leaves_the_rest() {
    let seen = with_flaw(Flaw::GpsPointsToMain);
    assert_eq!(position(&seen), None);
    assert_eq!((seen.make.as_deref(), seen.orientation), (Some("Xuncheng"), Some(1)));
    assert!(!seen.notes.is_empty());
}

#[test]
fn positions_that_cannot_be_true_are_none_and_say_why() {
    for (flaw, reason) in [
        (Flaw::NullIsland, "no position: latitude 0°, longitude 0° is what a receiver without a position reports"),
        (Flaw::NorthOfThePole, "no position: latitude 91°, longitude 106.7° is no place on earth"),
        (Flaw::EastOfTheDateLine, "no position: latitude 31.8°, longitude 181° is no place on earth"),
        (Flaw::ZeroDenominator, "no position: the latitude is not degrees, minutes and seconds"),
        (Flaw::NoHemisphere, "no position: the latitude does not say N or S"),
    ] {
        let seen = with_flaw(flaw);
        assert_eq!(position(&seen), None, "{flaw:?}");
        assert_eq!(seen.notes, [reason], "{flaw:?}");
        assert_eq!(seen.altitude, Some(356.5), "{flaw:?} takes nothing else with it");
        assert!(seen.taken_at.is_some() && seen.orientation == Some(1) && seen.model.is_some(), "{flaw:?}");
    }
}

#[test]
fn altitude_orientation_and_time_that_cannot_be_true_are_none() {
    let seen = with_flaw(Flaw::AltitudeOverZero);
    assert_eq!((position(&seen), seen.altitude), (IN_BAZHOU, None));
    let seen = with_flaw(Flaw::NoSuchOrientation);
    assert_eq!((position(&seen), seen.orientation), (IN_BAZHOU, None));
    for flaw in [Flaw::NoSuchDay, Flaw::BlankTime] {
        let seen = with_flaw(flaw);
        assert_eq!((position(&seen), seen.taken_at), (IN_BAZHOU, None), "{flaw:?}");
    }
}

#[test]
fn a_block_that_is_no_exif_at_all_is_skipped_and_the_next_is_read() {
    let two_blocks = seen(&fixtures::jpeg_with_second_exif(&Camera::default()));
    assert_eq!(position(&two_blocks), IN_BAZHOU);
    assert_eq!(two_blocks.notes, ["EXIF cannot be read: it is damaged, or the file around it"]);
}

#[test]
fn a_cut_photo_still_says_where_it_was_taken() {
    let whole = fixtures::jpeg_with_exif(640, 480, 3, &Camera::default());
    let seen = seen(&fixtures::cut_off(&whole, whole.len() / 2));
    assert_eq!(position(&seen), IN_BAZHOU);
    assert!(seen.notes.iter().any(|note| note.contains("cut off")), "{:?}", seen.notes);
}

#[test]
fn no_cut_anywhere_in_the_exif_is_more_than_a_note() {
    let whole = fixtures::jpeg_with_exif(64, 64, 3, &Camera::default());
    let desk = Desk::new();
    for keep in 3..700.min(whole.len()) {
        let path = desk.camera_writes("IMG_1.jpg", &fixtures::cut_off(&whole, keep));
        assert!(inspect(&path).unwrap().notes.iter().any(|note| note.contains("cut off")), "{keep}");
    }
}

#[test]
fn a_heic_says_where_it_was_taken() {
    let seen = seen(&fixtures::heic(&Camera::default()));
    assert_eq!(position(&seen), IN_BAZHOU, "{:?}", seen.notes);
}
