//! Parcels: where there is no network at all, what waits travels as a file, and the office's answer comes as one.
//!
//! Both calls read and write as long as the photos take. An app opens the store once more for them ([`FieldApp::open`]), so that
//! screens go on meanwhile.

use xuncheng_core::clock::{Now, Seed};
use xuncheng_core::id::PhotoHash;
use xuncheng_core::sync::parcel::{pack, unpack};

use crate::types::{LocalPath, ParcelId};
use crate::{FieldApp, FieldError};

pub(crate) type Originals = pack::Originals;
pub(crate) type PackedParcel = pack::Packed;

/// Which originals go into a parcel. Those that do not go by another one, or by the next network.
#[uniffi::remote(Enum)]
pub enum Originals {
    /// None: a small file, for a chat.
    None,
    /// The oldest, as long as they have so many bytes together at most.
    AtMost {
        /// So many.
        bytes: u64,
    },
    /// All that the office has not signed for.
    All,
}

/// What was put into a parcel.
#[uniffi::remote(Record)]
pub struct PackedParcel {
    /// Its name.
    pub parcel: ParcelId,
    /// Where it lies.
    pub file: LocalPath,
    /// Its length.
    pub bytes: u64,
    /// Entries that the office has not acknowledged.
    pub entries: u64,
    /// Smaller pictures.
    pub previews: u64,
    /// Originals.
    pub originals: u64,
    /// Originals that the office has not signed for and that are not in it.
    pub originals_left: u64,
    /// Originals that do not lie here as they were kept.
    pub unreadable: Vec<PhotoHash>,
}

/// What was taken out of the office's answer.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct UnpackedParcel {
    /// Pages of news that were applied.
    pub pages: u64,
    /// Pages that say what this phone has read since, by a network or another parcel.
    pub skipped: u64,
    /// The code of why the office did not take entries of the parcel, where it did not; they wait.
    pub refused: Option<String>,
    /// Whether it was found out that a copy of this store speaks to the office too: this one goes on by itself.
    pub copied: bool,
}

impl From<unpack::Unpacked> for UnpackedParcel {
    fn from(unpacked: unpack::Unpacked) -> Self {
        let unpack::Unpacked { pages, skipped, refused, copied } = unpacked;
        Self { pages, skipped, refused: refused.map(|refusal| refusal.code().to_owned()), copied }
    }
}

#[uniffi::export]
impl FieldApp {
    /// Puts all that waits into a parcel for the office, at `place`, or under a name of its own in it where that is a folder. What
    /// is in it goes on waiting until the office has answered: a parcel that is lost loses nothing.
    ///
    /// # Errors
    /// [`FieldError::NotEnrolled`], [`FieldError::ParcelRefused`], [`FieldError::NoSpace`], [`FieldError::KeyLocked`].
    pub fn pack_parcel(
        &self,
        place: LocalPath,
        originals: Originals,
        now: Now,
        seed: Seed,
    ) -> Result<PackedParcel, FieldError> {
        Ok(self.field().pack_parcel(&place, originals, &now, &seed, &mut |_| {})?)
    }

    /// Takes the office's answer to a parcel of this store. Taken again, or after a network brought more, it changes nothing.
    ///
    /// # Errors
    /// [`FieldError::ParcelRefused`], [`FieldError::NotTheOffice`] and those of [`FieldApp::completed`]; what of it came before
    /// is kept, and it can be taken again.
    pub fn unpack_parcel(&self, file: LocalPath, now: Now, seed: Seed) -> Result<UnpackedParcel, FieldError> {
        Ok(self.field().unpack_parcel(&file, &now, &seed, &mut |_| {})?.into())
    }
}
