use std::{future::Future, sync::Arc};

use super::{holder_key, key_subject};
use crate::{
    cache::{Cache, Finishing},
    models::{ApiKeyId, Digest, OrganizationId, Timestamp},
    ports::{ApiKeys, Background, KeyChange, KeyChanged, KeyRotation, Unavailable},
};

/// Writes a key and drops what is cached of it, as one: a client that hangs up in between changes nothing about that.
///
/// When a write has returned, no check on this server is judged by the key as it was before. A write of which it is not known whether it went through drops as
/// well: a load too many is the smaller harm.
#[derive(Clone)]
pub struct KeyWrites {
    /// Keeps keys.
    pub keys: Arc<dyn ApiKeys>,
    /// Keeps what was read of them.
    pub cache: Arc<Cache>,
    /// Finishes what was begun.
    pub background: Arc<dyn Background>,
}

impl KeyWrites {
    /// Changes a key.
    pub async fn change(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        change: KeyChange,
    ) -> Result<KeyChanged, Unavailable> {
        let keys = Arc::clone(&self.keys);
        self.write(id, async move { keys.change(organization, id, change).await }, digests).await
    }

    /// Gives a key another text.
    pub async fn rotate(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        rotation: KeyRotation,
    ) -> Result<KeyChanged, Unavailable> {
        let keys = Arc::clone(&self.keys);
        self.write(id, async move { keys.rotate(organization, id, rotation).await }, digests).await
    }

    /// Revokes a key; `false` when the organization has none such.
    pub async fn revoke(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let keys = Arc::clone(&self.keys);
        let write = async move { keys.revoke(organization, id, at).await };
        let revoked = self.write(id, write, |digests| digests.clone().unwrap_or_default()).await?;
        Ok(revoked.is_some())
    }

    async fn write<T: Send + 'static>(
        &self,
        id: ApiKeyId,
        write: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
        digests: impl FnOnce(&T) -> Vec<Digest> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let cache = Arc::clone(&self.cache);
        Finishing::new(Arc::clone(&self.background), async move {
            let outcome = write.await;
            let known = outcome.as_ref().map(digests).unwrap_or_default();
            let entries: Vec<_> = known.into_iter().map(holder_key).collect();
            cache.invalidate(&entries, &[key_subject(id)]).await;
            outcome
        })
        .await
    }
}

fn digests(changed: &KeyChanged) -> Vec<Digest> {
    match changed {
        KeyChanged::Done { digests, .. } => digests.clone(),
        KeyChanged::Revoked | KeyChanged::NotFound => Vec::new(),
    }
}
