//! The workflow table of cases, walked by the judge: who does what when, and what it needs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use xuncheng_core::id::{EpochId, PersonId};
use xuncheng_core::journal::entry::{Change, Photo, PhotoRole};
use xuncheng_core::journal::fold;
use xuncheng_core::journal::judge::{Facts, ReadEntry, Subject, judge};
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::journal::version::Version;
use xuncheng_core::journal::view::{Field, Member, View};
use xuncheng_core::limits;
use xuncheng_core::pack::{OrgCode, Role};
use xuncheng_core::work::case::{CASE, CaseState, RULES};
use xuncheng_core::work::flow::{Actor, Need, Who};

use super::judge::{Before, RECEIVED, apply, entry, pack};

/// The table: one row for each step from each state, and the same step needs the same things everywhere.
#[test]
fn a_step_from_a_state_is_one_row_and_needs_the_same_everywhere() {
    let mut seen = BTreeSet::new();
    let mut needs: BTreeMap<&str, &[Need]> = BTreeMap::new();
    for row in RULES.steps {
        assert!(seen.insert((row.from, row.step)), "two rows to {} from {}", row.step, row.from);
        assert_eq!(*needs.entry(row.step).or_insert(row.needs), row.needs, "{}", row.step);
        assert!(!(row.step == "check" && row.who != [Who::Verifier]), "only a verifier checks");
    }
}

/// The table, walked by the judge: the person of each row gets from its state to the next, and nobody else does.
#[test]
fn the_judge_takes_every_row_of_the_table_for_its_person_and_for_nobody_else() {
    let everybody = [
        ("author", Actor { opened_it: true, ..person(&[], "zhihui") }),
        ("inspector", person(&[Role::Inspector], "jiandu")),
        ("acceptor", person(&[Role::Acceptor], "jiandu")),
        ("dispatcher", person(&[Role::Dispatcher], "zhihui")),
        ("handler", person(&[Role::Handler], "shizheng")),
        ("handler of another", person(&[Role::Handler], "chengguan")),
        ("verifier", person(&[Role::Verifier], "jiandu")),
        ("verifier of the unit", person(&[Role::Verifier, Role::Handler], "shizheng")),
        ("verifier who handled it", Actor { handled_it: true, ..person(&[Role::Verifier], "jiandu") }),
        ("admin", person(&[Role::Admin], "zhihui")),
    ];
    for row in RULES.steps {
        for (name, actor) in &everybody {
            let mut view = View::empty(CASE, Version::none(EpochId::from_bytes([1; 16])));
            view.state = row.from.to_owned();
            let field = |value: &str| Field::new(value.into(), entry(0), 0);
            if !matches!(row.from, "reported" | "filed") {
                view.fields.insert("responsible_org".to_owned(), field("shizheng"));
            }
            let after = Member::new(json!({ "role": "after", "round": 0, "task": 0 }), entry(0));
            view.sets.insert("photos".to_owned(), [("aa".to_owned(), after)].into());
            let args = [("reason", "理由"), ("responsible_org", "shizheng"), ("waiver", "原件已核对")];
            let change = Change::Step {
                transition: row.step.to_owned(),
                from: row.from.to_owned(),
                round: 0,
                args: args.map(|(name, value)| (name.to_owned(), value.into())).into(),
            };
            let may = actor.is_any(row.who, &view);
            let before = Before {
                view: Some(view.clone()),
                seen: None,
                links: BTreeMap::new(),
                blocked: None,
                actor: actor.clone(),
            };
            let decision = before.judge(pack(), None, &change);
            assert_eq!(decision.verdict.applies(), may, "{name}: {} from {}", row.step, row.from);
            if may {
                assert_eq!(apply(&view, &decision).state, row.to);
            }
        }
    }
}

/// What an actor's change comes to on a case in `state`, dispatched to 市政 from dispatch on.
fn in_state(state: &str, actor: &Actor, change: &Change) -> Verdict {
    let mut view = View::empty(CASE, Version::none(EpochId::from_bytes([1; 16])));
    view.state = state.to_owned();
    if !matches!(state, "reported" | "filed") {
        view.fields.insert("responsible_org".to_owned(), Field::new("shizheng".into(), entry(0), 0));
    }
    let before = Before { view: Some(view), seen: None, links: BTreeMap::new(), blocked: None, actor: actor.clone() };
    before.judge(pack(), None, change).verdict
}

