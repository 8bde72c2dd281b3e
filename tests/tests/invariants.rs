//! What the product promises (DESIGN, invariants 1 to 7), each with the tests that hold it.

#![allow(clippy::disallowed_methods, reason = "tests own clock, threads and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "invariants/bounds.rs"]
mod bounds;
#[path = "invariants/durable.rs"]
mod durable;
#[path = "invariants/kept.rs"]
mod kept;
#[path = "invariants/once.rs"]
mod once;
#[path = "invariants/originals.rs"]
mod originals;
#[path = "invariants/room.rs"]
mod room;
#[path = "invariants/sight.rs"]
mod sight;
