//! What the folder holds after a capture.

use std::fs;

use image::{GenericImageView, Rgba};
use xuncheng_core::photo::{Fingerprint, MediaType, PhotoFolder, derive_renditions, ingest, inspect};
use xuncheng_tests::fixtures::{self, Camera};

use super::Desk;

#[test]
fn a_photo_is_kept_byte_for_byte_with_two_renditions() {
    let desk = Desk::new();
    let bytes = fixtures::jpeg_with_exif(2400, 1800, 7, &Camera::default());
    let photo = ingest(&desk.camera_writes("IMG_1.jpg", &bytes), None, &desk.folder).unwrap();

    assert_eq!(fs::read(desk.folder.original(&photo.sha256)).unwrap(), bytes);
    assert_eq!((&photo.media, photo.bytes), (&MediaType::Jpeg, bytes.len() as u64));
    assert_eq!((photo.width, photo.height), (2400, 1800));
    let fingerprint = Fingerprint::of_file(&desk.folder.original(&photo.sha256)).unwrap();
    assert_eq!((fingerprint.sha256, fingerprint.sm3), (photo.sha256, photo.sm3));

    let view = image::open(desk.folder.view(&photo.sha256)).unwrap();
    assert_eq!(view.dimensions(), (1600, 1200));
    let thumbnail = image::open(desk.folder.thumbnail(&photo.sha256)).unwrap();
    assert_eq!(thumbnail.dimensions(), (320, 240));
    assert_eq!(Fingerprint::of_file(&desk.folder.view(&photo.sha256)).unwrap().sha256, photo.view);
    assert_eq!(Fingerprint::of_file(&desk.folder.thumbnail(&photo.sha256)).unwrap().sha256, photo.thumbnail);
    // Its note goes with it, once a row names the photo.
    drop(photo);
    assert_eq!(desk.kept().len(), 3, "nothing else is left, in tmp neither");
}

#[test]
fn a_rendition_says_nothing_of_place_time_or_camera() {
    let desk = Desk::new();
    let bytes = fixtures::jpeg_with_exif(800, 600, 7, &Camera::default());
    let photo = ingest(&desk.camera_writes("IMG_1.jpg", &bytes), None, &desk.folder).unwrap();
    for rendition in [desk.folder.view(&photo.sha256), desk.folder.thumbnail(&photo.sha256)] {
        assert!(!fs::read(&rendition).unwrap().windows(4).any(|four| four == b"Exif"));
        let seen = inspect(&rendition).unwrap();
        assert_eq!((seen.lat, seen.taken_at, seen.make, seen.orientation), (None, None, None, None));
    }
}

#[test]
fn a_small_photo_is_not_blown_up() {
    let desk = Desk::new();
    let photo = ingest(&desk.camera_writes("a.jpg", &fixtures::jpeg(200, 100, 1)), None, &desk.folder).unwrap();
    for rendition in [desk.folder.view(&photo.sha256), desk.folder.thumbnail(&photo.sha256)] {
        assert_eq!(image::open(rendition).unwrap().dimensions(), (200, 100));
    }
}

#[test]
fn a_strip_keeps_at_least_one_pixel_of_height() {
    let desk = Desk::new();
    let photo = ingest(&desk.camera_writes("a.jpg", &fixtures::jpeg(4000, 2, 1)), None, &desk.folder).unwrap();
    assert_eq!(image::open(desk.folder.view(&photo.sha256)).unwrap().dimensions(), (1600, 1));
    assert_eq!(image::open(desk.folder.thumbnail(&photo.sha256)).unwrap().dimensions(), (320, 1));
}

#[test]
fn every_orientation_stands_upright_in_the_renditions() {
    // Where the red, green and blue corners of the stored picture end up: EXIF 3.0, 4.6.5.1.6.
    let upright = [
        (1, ["red", "green", "blue"]),
        (2, ["green", "red", "grey"]),
        (3, ["grey", "blue", "green"]),
        (4, ["blue", "grey", "red"]),
        (5, ["red", "blue", "green"]),
        (6, ["blue", "red", "grey"]),
        (7, ["grey", "green", "blue"]),
        (8, ["green", "grey", "red"]),
    ];
    let desk = Desk::new();
    for (orientation, corners) in upright {
        let camera = Camera { orientation: Some(orientation), ..Camera::default() };
        let bytes = fixtures::jpeg_with_exif(400, 200, 3, &camera);
        let photo = ingest(&desk.camera_writes("IMG_1.jpg", &bytes), None, &desk.folder).unwrap();
        let expected = if orientation < 5 { (400, 200) } else { (200, 400) };
        assert_eq!((photo.width, photo.height), expected, "orientation {orientation}");
        assert_eq!(photo.exif.orientation.map(u16::from), Some(orientation));
        let view = image::open(desk.folder.view(&photo.sha256)).unwrap();
        assert_eq!(view.dimensions(), expected);
        let (right, bottom) = (view.width() - 10, view.height() - 10);
        let seen = [(10, 10), (right, 10), (10, bottom)].map(|(x, y)| colour(view.get_pixel(x, y)));
        assert_eq!(seen, corners, "orientation {orientation}");
    }
}

fn colour(pixel: Rgba<u8>) -> &'static str {
    match pixel.0.map(|part| part > 100) {
        [true, false, false, _] => "red",
        [false, true, false, _] => "green",
        [false, false, true, _] => "blue",
        [..] => "grey",
    }
}

