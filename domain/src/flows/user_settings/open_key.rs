use std::sync::Arc;

use crate::{
    models::{ProviderName, Secret, StoredProviderKey, UserId},
    ports::{OpenRefused, ProviderKeys, Sealer, Unavailable},
};

/// Why a key can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenKeyError {
    /// None is stored.
    #[error("no key is stored")]
    NotStored,
    /// Its owner has switched the provider off.
    #[error("the provider is switched off")]
    SwitchedOff,
    /// It doesn't open; its owner has to store it again, or the operator to give its encryption key back.
    #[error("the stored key can't be opened: {0}")]
    Refused(#[from] OpenRefused),
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Reads somebody's key back, for what asks the provider on their behalf. No route shows it.
pub struct OpenProviderKey {
    /// Keeps keys.
    pub keys: Arc<dyn ProviderKeys>,
    /// Opens them.
    pub sealer: Arc<dyn Sealer>,
}

impl OpenProviderKey {
    /// Finds and opens the key.
    pub async fn run(&self, user: UserId, provider: &ProviderName) -> Result<Secret, OpenKeyError> {
        let stored = self.keys.find(user, provider).await?.ok_or(OpenKeyError::NotStored)?;
        if !stored.enabled {
            return Err(OpenKeyError::SwitchedOff);
        }
        // Bound to who asked, not to what the row says of itself.
        Ok(self.sealer.open(&stored.sealed, &StoredProviderKey::binding(user, provider))?)
    }
}
