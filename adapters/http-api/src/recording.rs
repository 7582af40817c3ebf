//! Which statements each request sent: for finding what asks the database too often, and off unless a runtime asks for it.

use std::sync::Arc;

use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::{Next, from_fn},
    response::Response,
};
use portico_domain::meter::Sent;

/// What is recorded of one request.
#[derive(Debug)]
pub struct RecordedRequest<'a> {
    /// Its id.
    pub request_id: &'a str,
    /// Its method.
    pub method: &'a str,
    /// The route that answered, with its places: `/api/v1/orders/{id}`. None where no route did.
    pub route: Option<&'a str>,
    /// Its path.
    pub path: &'a str,
    /// The answer's status.
    pub status: u16,
    /// What it sent to the database, in order.
    pub statements: &'a [Sent],
}

/// Takes what is recorded. It is called in the request's task, after the answer is made: it must not wait.
pub type Recorder = Arc<dyn Fn(&RecordedRequest<'_>) + Send + Sync>;

/// The route that answered, on its way out in the answer's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Answered(pub(crate) MatchedPath);

/// Lets answers name their routes.
pub(crate) fn named(routes: Router) -> Router {
    routes.route_layer(from_fn(async |path: MatchedPath, request: Request, next: Next| -> Response {
        let mut response = next.run(request).await;
        response.extensions_mut().insert(Answered(path));
        response
    }))
}
