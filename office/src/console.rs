//! The console: what people at the office see and do in a browser, on this machine and on a port that only it reaches.
//!
//! Pages are drawn at the office and work without scripts. A handler finds out who looks, asks one function for what the
//! page shows, and draws it; steps go through the same [turn](Office::turn) and the same judge as a phone's entries.

mod assets;
mod case;
mod corrections;
mod error;
mod forms;
mod frame;
mod guard;
mod held;
mod list;
mod names;
mod phones;
mod photos;
mod session;
mod shots;
mod sign_in;
mod steps;
mod timeline;
mod viewer;
mod visits;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};

use crate::Office;
use error::ConsoleError;
use session::Sessions;
use xuncheng_core::search::Synonyms;

/// What the console keeps while the office runs.
struct Console {
    office: Arc<Office>,
    sessions: Sessions,
}

impl Console {
    /// The cookie's name: each office has its own, because browsers do not tell ports of one host apart.
    fn cookie_name(&self) -> String {
        format!("xuncheng-{}", &self.office.epoch().id.to_string()[..8])
    }
}

/// The console's pages, and the page for addresses that nothing else answers.
pub(crate) fn routes(office: Arc<Office>) -> Router {
    let console = Arc::new(Console { office, sessions: Sessions::default() });
    Router::new()
        .route("/", get(list::show))
        .route("/cases/{item}", get(case::show))
        .route("/cases/{item}/steps/{step}", post(forms::take))
        .route("/cases/{item}/comments", post(forms::comment))
        .route("/cases/{item}/corrections", post(corrections::correct))
        .route("/cases/{item}/photos/{sha256}/{rendition}", get(photos::show))
        .route("/held", get(held::show))
        .route("/held/{entry}/photos/{rendition}", get(photos::show_held))
        .route("/held/{entry}/release", post(held::release))
        .route("/held/{entry}/dismiss", post(held::dismiss))
        .route("/visits", get(visits::show))
        .route("/visits/{item}/close", post(visits::close))
        .route("/phones", get(phones::show))
        .route("/phones/{incarnation}/revoke", post(phones::revoke))
        .route("/codes", post(phones::make_code))
        .route("/codes/{number}/revoke", post(phones::revoke_code))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/console.css", get(assets::css))
        .route("/assets/icon.svg", get(assets::icon))
        .fallback(nothing)
        .layer(middleware::from_fn(error::as_page))
        .layer(middleware::from_fn_with_state(Arc::clone(&console), guard::local_only))
        .with_state(console)
}

async fn nothing() -> ConsoleError {
    ConsoleError::NotFound
}
