//! What pages are drawn with, out of the binary itself.

use axum::http::header;
use axum::response::IntoResponse;

/// The style sheet.
pub(super) const CSS: &str = include_str!("../../assets/console.css");
const ICON: &str = include_str!("../../assets/icon.svg");

/// The address has the hash of the content in it.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// `GET /assets/console.css`
pub(super) async fn css() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, FOR_GOOD)], CSS)
}

/// `GET /assets/icon.svg`
pub(super) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")], ICON)
}
