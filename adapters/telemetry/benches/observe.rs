//! What it costs a request to be watched: told when it comes and when it has its answer.
//!
//! `cargo bench -p portico-telemetry --bench observe`

#![allow(clippy::unwrap_used, reason = "a bench ends where something fails")]

use std::{sync::Arc, time::Duration};

use divan::{Bencher, black_box};
use http::{Method, StatusCode};
use portico_domain::{
    meter::{Meter, Sent, Trace},
    models::{Gcra, Quota, Timestamp},
    ports::{Fetch, FetchRequest, FetchResponse, Unavailable},
};
use portico_http_api::{AnsweredRequest, Observer, Route};
use portico_telemetry::{
    Telemetry,
    traces::{TraceSettings, Tracer},
};

fn main() {
    divan::main();
}

/// A collector that is quick.
struct Nowhere;

#[async_trait::async_trait]
impl Fetch for Nowhere {
    async fn send(&self, _request: FetchRequest) -> Result<FetchResponse, Unavailable> {
        Ok(FetchResponse { status: 200, body: Vec::new() })
    }
}

fn tracer(sample: f64) -> Arc<Tracer> {
    let settings = TraceSettings {
        url: "http://127.0.0.1:4318/v1/traces".to_owned(),
        sample,
        service: "portico".to_owned(),
        version: "0.0.0",
        scheme: "http",
        database: "sqlite",
    };
    Tracer::start(settings, Arc::new(Nowhere), [7; 32])
}

/// A key check: one limit asked, nothing sent to the database; or one statement, for a trace that is recorded.
fn watch(bencher: Bencher<'_, '_>, telemetry: &Telemetry) {
    let quota = Quota::parse("1000/1m").unwrap();
    let now = Timestamp::from_seconds(1_790_000_000);
    let admission = Gcra::decide("api-key", quota, None, now).admission;
    let route = Route::all().find(|route| route.template() == "/api/v1/auth/me");
    let meter_of = |trace: Option<Trace>| {
        let meter = match trace.filter(|trace| trace.sampled) {
            None => Meter::default(),
            Some(trace) => {
                let meter = Meter::traced(trace);
                let time = Duration::from_micros(100);
                meter.note_statement(Sent { statement: "key_by_digest", rows: 1, began: now, time });
                meter
            }
        };
        meter.note_admission(admission);
        meter
    };
    bencher.bench(|| {
        let trace = telemetry.begun(None);
        let meter = meter_of(trace);
        telemetry.answered(black_box(&AnsweredRequest {
            route,
            method: &Method::GET,
            status: StatusCode::OK,
            code: None,
            body_bytes: Some(240),
            began: now,
            spent: Duration::from_micros(70),
            meter: &meter,
            trace,
            incoming: None,
        }));
    });
}

/// What the other figures hold as well: the meter, with its limit.
#[divan::bench]
fn nobody_watches(bencher: Bencher<'_, '_>) {
    watch(bencher, &Telemetry { metrics: None, tracer: None });
}

#[divan::bench]
fn counted(bencher: Bencher<'_, '_>) {
    watch(bencher, &Telemetry { metrics: Some(Arc::default()), tracer: None });
}

#[divan::bench]
fn counted_and_traced_but_not_recorded(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    watch(bencher, &Telemetry { metrics: Some(Arc::default()), tracer: Some(tracer(0.0)) });
}

#[divan::bench]
fn counted_and_recorded(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    watch(bencher, &Telemetry { metrics: Some(Arc::default()), tracer: Some(tracer(1.0)) });
}
