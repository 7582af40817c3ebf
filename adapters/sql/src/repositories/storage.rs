use std::time::Duration;

use async_trait::async_trait;
use portico_domain::{
    flows::messaging::SendMessage,
    models::Timestamp,
    ports::{Storage, Unavailable},
};

use super::SqlRepositories;
use crate::statements::{
    IDEMPOTENCY_KEYS_PURGE, PING, SESSIONS_PURGE, USAGE_BATCHES_PURGE, USED_STATES_PURGE,
};

/// So long after it was added a batch of uses is sent by nobody any more, and its name can go.
const BATCHES_KEPT: Duration = Duration::from_secs(7 * 86_400);

#[async_trait]
impl Storage for SqlRepositories {
    async fn ping(&self) -> Result<(), Unavailable> {
        self.driver.run(PING.with(Vec::new())).await?;
        Ok(())
    }

    async fn purge_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let mut gone = 0;
        let statements = [
            (&SESSIONS_PURGE, now),
            (&USED_STATES_PURGE, now),
            (&USAGE_BATCHES_PURGE, now.before(BATCHES_KEPT)),
            (&IDEMPOTENCY_KEYS_PURGE, now.before(SendMessage::KEY_KEPT)),
        ];
        for (statement, until) in statements {
            let left = i64::from(at_most) - gone;
            if left > 0 {
                let rows = self.driver.run(statement.with(vec![until.into(), left.into()])).await?;
                gone += i64::try_from(rows.len()).unwrap_or(left);
            }
        }
        Ok(gone.unsigned_abs())
    }
}
