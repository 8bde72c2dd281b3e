//! Who may reach the console at all: this machine's own browser, and forms that the console itself showed.
//!
//! There are no passwords yet, so nothing but the machine itself may sign in. A page of the internet must not reach it
//! either: neither by a name that resolves to 127.0.0.1 (the Host is checked) nor by a form (the Origin is).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Console;
use super::error::ConsoleError;

/// Nothing comes from elsewhere, nothing runs: the pages have no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Lets local requests through, and marks the answers for the browser.
pub(super) async fn local_only(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let peer = peer.unwrap_or_else(|| console.office.config().listen.ip());
    let mut response = match check(peer, request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    // Pages hold personal data: what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn check(peer: IpAddr, method: &Method, headers: &HeaderMap) -> Result<(), ConsoleError> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = text(header::HOST).filter(|host| is_loopback(host)).ok_or(ConsoleError::NotLocal)?;
    // A proxy on this machine speaks from loopback for anybody: what was passed on is not local.
    let passed_on = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    if !peer.to_canonical().is_loopback() || passed_on.iter().any(|name| headers.contains_key(*name)) {
        return Err(ConsoleError::NotLocal);
    }
    if method == Method::GET || method == Method::HEAD {
        return Ok(());
    }
    let same = match headers.get(header::ORIGIN) {
        Some(_) => text(header::ORIGIN).and_then(|origin| origin.split_once("://")).is_some_and(|(_, own)| own == host),
        None => headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
    };
    if same { Ok(()) } else { Err(ConsoleError::OtherOrigin) }
}

/// Whether a Host header names this machine and nothing else, with or without a port.
fn is_loopback(host: &str) -> bool {
    let port = |rest: &str| rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| host.strip_prefix(name).is_some_and(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["127.0.0.1", "127.0.0.1:8000", "localhost:80", "[::1]:9", "localhost"] {
            assert!(check(HERE, &Method::GET, &headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in
            ["", "127.0.0.1.evil.example", "localhost.evil:80", "evil.example", "127.0.0.1:x", "10.0.0.5", "[::1]x"]
        {
            assert!(check(HERE, &Method::GET, &headers(&[("host", host)])).is_err(), "{host}");
        }
        assert!(check(HERE, &Method::GET, &HeaderMap::new()).is_err());
    }

    #[test]
    fn another_machine_cannot_call_itself_localhost() {
        let local = headers(&[("host", "127.0.0.1")]);
        assert!(check("10.0.0.7".parse().unwrap(), &Method::GET, &local).is_err());
        assert!(check("::ffff:127.0.0.1".parse().unwrap(), &Method::GET, &local).is_ok());
    }

    #[test]
    fn a_form_has_to_come_from_the_console_itself() {
        let post = |pairs: &[(&'static str, &str)]| check(HERE, &Method::POST, &headers(pairs)).is_ok();
        let host = ("host", "127.0.0.1:8000");
        assert!(post(&[host, ("origin", "http://127.0.0.1:8000")]));
        assert!(post(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(!post(&[host]));
        assert!(!post(&[host, ("origin", "null")]));
        assert!(!post(&[host, ("origin", "http://127.0.0.1:8001")]));
        assert!(!post(&[host, ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")]));
        assert!(!post(&[host, ("sec-fetch-site", "same-site")]));
    }
}
