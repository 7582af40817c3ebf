//! What pages of other origins are told.

use axum::body::Body;
use http::{Method, Request, Response};
use insta::assert_snapshot;
use portico_domain::ports::Unavailable;

use crate::{
    books::{book, get},
    support::{Mocks, answer, ask, post},
};

const LISTED: (&str, &str) = ("PORTICO_CORS_ORIGINS", "https://app.example.com,http://localhost:5173");

fn mocks(variables: &[(&'static str, &'static str)]) -> Mocks {
    let mut mocks = Mocks::new();
    mocks.variables.extend(variables);
    mocks
}

fn from(origin: &'static str, mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().insert("origin", origin.parse().unwrap());
    request
}

fn preflight(origin: &'static str, path: &str) -> Request<Body> {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(path)
        .header("access-control-request-method", "DELETE")
        .header("access-control-request-headers", "authorization");
    from(origin, request.body(Body::empty()).unwrap())
}

fn told<'a>(response: &'a Response<Body>, name: &str) -> Vec<&'a str> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn by_default_no_other_origin_is_told_anything() {
    for request in
        [from("https://app.example.com", get("/health")), preflight("https://app.example.com", "/health")]
    {
        let answer = ask(Mocks::new().router(), request).await;
        let told: Vec<_> =
            answer.headers().keys().filter(|name| name.as_str().starts_with("access-")).collect();
        assert!(told.is_empty() && !answer.headers().contains_key("vary"), "{:?}", answer.headers());
    }
}

