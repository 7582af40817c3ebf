//! Redis hangs, dies and comes back from an old snapshot under load: no request fails, and what was revoked meanwhile stays revoked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::Figures;
use super::chance::Chance;
use super::ledger::{Key, Ledger, Verdict};
use super::line::Line;
use super::scene::{Plan, Scene, warm};
use super::tally::{Tally, millis};
use crate::harness::postgres::Postgres;
use crate::harness::redis::Persistence;

const SERVERS: usize = 3;
/// Connections that ask, evenly over the servers.
const ASKERS: usize = 24;
/// Each asks so often, whatever became of its last request.
const PACE: Duration = Duration::from_millis(20);
/// A key is revoked so often.
const REVOCATION: Duration = Duration::from_millis(50);
/// Keys that live throughout.
const LIVING: usize = 60;
/// Keys that are revoked one after the other.
const DOOMED: usize = 600;
/// Keys that are each asked for once.
const COLD: usize = 8_000;
/// How much slower than usual the slowest hundredth may be while Redis hangs.
const ALLOWANCE: Duration = Duration::from_millis(50);
/// For how long all revoked keys are tried on every server at the end.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// So many warnings may two outages be worth to a server: that Redis is away, that the cache is left alone, that limits go uncounted, some of it twice.
const WARNINGS: usize = 12;

const PHASES: [(&str, Duration); 5] = [
    ("Redis as usual", Duration::from_secs(4)),
    ("Redis hung", Duration::from_secs(3)),
    ("Redis going on", Duration::from_secs(3)),
    ("Redis killed", Duration::from_secs(2)),
    ("Redis back from its old snapshot", Duration::from_secs(5)),
];
const USUAL: usize = 0;
const HUNG: usize = 1;
const GOING_ON: usize = 2;
const KILLED: usize = 3;
const BACK: usize = 4;

/// What askers and revoker share.
struct Stage {
    ledger: Ledger,
    living: Vec<Arc<Key>>,
    doomed: Vec<Arc<Key>>,
    cold: Vec<Arc<Key>>,
    next_doomed: AtomicUsize,
    next_cold: AtomicUsize,
    phase: AtomicUsize,
    over: AtomicBool,
}

impl Stage {
    /// Half are keys that live, three in ten are about to be, or were lately, revoked, and two in ten were never asked for before.
    fn pick(&self, chance: &mut Chance) -> &Arc<Key> {
        match chance.below(10) {
            0..5 => &self.living[chance.below(LIVING)],
            5..8 => {
                let now = self.next_doomed.load(Ordering::Relaxed);
                let from = now.saturating_sub(40);
                &self.doomed[(from + chance.below(80)).min(DOOMED - 1)]
            }
            _ => &self.cold[self.next_cold.fetch_add(1, Ordering::Relaxed).min(COLD - 1)],
        }
    }
}

pub(super) async fn run(postgres: &Postgres) -> anyhow::Result<Figures> {
    let plan =
        Plan { name: "outage", servers: SERVERS, redis: Some(Persistence::Snapshot), ..Plan::default() };
    let mut scene = Scene::set(postgres, plan).await?;
    let mut keys = scene.insert_keys(LIVING + DOOMED + COLD).await?;
    let cold = keys.split_off(LIVING + DOOMED);
    let doomed = keys.split_off(LIVING);
    let stage = Arc::new(Stage {
        ledger: scene.ledger,
        living: keys,
        doomed,
        cold,
        next_doomed: AtomicUsize::new(0),
        next_cold: AtomicUsize::new(0),
        phase: AtomicUsize::new(USUAL),
        over: AtomicBool::new(false),
    });
    for line in &mut scene.lines().await? {
        for key in stage.living.iter().chain(&stage.doomed) {
            warm(line, key).await?;
        }
    }
    // All keys are valid in this snapshot.
    scene.redis()?.save().await?;

    let mut askers = Vec::new();
    for number in 0..ASKERS {
        let line = scene.line(number % SERVERS).await?;
        askers.push(tokio::spawn(ask(
            Arc::clone(&stage),
            number,
            line,
            scene.servers.address(number % SERVERS)?,
        )));
    }
    let revoker = revoke(&scene, &stage).await?;
    for (phase, (name, length)) in PHASES.into_iter().enumerate() {
        stage.phase.store(phase, Ordering::SeqCst);
        let redis = scene.redis()?;
        match phase {
            HUNG => redis.hang()?,
            GOING_ON => redis.go_on()?,
            KILLED => redis.kill().await?,
            BACK => redis.restart().await?,
            _ => {}
        }
        tokio::time::sleep(length).await;
        ensure!(scene.servers.run(), "a server ended: {name}");
    }
    stage.over.store(true, Ordering::SeqCst);
    let mut tallies = vec![Tally::default(); PHASES.len()];
    for asker in askers {
        for (tally, more) in tallies.iter_mut().zip(asker.await?) {
            tally.add(more);
        }
    }
    let revocations = revoker.await??;
    let mut figures = report(&tallies, &revocations)?;
    figures.add(afterwards(&scene, &stage).await?);
    figures.add(warnings(&scene)?);
    scene.end(postgres).await?;
    Ok(figures)
}

