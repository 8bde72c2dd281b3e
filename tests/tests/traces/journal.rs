//! Traces of the journal: what is judged, held, refused, and what it does to an item.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xuncheng_core::field::{CaseAct, CaseEdit, FieldError};
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::{Change, Entry, Header};
use xuncheng_core::journal::ledger::{LedgerError, Sender, Taken};
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::journal::view::View;
use xuncheng_core::limits;
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_core::store::{entries, items};
use xuncheng_core::sync::wire::Refusal;
use xuncheng_core::work::case::CaseStep;
use xuncheng_tests::ledger::{Ledger, Pen};
use xuncheng_tests::network::Fault;
use xuncheng_tests::seed;
use xuncheng_tests::world::{MORNING, World};

const YEAR_MS: i64 = 365 * 24 * 3_600_000;

fn open() -> Change {
    Change::Open {
        fields: [("category".to_owned(), json!("matter/09006")), ("occurred_at".to_owned(), json!(0))].into(),
    }
}

pub(super) fn describe(text: &str) -> Change {
    Change::Edit { fields: [("description".to_owned(), json!(text))].into() }
}

fn verdict(taken: Taken) -> Verdict {
    match taken {
        Taken::Judged(judgement) => judgement.verdict,
        Taken::Repeat | Taken::Again => panic!("it was not here before"),
    }
}

fn description(ledger: &Ledger, item: ItemId) -> Option<String> {
    items::view(ledger.conn(), item).unwrap().unwrap().text("description").map(str::to_owned)
}

/// `version_reused_after_restore`, as far as the ledger alone shows it: a count whose history is another is not seen.
#[test]
fn seen_of_another_history_counts_as_not_seen() {
    let mut ledger = Ledger::new();
    let (mut li, mut zhang) = (Pen::of("li", "first"), Pen::of("zhang", "desk"));
    let (item, opened) = li.write(None, open(), None);
    ledger.take(&li.sender(), &opened).unwrap();
    let (_, edit) = zhang.write(Some(item), describe("受理员写的"), ledger.version(item));
    ledger.take(&zhang.sender(), &edit).unwrap();
    // The same count, as it was on a branch of the ledger that is gone.
    let mut other = ledger.version(item).unwrap();
    other.history = xuncheng_core::id::Hash::of("test", &[b"another branch"]);
    let (_, late) = li.write(Some(item), describe("采集员写的"), Some(other));
    assert_eq!(verdict(ledger.take(&li.sender(), &late).unwrap()), Verdict::Applied);
    let losers = items::view(ledger.conn(), item).unwrap().unwrap().losers;
    assert_eq!(losers.iter().map(|loser| &loser.value).collect::<Vec<_>>(), [&json!("受理员写的")], "kept, and shown");
}

/// Two copies of one store write at the same place: the office refuses the second, and what follows on it.
#[test]
fn another_entry_at_a_place_is_refused() {
    let mut ledger = Ledger::new();
    let (mut a, mut copy) = (Pen::of("li", "one store"), Pen::of("li", "one store"));
    let (item, opened) = a.write(None, open(), None);
    let (_, same) = copy.write(None, open(), None);
    assert_eq!(opened, same, "a copy of the folder holds the same entry");
    ledger.take(&a.sender(), &opened).unwrap();
    let (_, first) = copy.write(Some(item), describe("甲"), None);
    ledger.take(&copy.sender(), &first).unwrap();
    let (_, second) = a.write(Some(item), describe("乙"), None);
    let refused = ledger.take(&a.sender(), &second).unwrap_err();
    assert!(matches!(refused, LedgerError::Refused(Refusal::Clone)), "{refused}");
    assert_eq!(description(&ledger, item).as_deref(), Some("甲"));
    // What follows on the refused one has no place either.
    let (_, third) = a.write(Some(item), describe("丙"), None);
    let refused = ledger.take(&a.sender(), &third).unwrap_err();
    assert!(matches!(refused, LedgerError::Refused(Refusal::Clone)), "{refused}");
    assert_eq!(description(&ledger, item).as_deref(), Some("甲"));
}

