//! What is counted besides what routes count themselves, and what happens where it can't be.

use axum::body::Body;
use http::{Request, StatusCode};
use portico_domain::{
    models::Gcra,
    ports::{MockRateLimiter, Unavailable},
};

use crate::support::{Mocks, NOW, ask, get_signed_in, post, user};

/// A limiter that has nothing left for one policy.
fn refusing(policy: &'static str) -> MockRateLimiter {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().returning(move |demand| {
        let full = (demand.policy == policy).then(|| NOW.after(demand.quota.window));
        Ok(Gcra::decide(demand.policy, demand.quota, full, NOW).admission)
    });
    limiter
}

fn away() -> MockRateLimiter {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().returning(|_| Err(Unavailable::new("rate limiter", "gone")));
    limiter
}

fn mocks(limiter: MockRateLimiter, variables: &[(&'static str, &'static str)]) -> Mocks {
    let mut mocks = Mocks::new();
    mocks.limiter = limiter;
    mocks.variables.extend(variables);
    mocks.accounts.expect_by_id().returning(|_| Ok(Some(user())));
    mocks.sessions.expect_end_all().returning(|_, _| Ok(()));
    mocks
}

fn log_out_everywhere() -> Request<Body> {
    let mut request = post("/api/v1/auth/logout-all", "");
    request.headers_mut().insert("authorization", "Bearer fake-access-token".parse().unwrap());
    request
}

#[tokio::test]
async fn changes_are_counted_by_account_and_reads_are_not() {
    let refused = ask(mocks(refusing("account"), &[]).router(), log_out_everywhere()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["ratelimit-policy"], "\"account\";q=600;w=60");
    let off = [("PORTICO_LIMIT_ACCOUNT", "off")];
    let counted = ask(mocks(refusing("account"), &off).router(), log_out_everywhere()).await;
    assert_eq!(counted.status(), StatusCode::NO_CONTENT);
    let read = ask(mocks(refusing("account"), &[]).router(), get_signed_in("/api/v1/auth/me")).await;
    assert_eq!(read.status(), StatusCode::OK);
    assert!(!read.headers().contains_key("ratelimit-policy"));
}

#[tokio::test]
async fn where_it_is_set_everything_below_api_is_counted_by_address_first() {
    let on = [("PORTICO_LIMIT_ADDRESS", "5/1m")];
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    for path in ["/api/v1/auth/me", "/api/v2/info", "/api/v1/nothing-here", "/api/v1/auth/login"] {
        let refused = ask(mocks(refusing("address"), &on).router(), get(path)).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(refused.headers()["ratelimit-policy"], "\"address\";q=5;w=60");
        assert!(refused.headers().contains_key("retry-after"));
    }
    let health = ask(mocks(refusing("address"), &on).router(), get("/health")).await;
    assert_eq!(health.status(), StatusCode::OK);
    let admitted = ask(mocks(refusing("none"), &on).router(), get("/api/v1/auth/login")).await;
    assert_eq!(admitted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(admitted.headers()["allow"].to_str().unwrap().contains("POST"));
    let me = ask(mocks(refusing("none"), &on).router(), get_signed_in("/api/v1/auth/me")).await;
    assert_eq!(me.status(), StatusCode::OK);
    assert_eq!(me.headers()["ratelimit"], "\"address\";r=4;t=12");
}

#[tokio::test]
async fn where_nothing_can_be_counted_each_class_goes_by_its_rule() {
    let body = r#"{"email":"ada@example.com","password":"correct horse"}"#;
    let login = ask(mocks(away(), &[]).finding(true).router(), post("/api/v1/auth/login", body)).await;
    assert_eq!(login.status(), StatusCode::SERVICE_UNAVAILABLE);
    let change = ask(mocks(away(), &[]).router(), log_out_everywhere()).await;
    assert_eq!(change.status(), StatusCode::NO_CONTENT);
    assert!(!change.headers().contains_key("ratelimit-policy"), "what wasn't counted isn't told");
    let closed = [("PORTICO_LIMIT_OPEN_WHEN_AWAY", "none")];
    let change = ask(mocks(away(), &closed).router(), log_out_everywhere()).await;
    assert_eq!(change.status(), StatusCode::SERVICE_UNAVAILABLE);
}
