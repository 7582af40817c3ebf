//! Which programs are served where.

use crate::support::{Mocks, NOW, answer, ask, post};
use axum::body::Body;
use http::{Method, Request, StatusCode};
use insta::assert_snapshot;
use portico_domain::{
    models::{ApiKeyText, Gcra},
    ports::MockRateLimiter,
};

const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A key of good form that nobody has.
fn key() -> String {
    ApiKeyText::generate(&[5; 64]).unwrap().expose().to_owned()
}

fn from(agent: &str, method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).header("user-agent", agent).body(Body::empty()).unwrap()
}

fn with(variables: &[(&'static str, &'static str)]) -> Mocks {
    let mut mocks = Mocks::new();
    mocks.variables.extend(variables);
    mocks
}

#[tokio::test]
async fn a_refused_program_is_told_what_it_was_taken_for_and_costs_nothing() {
    let strict = || with(&[("PORTICO_BOT_SIGN_IN", "tool=deny")]);
    let mut request = post("/api/v1/auth/login", r#"{"email":"ada@example.com","password":"correct horse"}"#);
    request.headers_mut().insert("user-agent", "curl/8.14.1".parse().unwrap());
    // No mock of the limiter, of credentials or of passwords is told anything: being asked would be a panic.
    assert_snapshot!(answer(strict().router(), request).await, @r#"
    403 Forbidden
    cache-control: no-store
    content-length: 224
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "bot_denied",
      "detail": "Programs of this sort (tool) are not served here.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 403,
      "title": "Not served to this program",
      "type": "urn:portico:problem:bot_denied"
    }
    "#);
}

#[tokio::test]
async fn a_program_that_says_nothing_of_itself_is_a_tool() {
    let response = ask(
        with(&[("PORTICO_BOT_READ", "tool=deny")]).router(),
        Request::get("/api/v2/info").body(Body::empty()).unwrap(),
    );
    assert_eq!(response.await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn honest_programs_pass_by_default() {
    for agent in
        ["", "curl/8.14.1", "python-requests/2.32", "Mozilla/5.0 (compatible; AhrefsBot/7.0)", GOOGLEBOT]
    {
        let response = ask(Mocks::new().router(), from(agent, Method::GET, "/api/v2/info")).await;
        assert_eq!(response.status(), StatusCode::OK, "{agent}");
    }
}

#[tokio::test]
async fn what_monitors_and_clients_need_is_open_to_every_program() {
    let all = "person=deny,tool=deny,declared_bot=deny";
    let strict = || {
        let mut mocks =
            with(&[("PORTICO_BOT_READ", all), ("PORTICO_BOT_SIGN_IN", all), ("PORTICO_BOT_WRITE", all)]);
        mocks.storage.expect_ping().returning(|| Ok(()));
        mocks.router()
    };
    for path in ["/health", "/ready", "/api/v2/health", "/.well-known/jwks.json"] {
        let response = ask(strict(), from("curl/8.14.1", Method::GET, path)).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    for (method, path) in [
        (Method::GET, "/api/v2/info"),
        (Method::GET, "/api/v1/auth/me"),
        (Method::DELETE, "/api/v1/auth/sessions/1"),
        (Method::POST, "/api/v1/auth/register"),
        (Method::GET, "/api/nothing/here"),
    ] {
        let response = ask(strict(), from("curl/8.14.1", method, path)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_key_bearing_program_is_no_bot_and_a_bad_key_is_no_way_around() {
    let strict = || {
        let all = "tool=deny,declared_bot=deny";
        with(&[("PORTICO_BOT_READ", all), ("PORTICO_BOT_SIGN_IN", all), ("PORTICO_BOT_WRITE", all)])
    };
    let with_key = |path: &str, key: &str| {
        let request = Request::get(path).header("user-agent", "curl/8.14.1").header("x-api-key", key);
        request.body(Body::empty()).unwrap()
    };
    let mut mocks = strict();
    mocks.key_lookup.expect_by_digest().returning(|_| Ok(None));
    let unknown = ask(mocks.router(), with_key("/api/v1/auth/me", &key())).await;
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED, "the key decides");
    let malformed = ask(strict().router(), with_key("/api/v1/auth/me", "pk_nonsense")).await;
    assert_eq!(malformed.status(), StatusCode::UNAUTHORIZED, "without a look-up");
    for path in ["/api/v2/info", "/api/v1/auth/github"] {
        let response = ask(strict().router(), with_key(path, &key())).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} takes no key");
    }
    for path in ["/api/v1/auth/login", "/api/v1/auth/logout"] {
        for key in [key(), "pk_nonsense".to_owned()] {
            let mut request = post(path, "{}");
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
            assert_eq!(ask(strict().router(), request).await.status(), StatusCode::FORBIDDEN, "{path}");
        }
    }
}

#[tokio::test]
async fn a_harder_limit_stands_before_the_others() {
    let mut mocks = with(&[("PORTICO_BOT_READ", "tool=limit"), ("PORTICO_LIMIT_BOT", "1/1m")]);
    let mut limiter = MockRateLimiter::new();
    let mut kept = None;
    limiter.expect_admit().withf(|demand| demand.key == "bot-address:192.0.2.1").returning(move |demand| {
        let decision = Gcra::decide(demand.policy, demand.quota, kept, NOW);
        kept = Some(decision.theoretical_arrival);
        Ok(decision.admission)
    });
    mocks.limiter = limiter;
    let router = mocks.router();
    let first = ask(router.clone(), from("curl/8.14.1", Method::GET, "/api/v2/info")).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()["ratelimit"], "\"bot-address\";r=0;t=60");
    let mut again = from("curl/8.14.1", Method::GET, "/api/v2/info");
    again.headers_mut().insert("x-request-id", "the-second".parse().unwrap());
    assert_snapshot!(answer(router, again).await, @r#"
    429 Too Many Requests
    cache-control: no-store
    content-length: 198
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "bot-address";q=1;w=60
    ratelimit: "bot-address";r=0;t=60
    retry-after: 60
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: the-second

    {
      "code": "rate_limited",
      "detail": "Too many attempts. Retry-After says when to try again.",
      "request_id": "the-second",
      "status": 429,
      "title": "Too many requests",
      "type": "urn:portico:problem:rate_limited"
    }
    "#);
}
