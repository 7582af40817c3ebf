use std::time::Duration;

use async_trait::async_trait;

use super::Unavailable;

/// A request to another service.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Header names in lower case, with values. May hold secrets.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none. May hold secrets.
    pub body: Vec<u8>,
    /// How long the whole exchange may take.
    pub time_limit: Duration,
}

impl std::fmt::Debug for FetchRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What the other service said.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body, 1 MiB at most. May hold secrets.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for FetchResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Asks another HTTP service. Follows no redirects.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`Unavailable`] when no answer came in time, or one of more than 1 MiB.
    async fn send(&self, request: FetchRequest) -> Result<FetchResponse, Unavailable>;
}
