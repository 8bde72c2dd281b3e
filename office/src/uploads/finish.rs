//! The end of an upload (docs/protocol.md, 7): the whole is checked, synced, renamed, and only then signed for. What people
//! look at is [drawn](super::draw) afterwards: a phone waits for its receipt and for nothing else.
//!
//! Each step may be repeated: what a crash left out between two of them is done at the next start.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{EntryId, IncarnationId, PhotoHash};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::mutant::{self, Mutant};
use xuncheng_core::photo::{Fingerprint, PhotoError, PhotoFolder};
use xuncheng_core::store::feeds::{self, FeedRow};
use xuncheng_core::store::{items, photos};
use xuncheng_core::sync::wire::Receipt;

use super::Busy;
use super::draw::{self, ShownBy};
use super::rows::{self, Upload};
use crate::attached;
use crate::error::OfficeError;
use crate::flags::{self, Flag, What};
use crate::ledger::{Grounds, Ledger};
use crate::office::Office;

/// Ends an upload whose bytes are all here, and of which `found` is the fingerprint where it was made while they came.
pub(super) async fn finish(
    office: &Arc<Office>,
    upload: Upload,
    found: Option<Fingerprint>,
) -> Result<Upload, OfficeError> {
    let grounds = Arc::clone(office.grounds());
    let uploads = grounds.folder.uploads();
    let (folder, file, named) = (office.photos().clone(), upload.file(&uploads), upload.clone());
    let Some(found) = blocking(move || in_place(&folder, &file, &named, found)).await? else {
        tracing::warn!(upload = %upload.id, "the bytes of an upload are not the photo that its entry names; discarded");
        office.turn(move |intake| rows::discard(intake, &uploads, &upload)).await?;
        return Err(OfficeError::Checksum);
    };
    let orders = office.pictures().clone();
    let late = mutant::is_on(Mutant::ReceiptBeforeName).then(|| (office.photos().clone(), upload.clone()));
    let signed = office
        .turn(move |intake| {
            let photo = sign_for(intake, &grounds, &upload, &found)?;
            orders.draw(upload.entry, photo);
            Ok(rows::get(intake.tx, upload.id)?.unwrap_or(upload))
        })
        .await;
    if let Some((folder, upload)) = late {
        blocking(move || Ok(folder.adopt(&upload.file(&uploads), &upload.sha256)?)).await?;
    }
    signed
}

