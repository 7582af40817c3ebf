//! Reading, filling, dropping: nothing fails here but what should.

use std::time::Duration;

use portico_domain::{
    cache::{CacheKey, Prefix, Subject},
    ports::{Hearing, SharedEntry},
};
use portico_redis::Heard;

use crate::server::{Portico, SOON, Server, entry, key, now, subject, until};

async fn two(server: &Server) -> (Portico, Portico) {
    (server.connected().await, server.connected().await)
}

#[tokio::test]
async fn what_one_server_keeps_the_other_finds_until_its_time_is_over() {
    let server = Server::start();
    let (one, two) = two(&server).await;
    let (key, other) = (key("ada"), key("bob"));
    assert!(!two.cache().has(&key).await.unwrap());
    let mark = one.cache().get(&key).await.unwrap().mark;
    let kept = SharedEntry { subjects: vec![subject("person")], ..entry("{\"a\": \"ä b\"}") };
    assert!(one.cache().set(&key, &kept, mark, Duration::from_millis(300)).await.unwrap());
    let nothing = SharedEntry { value: None, ..entry("") };
    assert!(one.cache().set(&other, &nothing, mark, Duration::from_secs(60)).await.unwrap());

    let found = two.cache().get(&key).await.unwrap().entry.unwrap();
    assert_eq!(found.subjects, [subject("person"), key.subject(), Subject::all_of(Prefix::ApiKey)]);
    assert_eq!(SharedEntry { subjects: kept.subjects.clone(), ..found }, kept);
    assert_eq!(two.cache().get(&other).await.unwrap().entry.unwrap().value, None);
    assert!(two.cache().has(&key).await.unwrap());
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert!(!two.cache().has(&key).await.unwrap());
    assert!(two.cache().has(&other).await.unwrap());
    let names: Vec<String> = server.command(&["KEYS", "{portico}:*"]).await;
    assert!(names.contains(&format!("{{portico}}:{other}")), "{names:?}");
}

#[tokio::test]
async fn a_key_a_subject_and_a_prefix_are_dropped_for_everybody() {
    let server = Server::start();
    let (one, two) = two(&server).await;
    let book = CacheKey::of(Prefix::Books, b"all");
    let named = SharedEntry { subjects: vec![subject("person")], ..entry("named") };
    for drop in ["key", "subject", "prefix"] {
        for name in ["ada", "bob"] {
            assert!(one.fill(&key(name), name).await);
        }
        assert!(one.fill(&book, "book").await);
        let mark = one.cache().get(&key("cyd")).await.unwrap().mark;
        assert!(one.cache().set(&key("cyd"), &named, mark, Duration::from_secs(60)).await.unwrap());
        let left = match drop {
            "key" => {
                one.cache().delete(&[key("ada")], &[]).await.unwrap();
                [false, true, true]
            }
            "subject" => {
                one.cache().delete(&[], &[subject("person")]).await.unwrap();
                [true, true, false]
            }
            _ => {
                one.cache().clear(Prefix::ApiKey).await.unwrap();
                [false, false, false]
            }
        };
        for (name, left) in ["ada", "bob", "cyd"].into_iter().zip(left) {
            assert_eq!(two.cache().has(&key(name)).await.unwrap(), left, "{name} after dropping a {drop}");
        }
        assert_eq!(two.read(&book).await.as_deref(), Some("book"));
    }
}

