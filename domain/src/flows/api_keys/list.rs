use std::sync::Arc;

use super::ApiKeyError;
use crate::{
    flows::shared::Signers,
    models::{
        AccessClaims, ApiKey, ApiKeyId, Cursor, CursorRefused, Order, OrganizationId, Page, PageRequest,
    },
    ports::{ApiKeys, MacPurpose, Unavailable},
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
        Ok(Page::cut(rows, page.limit, |key| Cursor { at: key.created_at, id: key.id.uuid() }))
    }

    /// Finds one key.
    pub async fn one(&self, caller: &AccessClaims, id: ApiKeyId) -> Result<ApiKey, ApiKeyError> {
        self.keys.by_id(caller.organization_id, id).await?.ok_or(ApiKeyError::NotFound)
    }
}

/// Reads and writes the cursors of an organization's list of keys.
pub struct ApiKeyCursors {
    /// Proves cursors.
    pub signers: Arc<Signers>,
}

impl ApiKeyCursors {
    /// Reads a cursor that this organization was given for this order.
    ///
    /// # Errors
    /// Outer: the keys could not be resolved. Inner: the cursor is not one of this list.
    pub async fn open(
        &self,
        text: &str,
        order: Order,
        organization: OrganizationId,
    ) -> Result<Result<Cursor, CursorRefused>, Unavailable> {
        let signer = self.signers.get().await?;
        let list = list_name(order, organization);
        Ok(Cursor::open(text, &list, |bytes| signer.mac(MacPurpose::Cursor, bytes)))
    }

    /// Writes where the next page begins.
    pub async fn seal(
        &self,
        cursor: Cursor,
        order: Order,
        organization: OrganizationId,
    ) -> Result<String, Unavailable> {
        let signer = self.signers.get().await?;
        Ok(cursor.seal(&list_name(order, organization), |bytes| signer.mac(MacPurpose::Cursor, bytes)))
    }
}

fn list_name(order: Order, organization: OrganizationId) -> String {
    format!("api-keys|{}|{organization}", order.as_str())
}
