//! Everything that is true on a phone *and* in the office.

pub mod id;
pub mod clock;
pub mod limits;
pub mod crypto;
pub mod place;
pub mod photo;
pub mod pack;
pub mod search;