#[tokio::test]
async fn a_load_that_began_before_an_invalidation_may_not_fill_on_any_server() {
    let server = Server::start();
    let (one, two) = two(&server).await;
    let key = key("ada");
    let keep = Duration::from_secs(60);
    let (here, there) =
        (one.cache().get(&key).await.unwrap().mark, two.cache().get(&key).await.unwrap().mark);
    one.cache().delete(&[key], &[]).await.unwrap();
    assert!(!one.cache().set(&key, &entry("old"), here, keep).await.unwrap());
    assert!(!two.cache().set(&key, &entry("old"), there, keep).await.unwrap());
    assert_eq!(one.read(&key).await, None);
    assert!(two.fill(&key, "new").await);
    assert_eq!(one.read(&key).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn what_one_server_drops_all_hear_within_a_second_and_in_order() {
    let server = Server::start();
    let (one, two) = two(&server).await;
    for portico in [&one, &two] {
        assert!(portico.has_heard(&Heard::Everything), "what was before was not heard");
        portico.forget_heard();
    }
    let names = (0..100).map(|n| format!("key {n}")).collect::<Vec<_>>();
    let began = std::time::Instant::now();
    for name in &names {
        one.cache().delete(&[key(name)], &[]).await.unwrap();
    }
    let dropped_at = now();
    let heard_all = || matches!(two.cache().hearing(), Hearing::Until(at) if at >= dropped_at);
    until("hearing passes the last drop", heard_all).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    let expected: Vec<_> = names.iter().map(|name| Heard::Places(vec![key(name).subject()])).collect();
    assert_eq!(*two.heard.lock().unwrap(), expected);
    assert_eq!(*one.heard.lock().unwrap(), expected, "one's own are heard as well");
}

#[tokio::test]
async fn a_flush_and_a_lost_fence_revive_nothing() {
    let server = Server::start();
    let (one, two) = two(&server).await;
    let (ada, bob) = (key("ada"), key("bob"));
    let keep = Duration::from_secs(60);
    for loss in [["FLUSHALL", "SYNC"], ["DEL", "{portico}:fence"]] {
        assert!(one.fill(&bob, "bob").await);
        let mark = one.cache().get(&ada).await.unwrap().mark;
        two.cache().delete(&[ada, bob], &[]).await.unwrap();
        let () = server.command(&loss).await;
        assert!(!one.cache().set(&ada, &entry("old"), mark, keep).await.unwrap(), "{loss:?}");
        assert_eq!(one.read(&bob).await, None);
        assert!(one.fill(&ada, "new").await && two.read(&ada).await.is_some());
    }
}

#[tokio::test]
async fn entries_that_nobody_can_read_are_no_entries() {
    let server = Server::start();
    let one = server.connected().await;
    let name = format!("{{portico}}:{}", key("ada"));
    for odd in ["", "1 2", "2 1 1 1 0 0 V {}", "1 9 9 9, 0 0 V"] {
        let () = server.command(&["SET", &name, odd]).await;
        assert_eq!(one.read(&key("ada")).await, None, "{odd}");
    }
    assert!(one.fill(&key("ada"), "new").await);
}

#[tokio::test]
async fn many_places_are_dropped_at_once() {
    let server = Server::start();
    let (one, two) = two(&server).await;
    let keys: Vec<_> = (0..3_000).map(|n| key(&n.to_string())).collect();
    assert!(one.fill(&keys[2_999], "last").await);
    one.cache().delete(&keys, &[]).await.unwrap();
    assert_eq!(two.read(&keys[2_999]).await, None);
    let statistics = one.cache().statistics().await.unwrap();
    assert!(statistics.bytes.unwrap() > 0 && statistics.undelivered == 0);
}

#[tokio::test]
async fn dropped_futures_leave_nothing_broken_and_their_invalidations_are_delivered() {
    let server = Server::start();
    let (one, two) = two(&server).await;
    assert!(one.fill(&key("ada"), "old").await);
    for _ in 0..200 {
        let cache = one.cache();
        let (bob, keys, subjects) = (key("bob"), [key("ada")], [subject("person")]);
        let get = tokio::time::timeout(Duration::ZERO, cache.get(&bob));
        let delete = tokio::time::timeout(Duration::ZERO, cache.delete(&keys, &subjects));
        let _ = tokio::join!(get, delete);
    }
    let began = std::time::Instant::now();
    while one.undelivered().await > 0 {
        assert!(began.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(two.read(&key("ada")).await, None);
    assert!(one.fill(&key("ada"), "new").await);
    assert_eq!(two.read(&key("ada")).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_closed_one_says_that_it_is() {
    let server = Server::start();
    let one = server.connected().await;
    let cache = std::sync::Arc::clone(&one.redis.cache);
    one.redis.close().await;
    let fault = portico_domain::ports::SharedCache::get(&*cache, &key("ada")).await.unwrap_err();
    assert_eq!(fault.to_string(), "shared cache is unavailable: Redis is away");
}
