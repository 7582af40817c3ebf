use std::sync::Arc;

use super::{ApiKeyError, check_end, check_scopes, new_text};
use crate::{
    models::{
        AccessClaims, ApiKey, ApiKeyId, ApiKeyText, InstanceId, KeyStatus, NewApiKey, Quota, Scopes,
        Timestamp,
    },
    ports::{ApiKeys, Clock, Entropy},
};

/// The key that somebody wants.
#[derive(Debug, Clone)]
pub struct CreateApiKeyRequest {
    /// What to call it.
    pub name: String,
    /// What it may do; nothing when empty.
    pub scopes: Scopes,
    /// The instances it is for; `None` for all, none when empty.
    pub instance_ids: Option<Vec<InstanceId>>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used.
    pub rate_limit: Option<Quota>,
}

/// A key with its text, which is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub text: ApiKeyText,
}

/// Makes a key for the caller's organization.
pub struct CreateApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes the text and the identifier.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps keys.
    pub keys: Arc<dyn ApiKeys>,
}

impl CreateApiKey {
    /// Makes the key and gives its text, once.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        request: CreateApiKeyRequest,
    ) -> Result<MadeApiKey, ApiKeyError> {
        let now = self.clock.now();
        check_scopes(request.scopes, caller.role)?;
        check_end(request.expires_at, now)?;
        let text = new_text(self.entropy.as_ref())?;
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()?[..10]);
        let key = ApiKey {
            id: ApiKeyId::generate(now, random),
            name: request.name,
            prefix: text.shown().to_owned(),
            organization_id: caller.organization_id,
            scopes: request.scopes,
            instance_ids: request.instance_ids,
            status: KeyStatus::Active,
            expires_at: request.expires_at,
            rate_limit: request.rate_limit,
            created_at: now,
            last_used_at: None,
        };
        let new = NewApiKey { key: key.clone(), made_by: caller.user_id, digest: text.digest() };
        self.keys.create(new).await?;
        Ok(MadeApiKey { key, text })
    }
}
