//! The API key routes.

use crate::support::{Mocks, NOW, answer, ask, get_signed_in, post, user};
use axum::body::Body;
use http::Request;
use insta::assert_snapshot;
use portico_domain::{
    models::{ApiKey, ApiKeyId, ApiKeyText, Day, KeyHolder, KeyStatus, Quota, Role, Scope, Scopes, User},
    ports::KeyChanged,
};

fn text() -> ApiKeyText {
    ApiKeyText::generate(&[3; 64]).unwrap()
}

/// A key as storage keeps it.
pub(crate) fn key() -> ApiKey {
    ApiKey {
        id: ApiKeyId::generate(NOW, [8; 10]),
        name: "deploy".to_owned(),
        prefix: text().shown().to_owned(),
        organization_id: user().organization_id,
        scopes: Scopes::from_iter([Scope::KeysVerify]),
        instance_ids: None,
        status: KeyStatus::Active,
        expires_at: None,
        rate_limit: Some(Quota::parse("7/1m").unwrap()),
        created_at: NOW,
        last_used_at: None,
    }
}

fn signed_in(mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().insert("authorization", "Bearer fake-access-token".parse().unwrap());
    request
}

#[tokio::test]
async fn a_made_key_shows_its_text_once_and_is_kept_by_nobody() {
    let mut mocks = Mocks::new();
    mocks.api_keys.expect_create().returning(|_| Ok(()));
    let body = r#"{"name":"deploy","scopes":["messages:read"],"rate_limit":{"limit":7,"window_seconds":60}}"#;
    let made = answer(mocks.router(), signed_in(post("/api/v1/api-keys", body))).await;
    assert_snapshot!(made, @r#"
    201 Created
    cache-control: no-store
    content-length: 379
    content-type: application/json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "created_at": "2026-09-21T14:13:20.123456Z",
      "expires_at": null,
      "id": "01a0c450-6c7b-7707-8707-070707070707",
      "instance_ids": null,
      "key": "pk_777777777777777777777777777777770TfKFy",
      "last_used_at": null,
      "name": "deploy",
      "organization_id": "01a0c450-6c7b-7202-8202-020202020202",
      "prefix": "pk_77777",
      "rate_limit": {
        "limit": 7,
        "window_seconds": 60
      },
      "scopes": [
        "messages:read"
      ],
      "status": "active"
    }
    "#);
}

#[tokio::test]
async fn a_shown_key_has_no_text() {
    let mut mocks = Mocks::new();
    mocks.api_keys.expect_by_id().returning(|_, _| Ok(Some(key())));
    let shown = answer(mocks.router(), get_signed_in(&format!("/api/v1/api-keys/{}", key().id))).await;
    assert_snapshot!(shown, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 327
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "34f5b2059b1a2f564a987fb86d3a646b"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "created_at": "2026-09-21T14:13:20.123456Z",
      "expires_at": null,
      "id": "01a0c450-6c7b-7808-8808-080808080808",
      "instance_ids": null,
      "last_used_at": null,
      "name": "deploy",
      "organization_id": "01a0c450-6c7b-7202-8202-020202020202",
      "prefix": "pk_33333",
      "rate_limit": {
        "limit": 7,
        "window_seconds": 60
      },
      "scopes": [
        "keys:verify"
      ],
      "status": "active"
    }
    "#);
}

#[tokio::test]
async fn a_program_is_let_in_by_its_key_and_told_its_limit() {
    let mut mocks = Mocks::new();
    mocks
        .key_lookup
        .expect_by_digest()
        .returning(|_| Ok(Some(KeyHolder { key: key(), maker: user(), superseded_until: None })));
    let request = Request::get("/api/v1/auth/me").header("x-api-key", text().expose());
    let let_in = ask(mocks.router(), request.body(Body::empty()).unwrap()).await;
    assert_eq!(let_in.status(), 200);
    assert_eq!(let_in.headers()["ratelimit"], "\"api-key\";r=6;t=9");
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_without_asking_anybody() {
    let request = Request::get("/api/v1/auth/me").header("x-api-key", "pk_made-up");
    let refused = answer(Mocks::new().router(), request.body(Body::empty()).unwrap()).await;
    assert_snapshot!(refused, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 197
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    www-authenticate: Bearer realm="portico"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "unauthenticated",
      "detail": "The API key is not valid.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 401,
      "title": "Sign in first",
      "type": "urn:portico:problem:unauthenticated"
    }
    "#);
}

#[tokio::test]
async fn a_verdict_says_what_a_key_opens() {
    let mut mocks = Mocks::new();
    let maker = User { role: Role::Admin, ..user() };
    mocks
        .key_lookup
        .expect_by_digest()
        .returning(move |_| Ok(Some(KeyHolder { key: key(), maker: maker.clone(), superseded_until: None })));
    let body = format!(r#"{{"key":"{}","scope":"messages:read"}}"#, text().expose());
    let mut request = post("/api/v1/api-keys/verify", body);
    request.headers_mut().insert("x-api-key", text().expose().parse().unwrap());
    assert_snapshot!(answer(mocks.router(), request).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 256
    content-type: application/json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "api-key";q=7;w=60
    ratelimit: "api-key";r=6;t=9
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "insufficient_scope",
      "expires_at": null,
      "instance_ids": null,
      "key_id": "01a0c450-6c7b-7808-8808-080808080808",
      "organization_id": "01a0c450-6c7b-7202-8202-020202020202",
      "rate_limit": {
        "limit": 7,
        "window_seconds": 60
      },
      "scopes": [
        "keys:verify"
      ],
      "valid": false
    }
    "#);
}

#[tokio::test]
async fn a_revoked_key_stays_as_it_is() {
    let mut mocks = Mocks::new();
    mocks.api_keys.expect_rotate().returning(|_, _, _| Ok(KeyChanged::Revoked));
    let path = format!("/api/v1/api-keys/{}/rotate", key().id);
    let refused = answer(mocks.router(), signed_in(Request::post(path).body(Body::empty()).unwrap())).await;
    assert_snapshot!(refused, @r#"
    409 Conflict
    cache-control: no-store
    content-length: 172
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "conflict",
      "detail": "The key is revoked.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 409,
      "title": "Conflict",
      "type": "urn:portico:problem:conflict"
    }
    "#);
}

#[tokio::test]
async fn usage_is_shown_day_by_day() {
    let mut mocks = Mocks::new();
    let today = Day::of(NOW);
    mocks
        .key_usage
        .expect_of()
        .withf(move |_, _, since| since.0 == today.0 - 6)
        .returning(move |_, _, _| Ok(Some(vec![(Day(today.0 - 1), 40), (today, 2)])));
    let path = format!("/api/v1/api-keys/{}/usage?days=7", key().id);
    assert_snapshot!(answer(mocks.router(), get_signed_in(&path)).await, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 130
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "0049014985abdbcd5285cbb624c66830"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "data": [
        {
          "day": "2026-09-21",
          "uses": 2
        },
        {
          "day": "2026-09-20",
          "uses": 40
        }
      ],
      "key_id": "01a0c450-6c7b-7808-8808-080808080808",
      "total": 42
    }
    "#);
}

#[tokio::test]
async fn usage_of_too_many_days_is_refused_naming_them() {
    for days in ["0", "91", "-1", "many", ""] {
        let path = format!("/api/v1/api-keys/{}/usage?days={days}", key().id);
        let refused = answer(Mocks::new().router(), get_signed_in(&path)).await;
        assert!(refused.starts_with("422 ") && refused.contains(r#""field": "days""#), "{days}: {refused}");
    }
}
