//! Who is told of requests, and whom the metrics are shown to.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Method, Request};
use insta::assert_snapshot;
use portico_domain::{meter::Trace, models::Secret};
use portico_http_api::{AnsweredRequest, MetricsAccess, MetricsPage, Observer, TraceContext, Watch};

use crate::{
    cache_admin::admin,
    support::{Mocks, answer, ask},
};

/// Notes what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
}

impl Observer for Notes {
    fn begun(&self, incoming: Option<&TraceContext>) -> Option<Trace> {
        self.note(format!("begun in {:?}", incoming.map(|incoming| incoming.trace.trace_id)));
        incoming.map(|incoming| incoming.trace)
    }

    fn answered(&self, request: &AnsweredRequest<'_>) {
        let AnsweredRequest { route, method, status, code, body_bytes, trace, .. } = request;
        let (route, code) =
            (route.map(portico_http_api::Route::template), code.map(portico_http_api::Code::as_str));
        let traced = trace.map(|trace| trace.trace_id);
        self.note(format!("{method} {route:?} {status} {code:?} {} in {traced:?}", body_bytes.is_some()));
    }

    fn abandoned(&self) {
        self.note("abandoned".to_owned());
    }
}

fn watch(notes: &Arc<Notes>) -> Watch {
    Watch { observer: Some(Arc::clone(notes) as Arc<dyn Observer>), ..Watch::default() }
}

#[tokio::test]
async fn an_observer_is_told_of_each_request_by_its_routes_name() {
    let notes = Arc::new(Notes::default());
    let router = Mocks::new().watched(watch(&notes));
    let request = |method: Method, path: &str| Request::builder().method(method).uri(path);
    let empty = |request: http::request::Builder| request.body(Body::empty()).unwrap();
    ask(router.clone(), empty(request(Method::GET, "/health"))).await;
    ask(router.clone(), empty(request(Method::GET, "/api/v1/orders/1?secret=x"))).await;
    ask(router.clone(), empty(request(Method::DELETE, "/api/v1/auth/login"))).await;
    let parent = "00-000000000000000000000000000000ff-00000000000000aa-01";
    ask(router, empty(request(Method::GET, "/made/up").header("traceparent", parent))).await;
    let told = notes.0.lock().unwrap().join("\n");
    assert_snapshot!(told, @r#"
    begun in None
    GET Some("/health") 200 OK None true in None
    begun in None
    GET Some("/api/v1/orders/{id}") 401 Unauthorized Some("unauthenticated") true in None
    begun in None
    DELETE Some("/api/v1/auth/login") 405 Method Not Allowed Some("method_not_allowed") true in None
    begun in Some(255)
    GET None 404 Not Found Some("not_found") true in Some(255)
    "#);
}

#[tokio::test]
async fn an_observer_is_told_of_requests_that_are_given_up() {
    let notes = Arc::new(Notes::default());
    let router = Mocks::new().watched(watch(&notes));
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/api/v1/auth/login").header("content-type", "application/json");
    let asked =
        tokio::time::timeout(std::time::Duration::from_millis(20), ask(router, request.body(never).unwrap()));
    assert!(asked.await.is_err(), "its body never ends");
    assert_eq!(*notes.0.lock().unwrap(), ["begun in None", "abandoned"]);
}

fn page(access: MetricsAccess) -> Watch {
    let exposition = Arc::new(|| Box::pin(async { "# EOF\n".to_owned() }) as _);
    Watch { metrics: Some(MetricsPage { exposition, access }), ..Watch::default() }
}

fn get(bearer: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/metrics");
    if let Some(token) = bearer {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn the_metrics_are_text_that_nobody_keeps() {
    assert_snapshot!(answer(Mocks::new().watched(page(MetricsAccess::Open)), get(None)).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 6
    content-type: application/openmetrics-text; version=1.0.0; charset=utf-8
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    # EOF
    "#);
}

#[tokio::test]
async fn the_metrics_are_shown_to_admins_and_to_the_scraper_by_its_token() {
    let token = "an-obviously-fake-token";
    for (with, bearer, expected) in [
        (None, None, 401),
        (None, Some("fake-access-token"), 403),
        (None, Some(token), 401),
        (Some(token), None, 401),
        (Some(token), Some(token), 200),
        (Some(token), Some("an-obviously-fake-tokem"), 401),
        (Some(token), Some("fake-access-token"), 403),
    ] {
        let access = MetricsAccess::Admin(with.map(Secret::new));
        let answered = ask(Mocks::new().watched(page(access)), get(bearer)).await;
        assert_eq!(answered.status(), expected, "{with:?} {bearer:?}");
    }
    let router = Mocks::new().watched(page(MetricsAccess::Admin(None)));
    assert_eq!(ask(router, admin(Method::GET, "/metrics")).await.status(), 200);
}

#[tokio::test]
async fn where_nobody_may_see_metrics_there_is_no_such_path() {
    let router = Mocks::new().router();
    assert_eq!(ask(router.clone(), get(None)).await.status(), 404);
    let post = Request::post("/metrics").body(Body::empty()).unwrap();
    assert_eq!(ask(router, post).await.status(), 404);
}
