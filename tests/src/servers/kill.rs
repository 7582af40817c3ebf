//! Uses of keys are counted exactly, also when a server is killed in the middle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Figures;
use super::ledger::Key;
use super::line::Line;
use super::scene::{KEYS, Plan, Scene};
use crate::harness::postgres::Postgres;
use crate::harness::redis::Persistence;

const SERVERS: usize = 2;
/// The one that is killed.
const VICTIM: usize = 0;
/// How often it is killed in each manner.
const ROUNDS: usize = 3;
/// How long the load goes on before the kill.
const LOAD: Duration = Duration::from_millis(700);
/// Connections that ask without pause, evenly over the servers.
const ASKERS: usize = 8;
/// Keys that are used in turn.
const USED: usize = 3;
/// Counts that stay the same for so long are taken for final: a use counted twice would show by then.
const SETTLED: Duration = Duration::from_millis(1_500);
/// How long counts may need to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);

/// What clients know of the uses of a key.
#[derive(Debug, Default)]
struct Uses {
    sent: AtomicU64,
    let_in: AtomicU64,
}

pub(super) async fn run(postgres: &Postgres) -> anyhow::Result<Figures> {
    let plan = Plan { name: "kill", servers: SERVERS, redis: Some(Persistence::None), ..Plan::default() };
    let mut scene = Scene::set(postgres, plan).await?;
    let (mut exact, mut within, mut unanswered) = (0, 0, 0);
    for _ in 0..ROUNDS {
        exact += round(&mut scene, Manner::Paused).await.context("killed after a pause")?.0;
        let (counted, open) = round(&mut scene, Manner::UnderLoad).await.context("killed under load")?;
        within += counted;
        unanswered += open;
    }
    scene.end(postgres).await?;
    let mut figures = Figures::default();
    figures.add(format!(
        "killed {ROUNDS} times as soon as the last answer was there: {exact} uses answered, {exact} counted"
    ));
    figures.add(format!(
        "killed {ROUNDS} times under load: {within} uses counted, none that was answered missing, {unanswered} requests were left without an answer"
    ));
    Ok(figures)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Paused,
    UnderLoad,
}

/// Uses keys of its own on all servers and kills one; what was counted, and how many requests had no answer.
async fn round(scene: &mut Scene, manner: Manner) -> anyhow::Result<(u64, u64)> {
    let keys = scene.insert_keys(USED).await?;
    let uses: Arc<Vec<Uses>> = Arc::new((0..USED).map(|_| Uses::default()).collect());
    let over = Arc::new(AtomicBool::new(false));
    let mut askers = JoinSet::new();
    for number in 0..ASKERS {
        let server = scene.servers.address(number % SERVERS)?;
        askers.spawn(ask(server, keys.clone(), Arc::clone(&uses), Arc::clone(&over)));
    }
    sleep(LOAD).await;
    if manner == Manner::Paused {
        over.store(true, Ordering::SeqCst);
        while let Some(asker) = askers.join_next().await {
            asker??;
        }
    }
    scene.servers.kill(VICTIM).await?;
    if manner == Manner::UnderLoad {
        sleep(LOAD / 2).await;
        over.store(true, Ordering::SeqCst);
        // Those of the killed server end with a broken connection.
        while let Some(asker) = askers.join_next().await {
            let _ = asker?;
        }
    }
    scene.servers.restart(VICTIM).await?;
    let least: Vec<u64> = uses.iter().map(|uses| uses.let_in.load(Ordering::SeqCst)).collect();
    let (mut sum, mut open) = (0, 0);
    for (counted, uses) in counted(scene, &keys, &least).await?.into_iter().zip(uses.iter()) {
        let (sent, let_in) = (uses.sent.load(Ordering::SeqCst), uses.let_in.load(Ordering::SeqCst));
        ensure!(let_in > 0, "the key was used");
        match manner {
            Manner::Paused => ensure!(counted == let_in, "{let_in} uses answered, {counted} counted"),
            Manner::UnderLoad => ensure!(
                (let_in..=sent).contains(&counted),
                "{let_in} uses answered, {sent} asked for, {counted} counted"
            ),
        }
        sum += counted;
        open += sent - let_in;
    }
    Ok((sum, open))
}

async fn ask(
    server: SocketAddr,
    keys: Vec<Arc<Key>>,
    uses: Arc<Vec<Uses>>,
    over: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let mut line = Line::to(server).await?;
    for (key, uses) in keys.iter().zip(uses.iter()).cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        uses.sent.fetch_add(1, Ordering::SeqCst);
        line.me(&key.text).await?.is(200)?;
        uses.let_in.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// Waits until at least so many uses of each key are counted and no more are coming, and gives their numbers.
async fn counted(scene: &Scene, keys: &[Arc<Key>], least: &[u64]) -> anyhow::Result<Vec<u64>> {
    let (manager, start) = (scene.manager(), Instant::now());
    // The one that went on: what the other had not written is to be in the database, not in its memory.
    let mut line = scene.line(VICTIM + 1).await?;
    let (mut last, mut since) = (Vec::new(), start);
    loop {
        let mut totals = Vec::new();
        for key in keys {
            let path = format!("{KEYS}/{}/usage", key.id);
            let usage = manager.ask(&mut line, "GET", &path, None).await?.is(200)?.json()?;
            totals.push(usage["total"].as_u64().with_context(|| format!("a total in {usage}"))?);
        }
        if totals != last {
            (last, since) = (totals, Instant::now());
        }
        let arrived = last.iter().zip(least).all(|(total, least)| total >= least);
        if (arrived && since.elapsed() > SETTLED) || start.elapsed() > ARRIVAL {
            return Ok(last);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
