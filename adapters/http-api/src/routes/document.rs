//! The description of this surface as `OpenAPI`, rendered from `describe` beforehand.

use std::{
    io::Read,
    sync::{Arc, OnceLock},
};

use axum::{Router, extract::Request, response::Response, routing::get};
use bytes::Bytes;
use flate2::read::GzDecoder;

use super::Shared;
use crate::{answers::Keep, problem::Problem, rendered::Written};

/// Packed: most processes are never asked for it.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));
/// It changes with the version that serves alone.
const KEEP: Keep = Keep::Public(300);

static DOCUMENT: OnceLock<Written> = OnceLock::new();

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/openapi.json", get(show))
}

async fn show(request: Request) -> Result<Response, Problem> {
    let document = if let Some(document) = DOCUMENT.get() {
        document
    } else {
        let document = unpacked().map_err(|error| Problem::internal(error.to_string()))?;
        DOCUMENT.get_or_init(|| document)
    };
    Ok(document.clone().answer(request.headers(), KEEP))
}

fn unpacked() -> std::io::Result<Written> {
    let mut text = Vec::with_capacity(PACKED.len() * 10);
    GzDecoder::new(PACKED).read_to_end(&mut text)?;
    Ok(Written::as_it_is(Bytes::from(text)))
}
