//! Loads that are made in bulk.

use std::{sync::Arc, time::Duration};

use super::{Begun, Freshness, ReadThrough, Source};
use crate::ports::{SharedEntry, SharedMark};

impl<S: Source> ReadThrough<S> {
    /// The beginning of loads that are made in bulk, to be taken before storage is asked.
    #[must_use]
    pub fn begin_fill(&self) -> Begun {
        Begun { mark: self.inner.cache.fence.mark(), at: self.inner.cache.clock.now() }
    }

    /// Keeps in memory what was loaded in bulk since `begun`. Says whether its policy keeps it there.
    pub fn fill(&self, begun: Begun, id: &S::Id, value: S::Value) -> bool {
        let inner = &self.inner;
        let key = inner.source.key(id);
        if !inner.cache.strategies.of(&key).policy.tiers.memory() {
            return false;
        }
        let bytes = serde_json::to_vec(&value).map_or(0, |json| json.len());
        let load_time = inner.cache.clock.now().since(begun.at);
        let value = Some(Arc::new(value));
        let subjects = inner.subjects(id, &key, value.as_deref());
        inner.keep_in_memory(key, value, subjects, begun, load_time, bytes);
        inner.cache.counters(S::PREFIX).warmed();
        true
    }

    /// The mark under which the shared tier may be given an entry that is loaded from now on. `None` where there is nothing to be gained: no such tier, none that
    /// answers, a policy without it, or a fresh entry there already.
    pub async fn begin_share(&self, id: &S::Id) -> Option<SharedMark> {
        let inner = &self.inner;
        let key = inner.source.key(id);
        let policy = inner.cache.strategies.of(&key).policy;
        let is_shared = policy.tiers.shared() && inner.source.is_shared(id);
        let shared = inner.cache.shared.as_ref().filter(|_| is_shared)?;
        let answer = shared.get(&key).await?;
        let now = inner.cache.clock.now();
        let is_fresh = |entry: SharedEntry| {
            policy.freshness(&key, entry.loaded_at, now, entry.value.is_some()) == Freshness::Fresh
        };
        (!answer.entry.is_some_and(is_fresh)).then_some(answer.mark)
    }

    /// Gives the shared tier what was loaded since `begun`, after `mark` was taken. Says whether the tier keeps it.
    pub async fn share(&self, mark: SharedMark, begun: Begun, id: &S::Id, value: &S::Value) -> bool {
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
            loaded_at: begun.at,
            // The load was one for many; none of them is to count for the whole of it.
            load_time: Duration::ZERO,
        };
        shared.set(&key, &entry, mark, policy.keep_for(true)).await == Some(true)
    }
}
