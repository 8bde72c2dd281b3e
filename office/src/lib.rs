//! The office: it takes in what phones send, judges it once, keeps it, and shows it.
//!
//! 1. [`serve`] opens the [data folder](folder) of a [`Config`] as an [`Office`] and answers on one port with [`app`].
//! 2. A device is [enrolled](enrolment) once, with a one-time code.
//! 3. [`intake`] takes entries one after the other, in one [turn](Office::turn) at the [`ledger`], and answers with what
//!    is new for that phone.
//! 4. [`previews`] and [`uploads`] take thumbnails and originals; an original that is durable gets a signed receipt.
//! 5. [`backup`] makes receipts safe, [`restore`] begins a new epoch.
//!
//! Whatever writes the ledger does so in a turn: one transaction, committed before anybody is answered.

// The office owns what core is given as arguments: the clock, threads, the process.
#![allow(clippy::disallowed_methods)]

mod clock;
mod config;
mod console;
mod error;
pub mod folder;
mod keys;
pub mod ledger;
mod office;

pub use clock::Clock;
pub use config::{Config, Tls};
pub use error::{CodeProblem, OfficeError};
pub use office::{Office, app, write_at_desk};
