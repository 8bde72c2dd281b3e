//! A picture on its way from the camera into the store's photo folder: checked, hashed, shrunk, kept.
//!
//! [`ingest`] does it all and is durable when it returns; [`inspect`] only looks; [`derive_renditions`] makes the
//! smaller pictures again from an original, which is how the office checks what a phone shows. Nothing here reads a
//! clock or reaches beyond the files it is given.

mod contained;
mod error;
mod exif;
mod fingerprint;
mod folder;
mod heic;
mod ingest;
mod inspect;
mod jpeg;
mod media;
mod png;
mod rendition;
mod scans;
mod taken_at;

pub use error::PhotoError;
pub use exif::ExifFacts;
pub use fingerprint::{Fingerprint, Hasher};
pub use folder::PhotoFolder;
pub use ingest::{Ingested, ingest};
pub use inspect::{Inspection, inspect};
pub use media::MediaType;
pub use rendition::{DRAWER, Renditions, derive_renditions, keep_sent_view, keep_thumbnail, keep_view};
pub use taken_at::TakenAt;
