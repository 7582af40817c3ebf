use std::sync::Mutex;

use http::HeaderValue;
use portico_domain::{
    meter::{Meter, Work},
    ports::{FetchRequest, FetchResponse, MockFetch, Unavailable},
};
use serde_json::{Value, json};

use super::*;

fn settings(sample: f64) -> TraceSettings {
    TraceSettings {
        url: "http://collector.example/v1/traces".to_owned(),
        sample,
        service: "portico".to_owned(),
        version: "0.0.0",
        scheme: "https",
        database: "sqlite",
    }
}

/// A collector that keeps what it is sent, and answers this.
fn collector(answer: Result<u16, &'static str>) -> (Arc<Mutex<Vec<FetchRequest>>>, Arc<dyn Fetch>) {
    let taken: Arc<Mutex<Vec<FetchRequest>>> = Arc::default();
    let kept = Arc::clone(&taken);
    let mut fetch = MockFetch::new();
    fetch.expect_send().returning(move |request| {
        kept.lock().unwrap().push(request);
        answer
            .map(|status| FetchResponse { status, body: Vec::new() })
            .map_err(|fault| Unavailable::new("another service", fault))
    });
    (taken, Arc::new(fetch))
}

fn answered(tracer: &Tracer, meter: &Meter, trace: Trace, incoming: Option<&TraceContext>) {
    tracer.finish(&AnsweredRequest {
        route: Route::all().find(|route| route.template() == "/api/v1/books/{id}"),
        method: &Method::GET,
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: Some(Code::Unavailable),
        body_bytes: None,
        began: Timestamp::from_micros(1_790_000_000_000_001),
        spent: Duration::from_micros(1_500),
        meter,
        trace: Some(trace),
        incoming,
    });
}

fn attributes(span: &Value) -> Vec<String> {
    let list = span["attributes"].as_array().unwrap();
    list.iter().map(|pair| format!("{}={}", pair["key"].as_str().unwrap(), pair["value"])).collect()
}

#[tokio::test]
async fn a_request_and_what_it_waited_for_become_spans_of_the_trace_it_came_with() {
    let (taken, fetch) = collector(Ok(200));
    let tracer = Tracer::start(settings(0.0), fetch, [7; 32]);
    let came = Trace { trace_id: 0xabc, span_id: 0xdef, sampled: true };
    let incoming = TraceContext { trace: came, state: Some(HeaderValue::from_static("vendor=1")) };
    let trace = tracer.begin(Some(&incoming));
    assert_eq!((trace.trace_id, trace.sampled), (0xabc, true));
    let meter = Meter::traced(trace);
    let began = Timestamp::from_micros(1_790_000_000_000_100);
    meter.note_statement(Sent { statement: "book_by_id", rows: 1, began, time: Duration::from_micros(200) });
    let what = Work::Fetch { method: "POST", host: "api.example".to_owned(), status: None };
    meter.note_asked(Asked { span_id: 0x77, what, began, time: Duration::ZERO, failed: true });
    answered(&tracer, &meter, trace, Some(&incoming));
    tracer.flush(Duration::from_secs(10)).await;
    assert_eq!(tracer.figures(), SpanFigures { exported: 3, dropped: 0, failed: 0 });

    let taken = taken.lock().unwrap();
    assert_eq!(taken.len(), 1);
    let sent: Value = serde_json::from_slice(&taken[0].body).unwrap();
    let spans = sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    let server = &spans[0];
    assert_eq!(server["traceId"], format!("{:032x}", 0xabc));
    assert_eq!(server["spanId"], format!("{:016x}", trace.span_id));
    assert_eq!(server["parentSpanId"], format!("{:016x}", 0xdef));
    assert_eq!((&server["traceState"], &server["kind"]), (&json!("vendor=1"), &json!(2)));
    assert_eq!(server["name"], "GET /api/v1/books/{id}");
    assert_eq!(server["startTimeUnixNano"], "1790000000000001000");
    assert_eq!(server["endTimeUnixNano"], "1790000000001501000");
    assert_eq!(server["status"], json!({ "code": 2 }));
    assert_eq!(
        attributes(server),
        [
            r#"http.request.method={"stringValue":"GET"}"#,
            r#"url.scheme={"stringValue":"https"}"#,
            r#"http.response.status_code={"intValue":"503"}"#,
            r#"http.route={"stringValue":"/api/v1/books/{id}"}"#,
            r#"error.type={"stringValue":"unavailable"}"#,
        ]
    );
    for (span, name) in [(&spans[1], "book_by_id"), (&spans[2], "POST")] {
        assert_eq!((&span["name"], &span["kind"]), (&json!(name), &json!(3)));
        assert_eq!(span["parentSpanId"], server["spanId"]);
        assert_eq!(span["traceId"], server["traceId"]);
    }
    assert_eq!(spans[2]["spanId"], format!("{:016x}", 0x77));
    assert_ne!(spans[1]["spanId"], spans[2]["spanId"]);
}

