//! Answers that pages of other origins may read (the Fetch standard's CORS), where an operator has named such origins.
//!
//! Written here, because problems become answers only at the boundary, outside every layer of the router, and are to be read by those pages as well; and because a
//! preflight is answered with the methods of its own path, which the router knows.
//!
//! A preflight comes without credentials and asks nothing of anybody. So it is answered before programs are sorted and requests counted.

use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use portico_domain::settings::{AllowedOrigins, BrowserSettings};
use tower::Service;

/// What Portico reads of a request.
const READ: HeaderValue = HeaderValue::from_static(
    "accept, authorization, content-type, idempotency-key, if-none-match, traceparent, tracestate, x-api-key, x-request-id",
);
/// What it tells beside the body, and a page wouldn't be shown otherwise.
const TOLD: HeaderValue = HeaderValue::from_static(
    "etag, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after, server-timing, x-portico-degraded, x-request-id",
);

/// Tells browsers whose pages may read answers.
pub(crate) struct Cors {
    origins: Origins,
    credentials: bool,
    max_age: HeaderValue,
    /// The routes as they are, without whatever refuses requests before them.
    routes: Router,
}

enum Origins {
    Any,
    Listed(Vec<HeaderValue>),
}

/// The part of a request that its answer depends on.
pub(crate) struct Asking {
    origin: Option<HeaderValue>,
    /// What a preflight asks about.
    preflight: Option<Uri>,
}

impl Asking {
    /// Keeps it.
    pub(crate) fn of(request: &Request<Body>) -> Self {
        let headers = request.headers();
        let origin = headers.get(header::ORIGIN).cloned();
        let is_preflight = origin.is_some()
            && *request.method() == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        Self { origin, preflight: is_preflight.then(|| request.uri().clone()) }
    }

    /// Whether a browser asks what it may ask.
    pub(crate) const fn is_preflight(&self) -> bool {
        self.preflight.is_some()
    }
}

impl Cors {
    /// Reads what was set; `None` where other origins' pages read nothing.
    pub(crate) fn of(settings: &BrowserSettings, routes: &Router) -> Option<Self> {
        let origins = match &settings.origins {
            AllowedOrigins::Own => return None,
            AllowedOrigins::Any => Origins::Any,
            AllowedOrigins::Listed(origins) => Origins::Listed(
                origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
            ),
        };
        Some(Self {
            origins,
            credentials: settings.credentials,
            max_age: HeaderValue::from(settings.preflight_lifetime.as_secs()),
            routes: routes.clone(),
        })
    }

    /// What the path allows, if it is a preflight that asks: as the router answers the method that no route has.
    pub(crate) async fn preflight(&self, asking: &Asking) -> Option<Response> {
        let mut plain = Request::new(Body::empty());
        *plain.uri_mut() = asking.preflight.clone()?;
        *plain.method_mut() = Method::OPTIONS;
        let Ok(response) = self.routes.clone().call(plain).await;
        Some(response)
    }

    /// Says who may read the answer.
    pub(crate) fn mark(&self, asking: &Asking, headers: &mut HeaderMap) {
        let allowed = match &self.origins {
            Origins::Any => HeaderValue::from_static("*"),
            Origins::Listed(origins) => {
                headers.append(header::VARY, HeaderValue::from_static("origin"));
                match asking.origin.as_ref().filter(|origin| origins.contains(origin)) {
                    Some(origin) => origin.clone(),
                    None => return,
                }
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if !asking.is_preflight() {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, TOLD);
            return;
        }
        if let Some(methods) = headers.get(header::ALLOW).cloned() {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, READ);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
    }
}
