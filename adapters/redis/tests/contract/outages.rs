//! Redis away, hung, killed, restarted.

use std::time::{Duration, Instant};

use portico_domain::{
    models::{Demand, Quota},
    ports::{Hearing, RateLimiter},
};
use portico_redis::Heard;

use crate::server::{Server, entry, key, until};

const KEEP: Duration = Duration::from_secs(60);

fn demand(policy: &'static str) -> Demand {
    Demand { policy, quota: Quota::parse("1000/1m").unwrap(), key: policy.to_owned() }
}

#[tokio::test]
async fn a_start_does_not_wait_and_what_is_asked_fails_at_once() {
    let mut server = Server::start();
    server.kill();
    let portico = server.portico();
    let began = Instant::now();
    for _ in 0..1_000 {
        assert!(portico.cache().get(&key("ada")).await.is_err());
        assert!(portico.redis.limiter.admit(&demand("login-address")).await.is_err());
    }
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!(portico.cache().hearing(), Hearing::Deaf);
    assert!(portico.cache().delete(&[key("ada")], &[]).await.is_err());
    server.run();
    portico.until_hearing().await;
    assert_eq!(portico.undelivered().await, 0, "delivered before anything is read");
    assert!(portico.fill(&key("ada"), "new").await);
}

#[tokio::test]
async fn a_restart_revives_nothing_with_or_without_persistence() {
    for saves in [false, true] {
        let mut server = if saves { Server::start_saving() } else { Server::start() };
        let (one, two) = (server.connected().await, server.connected().await);
        assert!(one.fill(&key("ada"), "old").await && one.fill(&key("bob"), "old").await);
        let mark = one.cache().get(&key("bob")).await.unwrap().mark;
        if saves {
            let () = server.command(&["SAVE"]).await;
        }
        two.cache().delete(&[key("ada")], &[]).await.unwrap();
        two.forget_heard();
        server.kill();
        one.until_deaf().await;
        two.until_deaf().await;
        server.run();
        one.until_hearing().await;
        two.until_hearing().await;
        assert!(two.has_heard(&Heard::Everything));
        if saves {
            let kept: i64 = server.command(&["EXISTS", &format!("{{portico}}:{}", key("ada"))]).await;
            assert_eq!(kept, 1, "the snapshot has what was dropped since");
        }
        let newcomer = server.connected().await;
        for portico in [&one, &two, &newcomer] {
            assert_eq!(portico.read(&key("ada")).await, None);
        }
        assert!(!one.cache().set(&key("bob"), &entry("old"), mark, KEEP).await.unwrap());
        assert!(one.fill(&key("ada"), "new").await);
        assert_eq!(newcomer.read(&key("ada")).await.as_deref(), Some("new"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_redis_is_noticed_and_what_was_dropped_meanwhile_stays_dropped() {
    let server = Server::start();
    let (one, two) = (server.connected().await, server.connected().await);
    assert!(one.fill(&key("ada"), "old").await && one.fill(&key("bob"), "old").await);
    let mark = one.cache().get(&key("cyd")).await.unwrap().mark;
    one.forget_heard();
    two.forget_heard();

    server.hang();
    let hung_at = Instant::now();
    // Given up by the caller, as the domain does.
    let keys = [key("ada")];
    let given_up = tokio::time::timeout(Duration::from_millis(50), one.cache().delete(&keys, &[])).await;
    assert!(given_up.is_err());
    let old = entry("old");
    let late_fill = two.cache().set(&keys[0], &old, mark, KEEP);
    let _ = tokio::time::timeout(Duration::from_millis(50), late_fill).await;
    one.until_deaf().await;
    two.until_deaf().await;
    assert!(hung_at.elapsed() < Duration::from_millis(1_500), "{:?}", hung_at.elapsed());
    let asked_at = Instant::now();
    assert!(
        one.cache().get(&key("ada")).await.is_err() && one.cache().delete(&[key("bob")], &[]).await.is_err()
    );
    assert!(asked_at.elapsed() < Duration::from_millis(20));
    tokio::time::sleep(Duration::from_millis(600)).await;

    server.wake();
    let newcomer = server.connected().await;
    for name in ["ada", "bob"] {
        assert_eq!(newcomer.read(&key(name)).await, None, "a newcomer knows of the silence");
    }
    one.until_hearing().await;
    two.until_hearing().await;
    for portico in [&one, &two] {
        assert_eq!(portico.heard.lock().unwrap().first(), Some(&Heard::Everything));
        for name in ["ada", "bob"] {
            assert_eq!(portico.read(&key(name)).await, None, "{name}");
        }
    }
    assert_eq!(one.undelivered().await, 0);
    let told = || two.has_heard(&Heard::Places(sorted(&["ada", "bob"])));
    until("the other server hears what could not be delivered", told).await;
    assert!(two.fill(&key("ada"), "new").await);
    assert_eq!(one.read(&key("ada")).await.as_deref(), Some("new"));
}

fn sorted(names: &[&str]) -> Vec<portico_domain::cache::Subject> {
    let mut subjects: Vec<_> = names.iter().map(|name| key(name).subject()).collect();
    subjects.sort_unstable();
    subjects
}

#[tokio::test]
async fn what_was_dropped_during_a_silence_stays_dropped_though_who_dropped_it_is_gone() {
    let server = Server::start();
    let one = server.connected().await;
    assert!(one.fill(&key("ada"), "old").await);
    server.hang();
    one.until_deaf().await;
    // Nothing of it was sent, and it is lost with its process.
    assert!(one.cache().delete(&[key("ada")], &[]).await.is_err());
    one.redis.close().await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.wake();
    let newcomer = server.connected().await;
    assert_eq!(newcomer.read(&key("ada")).await, None);
    assert!(newcomer.fill(&key("ada"), "new").await);
    assert_eq!(newcomer.read(&key("ada")).await.as_deref(), Some("new"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_hangs_open_attempts_are_given_up_soon_and_nothing_piles_up() {
    let server = Server::start();
    let portico = server.connected().await;
    let limiter = &portico.redis.limiter;
    assert!(limiter.admit(&demand("api-key")).await.unwrap().admitted);
    server.hang();
    let began = Instant::now();
    assert!(limiter.admit(&demand("api-key")).await.is_err());
    assert!(began.elapsed() < Duration::from_millis(150), "{:?}", began.elapsed());
    let began = Instant::now();
    let many = (0..5_000).map(|_| {
        let limiter = std::sync::Arc::clone(limiter);
        tokio::spawn(async move { limiter.admit(&demand("login-address")).await })
    });
    for attempt in many.collect::<Vec<_>>() {
        assert!(attempt.await.unwrap().is_err());
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    server.wake();
    portico.until_hearing().await;
    assert!(limiter.admit(&demand("api-key")).await.unwrap().admitted);
}

#[tokio::test]
async fn a_full_redis_drops_rather_than_keeps_what_was_invalidated() {
    let server = Server::start();
    let portico = server.connected().await;
    assert!(portico.fill(&key("ada"), "old").await);
    let () = server.command(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    let _ = portico.cache().delete(&[key("ada")], &[]).await;
    let () = server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    portico.until_hearing().await;
    let began = Instant::now();
    loop {
        // The link may have been lost over it.
        if let Ok(answer) = portico.cache().get(&key("ada")).await {
            assert!(answer.entry.is_none());
            break;
        }
        assert!(began.elapsed() < crate::server::SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let newcomer = server.connected().await;
    assert_eq!(newcomer.read(&key("ada")).await, None);
}
