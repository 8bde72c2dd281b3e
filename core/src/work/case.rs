//! A case: one violation or defect from its report to its closing.
//!
//! The table follows the seven stages of digital city management (CJJ/T 106, GB/T 30428): collect, open, dispatch,
//! handle, report back, check and close, evaluate.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Audience;
use super::flow::{Also, FieldRule, Grant, HANDLE_CLOCK, Need, Numbers, Policy, Row, Rules, Who, Writer};
use super::listing::Listing;
use super::person::{DECIDERS, DESKS};
use crate::id::PersonId;
use crate::journal::entry::PhotoRole;
use crate::journal::view::{Member, View};
use crate::pack::{CategoryCode, CategoryKind, OrgCode, Pack};
use crate::place::GeoPoint;

/// The kind's name on the wire.
pub const CASE: &str = "case";

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal, $label:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$variant_doc])* $variant,)* }

        impl $type {
            /// All of them, in the order of the workflow.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What screens call it.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The one with this name on the wire; none for one of a later version.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }
    };
}

names! {
    /// Where a case stands.
    CaseState {
        /// On its way to, or at, the acceptor.
        Reported = "reported", "已上报";
        /// Taken on: it will be handled.
        Filed = "filed", "已立案";
        /// Not taken on.
        Declined = "declined", "不予立案";
        /// With the responsible organisation, which has not answered.
        Dispatched = "dispatched", "已派遣";
        /// Being handled.
        Handling = "handling", "处置中";
        /// Reported back as done.
        Handled = "handled", "已处置";
        /// Checked on site and found good.
        Checked = "checked", "已核查";
        /// Closed.
        Closed = "closed", "已结案";
        /// Taken back by whoever reported it.
        Withdrawn = "withdrawn", "已撤回";
    }
}

names! {
    /// What can be done with a case.
    CaseStep {
        /// 立案
        File = "file", "立案";
        /// 不予立案
        Decline = "decline", "不予立案";
        /// 派遣
        Dispatch = "dispatch", "派遣";
        /// 接单
        Accept = "accept", "接收";
        /// 回退
        Return = "return", "回退";
        /// 处置反馈
        Handle = "handle", "处置反馈";
        /// 核查
        Check = "check", "核查通过";
        /// 返工
        Rework = "rework", "返工";
        /// 结案
        Close = "close", "结案";
        /// 撤回
        Withdraw = "withdraw", "撤回";
    }
}

const fn row(
    from: CaseState,
    step: CaseStep,
    to: CaseState,
    who: &'static [Who],
    needs: &'static [Need],
    also: &'static [Also],
) -> Row {
    Row { from: from.name(), step: step.name(), to: to.name(), who, needs, also }
}

use CaseState::{Checked, Closed, Declined, Dispatched, Filed, Handled, Handling, Reported, Withdrawn};
use CaseStep::{Accept, Check, Close, Decline, Dispatch, File, Handle, Return, Rework, Withdraw};

const TO_UNIT: &[Also] = &[Also::Keep("responsible_org"), Also::Start(HANDLE_CLOCK)];
const FROM_UNIT: &[Also] = &[Also::Empty("responsible_org"), Also::Stop(HANDLE_CLOCK)];
const AGAIN: &[Also] = &[Also::NextRound, Also::Start(HANDLE_CLOCK)];

const BEFORE_DISPATCH: &[&str] = &[Reported.name(), Filed.name()];
const WITH_UNIT: &[&str] = &[Dispatched.name(), Handling.name(), Handled.name()];
const UNDER_CHECK: &[&str] = &[Handled.name(), Checked.name()];
const OPEN: &[&str] =
    &[Reported.name(), Filed.name(), Dispatched.name(), Handling.name(), Handled.name(), Checked.name()];

const fn field(name: &'static str, writer: Writer, policy: Policy, group: &'static str) -> FieldRule {
    FieldRule { name, writer, policy, group }
}

