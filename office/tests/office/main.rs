//! The office as its phones see it, and as it stands after a crash, a theft, a restore.

// Helpers of tests are tests too; clippy.toml's leave for them ends at `#[test]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]
// As the office itself, they own threads.
#![allow(clippy::disallowed_methods)]

mod backups;
mod certificate;
mod console;
mod damaged;
mod disk;
mod enrolment;
mod have;
mod hints;
mod intake;
mod phone;
mod photos;
mod quotas;
mod serving;
mod world;
