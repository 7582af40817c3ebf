//! A receiver of traces by OTLP over HTTP, in JSON. What it takes it reads with OpenTelemetry's own types; what those don't understand is refused, as a collector would.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::Span,
};
use tokio::net::TcpListener;

/// What one receiver got.
#[derive(Debug, Default)]
struct Taken {
    spans: Mutex<Vec<Span>>,
    services: Mutex<Vec<String>>,
    /// What it answers instead of taking anything; 0 for nothing.
    refuses_with: AtomicU16,
}

/// A receiver that is running.
#[derive(Debug, Clone)]
pub struct Collector {
    taken: Arc<Taken>,
    address: SocketAddr,
}

impl Collector {
    /// Starts one on a free port. It ends with the runtime that it was started on.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let taken: Arc<Taken> = Arc::default();
        let routes = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { taken, address })
    }

    /// What `PORTICO_OTLP_ENDPOINT` is set to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers with this status from now on; 0 takes spans again.
    pub fn refuse_with(&self, status: u16) {
        self.taken.refuses_with.store(status, Ordering::SeqCst);
    }

    /// Every span so far, in the order in which they came.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        lock(&self.taken.spans).clone()
    }

    /// What the services are called that sent them.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        lock(&self.taken.services).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(taken): State<Arc<Taken>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let refusal = taken.refuses_with.load(Ordering::SeqCst);
    if refusal != 0 {
        return StatusCode::from_u16(refusal).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    }
    if headers.get("content-type").is_none_or(|kind| kind != "application/json") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(request) = serde_json::from_slice::<ExportTraceServiceRequest>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        lock(&taken.services).extend(attribute(&attributes, "service.name"));
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        lock(&taken.spans).extend(spans);
    }
    StatusCode::OK
}

/// An attribute's value as text.
#[must_use]
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match &found.value {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => Some(text.clone()),
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => Some(number.to_string()),
        _ => None,
    }
}
