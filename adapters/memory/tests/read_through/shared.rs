//! With a tier that servers share: used, done without, left alone, and listened to.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use portico_domain::{
    cache::{CacheKey, Policy, Prefix, ReadThrough, Source, Subject},
    models::Timestamp,
    ports::{Clock, Hearing, MockSharedCache, Notice, SharedAnswer, SharedEntry, SharedMark, Unavailable},
};

use crate::world::{POLICY, ShelfSource, World, pass};

const START: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn tier() -> MockSharedCache {
    let mut tier = MockSharedCache::new();
    tier.expect_name().return_const("redis");
    tier
}

fn hearing(tier: &mut MockSharedCache, hearing: Hearing) {
    tier.expect_hearing().return_const(hearing);
}

fn entry(value: &str) -> SharedEntry {
    SharedEntry {
        value: Some(value.as_bytes().to_vec()),
        subjects: vec![Subject::of(Prefix::Settings, b"x")],
        loaded_at: START,
        load_time: Duration::from_millis(10),
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_server_loaded_is_taken_from_there_and_kept_in_memory() {
    let mut tier = tier();
    hearing(&mut tier, Hearing::Unneeded);
    tier.expect_get()
        .times(1)
        .returning(|_| Ok(SharedAnswer { entry: Some(entry("7")), mark: SharedMark::default() }));
    let world = World::new(POLICY, Some(tier));
    assert_eq!((world.get().await, world.get().await, world.shelf.loads()), (Some(7), Some(7), 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_is_shared_under_the_mark_that_was_taken_before_the_load() {
    let mark = SharedMark { life: 3, number: 9 };
    let mut tier = tier();
    hearing(&mut tier, Hearing::Unneeded);
    tier.expect_get().times(1).returning(move |_| Ok(SharedAnswer { entry: None, mark }));
    let shared = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&shared);
    tier.expect_set().times(1).returning(move |_, entry, mark, keep_for| {
        *seen.lock().unwrap() = Some((entry.clone(), mark, keep_for));
        Ok(true)
    });
    let world = World::new(POLICY, Some(tier));
    assert_eq!(world.get().await, Some(1));
    pass(Duration::ZERO).await;
    let (entry, taken, keep_for) = shared.lock().unwrap().clone().unwrap();
    assert_eq!((entry.value.as_deref(), taken, keep_for), (Some(&b"1"[..]), mark, Duration::from_secs(660)));
    assert_eq!(entry.loaded_at, START, "the age counts from the beginning of the load");
    assert!(entry.subjects.contains(&Subject::all_of(Prefix::Settings)));
}

#[tokio::test(start_paused = true)]
async fn that_there_is_nothing_is_not_shared() {
    let mut tier = tier();
    hearing(&mut tier, Hearing::Unneeded);
    tier.expect_get().returning(|_| Ok(SharedAnswer { entry: None, mark: SharedMark::default() }));
    tier.expect_set().never();
    let world = World::new(POLICY, Some(tier));
    world.shelf.put(None);
    assert_eq!(world.get().await, None);
    pass(Duration::ZERO).await;
}

/// Things that are asked for in endless ways.
struct Endless(ShelfSource);

#[async_trait::async_trait]
impl Source for Endless {
    type Id = u32;
    type Value = u64;
    const PREFIX: Prefix = ShelfSource::PREFIX;

    fn key(&self, id: &u32) -> CacheKey {
        self.0.key(id)
    }

    fn subjects(&self, id: &u32, value: &u64) -> Vec<Subject> {
        self.0.subjects(id, value)
    }

    fn is_shared(&self, _id: &u32) -> bool {
        false
    }

    async fn load(&self, id: &u32) -> Result<Option<u64>, Unavailable> {
        self.0.load(id).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_source_does_not_share_is_kept_in_memory_alone_and_the_tier_not_even_asked() {
    let mut tier = tier();
    hearing(&mut tier, Hearing::Unneeded);
    tier.expect_get().never();
    tier.expect_set().never();
    let world = World::new(POLICY, Some(tier));
    let read =
        ReadThrough::new(Arc::clone(world.read.cache()), Endless(ShelfSource(Arc::clone(&world.shelf))));
    for _ in 0..2 {
        assert_eq!(read.get(&1).await.unwrap().as_deref(), Some(&1));
        pass(Duration::ZERO).await;
    }
    assert!(read.begin_share(&1).await.is_none());
    assert_eq!(world.shelf.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_as_good_as_not_there() {
    let mut tier = tier();
    hearing(&mut tier, Hearing::Unneeded);
    tier.expect_get().returning(|_| {
        Ok(SharedAnswer { entry: Some(entry("{\"another\": \"version\"}")), mark: SharedMark::default() })
    });
    tier.expect_set().returning(|_, _, _, _| Ok(true));
    let world = World::new(POLICY, Some(tier));
    assert_eq!((world.get().await, world.shelf.loads()), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_hangs_costs_fifty_milliseconds_five_times_and_then_one_read_a_second() {
    struct Hanging(Arc<AtomicU32>);
    #[async_trait::async_trait]
    impl portico_domain::ports::SharedCache for Hanging {
        fn name(&self) -> &'static str {
            "redis"
        }
        async fn get(&self, _: &portico_domain::cache::CacheKey) -> Result<SharedAnswer, Unavailable> {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
        async fn set(
            &self,
            _: &portico_domain::cache::CacheKey,
            _: &SharedEntry,
            _: SharedMark,
            _: Duration,
        ) -> Result<bool, Unavailable> {
            std::future::pending().await
        }
        async fn delete(
            &self,
            _: &[portico_domain::cache::CacheKey],
            _: &[Subject],
        ) -> Result<(), Unavailable> {
            std::future::pending().await
        }
        async fn clear(&self, _: Prefix) -> Result<(), Unavailable> {
            std::future::pending().await
        }
        fn hearing(&self) -> Hearing {
            Hearing::Deaf
        }
        async fn statistics(&self) -> Result<portico_domain::ports::SharedStatistics, Unavailable> {
            std::future::pending().await
        }
    }
    let calls = Arc::new(AtomicU32::new(0));
    let world = World::with_tier(POLICY, Some(Arc::new(Hanging(Arc::clone(&calls)))));
    let timed = async |id: u32| {
        let began = world.clock.now();
        world.read.get(&id).await.unwrap();
        world.clock.now().since(began)
    };
    let load = Duration::from_millis(10);
    for id in 0..5 {
        assert_eq!(timed(id).await, Duration::from_millis(50) + load);
    }
    for id in 5..155 {
        assert!(timed(id).await <= load + Duration::from_millis(50));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 6, "in a second and a half one more call was made");
    let told = world.told.0.lock().unwrap().clone();
    assert!(matches!(&told[..], [Notice::CacheLeftAlone { tier: "redis", .. }]), "{told:?}");
    let began = world.clock.now();
    world.read.cache().clear(Prefix::Settings).await;
    assert_eq!(world.clock.now().since(began), Duration::from_millis(50), "an invalidation waits no longer");
    let began = world.clock.now();
    world.read.cache().clear_all().await;
    assert_eq!(world.clock.now().since(began), Duration::from_millis(50), "nor does one of everything");
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_comes_back_is_used_again_and_said_to_be_back() {
    let mut tier = tier();
    hearing(&mut tier, Hearing::Unneeded);
    let calls = AtomicU32::new(0);
    tier.expect_get().returning(move |_| {
        if calls.fetch_add(1, Ordering::SeqCst) < 5 {
            return Err(Unavailable::new("redis", "connection refused"));
        }
        Ok(SharedAnswer { entry: Some(entry("7")), mark: SharedMark::default() })
    });
    let world = World::new(POLICY, Some(tier));
    for id in 10..20 {
        assert_eq!(world.read.get(&id).await.unwrap().as_deref(), Some(&1));
    }
    pass(Duration::from_secs(1)).await;
    assert_eq!(world.get().await, Some(7));
    let told = world.told.0.lock().unwrap().clone();
    assert!(
        matches!(&told[..], [Notice::CacheLeftAlone { .. }, Notice::CacheBack { tier: "redis" }]),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hears_nobody_uses_its_memory_for_less_than_a_second() {
    for (heard, expected) in [
        (Hearing::Deaf, 2),
        (Hearing::Until(START), 2),
        (Hearing::Until(START.after(Duration::from_millis(1_500))), 1),
        (Hearing::Unneeded, 1),
    ] {
        let mut tier = tier();
        hearing(&mut tier, heard);
        tier.expect_get().returning(|_| Err(Unavailable::new("redis", "away")));
        let world = World::new(POLICY, Some(tier));
        world.get().await;
        pass(Duration::from_millis(500)).await;
        world.get().await;
        assert_eq!(world.shelf.loads(), 1, "{heard:?}");
        pass(Duration::from_millis(1_000)).await;
        world.get().await;
        assert_eq!(world.shelf.loads(), expected, "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn hearing_nobody_and_with_the_source_away_what_is_known_is_still_used() {
    let mut tier = tier();
    hearing(&mut tier, Hearing::Deaf);
    tier.expect_get().returning(|_| Err(Unavailable::new("redis", "away")));
    let world = World::new(POLICY, Some(tier));
    world.get().await;
    world.shelf.go_away();
    pass(Duration::from_secs(30)).await;
    assert_eq!(world.get().await, Some(1));
    let strict = Policy { stale: Duration::ZERO, stale_when_away: Duration::ZERO, ..POLICY };
    let mut tier = self::tier();
    hearing(&mut tier, Hearing::Deaf);
    tier.expect_get().returning(|_| Err(Unavailable::new("redis", "away")));
    let world = World::new(strict, Some(tier));
    world.get().await;
    world.shelf.go_away();
    pass(Duration::from_secs(30)).await;
    assert!(world.read.get(&1).await.is_err());
}