/// A place that a repeat fills is the place of that entry, and no other entry takes it.
#[test]
fn a_repeat_keeps_its_place() {
    let mut ledger = Ledger::new();
    let (mut a, mut copy) = (Pen::of("li", "one store"), Pen::of("li", "one store"));
    let (item, opened) = a.write(None, open(), None);
    copy.write(None, open(), None);
    let (_, pending) = a.write(Some(item), describe("甲"), None);
    copy.write(Some(item), describe("甲"), None);
    for entry in [&opened, &pending, &pending] {
        ledger.take(&a.sender(), entry).unwrap();
    }
    // The acceptor's word comes in between; the copy has not seen it.
    let mut zhang = Pen::of("zhang", "desk");
    let (_, word) = zhang.write(Some(item), describe("受理员"), ledger.version(item));
    ledger.take(&zhang.sender(), &word).unwrap();
    let (_, blind) = copy.write(Some(item), describe("乙"), None);
    ledger.take(&copy.sender(), &blind).unwrap();
    let losers = items::view(ledger.conn(), item).unwrap().unwrap().losers;
    assert!(losers.iter().any(|loser| loser.value == json!("受理员")), "an unseen value is kept beside");
}

/// `held_capture_vanishes`: a capture that the office holds stays in its author's list with its reason.
#[test]
fn held_capture_vanishes() {
    let world = World::new(seed!());
    // 陈师傅 handles; reporting is not hers. Before the office has told her phone so, and after.
    let mut chen = world.phone("chen");
    let before = chen.capture("matter/09006").summary.id;
    chen.enrol(&world.office().code("chen")).unwrap();
    chen.sync().unwrap();
    let after = chen.capture("matter/09006").summary.id;
    chen.sync().unwrap();
    chen.kill_and_restart();
    for item in [before, after] {
        let case = chen.case(item);
        assert!(case.entries.iter().all(|entry| matches!(entry.verdict, Some(Verdict::Held { .. }))));
        assert_eq!(case.photos.len(), 1);
        assert_eq!(case.photos[0].stage, Some(PhotoStage::Received), "its photo is evidence all the same");
        assert!(world.office().view(item).is_none());
    }
    assert_eq!(chen.field().cases(&Default::default(), None, 20).unwrap().cases.len(), 2);
    let refused = chen.field().status().unwrap().refused;
    let held_open = |code: Code| Verdict::Held { reason: code, behind: None };
    assert_eq!(refused.iter().filter(|entry| entry.verdict == held_open(Code::NotAllowed)).count(), 2);
    assert_eq!(refused.len(), 4, "each Open, and each photo behind it");
    world.check_invariants();
}

/// `revoked_phone_freezes_items`: malformed Opens with others' ids, from a revoked phone, are held and freeze nothing.
#[test]
fn revoked_phone_freezes_items() {
    let mut ledger = Ledger::new();
    let (mut li, mut wang) = (Pen::of("li", "first"), Pen::of("wang", "stolen"));
    let (item, opened) = li.write(None, open(), None);
    ledger.take(&li.sender(), &opened).unwrap();
    let revoked = Sender { revoked: true, ..wang.sender() };
    let (_, theirs) = wang.write(None, open(), None);
    let forged = of_item(&theirs, item);
    let held = ledger.take(&revoked, &forged).unwrap();
    assert!(matches!(verdict(held), Verdict::Held { reason: Code::Malformed, .. }));
    let (_, edit) = li.write(Some(item), describe("还能改"), ledger.version(item));
    assert_eq!(verdict(ledger.take(&li.sender(), &edit).unwrap()), Verdict::Applied);
    assert_eq!(description(&ledger, item).as_deref(), Some("还能改"));
    // The author's own Open, word for word, under another's name, opens nothing a second time and takes nothing over.
    let audience = items::audiences(ledger.conn(), item).unwrap();
    assert!(audience.contains("own/li") && !audience.contains("own/wang"), "{audience:?}");
}

