use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    cache::{CacheKey, Prefix, ReadThrough, Source, Subject},
    models::{ApiKeyId, Digest, KeyHolder, UserId},
    ports::{KeyLookup, Unavailable},
};

/// Where keys come from when the cache has none: one statement.
pub struct HolderSource {
    /// Finds keys.
    pub lookup: Arc<dyn KeyLookup>,
}

/// Keys by the digest of what is shown of them, read through the cache.
///
/// Cached is what was stored, not what it opens: expiry, scope, instance and grace are judged at every check, and limits counted. A cached key
/// depends on the key, which is dropped by every change of it, and on its maker.
pub type Holders = ReadThrough<HolderSource>;

/// What everything that was read of a key depends on.
#[must_use]
pub fn key_subject(key: ApiKeyId) -> Subject {
    Subject::of(Prefix::ApiKey, key.uuid().as_bytes())
}

/// What every key depends on that this person made.
#[must_use]
pub fn maker_subject(maker: UserId) -> Subject {
    Subject::of(Prefix::ApiKey, maker.uuid().as_bytes())
}

/// The entry of the key with this digest.
#[must_use]
pub const fn holder_key(digest: Digest) -> CacheKey {
    CacheKey { prefix: Prefix::ApiKey, digest }
}

#[async_trait]
impl Source for HolderSource {
    type Id = Digest;
    type Value = KeyHolder;
    const PREFIX: Prefix = Prefix::ApiKey;

    fn key(&self, id: &Digest) -> CacheKey {
        holder_key(*id)
    }

    fn subjects(&self, _id: &Digest, holder: &KeyHolder) -> Vec<Subject> {
        vec![key_subject(holder.key.id), maker_subject(holder.maker.id)]
    }

    async fn load(&self, id: &Digest) -> Result<Option<KeyHolder>, Unavailable> {
        self.lookup.by_digest(*id).await
    }
}
