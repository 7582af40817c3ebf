//! What every `LocalCache` has to do: one suite, run on each adapter.

use std::{sync::Arc, time::Duration};

use portico_domain::{
    cache::{CacheKey, Mark, Prefix, Subject},
    models::Timestamp,
    ports::{LocalCache, LocalEntry, LocalStatistics},
};

use crate::MemoryCache;

pub(crate) const SEED: [u8; 32] = *b"an obviously fake seed, 32 bytes";

pub(crate) fn key(n: u32) -> CacheKey {
    CacheKey::of(Prefix::ApiKey, &n.to_le_bytes())
}

/// An entry whose value is `n` and which is said to be so large.
pub(crate) fn entry(n: u32, bytes: u32) -> Arc<LocalEntry> {
    made(Some(n), bytes)
}

/// An entry that says that there is no such thing.
pub(crate) fn negative() -> Arc<LocalEntry> {
    made(None, 0)
}

fn made(value: Option<u32>, bytes: u32) -> Arc<LocalEntry> {
    Arc::new(LocalEntry {
        value: value.map(|n| Arc::new(n) as Arc<dyn std::any::Any + Send + Sync>),
        mark: Mark::default(),
        subjects: vec![Subject::all_of(Prefix::ApiKey)],
        loaded_at: Timestamp::from_seconds(1_000),
        load_time: Duration::from_millis(2),
        bytes,
    })
}

fn value(entry: &LocalEntry) -> Option<u32> {
    entry.value.as_ref().map(|value| *Arc::clone(value).downcast::<u32>().unwrap())
}

/// Runs the suite on an empty cache that has room for a MiB at least.
fn holds(cache: &dyn LocalCache) {
    assert!(cache.get(&key(1)).is_none(), "an empty cache has nothing");
    let LocalStatistics { entries, bytes, capacity_bytes } = cache.statistics();
    assert_eq!((entries, bytes), (0, 0));
    assert!(capacity_bytes >= 1 << 20);

    cache.set(key(1), entry(10, 1_000));
    cache.set(key(2), negative());
    let kept = cache.get(&key(1)).unwrap();
    assert_eq!(value(&kept), Some(10));
    assert_eq!((kept.loaded_at, kept.load_time), (Timestamp::from_seconds(1_000), Duration::from_millis(2)));
    assert_eq!(value(&cache.get(&key(2)).unwrap()), None, "that there is nothing is kept too");
    let other_kind = CacheKey::of(Prefix::Bot, &1_u32.to_le_bytes());
    assert_eq!(other_kind.digest, key(1).digest);
    assert!(cache.get(&other_kind).is_none(), "the kind is part of the key");
    let two = cache.statistics();
    assert_eq!(two.entries, 2);
    assert!(two.bytes >= 1_000);

    cache.set(key(1), entry(11, 500));
    assert_eq!(value(&cache.get(&key(1)).unwrap()), Some(11), "the new one is in place of the one before");
    assert_eq!(cache.statistics().bytes, two.bytes - 500, "and is weighed in its place");
    assert_eq!(value(&kept), Some(10), "whoever holds the former goes on holding it");

    cache.delete(&key(1));
    cache.delete(&key(1));
    cache.delete(&key(3));
    assert!(cache.get(&key(1)).is_none());
    assert!(cache.get(&key(2)).is_some(), "only what was named is forgotten");

    cache.set(key(3), entry(30, 100));
    cache.clear();
    assert!(cache.get(&key(2)).is_none() && cache.get(&key(3)).is_none());
    assert_eq!(cache.statistics(), LocalStatistics { entries: 0, bytes: 0, capacity_bytes });
    cache.set(key(2), entry(20, 100));
    assert_eq!(value(&cache.get(&key(2)).unwrap()), Some(20), "it is as good as new");
}

#[test]
fn memory_cache_holds_the_contract() {
    holds(&MemoryCache::new(1 << 20, SEED));
    holds(&MemoryCache::new(64 << 20, SEED));
}
