use std::sync::Arc;

use super::ApiKeyError;
use crate::{
    models::{AccessClaims, ApiKeyId},
    ports::{ApiKeys, Clock},
};

/// Revokes a key for good.
pub struct RevokeApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps keys.
    pub keys: Arc<dyn ApiKeys>,
}

impl RevokeApiKey {
    /// Revokes the key; doing it again changes nothing.
    pub async fn run(&self, caller: &AccessClaims, id: ApiKeyId) -> Result<(), ApiKeyError> {
        let known = self.keys.revoke(caller.organization_id, id, self.clock.now()).await?;
        if known { Ok(()) } else { Err(ApiKeyError::NotFound) }
    }
}
