use async_trait::async_trait;

use super::Unavailable;
use crate::models::{Admission, Demand};

/// Counts attempts and admits them while their quota lasts.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Decides one attempt by [`Gcra::decide`](crate::models::Gcra::decide) and keeps its result in the same step: concurrent attempts on
    /// one key are admitted exactly as often as if they came one after the other.
    async fn admit(&self, demand: &Demand) -> Result<Admission, Unavailable>;
}
