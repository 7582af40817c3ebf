use async_trait::async_trait;

use super::Unavailable;
use crate::models::{
    ApiKey, ApiKeyId, Day, Digest, InstanceId, KeyHolder, NewApiKey, OrganizationId, PageRequest, Quota,
    Scopes, Timestamp,
};

/// What is to be different about a key; `None` leaves a member as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyChange {
    /// Another name.
    pub name: Option<String>,
    /// Other scopes.
    pub scopes: Option<Scopes>,
    /// Other instances, or all.
    pub instance_ids: Option<Option<Vec<InstanceId>>>,
    /// Another end, or none.
    pub expires_at: Option<Option<Timestamp>>,
    /// Another rate limit, or none.
    pub rate_limit: Option<Option<Quota>>,
}

/// A new text for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// Digest of the new text.
    pub digest: Digest,
    /// Its first characters.
    pub prefix: String,
    /// Until when the present text goes on working. A text that was superseded before ends now.
    pub old_until: Timestamp,
}

/// What became of changing a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChanged {
    /// It is done.
    Done {
        /// The key as it is now.
        key: Box<ApiKey>,
        /// The digests of its texts: the present one, and the superseded one if there is one.
        digests: Vec<Digest>,
    },
    /// It is revoked; nothing was written.
    Revoked,
    /// The organization has no such key.
    NotFound,
}

/// The API keys of organizations. A key of another organization is as good as none.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Stores a new key.
    async fn create(&self, key: NewApiKey) -> Result<(), Unavailable>;

    /// Finds a key.
    async fn by_id(&self, organization: OrganizationId, id: ApiKeyId) -> Result<Option<ApiKey>, Unavailable>;

    /// Lists keys by when they were made, revoked ones too, one more than the limit if there are more.
    async fn list(&self, organization: OrganizationId, page: PageRequest)
    -> Result<Vec<ApiKey>, Unavailable>;

    /// Changes a key that is not revoked, in one statement.
    async fn change(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        change: KeyChange,
    ) -> Result<KeyChanged, Unavailable>;

    /// Gives a key that is not revoked a new text, in one statement.
    async fn rotate(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        rotation: KeyRotation,
    ) -> Result<KeyChanged, Unavailable>;

    /// Revokes a key for good. Idempotent: the digests of its texts when the organization has the key, revoked before or not; `None` when it has not.
    async fn revoke(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<Vec<Digest>>, Unavailable>;
}

/// Finds keys by what is shown of them: the hot path.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait KeyLookup: Send + Sync {
    /// Finds whoever holds the key with this digest, by its present or its superseded text, by one statement. Revoked and expired keys are
    /// found as well: what they open is for the flow to say.
    async fn by_digest(&self, digest: Digest) -> Result<Option<KeyHolder>, Unavailable>;

    /// The keys that were used most on these days, most used first, at most `at_most` of them, each with the digest of its present text: what is worth having at hand.
    /// By one statement. Revoked keys are left out.
    async fn most_used(
        &self,
        first: Day,
        last: Day,
        at_most: u32,
    ) -> Result<Vec<(Digest, KeyHolder)>, Unavailable>;
}