#[test]
fn the_same_photo_may_come_twice_and_heals_what_the_disk_damaged() {
    let desk = Desk::new();
    let source = desk.camera_writes("IMG_1.jpg", &fixtures::jpeg(640, 480, 5));
    let first = ingest(&source, None, &desk.folder).unwrap();
    fs::write(desk.folder.original(&first.sha256), b"rotten").unwrap();
    let second = ingest(&source, None, &desk.folder).unwrap();
    assert_eq!((second.sha256, second.view, second.thumbnail), (first.sha256, first.view, first.thumbnail));
    assert_eq!(fs::read(desk.folder.original(&first.sha256)).unwrap(), fs::read(source).unwrap());
    // Their notes go with them, once rows name the photo.
    drop((first, second));
    assert_eq!(desk.kept().len(), 3);
}

#[test]
fn the_office_draws_the_same_renditions_from_the_original() {
    let phone = Desk::new();
    let office = Desk::new();
    let bytes = fixtures::jpeg_with_exif(2000, 1500, 9, &Camera { orientation: Some(6), ..Camera::default() });
    let captured = ingest(&phone.camera_writes("IMG_1.jpg", &bytes), None, &phone.folder).unwrap();
    let derived = derive_renditions(&phone.folder.original(&captured.sha256), &office.folder).unwrap();
    assert_eq!((derived.view, derived.thumbnail), (captured.view, captured.thumbnail));
    assert_eq!((derived.original, derived.width, derived.height), (captured.sha256, 1500, 2000));
    assert_eq!(office.kept().len(), 2, "the office keeps originals in a place of its own");
}

#[test]
fn a_thumbnail_stays_small_even_of_noise() {
    let desk = Desk::new();
    let bytes = fixtures::jpeg_of_at_least(3_000_000, 42);
    assert!((3_000_000..3_300_000).contains(&bytes.len()), "{} bytes", bytes.len());
    let photo = ingest(&desk.camera_writes("IMG_1.jpg", &bytes), None, &desk.folder).unwrap();
    let thumbnail = fs::metadata(desk.folder.thumbnail(&photo.sha256)).unwrap().len();
    assert!(thumbnail <= 20 * 1024, "{thumbnail} bytes");
}

#[test]
fn a_png_is_a_photo_and_its_transparent_parts_are_white() {
    let desk = Desk::new();
    let bytes = fixtures::png(600, 400, 2);
    let photo = ingest(&desk.camera_writes("IMG_1.jpg", &bytes), None, &desk.folder).unwrap();
    assert_eq!(photo.media, MediaType::Png, "told by its bytes, not by its name");
    assert_eq!(fs::read(desk.folder.original(&photo.sha256)).unwrap(), bytes);
    let view = image::open(desk.folder.view(&photo.sha256)).unwrap();
    let [red, green, ..] = view.get_pixel(590, 10).0;
    assert!(green > 200 && (110..190).contains(&red), "half green, half white: {red} {green}");
}

#[test]
fn a_heic_is_kept_when_its_working_copy_comes_along() {
    let desk = Desk::new();
    let heic = fixtures::heic(&Camera { orientation: Some(6), ..Camera::default() });
    let upright = fixtures::jpeg(900, 1200, 4);
    let source = desk.camera_writes("IMG_1.HEIC", &heic);
    let copy = desk.camera_writes("IMG_1.jpg", &upright);
    let photo = ingest(&source, Some(&copy), &desk.folder).unwrap();
    assert_eq!(photo.media, MediaType::Heic);
    assert_eq!(fs::read(desk.folder.original(&photo.sha256)).unwrap(), heic);
    assert_eq!((photo.width, photo.height), (900, 1200), "the working copy is upright already");
    assert_eq!(photo.exif.position.unwrap().lat_e7(), 318_672_000, "read from the HEIC itself");
    assert_eq!(image::open(desk.folder.view(&photo.sha256)).unwrap().dimensions(), (900, 1200));
}

#[test]
fn a_heic_whose_platform_stripped_it_has_place_and_time_of_its_working_copy() {
    let desk = Desk::new();
    let stripped = Camera { position: None, altitude_m: None, taken_at: None, offset: None, ..Camera::default() };
    let source = desk.camera_writes("IMG_1.HEIC", &fixtures::heic(&stripped));
    let kept = |copy: &[u8]| ingest(&source, Some(&desk.camera_writes("copy.jpg", copy)), &desk.folder).unwrap().exif;
    let nothing = kept(&fixtures::jpeg(90, 120, 4));
    assert_eq!((nothing.position, nothing.taken_at), (None, None));
    let exif = kept(&fixtures::jpeg_with_exif(90, 120, 4, &Camera::default()));
    assert_eq!(exif.position.unwrap().lat_e7(), 318_672_000);
    assert!(exif.taken_at.is_some());
    // What the original says itself stands, whatever the copy says.
    let elsewhere = Camera { position: Some((31.9, 106.8)), ..Camera::default() };
    let whole = desk.camera_writes("IMG_2.HEIC", &fixtures::heic(&Camera::default()));
    let copy = desk.camera_writes("IMG_2.jpg", &fixtures::jpeg_with_exif(90, 120, 5, &elsewhere));
    let exif = ingest(&whole, Some(&copy), &desk.folder).unwrap().exif;
    assert_eq!(exif.position.unwrap().lat_e7(), 318_672_000);
}

#[test]
fn what_a_crash_left_half_written_is_swept() {
    let desk = Desk::new();
    fs::write(desk.folder.temporary().join(".tmpXyz"), b"half").unwrap();
    let again = PhotoFolder::open(desk.folder.root()).unwrap();
    assert_eq!(again.sweep_temporary().unwrap(), 1);
    assert_eq!(again.sweep_temporary().unwrap(), 0);
    assert!(desk.kept().is_empty());
}
