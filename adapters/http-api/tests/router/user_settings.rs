//! What people set for themselves, and their keys at providers.

use axum::body::Body;
use http::Request;
use insta::assert_snapshot;
use portico_domain::{
    models::{ModelId, ProviderName, ProviderSetting, Sealed, UserSettings},
    ports::{KeyStored, ProvidersSwitched, Unavailable},
};
use serde_json::json;

use crate::support::{Mocks, NOW, answer, ask, claims, get_signed_in, post, text_of};

const SETTINGS: &str = "/api/v1/user/settings";
const STORE: &str = "/api/v1/user/store-provider-api-key";
const PROVIDERS: &str = "/api/v1/user/providers";
const SYNC: &str = "/api/v1/user/sync-providers";

fn signed_in(mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().insert("authorization", "Bearer fake-access-token".parse().unwrap());
    request
}

fn put(body: impl Into<Body>) -> Request<Body> {
    let request = Request::put(SETTINGS).header("content-type", "application/json");
    signed_in(request.body(body.into()).unwrap())
}

fn provider(name: &str, last4: Option<&str>) -> ProviderSetting {
    ProviderSetting {
        provider: ProviderName::parse(name).unwrap(),
        enabled: last4.is_some(),
        last4: last4.map(str::to_owned),
        updated_at: NOW,
    }
}

/// A sealer that hides what it is given.
fn sealing(mut mocks: Mocks) -> Mocks {
    mocks.sealer.expect_seal().returning(|_, _| Ok(Sealed { key_id: "k1".to_owned(), bytes: vec![7; 60] }));
    mocks
}

#[tokio::test]
async fn who_never_set_anything_is_told_so() {
    let mut mocks = Mocks::new();
    mocks.user_settings.expect_of().withf(|user| *user == claims().user_id).returning(|_| Ok(None));
    assert_snapshot!(answer(mocks.router(), get_signed_in(SETTINGS)).await, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 40
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "5d100ae5db38268ae61968e315392d59"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "enabled_models": null,
      "preferences": {}
    }
    "#);
}

#[tokio::test]
async fn what_a_put_leaves_out_is_as_if_never_set() {
    for (body, expected) in [
        (json!({}), UserSettings::default()),
        (
            json!({"enabled_models": []}),
            UserSettings { enabled_models: Some(Vec::new()), ..UserSettings::default() },
        ),
        (
            json!({"preferences": {"a": 1}, "enabled_models": null}),
            UserSettings {
                preferences: json!({"a": 1}).as_object().unwrap().clone(),
                ..UserSettings::default()
            },
        ),
        (
            json!({"enabled_models": ["gpt-5"]}),
            UserSettings {
                enabled_models: Some(vec![ModelId::parse("gpt-5").unwrap()]),
                ..UserSettings::default()
            },
        ),
    ] {
        let mut mocks = Mocks::new();
        mocks
            .user_settings
            .expect_replace()
            .withf(move |_, settings, _| *settings == expected)
            .times(1)
            .returning(|_, _, _| Ok(true));
        assert_eq!(ask(mocks.router(), put(body.to_string())).await.status(), 200, "{body}");
    }
}

