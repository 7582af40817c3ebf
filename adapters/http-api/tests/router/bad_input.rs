//! Requests that are refused for their form.

use crate::support::{Mocks, answer, ask, get_signed_in, post};
use axum::body::Body;
use http::Request;
use insta::assert_snapshot;

#[tokio::test]
async fn what_is_not_json_is_told_by_place_not_by_content() {
    let malformed = answer(Mocks::new().router(), post("/api/v1/auth/login", "{\"password\":\"secret")).await;
    assert_snapshot!(malformed, @r#"
    400 Bad Request
    cache-control: no-store
    content-length: 230
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
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
    cross-origin-resource-policy: same-origin
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
    cross-origin-resource-policy: same-origin
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
    cross-origin-resource-policy: same-origin
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
    cross-origin-resource-policy: same-origin
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
    cross-origin-resource-policy: same-origin
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
    cross-origin-resource-policy: same-origin
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
