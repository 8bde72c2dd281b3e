//! Everything that is true on a phone *and* in the office.

pub mod clock;
pub mod crypto;
pub mod field;
pub mod id;
pub mod journal;
pub mod limits;
pub mod pack;
pub mod photo;
pub mod place;
pub mod search;
pub mod store;
pub mod sync;
pub mod work;