/// Who reported a case corrects it until a unit works on it; who comes later is told so, who never may is held.
#[test]
fn a_case_is_corrected_and_added_to_only_while_that_is_somebodys_to_do() {
    let late = Verdict::Rejected { code: Code::NotFromHere, after: None };
    let never = Verdict::Held { reason: Code::NotAllowed, behind: None };
    let reporter = Actor { opened_it: true, ..person(&[Role::Inspector], "chengguan") };
    let passer_by = person(&[Role::Inspector], "chengguan");
    let acceptor = person(&[Role::Acceptor], "zhihui");
    let crew = person(&[Role::Handler], "shizheng");
    let edit = Change::Edit { fields: [("description".to_owned(), "再看".into())].into() };
    let attach = Change::Attach { photo: super::photo(1), round: 0 };
    let remark = Change::Comment { text: "备注".to_owned() };
    for state in CaseState::ALL.iter().map(|state| state.name()) {
        let open = !matches!(state, "closed" | "declined" | "withdrawn");
        let early = matches!(state, "reported" | "filed");
        let with_unit = matches!(state, "dispatched" | "handling" | "handled");
        let expected = |may: bool| if may { Verdict::Applied } else { late.clone() };
        assert_eq!(in_state(state, &reporter, &edit), expected(early), "the reporter's edit, {state}");
        assert_eq!(in_state(state, &acceptor, &edit), expected(open), "the acceptor's edit, {state}");
        assert_eq!(in_state(state, &passer_by, &edit), never, "a stranger's edit, {state}");
        assert_eq!(in_state(state, &reporter, &attach), expected(open), "the reporter's photo, {state}");
        assert_eq!(in_state(state, &passer_by, &attach), never, "a stranger's photo, {state}");
        assert_eq!(in_state(state, &acceptor, &remark), Verdict::Applied, "the office's remark, {state}");
        if !early {
            assert_eq!(in_state(state, &crew, &attach), expected(with_unit), "the unit's photo, {state}");
        }
    }
}

/// A picture of before the work is no evidence of the work, and the same one sent twice is one.
#[test]
fn one_picture_shows_one_thing_only() {
    let reporter = Actor { opened_it: true, ..person(&[Role::Inspector], "shizheng") };
    let mut view = View::empty(CASE, Version::none(EpochId::from_bytes([1; 16])));
    view.state = "reported".to_owned();
    let scene = super::photo(1);
    let attach = |photo| Change::Attach { photo, round: 0 };
    let judge = |view: &View, change: &Change| {
        let actor = reporter.clone();
        Before { view: Some(view.clone()), seen: None, links: BTreeMap::new(), blocked: None, actor }.judge(
            pack(),
            None,
            change,
        )
    };
    let first = judge(&view, &attach(scene.clone()));
    assert_eq!(first.verdict, Verdict::Applied);
    let view = apply(&view, &first);
    assert_eq!(judge(&view, &attach(scene.clone())).verdict, Verdict::NoOp);
    let as_another = Photo { role: PhotoRole::Scene, ..scene };
    assert_eq!(judge(&view, &attach(as_another)).verdict, Verdict::Rejected { code: Code::SamePhoto, after: None });
}

/// Dispatching what is dispatched already changes nothing, unless it was meant for another unit: then it comes too late.
#[test]
fn a_case_is_not_silently_left_with_another_unit() {
    let dispatcher = person(&[Role::Dispatcher], "zhihui");
    let to = |org: &str| Change::Step {
        transition: "dispatch".to_owned(),
        from: "filed".to_owned(),
        round: 0,
        args: [("responsible_org".to_owned(), org.into())].into(),
    };
    assert_eq!(in_state("dispatched", &dispatcher, &to("shizheng")), Verdict::NoOp);
    let late = Verdict::Rejected { code: Code::NotFromHere, after: None };
    assert_eq!(in_state("dispatched", &dispatcher, &to("chengguan")), late);
}

