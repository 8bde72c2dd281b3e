//! Who speaks from this machine itself, and for nobody else.
//!
//! It keeps the internet's pages and honest proxies out of a port of this machine. It cannot tell a forwarder that says
//! nothing of itself: a port that others may reach has [no such routes](crate::phones).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, header};

use crate::office::Office;

/// Whether `request` comes from this machine and was not passed on, and its Host names this machine: a page of the internet
/// could otherwise reach an office by a name that resolves to 127.0.0.1.
pub(crate) fn is_local(office: &Office, request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    is_from_here(peer.unwrap_or_else(|| office.config().listen.ip()), request.headers())
        && host(request).is_some_and(names_this_machine)
}

/// What the request calls this machine: HTTP/2 has no Host header, it says so in its address.
pub(crate) fn host(request: &Request) -> Option<&str> {
    let header = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    header.or_else(|| request.uri().authority().map(|authority| authority.as_str()))
}

/// A proxy on this machine speaks from loopback for anybody: what was passed on is not local.
fn is_from_here(peer: IpAddr, headers: &HeaderMap) -> bool {
    let passed_on = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    peer.to_canonical().is_loopback() && !passed_on.iter().any(|name| headers.contains_key(*name))
}

/// Whether a host is this machine and nothing else, with or without a port.
fn names_this_machine(host: &str) -> bool {
    let port = |rest: &str| rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| host.strip_prefix(name).is_some_and(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["127.0.0.1", "127.0.0.1:8000", "localhost:80", "[::1]:9", "localhost"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in
            ["", "127.0.0.1.evil.example", "localhost.evil:80", "evil.example", "127.0.0.1:x", "10.0.0.5", "[::1]x"]
        {
            assert!(!names_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_host_is_read_from_the_header_or_from_the_address() {
        let request = |uri: &str| Request::get(uri.to_owned()).body(Body::empty()).unwrap();
        assert_eq!(host(&request("https://localhost:8443/phones")), Some("localhost:8443"));
        assert_eq!(host(&request("/phones")), None);
        let mut both = request("https://localhost/phones");
        both.headers_mut().insert(header::HOST, "evil.example".parse().unwrap());
        assert_eq!(host(&both), Some("evil.example"));
    }

    #[test]
    fn another_machine_and_whatever_was_passed_on_are_not_from_here() {
        let nothing = HeaderMap::new();
        assert!(!is_from_here("10.0.0.7".parse().unwrap(), &nothing));
        assert!(is_from_here("::ffff:127.0.0.1".parse().unwrap(), &nothing));
        for name in ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"] {
            let passed_on = HeaderMap::from_iter([(name.parse().unwrap(), "10.0.0.7".parse().unwrap())]);
            assert!(!is_from_here("127.0.0.1".parse().unwrap(), &passed_on), "{name}");
        }
    }
}
