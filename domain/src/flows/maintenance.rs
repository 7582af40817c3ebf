use std::sync::Arc;

use super::cache_operations::{WarmCaches, Warmed};
use crate::ports::{Clock, Storage, Unavailable};

/// What upkeep did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceReport {
    /// Whether the database was woken; `None` where prewarming is off. For the log: it stops nothing.
    pub prewarm: Option<Result<(), Unavailable>>,
    /// How many expired rows went, or why the purge stopped.
    pub purged: Result<u64, Unavailable>,
    /// How warming the caches went; empty where that is off.
    pub warmed: Vec<Warmed>,
}

/// Keeps the storage fit, every hour.
///
/// 1. Prewarm: the smallest query wakes a database that sleeps when idle, before somebody has to wait for it. Its failure is reported and
///    stops nothing.
/// 2. Expired rows go, in pages small enough not to hold anybody up, and at most so many pages at a time.
/// 3. The caches are filled with what will be asked.
pub struct Maintenance {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What is kept fit.
    pub storage: Arc<dyn Storage>,
    /// Whether to prewarm.
    pub prewarm: bool,
    /// Fills the caches, where that is on.
    pub warm: Option<Arc<WarmCaches>>,
}

impl Maintenance {
    /// Rows deleted by one statement.
    pub const PAGE: u32 = 500;
    /// Pages in one run; what is left goes in the next.
    pub const MAX_PAGES: u32 = 200;

    /// Wakes the database, if that is on.
    pub async fn prewarm(&self) -> Option<Result<(), Unavailable>> {
        if self.prewarm { Some(self.storage.ping().await) } else { None }
    }

    /// Tells the story above.
    pub async fn run(&self) -> MaintenanceReport {
        let prewarm = self.prewarm().await;
        let purged = self.purge().await;
        MaintenanceReport { prewarm, purged, warmed: self.warm().await }
    }

    /// Fills the caches, if that is on.
    pub async fn warm(&self) -> Vec<Warmed> {
        match &self.warm {
            Some(warm) => warm.by_itself().await,
            None => Vec::new(),
        }
    }

    async fn purge(&self) -> Result<u64, Unavailable> {
        let now = self.clock.now();
        let mut purged = 0;
        for _ in 0..Self::MAX_PAGES {
            let page = self.storage.purge_expired(now, Self::PAGE).await?;
            purged += page;
            if page < u64::from(Self::PAGE) {
                break;
            }
        }
        Ok(purged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flows::testing::clock, ports::MockStorage};

    #[tokio::test]
    async fn wakes_the_database_before_anything_else_and_goes_on_when_that_fails() {
        let mut order = mockall::Sequence::new();
        let mut storage = MockStorage::new();
        storage
            .expect_ping()
            .times(1)
            .in_sequence(&mut order)
            .returning(|| Err(Unavailable::new("storage", "asleep")));
        storage.expect_purge_expired().times(1).in_sequence(&mut order).returning(|_, _| Ok(500));
        storage.expect_purge_expired().times(1).in_sequence(&mut order).returning(|_, _| Ok(3));
        let flow = Maintenance { clock: clock(), storage: Arc::new(storage), prewarm: true, warm: None };
        let report = flow.run().await;
        assert!(matches!(report.prewarm, Some(Err(_))));
        assert_eq!(report.purged, Ok(503));
        assert_eq!(report.warmed, []);
    }

    #[tokio::test]
    async fn switched_off_nothing_is_woken_and_a_purge_is_bounded() {
        let mut storage = MockStorage::new();
        storage.expect_purge_expired().times(200).returning(|_, at_most| Ok(u64::from(at_most)));
        let flow = Maintenance { clock: clock(), storage: Arc::new(storage), prewarm: false, warm: None };
        let report = flow.run().await;
        assert_eq!(report.prewarm, None);
        assert_eq!(report.purged, Ok(100_000));
    }
}
