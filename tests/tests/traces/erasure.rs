//! Traces of erasure: what was erased is gone wherever it lay, and nothing brings it back (docs/protocol.md, 9).

use std::fs;
use std::path::Path;

use xuncheng_core::clock::Seed;
use xuncheng_core::crypto::{Signed, SoftwareKey};
use xuncheng_core::id::EntryId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::erasure::{Erasure, PRIVATE};
use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::journal::verdict::Code;
use xuncheng_core::store::{entries, erased};
use xuncheng_core::work::case::CASE;
use xuncheng_office::OfficeError;
use xuncheng_tests::phone::Phone;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::recovery::own_entry;

/// What stands in the private part of an entry and nowhere else: its salt.
fn salt_of(phone: &Phone, entry: EntryId) -> String {
    let private = entries::get(phone.field().store(), entry).unwrap().unwrap().private.unwrap();
    let private: serde_json::Value = serde_json::from_str(&private).unwrap();
    private["salt"].as_str().unwrap().to_owned()
}

/// The files below a folder in whose bytes `text` stands.
fn files_with(folder: &Path, text: &str, found: &mut Vec<String>) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            files_with(&path, text, found);
        } else if fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
}

fn found_in(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    files_with(folder, text, &mut found);
    found
}

fn office_holds(world: &World, entry: EntryId) -> bool {
    world.office().read(|conn| entries::get(conn, entry).unwrap().unwrap().private.is_some())
}

fn phone_holds(phone: &Phone, entry: EntryId) -> bool {
    entries::get(phone.field().store(), entry).unwrap().unwrap().private.is_some()
}

/// Not a byte of it is left in the ledger or on the phone: not in a free page, nor in a write-ahead log. The case is what it was,
/// and the chain can still be checked.
#[test]
fn what_was_erased_is_in_no_file_any_more() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    li.describe(case, "改过").unwrap();
    li.sync().unwrap();
    let entry = own_entry(&li.case(case));
    let salt = salt_of(&li, entry);
    let office = world.office();
    assert!(!found_in(&office.folder(), &salt).is_empty() && !found_in(li.folder(), &salt).is_empty());

    let was = office.view(case).unwrap();
    office.erase("he", entry).unwrap();
    assert_eq!(found_in(&office.folder(), &salt), [""; 0]);
    assert!(phone_holds(&li, entry), "it has not heard of it");
    li.sync().unwrap();
    assert!(!phone_holds(&li, entry));
    assert_eq!(found_in(li.folder(), &salt), [""; 0]);

    let is = office.view(case).unwrap();
    assert_eq!((is.fields, is.sets, is.state), (was.fields, was.sets, was.state));
    assert_eq!(li.case(case).summary.description, "改过");
    world.check_invariants();
    // Its author goes on.
    li.describe(case, "又改过").unwrap();
    li.sync().unwrap();
    assert_eq!(office.view(case).unwrap().text("description"), Some("又改过"));
    world.check_invariants();
}

/// Only an administrator erases, for a reason, and once.
#[test]
fn nobody_erases_but_who_may() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let entry = own_entry(&li.case(case));
    let office = world.office();
    for person in ["zhang", "li"] {
        let refused = office.erase(person, entry);
        assert!(matches!(refused, Err(OfficeError::NotDone(Code::NotAllowed))), "{person}: {refused:?}");
    }
    assert!(office_holds(&world, entry));
    office.erase("he", entry).unwrap();
    assert!(matches!(office.erase("he", entry), Err(OfficeError::NothingToErase(named)) if named == entry));
    let nobodys = EntryId::from_bytes([9; 16]);
    assert!(matches!(office.erase("he", nobodys), Err(OfficeError::NothingToErase(named)) if named == nobodys));
}

