//! A certificate that vouches for itself, made for one test.

use std::path::{Path, PathBuf};

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rustls::pki_types::CertificateDer;
use xuncheng_office::Tls;

/// Files for HTTPS in a folder, and the certificate as whoever trusts it keeps it.
pub(crate) struct Certificate {
    pub(crate) files: Tls,
    pub(crate) trusted: CertificateDer<'static>,
}

impl Certificate {
    /// A certificate (X.509, RFC 5280) for 127.0.0.1, good until the end of the century.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).unwrap();
        let key = SigningKey::from_slice(&secret).unwrap();
        let trusted = sign(&key);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", in_lines(&trusted));
        let files = Tls { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
        write(&files.certificate, &pem);
        write(&files.key, &key.to_pkcs8_pem(LineEnding::LF).unwrap());
        Self { files, trusted: CertificateDer::from(trusted) }
    }
}

fn write(path: &PathBuf, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn in_lines(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0C;
const UTC_TIME: u8 = 0x17;
const TIME: u8 = 0x18;

fn sign(key: &SigningKey) -> Vec<u8> {
    let ecdsa_with_sha256 = der(SEQUENCE, &[&der(OID, &[&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]])]);
    let common_name = der(SEQUENCE, &[&der(OID, &[&[0x55, 0x04, 0x03]]), &der(UTF8, &["办公室".as_bytes()])]);
    let name = der(SEQUENCE, &[&der(SET, &[&common_name])]);
    let validity = der(SEQUENCE, &[&der(UTC_TIME, &[b"200101000000Z"]), &der(TIME, &[b"20991231235959Z"])]);
    let address = der(SEQUENCE, &[&der(0x87, &[&[127, 0, 0, 1]])]);
    let alternative_name = der(SEQUENCE, &[&der(OID, &[&[0x55, 0x1D, 0x11]]), &der(OCTETS, &[&address])]);
    let statement = der(
        SEQUENCE,
        &[
            &der(0xA0, &[&der(INTEGER, &[&[2]])]),
            &der(INTEGER, &[&[1]]),
            &ecdsa_with_sha256,
            &name,
            &validity,
            &name,
            key.verifying_key().to_public_key_der().unwrap().as_bytes(),
            &der(0xA3, &[&der(SEQUENCE, &[&alternative_name])]),
        ],
    );
    let signature: Signature = key.sign(&statement);
    der(SEQUENCE, &[&statement, &ecdsa_with_sha256, &der(BITS, &[&[0], signature.to_der().as_bytes()])])
}

/// One value of X.690 (DER): tag, length, content.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match length {
        [0, short @ ..0x80] => vec![tag, short],
        [0, length] => vec![tag, 0x81, length],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}
