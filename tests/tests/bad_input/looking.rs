//! Looking at a file says what is wrong with it, to people and to programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use xuncheng_tests::fixtures::{self, Camera};

/// `xuncheng photo inspect`, for people and for programs.
fn looked_at(file: &Path) -> [(bool, String, String); 2] {
    [&["photo", "inspect"][..], &["photo", "inspect", "--json"]].map(|words| {
        let output = Command::new(xuncheng_tests::program::xuncheng()).args(words).arg(file).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    })
}

#[test]
fn who_looks_at_a_photo_is_told_that_no_case_would_take_it() {
    let place = tempfile::TempDir::new().unwrap();
    let look = |name: &str, bytes: &[u8]| {
        let file = place.path().join(name);
        fs::write(&file, bytes).unwrap();
        let [(read, table, err), (read_too, json, err_too)] = looked_at(&file);
        assert!(read && read_too, "{err}{err_too}");
        (table, serde_json::from_str::<Value>(&json).unwrap())
    };
    let (table, json) = look("huge.jpg", &fixtures::jpeg_that_claims(65_500, 65_500));
    let why = "would not be taken for a case: it says to be 65,500 × 65,500 pixels, and at most 200,000,000 in all are \
               read; take the photo again with fewer megapixels";
    assert_eq!((&json["width"], &json["height"]), (&65_500.into(), &65_500.into()));
    assert_eq!(json["notes"], serde_json::json!([why]));
    assert_eq!(table.lines().last(), Some(&*format!("note: {why}")));
    let whole = fixtures::jpeg_with_exif(640, 480, 3, &Camera::default());
    let (table, json) = look("cut.jpg", &fixtures::cut_off(&whole, whole.len() / 2));
    assert_eq!((&json["lat"], &json["width"]), (&31.8672.into(), &640.into()), "what can be read is said");
    assert!(
        table.lines().last().unwrap().starts_with("note: would not be taken for a case: the picture ends"),
        "{table}"
    );
    let (table, json) = look("sound.jpg", &whole);
    assert_eq!(json["notes"], serde_json::json!([]));
    assert!(!table.contains("note"), "{table}");
}

#[test]
fn what_cannot_be_looked_at_at_all_is_said_in_one_line() {
    let place = tempfile::TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        fs::write(place.path().join(name), bytes).unwrap();
        place.path().join(name)
    };
    let pipe = place.path().join("pipe.jpg");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, why) in [
        (place.path().to_owned(), "it is a folder: name the photos in it"),
        (place.path().join("gone.jpg"), "there is no such file; check its name"),
        (file("empty.jpg", b""), "the file is empty; copy it again"),
        (PathBuf::from("/dev/zero"), "it is no file but a pipe, a socket or a device; copy the photo into a file"),
        (pipe, "it is no file but a pipe, a socket or a device; copy the photo into a file"),
        (file("letter.jpg", &fixtures::text_file()), "it is not a JPEG, PNG or HEIC picture"),
    ] {
        for (read, out, err) in looked_at(&path) {
            assert!(!read && err.lines().count() == 1 && err.contains(why), "{err}");
            if let Ok(told) = serde_json::from_str::<Value>(&out) {
                assert_eq!(told["error"]["code"], "photo_refused", "as where it is captured");
            } else {
                assert!(out.is_empty(), "{out}");
            }
        }
    }
}
