use std::sync::Arc;

use super::UserWrites;
use crate::{
    models::{AccessClaims, ProviderApiKey, ProviderName, StoredProviderKey},
    ports::{Clock, KeyStored, ProviderKeys, Sealer, Unavailable},
};

/// Why a key was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreKeyError {
    /// No model of the catalogue is of that provider.
    #[error("is not a provider of the catalogue")]
    UnknownProvider,
    /// The account is gone; the token outlived it.
    #[error("the account no longer exists")]
    Gone,
    /// Something could not be asked, or there is nothing to encrypt with.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Stores the caller's key at a provider, in place of any other there.
///
/// 1. The key is encrypted, bound to caller and provider.
/// 2. One statement stores it, if the catalogue has such a provider.
/// 3. The caller's list of models is dropped.
pub struct StoreProviderKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Encrypts.
    pub sealer: Arc<dyn Sealer>,
    /// Keeps keys.
    pub keys: Arc<dyn ProviderKeys>,
    /// Drops what is cached of them.
    pub writes: UserWrites,
}

impl StoreProviderKey {
    /// Tells the story above.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        provider: ProviderName,
        key: &ProviderApiKey,
    ) -> Result<(), StoreKeyError> {
        let (user, now) = (caller.user_id, self.clock.now());
        let sealed = self.sealer.seal(key.secret(), &StoredProviderKey::binding(user, &provider))?;
        let (keys, last4) = (Arc::clone(&self.keys), key.last4());
        let store = async move { keys.store(user, provider, sealed, last4, now).await };
        match self.writes.write(user, store).await? {
            KeyStored::Stored => Ok(()),
            KeyStored::UnknownProvider => Err(StoreKeyError::UnknownProvider),
            KeyStored::Gone => Err(StoreKeyError::Gone),
        }
    }
}
