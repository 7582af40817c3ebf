use async_trait::async_trait;

use super::Unavailable;
use crate::models::{ProviderName, ProviderSetting, Sealed, StoredProviderKey, Timestamp, UserId};

/// What became of storing a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStored {
    /// It is stored.
    Stored,
    /// No model of the catalogue is of that provider; nothing was written.
    UnknownProvider,
    /// There is no such person; nothing was written.
    Gone,
}

/// What became of turning switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvidersSwitched {
    /// They are turned; these are all of the person's providers now.
    Done(Vec<ProviderSetting>),
    /// No model of the catalogue is of these providers; no switch was turned.
    Unknown(Vec<ProviderName>),
    /// There is no such person; no switch was turned.
    Gone,
}

/// People's keys at providers, which are stored encrypted alone, and the switches beside them.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ProviderKeys: Send + Sync {
    /// Stores somebody's key in place of any other of that provider, if the catalogue has such a provider: found out by the statement that writes. The switch stays as its
    /// owner left it; it is on where none was turned.
    async fn store(
        &self,
        user: UserId,
        provider: ProviderName,
        sealed: Sealed,
        last4: String,
        at: Timestamp,
    ) -> Result<KeyStored, Unavailable>;

    /// Shows somebody's providers, by name.
    async fn list(&self, user: UserId) -> Result<Vec<ProviderSetting>, Unavailable>;

    /// Turns these switches, all or none, in one atomic step. What isn't named stays as it is; a provider without a key is remembered with its switch. The moment of
    /// a switch that was so already stays. No provider may be named twice.
    async fn switch(
        &self,
        user: UserId,
        switches: Vec<(ProviderName, bool)>,
        at: Timestamp,
    ) -> Result<ProvidersSwitched, Unavailable>;

    /// Finds somebody's key at a provider; `None` when none is stored.
    async fn find(
        &self,
        user: UserId,
        provider: &ProviderName,
    ) -> Result<Option<StoredProviderKey>, Unavailable>;
}

/// The same keys as whoever changes the encryption goes through them.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SealedKeys: Send + Sync {
    /// The first id after `after` under which anything is encrypted, in the order of bytes; `None` when there is none.
    async fn next_key_id(&self, after: &str) -> Result<Option<String>, Unavailable>;

    /// Whose keys at which providers are encrypted under `key_id`, in a fixed order, after a place, at most `limit` of them.
    async fn places(
        &self,
        key_id: &str,
        after: Option<(UserId, ProviderName)>,
        limit: u32,
    ) -> Result<Vec<(UserId, ProviderName)>, Unavailable>;

    /// The keys themselves, in the same order.
    async fn under(
        &self,
        key_id: &str,
        after: Option<(UserId, ProviderName)>,
        limit: u32,
    ) -> Result<Vec<StoredProviderKey>, Unavailable>;

    /// Puts another ciphertext of the same key in place of `old`, by one statement. `false` when something else is stored there by now: then nothing was written.
    /// What its owner sees of the key stays as it is.
    async fn reseal(&self, old: &StoredProviderKey, new: Sealed) -> Result<bool, Unavailable>;
}
