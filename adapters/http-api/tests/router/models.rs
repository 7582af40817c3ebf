//! The model routes.

use crate::support::{Mocks, answer, ask, get_signed_in};
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use insta::assert_snapshot;
use portico_domain::{
    models::{BuiltInModels, Catalogue, ModelFilter, PageRequest},
    ports::Unavailable,
};

/// Models in the order of their places.
fn catalogue(models: usize) -> Catalogue {
    let line = |n: usize| {
        format!(
            r#"{{"id":"m-{n}","provider":"acme","name":"M {n}","context_window":{},"input_cents_per_mtok":15,"output_cents_per_mtok":60,
            "capabilities":["vision","chat"],"released_at":"2024-01-01T00:00:00.{n:06}Z","hosted":{}}}"#,
            n + 1,
            n.is_multiple_of(2)
        )
        .replace('\n', " ")
    };
    Catalogue::parse(&(0..models).map(line).collect::<Vec<_>>().join("\n")).unwrap()
}

fn away() -> Unavailable {
    Unavailable::new("storage", "away")
}

fn storing(models: usize) -> Mocks {
    let (mut mocks, stored) = (Mocks::new(), catalogue(models));
    mocks.built_in_models = BuiltInModels::of(catalogue(3));
    let one = stored.clone();
    mocks.models.expect_list().returning(move |filter, page| Ok(stored.filtered(filter, page)));
    mocks.models.expect_by_id().returning(move |id| Ok(one.by_id(id).cloned()));
    mocks
}

fn without_storage() -> Mocks {
    let mut mocks = Mocks::new();
    mocks.built_in_models = BuiltInModels::of(catalogue(3));
    mocks.models.expect_list().returning(|_, _| Err(away()));
    mocks.models.expect_by_id().returning(|_| Err(away()));
    mocks.models.expect_usable().returning(|_, _| Err(away()));
    mocks
}

