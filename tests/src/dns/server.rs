//! The resolver's one route.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

use super::zone::{self, Found};

/// How long slow name servers take. Longer than anybody who asks Portico should ever wait.
pub const SLOW: Duration = Duration::from_secs(4);

/// Serves until the process ends.
pub async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    axum::serve(listener, Router::new().route("/dns-query", get(query))).await?;
    Ok(())
}

async fn query(uri: Uri, headers: HeaderMap) -> Response {
    let asked: HashMap<_, _> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect();
    // Without this the real ones answer in DNS' own form, or not at all.
    if headers.get("accept").is_none_or(|accept| accept != "application/dns-json") {
        return answer(415, &json!({ "error": "Accept has to be application/dns-json" }));
    }
    let (Some(name), Some(kind)) = (asked.get("name"), asked.get("type")) else {
        return answer(400, &json!({ "error": "name and type are needed" }));
    };
    let (number, found) = match kind.as_ref() {
        "PTR" => (12, zone::names_of(name)),
        "A" => (1, zone::addresses_of(name, false)),
        "AAAA" => (28, zone::addresses_of(name, true)),
        _ => return answer(400, &json!({ "error": format!("Invalid type `{kind}`") })),
    };
    let (status, data) = match found {
        Found::Records(data) => (0, data),
        Found::Nothing => (3, Vec::new()),
        Found::Failure => (2, Vec::new()),
        Found::SlowNothing => {
            tokio::time::sleep(SLOW).await;
            (3, Vec::new())
        }
    };
    let mut body = json!({
        "Status": status, "TC": false, "RD": true, "RA": true, "AD": false, "CD": false,
        "Question": [{ "name": name, "type": number }],
    });
    if !data.is_empty() {
        let record = |data: String| json!({ "name": name, "type": number, "TTL": 300, "data": data });
        body["Answer"] = data.into_iter().map(record).collect();
    }
    answer(200, &body)
}

fn answer(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/dns-json")
        .body(Body::from(body.to_string()))
        .expect("a constant header is valid")
}
