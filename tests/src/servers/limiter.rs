//! A quota is kept exactly, however many ask at once and on however many servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Figures;
use super::line::Line;
use super::scene::{Plan, Scene};
use super::tally::{Tally, millis};
use crate::harness::postgres::Postgres;
use crate::harness::redis::Persistence;

/// How many ask at the same moment, each on a connection of its own.
const ATTEMPTS: usize = 10_000;
/// How many crowds may meet a limiter that is away.
const TRIES: usize = 5;
/// The key's own limit.
const LIMIT: usize = 1_000;
/// Its window: one attempt comes back after 86.4 s, long after the proof is over.
const WINDOW: Duration = Duration::from_secs(86_400);

pub(super) async fn run(postgres: &Postgres) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    let cases = [("three servers, Redis", 3, Some(Persistence::None)), ("one server, in process", 1, None)];
    for (name, servers, redis) in cases {
        let plan = Plan { name: "limiter", servers, redis, ..Plan::default() };
        let scene = Scene::set(postgres, plan).await?;
        figures.add(format!("{name}: {}", crowds(&scene).await.context(name)?));
        scene.end(postgres).await?;
    }
    Ok(figures)
}

/// Lets a crowd in, and another one in its place if the limiter was away meanwhile: on a machine so busy that Redis gets no time for 50 ms, the rule for a
/// limiter that is away is what was tried, and not the limiter.
async fn crowds(scene: &Scene) -> anyhow::Result<String> {
    let mut before = String::new();
    for _ in 0..TRIES {
        match crowd(scene).await? {
            Crowd::Counted(told) => return Ok(format!("{told}{before}")),
            Crowd::Uncounted(count) => {
                before = format!(
                    "; in an earlier crowd {count} passed uncounted, because Redis was silent for 50 ms"
                );
            }
        }
    }
    anyhow::bail!("the limiter was away {TRIES} times{before}")
}

/// How a crowd came out.
enum Crowd {
    /// All were counted, and the quota was kept.
    Counted(String),
    /// So many passed because the limiter was taken to be away; of those that were counted no more than the quota were let in.
    Uncounted(usize),
}

async fn crowd(scene: &Scene) -> anyhow::Result<Crowd> {
    let limit = json!({ "limit": LIMIT, "window_seconds": WINDOW.as_secs() });
    let body = json!({ "name": "limited", "scopes": [], "rate_limit": limit });
    let key = scene.manager().make(&mut scene.line(0).await?, &body).await?;
    let began = Instant::now();
    let start = Arc::new(Barrier::new(ATTEMPTS + 1));
    let mut attempts = JoinSet::new();
    for number in 0..ATTEMPTS {
        let mut line = scene.line(number % scene.servers.count()).await?;
        let (start, text) = (Arc::clone(&start), key.text.clone());
        attempts.spawn(async move {
            start.wait().await;
            attempt(&mut line, &text).await
        });
    }
    start.wait().await;
    let sent = Instant::now();
    let (mut admitted, mut refused, mut uncounted, mut times) = (0, 0, 0, Tally::default());
    while let Some(attempt) = attempts.join_next().await {
        let Attempt { status, counted, told, took } = attempt??;
        match (status, counted) {
            (200, true) => admitted += 1,
            (200, false) => uncounted += 1,
            (429, _) => refused += 1,
            _ => anyhow::bail!("an attempt was answered {told}"),
        }
        times.took(took);
    }
    let took = sent.elapsed();
    // The window refills by one cell after another; the quota is exact as long as not even one has come back.
    let cell = WINDOW / u32::try_from(LIMIT)?;
    ensure!(
        began.elapsed() < cell,
        "the crowd took {:?}, longer than one attempt needs to come back",
        began.elapsed()
    );
    ensure!(admitted <= LIMIT, "counted and let in: {admitted} of a quota of {LIMIT}");
    if uncounted > 0 {
        return Ok(Crowd::Uncounted(uncounted));
    }
    ensure!(
        admitted == LIMIT && refused == ATTEMPTS - LIMIT,
        "admitted {admitted} of a quota of {LIMIT}, refused {refused}"
    );
    Ok(Crowd::Counted(format!(
        "{ATTEMPTS} at once, quota {LIMIT}, admitted {admitted}, refused {refused}, over-admitted 0, in {} ({} a second), slowest {}",
        millis(took),
        ATTEMPTS * 1_000 / usize::try_from(took.as_millis().max(1))?,
        millis(times.permille(1_000))
    )))
}

/// How an attempt came out.
struct Attempt {
    status: u16,
    /// Whether the limiter was asked: an attempt that passes uncounted is told nothing of its quota.
    counted: bool,
    told: String,
    took: Duration,
}

async fn attempt(line: &mut Line, key: &str) -> anyhow::Result<Attempt> {
    let sent = Instant::now();
    let reply = line.me(key).await?;
    if reply.status == 429 {
        ensure!(reply.header("retry-after").is_some(), "a refusal without Retry-After");
    }
    let counted = reply.header("ratelimit").is_some();
    Ok(Attempt { status: reply.status, counted, told: reply.told(), took: sent.elapsed() })
}