/// The rules of cases.
pub static RULES: Rules = Rules {
    kind: CASE,
    opened_by: &[Who::Inspector, Who::Verifier, Who::Acceptor],
    required: &["category", "occurred_at"],
    initial: Reported.name(),
    attached_by: &[
        Grant { who: Who::Author, in_states: OPEN },
        Grant { who: Who::Handler, in_states: WITH_UNIT },
        Grant { who: Who::Verifier, in_states: UNDER_CHECK },
        Grant { who: Who::Acceptor, in_states: OPEN },
    ],
    photo_roles: &[(PhotoRole::After, &[Who::Handler]), (PhotoRole::Check, &[Who::Verifier])],
    // A unit works on what it was given: from dispatch on, only the office corrects it.
    edited_by: &[Grant { who: Who::Author, in_states: BEFORE_DISPATCH }, Grant { who: Who::Acceptor, in_states: OPEN }],
    #[rustfmt::skip]
    steps: &[
        //  from        step      to          who                    needs                      also
        row(Reported,   File,     Filed,      &[Who::Acceptor],      &[],                       &[]),
        row(Reported,   Decline,  Declined,   &[Who::Acceptor],      &[Need::Reason],           &[]),
        row(Reported,   Withdraw, Withdrawn,  &[Who::Author],        &[],                       &[]),
        row(Filed,      Dispatch, Dispatched, &[Who::Dispatcher],    &[Need::Organisation],     TO_UNIT),
        row(Dispatched, Accept,   Handling,   &[Who::Handler],       &[],                       &[]),
        row(Dispatched, Return,   Filed,      &[Who::Handler],       &[Need::Reason],           FROM_UNIT),
        row(Handling,   Return,   Filed,      &[Who::Handler],       &[Need::Reason],           FROM_UNIT),
        row(Handling,   Handle,   Handled,    &[Who::Handler],       &[Need::AfterPhoto],       &[Also::Stop(HANDLE_CLOCK)]),
        row(Handled,    Check,    Checked,    &[Who::Verifier],      &[],                       &[]),
        row(Handled,    Rework,   Dispatched, &[Who::Verifier],      &[Need::Reason],           AGAIN),
        row(Checked,    Close,    Closed,     &[Who::Acceptor],      &[Need::Originals],        &[]),
        row(Checked,    Rework,   Dispatched, &[Who::Acceptor],      &[Need::Reason],           AGAIN),
    ],
    #[rustfmt::skip]
    fields: &[
        //    name               writer           policy                  group
        field("number",          Writer::Office,  Policy::LatestArrival,  "number"),
        field("originals",       Writer::Office,  Policy::AddToSet,       "originals"),
        field("responsible_org", Writer::Nobody,  Policy::LatestArrival,  "responsible_org"),
        field("category",        Writer::Editors, Policy::OfficeWins,     "category"),
        field("category_name",   Writer::Nobody,  Policy::LatestArrival,  "category"),
        field("place",           Writer::Editors, Policy::LatestArrival,  "place"),
        field("address",         Writer::Editors, Policy::LatestArrival,  "place"),
        field("area",            Writer::Nobody,  Policy::LatestArrival,  "place"),
        field("received",        Writer::Nobody,  Policy::LatestArrival,  "received"),
        field("tags",            Writer::Editors, Policy::AddToSet,       "tags"),
    ],
    sound: |field, value| match field {
        "category" => value.as_str().is_some_and(CategoryCode::is_formed),
        "description" | "address" => value.is_string(),
        "occurred_at" => value.is_i64(),
        "place" => place(value).is_some(),
        _ => true,
    },
    moments: &["occurred_at"],
    derive: |pack, field, value| match field {
        "place" => {
            let area = place(value).and_then(|point| pack.area_of(&point).map(|area| area.code.to_string()));
            vec![("area", area.map_or(Value::Null, Value::String))]
        }
        // Kept beside the code, so that it is found by its name and shown by a replica with another pack.
        "category" => {
            let name =
                value.as_str().and_then(|code| pack.catalogue().find(code)).map(|category| category.name.clone());
            vec![("category_name", name.map_or(Value::Null, Value::String))]
        }
        _ => Vec::new(),
    },
    audiences: |pack, view, reporter| Case::of(view).audiences(pack, reporter),
    listing: |view| Case::of(view).listing(),
    numbers: Some(Numbers { series: "number", prefix: |pack| &pack.about().case_prefix }),
    desks: DESKS,
    deciders: DECIDERS,
    covert: false,
};

