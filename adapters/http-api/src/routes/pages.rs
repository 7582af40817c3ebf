//! `/docs`: a page to read the API's description and to try it, which needs nothing from elsewhere.
//!
//! Its files are part of the program. Scripts and styles are files of their own, so that the page's policy need not allow any that stand in it.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Shared, not_found};
use crate::{answers::Keep, problem::Problem, rendered::Written, security::page_headers};

/// What the page may do: load its own files, ask its own server, and nothing else; nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    /// With its packed forms, once somebody asked.
    written: OnceLock<Written>,
}

impl File {
    const fn new(name: &'static str, kind: &'static str, text: &'static str) -> Self {
        Self { name, kind, text, written: OnceLock::new() }
    }

    fn answer(&self, request: &HeaderMap) -> Response {
        let written =
            self.written.get_or_init(|| Written::as_it_is(Bytes::from_static(self.text.as_bytes())));
        let mut response = written.clone().answer(request, Keep::PublicValidated);
        if response.status() == StatusCode::OK {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        }
        response
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static PAGE: File = File::new("", "text/html; charset=utf-8", include_str!("../pages/docs.html"));

static FILES: [File; 7] = [
    File::new("page.css", "text/css; charset=utf-8", include_str!("../pages/page.css")),
    File::new("page.js", SCRIPT, include_str!("../pages/page.js")),
    File::new("dom.js", SCRIPT, include_str!("../pages/dom.js")),
    File::new("schema.js", SCRIPT, include_str!("../pages/schema.js")),
    File::new("session.js", SCRIPT, include_str!("../pages/session.js")),
    File::new("try.js", SCRIPT, include_str!("../pages/try.js")),
    File::new("icon.svg", "image/svg+xml", include_str!("../pages/icon.svg")),
];

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/docs", get(page)).route("/docs/{file}", get(file))
}

async fn page(request: Request) -> Response {
    let mut response = PAGE.answer(request.headers());
    page_headers(response.headers_mut(), HeaderValue::from_static(POLICY));
    response
}

async fn file(
    State(_): State<Arc<Shared>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => Ok(file.answer(request.headers())),
        None => Err(not_found()),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::compression::{Accepted, apply};

    #[tokio::test]
    async fn a_file_is_packed_once() {
        let asked = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        for file in FILES.iter().chain([&PAGE]) {
            let packed = async || {
                let response = apply(file.answer(&asked), &Accepted::of(&asked)).await;
                assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{}", file.name);
                assert_eq!(response.headers()[header::CONTENT_TYPE], file.kind);
                response.into_body().collect().await.unwrap().to_bytes()
            };
            let (first, second) = (packed().await, packed().await);
            assert_eq!(first.as_ptr(), second.as_ptr(), "{}", file.name);
        }
    }
}