fn lines(path: &str) -> Request<Body> {
    let mut request = get_signed_in(path);
    request.headers_mut().insert("accept", "application/x-ndjson".parse().unwrap());
    request
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_list_shows_models_as_the_contract_has_them() {
    let shown = answer(storing(3).router(), get_signed_in("/api/v1/models?limit=1")).await;
    assert_snapshot!(shown, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 275
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "b212d7ed10392c8da3c097d7c7af92b8"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    vary: accept
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "data": [
        {
          "capabilities": [
            "chat",
            "vision"
          ],
          "context_window": 3,
          "enabled": true,
          "hosted": true,
          "id": "m-2",
          "input_cents_per_mtok": 15,
          "name": "M 2",
          "output_cents_per_mtok": 60,
          "provider": "acme"
        }
      ],
      "has_more": true,
      "next_cursor": "AAYN1xAhIAKK4qQQlZaM46vvwIRGUygRH-67jxqypuarj9vuKJeSZw"
    }
    "#);
}

#[tokio::test]
async fn one_model_is_shown_and_an_unknown_one_is_not_found() {
    let shown = ask(storing(3).router(), get_signed_in("/api/v1/models/m-1")).await;
    assert_eq!((shown.status().as_u16(), header(&shown, "x-portico-degraded")), (200, None));
    for unknown in ["m-9", "M-1", "a%2Fb", "..%2f..", "%00"] {
        let refused = answer(storing(3).router(), get_signed_in(&format!("/api/v1/models/{unknown}"))).await;
        assert!(refused.starts_with("404 ") && refused.contains("There is no such model."), "{refused}");
    }
}

#[tokio::test]
async fn a_list_without_storage_is_marked() {
    let shown = answer(without_storage().router(), get_signed_in("/api/v1/models?order=asc&limit=1")).await;
    assert_snapshot!(shown, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 275
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "c7b0cc90da751a493fdc10018ecb468e"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    vary: accept
    x-content-type-options: nosniff
    x-portico-degraded: models
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "data": [
        {
          "capabilities": [
            "chat",
            "vision"
          ],
          "context_window": 1,
          "enabled": true,
          "hosted": true,
          "id": "m-0",
          "input_cents_per_mtok": 15,
          "name": "M 0",
          "output_cents_per_mtok": 60,
          "provider": "acme"
        }
      ],
      "has_more": true,
      "next_cursor": "AAYN1xAhIACiUmvC76OJAZH8m_Wrm3krKKDCJqhXf2t9gJX3THRZIA"
    }
    "#);
}

#[tokio::test]
async fn the_other_routes_without_storage_are_marked_too_and_deny_nothing() {
    let one = ask(without_storage().router(), get_signed_in("/api/v1/models/m-1")).await;
    assert_eq!((one.status().as_u16(), header(&one, "x-portico-degraded")), (200, Some("models")));
    let other = answer(without_storage().router(), get_signed_in("/api/v1/models/m-9")).await;
    assert!(other.starts_with("503 ") && other.contains(r#""code": "unavailable""#), "{other}");
    let usable = ask(without_storage().router(), get_signed_in("/api/v1/user/models")).await;
    assert_eq!((usable.status().as_u16(), header(&usable, "x-portico-degraded")), (200, Some("models")));
    let body = usable.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let ids: Vec<_> = body["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(ids, ["m-2", "m-0"], "what everybody may use");
}

#[tokio::test]
async fn a_stream_has_a_model_a_line_and_no_length() {
    let mut mocks = storing(1_201);
    mocks.variables.push(("PORTICO_FLOW_COMPRESSION", "off"));
    let streamed = ask(mocks.router(), lines("/api/v1/models")).await;
    assert_eq!(header(&streamed, "content-type"), Some("application/x-ndjson"));
    assert_eq!((header(&streamed, "content-length"), header(&streamed, "etag")), (None, None));
    assert_eq!(header(&streamed, "vary"), Some("accept"));
    let body = streamed.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() == 1_201);
    for (line, n) in text.lines().zip((0..1_201).rev()) {
        assert!(line.starts_with(&format!(r#"{{"id":"m-{n}","#)), "{line}");
    }
    let none = ask(storing(3).router(), lines("/api/v1/models?provider=nobody&order=asc")).await;
    assert_eq!(none.status(), 200);
    assert!(none.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_stream_that_fails_midway_is_broken_off_and_one_without_storage_is_marked() {
    let (mut mocks, stored) = (Mocks::new(), catalogue(600));
    mocks.models.expect_list().returning(move |filter: &ModelFilter, page: PageRequest| match page.after {
        None => Ok(stored.filtered(filter, page)),
        Some(_) => Err(away()),
    });
    let streamed = ask(mocks.router(), lines("/api/v1/models")).await;
    assert_eq!(streamed.status(), 200);
    assert!(streamed.into_body().collect().await.is_err());
    let streamed = ask(without_storage().router(), lines("/api/v1/models")).await;
    assert_eq!((streamed.status().as_u16(), header(&streamed, "x-portico-degraded")), (200, Some("models")));
    assert_eq!(
        String::from_utf8_lossy(&streamed.into_body().collect().await.unwrap().to_bytes()).lines().count(),
        3
    );
}

#[tokio::test]
async fn faulty_parameters_are_told_at_once() {
    let wrong = "/api/v1/models?provider=A%20B&capability=&limit=0&order=up";
    let refused = answer(Mocks::new().router(), get_signed_in(wrong)).await;
    for field in ["provider", "capability", "limit", "order"] {
        assert!(
            refused.starts_with("422 ") && refused.contains(&format!(r#""field": "{field}""#)),
            "{refused}"
        );
    }
    let refused = answer(Mocks::new().router(), lines("/api/v1/models?limit=5&cursor=x&order=up")).await;
    for field in ["cursor", "limit", "order"] {
        assert!(
            refused.starts_with("422 ") && refused.contains(&format!(r#""field": "{field}""#)),
            "{refused}"
        );
    }
    let refused = answer(Mocks::new().router(), get_signed_in("/api/v1/models?cursor=made-up")).await;
    assert!(refused.starts_with("400 ") && refused.contains("invalid_cursor"), "{refused}");
}

#[tokio::test]
async fn who_calls_is_asked_before_what_is_asked_for() {
    for path in ["/api/v1/models?limit=0", "/api/v1/models/x%2Fy", "/api/v1/user/models?limit=0"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let refused = ask(Mocks::new().router(), request).await;
        assert_eq!(refused.status(), 401, "{path}");
    }
    let by_key =
        Request::get("/api/v1/user/models").header("x-api-key", "pk_fake").body(Body::empty()).unwrap();
    assert_eq!(ask(Mocks::new().router(), by_key).await.status(), 401, "it is for people");
}

#[tokio::test]
async fn a_stream_is_packed_as_it_goes_where_the_client_likes_that() {
    let streamed = |encodings: &'static str| {
        let mut request = lines("/api/v1/models");
        request.headers_mut().insert("accept-encoding", encodings.parse().unwrap());
        ask(storing(1_201).router(), request)
    };
    let packed = streamed("gzip, zstd").await;
    assert_eq!(header(&packed, "content-encoding"), Some("gzip"));
    let vary: Vec<_> = packed.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(vary, ["accept", "accept-encoding"]);
    let packed = packed.into_body().collect().await.unwrap().to_bytes();
    let plain = streamed("zstd").await;
    assert_eq!(header(&plain, "content-encoding"), None);
    let plain = plain.into_body().collect().await.unwrap().to_bytes();
    assert!(packed.len() * 4 < plain.len(), "{} of {}", packed.len(), plain.len());
}
