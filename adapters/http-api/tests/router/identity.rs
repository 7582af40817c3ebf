//! The identity routes, answer by answer.

use crate::support::{Mocks, NOW, answer, ask, post, text_of};
use insta::assert_snapshot;
use portico_domain::{
    models::Gcra,
    ports::{AccountCreation, MockRateLimiter, PasswordVerdict, Rotation, Unavailable},
};

const MATCHES: PasswordVerdict = PasswordVerdict::Matches { outdated: false };

#[tokio::test]
async fn registering_signs_in() {
    let mut mocks = Mocks::new().finding(false).verdict(MATCHES);
    mocks.accounts.expect_create().returning(|_| Ok(AccountCreation::Created));
    let body = r#"{"email":" Ada@Example.com","password":"correct horse","name":"Ada"}"#;
    let answer = answer(mocks.router(), post("/api/v1/auth/register", body)).await;
    assert_snapshot!(answer, @r#"
    201 Created
    cache-control: no-store
    content-length: 515
    content-type: application/json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "register-address";q=10;w=60
    ratelimit: "register-address";r=9;t=6
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "access_token": "fake-access-token",
      "expires_in": 900,
      "refresh_expires_in": 2592000,
      "refresh_token": "rt_AQGgxFBse3cHhwcHBwcHBwcBoMRQbHt3B4cHBwcHBwcHAAZb_tonwkAAAAAAatjIgAAAAAAHBwcHBwcHBwcHBwcHBwcHu1qlc7JW8bUAmjmmrRQUdAunwem2PIF2Yt15ty0WFMk",
      "token_type": "Bearer",
      "user": {
        "created_at": "2026-09-21T14:13:20.123456Z",
        "email": "ada@example.com",
        "id": "01a0c450-6c7b-7707-8707-070707070707",
        "last_login_at": "2026-09-21T14:13:20.123456Z",
        "name": "Ada",
        "organization_id": "01a0c450-6c7b-7707-8707-070707070707",
        "role": "member"
      }
    }
    "#);
}

#[tokio::test]
async fn every_faulty_member_is_told_at_once() {
    let body = r#"{"email":7,"password":"short","name":"","admin":true}"#;
    let answer = answer(Mocks::new().router(), post("/api/v1/auth/register", body)).await;
    assert_snapshot!(answer, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 442
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "4 members are not valid.",
      "errors": [
        {
          "field": "email",
          "message": "must be a string"
        },
        {
          "field": "password",
          "message": "must be at least 10 bytes long"
        },
        {
          "field": "name",
          "message": "must not be empty"
        },
        {
          "field": "admin",
          "message": "is not a member of this request"
        }
      ],
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 422,
      "title": "The request is not valid",
      "type": "urn:portico:problem:validation_failed"
    }
    "#);
}

#[tokio::test]
async fn a_taken_address_is_a_conflict() {
    let body = r#"{"email":"ada@example.com","password":"correct horse"}"#;
    let answer = answer(Mocks::new().finding(true).router(), post("/api/v1/auth/register", body)).await;
    assert_snapshot!(answer, @r#"
    409 Conflict
    cache-control: no-store
    content-length: 204
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "register-address";q=10;w=60
    ratelimit: "register-address";r=9;t=6
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "conflict",
      "detail": "An account with this e-mail address exists already.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 409,
      "title": "Conflict",
      "type": "urn:portico:problem:conflict"
    }
    "#);
}

