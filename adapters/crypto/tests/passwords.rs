//! The contract of `Passwords`, run by both adapters, and what the threaded one promises beyond it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use portico_crypto::{BcryptCost, BcryptPasswords, BcryptSettings, InlinePasswords};
use portico_domain::{
    models::{Password, PasswordHash},
    ports::{HashingRefused, PasswordVerdict, Passwords},
};

const COST: BcryptCost = BcryptCost::LOWEST;
const NEXT_COST: u32 = 11;

fn password(text: &str) -> Password {
    Password::to_check(text).unwrap()
}

fn threaded(cost: BcryptCost) -> BcryptPasswords {
    BcryptPasswords::new(BcryptSettings { cost, ..BcryptSettings::default() })
}

/// One thread, before which hashes may wait for so long.
fn narrow(deadline: Duration) -> Arc<BcryptPasswords> {
    let settings = BcryptSettings { cost: BcryptCost::nearest(12), deadline, slots: NonZeroUsize::new(1) };
    Arc::new(BcryptPasswords::new(settings))
}

async fn run_contract(at_cost: impl Fn(BcryptCost) -> Arc<dyn Passwords>) {
    let passwords = at_cost(COST);
    let matches = Ok(PasswordVerdict::Matches { outdated: false });
    for text in ["x", "correct horse battery", &"ä".repeat(36), &"7".repeat(71), &"7".repeat(72)] {
        let hash = passwords.hash(&password(text)).await.unwrap();
        assert!(hash.expose().starts_with("$2b$10$"), "{}", hash.expose());
        assert_eq!(passwords.verify(&password(text), Some(&hash)).await, matches, "{text}");
        let mut other = text.to_owned();
        other.pop();
        let other = password(if other.is_empty() { "y" } else { &other });
        assert_eq!(passwords.verify(&other, Some(&hash)).await, Ok(PasswordVerdict::Differs), "{text}");
    }

    let salted = passwords.hash(&password("same")).await.unwrap();
    assert_ne!(passwords.hash(&password("same")).await.unwrap(), salted, "each hash has a salt of its own");
    assert_eq!(passwords.verify(&password("anything"), None).await, Ok(PasswordVerdict::Differs));

    let dearer = at_cost(BcryptCost::nearest(NEXT_COST));
    let verdict = dearer.verify(&password("same"), Some(&salted)).await;
    assert_eq!(verdict, Ok(PasswordVerdict::Matches { outdated: true }));
    let high = dearer.hash(&password("same")).await.unwrap();
    assert_eq!(
        passwords.verify(&password("same"), Some(&high)).await,
        matches,
        "a higher cost is not outdated"
    );

    for text in ["", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "$2b$10$too short"] {
        let verdict = passwords.verify(&password("anything"), Some(&PasswordHash::new(text))).await;
        assert!(matches!(verdict, Err(HashingRefused::Failed(_))), "{text}: {verdict:?}");
    }
}

#[tokio::test]
async fn hash_threads_keep_the_contract() {
    run_contract(|cost| Arc::new(threaded(cost))).await;
}

#[tokio::test]
async fn hashing_in_place_keeps_the_contract() {
    run_contract(|cost| Arc::new(InlinePasswords::new(cost))).await;
}

/// What this thread has computed so far, whatever else the machine does.
#[cfg(target_os = "linux")]
fn computing_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// The fastest of a few, which is what the work itself takes.
#[cfg(target_os = "linux")]
async fn least_time(passwords: &InlinePasswords, stored: Option<&PasswordHash>) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let began = computing_time();
        assert_eq!(passwords.verify(&password("wrong"), stored).await, Ok(PasswordVerdict::Differs));
        least = least.min(computing_time().saturating_sub(began));
    }
    least
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_wrong_password_takes_as_long_as_an_unknown_account_also_against_a_cheaper_hash() {
    let passwords = InlinePasswords::new(BcryptCost::nearest(NEXT_COST));
    let current = passwords.hash(&password("right")).await.unwrap();
    let cheaper = InlinePasswords::new(COST).hash(&password("right")).await.unwrap();
    let unknown = least_time(&passwords, None).await;
    for stored in [&current, &cheaper] {
        let ratio = least_time(&passwords, Some(stored)).await.as_secs_f64() / unknown.as_secs_f64();
        // Without the make-up work the cheaper hash stands at 0.5.
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
    }
}

#[tokio::test]
async fn making_it_computes_nothing() {
    let began = Instant::now();
    let passwords = threaded(BcryptCost::HIGHEST);
    assert!(began.elapsed() < Duration::from_millis(500), "a hash of cost 15 takes longer");
    assert_eq!(passwords.figures().computed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_is_refused_at_once_and_the_rest_is_served_in_time() {
    let passwords = narrow(Duration::from_millis(250));
    // Teaches it how long a hash takes here.
    for _ in 0..3 {
        passwords.verify(&password("x"), None).await.unwrap();
    }
    let attempts: Vec<_> = (0..50)
        .map(|_| {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move {
                let began = Instant::now();
                (passwords.verify(&password("x"), None).await, began.elapsed())
            })
        })
        .collect();
    let (mut served, mut refused) = (0, 0);
    for attempt in attempts {
        match attempt.await.unwrap() {
            (Ok(verdict), _) => {
                assert_eq!(verdict, PasswordVerdict::Differs);
                served += 1;
            }
            (Err(HashingRefused::Overloaded { retry_after }), _) => {
                assert!(retry_after >= Duration::from_secs(1));
                refused += 1;
            }
            (Err(fault), _) => panic!("{fault}"),
        }
    }
    assert!(served >= 1 && refused >= 30, "{served} served, {refused} refused");
    assert!(passwords.figures().refused >= 30, "refused at the door, not after the wait");
    assert!(passwords.verify(&password("x"), None).await.is_ok(), "and then it serves again");
}

#[tokio::test]
async fn who_goes_away_frees_the_place_and_is_not_computed() {
    let passwords = narrow(Duration::from_secs(60));
    let running = {
        let passwords = Arc::clone(&passwords);
        tokio::spawn(async move { passwords.verify(&password("x"), None).await })
    };
    tokio::task::yield_now().await;
    let wrong = password("x");
    let waiting = tokio::time::timeout(Duration::from_millis(1), passwords.verify(&wrong, None));
    assert!(waiting.await.is_err(), "it waits behind the first");
    assert_eq!(passwords.figures().abandoned, 1);
    running.await.unwrap().unwrap();
    let figures = passwords.figures();
    assert_eq!((figures.computed, figures.waiting), (1, 0));
}
