//! Originals out of a parcel: the same rows and files as over a network, so that one which came by half goes on, whichever way
//! the rest comes.

use std::fs::{File, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use xuncheng_core::id::IncarnationId;
use xuncheng_core::limits;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::store::photos;
use xuncheng_core::sync::parcel::Parcel;

use super::Stop;
use crate::error::OfficeError;
use crate::ledger::Ledger;
use crate::quotas::Quotas;
use crate::uploads::rows::{self, Upload};
use crate::uploads::{Original, admit, finish};

/// Takes the original that is the present part of `parcel`; false where it was signed for before.
pub(super) fn take(
    ledger: &mut Ledger,
    folder: &PhotoFolder,
    parcel: &mut Parcel<File>,
    original: Original,
    incarnation: IncarnationId,
) -> Result<bool, Stop> {
    if original.length > limits::PHOTO_BYTES {
        return Err(OfficeError::TooLarge { limit: limits::PHOTO_BYTES }.into());
    }
    let epoch = ledger.grounds().branch().epoch.id;
    let uploads = ledger.grounds().folder.uploads();
    let upload = ledger.turn(|intake| {
        let upload = admit(intake, &uploads, original, incarnation, &Quotas::default())?;
        let known = photos::receipt(intake.tx, original.entry, original.sha256)?;
        let known = known.and_then(|signed| signed.read_unverified().ok());
        Ok((known.is_none_or(|receipt| receipt.epoch != epoch)).then_some(upload))
    })?;
    let Some(upload) = upload else { return Ok(false) };
    let upload = Receiving::open(ledger, upload)?.receive(ledger, parcel)?;
    finish::end_here(ledger, folder, &upload)?;
    Ok(true)
}

/// An upload whose file nobody else writes.
struct Receiving {
    upload: Upload,
    path: PathBuf,
    file: File,
    /// Bytes on their way to the disk.
    unnoted: u64,
}

impl Receiving {
    fn open(ledger: &Ledger, upload: Upload) -> Result<Self, OfficeError> {
        let path = upload.file(&ledger.grounds().folder.uploads());
        let failed = |source| OfficeError::file(&path, source);
        let mut file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        // The office may be receiving it over a network; a file system without locks has one process at a time.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(OfficeError::Locked);
        }
        let upload = rows::get(ledger.connection(), upload.id)?.ok_or(OfficeError::Locked)?;
        // What lies beyond was never noted, and a power cut may have left anything there.
        file.set_len(upload.offset).map_err(failed)?;
        file.seek(SeekFrom::Start(upload.offset)).map_err(failed)?;
        Ok(Self { upload, path, file, unnoted: 0 })
    }

    /// Takes what is not here yet, and passes over what is.
    fn receive(mut self, ledger: &mut Ledger, parcel: &mut Parcel<File>) -> Result<Upload, Stop> {
        let mut skip = self.upload.offset;
        loop {
            let piece = match parcel.piece() {
                Ok([]) => break,
                Ok(piece) => piece,
                // What came until then is kept: whoever copies the parcel once more goes on from there.
                Err(error) => {
                    self.keep(ledger)?;
                    return Err(error.into());
                }
            };
            let passed = usize::try_from(skip).map_or(piece.len(), |skip| skip.min(piece.len()));
            skip -= passed as u64;
            let new = &piece[passed..];
            self.file.write_all(new).map_err(|source| OfficeError::file(&self.path, source))?;
            self.unnoted += new.len() as u64;
            if self.unnoted >= limits::UPLOAD_SYNC_BYTES {
                self.keep(ledger)?;
            }
        }
        self.keep(ledger)?;
        Ok(self.upload)
    }

    /// Puts what was written on the disk, then says so in the row.
    fn keep(&mut self, ledger: &mut Ledger) -> Result<(), OfficeError> {
        if self.unnoted == 0 {
            return Ok(());
        }
        self.file.sync_all().map_err(|source| OfficeError::file(&self.path, source))?;
        let (id, offset, more) = (self.upload.id, self.upload.offset + self.unnoted, self.unnoted);
        ledger.turn(|intake| rows::advance(intake, id, offset, more))?;
        self.upload.offset = offset;
        self.unnoted = 0;
        Ok(())
    }
}
