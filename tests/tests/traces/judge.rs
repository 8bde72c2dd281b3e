//! The judge is pure and total, and the workflow table leads somewhere from everywhere.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{EntryId, EpochId, PersonId};
use xuncheng_core::journal::effect::Effect;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::fold;
use xuncheng_core::journal::judge::{Blocked, Decision, Facts, ReadEntry, Subject, judge};
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::journal::version::Version;
use xuncheng_core::journal::view::{Field, Member, View};
use xuncheng_core::pack::{OrgCode, Pack, Role};
use xuncheng_core::work::case::{CASE, CaseState, RULES};
use xuncheng_core::work::flow::Actor;

pub(super) fn entry(n: u8) -> EntryId {
    EntryId::from_bytes([n; 16])
}

/// When all that is judged here was received.
pub(super) const RECEIVED: Moment = xuncheng_tests::world::MORNING;

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
            vouched: false,
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

pub(super) struct Before {
    pub(super) view: Option<View>,
    pub(super) seen: Option<u64>,
    pub(super) links: BTreeMap<EntryId, EntryId>,
    pub(super) blocked: Option<Blocked>,
    pub(super) actor: Actor,
}

impl Before {
    pub(super) fn judge(&self, pack: &Pack, own: Option<EntryId>, change: &Change) -> Decision {
        let subject =
            Subject { view: self.view.as_ref(), seen: self.seen, own_links: &self.links, blocked: self.blocked };
        let facts = Facts { pack, actor: &self.actor, received: RECEIVED };
        judge(&subject, &facts, &ReadEntry { id: entry(200), kind: CASE, own, change })
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

pub(super) fn apply(view: &View, decision: &Decision) -> View {
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
        let follows = matches!(before.blocked, Some(Blocked::RejectedOpen(_)));
        let held = matches!(decision.verdict, Verdict::Held { .. });
        prop_assert!((held || follows) && decision.effects.is_empty());
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

pub(super) fn pack() -> &'static Pack {
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
