//! What the queue and the threads cost: passwords compared per second by `BcryptPasswords` while 200 people sign in without pause, against bcrypt
//! alone on every core, in alternating rounds of one run. Both run at the lowest priority, so that what else the machine does takes the same
//! from both.
//!
//! `cargo bench -p portico-crypto --bench storm -- [seconds a round] [rounds]`. Ends with 1 when the goodput is below 95 % of bcrypt's own.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program for people")]

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portico_crypto::{BcryptCost, BcryptPasswords, BcryptSettings};
use portico_domain::{
    models::Password,
    ports::{HashingRefused, Passwords},
};

const CALLERS: usize = 200;
const GOAL: f64 = 0.95;

/// Hashes a second, and how many were refused.
struct Rate {
    per_second: f64,
    refused: u64,
}

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let span = Duration::from_secs(numbers.first().copied().unwrap_or(10));
    let rounds = numbers.get(1).copied().unwrap_or(3);
    let mut worst: f64 = 1.0;
    for cost in [BcryptCost::LOWEST, BcryptCost::SERVER] {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for round in 1..=rounds {
            let alone = bare_bcrypt(cost, span);
            let storm = storm(cost, span);
            println!(
                "cost {cost}, round {round}: bcrypt alone {:.2}/s, storm {:.2}/s ({} refused)",
                alone.per_second, storm.per_second, storm.refused
            );
            bare.push(alone.per_second);
            ours.push(storm.per_second);
        }
        let ratio = median(ours) / median(bare);
        println!("cost {cost}: goodput {:.1} % of bcrypt alone", ratio * 100.0);
        worst = worst.min(ratio);
    }
    if worst < GOAL { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn bare_bcrypt(cost: BcryptCost, span: Duration) -> Rate {
    let stored = bcrypt::hash_with_salt("obviously fake", cost.get(), [7; 16]).unwrap().to_string();
    let tally = Tally::new();
    thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                let _ = rustix::process::nice(19);
                while tally.began.elapsed() < span {
                    assert!(!bcrypt::verify("wrong", &stored).unwrap());
                    tally.count();
                }
            });
        }
    });
    tally.rate()
}

fn storm(cost: BcryptCost, span: Duration) -> Rate {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let passwords = Arc::new(BcryptPasswords::new(BcryptSettings { cost, ..BcryptSettings::default() }));
        let stored = passwords.hash(&Password::to_check("obviously fake").unwrap()).await.unwrap();
        let tally = Arc::new(Tally::new());
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (passwords, stored, tally) = (Arc::clone(&passwords), stored.clone(), Arc::clone(&tally));
                tokio::spawn(async move {
                    let wrong = Password::to_check("wrong").unwrap();
                    while tally.began.elapsed() < span {
                        match passwords.verify(&wrong, Some(&stored)).await {
                            Ok(_) => tally.count(),
                            Err(HashingRefused::Overloaded { .. }) => {
                                tally.refused.fetch_add(1, Ordering::Relaxed);
                                // Impatient: a polite caller would wait for as long as it was told.
                                tokio::time::sleep(Duration::from_millis(250)).await;
                            }
                            Err(fault) => panic!("{fault}"),
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        tally.rate()
    })
}

/// Counts comparisons, and when the last one was done, so that one that is cut off by the end of a round counts neither way.
struct Tally {
    began: Instant,
    done: AtomicU64,
    last_nanos: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { began: Instant::now(), done: zero(), last_nanos: zero(), refused: zero() }
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap();
        self.last_nanos.fetch_max(now, Ordering::Relaxed);
    }

    fn rate(&self) -> Rate {
        let span = Duration::from_nanos(self.last_nanos.load(Ordering::Relaxed).max(1));
        let done = u32::try_from(self.done.load(Ordering::Relaxed)).unwrap();
        Rate {
            per_second: f64::from(done) / span.as_secs_f64(),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
