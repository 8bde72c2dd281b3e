//! What of a photo has come with the entries that show it, and in which files it is to be looked for: the same for desks and for
//! phones.

use std::path::PathBuf;

use rusqlite::Connection;
use xuncheng_core::id::{EntryId, PhotoHash};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::photo::{Fingerprint, PhotoFolder};
use xuncheng_core::store::photos::Attachment;
use xuncheng_core::store::{StoreError, entries, photos};
use xuncheng_core::sync::wire::PhotoForm;

use crate::attached;

/// What of a photo has come with a case's own entries, or with one of them.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    original: bool,
    /// The office has drawn what it shows from that.
    drawn: bool,
    /// Thumbnails that they name and that their phones sent.
    thumbnails: Vec<PhotoHash>,
    /// The same of views, of what the office cannot draw.
    views: Vec<PhotoHash>,
}

/// Where to look.
pub(crate) struct ShownFile {
    pub(crate) path: PathBuf,
    /// Whose bytes it has to hold; none where the office itself wrote them.
    any_of: Option<Vec<PhotoHash>>,
}

impl ShownFile {
    /// Whether these bytes came with the entries. What the office drew out of another case's original did not.
    pub(crate) fn counts(&self, bytes: &[u8]) -> bool {
        self.any_of.as_ref().is_none_or(|named| named.contains(&Fingerprint::of(bytes).sha256))
    }
}

impl Arrived {
    /// Adds what has come with an entry.
    pub(crate) fn add(&mut self, conn: &Connection, attachment: &Attachment) -> Result<(), StoreError> {
        self.original |= attachment.received;
        self.drawn |= attachment.received && photos::is_drawn(conn, attachment.sha256)?;
        self.views.extend(attachment.view_sent);
        if attachment.previewed {
            self.thumbnails.extend(photo_of(conn, attachment.entry)?.map(|photo| photo.thumbnail));
        }
        Ok(())
    }

    /// Where the photo lies in just this form, best first.
    pub(crate) fn files(&self, folder: &PhotoFolder, sha256: PhotoHash, form: PhotoForm) -> Vec<ShownFile> {
        match form {
            PhotoForm::Thumbnail => {
                let any_of = (!self.drawn).then(|| self.thumbnails.clone());
                vec![ShownFile { path: folder.thumbnail(&sha256), any_of }]
            }
            PhotoForm::View => {
                let drawn = self.drawn.then(|| ShownFile { path: folder.view(&sha256), any_of: None });
                let sent = |view| ShownFile { path: folder.sent_view(view), any_of: Some(vec![*view]) };
                drawn.into_iter().chain(self.views.iter().map(sent)).collect()
            }
            PhotoForm::Original if self.original => vec![ShownFile { path: folder.original(&sha256), any_of: None }],
            PhotoForm::Original => Vec::new(),
        }
    }

    /// As [`Self::files`], and what stands for it: a larger picture for a smaller one, and the other way round.
    pub(crate) fn or_another(&self, folder: &PhotoFolder, sha256: PhotoHash, form: PhotoForm) -> Vec<ShownFile> {
        let other = match form {
            PhotoForm::Thumbnail => Some(PhotoForm::View),
            PhotoForm::View => Some(PhotoForm::Thumbnail),
            PhotoForm::Original => None,
        };
        let mut files = self.files(folder, sha256, form);
        files.extend(other.into_iter().flat_map(|other| self.files(folder, sha256, other)));
        files
    }
}

/// The photo that an entry attaches, whoever wrote it.
pub(crate) fn photo_of(conn: &Connection, entry: EntryId) -> Result<Option<Photo>, StoreError> {
    let Some(by) = entries::incarnation(conn, entry)? else { return Ok(None) };
    Ok(attached::by(conn, entry, by)?.map(|shown| shown.photo))
}
