use async_trait::async_trait;
use portico_domain::{
    models::{ModelId, Timestamp, UserId, UserSettings},
    ports::{Unavailable, UserSettingsStore},
};
use serde_json::{Map, Value as Json};

use super::SqlRepositories;
use crate::{
    driver::{Row, SERVICE},
    statements::{USER_SETTINGS_OF, USER_SETTINGS_REPLACE},
};

#[async_trait]
impl UserSettingsStore for SqlRepositories {
    async fn of(&self, user: UserId) -> Result<Option<UserSettings>, Unavailable> {
        let rows = self.driver.run(USER_SETTINGS_OF.with(vec![user.uuid().into()])).await?;
        rows.into_iter().next().map(settings).transpose()
    }

    async fn replace(
        &self,
        user: UserId,
        settings: UserSettings,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let ids = |models: Vec<ModelId>| models.iter().map(ModelId::as_str).collect::<Json>().to_string();
        let models = settings.enabled_models.map(ids);
        let parameters = vec![
            user.uuid().into(),
            Json::Object(settings.preferences).to_string().into(),
            models.into(),
            at.into(),
        ];
        Ok(!self.driver.run(USER_SETTINGS_REPLACE.with(parameters)).await?.is_empty())
    }
}

/// A restriction that can't be read is a fault: to go on without it would be to allow what somebody ruled out.
fn settings(mut row: Row) -> Result<UserSettings, Unavailable> {
    let unreadable =
        |_| Unavailable::new(SERVICE, "stored settings of a person are not of this program's form");
    let preferences: String = row.take()?;
    let preferences: Map<String, Json> = serde_json::from_str(&preferences).map_err(unreadable)?;
    let models: Option<String> = row.take()?;
    let enabled_models =
        models.map(|models| serde_json::from_str(&models)).transpose().map_err(unreadable)?;
    Ok(UserSettings { preferences, enabled_models })
}
