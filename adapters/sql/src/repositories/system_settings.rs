use async_trait::async_trait;
use portico_domain::{
    models::{Order, PageRequest, SettingKey, SystemSetting, Timestamp},
    ports::{SystemSettings, Unavailable},
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{SqlRepositories, places};
use crate::{
    driver::{Row, SERVICE},
    statements::{SETTING_REMOVE, SETTING_SET, SETTINGS_LIST_ASC, SETTINGS_LIST_DESC},
};

#[async_trait]
impl SystemSettings for SqlRepositories {
    async fn list(&self, page: PageRequest) -> Result<Vec<SystemSetting>, Unavailable> {
        let statement = match page.order {
            Order::Ascending => &SETTINGS_LIST_ASC,
            Order::Descending => &SETTINGS_LIST_DESC,
        };
        let after = places::start(page);
        let parameters = vec![after.time().into(), after.id.into(), (i64::from(page.limit) + 1).into()];
        let rows = self.driver.run(statement.with(parameters)).await?;
        rows.into_iter().map(setting).collect()
    }

    async fn set(
        &self,
        key: SettingKey,
        id: Uuid,
        value: Json,
        at: Timestamp,
    ) -> Result<SystemSetting, Unavailable> {
        let parameters = vec![key.as_str().into(), id.into(), value.to_string().into(), at.into()];
        let row = self.driver.run(SETTING_SET.with(parameters)).await?.into_iter().next();
        setting(row.ok_or_else(|| Unavailable::new(SERVICE, "a setting that was set gave no row"))?)
    }

    async fn remove(&self, key: SettingKey) -> Result<bool, Unavailable> {
        let removed = self.driver.run(SETTING_REMOVE.with(vec![key.as_str().into()])).await?;
        Ok(!removed.is_empty())
    }
}

fn setting(mut row: Row) -> Result<SystemSetting, Unavailable> {
    let (key, id) = (SettingKey::stored(row.take()?), row.take()?);
    let value = serde_json::from_str(&row.take::<String>()?).map_err(|_| {
        Unavailable::new(SERVICE, format!("the stored value of the setting {key} is not JSON"))
    })?;
    Ok(SystemSetting { key, id, value, created_at: row.take()?, updated_at: row.take()? })
}
