//! The journey, from a photo to a closed case, with what goes wrong on the way.
//!
//! Most of it runs in this process: a real office, real stores, a link that fails as it is told to. What only real
//! processes and real connections show runs the program itself.

#![allow(clippy::disallowed_methods, reason = "tests own clock, threads and environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "journeys/demo.rs"]
mod demo;
#[path = "journeys/erasure.rs"]
mod erasure;
#[path = "journeys/held.rs"]
mod held;
#[path = "journeys/in_a_district.rs"]
mod in_a_district;
#[path = "journeys/links.rs"]
mod links;
#[path = "journeys/on_the_wire.rs"]
mod on_the_wire;
#[path = "journeys/over_a_wire.rs"]
mod over_a_wire;
#[path = "journeys/over_tls.rs"]
mod over_tls;
#[path = "journeys/by_parcel.rs"]
mod by_parcel;
