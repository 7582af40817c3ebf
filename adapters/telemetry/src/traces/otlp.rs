//! Spans as OTLP writes them in JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): ids in hex, 64-bit numbers as text.

use portico_domain::{
    meter::{Asked, Sent, Work},
    models::Timestamp,
};
use serde::Serialize;

use super::{Finished, GOLDEN, TraceSettings};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    trace_id: String,
    #[serde(rename = "spanId")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_state: Option<&'a str>,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'static str,
    value: Value<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Value<'a> {
    StringValue(&'a str),
    IntValue(String),
}

const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const ERROR: Status = Status { code: 2 };

/// The whole of a request to a collector.
pub(super) fn encode(settings: &TraceSettings, batch: &[Finished]) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            text("service.name", &settings.service),
            text("service.version", settings.version),
            text("telemetry.sdk.language", "rust"),
        ],
    };
    let spans = batch.iter().flat_map(|finished| spans(settings, finished)).collect();
    let scope_spans = [ScopeSpans { scope: Scope { name: "portico" }, spans }];
    // Texts and numbers can all be written.
    serde_json::to_vec(&Export { resource_spans: [ResourceSpans { resource, scope_spans }] })
        .unwrap_or_default()
}

fn spans<'a>(settings: &'a TraceSettings, finished: &'a Finished) -> Vec<Span<'a>> {
    let mut spans = Vec::with_capacity(1 + finished.sent.len() + finished.asked.len());
    spans.push(server(settings, finished));
    let mut name = finished.first_child;
    let mut next = || {
        name = name.wrapping_add(GOLDEN).max(1);
        name
    };
    spans.extend(finished.sent.iter().map(|sent| statement(settings, finished, sent, next())));
    spans.extend(finished.asked.iter().map(|asked| {
        let span_id = if asked.span_id == 0 { next() } else { asked.span_id };
        work(finished, asked, span_id)
    }));
    spans
}

/// The request itself, by the semantic conventions for HTTP servers.
fn server<'a>(settings: &'a TraceSettings, finished: &'a Finished) -> Span<'a> {
    let method = finished.method.as_str();
    let mut attributes = vec![
        text("http.request.method", method),
        text("url.scheme", settings.scheme),
        number("http.response.status_code", finished.status.as_u16().into()),
    ];
    let name = match finished.route {
        None => method.to_owned(),
        Some(route) => {
            attributes.push(text("http.route", route.template()));
            format!("{method} {}", route.template())
        }
    };
    if let Some(code) = finished.code {
        attributes.push(text("error.type", code.as_str()));
    }
    Span {
        parent_span_id: finished.parent.map(|parent| format!("{parent:016x}")),
        trace_state: finished.state.as_ref().and_then(|state| state.to_str().ok()),
        // What a client did wrong is no error of the server's.
        status: finished.status.is_server_error().then_some(ERROR),
        attributes,
        ..span(finished, finished.trace.span_id, name, SERVER, finished.began, finished.spent.as_nanos())
    }
}

fn statement<'a>(settings: &'a TraceSettings, finished: &Finished, sent: &Sent, span_id: u64) -> Span<'a> {
    let attributes = vec![
        text("db.system.name", settings.database),
        text("db.query.summary", sent.statement),
        number("db.response.returned_rows", sent.rows as u64),
    ];
    let name = sent.statement.to_owned();
    let span = span(finished, span_id, name, CLIENT, sent.began, sent.time.as_nanos());
    Span { attributes, ..below(finished, span) }
}

fn work<'a>(finished: &Finished, asked: &'a Asked, span_id: u64) -> Span<'a> {
    let (name, kind, attributes) = match &asked.what {
        Work::Hashing => ("hash password".to_owned(), INTERNAL, Vec::new()),
        Work::Fetch { method, host, status } => {
            let mut attributes = vec![text("http.request.method", method), text("server.address", host)];
            attributes.extend(status.map(|status| number("http.response.status_code", status.into())));
            ((*method).to_owned(), CLIENT, attributes)
        }
    };
    let span = span(finished, span_id, name, kind, asked.began, asked.time.as_nanos());
    Span { attributes, status: asked.failed.then_some(ERROR), ..below(finished, span) }
}

fn below<'a>(finished: &Finished, span: Span<'a>) -> Span<'a> {
    Span { parent_span_id: Some(format!("{:016x}", finished.trace.span_id)), ..span }
}

fn span<'a>(
    finished: &Finished,
    span_id: u64,
    name: String,
    kind: u8,
    began: Timestamp,
    nanos: u128,
) -> Span<'a> {
    let start = u128::try_from(began.micros()).unwrap_or(0) * 1_000;
    Span {
        trace_id: format!("{:032x}", finished.trace.trace_id),
        id: format!("{span_id:016x}"),
        parent_span_id: None,
        trace_state: None,
        name,
        kind,
        start_time_unix_nano: start.to_string(),
        end_time_unix_nano: (start + nanos).to_string(),
        attributes: Vec::new(),
        status: None,
    }
}

fn text<'a>(key: &'static str, value: &'a str) -> Attribute<'a> {
    Attribute { key, value: Value::StringValue(value) }
}

fn number<'a>(key: &'static str, value: u64) -> Attribute<'a> {
    Attribute { key, value: Value::IntValue(value.to_string()) }
}
