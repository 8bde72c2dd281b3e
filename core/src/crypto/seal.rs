//! Sealed origins: other readers than author and office get a constant-size copy that only the office opens.
//!
//! AES-256-GCM under a key of its own for each entry: HKDF-SHA256 of the sealing key, which the office has to itself, and of a
//! fresh salt. The header hash is bound in, so that a sealed origin cannot be moved to another entry. What the first versions
//! sealed by HPKE (RFC 9180: DHKEM(P-256), HKDF-SHA256, AES-256-GCM) opens too.
//!
//! The public half of the key is what parcels are sealed for (`stream`).

use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hkdf::Hkdf;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::CryptoError;
use super::key::write_private;
use crate::clock::Entropy;
use crate::id::Hash;
use crate::limits;

/// What an origin is padded to before it is sealed: every one of this version's has at most 233 bytes. A longer one of a later
/// version is padded to the bound.
const PADDED_BYTES: usize = 256;
const INFO: &[u8] = b"xuncheng/origin";
/// Begins what is sealed under a key of its own; HPKE's form begins with 4, as every uncompressed point does.
const OWN_KEY: u8 = 1;
const SALT_BYTES: usize = 16;
/// How the text of a private key begins.
const PRIVATE: &str = "p256-seal-private:";

/// An office's private sealing key.
pub struct SealingKey {
    private: <DhP256HkdfSha256 as Kem>::PrivateKey,
    public: SealingPublicKey,
}

/// The key that seals; in text the uncompressed SEC1 point in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealingPublicKey(#[serde(with = "hex::serde")] Vec<u8>);

/// An origin that only the holder of the named sealing key reads. All that one version seals are of one length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedOrigin {
    /// Fingerprint of the sealing key.
    key: Hash,
    /// [`OWN_KEY`], the salt and the cipher text, base64; of HPKE's form the encapsulated key and the cipher text.
    text: String,
}

impl SealingPublicKey {
    /// The key's fingerprint, by which sealed origins name it.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        Hash::of("sealing key", &[&self.0])
    }

    /// The point itself.
    pub(super) fn point(&self) -> Result<<DhP256HkdfSha256 as Kem>::PublicKey, CryptoError> {
        <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(&self.0).map_err(|_| CryptoError::Key(hex::encode(&self.0)))
    }
}

impl SealingKey {
    /// A new key out of a caller's entropy.
    #[must_use]
    pub fn generate(entropy: &mut Entropy) -> Self {
        let (private, public) = DhP256HkdfSha256::derive_keypair(&entropy.bytes::<32>());
        Self { private, public: SealingPublicKey(public.to_bytes().to_vec()) }
    }

