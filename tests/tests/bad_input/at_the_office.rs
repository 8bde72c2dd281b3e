//! What an office is told that it cannot use.

use std::process::Command;

use xuncheng_tests::program::xuncheng;

#[test]
fn an_address_that_no_phone_could_reach_is_no_address_of_an_office() {
    let place = tempfile::TempDir::new().unwrap();
    let said = |words: &[&str]| {
        let output = Command::new(xuncheng()).args(words).current_dir(place.path()).output().unwrap();
        assert!(!output.status.success(), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for slip in ["xc.example.cn", "foo bar", "https://xc.example.cn/?a=b"] {
        for words in [&["serve", "--port", "0", "--url", slip][..], &["code", "new", "--person", "li", "--url", slip]] {
            let said = said(words);
            assert!(
                said.contains(&format!("'{slip}' for '--url")) && said.contains("like https://xc.example.cn or"),
                "{said}"
            );
        }
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "no office was founded");
}