/// TRACES `erased_comes_back`: an older backup holds the part, and a phone that was away brings it.
#[test]
fn erased_comes_back() {
    let world = World::new(seed!());
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let cases = [li.capture("matter/09006").summary.id, wang.capture("matter/09006").summary.id];
    li.sync().unwrap();
    wang.sync().unwrap();
    let erased = [own_entry(&li.case(cases[0])), own_entry(&wang.case(cases[1]))];
    let office = world.office();
    office.back_up();
    // What comes after the backup the phones have to bring again: 李's without the part, 王's, which hears of nothing, with it.
    let mut later = Vec::new();
    for phone in [&mut li, &mut wang] {
        let case = phone.capture("matter/09006").summary.id;
        phone.sync().unwrap();
        later.push(own_entry(&phone.case(case)));
    }
    for entry in erased.iter().chain(&later) {
        office.erase("he", *entry).unwrap();
    }
    // 李's phone hears of it, 王's does not.
    li.sync().unwrap();

    office.restore(None);
    for entry in erased {
        assert!(!office_holds(&world, entry), "the backup had it, and the restored office has it again");
    }
    li.sync().unwrap();
    wang.sync().unwrap();
    li.sync().unwrap();
    for entry in erased.iter().chain(&later) {
        assert!(!office_holds(&world, *entry), "a phone brought it back");
    }
    assert!(!phone_holds(&li, erased[0]) && !phone_holds(&li, later[0]));
    assert!(!phone_holds(&wang, erased[1]) && !phone_holds(&wang, later[1]));
    world.check_invariants();
}

/// An office that has lost its ledger and the file beside it learns from the phone that was told: what that offers again without
/// its private part is judged as its author's.
#[test]
fn a_phone_brings_the_offices_word_that_a_part_was_erased() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let office = world.office();
    let copy = office.copy_folder();
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let entry = own_entry(&li.case(case));
    office.erase("he", entry).unwrap();
    li.sync().unwrap();
    assert!(!phone_holds(&li, entry));

    office.put_back(&copy);
    for _ in 0..3 {
        li.sync().unwrap();
    }
    assert!(office.view(case).is_some(), "the case is back");
    assert!(office.held().is_empty());
    assert!(office.read(|conn| erased::is_erased(conn, entry).unwrap()) && !office_holds(&world, entry));
    world.check_invariants();
}

/// What is held can be erased, and released all the same: whose it is the chain says.
#[test]
fn what_was_erased_while_it_was_held_is_released_as_its_authors() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut zhou = world.enrolled("zhou");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let office = world.office();
    office.file_and_dispatch(case, "chengguan");
    zhou.sync().unwrap();
    // A crew may not describe a case: that waits for a person.
    let fields = [("description".to_owned(), "井盖".into())].into();
    let entry = zhou.write(case, CASE, Change::Edit { fields });
    zhou.sync().unwrap();
    assert_eq!(office.held(), [entry]);
    office.erase("he", entry).unwrap();
    office.rule("zhang", entry, Ruling::Release).unwrap();
    assert_eq!(office.view(case).unwrap().text("description"), Some("井盖"));
    zhou.sync().unwrap();
    assert!(!phone_holds(&zhou, entry));
    world.check_invariants();
}

/// An erasure under another key is none: neither for a phone nor for an office.
#[test]
fn nobody_but_the_office_says_that_something_was_erased() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    let entry = own_entry(&li.case(case));
    let forger = SoftwareKey::generate(&mut Seed::from_bytes([3; 32]).entropy());
    let forged = Signed::new(&Erasure { entry, part: PRIVATE.to_owned() }, &forger).unwrap();
    let line = serde_json::to_string(&forged).unwrap();
    let office = world.office();
    fs::write(office.folder().join("erasures.jsonl"), format!("{line}\n")).unwrap();
    office.stop();
    office.start();
    assert!(office_holds(&world, entry));
    // A line that cannot be read could be one that would be missed.
    fs::write(office.folder().join("erasures.jsonl"), "{}\n").unwrap();
    let said = office.erase("he", entry).unwrap_err().to_string();
    assert!(said.contains("line 1 of") && said.contains("erasures.jsonl"), "{said}");
}
