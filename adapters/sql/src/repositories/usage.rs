use std::collections::BTreeMap;

use async_trait::async_trait;
use portico_domain::{
    models::{ApiKeyId, Day, KeyUses, OrganizationId, UsageBatch},
    ports::{KeyUsage, Unavailable},
};
use serde_json::{Value as Json, json};

use super::SqlRepositories;
use crate::{
    driver::{DriverError, Row, SERVICE},
    statements::{KEY_USAGE_ADD, KEY_USAGE_OF, USAGE_BATCH_INSERT},
};

#[async_trait]
impl KeyUsage for SqlRepositories {
    /// The batch's name is written first: a batch that was added before is refused there, and one that is just being added is waited for.
    async fn add(&self, batch: &UsageBatch) -> Result<(), Unavailable> {
        if batch.uses.is_empty() {
            return Ok(());
        }
        let calls = vec![
            USAGE_BATCH_INSERT.with(vec![batch.id.into(), self.clock.now().into()]),
            KEY_USAGE_ADD.with(vec![rows(&batch.uses).to_string().into()]),
        ];
        match self.driver.transact(calls).await {
            Ok(_) => Ok(()),
            Err(DriverError::UniqueViolation { constraint }) if constraint.starts_with("usage_batches_") => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn of(
        &self,
        organization: OrganizationId,
        key: ApiKeyId,
        since: Day,
    ) -> Result<Option<Vec<(Day, u64)>>, Unavailable> {
        let parameters = vec![key.uuid().into(), organization.uuid().into(), i64::from(since.0).into()];
        let rows = self.driver.run(KEY_USAGE_OF.with(parameters)).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let days: Result<Vec<_>, _> = rows.into_iter().map(day).collect();
        Ok(Some(days?.into_iter().flatten().collect()))
    }
}

/// The rows in the order of their keys, none twice, because one statement can't touch a row twice; with moments in the form of either database.
fn rows(uses: &[KeyUses]) -> Json {
    let mut ordered: BTreeMap<(ApiKeyId, Day), KeyUses> = BTreeMap::new();
    for one in uses {
        let sum = ordered.entry((one.key_id, one.day)).or_insert(KeyUses { uses: 0, ..*one });
        sum.uses = sum.uses.saturating_add(one.uses);
        sum.last_at = sum.last_at.max(one.last_at);
    }
    let row = |one: KeyUses| {
        json!({
            "key_id": one.key_id,
            "day": one.day,
            "uses": i64::try_from(one.uses).unwrap_or(i64::MAX),
            "last_at": one.last_at,
            "last_micros": one.last_at.micros(),
        })
    };
    Json::Array(ordered.into_values().map(row).collect())
}

/// A key that was never used is one row without a day.
fn day(mut row: Row) -> Result<Option<(Day, u64)>, Unavailable> {
    let (day, uses): (Option<i64>, Option<i64>) = (row.take()?, row.take()?);
    let Some((day, uses)) = day.zip(uses) else { return Ok(None) };
    let read = i32::try_from(day).ok().map(Day).zip(u64::try_from(uses).ok());
    read.map(Some).ok_or_else(|| Unavailable::new(SERVICE, "a key's stored uses are out of bounds"))
}
