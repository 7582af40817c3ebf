//! The Cloudflare Worker: the runtime's events on the same router that the native server has.
//!
//! - [`fetch`] answers a request, [`scheduled`] does the hourly upkeep; these are all that the runtime calls.
//! - `bridge`: the cheap way from the runtime's request to the router and back, measured by `bench/run`.
//! - `settings`: vars and secrets, with all their faults at once.
//! - `wiring`: bindings into ports into flows into the router, once an isolate.
//! - `trials`: routes that misbehave on purpose, in builds with that feature alone.
//!
//! `build.sh` builds it, `serve` runs it in workerd on this machine, `npm run dev` in wrangler; `wrangler.jsonc` says how it is deployed.
//!
//! To add a binding: name it in `wrangler.jsonc` and in `local/workerd.mjs`, take it in `wiring`, and give it to a port's adapter in
//! `adapters/cloudflare`.

mod bridge;
mod settings;
#[cfg(feature = "trials")]
mod trials;
mod wiring;

use axum::http::StatusCode;
use futures_channel::oneshot;
use portico_cloudflare::scope::Scope;
use portico_domain::flows::cache_operations::{WarmOutcome, Warmed};
use portico_sql::hyperdrive::with_task_connection;
use worker::{
    Env,
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    web_sys::Request,
    worker_sys::{Context, ScheduledEvent},
};

use crate::wiring::{Misconfigured, Portico};

// The runtime makes the limiter's objects from the class that this crate exports.
pub use portico_cloudflare::Limiter;

/// Answers a request. What follows the answer is done in the same task, so that it finds the request's database connection still open.
///
/// # Errors
/// What the runtime threw while the response was made; it answers 500 then.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
pub fn fetch(request: &Request, env: &Env, context: Context) -> Result<JsValue, JsValue> {
    let (portico, incoming) = match (Portico::of(env), bridge::read_request(request)) {
        (Ok(portico), Ok(incoming)) => (portico, incoming),
        (Ok(_), Err(bridge::Unreadable)) => return bridge::write_empty(StatusCode::BAD_REQUEST),
        (Err(Misconfigured), _) => return bridge::write_empty(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let scope = Scope::new(context);
    let (tell, outcome) = oneshot::channel();
    let within = scope.clone();
    let work = scope.clone().run(async move {
        let response = portico.routes.answer(incoming).await;
        let (response, streamed) = bridge::write_response(response).await;
        // Nobody listens any more when the client has gone.
        let _ = tell.send(response.map(JsValue::from));
        portico.door.cache_operations.conduct.run_when_due();
        within.follow_up().await;
        if let Some(streamed) = streamed {
            // Its end is its sender's: nothing is ever sent.
            let _ = streamed.await;
        }
    });
    bridge::answer(with_task_connection(work), outcome, |rest| scope.wait_until(rest))
}

/// Does the hourly upkeep, beginning with the query that wakes the database.
///
/// # Errors
/// What the runtime threw instead of taking the work.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
pub fn scheduled(_event: ScheduledEvent, env: &Env, context: Context) -> Result<(), JsValue> {
    let Ok(portico) = Portico::of(env) else { return Ok(()) };
    // Nothing comes before the upkeep: its first step is the prewarm.
    Scope::new(context).wait_until(Box::pin(with_task_connection(keep_up(portico))))
}

async fn keep_up(portico: &Portico) {
    let report = portico.door.maintenance.run().await;
    if let Some(Err(cause)) = report.prewarm {
        tracing::warn!(%cause, "the database could not be woken");
    }
    match report.purged {
        Ok(rows) => tracing::info!(rows, "upkeep done"),
        Err(cause) => tracing::error!(%cause, "expired rows could not be purged"),
    }
    for Warmed { prefix, outcome } in report.warmed {
        let prefix = prefix.as_str();
        match outcome {
            WarmOutcome::Filled(entries) => tracing::info!(prefix, entries, "a cache is warmed"),
            WarmOutcome::Failed(cause) => tracing::warn!(prefix, %cause, "a cache could not be warmed"),
            WarmOutcome::Off | WarmOutcome::NothingToWarm => {}
        }
    }
}