fn person(roles: &[Role], org: &str) -> Actor {
    Actor {
        person: Some(PersonId::new("somebody").unwrap()),
        roles: roles.to_vec(),
        org: Some(OrgCode::new(org).unwrap()),
        opened_it: false,
        handled_it: false,
        revoked: false,
        vouched: false,
    }
}

/// A field that is not of its form is held for a person, and nobody writes when a case was received but the office.
#[test]
fn fields_have_forms_and_the_time_of_receipt_has_no_writer() {
    let reporter = Actor { opened_it: true, ..person(&[Role::Inspector], "chengguan") };
    let edit = |name: &str, value: Value| Change::Edit { fields: [(name.to_owned(), value)].into() };
    let held = |reason| Verdict::Held { reason, behind: None };
    let too_late = RECEIVED.plus_ms(limits::CLOCK_AHEAD_MS + 1).unix_ms();
    for (name, value) in [
        ("category", json!(123)),
        ("category", json!("飞碟")),
        ("category", json!("")),
        ("occurred_at", json!("x")),
        ("occurred_at", json!(i64::MAX)),
        ("occurred_at", json!(too_late)),
        ("occurred_at", json!(limits::EARLIEST_MOMENT_MS - 1)),
        ("place", json!("abc")),
        ("description", json!([])),
        // No case is without these.
        ("category", Value::Null),
        ("occurred_at", Value::Null),
    ] {
        assert_eq!(in_state("reported", &reporter, &edit(name, value)), held(Code::Malformed), "{name}");
    }
    for who in [&reporter, &person(&[Role::Acceptor], "zhihui")] {
        assert_eq!(in_state("reported", who, &edit("received", json!(0))), held(Code::NotAllowed));
    }
    let here = json!({ "lat_e7": 318_672_000, "lon_e7": 1_067_431_000 });
    for (name, value) in [
        ("place", here),
        ("place", Value::Null),
        ("category", json!("component/01001")),
        ("occurred_at", json!(too_late - 1)),
        ("occurred_at", json!(limits::EARLIEST_MOMENT_MS)),
    ] {
        let expected = if value.is_null() { Verdict::NoOp } else { Verdict::Applied };
        assert_eq!(in_state("reported", &reporter, &edit(name, value)), expected, "{name}");
    }
}

/// What a unit shows of its work counts for the task that it has, not for the one before, another unit's, or its reporter's.
#[test]
fn an_after_photo_counts_for_the_task_that_it_was_taken_in() {
    let mut story = Story::new();
    let [zhao, chen, zhou, wang] = [
        person(&[Role::Dispatcher], "zhihui"),
        person(&[Role::Handler], "shizheng"),
        person(&[Role::Handler], "chengguan"),
        person(&[Role::Verifier], "jiandu"),
    ];
    let li = Actor { opened_it: true, ..person(&[Role::Inspector], "jiandu") };
    let after = |n| Photo { role: PhotoRole::After, ..super::photo(n) };
    let missing = Verdict::Rejected { code: Code::AfterPhotoMissing, after: None };

    story.view.state = "filed".to_owned();
    assert_eq!(story.step(&zhao, "dispatch", 0, "shizheng"), Verdict::Applied);
    assert_eq!(story.step(&chen, "accept", 0, ""), Verdict::Applied);
    let not_hers = Verdict::Held { reason: Code::NotAllowed, behind: None };
    assert_eq!(story.attach(&li, after(1), 0), not_hers, "the reporter's photo is not the unit's");
    assert_eq!(story.step(&chen, "handle", 0, ""), missing);
    assert_eq!(story.attach(&chen, after(2), 0), Verdict::Applied);
    assert_eq!(story.step(&chen, "return", 0, ""), Verdict::Applied);

    assert_eq!(story.step(&zhao, "dispatch", 0, "chengguan"), Verdict::Applied);
    assert_eq!(story.step(&zhou, "accept", 0, ""), Verdict::Applied);
    assert_eq!(story.step(&zhou, "handle", 0, ""), missing, "what the first unit showed is not the second's");
    assert_eq!(story.attach(&zhou, after(3), 0), Verdict::Applied);
    assert_eq!(story.step(&zhou, "handle", 0, ""), Verdict::Applied);
    assert_eq!(story.step(&wang, "rework", 0, ""), Verdict::Applied);

    assert_eq!(story.step(&zhou, "accept", 1, ""), Verdict::Applied);
    assert_eq!(story.attach(&zhou, after(4), 0), Verdict::Applied, "a late photo of round 0 is kept");
    assert_eq!(story.step(&zhou, "handle", 1, ""), missing, "and counts for nothing in round 1");
    let early = Verdict::Held { reason: Code::Malformed, behind: None };
    assert_eq!(story.attach(&zhou, after(5), 2), early, "nobody has seen a round that is still to come");
    assert_eq!(story.attach(&zhou, after(6), 1), Verdict::Applied);
    assert_eq!(story.step(&zhou, "handle", 1, ""), Verdict::Applied);
}

