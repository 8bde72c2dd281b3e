//! A covert visit (暗访): somebody looks at a key site unannounced, and the inspected hear nothing of it.
//!
//! It is an item of its own, in a feed of its own, with numbers of its own: nothing of it stands in what others are told. What
//! it finds and is to be handled becomes a case like any other. Covert inspectors make visits, appraisers (考评员) direct them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Audience;
use super::case::place;
use super::flow::{FieldRule, Grant, Numbers, Policy, Row, Rules, Who, Writer};
use super::listing::Listing;
use crate::journal::view::View;
use crate::pack::Role;

/// The kind's name on the wire.
pub const VISIT: &str = "visit";
/// The state of a visit that was made.
pub const VISITED: &str = "visited";
/// The state of a visit that is done with.
pub const CLOSED: &str = "closed";
/// The step that ends it.
pub const CLOSE: &str = "close";

/// The roles whose desks work on covert visits, and decide about what of them is held.
const DIRECTORS: &[Role] = &[Role::Appraiser];

/// The rules of covert visits.
pub static RULES: Rules = Rules {
    kind: VISIT,
    opened_by: &[Who::CovertInspector, Who::Appraiser],
    required: &["site", "occurred_at"],
    initial: VISITED,
    attached_by: &[
        Grant { who: Who::Author, in_states: &[VISITED] },
        Grant { who: Who::Appraiser, in_states: &[VISITED, CLOSED] },
    ],
    photo_roles: &[],
    edited_by: &[
        Grant { who: Who::Author, in_states: &[VISITED] },
        Grant { who: Who::Appraiser, in_states: &[VISITED] },
    ],
    steps: &[Row { from: VISITED, step: CLOSE, to: CLOSED, who: &[Who::Appraiser], needs: &[], also: &[] }],
    fields: &[
        field("number", Writer::Office, Policy::LatestArrival),
        field("originals", Writer::Office, Policy::AddToSet),
        field("received", Writer::Nobody, Policy::LatestArrival),
    ],
    sound: |field, value| match field {
        "site" => value.as_str().is_some_and(|site| !site.trim().is_empty()),
        "description" => value.is_string(),
        "occurred_at" => value.is_i64(),
        "place" => place(value).is_some(),
        _ => true,
    },
    moments: &["occurred_at"],
    derive: |_, _, _: &Value| Vec::new(),
    audiences: |_, view, reporter| {
        let mut told: BTreeSet<Audience> = reporter.cloned().map(Audience::Own).into_iter().collect();
        if view.state != CLOSED {
            told.insert(Audience::Covert);
        }
        told
    },
    listing,
    numbers: Some(Numbers { series: "visit", prefix: |_| "AF" }),
    desks: DIRECTORS,
    deciders: DIRECTORS,
    covert: true,
};

const fn field(name: &'static str, writer: Writer, policy: Policy) -> FieldRule {
    FieldRule { name, writer, policy, group: name }
}

fn listing(view: &View) -> Listing<'_> {
    Listing {
        label: view.text("number"),
        occurred_at: view.field("occurred_at").and_then(Value::as_i64),
        place: view.field("place").and_then(place),
        words: ["number", "site", "description"].into_iter().filter_map(|field| view.text(field)).collect(),
        ..Listing::default()
    }
}
