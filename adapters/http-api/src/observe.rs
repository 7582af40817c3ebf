//! Who is told of each request: metrics and traces, where a runtime keeps them.
//!
//! Without an observer a request pays for one branch. With one, what it is told is looked up without an allocation: the route is a place in a list that is known
//! beforehand, so whoever counts by route can count in an array.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use http_body::Body;
use portico_domain::{
    meter::{Meter, Trace},
    models::Timestamp,
};

use crate::{code::Code, routes::Route, trace_context::TraceContext};

/// Is told of requests. It is called in the request's task: it must not wait.
pub trait Observer: Send + Sync {
    /// A request has come, as a part of the trace that it says. Gives its own place in a trace, where traces are kept.
    fn begun(&self, incoming: Option<&TraceContext>) -> Option<Trace>;

    /// It has its answer.
    fn answered(&self, request: &AnsweredRequest<'_>);

    /// It was given up before it had one.
    fn abandoned(&self);
}

/// A request and what became of it.
#[derive(Debug)]
pub struct AnsweredRequest<'a> {
    /// The route that its path is of; none where there is no such route.
    pub route: Option<Route>,
    /// Its method.
    pub method: &'a Method,
    /// The answer's status.
    pub status: StatusCode,
    /// What went wrong, where the answer is a problem.
    pub code: Option<Code>,
    /// How long the body is, where that is known.
    pub body_bytes: Option<u64>,
    /// When it came.
    pub began: Timestamp,
    /// How long its answer took.
    pub spent: Duration,
    /// What it cost.
    pub meter: &'a Meter,
    /// Its place in a trace, as [`Observer::begun`] gave it.
    pub trace: Option<Trace>,
    /// What it came with.
    pub incoming: Option<&'a TraceContext>,
}

/// Writes the metrics, each time they are asked for.
pub type Exposition = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// Who may read the metrics.
#[derive(Debug, Clone)]
pub enum MetricsAccess {
    /// An admin, and whoever has this token, if there is one.
    Admin(Option<portico_domain::models::Secret>),
    /// Anybody.
    Open,
}

/// `GET /metrics`, where there is one.
#[derive(Clone)]
pub struct MetricsPage {
    /// What it tells.
    pub exposition: Exposition,
    /// To whom.
    pub access: MetricsAccess,
}

/// Who watches a surface; nobody by default.
#[derive(Clone, Default)]
pub struct Watch {
    /// Is told of each request.
    pub observer: Option<Arc<dyn Observer>>,
    /// The metrics' page.
    pub metrics: Option<MetricsPage>,
    /// Takes profiles of the process, for admins.
    #[cfg(feature = "pprof")]
    pub profiler: Option<Arc<dyn crate::Profiler>>,
    /// Is told of each request's statements.
    #[cfg(feature = "record")]
    pub recorder: Option<crate::Recorder>,
}

/// A request that is being answered, as its observer sees it. Dropped without an answer, it is one that was given up.
pub(crate) struct Watched<'a> {
    observer: Option<&'a dyn Observer>,
    incoming: Option<TraceContext>,
    pub(crate) trace: Option<Trace>,
}

impl<'a> Watched<'a> {
    pub(crate) fn begin(observer: Option<&'a dyn Observer>, incoming: Option<TraceContext>) -> Self {
        let trace = observer.and_then(|observer| observer.begun(incoming.as_ref()));
        Self { observer, incoming, trace }
    }

    /// The trace that the request is a part of, whether or not anything is kept of it.
    pub(crate) fn trace_id(&self) -> Option<u128> {
        let incoming = self.incoming.as_ref().map(|incoming| incoming.trace);
        self.trace.or(incoming).map(|trace| trace.trace_id)
    }

    /// Tells how it went.
    #[expect(clippy::too_many_arguments, reason = "what there is to tell")]
    pub(crate) fn answered(
        mut self,
        route: Option<Route>,
        method: &Method,
        response: &Response,
        code: Option<Code>,
        began: Timestamp,
        spent: Duration,
        meter: &Meter,
    ) {
        let Some(observer) = self.observer.take() else { return };
        observer.answered(&AnsweredRequest {
            route,
            method,
            status: response.status(),
            code,
            body_bytes: response.body().size_hint().exact(),
            began,
            spent,
            meter,
            trace: self.trace,
            incoming: self.incoming.as_ref(),
        });
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            observer.abandoned();
        }
    }
}
