//! When originals go, and what is new at the office.
//!
//! The app says how the phone stands ([`FieldApp::set_conditions`]) before it begins a conversation and whenever that changes.
//! While somebody looks at it, it asks for a hint, whose answer waits until there is something to bring.

use xuncheng_core::clock::Seed;
use xuncheng_core::id::PhotoHash;
use xuncheng_core::sync::hints::Asked;
use xuncheng_core::sync::policy::{Conditions, Network, Power, UploadPolicy};

use crate::sync::{HttpRequest, HttpResponse};
use crate::{FieldApp, FieldError};

/// How a phone stands, as its platform says.
#[uniffi::remote(Record)]
pub struct Conditions {
    /// Its network.
    pub network: Network,
    /// Its power.
    pub power: Power,
}

/// The network that a phone has.
#[uniffi::remote(Enum)]
pub enum Network {
    /// Not paid by the byte, as far as the platform knows.
    Unmetered,
    /// Paid by the byte.
    Metered,
    /// Another operator's, paid by the byte.
    Roaming,
}

/// Where a phone's power comes from.
#[uniffi::remote(Enum)]
pub enum Power {
    /// A charger.
    Charging,
    /// Its battery, with so much left.
    Battery {
        /// In percent.
        percent: u8,
    },
}

/// When originals go by themselves. Records and smaller pictures always go at once.
#[uniffi::remote(Record)]
pub struct UploadPolicy {
    /// Only over networks that are not paid by the byte.
    pub unmetered_only: bool,
    /// Also while roaming.
    pub roaming: bool,
    /// Only while the phone is charging.
    pub charging_only: bool,
    /// On battery, not below this charge in percent; 0 is no floor.
    pub battery_floor_percent: u8,
    /// At most so many megabytes a day over networks that are paid by the byte.
    pub metered_megabytes_a_day: u32,
    /// Only those that somebody asks for.
    pub asked_only: bool,
}

/// A hint that is asked for: a request whose answer waits until there is something at the office, or for three quarters of a
/// minute.
#[derive(uniffi::Object)]
pub struct Hint {
    asked: Asked,
}

#[uniffi::export]
impl Hint {
    /// What to send to the office.
    pub fn request(&self) -> HttpRequest {
        self.asked.request.clone()
    }
}

#[uniffi::export]
impl FieldApp {
    /// Notes how the phone stands. Until it is said, nothing waits for a network or a charger.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`], [`FieldError::NoSpace`].
    pub fn set_conditions(&self, conditions: Conditions) -> Result<(), FieldError> {
        Ok(self.field().set_conditions(conditions)?)
    }

    /// When originals go by themselves: this phone's setting, or else the district's.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`].
    pub fn upload_policy(&self) -> Result<UploadPolicy, FieldError> {
        Ok(self.field().upload_policy()?)
    }

    /// Sets when originals go by themselves; absent goes by the district's word again.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`], [`FieldError::NoSpace`].
    pub fn set_upload_policy(&self, policy: Option<UploadPolicy>) -> Result<(), FieldError> {
        Ok(self.field().set_upload_policy(policy.as_ref())?)
    }

    /// Has all own originals sent with the next conversation, whatever the policy says; or those of one photo alone. Says how
    /// many.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`], [`FieldError::NoSpace`].
    pub fn send_originals_now(&self, photo: Option<PhotoHash>) -> Result<u64, FieldError> {
        Ok(self.field().send_originals_now(photo)? as u64)
    }

    /// Asks the office for a hint.
    ///
    /// # Errors
    /// [`FieldError::NotEnrolled`], [`FieldError::KeyLocked`], [`FieldError::KeyUnusable`], [`FieldError::StoreBroken`].
    pub fn ask_for_hint(&self, seed: Seed) -> Result<Hint, FieldError> {
        Ok(Hint { asked: self.field().ask_for_hint(&seed)? })
    }

    /// Whether the answer says that there is something: a conversation brings it then.
    ///
    /// # Errors
    /// [`FieldError::NotTheOffice`], [`FieldError::OfficeRefused`]: to be asked again later.
    pub fn hinted(&self, hint: &Hint, response: HttpResponse) -> Result<bool, FieldError> {
        Ok(self.field().hinted(&hint.asked, &response)?)
    }
}
