//! The judge is pure and total, and the workflow table leads somewhere from everywhere.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{EntryId, EpochId, PersonId};
use xuncheng_core::journal::effect::Effect;
use xuncheng_core::journal::entry::{Change, Photo, PhotoRole};
use xuncheng_core::journal::fold;
use xuncheng_core::journal::judge::{Blocked, Decision, Facts, Reading, Subject, judge};
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::journal::version::Version;
use xuncheng_core::journal::view::{Field, Member, View};
use xuncheng_core::limits;
use xuncheng_core::pack::{OrgCode, Pack, Role};
use xuncheng_core::work::case::{CASE, CaseState, RULES};
use xuncheng_core::work::flow::{Actor, Need, Who};

fn entry(n: u8) -> EntryId {
    EntryId::from_bytes([n; 16])
}

/// Any JSON that a field may hold, sound or not.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        prop::sample::select(vec!["", "matter/09006", "chengguan", "理由", "after", "x"]).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!({ "lat_e7": 318_672_000, "lon_e7": 1_067_431_000 })),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "category",
        "occurred_at",
        "description",
        "address",
        "place",
        "area",
        "number",
        "originals",
        "responsible_org",
        "tags",
        "category_name",
        "photos",
        "reason",
        "waiver",
        "steps",
        "comments",
        "received",
    ];
    prop_oneof![4 => prop::sample::select(known).prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn fields() -> impl Strategy<Value = BTreeMap<String, Value>> {
    prop::collection::btree_map(name(), value(), 0..6)
}

fn state() -> impl Strategy<Value = String> {
    let known: Vec<String> = CaseState::ALL.iter().map(|state| state.name().to_owned()).collect();
    prop_oneof![8 => prop::sample::select(known), 1 => ".{0,8}"]
}

fn view() -> impl Strategy<Value = View> {
    let written = prop::collection::btree_map(name(), (value(), 0..6_u8, 0..9_u64), 0..8);
    let sets = prop::collection::btree_map(name(), prop::collection::btree_map("[a-f0-9]{1,4}", value(), 0..4), 0..3);
    (state(), 0..3_u32, written, sets).prop_map(|(state, round, written, sets)| {
        let mut view = View::empty(CASE, Version::none(EpochId::from_bytes([1; 16])));
        view.state = state;
        view.round = round;
        view.version.count = 9;
        let field = |(value, writer, at)| Field::new(value, entry(writer), at);
        view.fields = written.into_iter().map(|(name, of)| (name, field(of))).collect();
        let member = |value| Member::new(value, entry(0));
        view.sets = sets
            .into_iter()
            .map(|(name, members)| (name, members.into_iter().map(|(key, value)| (key, member(value))).collect()))
            .collect();
        view
    })
}

fn change() -> impl Strategy<Value = Change> {
    let step = prop_oneof![
        8 => prop::sample::select(RULES.steps.iter().map(|row| row.step.to_owned()).collect::<Vec<_>>()),
        1 => ".{0,8}",
    ];
    prop_oneof![
        1 => fields().prop_map(|fields| Change::Open { fields }),
        4 => fields().prop_map(|fields| Change::Edit { fields }),
        4 => (step, state(), 0..3_u32, fields())
            .prop_map(|(transition, from, round, args)| Change::Step { transition, from, round, args }),
        1 => ".{0,40}".prop_map(|text| Change::Comment { text }),
        1 => (0..9_u8).prop_map(|n| Change::Attach { photo: super::photo(n), round: 0 }),
    ]
}

fn actor() -> impl Strategy<Value = Actor> {
    let roles = vec![
        Role::Inspector,
        Role::Verifier,
        Role::Acceptor,
        Role::Dispatcher,
        Role::Handler,
        Role::Admin,
        Role::Auditor,
    ];
    (
        prop::sample::subsequence(roles, 0..4),
        prop::option::of(prop::sample::select(vec!["chengguan", "shizheng"])),
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(roles, org, opened_it, handled_it, revoked, office)| Actor {
            person: (!office).then(|| PersonId::new("li").unwrap()),
            roles,
            org: org.map(|org| OrgCode::new(org).unwrap()),
            opened_it,
            handled_it,
            revoked,
        })
}

fn links() -> impl Strategy<Value = BTreeMap<EntryId, EntryId>> {
    // Rings included: a forged link must not hold the judge up.
    prop::collection::btree_map((0..9_u8).prop_map(entry), (0..9_u8).prop_map(entry), 0..9)
}

fn blocked() -> impl Strategy<Value = Option<Blocked>> {
    prop_oneof![
        8 => Just(None),
        1 => Just(Some(Blocked::HeldOpen(entry(1)))),
        1 => Just(Some(Blocked::RejectedOpen(entry(1)))),
        1 => Just(Some(Blocked::HeldStep(entry(1)))),
    ]
}

struct Before {
    view: Option<View>,
    seen: Option<u64>,
    links: BTreeMap<EntryId, EntryId>,
    blocked: Option<Blocked>,
    actor: Actor,
}

impl Before {
    fn judge(&self, pack: &Pack, own: Option<EntryId>, change: &Change) -> Decision {
        let subject =
            Subject { view: self.view.as_ref(), seen: self.seen, own_links: &self.links, blocked: self.blocked };
        let facts = Facts { pack, actor: &self.actor, received: Moment::from_unix_ms(0) };
        judge(&subject, &facts, &Reading { id: entry(200), kind: CASE, own, change })
    }
}

fn before() -> impl Strategy<Value = Before> {
    (prop::option::weighted(0.9, view()), prop::option::of(0..12_u64), links(), blocked(), actor())
        .prop_map(|(view, seen, links, blocked, actor)| Before { view, seen, links, blocked, actor })
}

impl std::fmt::Debug for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} seen {:?} links {:?} {:?} {:?}", self.view, self.seen, self.links, self.blocked, self.actor)
    }
}

