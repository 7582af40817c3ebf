use std::{sync::Arc, time::Duration};

use super::shared::Kept;
use crate::ports::{Clock, Storage, Unavailable};

/// How long what was seen before is told while somebody looks anew.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// Whether what the service needs can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether storage answered.
    pub storage: bool,
}

/// Looks at what the service needs, and keeps what it saw for a few seconds, so that many monitors cost one look.
pub struct Health {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What is looked at.
    pub storage: Arc<dyn Storage>,
    /// What was seen last.
    pub kept: Kept<HealthReport>,
}

impl Health {
    /// What was seen in the last few seconds, or a fresh look. While one request looks anew, others are told what was seen before: storage that is slow to
    /// answer must not be asked by as many as there are monitors.
    pub async fn report(&self) -> HealthReport {
        let now = self.clock.now();
        if let Some(kept) = self.kept.get_or_begin(now, LOOK_LIMIT) {
            return kept;
        }
        let report = HealthReport { storage: self.storage.ping().await.is_ok() };
        self.kept.put(now, report);
        report
    }

    /// Whether traffic may come: always a fresh look.
    pub async fn ready(&self) -> Result<(), Unavailable> {
        self.storage.ping().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flows::testing::clock, ports::MockStorage};

    fn flow(lifetime: Duration, pings: usize) -> Health {
        let mut storage = MockStorage::new();
        storage.expect_ping().times(pings).returning(|| Ok(()));
        Health { clock: clock(), storage: Arc::new(storage), kept: Kept::new(lifetime) }
    }

    #[tokio::test]
    async fn many_monitors_cost_one_look() {
        let health = flow(Duration::from_secs(5), 1);
        assert!(health.report().await.storage);
        assert!(health.report().await.storage);
    }

    #[tokio::test]
    async fn readiness_is_never_kept() {
        let health = flow(Duration::from_secs(5), 2);
        health.ready().await.unwrap();
        health.ready().await.unwrap();
    }
}
