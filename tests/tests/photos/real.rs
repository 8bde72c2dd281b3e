//! Photos of real phones, in the folder that XUNCHENG_PHOTOS names; they are not part of the project.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use xuncheng_core::photo::{PhotoError, ingest, inspect};
use xuncheng_tests::fixtures;

use super::Desk;

/// What exiftool 12.57 says (`exiftool -n`): file, latitude, longitude, altitude, time, make, model, width, height.
type Row = (&'static str, Option<(f64, f64)>, Option<f64>, &'static str, &'static str, &'static str, (u32, u32));

const PHONES: [Row; 6] = [
    (
        "galaxy-note3.jpg",
        Some((36.124_256_111_111_1, -115.169_868_444_444)),
        Some(0.0),
        "2014-07-12T16:17:10",
        "SAMSUNG",
        "SAMSUNG-SM-N900A",
        (4128, 2322),
    ),
    (
        "galaxy-s7-edge.jpg",
        Some((48.892_5, 2.236_388_888_888_89)),
        Some(0.0),
        "2017-02-09T19:51:38",
        "samsung",
        "SM-G935L",
        (4032, 3024),
    ),
    (
        "htc-desire.jpg",
        Some((45.500_666_666_666_7, 9.110_333_333_333_33)),
        Some(217.0),
        "2011-05-06T09:59:48",
        "HTC",
        "HTC Desire",
        (776, 909),
    ),
    (
        "iphone4.jpg",
        Some((41.853, 12.488_833_333_333_3)),
        None,
        "2011-01-13T14:33:39",
        "Apple",
        "iPhone 4",
        (1296, 968),
    ),
    (
        "iphone6.jpg",
        Some((51.762_408_333_333_3, -0.317_891_666_666_667)),
        Some(111.261_044_2),
        "2014-09-16T14:05:12",
        "Apple",
        "iPhone 6",
        (3264, 2448),
    ),
    ("xperia-z2.jpg", None, None, "2014-09-23T16:38:23", "Sony", "D6503", (3264, 2448)),
];

#[test]
fn real_phones_are_read_as_exiftool_reads_them() {
    let Some(folder) = std::env::var_os("XUNCHENG_PHOTOS") else {
        let _ = writeln!(std::io::stderr(), "NOT CHECKED: real phone photos (XUNCHENG_PHOTOS names no folder)");
        return;
    };
    for (file, position, altitude, taken_at, make, model, (width, height)) in PHONES {
        let path = Path::new(&folder).join(file);
        let seen = inspect(&path).unwrap();
        match (position, seen.lat.zip(seen.lon)) {
            (Some((lat, lon)), Some((seen_lat, seen_lon))) => {
                assert!(
                    (lat - seen_lat).abs() < 1e-7 && (lon - seen_lon).abs() < 1e-7,
                    "{file}: {seen_lat}, {seen_lon}"
                );
            }
            (expected, seen) => assert_eq!(expected, seen, "{file}"),
        }
        match (altitude, seen.altitude) {
            (Some(metres), Some(seen)) => assert!((metres - seen).abs() < 1e-6, "{file}: {seen} m"),
            (expected, seen) => assert_eq!(expected, seen, "{file}"),
        }
        assert_eq!(seen.taken_at.unwrap().to_string(), taken_at, "{file}");
        assert_eq!((seen.make.as_deref(), seen.model.as_deref()), (Some(make), Some(model)), "{file}");
        assert_eq!((seen.width, seen.height, seen.orientation), (Some(width), Some(height), Some(1)), "{file}");
    }
}

#[test]
fn real_phones_photos_are_kept() {
    let Some(folder) = std::env::var_os("XUNCHENG_PHOTOS") else { return };
    let desk = Desk::new();
    for (file, _, _, _, _, _, (width, height)) in PHONES {
        let photo = ingest(&Path::new(&folder).join(file), None, &desk.folder).unwrap();
        assert_eq!((photo.width, photo.height), (width, height), "{file}");
        let view = image::open(desk.folder.view(&photo.sha256)).unwrap();
        assert_eq!(view.width().max(view.height()), width.max(height).min(1600), "{file}");
        let thumbnail = fs::metadata(desk.folder.thumbnail(&photo.sha256)).unwrap().len();
        assert!(thumbnail <= 20 * 1024, "{file}: {thumbnail} bytes");
    }
}

#[test]
fn a_real_heic_is_whole_and_cut_anywhere_it_is_not() {
    let Some(folder) = std::env::var_os("XUNCHENG_PHOTOS") else { return };
    let desk = Desk::new();
    let copy = desk.camera_writes("copy.jpg", &fixtures::jpeg(90, 120, 4));
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let heics: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("heic"))).collect();
    if heics.is_empty() {
        let _ = writeln!(std::io::stderr(), "NOT CHECKED: real HEICs (XUNCHENG_PHOTOS holds none)");
    }
    for heic in heics {
        ingest(&heic, Some(&copy), &desk.folder).unwrap();
        let bytes = fs::read(&heic).unwrap();
        for keep in (1..50).map(|part| bytes.len() / 50 * part).chain([1, 20, 40, 400, bytes.len() - 1]) {
            let cut = desk.camera_writes("cut.HEIC", &fixtures::cut_off(&bytes, keep));
            let error = ingest(&cut, Some(&copy), &desk.folder).expect_err("it is not whole");
            let told = matches!(error, PhotoError::CutOff { .. } | PhotoError::NotAPhoto { .. });
            assert!(told, "{} after {keep} bytes: {error}", heic.display());
        }
    }
}
