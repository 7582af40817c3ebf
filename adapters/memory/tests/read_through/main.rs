//! The read-through decorator over the real memory tier: freshness, one load for many, fences, and what happens when something is away.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod shared;
mod world;

use std::{sync::atomic::Ordering, time::Duration};

use portico_domain::{
    cache::{Policy, Tiers},
    ports::{Clock, Notice},
};
use world::{POLICY, World, pass, shelf_subject};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn is_loaded_once_and_then_remembered() {
    let world = World::new(POLICY, None);
    assert_eq!((world.get().await, world.shelf.loads()), (Some(1), 1));
    world.shelf.put(2);
    pass(40 * SECOND).await;
    assert_eq!((world.get().await, world.shelf.loads()), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn an_ageing_entry_answers_and_is_loaded_behind() {
    let world = World::new(POLICY, None);
    world.get().await;
    world.shelf.put(2);
    pass(50 * SECOND).await;
    assert_eq!(world.get().await, Some(1), "nobody waits");
    pass(SECOND).await;
    assert_eq!((world.get().await, world.shelf.loads()), (Some(2), 2));
}

#[tokio::test(start_paused = true)]
async fn a_stale_entry_answers_while_it_is_loaded_anew_once() {
    let world = World::new(POLICY, None);
    world.get().await;
    world.shelf.put(2);
    pass(80 * SECOND).await;
    for _ in 0..10 {
        assert_eq!(world.get().await, Some(1));
    }
    pass(SECOND).await;
    assert_eq!((world.get().await, world.shelf.loads()), (Some(2), 2), "ten readers, one load");
}

#[tokio::test(start_paused = true)]
async fn past_all_of_its_time_it_is_waited_for() {
    let world = World::new(POLICY, None);
    world.get().await;
    world.shelf.put(2);
    pass(95 * SECOND).await;
    assert_eq!(world.get().await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn that_there_is_nothing_is_remembered_for_its_own_time() {
    let world = World::new(POLICY, None);
    world.shelf.put(None);
    assert_eq!(world.get().await, None);
    world.shelf.put(5);
    pass(9 * SECOND).await;
    assert_eq!((world.get().await, world.shelf.loads()), (None, 1));
    pass(SECOND).await;
    assert_eq!(world.get().await, Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_who_want_the_same_wait_for_one_load() {
    let world = World::new(POLICY, None);
    let all = futures_util::future::join_all((0..100).map(|_| world.get())).await;
    assert!(all.iter().all(|value| *value == Some(1)));
    assert_eq!(world.shelf.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_began_a_load_may_leave_and_the_others_still_get_it() {
    let world = World::new(POLICY, None);
    let first = async { tokio::time::timeout(Duration::from_millis(5), world.get()).await };
    let second = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        world.get().await
    };
    let (first, second) = futures_util::future::join(first, second).await;
    assert!(first.is_err());
    assert_eq!((second, world.shelf.loads()), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_everybody_left_is_no_trap_for_the_next() {
    let world = World::new(POLICY, None);
    assert!(tokio::time::timeout(Duration::from_millis(5), world.get()).await.is_err());
    pass(SECOND).await;
    assert_eq!((world.get().await, world.shelf.loads()), (Some(1), 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_before_an_invalidation_is_neither_kept_nor_given_to_who_came_after_it() {
    let world = World::new(POLICY, None);
    let early = world.get();
    let late = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        world.shelf.put(2);
        world.read.cache().invalidate(&[], &[shelf_subject()]).await;
        world.get().await
    };
    let (early, late) = futures_util::future::join(early, late).await;
    assert_eq!(early, Some(1), "it asked before");
    assert_eq!(late, Some(2), "it asked after, while the old load was still under way");
    assert_eq!(world.get().await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_ends_what_is_kept_by_name_by_subject_and_by_prefix() {
    use portico_domain::cache::{CacheKey, Prefix};
    let world = World::new(POLICY, None);
    let key = CacheKey::of(Prefix::Settings, &1u32.to_le_bytes());
    for (at, round) in (2..).zip(0..4) {
        world.get().await;
        world.shelf.put(at);
        match round {
            0 => world.read.cache().invalidate(&[key], &[]).await,
            1 => world.read.cache().invalidate(&[], &[shelf_subject()]).await,
            2 => world.read.cache().clear(Prefix::Settings).await,
            _ => world.read.cache().clear_all().await,
        }
        assert_eq!(world.get().await, Some(at), "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn clearing_everything_gives_the_memory_back() {
    let world = World::new(POLICY, None);
    world.get().await;
    world.read.cache().clear(portico_domain::cache::Prefix::Books).await;
    let entries = async || world.read.cache().report().await.memory.entries;
    assert_eq!(entries().await, 1);
    world.read.cache().clear_all().await;
    assert_eq!(entries().await, 0);
    let figures = world.read.cache().report().await.prefixes;
    assert!(figures.iter().all(|(_, figures)| figures.invalidations >= 1), "{figures:?}");
}

#[tokio::test(start_paused = true)]
async fn while_the_source_is_away_an_entry_is_used_to_the_end_of_its_stale_lifetime() {
    let world = World::new(POLICY, None);
    world.get().await;
    world.shelf.go_away();
    pass(100 * SECOND).await;
    for _ in 0..5 {
        assert_eq!(world.get().await, Some(1));
    }
    assert!(world.read.get(&2).await.is_err(), "nobody knows of the other");
    let told = || world.told.0.lock().unwrap().clone();
    assert!(
        matches!(&told()[..], [Notice::AnsweringStale { prefix: "settings:", .. }]),
        "once: {:?}",
        told()
    );
    pass(500 * SECOND).await;
    assert_eq!(world.get().await, Some(1));
    pass(60 * SECOND).await;
    assert!(world.read.get(&1).await.is_err(), "its time is over");
    world.shelf.put(2);
    pass(2 * SECOND).await;
    assert_eq!(world.get().await, Some(2));
    assert!(matches!(told().last(), Some(Notice::AnsweringFresh { .. })), "{:?}", told());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_holds_up_one_reader_for_half_a_second_and_no_other() {
    let world = World::new(POLICY, None);
    world.get().await;
    *world.shelf.takes.lock().unwrap() = 30 * SECOND;
    pass(100 * SECOND).await;
    let timed = async || {
        let began = world.clock.now();
        assert_eq!(world.get().await, Some(1));
        world.clock.now().since(began)
    };
    assert_eq!(timed().await, Duration::from_millis(500));
    assert_eq!(timed().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn where_keys_must_be_revocable_at_once_nothing_is_used_past_its_lifetime() {
    let policy = Policy { stale: Duration::ZERO, stale_when_away: Duration::ZERO, ..POLICY };
    let world = World::new(policy, None);
    world.get().await;
    world.shelf.go_away();
    pass(61 * SECOND).await;
    assert!(world.read.get(&1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn switched_off_every_read_loads_for_itself() {
    let world = World::new(Policy { tiers: Tiers::Off, ..POLICY }, None);
    futures_util::future::join_all((0..10).map(|_| world.get())).await;
    assert_eq!(world.shelf.loads(), 10);
    assert!(world.read.peek(&1, world.clock.now()).is_none());
}

#[tokio::test(start_paused = true)]
async fn everything_is_counted() {
    let world = World::new(POLICY, None);
    world.get().await;
    pass(10 * SECOND).await;
    world.get().await;
    world.get().await;
    world.shelf.loads.store(0, Ordering::SeqCst);
    let report = world.read.cache().report().await;
    let figures = &report.prefixes.iter().find(|(prefix, _)| prefix.as_str() == "settings:").unwrap().1;
    assert_eq!((figures.memory.hits, figures.misses, figures.fills), (2, 1, 1));
    assert!((figures.hit_rate.unwrap() - 2.0 / 3.0).abs() < 1e-9);
    assert!((figures.memory.mean_age_ms - 10_110.0).abs() < 50.0, "{}", figures.memory.mean_age_ms);
    assert!((figures.memory.load_time_saved_ms - 20.0).abs() < 5.0, "{}", figures.memory.load_time_saved_ms);
    assert_eq!((report.memory.entries, report.shared), (1, None));
    assert!(figures.filled_bytes > 0 && report.memory.bytes > 0);
}
