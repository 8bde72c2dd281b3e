//! The project's own photos are what their index says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use xuncheng_core::photo::{ingest, inspect};
use xuncheng_core::place::{GeoPoint, distance_m};

use super::Desk;

#[derive(Deserialize)]
struct Index {
    photo: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    title: String,
    description: String,
    kind: String,
    code5: String,
    role: String,
    of: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/photos")
}

fn index() -> Vec<Entry> {
    let text = fs::read_to_string(folder().join("index.toml")).unwrap();
    toml::from_str::<Index>(&text).unwrap().photo
}

#[test]
fn every_sample_is_listed_and_every_listed_one_is_there() {
    let listed: BTreeSet<String> = index().into_iter().map(|entry| entry.file).collect();
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let present: BTreeSet<String> = names.filter(|name| name != "index.toml").collect();
    assert_eq!(listed, present);
    assert!(listed.len() >= 12);
}

#[test]
fn the_index_says_what_a_capture_needs() {
    let index = index();
    for entry in &index {
        assert!(!entry.title.is_empty() && !entry.description.is_empty(), "{}", entry.file);
        assert_eq!(entry.kind, "matter", "{}", entry.file);
        assert!(entry.code5.len() == 5 && entry.code5.bytes().all(|digit| digit.is_ascii_digit()), "{}", entry.file);
        let first = entry
            .of
            .as_ref()
            .map(|of| index.iter().find(|other| other.file == *of).expect("its first photo is listed"));
        match (entry.role.as_str(), first) {
            ("scene" | "before", None) => {}
            ("after" | "close", Some(first)) => {
                assert_eq!((first.role.as_str(), &first.code5), ("before", &entry.code5), "{}", entry.file);
            }
            (role, _) => panic!("{}: {role}", entry.file),
        }
    }
}

#[test]
fn the_samples_are_photos_as_a_phone_takes_them() {
    let old_town = GeoPoint::from_degrees(31.869, 106.742).unwrap();
    let desk = Desk::new();
    let (mut total, mut orientations) = (0, BTreeSet::new());
    for entry in index() {
        let path = folder().join(&entry.file);
        let seen = inspect(&path).unwrap();
        assert!((200_000..500_000).contains(&seen.bytes), "{}: {} bytes", entry.file, seen.bytes);
        assert!(seen.notes.is_empty(), "{}: {:?}", entry.file, seen.notes);
        let at = GeoPoint::from_degrees(seen.lat.unwrap(), seen.lon.unwrap()).unwrap();
        assert!(distance_m(old_town, at) < 1_000.0, "{}", entry.file);
        let taken_at = seen.taken_at.unwrap().to_string();
        assert!(taken_at.starts_with("2026-07-") && taken_at.ends_with("+08:00"), "{}: {taken_at}", entry.file);
        assert_eq!((seen.make.as_deref(), seen.model.as_deref()), (Some("Xuncheng"), Some("Sample")));
        orientations.insert(seen.orientation.unwrap());
        total += seen.bytes;

        let photo = ingest(&path, None, &desk.folder).unwrap();
        assert_eq!(photo.width.max(photo.height), 1600, "{}", entry.file);
    }
    assert_eq!(orientations, BTreeSet::from([1, 3, 6, 8]));
    assert!(total <= 5_000_000, "they are embedded in the program: {total} bytes");
}
