//! The office: it takes in what phones send, judges it once, keeps it, and shows it.
//!
//! 1. [`serve`] opens the [data folder](folder) of a [`Config`] as an [`Office`] and answers with [`app`]; where others may
//!    reach it, phones have a port with [`phones`] alone, and the console one of this machine.
//! 2. A [device](devices) is enrolled once, with a one-time [code](codes).
//! 3. `intake` takes entries one after the other, in one [turn](Office::turn) at the [`ledger`], and answers with what is
//!    new for that phone.
//! 4. `previews` and `uploads` take thumbnails and originals; an original that is durable gets a signed receipt.
//!    `downloads` gives pictures to phones that may see them.
//!    What a phone may send is bounded by [`Quotas`]; `have` says what of it is here, `hints` when there is something for it.
//! 5. What is [held] waits for a person, who releases or dismisses it.
//! 6. A [`parcel`] is a phone's conversation in a file, for where there is no network.
//! 7. [`backup`] makes receipts safe, [`restore`] begins a new epoch.
//!
//! Whatever writes the ledger does so in a turn: one transaction, committed before anybody is answered.

// The office owns what core is given as arguments: the clock, threads, the process.
#![allow(clippy::disallowed_methods)]

mod attached;
pub mod backup;
mod bare;
mod body;
mod clock;
pub mod codes;
mod config;
mod console;
pub mod devices;
mod downloads;
mod enrolment;
mod erasures;
mod error;
mod flags;
pub mod folder;
mod have;
pub mod held;
mod hints;
mod intake;
mod keys;
pub mod ledger;
mod local;
mod office;
pub mod parcel;
mod people;
mod pictures;
mod phone_clock;
mod previews;
mod quotas;
pub mod recovery;
pub mod restore;
pub mod serve;
mod status;
mod unfinished;
mod uploads;
mod writer;

pub use backup::{BackupReport, backup};
pub use clock::{Clock, EntropySource};
pub use codes::CodeProblem;
pub use config::{Address, Config, NoAddress, Tls};
pub use error::OfficeError;
pub use ledger::Ledger;
pub use office::{Office, app, phones, write_at_desk};
pub use quotas::{Quota, Quotas};
pub use restore::{RestoreReport, restore};
pub use serve::{Serving, serve};
pub use status::{PhotoCounts, Status, UploadCounts};