fn apply(view: &View, decision: &Decision) -> View {
    let mut after = view.clone();
    fold::apply(&mut after, entry(200), view.version, &decision.effects);
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No entry on any item makes the judge panic; asked twice it says the same; only what applies has effects.
    #[test]
    fn judge_is_total_and_deterministic(
        before in before(), own in prop::option::of((0..9_u8).prop_map(entry)), change in change()
    ) {
        let pack = pack();
        let decision = before.judge(pack, own, &change);
        prop_assert_eq!(&decision, &before.judge(pack, own, &change));
        prop_assert_eq!(decision.verdict.applies(), !decision.effects.is_empty());
        // What is decided is stored as JSON and read again by other versions.
        let text = serde_json::to_string(&decision.effects).unwrap();
        let read: Vec<Effect> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
        if let Some(view) = &before.view {
            apply(view, &decision);
        }
    }

    /// An edit never replaces a value whose own links reach it; the value is kept beside.
    #[test]
    fn an_edit_never_replaces_one_whose_own_links_reach_it(
        view in view(), actor in actor(), seen in prop::option::of(0..12_u64), new in value(), standing in value()
    ) {
        let mut view = view;
        let mut actor = actor;
        (actor.opened_it, actor.revoked) = (true, false);
        view.state = "reported".to_owned();
        view.fields.insert("description".to_owned(), Field::new(standing.clone(), entry(3), 9));
        // Entry 3 came by way of entry 2 from the one that is judged now.
        let links = [(entry(3), entry(2)), (entry(2), entry(200))].into();
        let before = Before { view: Some(view.clone()), seen, links, blocked: None, actor };
        let change = Change::Edit { fields: [("description".to_owned(), new.clone())].into() };
        let decision = before.judge(pack(), None, &change);
        let after = apply(&view, &decision);
        prop_assert_eq!(&after.fields["description"].value, &standing);
        if new != standing && !matches!(decision.verdict, Verdict::Held { .. }) {
            prop_assert_eq!(decision.verdict, Verdict::Merged { lost: vec!["description".to_owned()] });
            prop_assert_eq!(after.losers.last().map(|loser| loser.value.clone()), Some(new));
        }
    }

    /// A value that stands already is no change, whoever writes it, whatever they have seen.
    #[test]
    fn an_equal_value_is_no_change(
        view in view(), actor in actor(), seen in prop::option::of(0..12_u64), links in links()
    ) {
        let mut actor = actor;
        (actor.opened_it, actor.revoked) = (true, false);
        let mut view = view;
        view.state = "reported".to_owned();
        view.fields.insert("description".to_owned(), Field::new("一样".into(), entry(3), 9));
        let before = Before { view: Some(view), seen, links, blocked: None, actor };
        let change = Change::Edit { fields: [("description".to_owned(), "一样".into())].into() };
        prop_assert_eq!(before.judge(pack(), None, &change).verdict, Verdict::NoOp);
    }

    /// What did not win is never gone: it stands beside, with who wrote it and who won.
    #[test]
    fn a_value_is_replaced_only_by_who_saw_it_or_is_kept_beside(
        view in view(), actor in actor(), seen in prop::option::of(0..12_u64), links in links(), new in value(),
        own in prop::option::of((0..9_u8).prop_map(entry))
    ) {
        let mut actor = actor;
        (actor.opened_it, actor.revoked) = (true, false);
        let before = Before { view: Some(view.clone()), seen, links, blocked: None, actor };
        let change = Change::Edit { fields: [("description".to_owned(), new)].into() };
        let decision = before.judge(pack(), own, &change);
        let after = apply(&view, &decision);
        if let (Some(was), Some(is)) = (view.fields.get("description"), after.fields.get("description"))
            && was.value != is.value
        {
            let saw = before.seen.is_some_and(|seen| was.at <= seen);
            let wrote = own.is_some_and(|own| own == was.writer || leads(&before.links, own, was.writer));
            let beside = after.losers.iter().any(|loser| loser.value == was.value && loser.writer == was.writer);
            prop_assert!(saw || wrote || beside);
        }
    }

    /// Whoever is revoked changes nothing, whatever they send.
    #[test]
    fn a_revoked_device_changes_nothing(before in before(), change in change()) {
        let mut before = before;
        before.actor.revoked = true;
        let decision = before.judge(pack(), None, &change);
        let held = matches!(decision.verdict, Verdict::Held { .. });
        prop_assert!(held && decision.effects.is_empty());
    }

    /// Whoever belongs to the organisation that handled a case, or reported it, never checks it, whatever their roles.
    #[test]
    fn the_inspected_never_checks(before in before(), round in 0..3_u32, args in fields()) {
        let mut before = before;
        let Some(view) = &mut before.view else { return Ok(()) };
        view.state = "handled".to_owned();
        view.fields.insert("responsible_org".to_owned(), Field::new("chengguan".into(), entry(0), 1));
        let inspected = before.actor.opened_it || before.actor.org.as_ref().is_some_and(|org| org.as_str() == "chengguan");
        let change = Change::Step { transition: "check".to_owned(), from: "handled".to_owned(), round, args };
        if inspected {
            prop_assert!(!before.judge(pack(), None, &change).verdict.applies());
        }
    }
}

