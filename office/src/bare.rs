//! Nobody gets a bare status: what the framework refuses by itself (an argument of another form, a body over its bound, a
//! method that a path does not know) and a panic in a handler are told as every other error is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use xuncheng_core::limits;

use crate::error::OfficeError;

/// Answers for programs: every error is a problem (RFC 9457).
pub(crate) async fn as_problem(request: Request, next: Next) -> Response {
    let response = contained(request, next).await;
    match refused(&response, "application/problem+json") {
        Some(status) => in_its_place(response, problem(status).into_response()),
        None => response,
    }
}

fn problem(status: StatusCode) -> OfficeError {
    match status {
        StatusCode::NOT_FOUND => OfficeError::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => OfficeError::Method,
        StatusCode::PAYLOAD_TOO_LARGE => OfficeError::TooLarge { limit: limits::REQUEST_BYTES as u64 },
        status if status.is_client_error() => {
            OfficeError::Junk("the request's address, headers or body are not of their form; correct them".to_owned())
        }
        _ => OfficeError::Panic,
    }
}

/// Runs the handler; where it panics, what is sent is an internal error like any other.
pub(crate) async fn contained(request: Request, next: Next) -> Response {
    let mut running = pin!(next.run(request));
    std::future::poll_fn(|context| {
        // It is not polled again after a panic, so that nobody sees what was left half done.
        catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(StatusCode::INTERNAL_SERVER_ERROR.into_response()))
    })
    .await
}

/// The status of an error whose body is not of the media type `told`.
pub(crate) fn refused(response: &Response, told: &str) -> Option<StatusCode> {
    let status = response.status();
    let is_told =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(told.as_bytes()));
    ((status.is_client_error() || status.is_server_error()) && !is_told).then_some(status)
}

/// `told` instead of `bare`, of which only the methods that a path knows are kept.
pub(crate) fn in_its_place(bare: Response, mut told: Response) -> Response {
    if let Some(allowed) = bare.headers().get(header::ALLOW) {
        told.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, Bytes};
    use axum::extract::{DefaultBodyLimit, Path};
    use axum::routing::{get, post};
    use axum::{Router, middleware};
    use tower::ServiceExt as _;
    use xuncheng_core::sync::wire::Problem;

    async fn broken() -> StatusCode {
        panic!("on purpose")
    }

    async fn told(request: axum::http::request::Builder, body: impl Into<Body>) -> (StatusCode, Problem) {
        let routes = Router::new()
            .route("/broken", get(broken))
            .route("/number/{number}", get(async |Path(_): Path<u8>| ()))
            .route("/short", post(async |_: Bytes| ()).layer(DefaultBodyLimit::max(4)))
            .route("/teapot", get(async || StatusCode::IM_A_TEAPOT))
            .layer(middleware::from_fn(as_problem));
        let response = routes.oneshot(request.body(body.into()).unwrap()).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn what_the_framework_refuses_and_a_panic_are_problems_that_say_what_to_do() {
        for (request, body, status, code) in [
            (Request::get("/broken"), "", 500, "internal"),
            (Request::get("/number/x"), "", 400, "malformed"),
            (Request::post("/short"), "12345", 413, "too_large"),
            (Request::get("/short"), "", 405, "method"),
            (Request::get("/teapot"), "", 400, "malformed"),
        ] {
            let (answered, problem) = told(request, body).await;
            assert_eq!((answered.as_u16(), problem.status, problem.code.as_str()), (status, status, code));
            assert!(problem.detail.contains([';', ',']), "{problem:?} does not say what to do");
        }
    }
}
