use std::sync::Arc;

use super::{ApiKeyError, changed, check_end, check_scopes};
use crate::{
    models::{AccessClaims, ApiKey, ApiKeyId},
    ports::{ApiKeys, Clock, KeyChange},
};

/// Changes what a key is called, may do, or when it ends.
pub struct ChangeApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps keys.
    pub keys: Arc<dyn ApiKeys>,
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
        changed(self.keys.change(caller.organization_id, id, change).await?)
    }
}
