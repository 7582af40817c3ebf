use std::sync::Arc;

use super::{UserSettingsError, UserWrites};
use crate::{
    models::{AccessClaims, UserSettings},
    ports::{Clock, Unavailable, UserSettingsStore},
};

/// Shows the caller what they have set.
pub struct ShowUserSettings {
    /// Keeps it.
    pub settings: Arc<dyn UserSettingsStore>,
}

impl ShowUserSettings {
    /// Reads it; who never set anything has no preferences and no restriction.
    pub async fn run(&self, caller: &AccessClaims) -> Result<UserSettings, Unavailable> {
        Ok(self.settings.of(caller.user_id).await?.unwrap_or_default())
    }
}

/// Replaces the whole of what the caller has set.
pub struct ReplaceUserSettings {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps it.
    pub settings: Arc<dyn UserSettingsStore>,
    /// Drops what is cached of it.
    pub writes: UserWrites,
}

impl ReplaceUserSettings {
    /// Sets it, and gives it back.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        settings: UserSettings,
    ) -> Result<UserSettings, UserSettingsError> {
        let (store, user, now) = (Arc::clone(&self.settings), caller.user_id, self.clock.now());
        let wanted = settings.clone();
        let is_known = self.writes.write(user, async move { store.replace(user, wanted, now).await }).await?;
        if is_known { Ok(settings) } else { Err(UserSettingsError::Gone) }
    }
}
