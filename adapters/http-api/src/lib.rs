//! The HTTP contract over the domain's flows.
//!
//! - [`Surface`] is what both runtimes serve; [`router`] gives it as an axum router.
//! - `boundary`: what holds for every request: request id, time limit, meter, `Server-Timing`, rate-limit headers, problem answers, the log line.
//! - `request_id`, `report`: the names of requests, and the headers that tell what each cost.
//! - `code`, `problem`: RFC 9457 answers with stable codes; each flow's error is mapped there by an exhaustive match.
//! - `compression`: gzip, br and zstd by what the client accepts.
//! - `fields`: request bodies and queries, told all their faults at once.
//! - `accept`: which form of an answer a client likes better.
//! - `credentials`: who is calling.
//! - `cors`, `security`: what browsers are told: whose pages may read an answer, and what it may be used for.
//! - `notices`: what operators are told by log lines.
//! - `answers`: JSON answers with their cache rules and validators; `rendered`: those that are written once; `versions`: validators made of less than the bytes.
//! - `log_line`: what is logged of each request. `observe`, `trace_context`: who else is told of it, and which trace it is a part of.
//! - `profiler`: what takes profiles of the process, where a runtime has it.
//! - `recording`: which statements a request sent, told to whoever asks for it.
//! - `sorting`: which programs are served where.
//! - `describe`: the same surface as `OpenAPI`, where it is asked for; what was rendered from it is `openapi.json`, which every build serves.
//! - `routes`: a file a resource. A handler parses, calls a flow, maps.
//!
//! **To add a route:** a handler in the resource's file, a line in its `routes()`, a mapping of its flow's error in `problem`, its description in the resource's
//! file of `describe` (then `cargo run -- openapi --output adapters/http-api/openapi.json`), a snapshot in the tests, a case in the conformance suite.

mod accept;
mod answers;
mod boundary;
mod code;
mod compression;
mod cookies;
mod cors;
mod credentials;
#[cfg(feature = "describe")]
mod describe;
mod fields;
mod log_line;
mod notices;
mod observe;
mod problem;
#[cfg(feature = "pprof")]
mod profiler;
#[cfg(feature = "record")]
mod recording;
mod rendered;
mod report;
mod request_id;
mod routes;
mod security;
mod sorting;
mod trace_context;
mod versions;

use std::{net::IpAddr, sync::Arc};

use axum::Router;
use portico_domain::{door::Door, models::Timestamp};

pub use boundary::Surface;
pub use code::Code;
#[cfg(feature = "describe")]
pub use describe::openapi;
pub use fields::BodyOverdue;
pub use notices::LoggedNotices;
pub use observe::{AnsweredRequest, Exposition, MetricsAccess, MetricsPage, Observer, Watch};
pub use problem::Problem;
#[cfg(feature = "pprof")]
pub use profiler::{ProfileRefused, Profiler};
#[cfg(feature = "record")]
pub use recording::{RecordedRequest, Recorder};
pub use routes::{ExperimentAnswer, Route};
pub use trace_context::TraceContext;

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

/// The whole HTTP surface as an axum router, to be asked as one or put behind others.
pub fn router(api: Api) -> Router {
    Router::new().fallback_service(Surface::new(api))
}
