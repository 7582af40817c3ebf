use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mockall::Sequence;

use super::{HolderSource, HotKeys, key_subject, tests::holder};
use crate::{
    cache::{Cache, CacheParts, Fence, ReadThrough, Strategies},
    flows::{
        cache_operations::Warmer,
        testing::{NOW, user},
    },
    models::{ApiKeyId, Day, Digest, KeyHolder, Timestamp},
    ports::{
        Clock, Hearing, KeyLookup, LocalEntry, MockBackground, MockKeyLookup, MockLocalCache, MockNotices,
        MockSharedCache, SharedAnswer, SharedCache, SharedEntry, SharedMark, Unavailable,
    },
};

/// Stands still; whoever waits waits for something else.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep(&self, span: Duration) {
        if !span.is_zero() {
            std::future::pending::<()>().await;
        }
    }
}

fn digest(n: u8) -> Digest {
    Digest::of(&[n])
}

fn key(n: u8) -> (Digest, KeyHolder) {
    let mut holder = holder();
    holder.key.id = ApiKeyId::generate(NOW, [20 + n; 10]);
    (digest(n), holder)
}

fn warmer(
    lookup: MockKeyLookup,
    local: MockLocalCache,
    shared: Option<Arc<dyn SharedCache>>,
    fence: Arc<Fence>,
) -> HotKeys {
    let lookup: Arc<dyn KeyLookup> = Arc::new(lookup);
    let share = shared.is_some();
    let cache = Cache::new(CacheParts {
        clock: Arc::new(Still),
        background: Arc::new(MockBackground::new()),
        notices: Arc::new(MockNotices::new()),
        local: Arc::new(local),
        shared,
        fence,
        strategies: Strategies::default(),
        single_flight: false,
    });
    let holders = ReadThrough::new(cache, HolderSource { lookup: Arc::clone(&lookup) });
    HotKeys { clock: Arc::new(Still), lookup, holders, share }
}

/// An entry that was kept now.
fn fresh(fence: &Fence) -> Arc<LocalEntry> {
    Arc::new(LocalEntry {
        value: Some(Arc::new(holder())),
        mark: fence.mark(),
        subjects: Vec::new(),
        loaded_at: NOW,
        load_time: Duration::ZERO,
        bytes: 1,
    })
}

#[tokio::test]
async fn the_keys_of_today_and_yesterday_are_kept_but_for_those_that_are_fresh() {
    let Day(today) = Day::of(NOW);
    let mut lookup = MockKeyLookup::new();
    lookup
        .expect_most_used()
        .times(1)
        .withf(move |first, last, limit| (first.0, last.0, *limit) == (today - 1, today, 3))
        .returning(|_, _, _| Ok(vec![key(1), key(2), key(3)]));
    let fence = Arc::new(Fence::default());
    let mut local = MockLocalCache::new();
    let known = fresh(&fence);
    local.expect_get().returning(move |key| (key.digest == digest(2)).then(|| Arc::clone(&known)));
    local.expect_set().times(2).withf(|key, _| key.digest != digest(2)).returning(|_, _| ());
    assert_eq!(warmer(lookup, local, None, fence).warm(3).await, Ok(2));
}

#[tokio::test]
async fn a_key_that_is_dropped_while_it_is_loaded_is_not_kept() {
    let fence = Arc::new(Fence::default());
    let (mut lookup, dropping) = (MockKeyLookup::new(), Arc::clone(&fence));
    lookup.expect_most_used().returning(move |_, _, _| {
        dropping.invalidate(&[key_subject(key(1).1.key.id)]);
        Ok(vec![key(1), key(2)])
    });
    let mut local = MockLocalCache::new();
    local.expect_get().returning(|_| None);
    local.expect_set().times(1).withf(|key, _| key.digest == digest(2)).returning(|_, _| ());
    warmer(lookup, local, None, fence).warm(10).await.unwrap();
}

#[tokio::test]
async fn the_shared_tier_is_filled_under_marks_that_were_taken_before() {
    let mut order = Sequence::new();
    let hot = || vec![key(1), key(2)];
    let (mut lookup, mut shared) = (MockKeyLookup::new(), MockSharedCache::new());
    let mark = |number| SharedMark { life: 7, number };
    lookup.expect_most_used().times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(hot()));
    shared.expect_get().times(2).in_sequence(&mut order).returning(move |key| {
        // One has been shared by somebody else already.
        let json = serde_json::to_vec(&holder()).unwrap();
        let entry = SharedEntry {
            value: Some(json),
            subjects: Vec::new(),
            loaded_at: NOW,
            load_time: Duration::ZERO,
        };
        Ok(SharedAnswer { entry: (key.digest == digest(2)).then_some(entry), mark: mark(5) })
    });
    lookup.expect_most_used().times(1).in_sequence(&mut order).returning(move |_, _, _| Ok(hot()));
    shared
        .expect_set()
        .times(1)
        .in_sequence(&mut order)
        .withf(move |key, entry, with, keep_for| {
            let read: KeyHolder = serde_json::from_slice(entry.value.as_ref().unwrap()).unwrap();
            assert_eq!(read.maker, user());
            key.digest == digest(1)
                && *with == mark(5)
                && entry.loaded_at == NOW
                && entry.subjects.contains(&key_subject(read.key.id))
                && *keep_for == Duration::from_secs(660)
        })
        .returning(|_, _, _, _| Ok(true));
    shared.expect_hearing().return_const(Hearing::Unneeded);
    shared.expect_name().return_const("kv");
    let mut local = MockLocalCache::new();
    local.expect_get().returning(|_| None);
    local.expect_set().times(2).returning(|_, _| ());
    let warmer = warmer(lookup, local, Some(Arc::new(shared)), Arc::default());
    assert_eq!(warmer.warm(2).await, Ok(2));
}

#[tokio::test]
async fn storage_that_is_away_is_told() {
    let mut lookup = MockKeyLookup::new();
    let away = || Unavailable::new("storage", "away");
    lookup.expect_most_used().returning(move |_, _, _| Err(away()));
    let warmer = warmer(lookup, MockLocalCache::new(), None, Arc::default());
    assert_eq!(warmer.warm(2).await, Err(away()));
}
