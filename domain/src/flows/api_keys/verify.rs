use std::sync::Arc;

use super::{CheckApiKey, KeyRefused, judge};
use crate::{
    models::{ApiKeyText, InstanceId, KeyHolder, OrganizationId, Scope},
    ports::Unavailable,
};

/// A key that another service was shown, and what it is to open there.
#[derive(Debug, Clone)]
pub struct VerifyApiKeyRequest {
    /// What was shown.
    pub key: String,
    /// What it is to do.
    pub scope: Option<Scope>,
    /// Where.
    pub instance: Option<InstanceId>,
}

/// What is to be answered about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVerdict {
    /// The word of the contract: `valid`, or why not.
    pub code: &'static str,
    /// The key, where the asker may know of it.
    pub holder: Option<Arc<KeyHolder>>,
}

/// Checks a key on behalf of another service of the same organization.
///
/// A key of another organization is as good as none, so that nobody can find out what others have. The key's own rate limit counts here as it
/// does at the door, and a key that is found valid was used.
pub struct VerifyApiKey {
    /// Checks.
    pub check: Arc<CheckApiKey>,
}

impl VerifyApiKey {
    /// Says what the key opens.
    pub async fn run(
        &self,
        organization: OrganizationId,
        request: VerifyApiKeyRequest,
    ) -> Result<KeyVerdict, Unavailable> {
        let found = match ApiKeyText::parse(&request.key) {
            None => None,
            Some(text) => self.check.find(text.digest(), self.check.clock.now()).await?,
        };
        let Some(holder) = found.filter(|holder| holder.key.organization_id == organization) else {
            return Ok(KeyVerdict { code: "not_found", holder: None });
        };
        let outcome = self.judge(&holder, &request).await;
        let code = match outcome {
            Ok(()) => "valid",
            Err(KeyRefused::Malformed | KeyRefused::NotFound) => "not_found",
            Err(KeyRefused::Revoked) => "revoked",
            Err(KeyRefused::Expired) => "expired",
            Err(KeyRefused::InsufficientScope) => "insufficient_scope",
            Err(KeyRefused::WrongInstance) => "wrong_instance",
            Err(KeyRefused::Limited { .. }) => "rate_limited",
            Err(KeyRefused::Unavailable(unavailable)) => return Err(unavailable),
        };
        Ok(KeyVerdict { code, holder: Some(holder) })
    }

    async fn judge(&self, holder: &KeyHolder, request: &VerifyApiKeyRequest) -> Result<(), KeyRefused> {
        let now = self.check.clock.now();
        judge(holder, request.scope, request.instance, now)?;
        self.check.admit(holder).await?;
        Ok(self.check.uses.count(holder.key.id, now).await?)
    }
}
