//! The keys of an office: made at the first start, read at every other.

use xuncheng_core::clock::Entropy;
use xuncheng_core::crypto::{SealingKey, SoftwareKey};

use crate::OfficeError;
use crate::folder::DataFolder;

/// The keys of an office.
pub(crate) struct Keys {
    /// Certifies the others; needed once, then better kept elsewhere.
    pub(crate) root: Option<SoftwareKey>,
    /// Signs answers, receipts and console entries.
    pub(crate) node: SoftwareKey,
    /// Opens sealed origins.
    pub(crate) sealing: SealingKey,
}

impl Keys {
    /// Reads the keys of `folder`; makes those of a new office.
    ///
    /// The node's key is written last: while it is missing this is still the first start.
    pub(crate) fn load_or_make(folder: &DataFolder, entropy: &mut Entropy) -> Result<Self, OfficeError> {
        let first_start = !folder.node_key().exists();
        if first_start && folder.ledger().exists() {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(OfficeError::file(&folder.node_key(), missing));
        }
        if first_start && !folder.root_key().exists() {
            SoftwareKey::generate(entropy).save(&folder.root_key())?;
        }
        if first_start && !folder.sealing_key().exists() {
            SealingKey::generate(entropy).save(&folder.sealing_key())?;
        }
        if first_start {
            SoftwareKey::generate(entropy).save(&folder.node_key())?;
        }
        Self::load(folder)
    }

    /// Reads the keys of a folder that an office has set up.
    pub(crate) fn load(folder: &DataFolder) -> Result<Self, OfficeError> {
        let root = folder.root_key();
        Ok(Self {
            root: if root.exists() { Some(SoftwareKey::load(&root)?) } else { None },
            node: SoftwareKey::load(&folder.node_key())?,
            sealing: SealingKey::load(&folder.sealing_key())?,
        })
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.node.public_key().fingerprint())
    }
}
