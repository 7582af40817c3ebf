//! A load as the world makes it, with keys dying all the time: the cache serves nearly all of it, and never a dead key.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::Figures;
use super::chance::{Chance, Zipf};
use super::ledger::{BOUND, Key, Ledger, Verdict};
use super::line::Line;
use super::scene::{Plan, Scene};
use super::tally::{Tally, millis};
use crate::harness::postgres::Postgres;
use crate::harness::redis::Persistence;

const SERVERS: usize = 3;
/// How many keys there are at any time.
const POPULATION: u32 = 10_000;
/// Connections that ask without pause, evenly over the servers.
const ASKERS: usize = 12;
/// How often each server is asked to revoke a key: all of them together a hundred times a second.
const REVOCATION: Duration = Duration::from_millis(30);
/// So many that asks turn to a key that was revoked lately.
const ONE_IN: usize = 20;
/// For how long a revoked key is turned to.
const LATELY: Duration = Duration::from_secs(5);
/// How long the cache fills before it is measured: until then most keys are asked for the first time.
const FILLING: Duration = Duration::from_secs(5);
/// The part of the answers that the cache must serve, in hundredths.
const HIT_RATE: f64 = 90.0;

struct Stage {
    ledger: Ledger,
    zipf: Zipf,
    keys: Vec<Mutex<Arc<Key>>>,
    lately: Mutex<VecDeque<(Instant, Arc<Key>)>>,
    filled: AtomicBool,
    over: AtomicBool,
}