/// A photo is shown as what it is only by those whose it is: after the work by the unit, of the check by who checks.
#[test]
fn a_photo_is_shown_only_as_what_its_author_may_show() {
    let [li, zhang, chen, zhou, wang] = [
        Actor { opened_it: true, ..person(&[Role::Inspector], "jiandu") },
        person(&[Role::Acceptor], "jiandu"),
        person(&[Role::Handler], "shizheng"),
        person(&[Role::Handler], "chengguan"),
        person(&[Role::Verifier], "jiandu"),
    ];
    let attach = |role| Change::Attach { photo: Photo { role, ..super::photo(1) }, round: 0 };
    let held = Verdict::Held { reason: Code::NotAllowed, behind: None };
    for (role, whose) in [(PhotoRole::After, &chen), (PhotoRole::Check, &wang)] {
        for who in [&li, &zhang, &chen, &zhou, &wang] {
            let expected = if who == whose { Verdict::Applied } else { held.clone() };
            assert_eq!(in_state("handled", who, &attach(role.clone())), expected, "{role:?} by {who:?}");
        }
    }
    for role in [PhotoRole::Scene, PhotoRole::Close, PhotoRole::Unknown("panorama".to_owned())] {
        for who in [&li, &zhang, &chen, &wang] {
            assert_eq!(in_state("handled", who, &attach(role.clone())), Verdict::Applied, "{role:?} by {who:?}");
        }
    }
}

/// A case on which one after the other acts.
struct Story {
    view: View,
    told: u8,
}

impl Story {
    fn new() -> Self {
        Self { view: View::empty(CASE, Version::none(EpochId::from_bytes([1; 16]))), told: 0 }
    }

    fn tell(&mut self, actor: &Actor, seen: Option<u64>, change: &Change) -> Verdict {
        self.told += 1;
        let (view, actor) = (Some(self.view.clone()), actor.clone());
        let subject = Before { view, seen, links: BTreeMap::new(), blocked: None, actor };
        let decision = subject.judge(pack(), None, change);
        let count = self.view.version.count + 1;
        let version = Version { count, ..self.view.version };
        if decision.verdict.applies() {
            fold::apply(&mut self.view, entry(self.told), version, &decision.effects);
        }
        decision.verdict
    }

    fn step(&mut self, actor: &Actor, step: &str, round: u32, org: &str) -> Verdict {
        let args = [("reason", "理由"), ("responsible_org", org)];
        let args = args.map(|(name, value)| (name.to_owned(), value.into())).into();
        let from = self.view.state.clone();
        self.tell(actor, None, &Change::Step { transition: step.to_owned(), from, round, args })
    }

    fn attach(&mut self, actor: &Actor, photo: Photo, round: u32) -> Verdict {
        self.tell(actor, None, &Change::Attach { photo, round })
    }

    fn edit(&mut self, actor: &Actor, seen: u64, fields: &[(&str, Value)]) -> Verdict {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.tell(actor, Some(seen), &Change::Edit { fields })
    }
}

