//! Which statements each request sent: for finding what asks the database too often, and off unless a runtime asks for it.

use std::sync::Arc;

use portico_domain::meter::Sent;

/// What is recorded of one request.
#[derive(Debug)]
pub struct RecordedRequest<'a> {
    /// Its id.
    pub request_id: &'a str,
    /// Its method.
    pub method: &'a str,
    /// The route that its path is of, with its places: `/api/v1/orders/{id}`. None where there is no such route.
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