fn leads(links: &BTreeMap<EntryId, EntryId>, from: EntryId, to: EntryId) -> bool {
    let mut at = from;
    for _ in 0..=links.len() {
        match links.get(&at) {
            Some(before) if *before == to => return true,
            Some(before) => at = *before,
            None => return false,
        }
    }
    false
}

fn pack() -> &'static Pack {
    static PACK: std::sync::OnceLock<Pack> = std::sync::OnceLock::new();
    PACK.get_or_init(|| Pack::bazhou().unwrap())
}

/// The table: every row starts where somebody can be, and every state but the final ones has a way out.
#[test]
fn every_row_of_the_table_is_reachable_and_only_final_states_have_no_way_out() {
    let mut reached = BTreeSet::from([RULES.initial]);
    while let Some(row) = RULES.steps.iter().find(|row| reached.contains(row.from) && !reached.contains(row.to)) {
        reached.insert(row.to);
    }
    for row in RULES.steps {
        assert!(reached.contains(row.from), "nobody gets to {} to {}", row.from, row.step);
        assert!(!row.who.is_empty(), "nobody may {} from {}", row.step, row.from);
    }
    let states: BTreeSet<&str> = CaseState::ALL.iter().map(|state| state.name()).collect();
    assert_eq!(reached, states, "every state is reached");
    let closed: Vec<&str> =
        states.iter().copied().filter(|state| !RULES.steps.iter().any(|row| row.from == *state)).collect();
    assert_eq!(closed, ["closed", "declined", "withdrawn"]);
    // From everywhere a case can come to its end.
    let mut ending: BTreeSet<&str> = closed.into_iter().collect();
    while let Some(row) = RULES.steps.iter().find(|row| ending.contains(row.to) && !ending.contains(row.from)) {
        ending.insert(row.from);
    }
    assert_eq!(ending, states);
}

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
    let as_after = Photo { role: PhotoRole::After, ..scene };
    assert_eq!(judge(&view, &attach(as_after)).verdict, Verdict::Rejected { code: Code::SamePhoto, after: None });
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
    }
}

