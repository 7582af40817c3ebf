//! What holds for every route.

use crate::support::{Mocks, answer, ask, get_signed_in, post};
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
    content-length: 490
    content-type: application/json
    etag: "a0789f0b00c28ceda98a6cf75eb0aaab"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "flows": {
        "deferred_writes": true,
        "lazy_passwords": true,
        "parallel_login": true,
        "prewarm": true,
        "response_cache": true,
        "secret_cache": true
      },
      "limits": {
        "body_bytes": 10485760,
        "rates": {
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
    allow: ,OPTIONS
    cache-control: no-store
    content-length: 220
    content-type: application/problem+json
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
    allow: ,OPTIONS
    content-length: 0
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
async fn what_is_not_json_is_told_by_place_not_by_content() {
    let malformed = answer(Mocks::new().router(), post("/api/v1/auth/login", "{\"password\":\"secret")).await;
    assert_snapshot!(malformed, @r#"
    400 Bad Request
    cache-control: no-store
    content-length: 230
    content-type: application/problem+json
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "malformed_json",
      "detail": "The body stops being JSON at line 1, column 19.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 400,
      "title": "The body is not valid JSON",
      "type": "urn:portico:problem:malformed_json"
    }
    "#);
    let empty = ask(Mocks::new().router(), post("/api/v1/auth/login", "")).await;
    assert_eq!(empty.status(), 400);
    let bytes = ask(Mocks::new().router(), post("/api/v1/auth/login", vec![0xff, 0xfe])).await;
    assert_eq!(bytes.status(), 400);
    let list = answer(Mocks::new().router(), post("/api/v1/auth/login", "[]")).await;
    assert_snapshot!(list, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 276
    content-type: application/problem+json
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "The body must be a JSON object.",
      "errors": [
        {
          "field": "",
          "message": "must be a JSON object"
        }
      ],
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 422,
      "title": "The request is not valid",
      "type": "urn:portico:problem:validation_failed"
    }
    "#);
    let form =
        Request::post("/api/v1/auth/login").header("content-type", "application/x-www-form-urlencoded");
    let form = answer(Mocks::new().router(), form.body(Body::from("email=a")).unwrap()).await;
    assert_snapshot!(form, @r#"
    415 Unsupported Media Type
    cache-control: no-store
    content-length: 253
    content-type: application/problem+json
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "unsupported_media_type",
      "detail": "Send the body as Content-Type: application/json.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 415,
      "title": "The body's type is not supported",
      "type": "urn:portico:problem:unsupported_media_type"
    }
    "#);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_declared_or_not() {
    let router = || {
        let mut mocks = Mocks::new();
        mocks.variables.push(("PORTICO_BODY_LIMIT", "1KiB"));
        mocks.router()
    };
    let mut declared = post("/api/v1/auth/login", "x".repeat(1_025));
    declared.headers_mut().insert("content-length", 1_025.into());
    assert_snapshot!(answer(router(), declared).await, @r#"
    413 Payload Too Large
    cache-control: no-store
    content-length: 215
    content-type: application/problem+json
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "body_too_large",
      "detail": "The body may have 1024 bytes at most.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 413,
      "title": "The body is too large",
      "type": "urn:portico:problem:body_too_large"
    }
    "#);
    let chunks = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 100])));
    let undeclared = post("/api/v1/auth/login", Body::from_stream(chunks));
    assert_eq!(ask(router(), undeclared).await.status(), 413);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let mut mocks = Mocks::new();
    mocks.time_passes = true;
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let slow = post("/api/v1/auth/login", Body::from_stream(never));
    assert_snapshot!(answer(mocks.router(), slow).await, @r#"
    504 Gateway Timeout
    cache-control: no-store
    content-length: 193
    content-type: application/problem+json
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "timeout",
      "detail": "It took longer than 30 s.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 504,
      "title": "The request took too long",
      "type": "urn:portico:problem:timeout"
    }
    "#);
}

#[tokio::test]
async fn lists_refuse_limits_orders_and_cursors_that_are_not_theirs() {
    let list = |query: &str| {
        let request = get_signed_in(&format!("/api/v1/auth/sessions?{query}"));
        answer(Mocks::new().router(), request)
    };
    assert_snapshot!(list("limit=101&order=up").await, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 339
    content-type: application/problem+json
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "2 members are not valid.",
      "errors": [
        {
          "field": "limit",
          "message": "must be a whole number from 1 to 100"
        },
        {
          "field": "order",
          "message": "must be asc or desc"
        }
      ],
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 422,
      "title": "The request is not valid",
      "type": "urn:portico:problem:validation_failed"
    }
    "#);
    assert_snapshot!(list("cursor=made-up").await, @r#"
    400 Bad Request
    cache-control: no-store
    content-length: 226
    content-type: application/problem+json
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "invalid_cursor",
      "detail": "The cursor is not one that this list gave out.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 400,
      "title": "The cursor is not valid",
      "type": "urn:portico:problem:invalid_cursor"
    }
    "#);
}
