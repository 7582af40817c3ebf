//! JSON answers with their cache rules and validators.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portico_domain::models::Digest;
use serde::Serialize;

use crate::{
    compression::plain_tag,
    problem::Problem,
    report::USUAL_HEADERS,
    routes::Shared,
    versions::{Version, Versioned},
};

/// Room for a body that fits into it, and for the beginning of one that doesn't.
const USUAL_BYTES: usize = 512;

/// Who may keep an answer, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep {
    /// Nobody: it carries secrets, or is true of this moment alone.
    Never,
    /// The caller's own cache, which asks again each time.
    Private,
    /// Anybody, for this many seconds.
    Public(u32),
    /// Anybody, who must ask each time whether it is still so.
    PublicValidated,
}

impl Keep {
    fn header(self) -> HeaderValue {
        match self {
            Self::Never => HeaderValue::from_static("no-store"),
            Self::Private => HeaderValue::from_static("private, no-cache"),
            Self::PublicValidated => HeaderValue::from_static("public, max-age=0, must-revalidate"),
            Self::Public(seconds) => HeaderValue::from_str(&format!("public, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("no-store")),
        }
    }
}

/// A JSON answer that is not validated later.
pub(crate) fn json(status: StatusCode, keep: Keep, body: &impl Serialize) -> Result<Response, Problem> {
    let mut response = json_response(Bytes::from(written(body)?));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, keep.header());
    Ok(response)
}

/// A body as JSON.
pub(crate) fn written(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, body).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(bytes)
}

/// With room for the headers that the boundary adds.
fn json_response(bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.reserve(USUAL_HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A JSON answer to a GET, with a strong validator; 304 when the client has these very bytes.
pub(crate) fn json_validated(
    request: &HeaderMap,
    keep: Keep,
    body: &impl Serialize,
) -> Result<Response, Problem> {
    let body = written(body)?;
    let tag = tag_of(&body);
    Ok(validated(request, keep, Bytes::from(body), tag))
}

/// The same of what is known by less than its bytes: nothing is written for a client that has it.
pub(crate) fn json_versioned<T: Serialize + Versioned>(
    shared: &Shared,
    request: &HeaderMap,
    keep: Keep,
    body: &T,
) -> Result<Response, Problem> {
    let tag = Version::of(shared.api.version, body).tag();
    match not_modified(request, keep, &tag) {
        Some(response) => Ok(response),
        None => Ok(modified(keep, Bytes::from(written(body)?), tag)),
    }
}

/// The same of a body that is written already.
pub(crate) fn validated(request: &HeaderMap, keep: Keep, body: Bytes, tag: HeaderValue) -> Response {
    not_modified(request, keep, &tag).unwrap_or_else(|| modified(keep, body, tag))
}

fn modified(keep: Keep, body: Bytes, tag: HeaderValue) -> Response {
    let mut response = json_response(body);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, keep.header());
    headers.insert(header::ETAG, tag);
    response
}

/// 304 for a client that has what this is the validator of.
fn not_modified(request: &HeaderMap, keep: Keep, tag: &HeaderValue) -> Option<Response> {
    let plain = tag.as_bytes();
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        // A GET compares weakly (RFC 9110, 13.1.2).
        .map(str::trim)
        .map(|known| known.strip_prefix("W/").unwrap_or(known))
        .find(|known| *known == "*" || plain_tag(known).as_bytes() == plain)?;
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    let headers = response.headers_mut();
    headers.reserve(USUAL_HEADERS);
    headers.insert(header::CACHE_CONTROL, keep.header());
    // What the client has may be a compressed body's: it is told its own validator again.
    let known = Some(known).filter(|known| *known != "*").and_then(|known| HeaderValue::from_str(known).ok());
    headers.insert(header::ETAG, known.unwrap_or_else(|| tag.clone()));
    Some(response)
}

/// A strong validator: half of the bytes' SHA-256.
pub(crate) fn tag_of(bytes: &[u8]) -> HeaderValue {
    let mut tag = Digest::of(bytes).to_hex();
    tag.truncate(32);
    HeaderValue::from_maybe_shared(Bytes::from(format!("\"{tag}\""))).expect("digits are visible")
}

/// Names what was made.
pub(crate) fn with_location(mut response: Response, path: &str) -> Response {
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// An answer without a body.
pub(crate) fn no_content() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
