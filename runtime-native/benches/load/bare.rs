//! What Portico is measured against: axum with one route, and nothing but the answer in it.

use axum::{
    Router,
    http::{HeaderName, HeaderValue},
    routing::get,
    serve::ListenerExt,
};
use serde_json::Value;

/// Answers `path` of the description with its headers and its body, and says where on the standard output.
pub async fn serve(answer: &str) {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers: Vec<(HeaderName, HeaderValue)> = answer["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (text(&pair[0]).parse().unwrap(), text(&pair[1]).parse().unwrap()))
        .collect();
    let body = axum::body::Bytes::from(text(&answer["body"]));
    let handler = move || {
        let (headers, body) = (headers.clone(), body.clone());
        async move {
            let mut response = axum::response::Response::new(axum::body::Body::from(body));
            response.headers_mut().reserve(headers.len());
            response.headers_mut().extend(headers);
            response
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new().route(&text(&answer["path"]), get(handler));
    axum::serve(listener, router).await.unwrap();
}
