//! The conversation with the office, without a socket.
pub mod wire;
pub mod message;
pub mod page;
pub mod outbox;
