//! What a storm of sign-ins does to everybody else, and what it gets done: `/health` under storm against quiet, and sign-ins against bare bcrypt
//! on all cores, in one run. Server, storm and probe share the machine.
//!
//! `cargo bench -p portico --bench storm -- [--rounds 3] [--seconds 8] [--clients 200] [--cost 10]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

mod figures;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use figures::{is_wanted, median, millis, option, percentile};
use serde_json::json;
use support::{PASSWORD, Place, client, post};

/// How often `/health` is asked.
const PROBE_EVERY: Duration = Duration::from_millis(10);

fn main() {
    if !is_wanted() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let (rounds, clients) = (option("rounds", 3), option("clients", 200));
    let span = Duration::from_secs(option("seconds", 8));
    let cost = u32::try_from(option("cost", 10)).unwrap();
    let place = Place::on_sqlite().unlimited().with("PORTICO_BCRYPT_COST", &cost.to_string());
    let made =
        place.run(&["user", "create", "--email", "ada@example.com", "--password-stdin"], PASSWORD).await;
    assert_eq!(made.code, Some(0), "{}", made.told);
    let server = place.start("bench-storm").await;
    assert_eq!(server.login("ada@example.com").await.status(), 200);

    println!(
        "round   bare/s   signed in/s   of bare   refused/s   quiet p50, p99 ms   storm p50, p99 ms   p99 ratio"
    );
    let (mut shares, mut ratios) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let bare = bare_hashes(cost, span).await;
        let quiet = probe(&server.address, span).await;
        let storm = Storm::begin(&server.address, clients);
        // The queue fills first.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = storm.counts();
        let began = Instant::now();
        let stormy = probe(&server.address, span).await;
        let seconds = began.elapsed().as_secs_f64();
        let after = storm.counts();
        storm.end().await;
        let per_second = |of: fn((u64, u64)) -> u64| as_f64(of(after) - of(before)) / seconds;
        let (signed_in, refused) = (per_second(|counts| counts.0), per_second(|counts| counts.1));
        let (share, ratio) = (signed_in / bare, percentile(&stormy, 99.0) / percentile(&quiet, 99.0));
        println!(
            "{round:>5}   {bare:>6.1}   {signed_in:>11.1}   {:>6.1}%   {refused:>9.1}   {:>8.3}, {:>7.3}   {:>8.3}, {:>7.3}   {ratio:>9.2}",
            share * 100.0,
            median(&quiet),
            percentile(&quiet, 99.0),
            median(&stormy),
            percentile(&stormy, 99.0),
        );
        shares.push(share);
        ratios.push(ratio);
    }
    println!(
        "median: sign-ins at {:.1} % of bare bcrypt, /health p99 × {:.2}",
        median(&shares) * 100.0,
        median(&ratios)
    );
    server.stop().await;
}

fn as_f64(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Verifications a second by the bcrypt crate alone, one thread a core.
async fn bare_hashes(cost: u32, span: Duration) -> f64 {
    tokio::task::spawn_blocking(move || {
        let hash = bcrypt::hash_with_salt(PASSWORD, cost, [7; 16]).unwrap().to_string();
        let cores = thread::available_parallelism().unwrap().get();
        let began = Instant::now();
        let done: u64 = thread::scope(|scope| {
            let threads: Vec<_> = (0..cores)
                .map(|_| {
                    scope.spawn(|| {
                        let mut done = 0;
                        while began.elapsed() < span {
                            assert!(bcrypt::verify(PASSWORD, &hash).unwrap());
                            done += 1;
                        }
                        done
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        as_f64(done) / began.elapsed().as_secs_f64()
    })
    .await
    .unwrap()
}

/// Milliseconds of `/health`, asked at a fixed pace on a connection and a thread of its own. A request that had to wait for the one before counts from
/// the moment when it was due.
async fn probe(address: &str, span: Duration) -> Vec<f64> {
    let address = address.trim_start_matches("http://").to_owned();
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut buffer = [0; 4_096];
        let mut times = Vec::new();
        let began = Instant::now();
        let mut due = began;
        while due < began + span {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // What the sleep overslept is the probe's own delay.
            let from = if times.last().is_some_and(|last| *last > millis(PROBE_EVERY)) {
                due
            } else {
                Instant::now()
            };
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: portico\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\"}") {
                let length = stream.read(&mut buffer).unwrap();
                assert!(length > 0, "the server closed the connection");
                answer.extend_from_slice(&buffer[..length]);
            }
            assert!(answer.starts_with(b"HTTP/1.1 200"));
            times.push(millis(from.elapsed()));
            due += PROBE_EVERY;
        }
        times
    })
    .await
    .unwrap()
}

/// Clients that sign in without pause. Who is refused comes back when told to.
struct Storm {
    counts: Arc<(AtomicU64, AtomicU64)>,
    over: Arc<AtomicBool>,
    clients: tokio::task::JoinSet<()>,
}

impl Storm {
    fn begin(address: &str, clients: u64) -> Self {
        let (counts, over) =
            (Arc::new((AtomicU64::new(0), AtomicU64::new(0))), Arc::new(AtomicBool::new(false)));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..clients {
            let (counts, over) = (Arc::clone(&counts), Arc::clone(&over));
            let url = format!("{address}/api/v1/auth/login");
            tasks.spawn(async move {
                let http = client();
                let body = json!({ "email": "ada@example.com", "password": PASSWORD });
                while !over.load(Ordering::Relaxed) {
                    let answer = post(&http, &url, &body).await.unwrap();
                    match answer.status().as_u16() {
                        200 => {
                            answer.bytes().await.unwrap();
                            counts.0.fetch_add(1, Ordering::Relaxed);
                        }
                        503 => {
                            counts.1.fetch_add(1, Ordering::Relaxed);
                            // Told to wait a second, people don't come back in the same millisecond.
                            let wait: u64 =
                                answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                            tokio::time::sleep(Duration::from_millis(
                                wait * 1_000 + number * 1_000 / clients,
                            ))
                            .await;
                        }
                        status => panic!("{status}"),
                    }
                }
            });
        }
        Self { counts, over, clients: tasks }
    }

    /// Signed in, and refused.
    fn counts(&self) -> (u64, u64) {
        (self.counts.0.load(Ordering::Relaxed), self.counts.1.load(Ordering::Relaxed))
    }

    async fn end(mut self) {
        self.over.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
    }
}
