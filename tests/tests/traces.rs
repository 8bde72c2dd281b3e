//! Runs that broke an earlier wording of the protocol (docs/protocol.md), each under its name; and the rules that closed
//! them, as properties of the judge and the workflow table.

#![allow(clippy::disallowed_methods, reason = "tests own clock, threads and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "traces/judge.rs"]
mod judge;
#[path = "traces/table.rs"]
mod table;
#[path = "traces/journal.rs"]
mod journal;
#[path = "traces/copies.rs"]
mod copies;
#[path = "traces/authors.rs"]
mod authors;
#[path = "traces/wire.rs"]
mod wire;
#[path = "traces/drivers.rs"]
mod drivers;
#[path = "traces/feeds.rs"]
mod feeds;
#[path = "traces/refusals.rs"]
mod refusals;
#[path = "traces/held.rs"]
mod held;
#[path = "traces/covert.rs"]
mod covert;
#[path = "traces/versions.rs"]
mod versions;
#[path = "traces/waits.rs"]
mod waits;
#[path = "traces/pictures.rs"]
mod pictures;
#[path = "traces/history.rs"]
mod history;
#[path = "traces/parcels.rs"]
mod parcels;
#[path = "traces/recovery.rs"]
mod recovery;
#[path = "traces/recovery_items.rs"]
mod recovery_items;
#[path = "traces/recovery_originals.rs"]
mod recovery_originals;
#[path = "traces/rollback.rs"]
mod rollback;
#[path = "traces/policy.rs"]
mod policy;
#[path = "traces/sizes.rs"]
mod sizes;
#[path = "traces/have.rs"]
mod have;
#[path = "traces/quotas.rs"]
mod quotas;
#[path = "traces/clocks.rs"]
mod clocks;

use xuncheng_core::id::{PhotoHash, Sm3Hash};
use xuncheng_core::journal::entry::{Photo, PhotoRole};
use xuncheng_core::photo::MediaType;

/// A photo that an entry may name, whether anybody has its bytes or not.
fn photo(n: u8) -> Photo {
    Photo {
        sha256: PhotoHash::from_bytes([n; 32]),
        sm3: Sm3Hash::from_bytes([n; 32]),
        bytes: 1000,
        media: MediaType::Jpeg,
        role: PhotoRole::Close,
        width_px: 100,
        height_px: 100,
        view: PhotoHash::from_bytes([n; 32]),
        thumbnail: PhotoHash::from_bytes([n; 32]),
        drawn_by: xuncheng_core::photo::DRAWER.to_owned(),
    }
}
#[path = "traces/erasure.rs"]
mod erasure;
