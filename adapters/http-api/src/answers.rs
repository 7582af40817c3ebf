//! JSON answers with their cache rules and validators.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portico_domain::models::Digest;
use serde::Serialize;

use crate::{compression::plain_tag, problem::Problem};

/// Who may keep an answer, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep {
    /// Nobody: it carries secrets, or is true of this moment alone.
    Never,
    /// The caller's own cache, which asks again each time.
    Private,
    /// Anybody, for this many seconds.
    Public(u32),
}

impl Keep {
    fn header(self) -> HeaderValue {
        match self {
            Self::Never => HeaderValue::from_static("no-store"),
            Self::Private => HeaderValue::from_static("private, no-cache"),
            Self::Public(seconds) => HeaderValue::from_str(&format!("public, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("no-store")),
        }
    }
}

/// A JSON answer that is not validated later.
pub(crate) fn json(status: StatusCode, keep: Keep, body: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(error.to_string()))?;
    let mut response = (status, bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, keep.header());
    Ok(response)
}

/// A JSON answer to a GET, with a strong validator; 304 when the client has these very bytes.
pub(crate) fn json_validated(
    request: &HeaderMap,
    keep: Keep,
    body: &impl Serialize,
) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(error.to_string()))?;
    let tag = format!("\"{}\"", &Digest::of(&bytes).to_hex()[..32]);
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        // A GET compares weakly (RFC 9110, 13.1.2).
        .map(|known| known.trim().trim_start_matches("W/"))
        .find(|known| *known == "*" || plain_tag(known) == tag);
    let mut response = if known.is_some() {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = bytes.into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, keep.header());
    // What the client has may be a compressed body's: it is told its own validator again.
    let tag = known.filter(|known| *known != "*").unwrap_or(&tag);
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

/// An answer without a body.
pub(crate) fn no_content() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