#[tokio::test]
async fn closed_sign_up_is_said_before_the_body_is_looked_at() {
    let mut mocks = Mocks::new();
    mocks.variables.push(("PORTICO_SIGNUP", "closed"));
    let answer = answer(mocks.router(), post("/api/v1/auth/register", "not json")).await;
    assert_snapshot!(answer, @r#"
    403 Forbidden
    cache-control: no-store
    content-length: 176
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "forbidden",
      "detail": "Sign-up is closed.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 403,
      "title": "Not allowed",
      "type": "urn:portico:problem:forbidden"
    }
    "#);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let body = r#"{"email":"ada@example.com","password":"wrong password"}"#;
    let ask = |found| {
        let router = Mocks::new().finding(found).verdict(PasswordVerdict::Differs).router();
        answer(router, post("/api/v1/auth/login", body))
    };
    let known = ask(true).await;
    assert_eq!(known, ask(false).await);
    assert_snapshot!(known, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 254
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "login-address";q=10;w=60, "login-account";q=10;w=60
    ratelimit: "login-address";r=9;t=6, "login-account";r=9;t=6
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    www-authenticate: Bearer realm="portico"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "invalid_credentials",
      "detail": "The e-mail address or the password is wrong.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 401,
      "title": "The e-mail address or the password is wrong",
      "type": "urn:portico:problem:invalid_credentials"
    }
    "#);
}

#[tokio::test]
async fn a_limited_login_says_when_to_come_back() {
    let mut mocks = Mocks::new().finding(true);
    mocks.limiter = MockRateLimiter::new();
    mocks.limiter.expect_admit().returning(|demand| {
        let full = NOW.after(demand.quota.window);
        Ok(Gcra::decide(demand.policy, demand.quota, Some(full), NOW).admission)
    });
    let body = r#"{"email":"ada@example.com","password":"correct horse"}"#;
    let answer = answer(mocks.router(), post("/api/v1/auth/login", body)).await;
    assert_snapshot!(answer, @r#"
    429 Too Many Requests
    cache-control: no-store
    content-length: 224
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "login-address";q=10;w=60
    ratelimit: "login-address";r=0;t=60
    retry-after: 6
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "rate_limited",
      "detail": "Too many attempts. Retry-After says when to try again.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 429,
      "title": "Too many requests",
      "type": "urn:portico:problem:rate_limited"
    }
    "#);
}

#[tokio::test]
async fn storage_that_is_away_is_503_and_tells_nothing_of_itself() {
    let mut mocks = Mocks::new();
    mocks
        .credentials
        .expect_connect()
        .returning(|| Err(Unavailable::new("storage", "connection to 10.1.2.3 refused")));
    let body = r#"{"email":"ada@example.com","password":"correct horse"}"#;
    let answer = answer(mocks.router(), post("/api/v1/auth/login", body)).await;
    assert_snapshot!(answer, @r#"
    503 Service Unavailable
    cache-control: no-store
    content-length: 212
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "login-address";q=10;w=60, "login-account";q=10;w=60
    ratelimit: "login-address";r=9;t=6, "login-account";r=9;t=6
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
async fn a_reused_refresh_token_is_told_apart_from_a_wrong_one() {
    let mocks = Mocks::new().finding(true).verdict(MATCHES);
    let login = r#"{"email":"ada@example.com","password":"correct horse"}"#;
    let signed_in = ask(mocks.router(), post("/api/v1/auth/login", login)).await;
    let text = text_of(signed_in).await;
    let (_, json) = text.split_once("\n\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let body = serde_json::json!({ "refresh_token": json["refresh_token"] }).to_string();

    let mut mocks = Mocks::new();
    mocks.sessions.expect_rotate().returning(|_| Ok(Rotation::Reused));
    let reused = answer(mocks.router(), post("/api/v1/auth/refresh", body)).await;
    assert_snapshot!(reused, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 248
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "refresh-session";q=120;w=60
    ratelimit: "refresh-session";r=119;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    www-authenticate: Bearer realm="portico"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "refresh_reused",
      "detail": "The refresh token was used before; its session is revoked.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 401,
      "title": "The refresh token was used before",
      "type": "urn:portico:problem:refresh_reused"
    }
    "#);
    let wrong = r#"{"refresh_token":"rt_made-up"}"#;
    let wrong = answer(Mocks::new().router(), post("/api/v1/auth/refresh", wrong)).await;
    assert_snapshot!(wrong, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 220
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    www-authenticate: Bearer realm="portico"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "refresh_invalid",
      "detail": "The refresh token is not valid.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 401,
      "title": "The refresh token is not valid",
      "type": "urn:portico:problem:refresh_invalid"
    }
    "#);
}
