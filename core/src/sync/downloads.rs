//! Pictures on their way to a phone: the thumbnails of the newest cases unasked, what somebody wants to see before that which is
//! only sent; an original in pieces, which are put together and checked by its hash.
//!
//! What is kept of them is bounded: where there is no room, what was wanted longest ago goes first. A file goes before its row,
//! so that none is left that nobody names; a row whose file is away is asked for again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Transaction;

use super::action::SyncError;
use super::wire::{DownloadsResponse, PhotoForm, Piece, Wanted};
use crate::clock::Now;
use crate::id::ItemId;
use crate::limits;
use crate::photo::{Fingerprint, PhotoError, PhotoFolder, keep_thumbnail, keep_view};
use crate::private;
use crate::store::pictures::{self, Picture, Standing};
use crate::store::{StoreError, items};
use crate::work::case::{CASE, Case};

/// What is asked for next; nothing where all that is wanted is here, or is not to be had now.
///
/// # Errors
/// [`StoreError`].
pub(super) fn next(tx: &Transaction<'_>, now: &Now) -> Result<Vec<Wanted>, StoreError> {
    want_newest(tx)?;
    // Of originals one at a time: it is large enough.
    let mut asked = pictures::asked(tx, now.wall, limits::DOWNLOADS_WANTED)?;
    if asked.first().is_some_and(|asked| asked.picture.form == PhotoForm::Original) {
        asked.truncate(1);
    }
    let wanted = |asked: &pictures::Asked| Wanted {
        entry: asked.picture.entry,
        sha256: asked.picture.sha256,
        form: asked.picture.form,
        offset: asked.bytes,
    };
    Ok(asked.iter().map(wanted).collect())
}

/// Wants the thumbnails that the first screens of the list show.
fn want_newest(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let mut newest = pictures::newest_without(tx, CASE, limits::THUMBNAILS_UNASKED)?;
    // What is wanted last is fetched first.
    newest.reverse();
    for (item, sha256) in newest {
        let Some(view) = items::view(tx, item)? else { continue };
        let key = sha256.to_string();
        let shown = Case::of(&view).photos().into_iter().find(|(photo, _)| *photo == key);
        if let Some((_, member)) = shown {
            let picture = Picture { entry: member.writer, sha256, form: PhotoForm::Thumbnail };
            pictures::want(tx, item, &picture)?;
        }
    }
    Ok(())
}

/// Takes the office's answer. What is no picture, or not the one that was wanted, is as if the office had none: it is asked
/// for again later, and nothing waits for it.
///
/// # Errors
/// [`SyncError`].
pub(super) fn take(
    tx: &Transaction<'_>,
    folder: &PhotoFolder,
    wanted: &[Wanted],
    answer: &DownloadsResponse,
    now: &Now,
) -> Result<(), SyncError> {
    let mut told = 0;
    for piece in answer.pieces.iter().filter(|piece| wanted.contains(&piece.wanted)) {
        told += 1;
        let picture = of(&piece.wanted);
        // It may have gone meanwhile with its item, or have come by another driver of this store.
        if pictures::standing(tx, &picture)?.is_none_or(|standing| standing == Standing::Here) {
            continue;
        }
        match folder.others().map_err(NotKept::from).and_then(|others| keep(&others, piece)) {
            Ok((bytes, here)) => pictures::set_bytes(tx, &picture, bytes, here)?,
            Err(NotKept::Full) => {
                // What can be had again gives way first.
                bound(tx, folder, pictures::bytes(tx)? / 2)?;
                pictures::set_absent(tx, &picture, now.wall)?;
            }
            Err(NotKept::Junk) => pictures::set_absent(tx, &picture, now.wall)?,
        }
    }
    for absent in answer.absent.iter().filter(|absent| wanted.contains(absent)) {
        told += 1;
        pictures::set_absent(tx, &of(absent), now.wall)?;
    }
    if told == 0 {
        // An office that says nothing of what it was asked would be asked without end.
        return none(tx, wanted, now);
    }
    Ok(bound(tx, folder, limits::PICTURES_BYTES)?)
}

/// What becomes of all that was asked for where the office gives none of it: an earlier version does not know the request.
///
/// # Errors
/// [`SyncError`].
pub(super) fn none(tx: &Transaction<'_>, wanted: &[Wanted], now: &Now) -> Result<(), SyncError> {
    for wanted in wanted {
        pictures::set_absent(tx, &of(wanted), now.wall)?;
    }
    Ok(())
}

const fn of(wanted: &Wanted) -> Picture {
    Picture { entry: wanted.entry, sha256: wanted.sha256, form: wanted.form }
}

/// Why a piece was not kept.
enum NotKept {
    /// The disk is full.
    Full,
    /// It is not what was wanted, or the folder cannot be used now.
    Junk,
}

impl From<PhotoError> for NotKept {
    fn from(error: PhotoError) -> Self {
        if matches!(error, PhotoError::DiskFull { .. }) { Self::Full } else { Self::Junk }
    }
}

impl From<io::Error> for NotKept {
    fn from(error: io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if full { Self::Full } else { Self::Junk }
    }
}

