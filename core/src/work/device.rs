//! A device of a person: enrolled by the office, revoked by an administrator.

use serde_json::Value;

use super::Audience;
use super::flow::{Grant, Row, Rules, Who};
use super::listing::Listing;
use super::person::{DECIDERS, DESKS};

/// The kind's name on the wire.
pub const DEVICE: &str = "device";
/// The state of a device that may send.
pub const ACTIVE: &str = "active";
/// The state of a device whose entries are held.
pub const REVOKED: &str = "revoked";
/// The step that revokes.
pub const REVOKE: &str = "revoke";

/// The rules of devices.
pub static RULES: Rules = Rules {
    kind: DEVICE,
    opened_by: &[Who::Office],
    required: &["person", "incarnation", "key"],
    initial: ACTIVE,
    attached_by: &[],
    photo_roles: &[],
    edited_by: &[Grant { who: Who::Office, in_states: &[ACTIVE, REVOKED] }],
    steps: &[Row { from: ACTIVE, step: REVOKE, to: REVOKED, who: &[Who::Office, Who::Admin], needs: &[], also: &[] }],
    fields: &[],
    sound: |_, _| true,
    moments: &[],
    derive: |_, _, _: &Value| Vec::new(),
    audiences: |_, view, _| Audience::own(view, "person"),
    listing: |_| Listing::default(),
    numbers: None,
    desks: DESKS,
    deciders: DECIDERS,
    covert: false,
};
