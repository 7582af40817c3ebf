//! What people set for themselves: preferences, the models they want, the providers they have keys of.
//!
//! What must hold:
//! - **A key at a provider is stored encrypted**, bound to its owner and provider: a ciphertext that is moved to another row doesn't open. It is never shown again;
//!   its last characters are.
//! - **Every write drops the person's list of models** before it returns.
//! - **A key under an old encryption key opens until the last row is under the present one**, and re-encryption never brings back a key that its owner has replaced.

mod open_key;
mod own;
mod providers;
mod rekey;
mod store_key;
mod writes;

pub use open_key::{OpenKeyError, OpenProviderKey};
pub use own::{ReplaceUserSettings, ShowUserSettings};
pub use providers::{ListProviders, SwitchProviders, SwitchRefused, SwitchRequest};
pub use rekey::{RefusedKey, RekeyProgress, RekeyProviderKeys, RekeyReport};
pub use store_key::{StoreKeyError, StoreProviderKey};
pub use writes::UserWrites;

use crate::ports::Unavailable;

/// Why something of the caller's was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserSettingsError {
    /// The account is gone; the token outlived it.
    #[error("the account no longer exists")]
    Gone,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

#[cfg(test)]
mod rekey_tests;
#[cfg(test)]
mod tests;