pub(super) fn place(value: &Value) -> Option<GeoPoint> {
    serde_json::from_value(value.clone()).ok()
}

/// A case as code that knows cases reads it; what it does not know stays in the view.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a>(&'a View);

impl<'a> Case<'a> {
    /// Reads `view` as a case.
    #[must_use]
    pub const fn of(view: &'a View) -> Self {
        Self(view)
    }

    /// Where it stands; none in a state of a later version.
    #[must_use]
    pub fn state(&self) -> Option<CaseState> {
        CaseState::named(&self.0.state)
    }

    /// The number that the office gave it.
    #[must_use]
    pub fn number(&self) -> Option<&'a str> {
        self.0.text("number")
    }

    /// Its category, in the text form of [`crate::pack::CategoryCode`].
    #[must_use]
    pub fn category(&self) -> Option<&'a str> {
        self.0.text("category")
    }

    /// What was seen, in words.
    #[must_use]
    pub fn description(&self) -> Option<&'a str> {
        self.0.text("description")
    }

    /// Where it is, in words.
    #[must_use]
    pub fn address(&self) -> Option<&'a str> {
        self.0.text("address")
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Option<GeoPoint> {
        place(self.0.field("place")?)
    }

    /// The area that it lies in.
    #[must_use]
    pub fn area(&self) -> Option<&'a str> {
        self.0.text("area")
    }

    /// The organisation that is to handle it.
    #[must_use]
    pub fn responsible_org(&self) -> Option<&'a str> {
        self.0.text("responsible_org")
    }

    /// When it was seen, to the minute, in milliseconds since 1970.
    #[must_use]
    pub fn occurred_at(&self) -> Option<i64> {
        self.0.field("occurred_at")?.as_i64()
    }

    /// Its photos by the text of their SHA-256, in the order in which they came.
    #[must_use]
    pub fn photos(&self) -> Vec<(&'a str, &'a Member)> {
        let mut photos: Vec<_> = self.0.members("photos").collect();
        photos.sort_by_key(|(_, photo)| photo.value["order"].as_u64());
        photos
    }

    fn listing(&self) -> Listing<'a> {
        let photos = self.photos();
        let before = photos.iter().find(|(_, photo)| photo.value["role"] != "after");
        let comments = self.0.members("comments").filter_map(|(_, comment)| comment.value["text"].as_str());
        let fields = ["number", "category_name", "description", "address"];
        Listing {
            label: self.number(),
            category: self.category(),
            class: self.category().and_then(CategoryCode::kind_in),
            area: self.area(),
            org: self.responsible_org(),
            occurred_at: self.occurred_at(),
            place: self.place(),
            thumbnail: before.or(photos.first()).and_then(|(key, _)| key.parse().ok()),
            words: fields.into_iter().filter_map(|field| self.0.text(field)).chain(comments).collect(),
        }
    }

    /// Who receives it: its area while it is open, or every area where it lies in none, the responsible organisation from dispatch on, and always `reporter`.
    #[must_use]
    pub fn audiences(&self, pack: &Pack, reporter: Option<&PersonId>) -> BTreeSet<Audience> {
        let mut audiences = BTreeSet::new();
        audiences.extend(reporter.cloned().map(Audience::Own));
        let open = !matches!(self.state(), Some(Closed | Declined | Withdrawn));
        if open {
            let known = self.category().and_then(|code| pack.catalogue().find(code));
            let class = known.map_or(CategoryKind::Matter, |known| known.class().clone());
            match self.area().and_then(|area| area.parse().ok()) {
                Some(area) => {
                    audiences.insert(Audience::Area(area, class));
                }
                // Without a place, or beyond all areas, it is everybody's: somebody has to look, and to check.
                None => {
                    audiences.extend(pack.areas().iter().map(|area| Audience::Area(area.code.clone(), class.clone())))
                }
            }
        }
        if let Some(Ok(org)) = self.responsible_org().filter(|_| open).map(OrgCode::new) {
            audiences.insert(Audience::Organisation(org));
        }
        audiences
    }
}
