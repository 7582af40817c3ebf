use std::sync::Arc;

use portico_domain::meter::Trace;
use portico_http_api::{AnsweredRequest, Observer, TraceContext};

use crate::{metrics::Metrics, traces::Tracer};

/// Watches requests: counts them, traces them, or both.
#[derive(Clone)]
pub struct Telemetry {
    /// Where they are counted, where they are.
    pub metrics: Option<Arc<Metrics>>,
    /// Where they are traced, where they are.
    pub tracer: Option<Arc<Tracer>>,
}

impl Telemetry {
    /// Whether nobody wants to know anything.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.metrics.is_none() && self.tracer.is_none()
    }
}

impl Observer for Telemetry {
    fn begun(&self, incoming: Option<&TraceContext>) -> Option<Trace> {
        if let Some(metrics) = &self.metrics {
            metrics.begun();
        }
        self.tracer.as_ref().map(|tracer| tracer.begin(incoming))
    }

    fn answered(&self, request: &AnsweredRequest<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.answered(request);
        }
        if let Some(tracer) = &self.tracer {
            tracer.finish(request);
        }
    }

    fn abandoned(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.abandoned();
        }
    }
}
