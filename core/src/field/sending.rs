//! When originals go, and what is new at the office: what an app asks and says beside the conversation itself.

use rusqlite::TransactionBehavior;
use serde::Serialize;

use super::{Field, FieldError};
use crate::clock::Seed;
use crate::id::PhotoHash;
use crate::store::meta::{self, key};
use crate::store::{owed, photos};
use crate::sync::hints::{self, Asked};
use crate::sync::policy::{self, Conditions, Hold, UploadPolicy};
use crate::sync::session::Response;

/// Originals that wait, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OriginalsHeld {
    /// How many.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What for.
    pub hold: Hold,
    /// The same, for people.
    pub detail: String,
}

impl Field {
    /// Notes how the phone stands: to be said when a conversation begins, and whenever it changes. Until it is said, nothing
    /// waits for a network or a charger.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn set_conditions(&mut self, conditions: Conditions) -> Result<(), FieldError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        meta::set(&tx, key::CONDITIONS, &conditions)?;
        tx.commit()?;
        Ok(())
    }

    /// How the phone stands, as it was said last.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn conditions(&self) -> Result<Conditions, FieldError> {
        Ok(policy::conditions(&self.conn)?)
    }

    /// When originals go by themselves: this phone's setting, or else the district's.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn upload_policy(&self) -> Result<UploadPolicy, FieldError> {
        Ok(policy::policy(&self.conn, &self.pack)?)
    }

    /// Sets when originals go by themselves; none goes by the district's word again.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn set_upload_policy(&mut self, policy: Option<&UploadPolicy>) -> Result<(), FieldError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match policy {
            Some(policy) => meta::set(&tx, key::UPLOAD_POLICY, policy)?,
            None => meta::clear(&tx, key::UPLOAD_POLICY)?,
        }
        tx.commit()?;
        Ok(())
    }

    /// Has all own originals sent with the next conversation that the office has not signed for, whatever the policy says; or
    /// those of one photo alone. Says how many.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn send_originals_now(&mut self, photo: Option<PhotoHash>) -> Result<usize, FieldError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let asked = owed::ask_for(&tx, photo)?;
        tx.commit()?;
        Ok(asked)
    }

    /// The own photo whose hash begins with `text`, of four digits at least.
    ///
    /// # Errors
    /// [`FieldError::UnknownPhoto`], [`FieldError::Ambiguous`], [`FieldError::Store`].
    pub fn find_photo(&self, text: &str) -> Result<PhotoHash, FieldError> {
        let digits = text.to_ascii_lowercase();
        let found = if digits.len() < 4 { Vec::new() } else { photos::own_starting_with(&self.conn, &digits)? };
        match found.as_slice() {
            [] => Err(FieldError::UnknownPhoto(text.to_owned())),
            [only] => Ok(*only),
            _ => Err(FieldError::Ambiguous(text.to_owned())),
        }
    }

    /// The originals that wait by the policy, as the phone stood when it was said last; none where none does.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn originals_held(&self) -> Result<Option<OriginalsHeld>, FieldError> {
        let Some(hold) = policy::holding(&self.conn, &self.pack)? else { return Ok(None) };
        let (photos, bytes) = owed::unasked(&self.conn)?;
        Ok((photos > 0).then(|| OriginalsHeld { photos, bytes, hold, detail: hold.to_string() }))
    }

    /// Asks the office for a hint: a request whose answer waits until there is something for this phone.
    ///
    /// # Errors
    /// [`FieldError::Sync`].
    pub fn ask_for_hint(&self, seed: &Seed) -> Result<Asked, FieldError> {
        let phone =
            super::Phone { person: &self.person, photos: &self.photos, signer: &*self.signer, pack: &self.pack };
        Ok(hints::ask(&self.conn, &phone, seed)?)
    }

    /// Whether the answer says that there is something: a conversation brings it then.
    ///
    /// # Errors
    /// [`FieldError::Sync`]: whoever asked waits before asking again.
    pub fn hinted(&self, asked: &Asked, response: &Response) -> Result<bool, FieldError> {
        Ok(hints::answered(&self.conn, asked, response)?)
    }
}
