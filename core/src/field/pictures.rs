//! Pictures as screens show them: those of own photos lie here, others' come when they are wanted.
//!
//! The thumbnails of the newest cases come unasked. A list that is scrolled on asks for more, a case that is opened for its
//! views, and who wants to look closely for an original; they come with the conversation that follows.

use std::path::PathBuf;

use rusqlite::TransactionBehavior;
use serde::Serialize;

use super::{CasePhoto, Field, FieldError};
use crate::id::{ItemId, PhotoHash};
use crate::journal::actor::person;
use crate::journal::view::View;
use crate::store::pictures::{self, Picture, Standing};
use crate::store::{items, photos};
use crate::sync::wire::PhotoForm;
use crate::work::case::Case;

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureFile {
    /// On this phone.
    Here {
        /// Its file.
        path: PathBuf,
    },
    /// It is asked for, and comes with a conversation.
    Asked,
    /// The office had none for this phone when it was asked last; it is asked again.
    Absent,
    /// It can be asked for.
    ToBeHad,
    /// The store's person may not see others' originals.
    Withheld,
}

impl Field {
    /// Where a picture of an item's photo is; `own` where this store captured it.
    pub(super) fn picture(&self, picture: &Picture, own: bool) -> Result<PictureFile, FieldError> {
        let Picture { sha256, form, .. } = *picture;
        let captured = self.photos.file(&sha256, form);
        if own && captured.exists() {
            return Ok(PictureFile::Here { path: captured });
        }
        let fetched = self.photos.fetched(&sha256, form);
        Ok(match pictures::standing(&self.conn, picture)? {
            Some(Standing::Here) if fetched.exists() => PictureFile::Here { path: fetched },
            Some(Standing::Asked) => PictureFile::Asked,
            Some(Standing::Absent) => PictureFile::Absent,
            Some(Standing::Here) | None if form == PhotoForm::Original && !own && !self.sees_originals()? => {
                PictureFile::Withheld
            }
            Some(Standing::Here) | None => PictureFile::ToBeHad,
        })
    }

    /// Where the thumbnail is that stands for an item in lists.
    pub(super) fn thumbnail_of(
        &self,
        item: ItemId,
        view: &View,
        sha256: PhotoHash,
    ) -> Result<Option<PictureFile>, FieldError> {
        let own = photos::own_of_item(&self.conn, item, sha256)?;
        let writer = Case::of(view).photos().into_iter().find(|(key, _)| key.parse() == Ok(sha256));
        let entry = own.or_else(|| writer.map(|(_, member)| member.writer));
        let picture = entry.map(|entry| Picture { entry, sha256, form: PhotoForm::Thumbnail });
        picture.map(|picture| self.picture(&picture, own.is_some())).transpose()
    }

    fn sees_originals(&self) -> Result<bool, FieldError> {
        Ok(person(&self.conn, &self.person)?.is_some_and(|own| own.sees_originals()))
    }

    /// Wants the thumbnails that stand for these cases in a list. Those that are not on this phone come with the next
    /// conversation; those that are here stay longest. What is no case here is passed over.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn want_thumbnails(&mut self, items: &[ItemId]) -> Result<(), FieldError> {
        let mut wanted = Vec::new();
        for item in items {
            let Some(view) = items::view(&self.conn, *item)? else { continue };
            let shown = crate::work::rules(&view.kind).and_then(|rules| (rules.listing)(&view).thumbnail);
            wanted.extend(shown.map(|sha256| (*item, sha256)));
        }
        wanted.into_iter().try_for_each(|(item, sha256)| self.want(item, Some(sha256), PhotoForm::Thumbnail))
    }

    /// Wants the views of a case's photos, because it was opened.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`], [`FieldError::Store`].
    pub fn want_views(&mut self, item: ItemId) -> Result<(), FieldError> {
        self.want(item, None, PhotoForm::View)
    }

    /// Wants the original of a case's photo: somebody else's, or one that has left this phone.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`], [`FieldError::UnknownPhoto`], [`FieldError::Withheld`], [`FieldError::Store`].
    pub fn want_original(&mut self, item: ItemId, photo: PhotoHash) -> Result<(), FieldError> {
        self.want(item, Some(photo), PhotoForm::Original)
    }

    fn want(&mut self, item: ItemId, only: Option<PhotoHash>, form: PhotoForm) -> Result<(), FieldError> {
        let photos = self.case(item)?.photos;
        let shown: Vec<_> = photos.into_iter().filter(|photo| only.is_none_or(|only| only == photo.sha256)).collect();
        if let (Some(only), true) = (only, shown.is_empty()) {
            return Err(FieldError::UnknownPhoto(only.to_string()));
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for CasePhoto { entry, sha256, thumbnail, view, original, .. } in shown {
            let picture = Picture { entry, sha256, form };
            let file = match form {
                PhotoForm::Thumbnail => thumbnail,
                PhotoForm::View => view,
                PhotoForm::Original => original,
            };
            match file {
                PictureFile::Withheld => return Err(FieldError::Withheld(sha256)),
                // What this store captured is not fetched while it is here.
                PictureFile::Here { path } if path != self.photos.fetched(&sha256, form) => {}
                PictureFile::Here { .. } | PictureFile::Asked | PictureFile::Absent => {
                    pictures::want(&tx, item, &picture)?;
                }
                PictureFile::ToBeHad => {
                    // A row may say that it is here, and somebody deleted its file.
                    pictures::forget(&tx, &picture)?;
                    pictures::want(&tx, item, &picture)?;
                }
            }
        }
        tx.commit()?;
        Ok(())
    }
}
