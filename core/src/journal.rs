//! The journal: who did what, where and when, one immutable entry after the other.
//!
//! 1. An [`entry`] is written and chained to the one before it ([`write`]).
//! 2. The office takes it in ([`ledger`]), [`judge`]s it once and says with which [`effect`]s.
//! 3. Everywhere [`fold`] applies those effects to the item's [`view`]; it never judges again.

pub mod entry;
pub mod version;
pub mod write;
pub mod seal;
pub mod ledger;
pub mod judge;
pub mod verdict;
pub mod effect;
pub mod erasure;
pub mod fold;
mod restored;
pub mod view;
pub mod interval;
pub mod predict;
pub mod actor;
pub mod audit;
