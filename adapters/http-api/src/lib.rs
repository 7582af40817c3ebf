//! The HTTP contract over the domain's flows.
//!
//! - [`router`] gives the axum router that both runtimes serve.
//! - `boundary`: what holds for every request: request id, time limit, meter, `Server-Timing`, rate-limit headers, problem answers, the log line.
//! - `code`, `problem`: RFC 9457 answers with stable codes; each flow's error is mapped there by an exhaustive match.
//! - `compression`: gzip, br and zstd by what the client accepts.
//! - `fields`: request bodies and queries, told all their faults at once.
//! - `credentials`: who is calling.
//! - `answers`: JSON answers with their cache rules and validators.
//! - `routes`: a file a resource. A handler parses, calls a flow, maps.
//!
//! **To add a route:** a handler in the resource's file, a line in its `routes()`, a mapping of its flow's error in `problem`, a snapshot in the
//! tests, a case in the conformance suite.

mod answers;
mod boundary;
mod code;
mod compression;
mod cookies;
mod credentials;
mod fields;
mod problem;
mod routes;

use std::{net::IpAddr, sync::Arc};

use axum::Router;
use portico_domain::{door::Door, models::Timestamp};
use tower::Layer;

pub use code::Code;
pub use problem::Problem;

/// What the routes need.
#[derive(Clone)]
pub struct Api {
    /// The flows.
    pub door: Arc<Door>,
    /// The version that `/api/v2/health` tells.
    pub version: &'static str,
    /// When this process or isolate began.
    pub started_at: Timestamp,
}

/// The address of whoever opened the connection, put into a request's extensions by the native runtime. On Workers the edge names the client
/// in `CF-Connecting-IP` instead.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub IpAddr);

/// The whole HTTP surface.
pub fn router(api: Api) -> Router {
    let shared = Arc::new(routes::Shared::new(api));
    let routes = routes::all(&shared).fallback(routes::not_found).with_state(Arc::clone(&shared));
    // Around the router as a whole, not each route: `Allow` is set between the two.
    Router::new().fallback_service(boundary::BoundaryLayer::new(shared).layer(routes))
}
