//! API keys: made, changed, rotated and revoked by people; shown by programs.
//!
//! What must hold:
//! - **A key has no more power than the person who made it**, at any time: scopes for admins are refused to others when a key is made or changed, and count
//!   only while the maker is an admin.
//! - **A string that can't be a key costs nothing**: its checksum is asked first.
//! - **A refusal is sure.** When storage can't be asked the answer is 503; a key is never refused for a reason that was not found out.
//! - **What was revoked stays revoked.** Keys are cached; every write drops what was cached before it returns, and no load that began earlier brings it
//!   back.
//! - **The text is shown once**, by making or rotating. Storage has its digest.

mod change;
mod check;
mod create;
mod holders;
mod list;
mod revoke;
mod rotate;
mod usage;
mod verify;
mod warmer;
mod writes;

pub use change::ChangeApiKey;
pub use check::{CheckApiKey, KeyRefused, judge};
pub use create::{CreateApiKey, CreateApiKeyRequest, MadeApiKey};
pub use holders::{HolderSource, Holders, holder_key, key_subject, maker_subject};
pub use list::ListApiKeys;
pub use revoke::RevokeApiKey;
pub use rotate::RotateApiKey;
pub use usage::{ShowKeyUsage, UsageReport};
pub use verify::{KeyVerdict, VerifyApiKey, VerifyApiKeyRequest};
pub use warmer::HotKeys;
pub use writes::KeyWrites;

use crate::{
    models::{ApiKey, ApiKeyText, Role, Scope, Scopes, Timestamp},
    ports::{Entropy, KeyChanged, Unavailable},
};

/// Why a key was not made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// The caller may not give what they don't have.
    #[error("only an admin can give the scope {}", .0.as_str())]
    ScopeForbidden(Scope),
    /// A key that ends before it begins.
    #[error("must be in the future")]
    ExpiresInPast,
    /// The caller's organization has no such key.
    #[error("there is no such key of yours")]
    NotFound,
    /// It opens nothing any more, so there is nothing to change.
    #[error("the key is revoked")]
    Revoked,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn check_scopes(scopes: Scopes, role: Role) -> Result<(), ApiKeyError> {
    match scopes.iter().find(|scope| scope.is_for_admins()) {
        Some(scope) if role != Role::Admin => Err(ApiKeyError::ScopeForbidden(scope)),
        _ => Ok(()),
    }
}

fn check_end(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), ApiKeyError> {
    if expires_at.is_some_and(|end| end <= now) { Err(ApiKeyError::ExpiresInPast) } else { Ok(()) }
}

fn new_text(entropy: &dyn Entropy) -> Result<ApiKeyText, Unavailable> {
    let random = [entropy.bytes()?, entropy.bytes()?].concat();
    ApiKeyText::generate(&random).ok_or_else(|| Unavailable::new("entropy", "gave too few usable bytes"))
}

fn changed(outcome: KeyChanged) -> Result<ApiKey, ApiKeyError> {
    match outcome {
        KeyChanged::Done { key, .. } => Ok(*key),
        KeyChanged::Revoked => Err(ApiKeyError::Revoked),
        KeyChanged::NotFound => Err(ApiKeyError::NotFound),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod warmer_tests;
