//! What a real server shows of itself: metrics to whom it was told to, traces to a collector, and its log line.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portico_tests::{
    collector::{Collector, attribute},
    exposition::Exposition,
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use support::{PASSWORD, Place, Server, eventually, read};

const TOKEN: &str = "an-obviously-fake-token";
const DASHBOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/grafana/portico.json");
const OBSERVABILITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md");

async fn admin(place: &Place, server: &Server) -> String {
    let create = ["user", "create", "--email", "ada@example.com", "--password-stdin", "--admin"];
    let made = place.run(&create, PASSWORD).await;
    assert_eq!(made.code, Some(0), "{}", made.told);
    read(server.login("ada@example.com").await).await["access_token"].as_str().unwrap().to_owned()
}

fn metrics(server: &Server) -> RequestBuilder {
    server.http.get(format!("{}/metrics", server.address))
}

async fn scrape(server: &Server) -> Exposition {
    let answer = metrics(server).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    Exposition::parse(&answer.text().await.unwrap()).unwrap()
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

/// A bit of everything that is counted.
async fn traffic(place: &Place, server: &Server) {
    let token = admin(place, server).await;
    let url = |path: &str| format!("{}{path}", server.address);
    let made = server.http.post(url("/api/v1/api-keys")).bearer_auth(&token);
    let made = made
        .header("content-type", "application/json")
        .body(json!({ "name": "k", "scopes": ["*"] }).to_string())
        .send()
        .await
        .unwrap();
    let key = read(made).await["key"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        let asked = server.http.get(url("/api/v1/auth/me")).header("x-api-key", &key);
        assert_eq!(status(asked).await, 200);
    }
    for path in ["/api/v1/books", "/health", "/ready", "/api/v1/books/01890a5d-ac96-774b-bcce-b302099a8057"] {
        server.http.get(url(path)).header("user-agent", "Mozilla/5.0").send().await.unwrap();
    }
    for n in 0..50 {
        assert_eq!(status(server.http.get(url(&format!("/made/up/{n}")))).await, 404);
    }
}

#[tokio::test]
async fn metrics_tell_what_happened_and_never_whom_it_happened_to() {
    let place = Place::on_sqlite().unlimited().with("PORTICO_METRICS_TOKEN", TOKEN);
    let place = place.with("PORTICO_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let server = place.start("metrics").await;
    traffic(&place, &server).await;
    let read = scrape(&server).await;

    let requests = "portico_http_request_duration_seconds_count";
    let me = [("method", "GET"), ("route", "/api/v1/auth/me"), ("status", "2xx")];
    assert_eq!(read.sum(requests, &me).to_string(), "3");
    assert_eq!(read.sum(requests, &[("route", "none"), ("status", "4xx")]).to_string(), "50");
    assert_eq!(read.sum(requests, &[("route", "/api/v1/books/{id}")]).to_string(), "1");
    assert_eq!(read.sum("portico_http_problems_total", &[("code", "not_found")]).to_string(), "51");
    // The scrape itself is one of them.
    assert_eq!(read.sum("portico_http_requests_in_flight", &[]).to_string(), "1");
    assert!(read.sum("portico_http_request_statements_sum", &[("route", "/api/v1/auth/login")]) >= 1.0);
    assert!(read.sum("portico_http_response_bytes_total", &[("route", "/api/v1/auth/me")]) > 100.0);
    let hits = [("prefix", "api-key"), ("tier", "memory"), ("outcome", "hit")];
    assert!(read.sum("portico_cache_reads_total", &hits) >= 1.0);
    assert_eq!(read.sum("portico_hashing_jobs_total", &[("outcome", "computed")]).to_string(), "1");
    assert_eq!(read.sum("portico_hashing_duration_seconds_count", &[]).to_string(), "1");
    assert!(read.sum("portico_hashing_slots", &[]) >= 1.0);
    assert!(read.sum("portico_limiter_decisions_total", &[("class", "account")]) >= 1.0);
    assert!(read.sum("portico_connections_open", &[]) >= 1.0);
    assert!(read.sum("portico_database_connections_max", &[("pool", "main")]) >= 1.0);
    assert!(read.sum("process_resident_memory_bytes", &[]) > 1e6);
    assert_eq!(read.sum("portico_build_info", &[("target", "native")]).to_string(), "1");
    for (_, labels) in read.samples.keys() {
        let told = labels.values().any(|value| value.contains("01890a5d") || value.contains("/made/up"));
        assert!(!told, "{labels:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_metric_of_the_dashboard_and_of_the_page_is_one_that_is_there() {
    let place = Place::on_sqlite().unlimited().with("PORTICO_METRICS_TOKEN", TOKEN);
    let place = place.with("PORTICO_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let server = place.start("dashboard").await;
    traffic(&place, &server).await;
    let read = scrape(&server).await;
    server.stop().await;

    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(DASHBOARD).unwrap()).unwrap();
    let mut expressions = Vec::new();
    gather(&dashboard, &mut expressions);
    assert!(expressions.len() > 20, "{}", expressions.len());
    let page = std::fs::read_to_string(OBSERVABILITY).unwrap();
    let alerts = page.split("### Alerts").nth(1).unwrap().split("## The log line").next().unwrap();
    expressions.push(alerts.to_owned());
    for name in expressions.iter().flat_map(|expression| names(expression)) {
        assert!(read.has(name), "{name} is asked for, and not there");
    }

    // What is there is told of, and what is told of is there.
    let table = page.split("## Metrics").nth(1).unwrap().split("### Alerts").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let told: BTreeSet<&str> = rows.flat_map(names).map(|name| name.trim_end_matches("_total")).collect();
    let there: BTreeSet<&str> = read.families.keys().map(String::as_str).collect();
    assert_eq!(told, there);
}

/// Every `expr` and `query` of a dashboard.
fn gather(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "expr" || name == "query" => into.push(text.clone()),
                    _ => gather(member, into),
                }
            }
        }
        Value::Array(members) => members.iter().for_each(|member| gather(member, into)),
        _ => {}
    }
}

