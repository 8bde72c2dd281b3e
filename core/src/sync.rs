//! The conversation with the office, without a socket.
//!
//! A phone drives it in a loop ([`session`]): ask for the next action, do it, report its outcome. What crosses is in
//! [`wire`]; what the office answers from is in [`page`]; what a phone does with the answer is in [`apply`], and without one in [`wait`]; how a
//! store goes on that was copied, in `succeed`. What an office has lost in a restore is brought back by `reoffer`, as [`offer`] words it.
//! When originals may go is in [`policy`]. Where there is no network, what would cross travels as a [`parcel`].

pub mod code;
pub mod wire;
pub mod offer;
pub mod message;
pub mod page;
pub mod apply;
pub mod outbox;
pub mod action;
pub mod policy;
mod sizes;
mod have;
mod previews;
mod downloads;
mod history;
mod room;
pub mod uploads;
pub mod wait;
pub mod clock_offset;
mod succeed;
pub mod reoffer;
pub mod session;
pub mod parcel;
pub mod hints;
