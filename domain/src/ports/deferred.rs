use async_trait::async_trait;

use super::Unavailable;
use crate::models::{Fact, UserId};

/// Takes facts whose record may follow the answer.
///
/// Adapters keep what they took until it is written: retried with backoff, counted, drained at shutdown, and natively journalled, so that
/// a killed process finishes at its next start.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DeferredWrites: Send + Sync {
    /// Takes the facts. Returns as soon as they can no longer be lost by this process' death (natively), or at once (on Workers,
    /// where the runtime keeps the request alive for them). Never waits for the database, unless writing is not deferred at all.
    async fn hand_over(&self, facts: Vec<Fact>) -> Result<(), Unavailable>;

    /// The facts about this person that this process or isolate has taken and not yet written, oldest first, so that their owner
    /// doesn't notice the delay.
    fn pending(&self, user: UserId) -> Vec<Fact>;
}

/// Writes facts down.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FactStore: Send + Sync {
    /// Writes all of them in one step. Idempotent by the facts' own meaning; a fact about an account that is gone is dropped.
    async fn record(&self, facts: &[Fact]) -> Result<(), Unavailable>;
}
