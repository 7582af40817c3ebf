use std::{sync::Arc, time::Duration};

use super::Holders;
use crate::{
    flows::shared::{Gate, Uses, from_gate},
    models::{ApiKeyText, Digest, InstanceId, KeyHolder, KeyStatus, Quota, Scope, Timestamp},
    ports::{Clock, Unavailable},
};

/// Why a key opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// Its form or checksum is wrong; nobody was asked.
    #[error("the API key is not valid")]
    Malformed,
    /// Nobody has it.
    #[error("the API key is not valid")]
    NotFound,
    /// Somebody revoked it, or it was rotated and the grace is over.
    #[error("the API key was revoked")]
    Revoked,
    /// It ended by itself.
    #[error("the API key has expired")]
    Expired,
    /// It is not for this.
    #[error("the API key lacks the scope that this needs")]
    InsufficientScope,
    /// It is not for this instance.
    #[error("the API key is not for this instance")]
    WrongInstance,
    /// It is used too often.
    #[error("the API key is used too often")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(KeyRefused);

/// What a key that was found opens at `now`, as a pure function.
pub fn judge(
    holder: &KeyHolder,
    scope: Option<Scope>,
    instance: Option<InstanceId>,
    now: Timestamp,
) -> Result<(), KeyRefused> {
    let superseded = holder.superseded_until.is_some_and(|until| until <= now);
    if holder.key.status == KeyStatus::Revoked || superseded {
        return Err(KeyRefused::Revoked);
    }
    if holder.key.expires_at.is_some_and(|end| end <= now) {
        return Err(KeyRefused::Expired);
    }
    if scope.is_some_and(|scope| !holder.may(scope)) {
        return Err(KeyRefused::InsufficientScope);
    }
    if instance.is_some_and(|instance| !holder.is_for(instance)) {
        return Err(KeyRefused::WrongInstance);
    }
    Ok(())
}

/// Lets a program in by its key.
///
/// 1. Form and checksum: a string that can't be a key costs nothing.
/// 2. The key is found by its digest, with its maker: in the cache, or by one statement.
/// 3. [`judge`] says what it opens.
/// 4. Its own rate limit is asked.
/// 5. The use is counted, exactly once: into a ledger, so that a check writes nothing itself.
pub struct CheckApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Finds keys.
    pub holders: Holders,
    /// Asks the key's rate limit.
    pub gate: Gate,
    /// Counts uses.
    pub uses: Uses,
    /// The limit of keys that have none of their own.
    pub quota: Option<Quota>,
}

impl CheckApiKey {
    /// Tells the story above, for what needs `scope`, if it needs any.
    pub async fn run(&self, text: &str, scope: Option<Scope>) -> Result<Arc<KeyHolder>, KeyRefused> {
        let text = ApiKeyText::parse(text).ok_or(KeyRefused::Malformed)?;
        let now = self.clock.now();
        let holder = self.find(text.digest(), now).await?.ok_or(KeyRefused::NotFound)?;
        judge(&holder, scope, None, now)?;
        self.admit(&holder).await?;
        self.uses.count(holder.key.id, now).await?;
        Ok(holder)
    }

    /// Finds the key; what memory knows is taken from there without waiting for anything.
    pub(super) async fn find(
        &self,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Option<Arc<KeyHolder>>, Unavailable> {
        match self.holders.peek(&digest, now) {
            Some(known) => Ok(known),
            None => self.holders.get(&digest).await,
        }
    }

    /// Asks the key's own rate limit, or the one of keys that have none.
    pub(super) async fn admit(&self, holder: &KeyHolder) -> Result<(), KeyRefused> {
        let demand = Gate::demand("api-key", holder.key.rate_limit.or(self.quota), holder.key.id);
        Ok(self.gate.admit(demand.as_slice()).await?)
    }
}
