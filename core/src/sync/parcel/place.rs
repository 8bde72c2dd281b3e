//! Where a parcel lies: under a name of its own, whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{ENDING, ParcelError};
use crate::clock::Moment;
use crate::id::Nonce;

/// Which way a parcel goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From a phone.
    ToOffice,
    /// From the office; it is named after the parcel that it answers.
    ToPhone,
}

/// Where a parcel is written: at `place`, or in it, under a name that says what it is, where that is a folder.
#[must_use]
pub fn path(place: &Path, way: Way, parcel: Nonce, made_at: Moment) -> PathBuf {
    if !place.is_dir() {
        return place.to_owned();
    }
    let what = match way {
        Way::ToOffice => "包裹",
        Way::ToPhone => "回包",
    };
    let name = format!("巡城-{what}-{}-{}", made_at.beijing_day(), short(parcel));
    // One parcel may be answered several times a day.
    let again = (2..1000).map(|count| place.join(format!("{name}-{count}.{ENDING}")));
    let first = place.join(format!("{name}.{ENDING}"));
    if first.exists() { again.into_iter().find(|path| !path.exists()).unwrap_or(first) } else { first }
}

/// The beginning of a parcel's name, which tells it from its neighbours on a stick; an answer bears that of what it answers.
#[must_use]
pub fn short(parcel: Nonce) -> String {
    parcel.to_string().chars().take(6).collect()
}

/// A parcel that is being written, beside its place: only its owner reads it, and it goes with its handle.
pub type Unfinished = BufWriter<NamedTempFile>;

/// Begins a file that is to lie at `path`.
///
/// # Errors
/// [`ParcelError::Io`], also where there is a file of that name.
pub fn begin(path: &Path) -> Result<Unfinished, ParcelError> {
    if path.exists() {
        let taken = "there is a file of this name already; name another, or a folder";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, taken).into());
    }
    let file = tempfile::Builder::new().prefix(".巡城-").suffix(".unfinished").tempfile_in(folder_of(path))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

/// Gives a file that is whole its name, durably, and says how long it is.
///
/// # Errors
/// [`ParcelError::Io`], also where there is a file of that name by now.
pub fn end(mut file: Unfinished, path: &Path) -> Result<u64, ParcelError> {
    file.flush()?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    let bytes = file.as_file().metadata()?.len();
    file.persist_noclobber(path).map_err(|error| error.error)?;
    // Only Unix opens folders as files; elsewhere the file system's own journal has to do.
    if cfg!(unix) {
        File::open(folder_of(path))?.sync_all()?;
    }
    Ok(bytes)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
