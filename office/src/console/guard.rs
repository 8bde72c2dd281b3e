//! Who may reach the console at all: this machine's own browser, and forms that the console itself showed.
//!
//! There are no passwords yet, so nothing but the machine itself may sign in. A page of the internet must not reach it
//! either: neither by a name that resolves to 127.0.0.1 (the Host is checked) nor by a form (the Origin is).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Console;
use super::error::ConsoleError;
use crate::local;

/// Nothing comes from elsewhere, nothing runs: the pages have no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Lets local requests through, and marks the answers for the browser.
pub(super) async fn local_only(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let mut response = match check(&console, &request) {
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

fn check(console: &Console, request: &Request) -> Result<(), ConsoleError> {
    if !local::is_local(&console.office, request) {
        return Err(ConsoleError::NotLocal);
    }
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    let own = reads || local::host(request).is_some_and(|host| is_own_form(host, request.headers()));
    if own { Ok(()) } else { Err(ConsoleError::OtherOrigin) }
}

/// Whether a form that was posted to `host` comes from a page of `host`.
fn is_own_form(host: &str, headers: &HeaderMap) -> bool {
    match headers.get(header::ORIGIN) {
        Some(origin) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, page)| page == host)
        }
        None => headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_to_come_from_the_console_itself() {
        let post = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            is_own_form("127.0.0.1:8000", &HeaderMap::from_iter(headers))
        };
        assert!(post(&[("origin", "http://127.0.0.1:8000")]));
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(!post(&[]));
        assert!(!post(&[("origin", "null")]));
        assert!(!post(&[("origin", "http://127.0.0.1:8001")]));
        assert!(!post(&[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")]));
        assert!(!post(&[("sec-fetch-site", "same-site")]));
    }
}