#[tokio::test]
async fn every_faulty_member_is_named() {
    let body = json!({"preferences": [], "enabled_models": ["gpt-5", "GPT 5", 5], "theme": "dark"});
    assert_snapshot!(answer(Mocks::new().router(), put(body.to_string())).await, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 632
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "4 members are not valid.",
      "errors": [
        {
          "field": "preferences",
          "message": "must be a JSON object"
        },
        {
          "field": "enabled_models[1]",
          "message": "must be 1–100 of a–z, 0–9, point, hyphen, underscore and colon, beginning with a letter or digit"
        },
        {
          "field": "enabled_models[2]",
          "message": "must be 1–100 of a–z, 0–9, point, hyphen, underscore and colon, beginning with a letter or digit"
        },
        {
          "field": "theme",
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
async fn a_put_of_preferences_that_are_null_too_large_or_too_deep_is_refused() {
    let deep = (0..70).fold(json!(1), |value, _| json!({"a": value}));
    let large = json!({"a": "x".repeat(64 << 10)});
    for preferences in [json!(null), deep, large] {
        let body = json!({"preferences": preferences}).to_string();
        let refused = text_of(ask(Mocks::new().router(), put(body)).await).await;
        assert!(refused.starts_with("422") && refused.contains("\"field\": \"preferences\""), "{refused}");
    }
}

#[tokio::test]
async fn a_stored_key_is_answered_with_nothing_and_kept_by_nobody() {
    let mut mocks = sealing(Mocks::new());
    mocks
        .provider_keys
        .expect_store()
        .withf(|_, provider, _, last4, _| provider.as_str() == "openai" && last4 == "fake")
        .returning(|_, _, _, _, _| Ok(KeyStored::Stored));
    let body = r#"{"provider":"openai","api_key":"sk-obviously-fake"}"#;
    assert_snapshot!(answer(mocks.router(), signed_in(post(STORE, body))).await, @r#"
    204 No Content
    cache-control: no-store
    content-length: 0
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707
    "#);
}

#[tokio::test]
async fn a_key_at_an_unknown_provider_is_refused_by_name() {
    let mut mocks = sealing(Mocks::new());
    mocks.provider_keys.expect_store().returning(|_, _, _, _, _| Ok(KeyStored::UnknownProvider));
    let body = r#"{"provider":"nobody","api_key":"sk-obviously-fake"}"#;
    assert_snapshot!(answer(mocks.router(), signed_in(post(STORE, body))).await, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 310
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "provider is not a provider of the catalogue.",
      "errors": [
        {
          "field": "provider",
          "message": "is not a provider of the catalogue"
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
async fn a_faulty_key_is_refused_without_being_repeated() {
    for key in ["", "  ", "sk-fake\n", "sk\u{0}fake", &"fake".repeat(2_000)] {
        let body = json!({"provider": "OpenAI!", "api_key": key}).to_string();
        let refused = answer(Mocks::new().router(), signed_in(post(STORE, body))).await;
        assert!(refused.starts_with("422") && refused.contains("\"field\": \"api_key\""), "{refused}");
        assert!(refused.contains("\"field\": \"provider\"") && !refused.contains("fake"), "{refused}");
    }
}

#[tokio::test]
async fn without_an_encryption_key_storing_is_unavailable_and_says_no_more() {
    let mut mocks = Mocks::new();
    let unset = || Unavailable::new("encryption key", "PORTICO_ENCRYPTION_KEYS is not set");
    mocks.sealer.expect_seal().returning(move |_, _| Err(unset()));
    let body = r#"{"provider":"openai","api_key":"sk-obviously-fake"}"#;
    let refused = answer(mocks.router(), signed_in(post(STORE, body))).await;
    assert!(refused.starts_with("503") && refused.contains("\"code\": \"unavailable\""), "{refused}");
    assert!(!refused.contains("PORTICO_") && !refused.contains("sk-"), "{refused}");
}

#[tokio::test]
async fn providers_are_shown_with_the_last_characters_of_their_keys() {
    let mut mocks = Mocks::new();
    mocks
        .provider_keys
        .expect_list()
        .withf(|user| *user == claims().user_id)
        .returning(|_| Ok(vec![provider("mistral", None), provider("openai", Some("fake"))]));
    assert_snapshot!(answer(mocks.router(), get_signed_in(PROVIDERS)).await, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 200
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "69a64dc5cc57243c377bcd7dd975c39b"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "data": [
        {
          "enabled": false,
          "last4": null,
          "provider": "mistral",
          "updated_at": "2026-09-21T14:13:20.123456Z"
        },
        {
          "enabled": true,
          "last4": "fake",
          "provider": "openai",
          "updated_at": "2026-09-21T14:13:20.123456Z"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn switches_are_turned_and_all_providers_answered() {
    let mut mocks = Mocks::new();
    mocks
        .provider_keys
        .expect_switch()
        .returning(|_, _, _| Ok(ProvidersSwitched::Done(vec![provider("mistral", None)])));
    let body = r#"{"providers":[{"provider":"mistral","enabled":false}]}"#;
    let answered = answer(mocks.router(), signed_in(post(SYNC, body))).await;
    assert!(answered.starts_with("200") && answered.contains("\"provider\": \"mistral\""), "{answered}");
}

#[tokio::test]
async fn every_faulty_switch_is_named_by_its_place() {
    let body = json!({"providers": [
        {"provider": "openai", "enabled": "yes"}, {"provider": 7, "enabled": true}, "openai",
        {"provider": "Open AI", "enabled": true, "api_key": "sk-obviously-fake"}, {},
    ]});
    assert_snapshot!(answer(Mocks::new().router(), signed_in(post(SYNC, body.to_string()))).await, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 723
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "7 members are not valid.",
      "errors": [
        {
          "field": "providers[0].enabled",
          "message": "must be true or false"
        },
        {
          "field": "providers[1].provider",
          "message": "must be a provider's name"
        },
        {
          "field": "providers[2]",
          "message": "must be {provider, enabled}"
        },
        {
          "field": "providers[3].provider",
          "message": "is not a provider of the catalogue"
        },
        {
          "field": "providers[3].api_key",
          "message": "is not a member of this request"
        },
        {
          "field": "providers[4].provider",
          "message": "must be a provider's name"
        },
        {
          "field": "providers[4].enabled",
          "message": "must be true or false"
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
async fn a_list_of_switches_that_is_none_or_too_long_is_refused() {
    let item = json!({"provider": "openai", "enabled": true});
    for providers in [json!(null), json!({"openai": true}), json!(vec![item; 101])] {
        let body = json!({"providers": providers}).to_string();
        let refused = answer(Mocks::new().router(), signed_in(post(SYNC, body))).await;
        assert!(refused.starts_with("422") && refused.contains("\"field\": \"providers\""), "{refused}");
    }
}

#[tokio::test]
async fn whoever_sends_no_token_is_refused_before_anything_is_read() {
    for request in [post(STORE, "{"), post(SYNC, "{"), Request::get(PROVIDERS).body(Body::empty()).unwrap()] {
        let response = ask(Mocks::new().router(), request).await;
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
    }
}
