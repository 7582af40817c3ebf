use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use portico_domain::{
    models::{Admission, Demand, Gcra, Timestamp},
    ports::{Clock, RateLimiter, Unavailable},
};

const SHARDS: usize = 64;
/// How many keys are remembered at most unless something else is asked for: about 6 MB when full.
const DEFAULT_KEYS: usize = 131_072;
/// How often a shard that is in use forgets the keys whose time has passed.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// Counts attempts in this process' memory. Exact: a key's attempts are decided one after the other, under its shard's lock, by a moment
/// taken inside it, so that nothing is admitted beyond the quota however many threads ask. Other processes count for themselves, and a
/// restart forgets.
///
/// Memory is bounded. A key is kept until its whole quota is there again, when keeping and forgetting mean the same. When a shard is full of
/// keys that are still counted, the one that would be whole again soonest goes: somebody who can send from more addresses than there is
/// room for is then given back the little that the least active of them had used, and those who try hardest stay counted.
pub struct InProcessLimiter {
    clock: Arc<dyn Clock>,
    shards: Vec<Mutex<Shard>>,
    seeds: [RandomState; 2],
    keys_in_shard: usize,
}

/// A key is kept as 128 bits of keyed hash, so that an entry has one size however long the key is, and two keys don't meet. The seeds are this process' own, so that
/// nobody outside can look for two that would, or aim at one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    high: u64,
    low: u64,
}

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

/// Takes what is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[derive(Default)]
struct Shard {
    arrivals: HashMap<Key, Timestamp, BuildHasherDefault<Hashed>>,
    swept_at: Timestamp,
}

impl InProcessLimiter {
    /// Counts by `clock`, remembering up to 131,072 keys.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_room_for(DEFAULT_KEYS, clock)
    }

    /// Counts by `clock`, remembering about `keys` keys.
    #[must_use]
    pub fn with_room_for(keys: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            seeds: [RandomState::new(), RandomState::new()],
            keys_in_shard: keys.div_ceil(SHARDS).max(1),
        }
    }

    /// How many keys are remembered now.
    #[must_use]
    pub fn keys(&self) -> usize {
        let count =
            |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).arrivals.len();
        self.shards.iter().map(count).sum()
    }

    fn decide(&self, demand: &Demand) -> Admission {
        let [high, low] = self.seeds.each_ref().map(|seed| seed.hash_one(&demand.key));
        let key = Key { high, low };
        let at = usize::try_from(high % SHARDS as u64).unwrap_or_default();
        let mut shard = self.shards[at].lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        shard.sweep_if_due(now);
        let kept = shard.arrivals.get(&key).copied();
        let decision = Gcra::decide(demand.policy, demand.quota, kept, now);
        if kept.is_none() {
            shard.make_room(self.keys_in_shard, now);
        }
        shard.arrivals.insert(key, decision.theoretical_arrival);
        decision.admission
    }
}

impl Shard {
    fn sweep_if_due(&mut self, now: Timestamp) {
        if now.since(self.swept_at) < SWEEP_EVERY {
            return;
        }
        self.sweep(now);
        if self.arrivals.len() < self.arrivals.capacity() / 4 {
            self.arrivals.shrink_to_fit();
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        self.arrivals.retain(|_, arrival| *arrival > now);
        self.swept_at = now;
    }

    fn make_room(&mut self, room: usize, now: Timestamp) {
        if self.arrivals.len() < room {
            return;
        }
        self.sweep(now);
        while self.arrivals.len() >= room {
            let soonest = self.arrivals.iter().min_by_key(|(_, arrival)| **arrival).map(|(key, _)| *key);
            let Some(key) = soonest else { return };
            self.arrivals.remove(&key);
        }
    }
}

#[async_trait]
impl RateLimiter for InProcessLimiter {
    async fn admit(&self, demand: &Demand) -> Result<Admission, Unavailable> {
        Ok(self.decide(demand))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicI64, Ordering},
        thread,
    };

    use portico_domain::models::Quota;

    use super::*;
    use crate::SystemClock;

    /// A clock that stands where it is put.
    #[derive(Default)]
    struct SetClock(AtomicI64);

    #[async_trait]
    impl Clock for SetClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(1_000_000).after(Duration::from_micros(
                u64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or_default(),
            ))
        }

        async fn sleep(&self, span: Duration) {
            self.0.fetch_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    fn demand(key: impl Into<String>, limit: u32, seconds: u64) -> Demand {
        let quota = Quota { limit, window: Duration::from_secs(seconds) };
        Demand { policy: "login", quota, key: key.into() }
    }

    #[test]
    fn sixteen_threads_are_admitted_exactly_the_quota() {
        let limiter = InProcessLimiter::new(Arc::new(SetClock::default()));
        let demand = demand("one", 1_000, 60);
        let attempt = || (0..5_000).filter(|_| limiter.decide(&demand).admitted).count();
        let admitted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, 1_000);
    }

    #[test]
    fn with_time_moving_no_more_is_admitted_than_the_quota_allows() {
        let limiter = InProcessLimiter::new(Arc::new(SystemClock));
        let demand = demand("one", 100, 1);
        let began = SystemClock.now();
        let attempt = || (0..20_000).filter(|_| limiter.decide(&demand).admitted).count();
        let admitted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let micros = SystemClock.now().since(began).as_micros();
        let allowed = 100 + usize::try_from(micros * 100 / 1_000_000).unwrap();
        assert!((100..=allowed).contains(&admitted), "{admitted} of {allowed}");
    }

    #[tokio::test]
    async fn keys_are_counted_apart_and_forgotten_when_they_are_whole_again() {
        let clock = Arc::new(SetClock::default());
        let limiter = InProcessLimiter::new(Arc::<SetClock>::clone(&clock));
        for n in 0..5_000 {
            assert!(limiter.admit(&demand(format!("key {n}"), 1, 10)).await.unwrap().admitted);
            assert!(!limiter.admit(&demand(format!("key {n}"), 1, 10)).await.unwrap().admitted);
        }
        assert_eq!(limiter.keys(), 5_000);
        clock.sleep(Duration::from_secs(31)).await;
        for n in 0..1_000 {
            assert!(limiter.admit(&demand(format!("new {n}"), 1, 10)).await.unwrap().admitted);
        }
        assert_eq!(limiter.keys(), 1_000, "every shard was asked and swept");
    }

    #[test]
    fn a_flood_of_keys_stays_within_its_room_and_does_not_free_who_tries_hardest() {
        let limiter = InProcessLimiter::with_room_for(1_024, Arc::new(SetClock::default()));
        let persistent = demand("persistent", 10, 60);
        for _ in 0..10 {
            assert!(limiter.decide(&persistent).admitted);
        }
        for n in 0..100_000 {
            limiter.decide(&demand(format!("flood {n}"), 10, 60));
        }
        assert!(limiter.keys() <= 1_024, "{}", limiter.keys());
        assert!(!limiter.decide(&persistent).admitted, "still counted");
    }
}
