use std::sync::Arc;

use super::{ApiKeyError, KeyWrites, changed, check_end, check_scopes};
use crate::{
    models::{AccessClaims, ApiKey, ApiKeyId},
    ports::{Clock, KeyChange},
};

/// Changes what a key is called, may do, or when it ends.
pub struct ChangeApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Writes keys, and drops what is cached of them.
    pub writes: KeyWrites,
}

impl ChangeApiKey {
    /// Changes the key and gives it as it is now.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        id: ApiKeyId,
        change: KeyChange,
    ) -> Result<ApiKey, ApiKeyError> {
        check_scopes(change.scopes.unwrap_or_default(), caller.role)?;
        check_end(change.expires_at.flatten(), self.clock.now())?;
        changed(self.writes.change(caller.organization_id, id, change).await?)
    }
}
