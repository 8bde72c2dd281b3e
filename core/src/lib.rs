//! Everything that is true on a phone *and* in the office.
//!
//! 1. [`photo::ingest`] checks, hashes, shrinks and keeps a picture.
//! 2. [`field`] is what an app calls; the [`journal`] records who did what, where and when, and an entry is durable before
//!    the call returns.
//! 3. [`sync`] says what to send next; whoever owns a network does it and reports back.
//! 4. At the office [`journal::judge`] decides, once, what an entry does, by the tables of [`work`] and the rules of the
//!    district's [`pack`].
//! 5. Everywhere [`journal::fold`] applies what was decided to the [`store`] that screens read.
//!
//! The crate touches one SQLite file and one photo folder, both handed to it. Time and entropy are arguments ([`clock`]),
//! every bound stands in [`limits`], and what is signed is signed by a suite of [`crypto`].

pub mod id;
pub mod clock;
pub mod limits;
pub mod crypto;
pub mod private;
pub mod mutant;

pub mod place;
pub mod photo;
pub mod pack;
pub mod work;

pub mod journal;
pub mod store;
pub mod search;
pub mod sync;
pub mod field;
