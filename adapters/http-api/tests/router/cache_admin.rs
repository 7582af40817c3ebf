//! The routes by which operators see and steer the cache.

use axum::body::Body;
use http::{Method, Request};
use insta::assert_snapshot;
use portico_domain::{
    models::{Digest, KeyHolder, Role, User},
    ports::{LocalStatistics, Unavailable},
};

use crate::{
    api_keys::key,
    support::{Mocks, answer, ask, post, user},
};

const EXPERIMENTS: &str = "/api/v1/admin/cache/experiments";

pub(crate) fn as_admin(mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().insert("authorization", "Bearer fake-admin-token".parse().unwrap());
    request
}

pub(crate) fn admin(method: Method, path: &str) -> Request<Body> {
    as_admin(Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
}

/// Mocks of a storage that says that no experiment is in force.
pub(crate) fn mocks() -> Mocks {
    let mut mocks = Mocks::new();
    mocks.experiments.expect_in_force().returning(|| Ok(Vec::new()));
    mocks
}

#[tokio::test]
async fn who_calls_is_asked_before_what_was_sent() {
    for (method, path) in [
        (Method::GET, "/api/v1/admin/cache"),
        (Method::DELETE, "/api/v1/admin/cache"),
        (Method::POST, "/api/v1/admin/cache/warm"),
        (Method::GET, EXPERIMENTS),
        (Method::POST, EXPERIMENTS),
        (Method::GET, "/api/v1/admin/cache/experiments/x"),
        (Method::POST, "/api/v1/admin/cache/experiments/x/stop"),
        (Method::POST, "/api/v1/admin/cache/experiments/x/adopt"),
    ] {
        let request = || Request::builder().method(method.clone()).uri(path);
        let body = || Body::from("{");
        let nobody = ask(Mocks::new().router(), request().body(body()).unwrap()).await;
        assert_eq!(nobody.status(), 401, "{method} {path}");
        let member = request().header("authorization", "Bearer fake-access-token").body(body()).unwrap();
        assert_eq!(ask(Mocks::new().router(), member).await.status(), 403, "{method} {path}");
        let program = request().header("x-api-key", "pk_fake").body(body()).unwrap();
        assert_eq!(ask(Mocks::new().router(), program).await.status(), 401, "{method} {path}");
    }
}

#[tokio::test]
async fn figures_are_of_one_server_and_say_which() {
    let mut mocks = mocks();
    mocks.memory = LocalStatistics { entries: 3, bytes: 900, capacity_bytes: 67_108_864 };
    let shown = answer(mocks.router(), admin(Method::GET, "/api/v1/admin/cache")).await;
    let (_, body) = shown.split_once("\n\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["prefixes"].as_object().unwrap().len(), 6);
    assert_snapshot!(serde_json::to_string_pretty(&body["prefixes"]["api-key"]).unwrap(), @r#"
    {
      "adopted_experiment": null,
      "figures": {
        "errors": 0,
        "fenced": 0,
        "filled_bytes": 0,
        "fills": 0,
        "hit_rate": null,
        "invalidations": 0,
        "last_resort": 0,
        "mean_load_ms": 0.0,
        "memory": {
          "hits": 0,
          "load_time_saved_ms": 0.0,
          "mean_age_ms": 0.0,
          "stale": 0
        },
        "misses": 0,
        "negative": 0,
        "refreshes": 0,
        "shared": {
          "hits": 0,
          "load_time_saved_ms": 0.0,
          "mean_age_ms": 0.0,
          "stale": 0
        },
        "warmed": 0
      },
      "policy": {
        "jitter_percent": 10,
        "lifetime_seconds": 60,
        "negative_seconds": 10,
        "refresh_after_seconds": 45,
        "stale_seconds": 0,
        "stale_when_away_seconds": 600,
        "tiers": "both"
      },
      "running_experiment": null
    }
    "#);
    let rest = ["server", "since", "memory", "shared", "limiter"]
        .map(|member| format!("{member}: {}", body[member]));
    assert_snapshot!(rest.join("\n"), @r#"
    server: "01a0c450-6c7b-7707-8707-070707070707"
    since: "2026-09-21T14:13:20.123456Z"
    memory: {"bytes":900,"capacity_bytes":67108864,"entries":3}
    shared: null
    limiter: {"is_away":false,"passed_uncounted":0,"refused_uncounted":0}
    "#);
}

#[tokio::test]
async fn clearing_needs_a_prefix_that_there_is() {
    for query in ["", "?prefix=", "?prefix=session", "?prefix=api-key,bot"] {
        let path = format!("/api/v1/admin/cache{query}");
        let refused = answer(mocks().router(), admin(Method::DELETE, &path)).await;
        assert!(refused.starts_with("422"), "{refused}");
        assert!(
            refused.contains("must be one of api-key, bot,") && refused.contains("\"prefix\""),
            "{refused}"
        );
    }
    for prefix in ["api-key", "api-key:", "*", "user-models"] {
        let path = format!("/api/v1/admin/cache?prefix={prefix}");
        let cleared = ask(mocks().router(), admin(Method::DELETE, &path)).await;
        assert_eq!(cleared.status(), 204, "{prefix}");
    }
}

#[tokio::test]
async fn warming_says_what_was_filled_and_what_not() {
    let mut mocks = mocks();
    mocks
        .key_lookup
        .expect_most_used()
        .withf(|first, last, limit| last.0 == first.0 + 1 && *limit == 1_000)
        .returning(|_, _, _| {
            let holder =
                KeyHolder { key: key(), superseded_until: None, maker: User { role: Role::Admin, ..user() } };
            Ok(vec![(Digest::of(b"fake"), holder)])
        });
    let warmed = answer(mocks.router(), admin(Method::POST, "/api/v1/admin/cache/warm")).await;
    assert_snapshot!(warmed, @r#"
    200 OK
    cache-control: no-store
    content-length: 275
    content-type: application/json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "skipped": {
        "books": "nothing is known to be asked of it",
        "bot": "nothing is known to be asked of it",
        "model-config": "nothing is known to be asked of it",
        "settings": "nothing is known to be asked of it",
        "user-models": "nothing is known to be asked of it"
      },
      "warmed": {
        "api-key": 1
      }
    }
    "#);
}

#[tokio::test]
async fn warming_refuses_what_it_does_not_know_and_tells_when_storage_is_away() {
    let path = "/api/v1/admin/cache/warm";
    for (body, field) in [
        (r#"{"prefixes":["session"]}"#, "prefixes"),
        (r#"{"prefixes":[]}"#, "prefixes"),
        (r#"{"prefixes":"api-key"}"#, "prefixes"),
        (r#"{"limit":0}"#, "limit"),
        (r#"{"limit":10001}"#, "limit"),
        (r#"{"limit":"all"}"#, "limit"),
        (r#"{"prefix":"api-key"}"#, "prefix"),
    ] {
        let refused = answer(mocks().router(), as_admin(post(path, body))).await;
        assert!(
            refused.starts_with("422") && refused.contains(&format!("\"field\": \"{field}\"")),
            "{refused}"
        );
    }
    let mut mocks = mocks();
    mocks.key_lookup.expect_most_used().returning(|_, _, _| Err(Unavailable::new("storage", "gone")));
    let away = ask(mocks.router(), as_admin(post(path, r#"{"prefixes":["api-key"],"limit":5}"#))).await;
    assert_eq!(away.status(), 503);
}
