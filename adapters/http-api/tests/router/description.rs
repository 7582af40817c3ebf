//! `/openapi.json`.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Mocks, ask, text_of};

const COMMITTED: &str = include_str!("../../openapi.json");

#[tokio::test]
async fn the_description_is_served_as_it_was_written_down() {
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let response = ask(Mocks::new().router(), request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "public, max-age=300");
    let tag = response.headers()["etag"].clone();
    let served = response.into_body().collect().await.unwrap().to_bytes();
    let committed: Value = serde_json::from_str(COMMITTED).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&served).unwrap(), committed);
    assert!(served.len() < COMMITTED.len(), "the white space is for people");

    let request = Request::get("/openapi.json").header("if-none-match", tag).body(Body::empty()).unwrap();
    let mut response = ask(Mocks::new().router(), request).await;
    response.headers_mut().insert("etag", "\"the same\"".parse().unwrap());
    assert_snapshot!(text_of(response).await, @r#"
    304 Not Modified
    cache-control: public, max-age=300
    content-length: 0
    cross-origin-resource-policy: same-origin
    etag: "the same"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    vary: accept-encoding
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707
    "#);
}
