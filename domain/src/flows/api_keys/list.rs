use std::sync::Arc;

use super::ApiKeyError;
use crate::{
    models::{AccessClaims, ApiKey, ApiKeyId, Cursor, Page, PageRequest},
    ports::{ApiKeys, Unavailable},
};

/// Shows an organization's keys; never their texts.
pub struct ListApiKeys {
    /// Keeps keys.
    pub keys: Arc<dyn ApiKeys>,
}

impl ListApiKeys {
    /// Reads one page, revoked keys too.
    pub async fn run(&self, caller: &AccessClaims, page: PageRequest) -> Result<Page<ApiKey>, Unavailable> {
        let rows = self.keys.list(caller.organization_id, page).await?;
        Ok(Page::cut(rows, page.limit, |key| Cursor::at(key.created_at, key.id.uuid())))
    }

    /// Finds one key.
    pub async fn one(&self, caller: &AccessClaims, id: ApiKeyId) -> Result<ApiKey, ApiKeyError> {
        self.keys.by_id(caller.organization_id, id).await?.ok_or(ApiKeyError::NotFound)
    }
}