/// A field that is not of its form is held for a person, and nobody writes when a case was received but the office.
#[test]
fn fields_have_forms_and_the_time_of_receipt_has_no_writer() {
    let reporter = Actor { opened_it: true, ..person(&[Role::Inspector], "chengguan") };
    let edit = |name: &str, value: Value| Change::Edit { fields: [(name.to_owned(), value)].into() };
    let held = |reason| Verdict::Held { reason, behind: None };
    for (name, value) in
        [("category", json!(123)), ("occurred_at", json!("x")), ("place", json!("abc")), ("description", json!([]))]
    {
        assert_eq!(in_state("reported", &reporter, &edit(name, value)), held(Code::Malformed), "{name}");
    }
    for who in [&reporter, &person(&[Role::Acceptor], "zhihui")] {
        assert_eq!(in_state("reported", who, &edit("received", json!(0))), held(Code::NotAllowed));
    }
    let here = json!({ "lat_e7": 318_672_000, "lon_e7": 1_067_431_000 });
    assert_eq!(in_state("reported", &reporter, &edit("place", here)), Verdict::Applied);
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
    assert_eq!(story.attach(&li, after(1), 0), Verdict::Applied);
    assert_eq!(story.step(&chen, "handle", 0, ""), missing, "the reporter's photo is not the unit's");
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

/// An entry is about an item of the kind that it names: an administrator's leave to edit people edits no device.
#[test]
fn an_entry_of_another_kind_than_its_item_is_held() {
    let mut story = Story::new();
    story.view.kind = "device".to_owned();
    let admin = person(&[Role::Admin], "zhihui");
    let change = Change::Edit { fields: [("key".to_owned(), "another".into())].into() };
    for kind in ["person", "case"] {
        let subject = Subject { view: Some(&story.view), seen: None, own_links: &BTreeMap::new(), blocked: None };
        let facts = Facts { pack: pack(), actor: &admin, received: Moment::from_unix_ms(0) };
        let verdict = judge(&subject, &facts, &Reading { id: entry(1), kind, own: None, change: &change }).verdict;
        assert_eq!(verdict, Verdict::Held { reason: Code::Malformed, behind: None }, "{kind}");
    }
}

/// A replica of an older version keeps what a later one's snapshot says beside its own words, and its bytes.
#[test]
fn what_a_later_version_puts_beside_is_kept() {
    let text = r#"{"kind":"case","state":"filed","round":0,"version":{"epoch":"01010101010101010101010101010101","count":1,"history":"0101010101010101010101010101010101010101010101010101010101010101"},"fields":{"description":{"value":"井盖","writer":"01010101010101010101010101010101","at":1,"why":"said"}},"sets":{"photos":{"aa":{"value":1,"writer":"01010101010101010101010101010101","seen":true}}},"clocks":{"handle":[{"started":0,"stopped":null,"paused":[1,2]}]},"losers":[],"personal":{},"links":{},"children":["a"],"deadlines":{"close":9}}"#;
    let mut view: View = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&view).unwrap(), text);
    let stop = Effect::StopClock { clock: "handle".to_owned(), at: Moment::from_unix_ms(60_000) };
    let version = view.version;
    fold::apply(&mut view, entry(2), version, &[stop]);
    assert_eq!(serde_json::to_string(&view).unwrap(), text.replace(r#""stopped":null"#, r#""stopped":60000"#));
}

/// A verdict of a later version is read, shown as it is, and retires nothing.
#[test]
fn a_verdict_of_a_later_version_is_kept_as_it_came() {
    for text in [r#""parked""#, r#"{"deferred":{"until":"monday"}}"#] {
        let verdict: Verdict = serde_json::from_str(text).unwrap();
        assert!(matches!(verdict, Verdict::Unknown(_)) && !verdict.applies() && !verdict.is_final(), "{verdict:?}");
        assert_eq!(serde_json::to_string(&verdict).unwrap(), text);
    }
}
