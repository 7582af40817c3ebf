use std::{collections::HashMap, rc::Rc};

use tokio::task::{LocalSet, spawn_local};

use super::*;

/// A namespace that counts, refuses what KV refuses, and can be made to answer from what it was a while ago, or not at all.
#[derive(Default)]
struct Namespace {
    clock: Option<Arc<TestClock>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    texts: HashMap<String, String>,
    puts: Vec<(String, Timestamp, Option<Duration>)>,
    /// What reads see instead of the texts.
    seen: Option<HashMap<String, String>>,
    reads: usize,
    refusals: u32,
    /// How often a name was written within a second of the last time.
    too_soon: u32,
    away: bool,
}

impl Namespace {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn puts_under(&self, name: &str) -> usize {
        self.state().puts.iter().filter(|(put, ..)| put == name).count()
    }
}

#[async_trait]
impl Store for Namespace {
    async fn get(&self, name: &str) -> Result<Option<String>, Unavailable> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut state = self.state();
        state.reads += 1;
        if state.away {
            return Err(Unavailable::new(SERVICE, "away"));
        }
        Ok(state.seen.as_ref().unwrap_or(&state.texts).get(name).cloned())
    }

    async fn put(&self, name: &str, text: &str, keep_for: Option<Duration>) -> Result<Put, Unavailable> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now = self.clock.as_ref().unwrap().now();
        let mut state = self.state();
        if state.away {
            return Err(Unavailable::new(SERVICE, "away"));
        }
        if state.refusals > 0 {
            state.refusals -= 1;
            return Ok(Put::TooSoon);
        }
        assert!(keep_for.is_none_or(|span| span >= Duration::from_secs(60) && span.subsec_nanos() == 0));
        let last = state.puts.iter().rev().find(|(put, ..)| put == name).map(|(_, at, _)| *at);
        if last.is_some_and(|at| now.since(at) < Duration::from_secs(1)) {
            state.too_soon += 1;
            return Ok(Put::TooSoon);
        }
        state.puts.push((name.to_owned(), now, keep_for));
        state.texts.insert(name.to_owned(), text.to_owned());
        Ok(Put::Done)
    }
}

/// The test's paused clock, to the millisecond as the runtime's.
struct TestClock(tokio::time::Instant);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let millis = u64::try_from(self.0.elapsed().as_millis()).unwrap();
        Timestamp::from_seconds(1_000_000).after(Duration::from_millis(millis))
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
fn in_background(work: Background) -> Result<(), String> {
    spawn_local(work);
    Ok(())
}

struct Ground {
    namespace: Arc<Namespace>,
    clock: Arc<TestClock>,
    cache: KvCache,
}

impl Ground {
    fn new() -> Self {
        let clock = Arc::new(TestClock(tokio::time::Instant::now()));
        let namespace = Arc::new(Namespace { clock: Some(Arc::clone(&clock)), state: Mutex::default() });
        let cache = KvCache::over(namespace.clone(), clock.clone(), in_background);
        Self { namespace, clock, cache }
    }

    /// Another isolate over the same namespace.
    fn other(&self) -> KvCache {
        KvCache::over(self.namespace.clone(), self.clock.clone(), in_background)
    }

    /// What a load makes that begins now.
    fn loaded(&self, value: &str) -> SharedEntry {
        SharedEntry {
            value: Some(value.as_bytes().to_vec()),
            subjects: vec![key().subject(), Subject::all_of(Prefix::UserModels)],
            loaded_at: self.clock.now(),
            load_time: Duration::from_millis(3),
        }
    }

    async fn fill(&self, cache: &KvCache, value: &str) -> bool {
        let mark = cache.get(&key()).await.unwrap().mark;
        cache.set(&key(), &self.loaded(value), mark, LIFETIME).await.unwrap()
    }

    async fn value(&self, cache: &KvCache) -> Option<String> {
        let entry = cache.get(&key()).await.unwrap().entry?;
        Some(String::from_utf8(entry.value.unwrap()).unwrap())
    }
}

const LIFETIME: Duration = Duration::from_mins(5);