/// A report is taken whatever its phone's clock says. Where no clock in order can have said so, the case goes by its receipt,
/// and the entry keeps what was said.
#[test]
fn a_clock_that_cannot_be_right_is_no_reason_to_refuse_a_capture() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let of_wrong_clocks = [-60 * YEAR_MS, -20 * YEAR_MS, YEAR_MS, 200 * YEAR_MS, limits::CLOCK_AHEAD_MS + 60_000];
    let of_sound_clocks = [-YEAR_MS, -60_000, 0, limits::CLOCK_AHEAD_MS - 60_000];
    for (off, sound) in
        of_wrong_clocks.map(|off| (off, false)).into_iter().chain(of_sound_clocks.map(|off| (off, true)))
    {
        li.clock_off_by(off);
        let said = li.now().wall.to_minute();
        let case = li.capture("matter/09006").summary.id;
        assert_eq!(li.case(case).summary.occurred_at, said, "until the office has it");
        li.sync().unwrap();
        let goes_by = if sound { said } else { MORNING };
        assert_eq!(li.case(case).summary.occurred_at, goes_by, "off by {off} ms");
        assert!(li.case(case).entries.iter().all(|entry| entry.verdict == Some(Verdict::Applied)));
        let opened = entries::of_item(li.field().store(), case).unwrap().remove(0);
        let written = format!("\"occurred_at\":{}", said.unix_ms());
        assert!(opened.body.unwrap().contains(&written), "what its author's clock said stands in the entry");
    }
    world.check_invariants();
}

/// The entry with another item in its header: parts and hashes stay as they were.
fn of_item(entry: &Entry, item: ItemId) -> Entry {
    let mut header: Header = serde_json::from_str(&entry.header).unwrap();
    header.item = item;
    Entry { header: serde_json::to_string(&header).unwrap(), ..entry.clone() }
}

/// `stale_round`: `handled` of round 0 arrives after rework and closes nothing with an old photo.
#[test]
fn stale_round() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    let (mut first, mut second) = (world.enrolled("chen"), world.enrolled("chen"));
    let mut sun = world.enrolled("sun");
    let case = wang.capture("component/01001").summary.id;
    wang.sync().unwrap();
    world.office().file_and_dispatch(case, "shizheng");
    first.sync().unwrap();
    first.step(case, CaseStep::Accept, &[]).unwrap();
    for phone in [&mut first, &mut second] {
        phone.sync().unwrap();
    }
    // The second phone of the crew handles it where there is no network.
    second.step(case, CaseStep::Handle, &[]).unwrap();
    first.step(case, CaseStep::Handle, &[]).unwrap();
    first.sync().unwrap();
    sun.sync().unwrap();
    sun.step(case, CaseStep::Rework, &[("reason", "盖没盖严")]).unwrap();
    sun.sync().unwrap();
    first.sync().unwrap();
    first.step(case, CaseStep::Accept, &[]).unwrap();
    first.sync().unwrap();
    assert_eq!(world.office().view(case).map(|view| (view.state, view.round)), Some(("handling".to_owned(), 1)));

    second.sync().unwrap();
    let view = world.office().view(case).unwrap();
    assert_eq!((view.state.as_str(), view.round), ("handling", 1), "round 1 is still being handled");
    let refused = second.field().status().unwrap().refused;
    assert!(
        refused.iter().any(|entry| matches!(entry.verdict, Verdict::Rejected { code: Code::StaleRound, .. })),
        "{refused:?}"
    );
    assert_eq!(second.case(case).summary.state, "handling");
    world.check_invariants();
}

/// `noop_flickers`: a value that the office had already does not flip back while its page is on the way.
#[test]
fn noop_flickers() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    li.sync().unwrap();
    // The verdicts on these fill more than a page: what the office says of the case itself comes pages later.
    let others: Vec<ItemId> = (0..12).map(|_| li.capture("matter/09006").summary.id).collect();
    for n in 0..540 {
        li.comment(others[n % 12], &n.to_string()).unwrap();
    }
    li.describe(case, "新的说法").unwrap();
    world.office().edit("zhang", case, &[("description", Value::from("新的说法"))]).unwrap();
    li.field_mut().start_sync().unwrap();
    let mut pages = 0;
    while let xuncheng_core::sync::session::Action::Send { id, request } = li.next_action().unwrap() {
        let outcome = li.carry(&request);
        li.completed(id, &outcome).unwrap();
        pages += 1;
        assert_eq!(li.case(case).summary.description, "新的说法", "after page {pages}");
        assert_eq!(li.case(others[0]).view.sets["comments"].len(), 45, "after page {pages}");
    }
    assert!(pages >= 3, "{pages} requests");
    assert!(!li.case(case).summary.pending);
    world.check_invariants();
}

