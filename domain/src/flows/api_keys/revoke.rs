use std::sync::Arc;

use super::{ApiKeyError, KeyWrites};
use crate::{
    models::{AccessClaims, ApiKeyId},
    ports::Clock,
};

/// Revokes a key for good.
pub struct RevokeApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Writes keys, and drops what is cached of them.
    pub writes: KeyWrites,
}

impl RevokeApiKey {
    /// Revokes the key; doing it again changes nothing.
    pub async fn run(&self, caller: &AccessClaims, id: ApiKeyId) -> Result<(), ApiKeyError> {
        let known = self.writes.revoke(caller.organization_id, id, self.clock.now()).await?;
        if known { Ok(()) } else { Err(ApiKeyError::NotFound) }
    }
}