/// Keeps a piece; says how much of its picture is here then, and whether that is all.
fn keep(others: &PhotoFolder, piece: &Piece) -> Result<(u64, bool), NotKept> {
    let Wanted { sha256, form, offset, .. } = piece.wanted;
    let bytes = BASE64.decode(&piece.bytes).map_err(|_| NotKept::Junk)?;
    let end = offset.saturating_add(bytes.len() as u64);
    if bytes.is_empty() || end > piece.total || piece.total > limits::PHOTO_BYTES {
        return Err(NotKept::Junk);
    }
    match form {
        PhotoForm::Thumbnail | PhotoForm::View if (offset, end) != (0, piece.total) => return Err(NotKept::Junk),
        PhotoForm::Thumbnail => keep_thumbnail(&bytes, &sha256, others).map(drop)?,
        PhotoForm::View => keep_view(&bytes, &sha256, others)?,
        PhotoForm::Original => {
            let unfinished = others.unfinished(&sha256);
            append(&unfinished, offset, &bytes)?;
            if end < piece.total {
                return Ok((end, false));
            }
            if Fingerprint::of_file(&unfinished)?.sha256 != sha256 {
                let _ = fs::remove_file(&unfinished);
                return Err(NotKept::Junk);
            }
            others.adopt(&unfinished, &sha256)?;
        }
    }
    Ok((end, true))
}

/// Writes `bytes` at `offset` of the file, which then ends with them.
fn append(path: &std::path::Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = match private::new_file().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(path)?,
        Err(error) => return Err(error),
    };
    // What is missing before it, because somebody deleted the file, shows when the whole is checked.
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

/// Lets go of the pictures that were wanted longest ago, until those that are left have at most `most_bytes`.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn bound(tx: &Transaction<'_>, folder: &PhotoFolder, most_bytes: u64) -> Result<(), StoreError> {
    while pictures::bytes(tx)? > most_bytes {
        let Some(oldest) = pictures::oldest(tx)? else { break };
        forget(tx, folder, &oldest)?;
    }
    Ok(())
}

/// Forgets a picture, and deletes its file where no other entry's stands in it.
fn forget(tx: &Transaction<'_>, folder: &PhotoFolder, picture: &Picture) -> Result<(), StoreError> {
    if pictures::forget(tx, picture)? {
        // One that cannot be deleted is swept when the next conversation begins.
        let _ = fs::remove_file(folder.fetched(&picture.sha256, picture.form));
        if picture.form == PhotoForm::Original {
            let _ = fs::remove_file(folder.unfinished_fetched(&picture.sha256));
        }
    }
    Ok(())
}

/// Forgets all pictures of an item that left this phone.
///
/// # Errors
/// [`StoreError`].
pub(super) fn forget_item(tx: &Transaction<'_>, folder: &PhotoFolder, item: ItemId) -> Result<(), StoreError> {
    pictures::of_item(tx, item)?.iter().try_for_each(|picture| forget(tx, folder, picture))
}

/// Forgets others' originals: their person may not see them any more.
///
/// # Errors
/// [`StoreError`].
pub(super) fn forget_originals(tx: &Transaction<'_>, folder: &PhotoFolder) -> Result<(), StoreError> {
    pictures::foreign_originals(tx)?.iter().try_for_each(|picture| forget(tx, folder, picture))
}

/// Deletes the files that no row names: a process ended between a file and its row. In a transaction that writes, so that no other
/// process is between the two.
///
/// # Errors
/// [`StoreError`].
pub(super) fn sweep(tx: &Transaction<'_>, folder: &PhotoFolder) -> Result<(), StoreError> {
    // A folder that is away, with its card, has nothing to sweep.
    for (sha256, form) in folder.all_fetched().unwrap_or_default() {
        if !pictures::is_here(tx, sha256, form)? {
            let _ = fs::remove_file(folder.fetched(&sha256, form));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EntryId, PhotoHash};
    use crate::store;

    #[test]
    fn what_was_wanted_longest_ago_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let photos = PhotoFolder::open(&folder.path().join("photos")).unwrap();
        photos.others().unwrap();
        let mut conn = store::open(&folder.path().join("store.sqlite")).unwrap();
        let tx = conn.transaction().unwrap();
        let item = ItemId::from_bytes([1; 16]);
        let picture = |n: u8| Picture {
            entry: EntryId::from_bytes([n; 16]),
            sha256: PhotoHash::from_bytes([n; 32]),
            form: PhotoForm::View,
        };
        for n in 1..=4 {
            pictures::want(&tx, item, &picture(n)).unwrap();
            let file = photos.fetched(&picture(n).sha256, PhotoForm::View);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, [0; 100]).unwrap();
            pictures::set_bytes(&tx, &picture(n), 100, true).unwrap();
        }
        // The first is looked at once more: the second is the oldest then.
        pictures::want(&tx, item, &picture(1)).unwrap();
        bound(&tx, &photos, 250).unwrap();
        let kept: Vec<u8> = (1..=4).filter(|n| photos.fetched(&picture(*n).sha256, PhotoForm::View).exists()).collect();
        assert_eq!(kept, [1, 4]);
        assert_eq!(pictures::bytes(&tx).unwrap(), 200);

        // What no row names, because a process ended between file and row, is swept; the others stay.
        fs::write(photos.fetched(&picture(1).sha256, PhotoForm::Original), b"left over").unwrap();
        sweep(&tx, &photos).unwrap();
        assert!(!photos.fetched(&picture(1).sha256, PhotoForm::Original).exists());
        assert!(photos.fetched(&picture(1).sha256, PhotoForm::View).exists());
    }
}
