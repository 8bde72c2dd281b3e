//! Disks that lose their power, fill up or fail, and programs that are killed at each change of a file (docs/loss-test.md):
//! nothing that was acknowledged is lost, and whatever is left opens.

#![allow(clippy::disallowed_methods, reason = "tests own clock, threads and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "disk/shim.rs"]
mod shim;
#[path = "disk/phone_power.rs"]
mod phone_power;
#[path = "disk/office_power.rs"]
mod office_power;
#[path = "disk/migration.rs"]
mod migration;
#[path = "disk/kills.rs"]
mod kills;
#[path = "disk/syncs.rs"]
mod syncs;
