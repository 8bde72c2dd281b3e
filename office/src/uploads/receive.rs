//! Bytes as they stream in: written at once, on the disk before they are acknowledged, kept when the stream is cut.

use std::fs::TryLockError;
use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use xuncheng_core::limits;
use xuncheng_core::mutant::{self, Mutant};
use xuncheng_core::photo::{Fingerprint, Hasher};

use super::rows::{self, Upload};
use super::{Claim, finish};
use crate::body;
use crate::error::OfficeError;
use crate::office::Office;

/// Takes `body` for `upload`, passing over its first `skip` bytes, which are here already; ends the upload when it is whole.
///
/// It goes on when nobody waits for the answer any more: what arrived before a cut is kept.
pub(super) async fn receive(
    office: &Arc<Office>,
    claim: Claim,
    upload: Upload,
    skip: u64,
    body: Body,
) -> Result<Upload, OfficeError> {
    let office = Arc::clone(office);
    let work = async move {
        let (upload, found) = stream(&office, upload, skip, body).await?;
        let whole = upload.offset == upload.length || mutant::is_on(Mutant::CutUploadSigned);
        if whole && upload.finished_at.is_none() {
            return end(&office, claim, upload, found).await;
        }
        drop(claim);
        Ok(upload)
    };
    tokio::spawn(work).await.map_err(|_| OfficeError::Panic)?
}

/// Ends a whole upload, of which `found` is the fingerprint where it was made while the bytes came.
pub(super) async fn end(
    office: &Arc<Office>,
    claim: Claim,
    upload: Upload,
    found: Option<Fingerprint>,
) -> Result<Upload, OfficeError> {
    let office = Arc::clone(office);
    let ended = tokio::spawn(async move {
        let ended = finish::finish(&office, upload, found).await;
        drop(claim);
        ended
    });
    ended.await.map_err(|_| OfficeError::Panic)?
}

async fn stream(
    office: &Arc<Office>,
    upload: Upload,
    skip: u64,
    body: Body,
) -> Result<(Upload, Option<Fingerprint>), OfficeError> {
    let mut progress = Progress::open(office, upload, skip).await?;
    let mut stream = body.into_data_stream();
    let end = loop {
        match body::next(&mut stream).await {
            Ok(Some(piece)) => progress.write(&piece).await?,
            Ok(None) => break Ok(()),
            Err(_) if mutant::is_on(Mutant::CutUploadSigned) => break Ok(()),
            Err(cut) => break Err(cut),
        }
    };
    progress.keep().await?;
    end.map(|()| (progress.upload, progress.hasher.map(Hasher::finish)))
}

struct Progress {
    office: Arc<Office>,
    upload: Upload,
    path: PathBuf,
    file: Option<File>,
    skip: u64,
    /// Bytes that came since they were last noted.
    unnoted: u64,
    /// Where the file ends, noted or not.
    written: u64,
    /// Of one that comes from its first byte on, as most do: what came before is read again at the end, which the phone waits for.
    hasher: Option<Hasher>,
}

impl Progress {
    async fn open(office: &Arc<Office>, upload: Upload, skip: u64) -> Result<Self, OfficeError> {
        let path = upload.file(&office.grounds().folder.uploads());
        let failed = |source| OfficeError::file(&path, source);
        // A finished upload has no file any more: what comes for it is passed over.
        let file = if upload.finished_at.is_some() {
            None
        } else {
            let file = File::options().create(true).truncate(false).write(true).open(&path).await.map_err(failed)?;
            let file = file.into_std().await;
            // A parcel may be bringing it beside this office; a file system without locks has neither.
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                return Err(OfficeError::Locked);
            }
            let id = upload.id;
            let now = office.read(move |conn| rows::get(conn, id)).await?;
            if now.is_none_or(|now| now.offset != upload.offset || now.finished_at.is_some()) {
                return Err(OfficeError::Locked);
            }
            let mut file = File::from_std(file);
            // What lies beyond was never acknowledged, and a power cut may have left anything there.
            file.set_len(upload.offset).await.map_err(failed)?;
            file.seek(SeekFrom::Start(upload.offset)).await.map_err(failed)?;
            Some(file)
        };
        let written = upload.offset;
        let hasher = (file.is_some() && written == 0).then(Hasher::default);
        Ok(Self { office: Arc::clone(office), upload, path, file, skip, unnoted: 0, written, hasher })
    }

    async fn write(&mut self, piece: &[u8]) -> Result<(), OfficeError> {
        self.unnoted += piece.len() as u64;
        let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(piece.len());
        self.skip -= passed as u64;
        let new = &piece[passed..];
        if self.written + new.len() as u64 > self.upload.length {
            self.keep().await?;
            return Err(OfficeError::TooLarge { limit: self.upload.length });
        }
        if let (Some(file), false) = (&mut self.file, new.is_empty()) {
            file.write_all(new).await.map_err(|source| OfficeError::file(&self.path, source))?;
            self.written += new.len() as u64;
            if let Some(hasher) = &mut self.hasher {
                hasher.update(new);
            }
        }
        if self.written - self.upload.offset >= limits::UPLOAD_SYNC_BYTES {
            self.keep().await?;
        }
        Ok(())
    }

    /// Puts what was written on the disk, then says so in the row.
    async fn keep(&mut self) -> Result<(), OfficeError> {
        if self.unnoted == 0 {
            return Ok(());
        }
        if let (Some(file), true) = (&mut self.file, self.written > self.upload.offset) {
            let failed = |source| OfficeError::file(&self.path, source);
            file.flush().await.map_err(failed)?;
            file.sync_all().await.map_err(failed)?;
        }
        let (id, offset, received) = (self.upload.id, self.written, self.unnoted);
        self.upload = self
            .office
            .turn(move |intake| {
                rows::advance(intake, id, offset, received)?;
                rows::get(intake.tx, id)?.ok_or(OfficeError::NotFound)
            })
            .await?;
        self.unnoted = 0;
        Ok(())
    }
}
