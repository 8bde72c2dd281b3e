//! The personal part of an entry is erased at the office, by the command line beside the running office, and leaves the phone.

use xuncheng_tests::fixtures::{self, Camera};
use xuncheng_tests::program::{OfficeProgram, Program, files_below};

/// How many private parts stand in a phone's files.
fn private_parts(phone: &Program) -> usize {
    let marker = b"\"capture\":{\"now\":";
    let stands = |path: &std::path::PathBuf| std::fs::read(path).unwrap();
    let files = files_below(phone.folder()).iter().map(stands).collect::<Vec<_>>();
    files.iter().map(|bytes| bytes.windows(marker.len()).filter(|window| window == marker).count()).sum()
}

#[test]
fn what_is_erased_at_the_office_leaves_the_phone_that_wrote_it() {
    let office = OfficeProgram::start(4 * 1024 * 1024);
    let li = Program::phone_of("li");
    assert!(li.run(&["enrol", &office.code("li", &office.url)]).success);
    let photo = li.file("IMG_1.jpg", &fixtures::jpeg_with_exif(1600, 1200, 1, &Camera::default()));
    assert!(li.capture(&[&photo]).success);
    assert!(li.run(&["sync"]).success && li.run(&["sync"]).success);
    assert!(private_parts(&li) > 0);

    let number = li.run(&["--json", "list"]).json()["cases"][0]["label"].as_str().unwrap().to_owned();
    let unknown = office.run(&["erase", "list", "BZ20990101-0001"]);
    assert!(!unknown.success && unknown.err.contains("there is no case BZ20990101-0001"), "{}", unknown.err);
    let entries = || office.run(&["erase", "list", &number, "--json"]).json().as_array().unwrap().clone();
    let erase = |entry: &str, person: &str| {
        office.run(&["erase", "entry", entry, "--person", person, "--reason", "当事人要求", "--json"])
    };
    let of_li: Vec<String> = entries()
        .iter()
        .filter(|entry| entry["person"] == "li")
        .map(|entry| entry["entry"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(of_li.len(), 2, "a case and its photo");
    let refused = erase(&of_li[0], "zhang");
    assert!(!refused.success && refused.out.contains("\"not_done\""), "{refused:?}");
    for entry in &of_li {
        assert!(erase(entry, "he").success);
    }
    let again = erase(&of_li[0], "he");
    assert!(!again.success && again.out.contains("\"nothing_to_erase\""), "{again:?}");
    assert_eq!(entries().iter().filter(|entry| entry["erased"] == true).count(), 2);

    assert!(li.run(&["sync"]).success);
    assert_eq!(private_parts(&li), 0, "not a byte of it is left on the phone");
    assert!(li.run(&["show", &li.list()[0]]).success);
}
