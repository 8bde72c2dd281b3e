//! The console: what people at the office see and do.

use std::sync::Arc;

use axum::Router;

use crate::Office;

/// The console's pages.
pub(crate) fn routes(_office: Arc<Office>) -> Router {
    Router::new()
}
