//! A district's own CA: a government's network has no public one, so that its certificate lies beside the store.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Where it lies in the phone's folder.
pub(crate) const CA: &str = "office-ca.pem";

/// Who vouches for this phone's office: the district's own CA and nobody else where one is kept, or whoever this machine trusts, as its own settings say.
pub(super) fn vouching(folder: &Path) -> anyhow::Result<RootCerts> {
    let kept = folder.join(CA);
    if kept.exists() { read(&kept) } else { Ok(RootCerts::PlatformVerifier) }
}

/// The CA's certificates in `file`, PEM.
///
/// # Errors
/// Where there is none, or one that cannot be used: nothing would be trusted then.
pub(super) fn read(file: &Path) -> anyhow::Result<RootCerts> {
    let name = file.display();
    let pem = fs::read(file).with_context(|| format!("cannot read the CA's certificate {name}"))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) =
            item.with_context(|| format!("{name} cannot be read as PEM: ask for the CA's certificate as PEM"))?
        {
            rustls::RootCertStore::empty()
                .add(certificate.der().into())
                .with_context(|| format!("a certificate in {name} cannot be used"))?;
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        bail!("there is no certificate in {name}: it is the CA's as PEM, with -----BEGIN CERTIFICATE-----");
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// Keeps `file` as the CA of the phone in `folder`; it is there whole, or what was there before is.
pub(super) fn keep(folder: &Path, file: &Path) -> anyhow::Result<()> {
    let keep = || -> std::io::Result<()> {
        let mut copy = tempfile::NamedTempFile::new_in(folder)?;
        copy.write_all(&fs::read(file)?)?;
        copy.as_file().sync_all()?;
        copy.persist(folder.join(CA))?;
        Ok(())
    };
    keep().with_context(|| format!("cannot keep the CA's certificate in {}", folder.display()))
}