/// The metrics that an expression names.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    expression
        .split(move |letter| !is_of_name(letter))
        .filter(|word| word.starts_with("portico_") || word.starts_with("process_"))
}

#[tokio::test]
async fn metrics_are_shown_to_whom_they_are_meant_for() {
    let place = Place::on_sqlite().unlimited();
    let server = place.start("metrics-admin").await;
    let token = admin(&place, &server).await;
    assert_eq!(status(metrics(&server)).await, 401);
    assert_eq!(status(metrics(&server).bearer_auth(TOKEN)).await, 401);
    assert_eq!(status(metrics(&server).bearer_auth(&token)).await, 200);
    let member = json!({ "email": "eve@example.com", "password": PASSWORD });
    let member = server
        .http
        .post(format!("{}/api/v1/auth/register", server.address))
        .header("content-type", "application/json")
        .body(member.to_string());
    let member = read(member.send().await.unwrap()).await["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status(metrics(&server).bearer_auth(member)).await, 403);
    let posted = server.http.post(format!("{}/metrics", server.address));
    assert_eq!(status(posted).await, 405);
    server.stop().await;

    let place = Place::on_sqlite().with("PORTICO_METRICS", "open");
    let server = place.start("metrics-open").await;
    assert_eq!(status(metrics(&server)).await, 200);
    server.stop().await;

    let place = Place::on_sqlite().with("PORTICO_METRICS", "off");
    let server = place.start("metrics-off").await;
    assert_eq!(status(metrics(&server)).await, 404);
    server.stop().await;
}

#[tokio::test]
async fn the_scrapers_token_is_not_printed() {
    let place = Place::on_sqlite().with("PORTICO_METRICS_TOKEN", TOKEN);
    let printed = place.run(&["check-config"], "").await;
    assert_eq!(printed.code, Some(0), "{}", printed.told);
    let out = printed.said;
    assert!(
        out.contains("PORTICO_METRICS=admin") && out.contains("PORTICO_METRICS_TOKEN=[redacted]"),
        "{out}"
    );
    assert!(!out.contains(TOKEN));
    let place = Place::on_sqlite().with("PORTICO_METRICS", "all").with("PORTICO_TRACE_SAMPLE", "2");
    let faulty = place.run(&["check-config"], "").await;
    assert_eq!(faulty.code, Some(2));
    for line in
        ["PORTICO_METRICS must be off, admin or open", "PORTICO_TRACE_SAMPLE must be a number from 0 to 1"]
    {
        assert!(faulty.told.contains(line), "{}", faulty.told);
    }
}

#[tokio::test]
async fn a_collector_gets_the_spans_of_the_traces_that_requests_came_with() {
    let collector = Collector::start().await.unwrap();
    let place = Place::on_sqlite().unlimited().with("PORTICO_OTLP_ENDPOINT", &collector.endpoint());
    let place = place.with("PORTICO_TRACE_SERVICE_NAME", "the front door").with("PORTICO_TRACE_SAMPLE", "0");
    let server = place.start("traces").await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let register = server.http.post(format!("{}/api/v1/auth/register?secret=1", server.address));
    assert_eq!(
        status(
            register
                .header("traceparent", &parent)
                .header("content-type", "application/json")
                .body(body.to_string())
        )
        .await,
        201
    );
    // Not recorded: nobody said so, and no part of them is.
    assert_eq!(status(server.http.get(format!("{}/ready", server.address))).await, 200);
    eventually("the spans have come", || async { !collector.spans().is_empty() }).await;
    let spans = collector.spans();
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    assert!(spans.iter().all(|span| hex(&span.trace_id) == trace), "{spans:?}");
    assert_eq!(collector.services(), ["the front door"]);
    let named: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert!(named.contains("POST /api/v1/auth/register") && named.contains("hash password"), "{named:?}");
    let request = spans.iter().find(|span| span.name.starts_with("POST /api")).unwrap();
    assert_eq!(hex(&request.parent_span_id), "b7ad6b7169203331");
    assert_eq!(attribute(&request.attributes, "http.response.status_code").as_deref(), Some("201"));
    let statements: Vec<_> =
        spans.iter().filter(|span| attribute(&span.attributes, "db.query.summary").is_some()).collect();
    assert!(!statements.is_empty());
    for span in &spans {
        assert!(span.start_time_unix_nano >= request.start_time_unix_nano);
        assert!(span.end_time_unix_nano <= request.end_time_unix_nano + 1_000_000);
        assert!(span == request || span.parent_span_id == request.span_id, "{span:?}");
        assert!(!format!("{span:?}").contains("ada@example.com") && !format!("{span:?}").contains("secret"));
    }
    let log = server.process.log_tail();
    assert!(log.contains(&format!("\"trace_id\":\"{trace}\"")), "{log}");
    assert!(log.contains("\"route\":\"/api/v1/auth/register\"") && log.contains("\"db_ms\":"), "{log}");

    // What waits at the end is sent.
    let before = collector.spans().len();
    let last = server.http.get(format!("{}/health", server.address)).header("traceparent", &parent);
    assert_eq!(status(last).await, 200);
    server.stop().await;
    assert_eq!(collector.spans().len(), before + 1);
}

#[tokio::test]
async fn a_collector_that_is_away_is_told_of_once_and_holds_up_nobody() {
    let collector = Collector::start().await.unwrap();
    collector.refuse_with(503);
    let place = Place::on_sqlite().unlimited().with("PORTICO_OTLP_ENDPOINT", &collector.endpoint());
    let server = place.with("PORTICO_METRICS", "open").start("traces-away").await;
    let failed = || async {
        let text = metrics(&server).send().await.unwrap().text().await.unwrap();
        Exposition::parse(&text).unwrap().sum("portico_trace_spans_total", &[("outcome", "failed")])
    };
    eventually("two batches were refused", || async { failed().await >= 3.0 }).await;
    // All of the log: each look at the metrics adds a line, and would push it out of the last ones.
    let told = || server.process.log().matches("the collector takes no traces").count();
    // The log has a thread of its own, and may come after what it tells of.
    eventually("it is told of", || async { told() > 0 }).await;
    assert_eq!(told(), 1);
    collector.refuse_with(0);
    eventually("it takes them again", || async {
        failed().await;
        !collector.spans().is_empty()
    })
    .await;
    assert_eq!(told(), 1);
    server.stop().await;
}
