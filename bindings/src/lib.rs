//! What phones call: [`FieldApp`], one person's store on one phone, for Kotlin and Swift.
//!
//! Nothing is decided here. A call maps its arguments in, calls [`xuncheng_core::field::Field`], and maps the answer out;
//! what is true of cases, photos and the conversation with the office stands in the core. Every call blocks for SQLite and
//! the photo folder and for nothing else: call it off the main thread. Clocks and entropy come in as arguments, photos and
//! bodies of uploads as paths.

mod error;
mod items;
mod pack;
mod parcel;
mod photos;
mod sending;
mod sync;
mod types;

use std::sync::{Mutex, MutexGuard, PoisonError};

use xuncheng_core::clock::Seed;
use xuncheng_core::field::Field;
use xuncheng_core::id::{EntryId, PersonId};

pub use error::{FieldError, PhotoFault};
pub use items::{CaseAct, CaseChange, CaseDetail, CaseEvent, CasePage, CaseQuery, CaseState, CaseSummary};
pub use pack::{Area, Category, Organisation, Reason, step_label};
pub use parcel::UnpackedParcel;
pub use photos::inspect_photo;
pub use sending::Hint;
pub use sync::{Enrolment, person_of_code};
pub use types::{HttpHeader, LatLon, Limits, MapBox, limits};

uniffi::setup_scaffolding!();

/// One person's store on one phone. Calls from several threads take turns.
#[derive(uniffi::Object)]
pub struct FieldApp {
    field: Mutex<Field>,
}

#[uniffi::export]
impl FieldApp {
    /// Makes a store for `person` in `folder`, which is made too. (The core calls it `init`, a word that Swift keeps.)
    ///
    /// # Errors
    /// [`FieldError::StoreExists`], [`FieldError::NoSpace`], [`FieldError::FolderUnusable`].
    #[uniffi::constructor]
    pub fn create(folder: types::LocalPath, person: PersonId, seed: Seed) -> Result<Self, FieldError> {
        Ok(Field::init(&folder, &person, &seed)?.into())
    }

    /// Opens the store in `folder`.
    ///
    /// # Errors
    /// [`FieldError::NoStore`], [`FieldError::StoreNewer`], [`FieldError::StoreBroken`].
    #[uniffi::constructor]
    pub fn open(folder: types::LocalPath) -> Result<Self, FieldError> {
        Ok(Field::open(&folder)?.into())
    }

    /// Whose store it is.
    pub fn person(&self) -> PersonId {
        self.field().person().clone()
    }

    /// How the store stands: what waits, what was refused, what needs a person.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`].
    pub fn status(&self) -> Result<types::Status, FieldError> {
        Ok(self.field().status()?)
    }

    /// Notes that this person has seen that the office refused an entry: the status shows it no more, unless the office
    /// decides about it anew and it is refused again. Once more does nothing.
    ///
    /// # Errors
    /// [`FieldError::NotRefused`], [`FieldError::StoreBroken`].
    pub fn acknowledge(&self, entry: EntryId) -> Result<(), FieldError> {
        Ok(self.field().acknowledge(entry)?)
    }

    /// Notes that this person has seen that a copy of the store speaks to the office too: the status says it no more, unless
    /// that is found out once more. Once more does nothing.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`].
    pub fn acknowledge_copy(&self) -> Result<(), FieldError> {
        Ok(self.field().acknowledge_copy()?)
    }

    /// Notes that this person has seen that the office had lost something and that it was offered again: the status says it no
    /// more. Once more does nothing.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`].
    pub fn acknowledge_restore(&self) -> Result<(), FieldError> {
        Ok(self.field().acknowledge_restore()?)
    }
}

impl FieldApp {
    /// A panic in another call rolled its transaction back: the store behind the lock is sound.
    fn field(&self) -> MutexGuard<'_, Field> {
        self.field.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Field> for FieldApp {
    fn from(field: Field) -> Self {
        Self { field: Mutex::new(field) }
    }
}
