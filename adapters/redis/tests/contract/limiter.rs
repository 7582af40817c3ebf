//! What a rate limiter owes, whichever it is.

use std::{sync::Arc, time::Duration};

use portico_domain::{
    models::{Admission, Demand, Gcra, Quota, Timestamp},
    ports::{Clock, RateLimiter},
};
use portico_in_process::{InProcessLimiter, SystemClock};

use crate::server::{Server, now};

fn demand(key: &str, quota: &str) -> Demand {
    Demand { policy: "login-address", quota: Quota::parse(quota).unwrap(), key: key.to_owned() }
}

/// The suite. Limiters of one set share their counts.
async fn suite(limiters: &[Arc<dyn RateLimiter>]) {
    answers_are_those_of_gcra(&*limiters[0], "10/1s", 40).await;
    answers_are_those_of_gcra(&*limiters[0], "7/2s", 25).await;
    answers_are_those_of_gcra(&*limiters[0], "1/1s", 12).await;
    keys_are_counted_apart(&*limiters[0]).await;
    admits_exactly_the_quota(limiters).await;
}

/// Attempts with pauses, each answer explained by [`Gcra::decide`] at a moment that fits the clock.
///
/// The limiter's time is not ours to see. But what is left of the quota tells it: an answer's `reset_after` is the kept moment less the time of the
/// decision. So the moments are worked out from the answers, must not run backwards or past what our clock says, and must give every member of
/// every answer to the microsecond.
async fn answers_are_those_of_gcra(limiter: &dyn RateLimiter, quota: &str, attempts: u32) {
    let demand = demand(&format!("sequence {quota}"), quota);
    let cell = Gcra::decide("p", demand.quota, None, Timestamp::from_micros(0)).theoretical_arrival.micros();
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap();
    let origin = now();
    let (mut kept, mut last, mut refused) = (None::<Timestamp>, origin, 0);
    for n in 0..attempts {
        let before = now();
        let answer = limiter.admit(&demand).await.unwrap();
        let (reset, took) = (micros(answer.reset_after), now().since(before));
        let arrival = match kept {
            Some(kept) if answer.admitted && reset > cell => Timestamp::from_micros(kept.micros() + cell),
            Some(kept) if !answer.admitted => kept,
            // Nothing was kept any more: the moment is only known to lie within the call.
            _ => Timestamp::from_micros(before.micros() + reset),
        };
        let decided_at = Timestamp::from_micros(arrival.micros() - reset);
        let drift = took + Duration::from_millis(3);
        assert!(decided_at.after(drift) >= last, "time runs backwards at attempt {n}");
        if kept.is_some_and(|kept| kept > decided_at) {
            let expected = Gcra::decide(demand.policy, demand.quota, kept, decided_at);
            assert_eq!(answer, expected.admission, "attempt {n}");
        } else {
            assert_eq!(
                answer,
                Gcra::decide(demand.policy, demand.quota, None, decided_at).admission,
                "attempt {n}"
            );
        }
        refused += u32::from(!answer.admitted);
        (kept, last) = (Some(arrival), decided_at);
        tokio::time::sleep(Duration::from_micros(u64::from(n * n * 37 % 130) * 1_000)).await;
    }
    assert!(refused > 0, "pauses are short enough to be refused at times");
}

async fn keys_are_counted_apart(limiter: &dyn RateLimiter) {
    for n in 0..50 {
        let demand = demand(&format!("apart {n}"), "1/1h");
        let first = limiter.admit(&demand).await.unwrap();
        assert!(first.admitted && first.remaining == 0 && first.retry_after.is_zero());
        assert_eq!(first.reset_after, Duration::from_secs(3_600));
        let second = limiter.admit(&demand).await.unwrap();
        assert!(!second.admitted && second.retry_after <= Duration::from_secs(3_600));
    }
}

async fn admits_exactly_the_quota(limiters: &[Arc<dyn RateLimiter>]) {
    let attempts: Vec<_> = (0..10_000 * limiters.len())
        .map(|n| {
            let limiter = Arc::clone(&limiters[n % limiters.len()]);
            tokio::spawn(async move { limiter.admit(&demand("contended", "500/24h")).await })
        })
        .collect();
    let mut answers: Vec<Admission> = Vec::new();
    for attempt in attempts {
        answers.push(attempt.await.unwrap().unwrap());
    }
    let mut left: Vec<u32> = answers.iter().filter(|a| a.admitted).map(|a| a.remaining).collect();
    left.sort_unstable();
    assert_eq!(left, (0..500).collect::<Vec<_>>(), "each place of the quota is given out once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_in_process_limiter_keeps_the_contract() {
    suite(&[Arc::new(InProcessLimiter::new(Arc::new(SystemClock)))]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redis_limiter_keeps_the_contract_over_three_servers() {
    let server = Server::start();
    let porticos = [server.connected().await, server.connected().await, server.connected().await];
    let limiters: Vec<Arc<dyn RateLimiter>> =
        porticos.iter().map(|portico| Arc::clone(&portico.redis.limiter) as Arc<dyn RateLimiter>).collect();
    suite(&limiters).await;
}

#[tokio::test]
async fn redis_holds_digests_that_go_by_themselves_and_a_refusal_writes_nothing() {
    let server = Server::start();
    let portico = server.connected().await;
    let limiter = &portico.redis.limiter;
    let demand = demand("login-address:192.0.2.7", "2/1m");
    assert!(limiter.admit(&demand).await.unwrap().admitted);
    assert!(limiter.admit(&demand).await.unwrap().admitted);
    let keys: Vec<String> = server.command(&["KEYS", "*limit*"]).await;
    assert!(keys.len() == 1 && !keys[0].contains("192"), "{keys:?}");
    let kept: i64 = server.command(&["GET", &keys[0]]).await;
    let ends_in: i64 = server.command(&["PTTL", &keys[0]]).await;
    assert!((59_000..=60_000).contains(&ends_in), "{ends_in}");
    assert!((kept / 1_000 - SystemClock.now().micros() / 1_000 - ends_in).abs() < 500);
    for _ in 0..5 {
        assert!(!limiter.admit(&demand).await.unwrap().admitted);
    }
    assert_eq!(server.command::<i64>(&["GET", &keys[0]]).await, kept);
    let short = Demand { quota: Quota::parse("5/1s").unwrap(), key: "short".to_owned(), ..demand };
    assert!(limiter.admit(&short).await.unwrap().admitted);
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*limit*"]).await, keys, "whole again, and gone");
}
