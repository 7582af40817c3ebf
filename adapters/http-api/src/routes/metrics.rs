//! What this process has counted, for Prometheus.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, header};
use portico_domain::models::Secret;
use subtle::ConstantTimeEq;

use super::Shared;
use crate::{code::Code, credentials::admin, observe::MetricsAccess, problem::Problem};

/// `OpenMetrics`, which Prometheus asks for first.
const TEXT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/metrics", get(show))
}

async fn show(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let page = shared.metrics.as_ref();
    let page = page.ok_or_else(|| Problem::new(Code::NotFound, "There is nothing at this path."))?;
    match &page.access {
        MetricsAccess::Open => {}
        MetricsAccess::Admin(Some(token)) if is_scraper(&parts.headers, token) => {}
        MetricsAccess::Admin(_) => {
            admin(&shared, &parts).await?;
        }
    }
    let headers =
        [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, (page.exposition)().await).into_response())
}

/// Whether the one bearer token is the scraper's. How long this takes says nothing about how much of a guess is right.
fn is_scraper(headers: &HeaderMap, token: &Secret) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let value = value.as_bytes();
    let is_bearer = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    is_bearer && bool::from(value[7..].trim_ascii().ct_eq(token.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scrapers_token_is_its_own_and_there_once() {
        let token = Secret::new("an-obviously-fake-token");
        let is = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            is_scraper(&headers, &token)
        };
        assert!(is(&["Bearer an-obviously-fake-token"]) && is(&["bearer  an-obviously-fake-token"]));
        for wrong in ["", "Bearer", "Bearer ", "Bearer an-obviously-fake-toke", "an-obviously-fake-token"] {
            assert!(!is(&[wrong]), "{wrong}");
        }
        assert!(!is(&[]));
        assert!(!is(&["Bearer an-obviously-fake-token", "Bearer an-obviously-fake-token"]));
    }
}
