//! What the way through the surface costs, from a request to the handler and back, with ports that answer at once: `cargo bench -p portico-http-api --bench dispatch`.
//! Beside it axum's router with one route that does nothing.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a bench ends where something fails, and uses its part of what the tests share"
)]

use axum::{Router, body::Body, routing::get};
use divan::Bencher;
use http::{Request, StatusCode};
use tower::ServiceExt;

#[path = "../tests/router/support.rs"]
mod support;

use support::Mocks;

fn main() {
    divan::main();
}

#[divan::bench]
fn bare_axum(bencher: Bencher) {
    let router = Router::new().route("/health", get(async || "{\"status\":\"ok\"}"));
    ask(bencher, &router, "/health", StatusCode::OK);
}

#[divan::bench]
fn health(bencher: Bencher) {
    ask(bencher, &Mocks::new().router(), "/health", StatusCode::OK);
}

/// A route far down the table, which refuses for want of credentials.
#[divan::bench]
fn refused(bencher: Bencher) {
    let path = "/api/v2/chats/01890a5d-ac96-774b-bcce-b302099a8057/messages";
    ask(bencher, &Mocks::new().router(), path, StatusCode::UNAUTHORIZED);
}

#[divan::bench]
fn no_such_path(bencher: Bencher) {
    ask(bencher, &Mocks::new().router(), "/api/v9/nothing", StatusCode::NOT_FOUND);
}

fn ask(bencher: Bencher, router: &Router, path: &str, status: StatusCode) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    bencher.bench_local(|| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), status);
        response
    });
}