impl Stage {
    fn key(&self, rank: usize) -> Arc<Key> {
        Arc::clone(&self.keys[rank].lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, rank: usize, key: Arc<Key>) -> Arc<Key> {
        std::mem::replace(&mut self.keys[rank].lock().unwrap_or_else(PoisonError::into_inner), key)
    }

    fn revoked(&self, key: Arc<Key>) {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.push_back((Instant::now(), key));
        while lately.front().is_some_and(|(at, _)| at.elapsed() > LATELY) {
            lately.pop_front();
        }
    }

    fn some_revoked(&self, chance: &mut Chance) -> Option<Arc<Key>> {
        let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.get(chance.below(lately.len())).map(|(_, key)| Arc::clone(key))
    }
}

/// What an asker met: the load while the cache filled and afterwards, and revoked keys.
#[derive(Default)]
struct Met {
    filling: Tally,
    load: Tally,
    /// Of each second of the load: answers that the cache served, and all.
    seconds: Vec<(u32, u32)>,
    revoked: Tally,
}

pub(super) async fn run(postgres: &Postgres, length: Duration) -> anyhow::Result<Figures> {
    let plan = Plan { name: "zipf", servers: SERVERS, redis: Some(Persistence::None), ..Plan::default() };
    let scene = Scene::set(postgres, plan).await?;
    let keys = scene.insert_keys(usize::try_from(POPULATION)?).await?;
    let stage = Arc::new(Stage {
        ledger: scene.ledger,
        zipf: Zipf::of(POPULATION),
        keys: keys.into_iter().map(Mutex::new).collect(),
        lately: Mutex::default(),
        filled: AtomicBool::new(false),
        over: AtomicBool::new(false),
    });
    let mut revokers = Vec::new();
    for server in 0..SERVERS {
        revokers.push(tokio::spawn(revoke(
            Arc::clone(&stage),
            scene.manager(),
            server,
            scene.line(server).await?,
        )));
    }
    let mut askers = Vec::new();
    for number in 0..ASKERS {
        let server = number % SERVERS;
        askers.push(tokio::spawn(ask(Arc::clone(&stage), server, scene.line(server).await?)));
    }
    tokio::time::sleep(FILLING).await;
    stage.filled.store(true, Ordering::SeqCst);
    let start = Instant::now();
    tokio::time::sleep(length).await;
    stage.over.store(true, Ordering::SeqCst);
    let mut met = Met::default();
    for asker in askers {
        let more = asker.await??;
        met.filling.add(more.filling);
        met.load.add(more.load);
        met.revoked.add(more.revoked);
        met.seconds.resize(met.seconds.len().max(more.seconds.len()), (0, 0));
        for (sum, (hits, asked)) in met.seconds.iter_mut().zip(more.seconds) {
            *sum = (sum.0 + hits, sum.1 + asked);
        }
    }
    let took = start.elapsed();
    let mut revocations = Tally::default();
    for revoker in revokers {
        revocations.add(revoker.await??);
    }
    let last = afterwards(&scene, &stage).await?;
    scene.end(postgres).await?;
    let mut figures = report(&met, &revocations, took)?;
    figures.add(last);
    Ok(figures)
}

/// Tries the keys that were revoked last on every server, once the bound has passed for them too: the end of the load must hide nothing.
async fn afterwards(scene: &Scene, stage: &Stage) -> anyhow::Result<String> {
    tokio::time::sleep(BOUND).await;
    let lately = stage.lately.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (server, mut line) in scene.lines().await?.into_iter().enumerate() {
        for (_, key) in &lately {
            let sent = Instant::now();
            let reply = line.me(&key.text).await?;
            let verdict = scene.ledger.judge(key, server, sent, reply.status);
            ensure!(verdict == Verdict::Refused, "afterwards, server {server}: {verdict:?} {}", reply.told());
        }
    }
    Ok(format!("afterwards: the {} keys revoked last refused on every server", lately.len()))
}

fn report(met: &Met, revocations: &Tally, took: Duration) -> anyhow::Result<Figures> {
    let Met { filling, load, seconds, revoked } = met;
    let parts = seconds.iter().map(|(hits, asked)| 100.0 * f64::from(*hits) / f64::from(*asked));
    let worst = parts.fold(100.0, f64::min);
    let rate =
        |count: usize, took: Duration| anyhow::Ok(count * 1_000 / usize::try_from(took.as_millis().max(1))?);
    let mut figures = Figures::default();
    figures.add(format!(
        "{POPULATION} keys, Zipf, {SERVERS} servers, {} s: {} requests ({} a second), 0 failed, hit rate {:.2} % (in the worst second {worst:.2} %; while the cache filled, {} s before: {:.2} %), p50 {}, p99 {}",
        took.as_secs(),
        load.requests(),
        rate(load.requests(), took)?,
        load.hit_rate(),
        FILLING.as_secs(),
        filling.hit_rate(),
        millis(load.permille(500)),
        millis(load.permille(990))
    ));
    figures.add(format!(
        "{} keys revoked and made anew ({} a second), asked for {} times more: {} refused, {} let in by other servers up to {} after the answer, 0 after the bound",
        revocations.requests(),
        rate(revocations.requests(), FILLING + took)?,
        revoked.requests() + revocations.requests(),
        filling.refused + load.refused + revoked.refused + revocations.refused,
        filling.still_let_in + load.still_let_in + revoked.still_let_in,
        millis(filling.longest.max(load.longest).max(revoked.longest)),
    ));
    let told = figures.lines().join("\n    ");
    let tallies = [
        ("while the cache filled", filling),
        ("the load", load),
        ("revoked keys", revoked),
        ("revocations", revocations),
    ];
    for (what, tally) in tallies {
        tally.must_be_clean(what).with_context(|| format!("\n    {told}\n   "))?;
    }
    ensure!(load.hit_rate() > HIT_RATE, "the cache served less than {HIT_RATE} %\n    {told}");
    ensure!(rate(revocations.requests(), FILLING + took)? >= 90, "too few keys were revoked\n    {told}");
    Ok(figures)
}

async fn ask(stage: Arc<Stage>, server: usize, mut line: Line) -> anyhow::Result<Met> {
    let (mut chance, mut met, mut began) = (Chance::default(), Met::default(), None);
    while !stage.over.load(Ordering::Relaxed) {
        let dead = if chance.below(ONE_IN) == 0 { stage.some_revoked(&mut chance) } else { None };
        let mut load_second = None;
        let (key, tally) = if let Some(key) = dead {
            (key, &mut met.revoked)
        } else {
            let tally = if stage.filled.load(Ordering::Relaxed) {
                let seconds = began.get_or_insert_with(Instant::now).elapsed().as_secs();
                load_second = usize::try_from(seconds).ok();
                &mut met.load
            } else {
                &mut met.filling
            };
            (stage.key(stage.zipf.rank(&mut chance)), tally)
        };
        let sent = Instant::now();
        let reply = line.me(&key.text).await?;
        let cache = reply.timing()?.cache;
        tally.took(sent.elapsed());
        tally.served(&cache);
        if let Some(second) = load_second {
            met.seconds.resize(met.seconds.len().max(second + 1), (0, 0));
            met.seconds[second].0 += u32::from(cache == "hit");
            met.seconds[second].1 += 1;
        }
        let verdict = stage.ledger.judge(&key, server, sent, reply.status);
        tally.count(verdict, || format!("server {server}: {}", reply.told()));
    }
    Ok(met)
}

/// Makes a key, puts it in the place of another, and revokes that one; then asks the same server for it, which must refuse at once.
async fn revoke(
    stage: Arc<Stage>,
    manager: super::scene::Manager,
    server: usize,
    mut line: Line,
) -> anyhow::Result<Tally> {
    let (mut chance, mut tally) = (Chance::default(), Tally::default());
    let mut pace = tokio::time::interval(REVOCATION);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let body = json!({ "name": "anew", "scopes": ["messages:read"] });
    while !stage.over.load(Ordering::Relaxed) {
        pace.tick().await;
        let made = manager.make(&mut line, &body).await?;
        let old = stage.replace(chance.below(stage.keys.len()), made);
        tally.took(manager.revoke(&mut line, server, &old).await?);
        let sent = Instant::now();
        let reply = line.me(&old.text).await?;
        let verdict = stage.ledger.judge(&old, server, sent, reply.status);
        ensure!(verdict == Verdict::Refused, "the same server, right after: {verdict:?} {}", reply.told());
        tally.count(verdict, || reply.told());
        stage.revoked(old);
    }
    Ok(tally)
}