fn key() -> CacheKey {
    CacheKey::of(Prefix::UserModels, b"ada")
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn on_ground<F: Future<Output = ()>>(test: impl FnOnce(Rc<Ground>) -> F) {
    LocalSet::new().run_until(async { test(Rc::new(Ground::new())).await }).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_set_is_found_by_others_with_all_that_belongs_to_it() {
    on_ground(|ground| async move {
        assert_eq!(ground.value(&ground.cache).await, None);
        assert!(!ground.cache.has(&key()).await.unwrap());
        assert!(ground.fill(&ground.cache, "[1]").await);
        pass(10).await;
        let other = ground.other();
        let answer = other.get(&key()).await.unwrap();
        assert_ne!(answer.mark, SharedMark::default());
        let entry = answer.entry.unwrap();
        assert_eq!((entry.load_time, entry.subjects.len()), (Duration::from_millis(3), 2));
        assert_eq!(entry.value.unwrap(), b"[1]");
        assert!(other.has(&key()).await.unwrap());
        assert_eq!(other.hearing(), Hearing::Unneeded);
        assert_eq!(other.statistics().await.unwrap(), SharedStatistics::default());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_is_rounded_up_to_what_kv_can_keep() {
    assert_eq!(kept_for(Duration::from_millis(1)), Duration::from_secs(60));
    assert_eq!(kept_for(Duration::from_secs(60)), Duration::from_secs(60));
    assert_eq!(kept_for(Duration::from_millis(60_001)), Duration::from_secs(61));
    on_ground(|ground| async move {
        let mark = ground.cache.get(&key()).await.unwrap().mark;
        let kept = ground.cache.set(&key(), &ground.loaded("1"), mark, Duration::from_secs(10)).await;
        assert!(kept.unwrap());
        pass(10).await;
        assert_eq!(ground.namespace.state().puts[0].2, Some(Duration::from_secs(60)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_fills_is_two_writes_and_the_newest_wins() {
    on_ground(|ground| async move {
        for n in 0..100 {
            assert!(ground.fill(&ground.cache, &n.to_string()).await);
        }
        pass(3_000).await;
        assert_eq!(ground.namespace.puts_under(&entry_name(&key(), 0)), 2);
        assert_eq!(ground.namespace.state().too_soon, 0, "KV had to refuse nothing");
        assert_eq!(ground.value(&ground.cache).await.as_deref(), Some("99"));
        assert!(ground.fill(&ground.cache, "\"later\"").await);
        pass(10).await;
        assert_eq!(ground.value(&ground.cache).await.as_deref(), Some("\"later\""));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_a_drop_fills_neither_here_nor_elsewhere() {
    on_ground(|ground| async move {
        let other = ground.other();
        let (here, there) = (ground.cache.get(&key()).await.unwrap(), other.get(&key()).await.unwrap());
        let entry = ground.loaded("\"old\"");
        ground.cache.delete(&[key()], &[]).await.unwrap();
        pass(20).await;
        assert!(!ground.cache.set(&key(), &entry, here.mark, LIFETIME).await.unwrap());
        assert!(!other.set(&key(), &entry, there.mark, LIFETIME).await.unwrap());
        pass(3_000).await;
        assert_eq!(ground.namespace.puts_under(&entry_name(&key(), 0)), 1, "the tombstone alone");
        assert_eq!(ground.value(&other).await, None);
        assert!(ground.fill(&other, "\"new\"").await);
        pass(10).await;
        assert_eq!(ground.value(&ground.cache).await.as_deref(), Some("\"new\""));
        // And a straggler doesn't take the place of what is newer.
        assert!(!ground.cache.set(&key(), &entry, here.mark, LIFETIME).await.unwrap());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drop_wins_over_a_fill_that_waits_to_be_written() {
    on_ground(|ground| async move {
        assert!(ground.fill(&ground.cache, "1").await);
        assert!(ground.fill(&ground.cache, "2").await);
        pass(20).await;
        ground.cache.delete(&[key()], &[]).await.unwrap();
        assert_eq!(ground.value(&ground.cache).await, None, "here at once, whatever is still to be written");
        assert_eq!(ground.cache.statistics().await.unwrap().undelivered, 1);
        pass(2_000).await;
        assert_eq!(ground.namespace.puts_under(&entry_name(&key(), 0)), 2);
        assert_eq!(ground.value(&ground.other()).await, None);
        assert_eq!(ground.cache.statistics().await.unwrap().undelivered, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_isolate_that_dropped_believes_no_location_that_still_answers_with_what_was() {
    on_ground(|ground| async move {
        assert!(ground.fill(&ground.cache, "1").await);
        pass(20).await;
        let was = ground.namespace.state().texts.clone();
        ground.cache.delete(&[], &[Subject::all_of(Prefix::UserModels)]).await.unwrap();
        ground.namespace.state().seen = Some(was);
        assert_eq!(ground.value(&ground.cache).await, None);
        let elsewhere = ground.value(&ground.other()).await;
        assert_eq!(elsewhere.as_deref(), Some("1"), "elsewhere it lives until its lifetime ends");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_cleared_prefix_is_gone_here_at_once_and_elsewhere_within_thirty_seconds() {
    on_ground(|ground| async move {
        let other = ground.other();
        assert!(ground.fill(&ground.cache, "1").await);
        pass(20).await;
        assert_eq!(ground.value(&other).await.as_deref(), Some("1"));
        let began = ground.cache.get(&key()).await.unwrap().mark;
        let entry = ground.loaded("\"old\"");
        ground.cache.clear(Prefix::UserModels).await.unwrap();
        assert_eq!(ground.value(&ground.cache).await, None);
        assert!(!ground.cache.set(&key(), &entry, began, LIFETIME).await.unwrap());
        assert_eq!(ground.value(&other).await.as_deref(), Some("1"));
        pass(30_001).await;
        assert_eq!(ground.value(&other).await, None);
        assert!(ground.fill(&other, "2").await);
        pass(20).await;
        assert_eq!(ground.value(&ground.cache).await.as_deref(), Some("2"));
        // A fresh isolate finds its way as well, and so does a tombstone that it writes first of all.
        let fresh = ground.other();
        fresh.delete(&[key()], &[]).await.unwrap();
        pass(2_000).await;
        assert_eq!(ground.value(&ground.cache).await, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn reading_a_version_costs_no_wait_of_its_own() {
    on_ground(|ground| async move {
        let began = ground.clock.now();
        assert_eq!(ground.value(&ground.cache).await, None);
        assert_eq!(ground.clock.now().since(began), Duration::from_millis(2), "both reads at once");
        assert_eq!(ground.namespace.state().reads, 2);
        assert_eq!(ground.value(&ground.cache).await, None);
        assert_eq!(ground.namespace.state().reads, 3, "then one a look-up");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drop_that_kv_does_not_take_is_written_later() {
    on_ground(|ground| async move {
        assert!(ground.fill(&ground.cache, "1").await);
        pass(1_500).await;
        ground.namespace.state().refusals = 2;
        ground.cache.delete(&[key()], &[]).await.unwrap();
        pass(4_000).await;
        assert_eq!(ground.value(&ground.other()).await, None, "after the third try");

        assert!(ground.fill(&ground.cache, "2").await);
        pass(1_500).await;
        ground.namespace.state().away = true;
        ground.cache.delete(&[key()], &[]).await.unwrap();
        pass(20_000).await;
        ground.namespace.state().away = false;
        assert_eq!(ground.cache.statistics().await.unwrap().undelivered, 1);
        assert_eq!(ground.value(&ground.cache).await, None);
        // Whatever is written next takes it along.
        let bob = CacheKey::of(Prefix::UserModels, b"bob");
        ground.cache.delete(&[bob], &[]).await.unwrap();
        pass(1_000).await;
        assert_eq!(ground.value(&ground.other()).await, None);
        assert_eq!(ground.cache.statistics().await.unwrap().undelivered, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_away_is_an_error_and_without_an_event_nothing_is_lost() {
    on_ground(|ground| async move {
        ground.namespace.state().away = true;
        assert!(ground.cache.get(&key()).await.is_err());
        assert!(ground.cache.has(&key()).await.is_err());
        ground.namespace.state().away = false;
        let nowhere =
            KvCache::over(ground.namespace.clone(), ground.clock.clone(), |_| Err("none".to_owned()));
        assert!(ground.fill(&ground.cache, "1").await);
        pass(1_500).await;
        assert!(nowhere.delete(&[key()], &[]).await.is_err());
        assert_eq!(nowhere.statistics().await.unwrap().undelivered, 1);
        assert_eq!(ground.value(&nowhere).await, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_bounded_and_drops_outlast_fills() {
    on_ground(|ground| async move {
        ground.namespace.state().away = true;
        let keys: Vec<CacheKey> =
            (0..20_000_u32).map(|n| CacheKey::of(Prefix::ApiKey, &n.to_le_bytes())).collect();
        for some in keys.chunks(100) {
            ground.cache.delete(some, &[]).await.unwrap();
        }
        assert!(ground.cache.shared.ledger().places() <= 8_192 + 100);
        let undelivered = ground.cache.statistics().await.unwrap().undelivered;
        assert!((4_096..=8_292).contains(&undelivered), "{undelivered}");
    })
    .await;
}
