//! What a native server shows of itself while it runs: metrics for Prometheus, traces by OTLP. `docs/observability.md` says what and why.
//!
//! - [`Telemetry`]: is told of each request by the boundary; counts it, and traces it where that is wanted.
//! - [`metrics`]: the counters, and how they are written when somebody asks.
//! - [`traces`]: which requests are traced, and how spans go to a collector.
//! - [`WatchedPasswords`], [`TracedFetch`]: the ports whose work is counted and traced.
//!
//! A crate of its own because a Worker does without: an isolate has no totals.
//!
//! **To add a metric:** a counter in [`metrics::Metrics`] where it happens, or a field of [`metrics::Readings`] where it is kept already; a line in
//! `metrics/exposition.rs`, a row in `docs/observability.md`, a panel in `docs/grafana/portico.json`.

mod fetch;
pub mod metrics;
mod passwords;
mod telemetry;
pub mod traces;

pub use fetch::TracedFetch;
pub use passwords::WatchedPasswords;
pub use telemetry::Telemetry;
