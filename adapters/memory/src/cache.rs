use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use portico_domain::{
    cache::CacheKey,
    ports::{LocalCache, LocalEntry, LocalStatistics},
};
use quick_cache::{Lifecycle, OptionsBuilder, Weighter, sync::Cache};

use crate::hash::{Seed, SpreadKey};

/// What an entry takes up beside its value: its place in the table and in the order of use, the entry itself, its allocations. `benches/local.rs` shows it.
const OVERHEAD_BYTES: u64 = 256;
/// The size that places for what was evicted lately are planned with.
const EXPECTED_BYTES: u64 = 1 << 10;
/// Each shard holds its part of the whole, and an entry has to fit into one: a shard isn't made smaller than this.
const LEAST_SHARD_BYTES: u64 = 4 << 20;
/// How many threads can write at the same moment, at best. An isolate has one.
const MOST_SHARDS: u64 = if cfg!(target_arch = "wasm32") { 1 } else { 16 };

/// Keeps entries in the memory of this process or isolate, within a number of bytes.
///
/// What was asked for once goes before what is asked for again and again (CLOCK-Pro+, as `quick_cache` does it): whoever sends a million unknown keys
/// pushes out other unknown keys. A read takes a shard's read lock for some ten nanoseconds and writes one counter; nothing is done behind, so
/// it needs no thread and no clock and is the same on Workers. An entry that is larger than a shard isn't kept.
pub struct MemoryCache {
    entries: Cache<SpreadKey, Arc<LocalEntry>, Weight, Seed, CountEvicted>,
    evicted: Arc<AtomicU64>,
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache").field("statistics", &self.statistics()).finish()
    }
}

impl MemoryCache {
    /// Keeps up to `capacity_bytes`, overhead included. `seed` is fresh entropy, so that nobody outside can choose keys that meet in one place.
    #[must_use]
    pub fn new(capacity_bytes: u64, seed: [u8; 32]) -> Self {
        let shards = (capacity_bytes / LEAST_SHARD_BYTES).clamp(1, MOST_SHARDS);
        // The next power of two below: each shard holds LEAST_SHARD_BYTES then.
        let shards = 1 << shards.ilog2();
        let expected = (capacity_bytes / EXPECTED_BYTES).max(1_024);
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(usize::try_from(expected).unwrap_or(usize::MAX))
            .weight_capacity(capacity_bytes)
            .build()
            .expect("both capacities are given");
        let evicted: Arc<AtomicU64> = Arc::default();
        let count = CountEvicted(Arc::clone(&evicted));
        Self { entries: Cache::with_options(options, Weight, Seed::new(seed), count), evicted }
    }
}

impl LocalCache for MemoryCache {
    fn get(&self, key: &CacheKey) -> Option<Arc<LocalEntry>> {
        self.entries.get(&SpreadKey(*key))
    }

    fn set(&self, key: CacheKey, entry: Arc<LocalEntry>) {
        self.entries.insert(SpreadKey(key), entry);
    }

    fn delete(&self, key: &CacheKey) {
        self.entries.remove(&SpreadKey(*key));
    }

    fn clear(&self) {
        self.entries.clear();
    }

    fn statistics(&self) -> LocalStatistics {
        LocalStatistics {
            entries: self.entries.len() as u64,
            bytes: self.entries.weight(),
            capacity_bytes: self.entries.capacity(),
        }
    }

    fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

/// Counts what gives way to others.
#[derive(Clone)]
struct CountEvicted(Arc<AtomicU64>);

impl Lifecycle<SpreadKey, Arc<LocalEntry>> for CountEvicted {
    /// Keeps what is evicted until the shard's lock is given back, as giving back memory takes a while. One write seldom evicts more than two.
    type RequestState = [Option<Arc<LocalEntry>>; 2];

