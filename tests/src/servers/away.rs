//! The database is away: cached keys work on to the end of their stale lifetime, unknown ones are not refused but unavailable.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::sleep;

use super::Figures;
use super::ledger::Key;
use super::line::Line;
use super::scene::{Plan, Scene};
use super::tally::{Tally, millis};
use crate::harness::postgres::Postgres;
use crate::harness::redis::Persistence;
use crate::harness::way::Passage;

/// `PORTICO_API_KEY_LIFETIME` here.
const LIFETIME: Duration = Duration::from_secs(2);
/// `PORTICO_API_KEY_STALE` here, unless it is off.
const STALE: Duration = Duration::from_secs(6);
/// How long a server may ask in vain before it falls back on what it has.
const IN_VAIN: Duration = Duration::from_millis(1_500);
/// How often keys are asked for.
const PACE: Duration = Duration::from_millis(100);
/// How long it may take until all is as usual again.
const RECOVERY: Duration = Duration::from_secs(15);

/// One way of being away.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    passage: Passage,
    stale: Option<Duration>,
}

const CASES: [Case; 3] = [
    Case { name: "connections cut, stale lifetime 6 s", passage: Passage::Cut, stale: Some(STALE) },
    Case { name: "connections hung, stale lifetime 6 s", passage: Passage::Blocked, stale: Some(STALE) },
    Case { name: "connections cut, stale lifetime off", passage: Passage::Cut, stale: None },
];

pub(super) async fn run(postgres: &Postgres) -> anyhow::Result<Figures> {
    let told = futures_util::future::try_join_all(CASES.map(|case| async move {
        let told = one(postgres, case).await.context(case.name)?;
        anyhow::Ok(format!("{}: {told}", case.name))
    }));
    let mut figures = Figures::default();
    told.await?.into_iter().for_each(|line| figures.add(line));
    Ok(figures)
}

async fn one(postgres: &Postgres, case: Case) -> anyhow::Result<String> {
    let stale = if case.stale.is_some() { "6s" } else { "off" };
    let settings = vec![
        ("PORTICO_API_KEY_LIFETIME", "2s"),
        ("PORTICO_API_KEY_STALE", stale),
        ("PORTICO_DATABASE_ACQUIRE_WAIT", "1s"),
        // Longer than a look-up may take: what can't be asked is told as such.
        ("PORTICO_REQUEST_TIME_LIMIT", "12s"),
    ];
    let plan = Plan {
        name: "away",
        servers: 2,
        redis: Some(Persistence::None),
        way: true,
        settings,
        ..Plan::default()
    };
    let scene = Scene::set(postgres, plan).await?;
    let keys = scene.insert_keys(4).await?;
    let (known, revoked, unknown, late) = (&keys[0], &keys[1], &keys[2], &keys[3]);
    let mut lines = scene.lines().await?;
    scene.manager().revoke(&mut lines[0], 0, revoked).await?;
    lines[0].me(&revoked.text).await?.is(401)?;
    // Loaded now, for the first time: its age is known.
    let loaded = Instant::now();
    lines[0].me(&known.text).await?.is(200)?;
    scene.way.as_ref().context("a way")?.set(case.passage);
    let ends = LIFETIME + case.stale.unwrap_or_default();
    lines[0].me(&revoked.text).await?.is(401).context("revoked, as far as is known")?;
    let (here, there) = lines.split_at_mut(1);
    let mut asking = scene.line(0).await?;
    let unknown_throughout = async {
        let mut answers = 0;
        while loaded.elapsed() < ends {
            unavailable(&mut asking, unknown).await.context("an unknown key")?;
            answers += 1;
            sleep(PACE).await;
        }
        anyhow::Ok(answers)
    };
    let (first, second, away) = tokio::try_join!(
        lives_on(&mut here[0], known, loaded, ends),
        // The other server finds the key in Redis.
        lives_on(&mut there[0], known, loaded, ends),
        unknown_throughout
    )?;
    let (mut times, mut stale_answers) = (Tally::default(), 0);
    for lived in [first, second] {
        times.add(lived.times);
        stale_answers += lived.stale;
    }
    for line in &mut lines {
        for key in [known, unknown] {
            let asked = Instant::now();
            unavailable(line, key).await?;
            times.took(asked.elapsed());
        }
        line.ask("GET", "/ready", &[], None).await?.is(503)?;
        line.ask("GET", "/health", &[], None).await?.is(200)?;
    }
    scene.way.as_ref().context("a way")?.set(Passage::Open);
    let mended = Instant::now();
    for line in &mut lines {
        recovers(line, known, mended).await?;
        line.me(&late.text).await?.is(200)?;
        line.me(&unknown.text).await?.is(200)?;
        line.me(&revoked.text).await?.is(401)?;
    }
    let recovered = mended.elapsed();
    scene.end(postgres).await?;
    ensure!(case.stale.is_none() || stale_answers > 0, "no answer said that it was stale");
    Ok(format!(
        "a known key let in for {} s since its load, {stale_answers} answers of {} as stale, then 503; an unknown one answered neither yes nor no {away} times; p50 {}, slowest {}; as usual {} after the return",
        ends.as_secs(),
        times.requests(),
        millis(times.permille(500)),
        millis(times.permille(1_000)),
        millis(recovered)
    ))
}

#[derive(Default)]
struct Lived {
    times: Tally,
    stale: usize,
}

/// Asks from now to the end: let in before it, unavailable after it. What is asked shortly before the end may be answered after it.
async fn lives_on(line: &mut Line, key: &Key, loaded: Instant, ends: Duration) -> anyhow::Result<Lived> {
    let mut lived = Lived::default();
    while loaded.elapsed() < ends + Duration::from_millis(200) {
        let (age, asked) = (loaded.elapsed(), Instant::now());
        let reply = line.me(&key.text).await?;
        match reply.status {
            200 => {
                ensure!(age < ends, "let in {age:?} after its load");
                lived.times.took(asked.elapsed());
                lived.stale += usize::from(reply.timing()?.cache == "stale");
            }
            503 => ensure!(age + IN_VAIN > ends, "{age:?} after its load: {}", reply.told()),
            _ => anyhow::bail!("{age:?} after its load: {}", reply.told()),
        }
        sleep(PACE).await;
    }
    Ok(lived)
}

/// Asks for a key that nobody can know anything of now: 503.
async fn unavailable(line: &mut Line, key: &Key) -> anyhow::Result<()> {
    let problem = line.me(&key.text).await?.is(503)?.json()?;
    ensure!(problem["code"] == "unavailable", "{problem}");
    Ok(())
}

async fn recovers(line: &mut Line, key: &Key, mended: Instant) -> anyhow::Result<()> {
    loop {
        let reply = line.me(&key.text).await?;
        if reply.status == 200 && line.ask("GET", "/ready", &[], None).await?.status == 200 {
            return Ok(());
        }
        ensure!(matches!(reply.status, 200 | 503), "after the return: {}", reply.told());
        ensure!(mended.elapsed() < RECOVERY, "not as usual {RECOVERY:?} after the return: {}", reply.told());
        sleep(PACE).await;
    }
}
