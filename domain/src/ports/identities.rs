use async_trait::async_trait;

use super::{AccountCreation, Unavailable};
use crate::models::{Digest, Email, EmailHolder, ExternalIdentity, NewAccount, Timestamp, User, UserId};

/// What storage knows of somebody who comes from a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityStanding {
    /// The account that this identity is linked to.
    pub linked: Option<User>,
    /// The account that has the profile's address.
    pub email_holder: Option<EmailHolder>,
}

/// What became of linking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkOutcome {
    /// The identity belongs to the account, now or already before.
    Linked,
    /// It belongs to another account, or the account has another identity of this provider; nothing was written.
    Taken,
}

/// Who our accounts are at other providers.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Identities: Send + Sync {
    /// Uses up a one-time state, known by its digest, until it would have expired anyway. `false` when it was used before; of any
    /// number of concurrent callers exactly one is told `true`.
    async fn use_state(&self, state: Digest, expires_at: Timestamp) -> Result<bool, Unavailable>;

    /// Finds what the linking rule needs, by one statement.
    async fn standing(
        &self,
        identity: &ExternalIdentity,
        email: &Email,
    ) -> Result<IdentityStanding, Unavailable>;

    /// Makes an account, its organization and its identity, all or none. [`AccountCreation::EmailTaken`] also when the identity was linked
    /// meanwhile.
    async fn create_account(
        &self,
        account: NewAccount,
        identity: &ExternalIdentity,
    ) -> Result<AccountCreation, Unavailable>;

    /// Links an identity to an account.
    async fn link(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        at: Timestamp,
    ) -> Result<LinkOutcome, Unavailable>;
}
