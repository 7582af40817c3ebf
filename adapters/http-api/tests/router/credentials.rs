//! The caller's own account, what counts as a credential, and the beginning of a sign-in through GitHub.

use crate::support::{Mocks, answer, ask, get_signed_in, user};
use axum::body::Body;
use http::Request;
use insta::assert_snapshot;
use portico_domain::ports::MockIdentityProvider;

#[tokio::test]
async fn the_caller_is_described_with_a_validator_that_saves_the_body() {
    let router = || {
        let mut mocks = Mocks::new();
        mocks.accounts.expect_by_id().returning(|_| Ok(Some(user())));
        mocks.router()
    };
    let first = answer(router(), get_signed_in("/api/v1/auth/me")).await;
    assert_snapshot!(first, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 221
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "febeea63b21a830606247e21cd68ab5c"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "created_at": "2026-09-21T14:13:20.123456Z",
      "email": "ada@example.com",
      "id": "01a0c450-6c7b-7101-8101-010101010101",
      "last_login_at": null,
      "name": "Ada",
      "organization_id": "01a0c450-6c7b-7202-8202-020202020202",
      "role": "member"
    }
    "#);
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let mut again = get_signed_in("/api/v1/auth/me");
    again.headers_mut().insert("if-none-match", tag.parse().unwrap());
    let again = answer(router(), again).await;
    assert!(again.starts_with("304 Not Modified\n"), "{again}");
    assert!(!again.contains("ada@example.com"), "{again}");
}

#[tokio::test]
async fn without_a_usable_token_nobody_is_known() {
    let none = Request::get("/api/v1/auth/me").body(Body::empty()).unwrap();
    assert_snapshot!(answer(Mocks::new().router(), none).await, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 219
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    www-authenticate: Bearer realm="portico"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "unauthenticated",
      "detail": "Send Authorization: Bearer and an access token.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 401,
      "title": "Sign in first",
      "type": "urn:portico:problem:unauthenticated"
    }
    "#);
    let expired = Request::get("/api/v1/auth/me").header("authorization", "Bearer fake-expired-token");
    let expired = expired.body(Body::empty()).unwrap();
    assert_snapshot!(answer(Mocks::new().router(), expired).await, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 201
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    www-authenticate: Bearer realm="portico", error="invalid_token"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "unauthenticated",
      "detail": "The access token has expired.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 401,
      "title": "Sign in first",
      "type": "urn:portico:problem:unauthenticated"
    }
    "#);
    let mut both = get_signed_in("/api/v1/auth/me");
    both.headers_mut().insert("x-api-key", "pk_fake".parse().unwrap());
    assert_snapshot!(answer(Mocks::new().router(), both).await, @r#"
    400 Bad Request
    cache-control: no-store
    content-length: 245
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "ambiguous_credentials",
      "detail": "Send Authorization or x-api-key, not both.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 400,
      "title": "Two kinds of credentials at once",
      "type": "urn:portico:problem:ambiguous_credentials"
    }
    "#);
}

#[tokio::test]
async fn a_cookie_counts_only_for_pages_of_this_origin() {
    let request = |site: Option<&str>| {
        let request =
            Request::post("/api/v1/auth/logout-all").header("cookie", "portico_access=fake-access-token");
        let request = site.into_iter().fold(request, |request, site| request.header("sec-fetch-site", site));
        request.body(Body::empty()).unwrap()
    };
    for site in [None, Some("cross-site"), Some("same-site"), Some("none")] {
        let refused = ask(Mocks::new().router(), request(site)).await;
        assert_eq!(refused.status(), 401, "{site:?}");
    }
    let mut mocks = Mocks::new();
    mocks.sessions.expect_end_all().times(1).returning(|_, _| Ok(()));
    let ended = ask(mocks.router(), request(Some("same-origin"))).await;
    assert_eq!(ended.status(), 204);
    assert_eq!(ended.headers().get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn a_sign_in_through_github_begins_with_a_redirect_and_a_cookie() {
    let github = || {
        let mut mocks = Mocks::new();
        let mut provider = MockIdentityProvider::new();
        provider.expect_authorization_url().returning(|request| {
            format!("https://github.example/authorize?redirect={}", request.redirect_uri)
        });
        mocks.github = Some(provider);
        mocks.router()
    };
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let begun = answer(github(), get("/api/v1/auth/github?return_to=/welcome")).await;
    assert_snapshot!(begun, @r#"
    302 Found
    cache-control: no-store
    content-length: 0
    cross-origin-resource-policy: same-origin
    location: https://github.example/authorize?redirect=http://127.0.0.1:8080/api/v1/auth/github/callback
    ratelimit-policy: "oauth-address";q=30;w=60
    ratelimit: "oauth-address";r=29;t=2
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    set-cookie: portico_oauth=BwcHBwcHBwcHBwcHBwcHBwAAAAAAAAAAAAAAAAAAAAAvd2VsY29tZcnXBv70dVANUhGQ264UANUscPWqsIDVldBLVTT92sQP; Path=/api/v1/auth/github; Max-Age=600; HttpOnly; SameSite=Lax
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707
    "#);
    let escaping = answer(github(), get("/api/v1/auth/github?return_to=https://evil.example")).await;
    assert_snapshot!(escaping, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 334
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "return_to must be a path of this site, such as /welcome.",
      "errors": [
        {
          "field": "return_to",
          "message": "must be a path of this site, such as /welcome"
        }
      ],
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 422,
      "title": "The request is not valid",
      "type": "urn:portico:problem:validation_failed"
    }
    "#);
    let stateless = answer(github(), get("/api/v1/auth/github/callback?code=fake")).await;
    assert_snapshot!(stateless, @r#"
    400 Bad Request
    cache-control: no-store
    content-length: 266
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "oauth-address";q=30;w=60
    ratelimit: "oauth-address";r=29;t=2
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    set-cookie: portico_oauth=; Path=/api/v1/auth/github; Max-Age=0; HttpOnly; SameSite=Lax
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "invalid_state",
      "detail": "The sign-in was not begun in this browser, took too long, or was finished before.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 400,
      "title": "The sign-in can't be continued",
      "type": "urn:portico:problem:invalid_state"
    }
    "#);
    let without = ask(Mocks::new().router(), get("/api/v1/auth/github")).await;
    assert_eq!(without.status(), 404, "not set up");
}
