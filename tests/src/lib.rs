//! What the project's tests share: a small district with phones, an office and a network that can be trusted to fail.
//!
//! 1. A [`World`](world::World) has one office, any number of phones, and one clock that stands still until it is moved.
//! 2. A [`Phone`](phone::Phone) is a real store; what it sends goes over a [`Link`](network::Link) with
//!    [faults](network::Fault).
//! 3. [`checks`] says whether what must always hold holds now.
//! 4. A [`Ledger`](ledger::Ledger) is the ledger alone, the same bytes for the same seed: for properties of it.
//! 5. A [simulation](simulation) plays whole districts drawn from a seed.
//! 6. [`power`] lays out what a disk may hold after a power cut, and has it looked at.
//! 7. A [`Program`](program::Program) is the real `xuncheng`, behind a [`Proxy`](proxy::Proxy) that cuts its connections.
//! 8. An [`upgrade`] is a district as an earlier version left it.

// Tests own what core is given as arguments: the clock, threads, the environment. They fail by panicking.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod checks;
pub mod fixtures;
pub mod ledger;
pub mod network;
pub mod newer;
pub mod phone;
pub mod power;
pub mod program;
pub mod proxy;
pub mod simulation;
pub mod restores;
pub mod traffic;
pub mod upgrade;
pub mod world;