    fn on_evict(&self, state: &mut Self::RequestState, _key: SpreadKey, entry: Arc<LocalEntry>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        if let Some(place) = state.iter_mut().find(|place| place.is_none()) {
            *place = Some(entry);
        }
    }
}

/// Weighs an entry by its bytes and what it takes up beside them.
#[derive(Debug, Clone, Copy)]
struct Weight;

impl Weighter<SpreadKey, Arc<LocalEntry>> for Weight {
    fn weight(&self, _key: &SpreadKey, entry: &Arc<LocalEntry>) -> u64 {
        let subjects = size_of_val(entry.subjects.as_slice()) as u64;
        u64::from(entry.bytes) + subjects + OVERHEAD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::contract::{SEED, entry, key, negative};

    #[test]
    fn what_is_measured_stays_under_the_capacity_whatever_is_put_in() {
        for capacity in [1 << 20, 10_000_000, 64 << 20] {
            let cache = MemoryCache::new(capacity, SEED);
            for n in 0..60_000_u32 {
                cache.set(key(n), entry(n, (n * 7_919) % 6_000));
                if n % 5_000 == 0 {
                    assert!(cache.statistics().bytes <= capacity);
                }
            }
            let full = cache.statistics();
            // Rounding up to shards may add a byte a shard.
            assert!(full.capacity_bytes <= capacity + MOST_SHARDS, "{full:?}");
            assert!(full.bytes <= full.capacity_bytes && full.bytes > capacity / 2, "{full:?}");
            assert!(full.bytes > full.entries * OVERHEAD_BYTES, "{full:?}");
            // Each of them is another key: what isn't there any more gave way.
            assert_eq!(cache.evicted() + full.entries, 60_000);
        }
    }

    #[test]
    fn threads_that_write_at_once_stay_under_it_too() {
        let cache = MemoryCache::new(8 << 20, SEED);
        thread::scope(|scope| {
            for thread in 0..8_u32 {
                let cache = &cache;
                scope.spawn(move || {
                    for n in 0..20_000 {
                        let key = key(n ^ (thread << 8));
                        match n % 7 {
                            0 => cache.delete(&key),
                            1 | 2 => drop(cache.get(&key)),
                            _ => cache.set(key, entry(n, n % 4_000)),
                        }
                    }
                });
            }
        });
        let full = cache.statistics();
        assert!(full.bytes <= full.capacity_bytes, "{full:?}");
    }

    #[test]
    fn a_flood_of_keys_that_nobody_asks_for_twice_pushes_nothing_out_that_is_in_use() {
        let cache = MemoryCache::new(4 << 20, SEED);
        let hot = 0..2_000_u32;
        for n in hot.clone() {
            cache.set(key(n), entry(n, 500));
            assert!(cache.get(&key(n)).is_some());
        }
        for n in 0..100_000 {
            cache.set(key(1_000_000 + n), negative());
            // Now and then somebody uses one of them: far less often than the flood comes.
            if n % 100 == 0 {
                drop(cache.get(&key(n % 2_000)));
            }
        }
        let kept = hot.filter(|n| cache.get(&key(*n)).is_some()).count();
        assert_eq!(kept, 2_000);
        let full = cache.statistics();
        assert!(full.entries < 20_000, "the flood was evicted: {full:?}");
    }

    #[test]
    fn what_is_in_use_comes_in_again_after_a_flood_came_first() {
        let cache = MemoryCache::new(4 << 20, SEED);
        for n in 0..100_000 {
            cache.set(key(1_000_000 + n), negative());
        }
        // Each is asked for, is missing, and is filled: twice over, as a server would.
        for _ in 0..2 {
            for n in 0..2_000 {
                if cache.get(&key(n)).is_none() {
                    cache.set(key(n), entry(n, 500));
                }
                drop(cache.get(&key(n)));
            }
        }
        let kept = (0..2_000).filter(|n| cache.get(&key(*n)).is_some()).count();
        assert_eq!(kept, 2_000);
    }

    #[test]
    fn an_entry_that_fits_nowhere_is_not_kept_and_neither_is_the_one_before() {
        let cache = MemoryCache::new(1 << 20, SEED);
        cache.set(key(1), entry(1, 100));
        cache.set(key(1), entry(2, 2 << 20));
        assert!(cache.get(&key(1)).is_none());
        assert_eq!(cache.statistics().bytes, 0);
    }
}
