//! Routes that only builds for tests have: they do to the Worker what no request can do to the product, and open single ports.

mod cache;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Query},
    http::StatusCode,
    routing::{get, post},
};
use futures_util::stream;
use portico_cloudflare::{DurableObjectLimiter, WorkerClock, WorkerFetch};
use portico_domain::{
    models::{Demand, Quota},
    ports::{Clock, Fetch, FetchRequest, RateLimiter},
};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::Env;

/// Routes under `/__trial`.
pub(crate) fn routes(env: &Env) -> worker::Result<Router> {
    let limiter: Arc<dyn RateLimiter> = Arc::new(DurableObjectLimiter::from_env(env)?);
    Ok(Router::new()
        .route("/__trial/panic", get(panics))
        .route("/__trial/panic-later", get(panics_later))
        .route("/__trial/wait", get(waits))
        .route("/__trial/echo", post(|body: Bytes| async move { body }))
        .route("/__trial/pass", post(|body: Body| async move { body }))
        .route("/__trial/count", get(counts))
        .route("/__trial/limit", get(move |query: Query<Attempt>| admits(Arc::clone(&limiter), query)))
        .route("/__trial/fetch", get(fetches))
        .merge(cache::routes(env))
        .layer(DefaultBodyLimit::max(4 << 20)))
}

async fn panics() -> &'static str {
    panic!("a trial of what a panic does")
}

async fn panics_later() -> &'static str {
    WorkerClock.sleep(Duration::from_millis(5)).await;
    panic!("a trial of what a panic does after a wait")
}

async fn waits() -> &'static str {
    WorkerClock.sleep(Duration::from_millis(50)).await;
    "waited"
}

/// Ten lines whose number isn't announced.
async fn counts() -> Body {
    Body::from_stream(stream::iter((0..10).map(|n| Ok::<_, Infallible>(format!("{n}\n")))))
}

#[derive(Deserialize)]
struct Attempt {
    key: String,
    quota: String,
}

async fn admits(
    limiter: Arc<dyn RateLimiter>,
    Query(attempt): Query<Attempt>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let quota = Quota::parse(&attempt.quota).map_err(|wrong| (StatusCode::BAD_REQUEST, wrong.to_owned()))?;
    let demand = Demand { policy: "trial", quota, key: attempt.key };
    let admission =
        limiter.admit(&demand).await.map_err(|cause| (StatusCode::SERVICE_UNAVAILABLE, cause.to_string()))?;
    Ok(Json(json!({
        "admitted": admission.admitted,
        "remaining": admission.remaining,
        "reset_seconds": admission.reset_after.as_secs_f64(),
        "retry_seconds": admission.retry_after.as_secs_f64(),
    })))
}

#[derive(Deserialize)]
struct Exchange {
    url: String,
    limit_ms: u64,
}

async fn fetches(Query(exchange): Query<Exchange>) -> Result<Json<Value>, (StatusCode, String)> {
    let request = FetchRequest {
        method: "POST",
        url: exchange.url,
        headers: vec![("x-trial", "yes".to_owned())],
        body: b"a body".to_vec(),
        time_limit: Duration::from_millis(exchange.limit_ms),
    };
    let response = WorkerFetch
        .send(request)
        .await
        .map_err(|cause| (StatusCode::SERVICE_UNAVAILABLE, cause.to_string()))?;
    Ok(Json(json!({ "status": response.status, "body": String::from_utf8_lossy(&response.body) })))
}
