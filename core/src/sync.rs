//! The conversation with the office, without a socket.
//!
//! A phone drives it in a loop ([`session`]): ask for the next action, do it, report its outcome. What crosses is in
//! [`wire`]; what the office answers from is in [`page`]; what a phone does with the answer is in [`apply`], and without one in [`wait`]; how a
//! store goes on that was copied, in `succeed`. Where there is no network, what would cross travels as a [`parcel`].

pub mod code;
pub mod wire;
pub mod message;
pub mod page;
pub mod apply;
pub mod outbox;
pub mod action;
mod previews;
pub mod uploads;
pub mod wait;
mod succeed;
pub mod session;
pub mod parcel;