/// An address belongs to its place: written for one place, it is not put beside another that came meanwhile.
#[test]
fn fields_that_belong_together_do_not_come_apart() {
    let mut story = Story::new();
    story.view.state = "filed".to_owned();
    let (li, zhang) = (Actor { opened_it: true, ..person(&[], "jiandu") }, person(&[Role::Acceptor], "jiandu"));
    let place = |n: u32| json!({ "lat_e7": 318_672_000 + n, "lon_e7": 1_067_431_000 });
    assert_eq!(story.edit(&li, 0, &[("place", place(0)), ("address", "桥头".into())]), Verdict::Applied);
    assert_eq!(story.edit(&zhang, 1, &[("place", place(9)), ("address", "桥尾".into())]), Verdict::Applied);

    // 李 had seen the first place only.
    let lost = Verdict::Merged { lost: vec!["address".to_owned()] };
    assert_eq!(story.edit(&li, 1, &[("address", "桥头东".into())]), lost);
    assert_eq!(story.view.text("address"), Some("桥尾"));
    assert_eq!(story.view.losers.last().map(|loser| loser.value.clone()), Some("桥头东".into()));
    // The whole of it goes by the policy: whoever arrives last, the other kept beside.
    let whole = [("place", place(1)), ("address", "桥头东".into())];
    assert_eq!(story.edit(&li, 1, &whole), Verdict::Applied);
    assert_eq!((story.view.field("place"), story.view.text("address")), (Some(&place(1)), Some("桥头东")));
    // And who has seen the place corrects its address alone.
    let count = story.view.version.count;
    assert_eq!(story.edit(&zhang, count, &[("address", "桥头东侧".into())]), Verdict::Applied);
    assert_eq!(story.view.text("address"), Some("桥头东侧"));
}

/// An item grows to what a phone can be sent, and no further; it can still be dispatched, handled and closed.
#[test]
fn an_item_never_grows_beyond_what_phones_can_be_sent() {
    let mut story = Story::new();
    story.view.state = "filed".to_owned();
    let (zhang, zhao) = (person(&[Role::Acceptor], "jiandu"), person(&[Role::Dispatcher], "zhihui"));
    let full = Verdict::Held { reason: Code::TooLarge, behind: None };
    let grows = |n: usize| {
        (0..29).map(|field| (format!("{n}/{field}"), Value::from("字".repeat(limits::TEXT_CHARS)))).collect()
    };
    let held = (0..150).find(|n| story.tell(&zhang, None, &Change::Edit { fields: grows(*n) }) == full);
    assert!(held.is_some(), "150 edits of 58,000 characters fit");
    assert!(serde_json::to_vec(&story.view).unwrap().len() <= limits::VIEW_BYTES);
    assert_eq!(story.step(&zhao, "dispatch", 0, "shizheng"), Verdict::Applied);
}

/// Nor is it written to without end: what nobody adds to any more still goes its way.
#[test]
fn an_item_never_takes_more_entries_than_its_snapshot_can_name() {
    let mut story = Story::new();
    story.view.state = "filed".to_owned();
    let (zhang, zhao) = (person(&[Role::Acceptor], "jiandu"), person(&[Role::Dispatcher], "zhihui"));
    let full = Verdict::Held { reason: Code::TooLarge, behind: None };
    story.view.version.count = limits::ENTRIES_PER_ITEM - 1;
    assert_eq!(story.edit(&zhang, 0, &[("description", "改".into())]), Verdict::Applied);
    story.view.version.count = limits::ENTRIES_PER_ITEM;
    assert_eq!(story.edit(&zhang, 0, &[("description", "再改".into())]), full);
    assert_eq!(story.step(&zhao, "dispatch", 0, "shizheng"), Verdict::Applied);
    story.view.version.count = limits::ENTRIES_PER_ITEM_FULL;
    assert_eq!(story.step(&person(&[Role::Handler], "shizheng"), "accept", 0, ""), full);
}

/// An entry is about an item of the kind that it names: an administrator's leave to edit people edits no device.
#[test]
fn an_entry_of_another_kind_than_its_item_is_held() {
    let mut story = Story::new();
    story.view.kind = "device".to_owned();
    let admin = person(&[Role::Admin], "zhihui");
    let change = Change::Edit { fields: [("key".to_owned(), "another".into())].into() };
    for kind in ["person", "case"] {
        let subject = Subject { view: Some(&story.view), seen: None, own_links: &BTreeMap::new(), blocked: None };
        let facts = Facts { pack: pack(), actor: &admin, received: RECEIVED };
        let verdict = judge(&subject, &facts, &ReadEntry { id: entry(1), kind, own: None, change: &change }).verdict;
        assert_eq!(verdict, Verdict::Held { reason: Code::Malformed, behind: None }, "{kind}");
    }
}
