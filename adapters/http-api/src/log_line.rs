//! The one line that is logged of each request.

use std::time::Duration;

use http::{Method, StatusCode};
use portico_domain::meter::{CacheOutcome, Meter};

use crate::{problem::Problem, routes::Route};

/// What is told of a request.
pub(crate) struct LogLine<'a> {
    pub(crate) id: &'a str,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) route: Option<Route>,
    pub(crate) status: StatusCode,
    pub(crate) spent: Duration,
    pub(crate) meter: &'a Meter,
    pub(crate) problem: Option<&'a Problem>,
    pub(crate) trace_id: Option<u128>,
}

impl LogLine<'_> {
    /// Logs it, and what operators should know of a problem besides.
    pub(crate) fn write(&self) {
        let Self { id, method, path, status, meter, problem, .. } = self;
        let (method, ms) = (method.as_str(), millis(self.spent));
        let code = problem.map(|problem| problem.code().as_str());
        if *status == StatusCode::OK && matches!(*path, "/health" | "/ready") {
            // Monitors ask all day long: that all is well is no news, and a line costs a Worker more than the answer does.
            tracing::debug!(target: "portico::request", request_id = id, method, path, ms, "probe");
        } else {
            let statements = meter.statements();
            let cache = Some(meter.cache()).filter(|outcome| *outcome != CacheOutcome::Bypass);
            let trace = self.trace_id.map(Hex::of);
            tracing::info!(
                target: "portico::request",
                request_id = id,
                method,
                path,
                route = self.route.map(Route::template),
                status = status.as_u16(),
                ms,
                statements,
                db_ms = (statements > 0).then(|| millis(meter.storage_time())),
                cache = cache.map(CacheOutcome::as_str),
                code,
                trace_id = trace.as_ref().map(Hex::as_str),
                "request"
            );
        }
        if let Some(detail) = problem.and_then(Problem::for_operator) {
            tracing::warn!(target: "portico::problem", request_id = id, code, detail, "problem");
        }
    }
}

/// Whole microseconds, so that the number prints with three places at most.
fn millis(span: Duration) -> f64 {
    f64::from(u32::try_from(span.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}

/// A trace id in text, without an allocation.
struct Hex([u8; 32]);

impl Hex {
    fn of(id: u128) -> Self {
        let mut text = [0; 32];
        for (digit, place) in text.iter_mut().zip((0..32).rev()) {
            *digit = b"0123456789abcdef"[(id >> (4 * place) & 0xf) as usize];
        }
        Self(text)
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_has_all_its_zeros() {
        assert_eq!(Hex::of(0xab1).as_str(), "00000000000000000000000000000ab1");
        assert_eq!(Hex::of(u128::MAX).as_str(), "f".repeat(32));
    }
}
