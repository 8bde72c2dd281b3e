//! An office in a government's network: its certificate is of the district's own CA, which no phone knows.

use xuncheng_tests::fixtures::{self, DISTRICT_CA, OFFICE_CERTIFICATE, OFFICE_KEY};
use xuncheng_tests::program::{Done, OfficeProgram, Program};

fn refused(done: &Done) -> &str {
    assert!(!done.success && done.err.lines().count() == 1, "{done:?}");
    &done.err
}

#[test]
fn a_phone_trusts_the_districts_own_ca_once_it_was_given() {
    let office = OfficeProgram::over_tls();
    let li = Program::phone_of("li");
    let code = office.code("li", &office.url);
    let unknown = li.run(&["enrol", &code]);
    for what in ["nobody whom this phone trusts vouches for the certificate", "--ca FILE", "the code stays good"] {
        assert!(refused(&unknown).contains(what), "{}", unknown.err);
    }
    // What is no CA's certificate is refused before anything is sent.
    let letter = li.file("letter.pem", &fixtures::text_file());
    let hollow = li.file("hollow.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (file, why) in [
        (letter.to_str().unwrap(), "there is no certificate in"),
        (OFFICE_KEY, "there is no certificate in"),
        (hollow.to_str().unwrap(), "cannot be used"),
        ("nowhere.pem", "cannot read the CA's certificate"),
        // The office's own, which it shows anyway, is not the CA's.
        (OFFICE_CERTIFICATE, "nobody whom this phone trusts"),
    ] {
        let done = li.run(&["enrol", &code, "--ca", file]);
        assert!(refused(&done).contains(why), "{file}: {}", done.err);
    }

    let enrolled = li.run(&["enrol", &code, "--ca", DISTRICT_CA]);
    assert!(enrolled.success, "{}", enrolled.err);
    assert!(li.capture(&[&li.file("IMG_1.jpg", &fixtures::jpeg(96, 64, 1))]).success);
    let synced = li.run(&["sync"]);
    assert!(synced.success, "{}", synced.err);
    assert_eq!(li.status()["photos"]["received"], 1);

    // It is kept with the phone: without it the office is nobody's again, and with it all goes on.
    let kept = li.folder().join("office-ca.pem");
    std::fs::rename(&kept, li.place.path().join("away.pem")).unwrap();
    let without = li.run(&["sync"]);
    assert!(refused(&without).contains("office-ca.pem in the phone's folder"), "{}", without.err);
    std::fs::rename(li.place.path().join("away.pem"), &kept).unwrap();
    assert!(li.run(&["sync"]).success);
}
