//! A disk that can be watched and made to fail: a shim between a program and its file system, for tests.
//!
//! 1. `calls` stand in for the C library's own: whatever in this process changes a file, SQLite and Rust's
//!    library alike, comes by here. What concerns no watched folder goes on to the system as it is.
//! 2. A [`Disk`] watches one folder: it counts what changes there, [fails](Fault) when it is told to, and keeps a log.
//! 3. A [`Recording`] is that log, with [`Image`]s of what a disk may hold after the power went at any moment of it: what
//!    was synced, and of the rest any part, in any order, torn anywhere.
//! 4. A [program of its own](Watched) is watched by loading this library before it, and killed at the change that is named.

#![allow(clippy::disallowed_methods, reason = "a program is told by its environment what is watched of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod disk;
mod image;
mod program;
mod recording;
mod watch;

#[cfg(target_os = "linux")]
mod calls;

pub use disk::{Disk, Fault};
pub use image::{Image, Variant};
pub use program::{Watched, library};
pub use recording::{Cut, Recording};
