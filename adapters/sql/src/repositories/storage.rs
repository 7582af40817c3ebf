use async_trait::async_trait;
use portico_domain::{
    models::Timestamp,
    ports::{Storage, Unavailable},
};

use super::SqlRepositories;
use crate::statements::{PING, SESSIONS_PURGE, USED_STATES_PURGE};

#[async_trait]
impl Storage for SqlRepositories {
    async fn ping(&self) -> Result<(), Unavailable> {
        self.driver.run(PING.with(Vec::new())).await?;
        Ok(())
    }

    async fn purge_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let mut gone = 0;
        for statement in [&SESSIONS_PURGE, &USED_STATES_PURGE] {
            let left = i64::from(at_most) - gone;
            if left > 0 {
                let rows = self.driver.run(statement.with(vec![now.into(), left.into()])).await?;
                gone += i64::try_from(rows.len()).unwrap_or(left);
            }
        }
        Ok(gone.unsigned_abs())
    }
}