/// `doubled_consequence`: what the office writes because something happened, it writes once: after repeats, restarts, both.
#[test]
fn doubled_consequence() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006").summary.id;
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.sync_whatever_happens();
    let numbered = world.office().view(case).unwrap();
    for _ in 0..2 {
        world.office().stop();
        world.office().start();
        world.network(&li).next(&[Fault::Twice, Fault::Twice]);
        li.sync().unwrap();
    }
    assert_eq!(world.office().view(case), Some(numbered));
    let twice: u64 = world.office().read(|conn| {
        conn.query_row(
            "SELECT count(*) FROM (SELECT cause FROM entry GROUP BY cause HAVING count(*) > 1 AND cause IS NOT NULL)",
            [],
            |row| row.get(0),
        )
        .unwrap()
    });
    assert_eq!(twice, 0);
    let mut ledger = Ledger::new();
    let mut pen = Pen::of("li", "first");
    let (item, opened) = pen.write(None, open(), None);
    ledger.take(&pen.sender(), &opened).unwrap();
    let before = ledger.whole();
    ledger.edit_once(&format!("number/{item}"), item, "number", json!("BZ-2"));
    assert_eq!(ledger.whole(), before, "its number was given");
}

/// `new_entry_between_releases` and `release_after_newer`, as far as this version holds: behind a held Open all waits, in
/// order, and nothing of it is applied before a person decides.
#[test]
fn all_waits_behind_a_held_open() {
    let mut ledger = Ledger::new();
    let mut chen = Pen::of("chen", "crew");
    let (item, opened) = chen.write(None, open(), None);
    let (_, photo) = chen.write(Some(item), Change::Attach { photo: super::photo(1), round: 0 }, None);
    let (_, edit) = chen.write(Some(item), describe("后来改的"), None);
    for (entry, behind) in [(&opened, false), (&photo, true), (&edit, true)] {
        let held = verdict(ledger.take(&chen.sender(), entry).unwrap());
        let header: Header = serde_json::from_str(&opened.header).unwrap();
        let expected = if behind {
            Verdict::Held { reason: Code::Follows, behind: Some(header.id) }
        } else {
            Verdict::Held { reason: Code::NotAllowed, behind: None }
        };
        assert_eq!(held, expected);
    }
    assert!(ledger.version(item).is_none());
    // It blocks no other item.
    let (other, _) = chen.write(None, open(), None);
    assert_ne!(other, item);
}

/// What was decided on a screen is decided upon what that screen showed, whatever the phone has learnt until it is sent.
#[test]
fn a_form_stands_on_what_it_showed() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    li.sync().unwrap();
    // 李巡查 opens the form; the acceptor corrects the same field; the phone hears of it before the form is sent.
    let shown = Some(li.case(case).shown);
    world.office().edit("zhang", case, &[("description", Value::from("受理员核对过"))]).unwrap();
    li.sync().unwrap();
    li.edit(case, &CaseEdit { description: Some("井盖缺一角".to_owned()), shown, ..CaseEdit::default() }).unwrap();
    let beside = |view: &View| view.losers.iter().any(|loser| loser.value == "受理员核对过");
    assert!(beside(&li.case(case).view), "the phone predicts so");
    li.sync().unwrap();
    let view = world.office().view(case).unwrap();
    assert!(beside(&view), "a value that nobody saw is kept beside: {:?}", view.losers);
    // Who has read it on the screen replaces it.
    li.describe(case, "井盖缺两角").unwrap();
    li.sync().unwrap();
    assert_eq!(world.office().view(case).unwrap().losers.len(), view.losers.len());

    // A step that was decided on before the rework is none of the next round's.
    world.office().file_and_dispatch(case, "shizheng");
    let mut chen = world.enrolled("chen");
    let shown = Some(chen.case(case).shown);
    for step in [CaseStep::Accept, CaseStep::Handle] {
        chen.step(case, step, &[]).unwrap();
    }
    chen.sync().unwrap();
    world.office().step("sun", case, CaseStep::Rework, &[("reason", "没盖严")]).unwrap();
    chen.sync().unwrap();
    let late = CaseAct { step: CaseStep::Accept, args: BTreeMap::new(), photos: Vec::new(), fix: None, shown };
    let refused = chen.act(case, &late).unwrap_err();
    assert!(matches!(refused, FieldError::NotNow { code: Code::StaleRound, .. }), "{refused:?}");
    chen.step(case, CaseStep::Accept, &[]).unwrap();
    chen.sync().unwrap();
    world.check_invariants();
}
