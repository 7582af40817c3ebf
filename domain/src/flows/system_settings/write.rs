use std::{future::Future, sync::Arc};

use serde_json::Value;

use super::list::{all_settings, usual_pages};
use crate::{
    cache::{Cache, Finishing},
    models::{SettingKey, SystemSetting, uuid_v7},
    ports::{Background, Clock, Entropy, SystemSettings, Unavailable},
};

/// Why a setting was not removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SystemSettingError {
    /// There is none such.
    #[error("there is no such setting")]
    NotFound,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Writes settings and drops the cached lists, as one: a client that hangs up in between changes nothing about that.
#[derive(Clone)]
pub struct SettingWrites {
    /// Keeps settings.
    pub settings: Arc<dyn SystemSettings>,
    /// Keeps what was read of them.
    pub cache: Arc<Cache>,
    /// Finishes what was begun.
    pub background: Arc<dyn Background>,
}

impl SettingWrites {
    async fn write<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let cache = Arc::clone(&self.cache);
        Finishing::new(Arc::clone(&self.background), async move {
            let outcome = write.await;
            cache.invalidate(&usual_pages(), &[all_settings()]).await;
            outcome
        })
        .await
    }
}

/// Sets one, new or not.
pub struct SetSystemSetting {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes the identifier.
    pub entropy: Arc<dyn Entropy>,
    /// Writes settings.
    pub writes: SettingWrites,
}

impl SetSystemSetting {
    /// Sets it and gives it as it is now.
    pub async fn run(&self, key: SettingKey, value: Value) -> Result<SystemSetting, Unavailable> {
        let now = self.clock.now();
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()?[..10]);
        let settings = Arc::clone(&self.writes.settings);
        let id = uuid_v7(now, random);
        self.writes.write(async move { settings.set(key, id, value, now).await }).await
    }
}

/// Removes one.
pub struct RemoveSystemSetting {
    /// Writes settings.
    pub writes: SettingWrites,
}

impl RemoveSystemSetting {
    /// Removes it.
    pub async fn run(&self, key: SettingKey) -> Result<(), SystemSettingError> {
        let settings = Arc::clone(&self.writes.settings);
        let was_there = self.writes.write(async move { settings.remove(key).await }).await?;
        if was_there { Ok(()) } else { Err(SystemSettingError::NotFound) }
    }
}
