//! `POST /v1/photos/downloads`: pictures to a phone that may see them.
//!
//! A bare hash opens nothing: the way leads through an entry that took effect on an item of the caller's audiences, or through one
//! of the caller's own. Originals are for fewer: their metadata can name the reporter. What is not here and what is not for the
//! caller are answered alike.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::Connection;
use xuncheng_core::journal::actor;
use xuncheng_core::limits;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::store::{entries, items, judgements, lineage, photos};
use xuncheng_core::sync::wire::{DownloadsRequest, DownloadsResponse, PhotoForm, Piece, Wanted};
use xuncheng_core::work::Audience;
use xuncheng_core::work::person::Person;

use crate::body;
use crate::devices::{self, Device};
use crate::error::OfficeError;
use crate::office::Office;
use crate::pictures::{Arrived, photo_of};

pub(crate) async fn give(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let (request, device): (DownloadsRequest, Device) = body::signed(&office, body).await?;
    let DownloadsRequest { nonce, number, wanted, .. } = request;
    if wanted.len() > limits::DOWNLOADS_WANTED {
        return Err(OfficeError::TooLarge { limit: limits::DOWNLOADS_WANTED as u64 });
    }
    let folder = office.photos().clone();
    let answer = office
        .read(move |conn| {
            // Whoever recorded this request reads nothing by it once its phone was heard again.
            if devices::last_request(conn, device.incarnation)? != Some(number) {
                return Err(OfficeError::Superseded);
            }
            let mut answer = DownloadsResponse { nonce, pieces: Vec::new(), absent: Vec::new() };
            if device.revoked_at.is_some() {
                answer.absent = wanted;
                return Ok(answer);
            }
            let person = actor::person(conn, &device.person)?;
            let reader = Reader { conn, device: &device, person: person.as_ref() };
            reader.fill(&folder, &wanted, &mut answer)?;
            Ok(answer)
        })
        .await?;
    body::answer(office.grounds(), &answer)
}

/// Whoever asks, as the list of people stands now.
struct Reader<'a> {
    conn: &'a Connection,
    device: &'a Device,
    person: Option<&'a Person>,
}

impl Reader<'_> {
    /// Answers in the order in which it was wanted, as far as there is room; of what is too large for what is left of it the rest
    /// is asked for again.
    fn fill(&self, folder: &PhotoFolder, wanted: &[Wanted], answer: &mut DownloadsResponse) -> Result<(), OfficeError> {
        let mut left = limits::DOWNLOAD_BYTES;
        for wanted in wanted {
            let Some(found) = self.find(folder, wanted)? else {
                answer.absent.push(*wanted);
                continue;
            };
            if found.bytes.len() > left && !answer.pieces.is_empty() {
                break;
            }
            left = left.saturating_sub(found.bytes.len());
            let bytes = BASE64.encode(&found.bytes);
            answer.pieces.push(Piece { wanted: *wanted, total: found.total, bytes });
        }
        Ok(())
    }

    /// What is wanted, where it is here and for this reader.
    fn find(&self, folder: &PhotoFolder, wanted: &Wanted) -> Result<Option<Found>, OfficeError> {
        let Wanted { entry, sha256, form, offset } = *wanted;
        if !self.may_see(wanted)? || photo_of(self.conn, entry)?.is_none_or(|photo| photo.sha256 != sha256) {
            return Ok(None);
        }
        let Some(attachment) = photos::attachment(self.conn, entry, sha256)? else { return Ok(None) };
        let mut arrived = Arrived::default();
        arrived.add(self.conn, &attachment)?;
        for file in arrived.files(folder, sha256, form) {
            match form {
                PhotoForm::Thumbnail | PhotoForm::View => {
                    let most = if form == PhotoForm::View { limits::VIEW_JPEG_BYTES } else { limits::THUMBNAIL_BYTES };
                    if let Ok(found) = Found::read(&file.path, 0, most)
                        && found.is_whole()
                        && file.counts(&found.bytes)
                    {
                        return Ok(Some(found));
                    }
                }
                PhotoForm::Original => return Ok(Found::read(&file.path, offset, limits::DOWNLOAD_BYTES).ok()),
            }
        }
        Ok(None)
    }

    /// Whether the reader may see the photo of an entry in this form, wherever it is.
    fn may_see(&self, wanted: &Wanted) -> Result<bool, OfficeError> {
        if lineage::has(self.conn, self.device.incarnation, wanted.entry)? {
            return Ok(true);
        }
        let Some(person) = self.person else { return Ok(false) };
        if wanted.form == PhotoForm::Original && !person.sees_originals() {
            return Ok(false);
        }
        let took_effect =
            judgements::get(self.conn, wanted.entry)?.is_some_and(|judged| judged.judgement.verdict.applies());
        let item = entries::item_of(self.conn, wanted.entry)?.filter(|_| took_effect);
        let Some(item) = item else { return Ok(false) };
        Ok(!items::audiences(self.conn, item)?.is_disjoint(&Audience::feeds_of(person)))
    }
}

/// Bytes of a file, from some place on.
struct Found {
    total: u64,
    bytes: Vec<u8>,
}

impl Found {
    /// At most `most` bytes from `offset` on; an error where there are none.
    fn read(path: &std::path::Path, offset: u64, most: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let total = file.metadata()?.len();
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes)?;
        if bytes.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Self { total, bytes }) }
    }

    /// Whether it is the whole file.
    const fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.total
    }
}
