//! Which requests are traced, and what becomes of their spans.

mod export;
mod otlp;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{HeaderValue, Method, StatusCode};
use portico_domain::{
    meter::{Asked, Sent, Trace},
    models::Timestamp,
    ports::Fetch,
};
use portico_http_api::{AnsweredRequest, Code, Route, TraceContext};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use self::export::Exporter;

/// How many traced requests may wait to be sent; beyond it they are dropped, and counted.
const MOST_WAITING: usize = 2_048;
/// What numbers are spread by: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where traces go, and which.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The collector's address, with the path of its traces.
    pub url: String,
    /// Which part of the traces that begin here is recorded, 0 to 1.
    pub sample: f64,
    /// `service.name`.
    pub service: String,
    /// `service.version`.
    pub version: &'static str,
    /// What clients use: `http` or `https`.
    pub scheme: &'static str,
    /// `db.system.name`.
    pub database: &'static str,
}

/// Traces requests. What is to be sent waits in a bounded queue; no request waits for it.
#[derive(Debug)]
pub struct Tracer {
    seed: [u64; 3],
    made: AtomicU64,
    /// Traces whose number is below it are recorded.
    threshold: u64,
    queue: mpsc::Sender<Finished>,
    counters: Arc<SpanCounters>,
    closing: watch::Sender<bool>,
    exporter: Mutex<Option<JoinHandle<()>>>,
}

/// A request that is over, with what its spans are made of.
#[derive(Debug)]
struct Finished {
    trace: Trace,
    parent: Option<u64>,
    state: Option<HeaderValue>,
    route: Option<Route>,
    method: Method,
    status: StatusCode,
    code: Option<Code>,
    began: Timestamp,
    spent: Duration,
    sent: Vec<Sent>,
    asked: Vec<Asked>,
    /// What the names of its statements' and works' spans are counted from.
    first_child: u64,
}

impl Finished {
    const fn spans(&self) -> u64 {
        1 + self.sent.len() as u64 + self.asked.len() as u64
    }
}

/// What became of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanFigures {
    /// A collector has them.
    pub exported: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// The collector didn't take them.
    pub failed: u64,
}

#[derive(Debug, Default)]
struct SpanCounters {
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Tracer {
    /// Begins to trace, with names made from `seed`, which must be fresh entropy. Needs a tokio runtime.
    #[must_use]
    pub fn start(settings: TraceSettings, fetch: Arc<dyn Fetch>, seed: [u8; 32]) -> Arc<Self> {
        let word = |at: usize| {
            let bytes = seed.get(at * 8..at * 8 + 8).and_then(|bytes| bytes.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let (closing, closed) = watch::channel(false);
        let counters: Arc<SpanCounters> = Arc::default();
        let threshold = threshold(settings.sample);
        let exporter = Exporter { settings, fetch, counters: Arc::clone(&counters) };
        let exporter = tokio::spawn(exporter.run(waiting, closed));
        Arc::new(Self {
            seed: [word(0), word(1), word(2)],
            made: AtomicU64::new(0),
            threshold,
            queue,
            counters,
            closing,
            exporter: Mutex::new(Some(exporter)),
        })
    }

    /// A request's place: in the trace that it comes with, which keeps its decision whether it is recorded, or in a new one.
    pub(crate) fn begin(&self, incoming: Option<&TraceContext>) -> Trace {
        let number = self.made.fetch_add(1, Relaxed);
        let span_id = self.name(number, 0);
        if let Some(TraceContext { trace, .. }) = incoming {
            return Trace { span_id, ..*trace };
        }
        let low = self.name(number, 1);
        let trace_id = u128::from(self.name(number, 2)) << 64 | u128::from(low);
        Trace { trace_id, span_id, sampled: low < self.threshold || self.threshold == u64::MAX }
    }

    /// A name for a span.
    pub(crate) fn span_id(&self) -> u64 {
        self.name(self.made.fetch_add(1, Relaxed), 0)
    }

    /// `SplitMix64` over a seed that nobody knows: names that don't meet. Nothing secret is made of them.
    fn name(&self, number: u64, of: usize) -> u64 {
        let mut mixed = self.seed[of].wrapping_add(number.wrapping_mul(GOLDEN));
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31).max(1)
    }

    /// Queues a request's spans, where they are recorded.
    pub(crate) fn finish(&self, request: &AnsweredRequest<'_>) {
        let Some(trace) = request.trace.filter(|trace| trace.sampled) else { return };
        let (sent, asked) = (request.meter.sent(), request.meter.asked());
        let finished = Finished {
            trace,
            parent: request.incoming.map(|incoming| incoming.trace.span_id),
            state: request.incoming.and_then(|incoming| copied(incoming.state.as_ref()?)),
            route: request.route,
            method: request.method.clone(),
            status: request.status,
            code: request.code,
            began: request.began,
            spent: request.spent,
            sent,
            asked,
            first_child: self.span_id(),
        };
        let spans = finished.spans();
        if self.queue.try_send(finished).is_err() {
            self.counters.dropped.fetch_add(spans, Relaxed);
        }
    }

    /// What became of spans so far.
    #[must_use]
    pub fn figures(&self) -> SpanFigures {
        let SpanCounters { exported, dropped, failed } = &*self.counters;
        SpanFigures {
            exported: exported.load(Relaxed),
            dropped: dropped.load(Relaxed),
            failed: failed.load(Relaxed),
        }
    }

    /// Sends what waits, for so long at most. What comes later is not sent.
    pub async fn flush(&self, limit: Duration) {
        let exporter = self.exporter.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut exporter) = exporter else { return };
        self.closing.send_replace(true);
        if timeout(limit, &mut exporter).await.is_err() {
            exporter.abort();
        }
    }
}

/// A copy of its own: a clone shares the memory of the whole head that it came in, which would stay for as long as the span waits.
fn copied(state: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_bytes(state.as_bytes()).ok()
}

/// Below it lies that part of all numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of all numbers, rounded; what lies beyond is cut off"
)]
fn threshold(part: f64) -> u64 {
    (part.clamp(0.0, 1.0) * u64::MAX as f64) as u64
}

#[cfg(test)]
mod tests;