#[tokio::test]
async fn a_preflight_is_told_what_its_path_allows() {
    let mocks = mocks(&[LISTED, ("PORTICO_CORS_CREDENTIALS", "on"), ("PORTICO_CORS_MAX_AGE", "10m")]);
    let path = format!("/api/v1/books/{}", book().book.id);
    assert_snapshot!(answer(mocks.router(), preflight("https://app.example.com", &path)).await, @r#"
    204 No Content
    access-control-allow-credentials: true
    access-control-allow-headers: accept, authorization, content-type, idempotency-key, if-none-match, traceparent, tracestate, x-api-key, x-request-id
    access-control-allow-methods: GET,HEAD,PATCH,DELETE,OPTIONS
    access-control-allow-origin: https://app.example.com
    access-control-max-age: 600
    allow: GET,HEAD,PATCH,DELETE,OPTIONS
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    vary: origin
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707
    "#);
}

#[tokio::test]
async fn a_preflight_of_nothing_is_404_and_one_of_a_stranger_grants_nothing() {
    let nothing = ask(mocks(&[LISTED]).router(), preflight("https://app.example.com", "/api/v9")).await;
    assert_eq!(nothing.status(), 404);
    assert_eq!(told(&nothing, "access-control-allow-origin"), ["https://app.example.com"]);
    assert!(told(&nothing, "access-control-allow-methods").is_empty());
    for stranger in
        ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"]
    {
        let refused = ask(mocks(&[LISTED]).router(), preflight(stranger, "/api/v1/auth/me")).await;
        assert_eq!(refused.status(), 204);
        assert!(refused.headers().keys().all(|name| !name.as_str().starts_with("access-")), "{stranger}");
        assert_eq!(told(&refused, "vary"), ["origin"]);
    }
}

#[tokio::test]
async fn a_preflight_is_answered_before_programs_are_sorted_and_requests_counted() {
    let mut mocks = mocks(&[
        LISTED,
        ("PORTICO_BOT_READ", "person=deny,tool=deny"),
        ("PORTICO_BOT_WRITE", "tool=deny"),
        ("PORTICO_LIMIT_ADDRESS", "1/1m"),
    ]);
    mocks.limiter.checkpoint();
    mocks.limiter.expect_admit().never();
    let router = mocks.router();
    for _ in 0..3 {
        let answer = ask(router.clone(), preflight("http://localhost:5173", "/api/v1/orders")).await;
        assert_eq!(answer.status(), 204);
        assert_eq!(told(&answer, "access-control-allow-methods"), ["GET,HEAD,POST,OPTIONS"]);
    }
    // What only looks like one is none.
    let plain = Request::builder().method(Method::OPTIONS).uri("/api/v1/orders").body(Body::empty()).unwrap();
    assert_eq!(ask(router, from("http://localhost:5173", plain)).await.status(), 403);
}

#[tokio::test]
async fn an_answer_says_who_may_read_it_whatever_became_of_the_request() {
    let mut mocks = mocks(&[LISTED]);
    mocks.books.expect_list().returning(|_| Err(Unavailable::new("storage", "away")));
    mocks.books.expect_by_id().returning(|_| Ok(Some(book())));
    let router = mocks.router();
    let path = format!("/api/v1/books/{}", book().book.id);
    let tag = ask(router.clone(), get(&path)).await.headers()["etag"].clone();
    let mut known = get(&path);
    known.headers_mut().insert("if-none-match", tag);
    for (request, status) in [
        (get(&path), 200),
        (known, 304),
        (get("/api/v1/books"), 503),
        (get("/api/v1/books?limit=0"), 422),
        (get("/api/v1/auth/me"), 401),
        (get("/nowhere"), 404),
        (post("/health", ""), 405),
    ] {
        let told_of = format!("{} {}", request.method(), request.uri());
        let answer = ask(router.clone(), from("http://localhost:5173", request)).await;
        assert_eq!(answer.status(), status, "{told_of}");
        assert_eq!(told(&answer, "access-control-allow-origin"), ["http://localhost:5173"], "{told_of}");
        assert!(told(&answer, "vary").contains(&"origin"), "{told_of}");
        let shown = told(&answer, "access-control-expose-headers").join("");
        assert!(shown.contains("etag") && shown.contains("retry-after"), "{told_of}: {shown}");
        assert!(told(&answer, "access-control-allow-credentials").is_empty());
    }
    let own = ask(router, get(&path)).await;
    assert!(told(&own, "access-control-allow-origin").is_empty() && told(&own, "vary") == ["origin"]);
}

#[tokio::test]
async fn everybody_is_told_alike_so_nothing_varies_by_origin() {
    let router = mocks(&[("PORTICO_CORS_ORIGINS", "*")]).router();
    for request in [get("/health"), from("null", get("/health")), from("https://a.example", get("/nowhere"))]
    {
        let answer = ask(router.clone(), request).await;
        assert_eq!(told(&answer, "access-control-allow-origin"), ["*"]);
        assert!(told(&answer, "vary").is_empty());
    }
}

#[tokio::test]
async fn an_answer_that_varies_by_encoding_and_origin_says_both() {
    let mut mocks = mocks(&[LISTED, ("PORTICO_COMPRESSION_FROM", "64")]);
    mocks.books.expect_by_id().returning(|_| Ok(Some(book())));
    let router = mocks.router();
    let path = format!("/api/v1/books/{}", book().book.id);
    let asked = |tag: Option<&str>| {
        let mut request = from("http://localhost:5173", get(&path));
        request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        if let Some(tag) = tag {
            request.headers_mut().insert("if-none-match", tag.parse().unwrap());
        }
        ask(router.clone(), request)
    };
    let packed = asked(None).await;
    assert_eq!(told(&packed, "content-encoding"), ["gzip"]);
    assert_eq!(told(&packed, "vary"), ["accept-encoding", "origin"]);
    let known = asked(Some(told(&packed, "etag")[0])).await;
    assert_eq!(known.status(), 304);
    assert_eq!(told(&known, "vary"), ["accept-encoding", "origin"]);
}

#[tokio::test]
async fn token_cookies_count_for_this_origin_alone_whoever_may_read() {
    let read = |headers: &[(&'static str, &'static str)]| {
        let mut mocks = mocks(&[LISTED, ("PORTICO_CORS_CREDENTIALS", "on")]);
        mocks.accounts.expect_by_id().returning(|_| Ok(Some(crate::support::user())));
        let mut request = get("/api/v1/auth/me");
        request.headers_mut().insert("cookie", "portico_access=fake-access-token".parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        ask(mocks.router(), request)
    };
    assert_eq!(read(&[]).await.status(), 200);
    assert_eq!(read(&[("sec-fetch-site", "none")]).await.status(), 200);
    assert_eq!(
        read(&[("sec-fetch-site", "same-origin"), ("origin", "http://other.example")]).await.status(),
        200
    );
    assert_eq!(read(&[("origin", "http://127.0.0.1:8080")]).await.status(), 200);
    for site in ["same-site", "cross-site"] {
        let headers = [("sec-fetch-site", site), ("origin", "https://app.example.com")];
        assert_eq!(read(&headers).await.status(), 401, "{site}");
    }
    assert_eq!(read(&[("origin", "https://app.example.com")]).await.status(), 401);
}