#[tokio::test]
async fn whoever_began_a_trace_decides_and_otherwise_the_part_that_was_set() {
    let (_taken, fetch) = collector(Ok(200));
    for (sample, expected) in [(0.0, 0..1), (1.0, 1_000..1_001), (0.25, 150..350)] {
        let tracer = Tracer::start(settings(sample), Arc::clone(&fetch), [3; 32]);
        let begun: Vec<Trace> = (0..1_000).map(|_| tracer.begin(None)).collect();
        let sampled = begun.iter().filter(|trace| trace.sampled).count();
        assert!(expected.contains(&sampled), "{sample}: {sampled}");
        let mut ids: Vec<u128> = begun.iter().map(|trace| trace.trace_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1_000);
        for sampled in [false, true] {
            let incoming = TraceContext { trace: Trace { trace_id: 1, span_id: 2, sampled }, state: None };
            assert_eq!(tracer.begin(Some(&incoming)).sampled, sampled);
        }
    }
}

#[tokio::test]
async fn a_trace_that_is_not_recorded_costs_no_span() {
    let (taken, fetch) = collector(Ok(200));
    let tracer = Tracer::start(settings(0.0), fetch, [7; 32]);
    let trace = tracer.begin(None);
    answered(&tracer, &Meter::default(), trace, None);
    tracer.flush(Duration::from_secs(10)).await;
    assert!(taken.lock().unwrap().is_empty());
    assert_eq!(tracer.figures(), SpanFigures::default());
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_and_no_waiting() {
    for answer in [Err("refused"), Ok(503)] {
        let (_taken, fetch) = collector(answer);
        let tracer = Tracer::start(settings(1.0), fetch, [7; 32]);
        let more = 500;
        // Nothing is sent before this task waits for something.
        for _ in 0..MOST_WAITING + more {
            let trace = tracer.begin(None);
            answered(&tracer, &Meter::traced(trace), trace, None);
        }
        tracer.flush(Duration::from_secs(10)).await;
        let figures = tracer.figures();
        assert_eq!(figures, SpanFigures { exported: 0, dropped: more as u64, failed: MOST_WAITING as u64 });
    }
}

#[tokio::test]
async fn a_full_batch_is_sent_without_waiting_for_its_time() {
    let (taken, fetch) = collector(Ok(200));
    let tracer = Tracer::start(settings(1.0), fetch, [7; 32]);
    // Far more than fits into the queue, in pieces of which none is a whole batch. Nothing here waits for a timer, so that only what doesn't wait for one is sent.
    let (pieces, piece) = (64, 128);
    for _ in 0..pieces {
        for _ in 0..piece {
            let trace = tracer.begin(None);
            answered(&tracer, &Meter::traced(trace), trace, None);
        }
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }
    let sent = pieces * piece;
    assert_eq!(tracer.figures(), SpanFigures { exported: sent, dropped: 0, failed: 0 });
    assert_eq!(taken.lock().unwrap().len(), 16);
}

#[tokio::test]
async fn what_a_tracer_leaves_behind_is_sent_and_the_exporter_ends() {
    let (taken, fetch) = collector(Ok(200));
    let tracer = Tracer::start(settings(1.0), fetch, [7; 32]);
    let trace = tracer.begin(None);
    answered(&tracer, &Meter::traced(trace), trace, None);
    let exporter = tracer.exporter.lock().unwrap().take().unwrap();
    drop(tracer);
    timeout(Duration::from_secs(10), exporter).await.unwrap().unwrap();
    assert_eq!(taken.lock().unwrap().len(), 1);
}

#[test]
fn a_waiting_span_keeps_no_part_of_the_head_that_its_request_came_with() {
    let state = HeaderValue::from_static("vendor=1");
    let kept = copied(&state).unwrap();
    assert_eq!(kept, state);
    assert_ne!(kept.as_bytes().as_ptr(), state.as_bytes().as_ptr());
    assert_eq!(state.clone().as_bytes().as_ptr(), state.as_bytes().as_ptr(), "else nothing is shown here");
}
