//! What holds for every route.

use crate::{
    api_keys::key,
    support::{Mocks, answer, ask, get_signed_in},
};
use axum::body::Body;
use http::{Method, Request};
use insta::assert_snapshot;
use portico_domain::ports::Unavailable;

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn health_needs_nothing() {
    assert_snapshot!(answer(Mocks::new().router(), get("/health")).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 15
    content-type: application/json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "status": "ok"
    }
    "#);
}

#[tokio::test]
async fn readiness_is_storages() {
    let mut mocks = Mocks::new();
    mocks.storage.expect_ping().returning(|| Err(Unavailable::new("storage", "away")));
    assert_snapshot!(answer(mocks.router(), get("/ready")).await, @r#"
    503 Service Unavailable
    cache-control: no-store
    content-length: 212
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "unavailable",
      "detail": "The storage can't be reached just now.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 503,
      "title": "Temporarily unavailable",
      "type": "urn:portico:problem:unavailable"
    }
    "#);
}

#[tokio::test]
async fn a_degraded_service_says_so_and_is_kept_for_five_seconds() {
    let mut mocks = Mocks::new();
    mocks.storage.expect_ping().times(1).returning(|| Err(Unavailable::new("storage", "away")));
    let router = mocks.router();
    assert_snapshot!(answer(router.clone(), get("/api/v2/health")).await, @r#"
    200 OK
    cache-control: public, max-age=5
    content-length: 97
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "6897cf5a9c7133225117589ffe2574cc"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "checks": {
        "storage": "unavailable"
      },
      "status": "degraded",
      "target": "native",
      "version": "0.0.0-test"
    }
    "#);
    let again = ask(router, get("/api/v2/health")).await;
    assert!(again.headers()["server-timing"].to_str().unwrap().ends_with("cache;desc=\"hit\""));
}

#[tokio::test]
async fn info_tells_limits_and_flows() {
    assert_snapshot!(answer(Mocks::new().router(), get("/api/v2/info")).await, @r#"
    200 OK
    cache-control: public, max-age=30
    content-length: 696
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "23879a147f130eee0c2bb0822d6d033c"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "flows": {
        "api_key_cache": true,
        "bot_cache": true,
        "cache_warming": true,
        "compression": true,
        "deferred_writes": true,
        "lazy_passwords": true,
        "model_cache": true,
        "parallel_login": true,
        "prewarm": true,
        "response_cache": true,
        "secret_cache": true
      },
      "limits": {
        "body_bytes": 10485760,
        "rates": {
          "account": {
            "limit": 600,
            "window_seconds": 60
          },
          "address": null,
          "bot": {
            "limit": 30,
            "window_seconds": 60
          },
          "key": null,
          "login": {
            "limit": 10,
            "window_seconds": 60
          },
          "oauth": {
            "limit": 30,
            "window_seconds": 60
          },
          "password": {
            "limit": 10,
            "window_seconds": 60
          },
          "refresh": {
            "limit": 120,
            "window_seconds": 60
          },
          "register": {
            "limit": 10,
            "window_seconds": 60
          }
        },
        "request_seconds": 30
      },
      "name": "portico",
      "target": "native",
      "uptime_seconds": 0,
      "version": "0.0.0-test"
    }
    "#);
}

#[tokio::test]
async fn a_shared_secret_has_no_public_keys() {
    assert_snapshot!(answer(Mocks::new().router(), get("/.well-known/jwks.json")).await, @r#"
    200 OK
    cache-control: public, max-age=300
    content-length: 11
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "9638d11914735d0072002dd4d67c734a"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "keys": []
    }
    "#);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    assert_snapshot!(answer(Mocks::new().router(), get("/nowhere")).await, @r#"
    404 Not Found
    cache-control: no-store
    content-length: 186
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "not_found",
      "detail": "There is nothing at this path.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 404,
      "title": "Not found",
      "type": "urn:portico:problem:not_found"
    }
    "#);
    assert_snapshot!(answer(Mocks::new().router(), get("/api/v1/auth/login")).await, @r#"
    405 Method Not Allowed
    allow: POST,OPTIONS
    cache-control: no-store
    content-length: 220
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "method_not_allowed",
      "detail": "Allow lists the methods of this path.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 405,
      "title": "Method not allowed",
      "type": "urn:portico:problem:method_not_allowed"
    }
    "#);
    let options =
        Request::builder().method(Method::OPTIONS).uri("/api/v1/auth/me").body(Body::empty()).unwrap();
    assert_snapshot!(answer(Mocks::new().router(), options).await, @r#"
    204 No Content
    allow: GET,HEAD,OPTIONS
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707
    "#);
}

#[tokio::test]
async fn head_is_served_wherever_get_is() {
    let head = Request::head("/health").body(Body::empty()).unwrap();
    let head = answer(Mocks::new().router(), head).await;
    let get = answer(Mocks::new().router(), get("/health")).await;
    assert_eq!(head, get.split("\n\n").next().unwrap());
}

#[tokio::test]
async fn a_usable_request_id_is_echoed_and_any_other_replaced() {
    let with_id = |id: &str| {
        let request = Request::get("/health").header("x-request-id", id);
        ask(Mocks::new().router(), request.body(Body::empty()).unwrap())
    };
    let long = "x".repeat(128);
    for id in ["abc-123", long.as_str()] {
        assert_eq!(with_id(id).await.headers()["x-request-id"], id);
    }
    let too_long = "x".repeat(129);
    for id in ["", "two words", too_long.as_str()] {
        let made = with_id(id).await.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(made.len(), 36, "{made}");
    }
}

#[tokio::test]
async fn a_long_list_is_compressed_unless_the_switch_is_off() {
    let list = |switch: &'static str| {
        let mut mocks = Mocks::new();
        mocks.variables.push(("PORTICO_FLOW_COMPRESSION", switch));
        mocks.api_keys.expect_list().returning(|_, _| Ok(vec![key(); 20]));
        let mut request = get_signed_in("/api/v1/api-keys?limit=100");
        request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        ask(mocks.router(), request)
    };
    let (packed, plain) = (list("on").await, list("off").await);
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "accept-encoding");
    assert!(!plain.headers().contains_key("content-encoding") && !plain.headers().contains_key("vary"));
    let length = |answer: &http::Response<Body>| -> usize {
        answer.headers()["content-length"].to_str().unwrap().parse().unwrap()
    };
    assert!(length(&packed) * 4 < length(&plain), "{} of {}", length(&packed), length(&plain));
    assert_ne!(packed.headers()["etag"], plain.headers()["etag"]);
}

#[tokio::test]
async fn a_path_that_is_no_text_names_nothing() {
    for path in ["/api/v1/books/%ff", "/api/v1/models/%C3%28", "/docs/%fe"] {
        let answer = ask(Mocks::new().router(), get(path)).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn options_of_no_path_is_about_the_server() {
    let options = Request::builder().method(Method::OPTIONS).uri("*").body(Body::empty()).unwrap();
    let answer = ask(Mocks::new().router(), options).await;
    assert_eq!(
        (answer.status(), answer.headers()["allow"].to_str().unwrap()),
        (http::StatusCode::NO_CONTENT, "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS")
    );
}

#[tokio::test]
async fn every_method_that_a_path_lacks_is_told_what_it_has() {
    for method in ["PUT", "TRACE", "BREW", "get", "PROPFIND"] {
        let request = Request::builder().method(method).uri("/api/v1/auth/me").body(Body::empty()).unwrap();
        let answer = ask(Mocks::new().router(), request).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()),
            (405, "GET,HEAD,OPTIONS"),
            "{method}"
        );
    }
}