    /// Reads the key file at `path`.
    ///
    /// # Errors
    /// [`CryptoError::KeyFile`], [`CryptoError::Key`].
    pub fn load(path: &Path) -> Result<Self, CryptoError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| CryptoError::KeyFile { path: path.into(), source })?;
        Self::from_text(text.trim()).ok_or_else(|| CryptoError::Key(format!("the file {}", path.display())))
    }

    /// The private key in text, for where it is kept.
    pub(crate) fn to_text(&self) -> String {
        format!("{PRIVATE}{}", hex::encode(self.private.to_bytes()))
    }

    /// The key of which this is the text; none where it is none's.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let bytes = hex::decode(text.strip_prefix(PRIVATE)?).ok()?;
        let private = <DhP256HkdfSha256 as Kem>::PrivateKey::from_bytes(&bytes).ok()?;
        let public = SealingPublicKey(DhP256HkdfSha256::sk_to_pk(&private).to_bytes().to_vec());
        Some(Self { private, public })
    }

    pub(super) const fn private(&self) -> &<DhP256HkdfSha256 as Kem>::PrivateKey {
        &self.private
    }

    /// Writes the key to `path`, durable and readable by its owner alone, unless a file is there already.
    ///
    /// # Errors
    /// [`CryptoError::KeyFile`].
    pub fn save(&self, path: &Path) -> Result<(), CryptoError> {
        write_private(path, &format!("{}\n", self.to_text()))
    }

    /// The key that seals for this one.
    #[must_use]
    pub const fn public_key(&self) -> &SealingPublicKey {
        &self.public
    }

    /// Seals `origin`, the part of the entry with header hash `header`.
    ///
    /// # Errors
    /// [`CryptoError::OriginTooLong`].
    pub fn seal(&self, origin: &str, header: &Hash, entropy: &mut Entropy) -> Result<SealedOrigin, CryptoError> {
        let padded_bytes = if origin.len() <= PADDED_BYTES { PADDED_BYTES } else { limits::ORIGIN_BYTES };
        if origin.len() > padded_bytes {
            return Err(CryptoError::OriginTooLong { bytes: origin.len() });
        }
        let salt: [u8; SALT_BYTES] = entropy.bytes();
        // JSON may end in spaces: the padding needs no length of its own.
        let padded = format!("{origin:<padded_bytes$}");
        let (cipher, nonce) = self.cipher(&salt)?;
        let sealed = cipher
            .encrypt(&nonce.into(), Payload { msg: padded.as_bytes(), aad: header.as_bytes() })
            .map_err(|_| CryptoError::Sealed)?;
        let text = BASE64.encode([&[OWN_KEY], salt.as_slice(), &sealed].concat());
        Ok(SealedOrigin { key: self.public.fingerprint(), text })
    }

    /// The cipher that seals one origin, and its nonce: no two are alike where no two salts are.
    fn cipher(&self, salt: &[u8]) -> Result<(Aes256Gcm, [u8; 12]), CryptoError> {
        let (mut key, mut nonce) = ([0; 32], [0; 12]);
        let derived = Hkdf::<Sha256>::new(Some(salt), &self.private.to_bytes());
        derived.expand_multi_info(&[INFO, b"/key"], &mut key).map_err(|_| CryptoError::Sealed)?;
        derived.expand_multi_info(&[INFO, b"/nonce"], &mut nonce).map_err(|_| CryptoError::Sealed)?;
        Ok((Aes256Gcm::new(&key.into()), nonce))
    }

    /// The origin as its author wrote it, byte for byte.
    ///
    /// # Errors
    /// [`CryptoError::Sealed`] when it was sealed for another key or entry, or changed on its way.
    pub fn open(&self, sealed: &SealedOrigin, header: &Hash) -> Result<String, CryptoError> {
        let bytes = BASE64.decode(&sealed.text).map_err(|_| CryptoError::Sealed)?;
        let padded = match bytes.split_first() {
            Some((&OWN_KEY, sealed)) => self.open_own(sealed, header),
            Some(_) | None => self.open_hpke(&bytes, header),
        }?;
        let padded = String::from_utf8(padded).map_err(|_| CryptoError::Sealed)?;
        Ok(padded.trim_end_matches(' ').to_owned())
    }

    fn open_own(&self, sealed: &[u8], header: &Hash) -> Result<Vec<u8>, CryptoError> {
        let (salt, sealed) = sealed.split_at_checked(SALT_BYTES).ok_or(CryptoError::Sealed)?;
        let (cipher, nonce) = self.cipher(salt)?;
        let payload = Payload { msg: sealed, aad: header.as_bytes() };
        cipher.decrypt(&nonce.into(), payload).map_err(|_| CryptoError::Sealed)
    }

    fn open_hpke(&self, bytes: &[u8], header: &Hash) -> Result<Vec<u8>, CryptoError> {
        let (encapsulated, cipher) = bytes.split_at_checked(65).ok_or(CryptoError::Sealed)?;
        let encapsulated =
            <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| CryptoError::Sealed)?;
        hpke::single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            INFO,
            cipher,
            header.as_bytes(),
        )
        .map_err(|_| CryptoError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Seed;

    #[test]
    fn a_sealed_origin_has_one_size_and_opens_only_for_its_entry() {
        let mut entropy = Seed::from_bytes([7; 32]).entropy();
        let key = SealingKey::generate(&mut entropy);
        let header = Hash::of("test", &[b"header"]);
        let short = key.seal("{}", &header, &mut entropy).unwrap();
        let long = key.seal(&format!("{{\"salt\":\"{}\"}}", "0".repeat(222)), &header, &mut entropy).unwrap();
        assert_eq!(short.text.len(), long.text.len());
        assert_eq!(key.open(&short, &header).unwrap(), "{}");
        key.open(&short, &Hash::of("test", &[b"another"])).expect_err("moved to another entry");
        let other = SealingKey::generate(&mut entropy);
        other.open(&short, &header).expect_err("another key");
    }
}
