use std::{sync::Arc, time::Duration};

use crate::{
    flows::shared::{Gate, from_gate},
    models::{ApiKeyText, Fact, InstanceId, KeyHolder, KeyStatus, Scope, Timestamp},
    ports::{Clock, DeferredWrites, KeyLookup, Unavailable},
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
/// 2. The key is found by its digest, with its maker, by one statement.
/// 3. [`judge`] says what it opens.
/// 4. Its own rate limit is asked.
/// 5. That it was used is handed to the deferred writes, once a minute: a check writes nothing itself.
pub struct CheckApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Finds keys.
    pub lookup: Arc<dyn KeyLookup>,
    /// Asks the key's rate limit.
    pub gate: Gate,
    /// Takes what is to be remembered.
    pub deferred: Arc<dyn DeferredWrites>,
}

impl CheckApiKey {
    /// How exact `last_used_at` is.
    pub const USE_INTERVAL: Duration = Duration::from_secs(60);

    /// Tells the story above, for what needs `scope`, if it needs any.
    pub async fn run(&self, text: &str, scope: Option<Scope>) -> Result<KeyHolder, KeyRefused> {
        let text = ApiKeyText::parse(text).ok_or(KeyRefused::Malformed)?;
        let now = self.clock.now();
        let holder = self.lookup.by_digest(text.digest()).await?.ok_or(KeyRefused::NotFound)?;
        judge(&holder, scope, None, now)?;
        self.admit(&holder).await?;
        self.remember(&holder, now).await?;
        Ok(holder)
    }

    /// Asks the key's own rate limit.
    pub(super) async fn admit(&self, holder: &KeyHolder) -> Result<(), KeyRefused> {
        let demand = Gate::demand("api-key", holder.key.rate_limit, &holder.key.id.to_string());
        Ok(self.gate.admit(demand.as_slice()).await?)
    }

    /// Hands over that the key was used, unless that is known for this minute.
    pub(super) async fn remember(&self, holder: &KeyHolder, now: Timestamp) -> Result<(), KeyRefused> {
        let known = |at: Timestamp| now.since(at) < Self::USE_INTERVAL;
        if holder.key.last_used_at.is_some_and(known) {
            return Ok(());
        }
        let is_known = |fact: &Fact| match fact {
            Fact::KeyUsed { key_id, at, .. } => *key_id == holder.key.id && known(*at),
            _ => false,
        };
        if self.deferred.pending(holder.maker.id).iter().any(is_known) {
            return Ok(());
        }
        let used = Fact::KeyUsed { key_id: holder.key.id, user_id: holder.maker.id, at: now };
        Ok(self.deferred.hand_over(vec![used]).await?)
    }
}
