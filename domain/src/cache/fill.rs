//! Loads that are made in bulk.

use std::time::Duration;

use super::{Freshness, ReadThrough, Source};
use crate::{
    models::Timestamp,
    ports::{SharedEntry, SharedMark},
};

impl<S: Source> ReadThrough<S> {
    /// The mark under which the shared tier may be given an entry that is loaded from now on. `None` where there is nothing to be gained: no such tier, none that
    /// answers, a policy without it, or a fresh entry there already.
    pub async fn begin_share(&self, id: &S::Id) -> Option<SharedMark> {
        let inner = &self.inner;
        let key = inner.source.key(id);
        let policy = inner.cache.strategies.of(&key).policy;
        let shared = inner.cache.shared.as_ref().filter(|_| policy.tiers.shared())?;
        let answer = shared.get(&key).await?;
        let now = inner.cache.clock.now();
        let is_fresh = |entry: SharedEntry| {
            policy.freshness(&key, entry.loaded_at, now, entry.value.is_some()) == Freshness::Fresh
        };
        (!answer.entry.is_some_and(is_fresh)).then_some(answer.mark)
    }

    /// Gives the shared tier what was loaded since `mark` was taken, at `loaded_at` or later. Says whether the tier keeps it.
    pub async fn share(&self, mark: SharedMark, loaded_at: Timestamp, id: &S::Id, value: &S::Value) -> bool {
        let inner = &self.inner;
        let key = inner.source.key(id);
        let policy = inner.cache.strategies.of(&key).policy;
        let Some(shared) = inner.cache.shared.as_ref().filter(|_| policy.tiers.shared()) else {
            return false;
        };
        let Ok(json) = serde_json::to_vec(value) else { return false };
        let entry = SharedEntry {
            value: Some(json),
            subjects: inner.subjects(id, &key, Some(value)),
            loaded_at,
            // The load was one for many; none of them is to count for the whole of it.
            load_time: Duration::ZERO,
        };
        shared.set(&key, &entry, mark, policy.keep_for(true)).await == Some(true)
    }
}