fn report(tallies: &[Tally], revocations: &[Tally]) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    for (((name, length), tally), revoked) in PHASES.iter().zip(tallies).zip(revocations) {
        figures.add(format!(
            "{name}, {} s: {} requests, 0 failed; p50 {}, p99 {}, slowest {}; {} keys revoked, answered within {}; last let in {} after",
            length.as_secs(),
            tally.requests(),
            millis(tally.permille(500)),
            millis(tally.permille(990)),
            millis(tally.permille(1_000)),
            revoked.requests(),
            millis(revoked.permille(1_000)),
            millis(tally.longest),
        ));
    }
    let told = figures.lines().join("\n    ");
    for ((name, _), tally) in PHASES.iter().zip(tallies) {
        tally.must_be_clean(name).with_context(|| format!("\n    {told}\n   "))?;
    }
    for phase in [HUNG, KILLED] {
        let (usual, now) = (tallies[USUAL].permille(990), tallies[phase].permille(990));
        ensure!(
            now <= usual + ALLOWANCE,
            "{}: p99 {} against {} as usual\n    {told}",
            PHASES[phase].0,
            millis(now),
            millis(usual)
        );
    }
    Ok(figures)
}

/// Asks at its pace until it is over; what it met, by phase. Times count from when a request was due, so that a request that is late because the
/// one before it was slow counts as slow.
async fn ask(stage: Arc<Stage>, number: usize, mut line: Line, address: std::net::SocketAddr) -> Vec<Tally> {
    let server = number % SERVERS;
    let mut chance = Chance::default();
    let mut tallies = vec![Tally::default(); PHASES.len()];
    let offset = PACE * u32::try_from(number).unwrap_or(0) / u32::try_from(ASKERS).unwrap_or(1);
    let mut pace = tokio::time::interval_at((Instant::now() + offset).into(), PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !stage.over.load(Ordering::Relaxed) {
        let due = pace.tick().await.into_std();
        let phase = stage.phase.load(Ordering::SeqCst);
        let key = stage.pick(&mut chance);
        let sent = Instant::now();
        match line.me(&key.text).await {
            Ok(reply) => {
                tallies[phase].took(due.elapsed());
                let verdict = stage.ledger.judge(key, server, sent, reply.status);
                tallies[phase].count(verdict, || format!("server {server}: {}", reply.told()));
            }
            Err(error) => {
                tallies[phase].fail(format!("server {server}: {error:#}"));
                if let Ok(again) = Line::to(address).await {
                    line = again;
                }
            }
        }
    }
    tallies
}

/// Revokes one key after the other, each on the next server; how long the answers took, by phase.
async fn revoke(scene: &Scene, stage: &Arc<Stage>) -> anyhow::Result<JoinHandle<anyhow::Result<Vec<Tally>>>> {
    let (stage, manager, mut lines) = (Arc::clone(stage), scene.manager(), scene.lines().await?);
    Ok(tokio::spawn(async move {
        let mut tallies = vec![Tally::default(); PHASES.len()];
        let mut pace = tokio::time::interval(REVOCATION);
        while !stage.over.load(Ordering::Relaxed) {
            pace.tick().await;
            let number = stage.next_doomed.load(Ordering::Relaxed);
            let Some(key) = stage.doomed.get(number) else { break };
            let (phase, server) = (stage.phase.load(Ordering::SeqCst), number % SERVERS);
            let took = manager
                .revoke(&mut lines[server], server, key)
                .await
                .with_context(|| format!("revoking: {}", PHASES[phase].0))?;
            tallies[phase].took(took);
            stage.next_doomed.store(number + 1, Ordering::Relaxed);
        }
        Ok(tallies)
    }))
}

/// Counts what the servers warned of: a change of state is told once, not with every request that meets it.
fn warnings(scene: &Scene) -> anyhow::Result<String> {
    let mut most = 0;
    for number in 0..SERVERS {
        let log = scene.servers.log(number);
        let warned = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
        let count = log.lines().filter(warned).count();
        ensure!(count > 0, "server {number} said nothing of two outages");
        ensure!(count <= WARNINGS, "server {number} warned {count} times of two outages");
        most = most.max(count);
    }
    Ok(format!("two outages were worth {most} warnings at most in the log of a server"))
}

/// Tries all keys on every server, again and again.
async fn afterwards(scene: &Scene, stage: &Stage) -> anyhow::Result<String> {
    tokio::time::sleep(super::ledger::BOUND).await;
    let revoked = &stage.doomed[..stage.next_doomed.load(Ordering::SeqCst).min(DOOMED)];
    let mut lines = scene.lines().await?;
    let (start, mut rounds) = (Instant::now(), 0);
    while start.elapsed() < AFTERWARDS {
        for (server, line) in lines.iter_mut().enumerate() {
            for (key, wanted) in revoked
                .iter()
                .map(|key| (key, Verdict::Refused))
                .chain(stage.living.iter().map(|key| (key, Verdict::LetIn)))
            {
                let sent = Instant::now();
                let reply = line.me(&key.text).await?;
                let verdict = scene.ledger.judge(key, server, sent, reply.status);
                ensure!(verdict == wanted, "afterwards, server {server}: {verdict:?}: {}", reply.told());
            }
        }
        rounds += 1;
    }
    Ok(format!(
        "afterwards: {} revoked keys refused on every server, {LIVING} others let in, {rounds} times over {} s",
        revoked.len(),
        AFTERWARDS.as_secs()
    ))
}
