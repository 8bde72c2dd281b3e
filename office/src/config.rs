//! What an office is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use axum::http::Uri;
use xuncheng_core::limits;

use crate::clock::{Clock, EntropySource};
use crate::quotas::Quotas;

/// What an office is started with. Only the data folder has to be given.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder; made at the first start.
    pub data: PathBuf,
    /// A folder with a district pack, kept from now on; without it the one that was given last, or the example of Bazhou.
    pub pack: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address that phones are told, when it is not the one listened on.
    pub url: Option<Address>,
    /// Certificate and key for HTTPS.
    pub tls: Option<Tls>,
    /// Listen beyond this machine without TLS: behind a proxy that brings it, or in a closed network.
    pub insecure_listen: bool,
    /// The console's own port on this machine, used where others may reach the phones' port; 0 takes a free one.
    pub console_port: u16,
    /// Length of the largest pieces that phones send originals in, in bytes.
    pub piece_bytes: u64,
    /// How much phones may send.
    pub quotas: Quotas,
    /// How long a phone waits for a hint, in milliseconds.
    pub hint_ms: u64,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where keys, names and nonces are drawn from.
    pub entropy: EntropySource,
}

/// An address that phones are told: `https://xc.example.cn`, `http://10.0.0.2:8650/xc`; without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Text that no phone could reach an office by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "phones could not use it as an address: it is http:// or https://, a host, and where they are needed a port and a path, \
     like https://xc.example.cn or http://10.0.0.2:8650"
)]
pub struct NoAddress;

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let address: Uri = text.parse().map_err(|_| NoAddress)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (address.scheme_str(), address.authority()) else {
            return Err(NoAddress);
        };
        // Put together again, it lacks what an address has no use for: a person, a query, a fragment, a port that is none.
        let port = authority.port_u16().filter(|port| *port > 0).map(|port| format!(":{port}")).unwrap_or_default();
        let whole = format!("{scheme}://{}{port}{}", authority.host(), address.path());
        let same = text.is_ascii() && whole.trim_end_matches('/') == text.trim_end_matches('/');
        if same && !authority.host().is_empty() {
            Ok(Self(whole.trim_end_matches('/').to_owned()))
        } else {
            Err(NoAddress)
        }
    }
}

/// Files in PEM form for HTTPS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate, with those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Config {
    /// An office with its data in `data`, for this machine alone, on a free port.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            pack: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            url: None,
            tls: None,
            insecure_listen: false,
            console_port: 0,
            piece_bytes: limits::PIECE_BYTES_MAX,
            quotas: Quotas::default(),
            hint_ms: limits::HINT_MS,
            clock: Clock::system(),
            entropy: EntropySource::system(),
        }
    }

    /// Whether others than this machine may reach the port that phones use. Nothing in a request proves where it began: what
    /// forwards to a loopback port need not say so. An address for phones, a certificate, a bind address do.
    #[must_use]
    pub fn is_for_others(&self) -> bool {
        let local = self.listen.ip().to_canonical().is_loopback();
        !local || self.url.is_some() || self.tls.is_some() || self.insecure_listen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_told_what_they_can_reach() {
        for (said, told) in [
            ("https://xc.example.cn", "https://xc.example.cn"),
            ("https://xc.example.cn/", "https://xc.example.cn"),
            ("http://10.0.0.2:8650", "http://10.0.0.2:8650"),
            ("http://[::1]:8650/", "http://[::1]:8650"),
            ("https://xc.example.cn:8443/district/xc/", "https://xc.example.cn:8443/district/xc"),
        ] {
            assert_eq!(said.parse::<Address>().unwrap().to_string(), told);
        }
        for nonsense in [
            "",
            "/",
            "foo bar",
            "https://foo bar",
            "xc.example.cn",
            "xc.example.cn:8443",
            "ftp://xc.example.cn",
            "https://",
            "https:///xc",
            "https://:8443",
            "https://xc.example.cn:0",
            "https://xc.example.cn:99999",
            "https://xc.example.cn:https",
            "https://he@xc.example.cn",
            "https://xc.example.cn/?district=1",
            "https://xc.example.cn#phones",
            "https://巴州.example",
        ] {
            assert_eq!(nonsense.parse::<Address>(), Err(NoAddress), "{nonsense}");
        }
    }

    #[test]
    fn an_office_is_for_others_as_soon_as_anything_says_so() {
        let alone = Config::new("data");
        assert!(!alone.is_for_others());
        let tls = || Tls { certificate: "cert.pem".into(), key: "key.pem".into() };
        assert!(Config { url: Some("https://xc.example.cn".parse().unwrap()), ..alone.clone() }.is_for_others());
        assert!(Config { listen: "0.0.0.0:8650".parse().unwrap(), ..alone.clone() }.is_for_others());
        assert!(Config { tls: Some(tls()), ..alone.clone() }.is_for_others());
        assert!(Config { insecure_listen: true, ..alone.clone() }.is_for_others());
        assert!(!Config { listen: "[::ffff:127.0.0.1]:8650".parse().unwrap(), ..alone }.is_for_others());
    }
}
