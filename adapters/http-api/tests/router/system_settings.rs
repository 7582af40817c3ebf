//! Settings of the whole system.

use axum::body::Body;
use http::Request;
use insta::assert_snapshot;
use portico_domain::models::{ApiKeyText, KeyHolder, Role, Scope, SettingKey, SystemSetting, User};
use serde_json::{Value, json};

use crate::{
    api_keys::key,
    support::{Mocks, NOW, answer, ask, user},
};

const SETTINGS: &str = "/api/v2/settings";

fn setting(name: &str, value: Value) -> SystemSetting {
    let id = portico_domain::models::uuid_v7(NOW, [5; 10]);
    SystemSetting { key: SettingKey::parse(name).unwrap(), id, value, created_at: NOW, updated_at: NOW }
}

fn request(method: &str, path: &str, body: Option<Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    request.body(body.map_or(Body::empty(), |body| Body::from(body.to_string()))).unwrap()
}

fn by(token: &str, mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// A key of these scopes, made by somebody who is now in this role.
fn knowing(scopes: &'static [Scope], role: Role) -> Mocks {
    let mut mocks = Mocks::new();
    mocks.key_lookup.expect_by_digest().returning(move |_| {
        let mut key = key();
        key.scopes = scopes.iter().copied().collect();
        Ok(Some(KeyHolder { key, maker: User { role, ..user() }, superseded_until: None }))
    });
    mocks
}

fn by_key(mut request: Request<Body>) -> Request<Body> {
    let text = ApiKeyText::generate(&[3; 64]).unwrap();
    request.headers_mut().insert("x-api-key", text.expose().parse().unwrap());
    request
}

#[tokio::test]
async fn an_admin_sees_a_page_of_them() {
    let mut mocks = Mocks::new();
    mocks.system_settings.expect_list().withf(|page| page.limit == 1).returning(|_| {
        Ok(vec![setting("mail.from", json!("a@example.com")), setting("limits", json!({"x": 1}))])
    });
    let listed =
        answer(mocks.router(), by("fake-admin-token", request("GET", "/api/v2/settings?limit=1", None)))
            .await;
    assert_snapshot!(listed, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 184
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "56d7a77af808491be897de22050b2c80"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "data": [
        {
          "key": "mail.from",
          "updated_at": "2026-09-21T14:13:20.123456Z",
          "value": "a@example.com"
        }
      ],
      "has_more": true,
      "next_cursor": "AAZb_tonwkABoMRQbHt1BYUFBQUFBQUF5QbKa6VK2WEFMylblc5Hxg"
    }
    "#);
}

#[tokio::test]
async fn a_setting_that_was_set_is_shown() {
    let mut mocks = Mocks::new();
    mocks
        .system_settings
        .expect_set()
        .withf(|key, _, value, at| key.as_str() == "mail.from" && value.is_null() && *at == NOW)
        .returning(|_, _, value, _| Ok(setting("mail.from", value)));
    let set = request("PUT", "/api/v2/settings/mail.from", Some(json!({"value": null})));
    assert_snapshot!(answer(mocks.router(), by("fake-admin-token", set)).await, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 75
    content-type: application/json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "key": "mail.from",
      "updated_at": "2026-09-21T14:13:20.123456Z",
      "value": null
    }
    "#);
}

#[tokio::test]
async fn a_faulty_key_and_a_missing_value_are_told_at_once() {
    let set = request("PUT", "/api/v2/settings/Mail%20From", Some(json!({"key": "mail"})));
    let refused = answer(Mocks::new().router(), by("fake-admin-token", set)).await;
    for field in ["key", "value"] {
        assert!(refused.contains(&format!("\"field\": \"{field}\"")), "{refused}");
    }
    let large = json!({"value": "x".repeat(64 << 10)});
    let set = request("PUT", "/api/v2/settings/a", Some(large));
    let refused = answer(Mocks::new().router(), by("fake-admin-token", set)).await;
    assert!(refused.starts_with("422") && refused.contains("64 KiB"), "{refused}");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_removed() {
    let mut mocks = Mocks::new();
    mocks.system_settings.expect_remove().returning(|_| Ok(false));
    let remove = |path| by("fake-admin-token", request("DELETE", path, None));
    assert_eq!(ask(mocks.router(), remove("/api/v2/settings/none")).await.status(), 404);
    assert_eq!(ask(Mocks::new().router(), remove("/api/v2/settings/No%20Key")).await.status(), 404);
}

#[tokio::test]
async fn members_are_refused_whatever_they_send() {
    for (method, path) in [("GET", SETTINGS), ("PUT", "/api/v2/settings/a"), ("DELETE", "/api/v2/settings/a")]
    {
        let response = ask(Mocks::new().router(), by("fake-access-token", request(method, path, None))).await;
        assert_eq!(response.status(), 403, "{method}");
        assert_eq!(ask(Mocks::new().router(), request(method, path, None)).await.status(), 401, "{method}");
    }
}

#[tokio::test]
async fn a_key_needs_the_scope_and_its_maker_to_be_an_admin_still() {
    let routes = [
        ("GET", SETTINGS, Scope::SettingsRead),
        ("PUT", "/api/v2/settings/a", Scope::SettingsWrite),
        ("DELETE", "/api/v2/settings/a", Scope::SettingsWrite),
    ];
    for (method, path, needed) in routes {
        let body = || Some(json!({"value": 1}));
        let allowed = |scopes: &'static [Scope], role| async move {
            let mut mocks = knowing(scopes, role);
            mocks.system_settings.expect_list().returning(|_| Ok(Vec::new()));
            mocks.system_settings.expect_set().returning(|_, _, value, _| Ok(setting("a", value)));
            mocks.system_settings.expect_remove().returning(|_| Ok(true));
            ask(mocks.router(), by_key(request(method, path, body()))).await.status().is_success()
        };
        let read = needed == Scope::SettingsRead;
        assert_eq!(allowed(&[Scope::SettingsRead], Role::Admin).await, read, "{method}");
        assert_eq!(allowed(&[Scope::SettingsWrite], Role::Admin).await, !read, "{method}");
        assert!(allowed(&[Scope::Everything], Role::Admin).await, "{method}");
        assert!(!allowed(&[Scope::MessagesRead, Scope::CatalogWrite], Role::Admin).await, "{method}");
        assert!(!allowed(&[Scope::SettingsRead, Scope::SettingsWrite], Role::Member).await, "{method}");
        assert!(!allowed(&[Scope::Everything], Role::Member).await, "{method}");
    }
}