/// Gives a whole upload its place among the originals, and says what it is; none where it is not the photo that its entry
/// names, or nothing of it is left. Where the turn after it fails, it is asked again and finds the original in its place.
fn in_place(
    folder: &PhotoFolder,
    file: &Path,
    upload: &Upload,
    found: Option<Fingerprint>,
) -> Result<Option<Fingerprint>, OfficeError> {
    let original = folder.original(&upload.sha256);
    let waits = file.exists() && !(mutant::is_on(Mutant::HashTakenForPossession) && original.exists());
    let found = match found.filter(|_| waits) {
        Some(found) => Ok(found),
        None => Fingerprint::of_file(if waits { file } else { &original }),
    };
    match found {
        Ok(found) if is_whole(&found, upload) => {
            if waits && !mutant::is_on(Mutant::ReceiptBeforeName) {
                folder.adopt(file, &upload.sha256)?;
            }
            Ok(Some(found))
        }
        Ok(_) | Err(PhotoError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_whole(found: &Fingerprint, upload: &Upload) -> bool {
    let whole = found.sha256 == upload.sha256 && found.bytes == upload.length;
    whole || mutant::is_on(Mutant::CutUploadSigned)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OfficeError> + Send + 'static,
) -> Result<T, OfficeError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| OfficeError::Panic)?
}

/// The original lies in the photo folder, whole and durable: the office signs for it and tells the phone.
fn sign_for(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    upload: &Upload,
    found: &Fingerprint,
) -> Result<Photo, OfficeError> {
    let Upload { entry, sha256, incarnation, .. } = *upload;
    let shown = attached::by(intake.tx, entry, incarnation)?.ok_or(OfficeError::UnknownEntry)?;
    draw::is_due(intake, entry, &shown.photo)?;
    let epoch = intake.office.epoch;
    let known = photos::receipt(intake.tx, entry, sha256)?.and_then(|signed| signed.read_unverified().ok());
    if known.is_none_or(|known| known.epoch != epoch) {
        let receipt = Receipt { entry, sha256, bytes: found.bytes, epoch, at: intake.minute() };
        photos::set_receipt(intake.tx, &receipt, &Signed::new(&receipt, grounds.signer())?, None)?;
        // A backup of another branch says nothing about this receipt.
        intake.tx.execute("UPDATE attachment SET safe = 0 WHERE entry = ?1 AND sha256 = ?2", (entry, sha256))?;
    }
    if !mutant::is_on(Mutant::ReceiptUnsaid) {
        feeds::tell(intake.tx, entry, &FeedRow::Receipt { entry, sha256 })?;
    }
    if shown.photo.sm3 != found.sm3 {
        let flag = Flag { entry, sha256, what: What::Sm3 };
        flags::raise(intake, &flag, "the SM3 that the entry names is not this original's")?;
    }
    note_original(intake, entry, sha256, incarnation)?;
    intake.tx.execute("UPDATE office_upload SET finished_at = ?2 WHERE id = ?1", (upload.id, intake.now.wall))?;
    Ok(shown.photo)
}

/// Says what [`note_original`] says of the photo that `entry` attaches, if it attaches one and its original is signed for: it
/// came while the entry was held.
pub(crate) fn note_waiting(
    intake: &mut Intake<'_, '_>,
    entry: EntryId,
    incarnation: IncarnationId,
) -> Result<(), OfficeError> {
    let Some(shown) = attached::by(intake.tx, entry, incarnation)? else { return Ok(()) };
    let sha256 = shown.photo.sha256;
    match photos::receipt(intake.tx, entry, sha256)? {
        Some(_) => note_original(intake, entry, sha256, incarnation),
        None => Ok(()),
    }
}

/// Says in the item's journal, once, that the original has arrived: a case closes only then.
fn note_original(
    intake: &mut Intake<'_, '_>,
    entry: EntryId,
    sha256: PhotoHash,
    incarnation: IncarnationId,
) -> Result<(), OfficeError> {
    let Some(shown) = attached::by(intake.tx, entry, incarnation)? else { return Ok(()) };
    // Behind a held entry it waits for the release.
    if !shown.counts || items::view(intake.tx, shown.header.item)?.is_none() {
        return Ok(());
    }
    let fields = BTreeMap::from([("originals".to_owned(), sha256.to_string().into())]);
    intake.write_once(&format!("original/{entry}/{sha256}"), shown.header.item, &shown.header.kind, fields)?;
    Ok(())
}

/// At the start: sweeps what has expired, ends what a crash left whole but not signed for, writes what it left out. Gives
/// what is still to be drawn.
pub(crate) fn recover(ledger: &mut Ledger, folder: &PhotoFolder) -> Result<Vec<ShownBy>, OfficeError> {
    let grounds = Arc::clone(ledger.grounds());
    let uploads = grounds.folder.uploads();
    let nobody = Arc::new(Busy::default());
    let swept = ledger.turn(|intake| rows::sweep(intake, &uploads, &nobody))?;
    if swept > 0 {
        tracing::info!(swept, "uploads that nobody went on with were forgotten");
    }
    for upload in rows::unfinished(ledger.connection())? {
        let id = upload.id;
        if let Err(error) = recover_one(ledger, folder, &uploads, upload) {
            // One file that cannot be read keeps no office from its work; its phone asks about it.
            tracing::error!(upload = %id, %error, "an upload that is whole could not be ended; it is tried again when its phone asks");
        }
    }
    sweep_files(ledger.connection(), &uploads)?;
    note_originals(ledger)?;
    draw::left_over(ledger.connection())
}

/// Ends an upload whose bytes are all here, where the ledger is at hand.
///
/// # Errors
/// [`OfficeError::Checksum`] where they are not the photo that its entry names: they were thrown away.
pub(crate) fn end_here(ledger: &mut Ledger, folder: &PhotoFolder, upload: &Upload) -> Result<(), OfficeError> {
    let grounds = Arc::clone(ledger.grounds());
    let uploads = grounds.folder.uploads();
    match in_place(folder, &upload.file(&uploads), upload, None)? {
        Some(found) => ledger.turn(|intake| sign_for(intake, &grounds, upload, &found)).map(drop),
        None => {
            ledger.turn(|intake| rows::discard(intake, &uploads, upload))?;
            Err(OfficeError::Checksum)
        }
    }
}

fn recover_one(ledger: &mut Ledger, folder: &PhotoFolder, uploads: &Path, upload: Upload) -> Result<(), OfficeError> {
    if upload.offset < upload.length {
        // A file that is gone has nothing to go on with.
        let gone = !upload.file(uploads).exists();
        return if gone { ledger.turn(|intake| rows::discard(intake, uploads, &upload)) } else { Ok(()) };
    }
    match end_here(ledger, folder, &upload) {
        Err(OfficeError::Checksum) => Ok(()),
        ended => ended,
    }
}

/// Deletes files that no upload names.
fn sweep_files(conn: &Connection, uploads: &Path) -> Result<(), OfficeError> {
    let failed = |source| OfficeError::file(uploads, source);
    for file in std::fs::read_dir(uploads).map_err(failed)? {
        let file = file.map_err(failed)?;
        let known = match file.file_name().to_str().and_then(|name| name.parse().ok()) {
            Some(id) => rows::get(conn, id)?.is_some_and(|upload| upload.finished_at.is_none()),
            None => false,
        };
        // What cannot be deleted, as the folder that a disk mounted here brings, is in nobody's way.
        if !known && let Err(error) = rows::remove(&file.path()) {
            tracing::warn!(%error, "something in the folder of uploads is none, and cannot be deleted");
        }
    }
    Ok(())
}

/// Writes the entry of each original that is signed for and has none yet.
fn note_originals(ledger: &mut Ledger) -> Result<(), OfficeError> {
    let mut statement = ledger.connection().prepare(
        "SELECT a.entry, a.sha256, e.incarnation FROM attachment a JOIN entry e ON e.id = a.entry
         WHERE a.receipt IS NOT NULL AND e.incarnation IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM entry o WHERE o.cause = 'original/' || lower(hex(a.entry)) || '/' || lower(hex(a.sha256)))",
    )?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let missing: Vec<(EntryId, PhotoHash, IncarnationId)> = found.collect::<Result<_, _>>()?;
    drop(statement);
    if missing.is_empty() {
        return Ok(());
    }
    ledger.turn(|intake| missing.iter().try_for_each(|(entry, sha256, by)| note_original(intake, *entry, *sha256, *by)))
}
