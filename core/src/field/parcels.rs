//! Parcels: what waits goes into a file, and the office's answer comes in one.

use std::path::Path;

use super::{Field, FieldError};
use crate::clock::{Now, Seed};
use crate::sync::parcel::pack::{self, Originals, Packed};
use crate::sync::parcel::unpack::{self, Unpacked};
use crate::sync::parcel::{CarryError, Progress};

impl Field {
    /// Puts all that waits into a parcel for the office: entries, small pictures, and `originals`. It is written to `place`, or
    /// under a name of its own into it where that is a folder, and lies there whole or not at all. What is in it goes on waiting
    /// until the office has answered, by a parcel or a network: a parcel that is lost loses nothing. Originals are read twice;
    /// `tell` hears how far it is with them.
    ///
    /// # Errors
    /// [`FieldError::Parcel`], [`FieldError::NoSealingKey`], [`FieldError::Sync`].
    pub fn pack_parcel(
        &mut self,
        place: &Path,
        originals: Originals,
        now: &Now,
        seed: &Seed,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Packed, FieldError> {
        let (conn, phone) = self.session();
        Ok(pack::pack(conn, &phone, place, originals, now, seed, tell)?)
    }

    /// Takes the office's answer to a parcel of this store. Taken again, or after a network brought more, it changes nothing.
    ///
    /// # Errors
    /// [`FieldError::Parcel`], [`FieldError::Sync`]; what of it came before is kept, and it can be taken again.
    pub fn unpack_parcel(
        &mut self,
        file: &Path,
        now: &Now,
        seed: &Seed,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Unpacked, FieldError> {
        let (conn, phone) = self.session();
        let taken = unpack::unpack(conn, &phone, file, now, seed, tell);
        self.take_new_pack()?;
        Ok(taken?)
    }
}

impl From<CarryError> for FieldError {
    fn from(error: CarryError) -> Self {
        match error {
            CarryError::Sync(error) => Self::Sync(error),
            CarryError::File { file, error } => Self::Parcel { file, source: error },
            CarryError::NoSealingKey => Self::NoSealingKey,
        }
    }
}
