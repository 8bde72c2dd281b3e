//! Room that a store keeps for itself: on a full disk it is given up, so that the store can still be opened and read, and what
//! was captured can still be sent as far as that takes no room.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::limits;
use crate::private;
use crate::store::StoreError;

const RESERVE: &str = "reserve";

/// What `open` gives; where the disk is full, what it gives once the reserve of `folder` is given up. While there is plenty of
/// room the reserve is kept, or made anew.
pub(super) fn opened<T>(folder: &Path, open: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let reserve = folder.join(RESERVE);
    match open() {
        Err(StoreError::DiskFull) => {
            // Gone already, another process has given it up in this moment.
            let _ = fs::remove_file(&reserve);
            open()
        }
        Ok(opened) => {
            if !reserve.exists() && has_plenty(folder) {
                keep(&reserve);
            }
            Ok(opened)
        }
        Err(error) => Err(error),
    }
}

/// One that cannot be made is not there on the day that it is needed, and nothing else.
fn keep(reserve: &Path) {
    let Ok(mut file) = private::new_file().open(reserve) else { return };
    if file.write_all(&vec![0; limits::RESERVE_BYTES]).is_err() {
        let _ = fs::remove_file(reserve);
    }
}

/// Whether the reserve is little of what is free.
fn has_plenty(folder: &Path) -> bool {
    private::free_bytes(folder).unwrap_or(0) / 4 > limits::RESERVE_BYTES as u64
}
