//! One server alone loses Redis, while the others keep it.
//!
//! It hears of nobody, so it believes its memory no more, and asks the database: what is revoked elsewhere is refused there within the bound. Nobody hears of
//! it either: what is revoked on it reaches the others when it is back, and until then the lifetime of what they keep is the bound.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::sleep;

use super::Figures;
use super::ledger::{BOUND, Key};
use super::line::Line;
use super::scene::{Plan, Scene, warm};
use super::tally::{Tally, millis};
use crate::harness::postgres::Postgres;
use crate::harness::redis::Persistence;
use crate::harness::way::Passage;

const SERVERS: usize = 3;
/// The one that loses Redis.
const ALONE: usize = 2;
/// How many keys are revoked in each direction.
const KEYS: usize = 20;
/// `PORTICO_API_KEY_LIFETIME` here.
const LIFETIME: Duration = Duration::from_secs(8);
/// For how long the way is closed before a key is revoked, and after: longer than it takes to be noticed.
const CLOSED: Duration = Duration::from_millis(1_500);
const POLL: Duration = Duration::from_millis(10);

pub(super) async fn run(postgres: &Postgres) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    for (name, passage) in [("cut", Passage::Cut), ("hung", Passage::Blocked)] {
        let plan = Plan {
            name: "partition",
            servers: SERVERS,
            redis: Some(Persistence::None),
            redis_ways: true,
            settings: vec![("PORTICO_API_KEY_LIFETIME", "8s")],
            ..Plan::default()
        };
        let scene = Scene::set(postgres, plan).await?;
        let told = one(&scene, passage)
            .await
            .with_context(|| format!("the way of one server to Redis is {name}"))?;
        figures.add(format!("the way of one server of {SERVERS} to Redis is {name}: {told}"));
        scene.end(postgres).await?;
    }
    Ok(figures)
}

async fn one(scene: &Scene, passage: Passage) -> anyhow::Result<String> {
    let way = &scene.redis_ways[ALONE];
    let mut lines = scene.lines().await?;
    let keys = scene.insert_keys(3 * KEYS).await?;
    let (at_once, later) = keys.split_at(KEYS);
    let (later, theirs) = later.split_at(KEYS);
    for key in &keys {
        for line in &mut lines {
            warm(line, key).await?;
        }
    }
    // Revoked in the very moment in which the way closes: the one alone doesn't know yet that it is.
    way.set(passage);
    let first = revoke_elsewhere(scene, &mut lines, at_once).await.context("at once")?;
    sleep(CLOSED).await;
    // Revoked when it has noticed.
    let second = revoke_elsewhere(scene, &mut lines, later).await.context("later")?;

    let (mut answered, mut others) = (Vec::new(), Tally::default());
    for key in theirs {
        scene.manager().revoke(&mut lines[ALONE], ALONE, key).await?;
        answered.push((key, Instant::now()));
        refused(&mut lines[ALONE], key).await.context("the one alone revoked it itself")?;
    }
    way.set(Passage::Open);
    let mended = Instant::now();
    for (key, answered) in answered {
        for line in &mut lines[..ALONE] {
            while line.me(&key.text).await?.status != 401 {
                ensure!(answered.elapsed() < LIFETIME, "let in longer than its lifetime after");
                ensure!(mended.elapsed() < BOUND * 2, "the return did not bring it within {:?}", BOUND * 2);
                sleep(POLL).await;
            }
        }
        others.took(mended.elapsed());
    }
    for line in &mut lines {
        for key in &keys {
            refused(line, key).await.context("afterwards")?;
        }
    }
    Ok(format!(
        "what the others revoke is refused there within {} of the cut and {} later on; what it revokes is refused by the others {} after the way is back",
        millis(first.permille(1_000)),
        millis(second.permille(1_000)),
        millis(others.permille(1_000))
    ))
}

/// Revokes keys on the others, and gives how long after each answer the one alone refused it.
async fn revoke_elsewhere(
    scene: &Scene,
    lines: &mut [Line],
    keys: &[std::sync::Arc<Key>],
) -> anyhow::Result<Tally> {
    let mut times = Tally::default();
    for (number, key) in keys.iter().enumerate() {
        let by = number % ALONE;
        scene.manager().revoke(&mut lines[by], by, key).await?;
        let answered = Instant::now();
        refused(&mut lines[by], key).await?;
        loop {
            let sent = answered.elapsed();
            if lines[ALONE].me(&key.text).await?.status == 401 {
                times.took(sent);
                break;
            }
            ensure!(sent <= BOUND, "let in {sent:?} after the answer");
            sleep(POLL).await;
        }
    }
    Ok(times)
}

async fn refused(line: &mut Line, key: &Key) -> anyhow::Result<()> {
    line.me(&key.text).await?.is(401).map(drop)
}
