//! What is done to a key on one server holds there at once, and on all others within the bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::Figures;
use super::ledger::{BOUND, Key, Verdict};
use super::line::Line;
use super::scene::{KEYS, Manager, Plan, Scene, warm};
use super::tally::{Tally, millis};
use crate::harness::postgres::Postgres;
use crate::harness::redis::Persistence;

/// How often each kind of change is tried.
const ROUNDS: usize = 50;
/// How often a revocation meets the first use of a key.
const RACES: usize = 200;
/// How often a server is asked whether it has heard.
const POLL: Duration = Duration::from_millis(10);
/// How many servers share the Redis.
const SERVERS: usize = 3;

/// What can happen to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Revoked,
    ScopeTaken,
    ScopeTakenAtTheDoor,
    RotatedWithoutGrace,
    InstanceTaken,
}

const CHANGES: [(Change, &str); 5] = [
    (Change::Revoked, "revoked"),
    (Change::ScopeTaken, "scope taken away, seen by verification"),
    (Change::ScopeTakenAtTheDoor, "scope taken away, seen at the door"),
    (Change::RotatedWithoutGrace, "rotated without a grace"),
    (Change::InstanceTaken, "instance taken away"),
];

const HERE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const ELSEWHERE: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

impl Change {
    fn of_key(self) -> Value {
        let scopes = if self == Self::ScopeTakenAtTheDoor { "keys:verify" } else { "messages:read" };
        json!({ "name": "warm", "scopes": [scopes], "instance_ids": [HERE] })
    }

    async fn make(self, manager: &Manager, line: &mut Line, key: &Key) -> anyhow::Result<()> {
        let path = format!("{KEYS}/{}", key.id);
        let (method, path, body, status) = match self {
            Self::Revoked => ("DELETE", path, None, 204),
            Self::ScopeTaken | Self::ScopeTakenAtTheDoor => {
                ("PATCH", path, Some(json!({ "scopes": ["models:read"] })), 200)
            }
            Self::RotatedWithoutGrace => ("POST", format!("{path}/rotate"), Some(json!({})), 201),
            Self::InstanceTaken => ("PATCH", path, Some(json!({ "instance_ids": [ELSEWHERE] })), 200),
        };
        manager.ask(line, method, &path, body.as_ref()).await?.is(status)?;
        Ok(())
    }

    /// Whether a server has the key as it was before.
    async fn is_unseen(self, manager: &Manager, line: &mut Line, key: &Key) -> anyhow::Result<bool> {
        let verify = format!("{KEYS}/verify");
        let reply = match self {
            Self::Revoked | Self::RotatedWithoutGrace => line.me(&key.text).await?,
            Self::ScopeTakenAtTheDoor => {
                let body = json!({ "key": "pk_made-up" });
                line.ask("POST", &verify, &[("x-api-key", &key.text)], Some(&body)).await?
            }
            Self::ScopeTaken | Self::InstanceTaken => {
                let body = json!({ "key": key.text, "scope": "messages:read", "instance_id": HERE });
                let verdict = manager.ask(line, "POST", &verify, Some(&body)).await?.is(200)?.json()?;
                let code = verdict["code"].as_str().context("a verdict")?;
                let changed = if self == Self::ScopeTaken { "insufficient_scope" } else { "wrong_instance" };
                ensure!(code == "valid" || code == changed, "verified as {code}");
                return Ok(code == "valid");
            }
        };
        let changed = if self == Self::ScopeTakenAtTheDoor { 403 } else { 401 };
        ensure!(reply.status == 200 || reply.status == changed, "answered {}", reply.told());
        Ok(reply.status == 200)
    }
}

pub(super) async fn run(postgres: &Postgres) -> anyhow::Result<Figures> {
    let plan =
        Plan { name: "revocation", servers: SERVERS, redis: Some(Persistence::None), ..Plan::default() };
    let scene = Scene::set(postgres, plan).await?;
    let mut figures = Figures::default();
    for (change, name) in CHANGES {
        let mut times = Tally::default();
        for round in 0..ROUNDS {
            let slowest = one(&scene, change, round % SERVERS).await.context(name)?;
            times.took(slowest);
        }
        figures.add(format!(
            "{name}: {ROUNDS} rounds, at once on the same server, on the others within {} (median {})",
            millis(times.permille(1_000)),
            millis(times.permille(500))
        ));
    }
    figures.add(races(&scene).await.context("a revocation that meets the first use")?);
    scene.end(postgres).await?;
    Ok(figures)
}

/// Changes a key that is warm everywhere on server `by`, and gives the time until the last of the others knew.
async fn one(scene: &Scene, change: Change, by: usize) -> anyhow::Result<Duration> {
    let manager = scene.manager();
    let mut lines = scene.lines().await?;
    let key = manager.make(&mut lines[by], &change.of_key()).await?;
    for line in &mut lines {
        warm(line, &key).await?;
        ensure!(change.is_unseen(&manager, line, &key).await?, "the key is as it was made");
    }
    change.make(&manager, &mut lines[by], &key).await?;
    let answered = Instant::now();
    ensure!(!change.is_unseen(&manager, &mut lines[by], &key).await?, "the same server has it as it was");
    let others = lines.iter_mut().enumerate().filter(|(server, _)| *server != by);
    let heard = try_join_all(others.map(|(_, line)| hear(&manager, line, change, &key, answered))).await?;
    for line in &mut lines {
        ensure!(!change.is_unseen(&manager, line, &key).await?, "a server came back to the key as it was");
    }
    Ok(heard.into_iter().max().unwrap_or_default())
}

/// Asks until the server knows, and gives when the first request that it answered rightly was sent.
async fn hear(
    manager: &Manager,
    line: &mut Line,
    change: Change,
    key: &Key,
    answered: Instant,
) -> anyhow::Result<Duration> {
    loop {
        let sent = answered.elapsed();
        if !change.is_unseen(manager, line, key).await? {
            return Ok(sent);
        }
        ensure!(sent <= BOUND, "another server had the key as it was {sent:?} after the answer");
        tokio::time::sleep(POLL).await;
    }
}

/// Lets cold keys be asked for on every server in the very moment in which they are revoked on one: what those loads bring in must not last.
async fn races(scene: &Scene) -> anyhow::Result<String> {
    let keys = scene.insert_keys(RACES).await?;
    let mut tally = Tally::default();
    for (round, key) in keys.iter().enumerate() {
        let by = round % SERVERS;
        let mut askers = scene.lines().await?;
        let mut revoker = scene.line(by).await?;
        let manager = scene.manager();
        let first = askers.iter_mut().enumerate().map(|(server, line)| ask(scene, line, server, key));
        // The revocation begins some steps later in some rounds, so that it meets loads at different points.
        let revoked = async {
            for _ in 0..round % 40 {
                tokio::time::sleep(Duration::from_micros(25)).await;
            }
            manager.revoke(&mut revoker, by, key).await
        };
        let (first, _) = tokio::try_join!(try_join_all(first), revoked)?;
        let (verdict, told) = ask(scene, &mut askers[by], by, key).await?;
        tally.count(verdict, || told);
        for (verdict, told) in first {
            tally.count(verdict, || told);
        }
    }
    let last = Instant::now();
    tokio::time::sleep_until((last + BOUND + Duration::from_millis(50)).into()).await;
    for (server, mut line) in scene.lines().await?.into_iter().enumerate() {
        for key in &keys {
            let (verdict, told) = ask(scene, &mut line, server, key).await?;
            ensure!(verdict == Verdict::Refused, "server {server} after the bound: {verdict:?} {told}");
        }
    }
    tally.must_be_clean("at once on the same server")?;
    Ok(format!(
        "revoked while being loaded for the first time on {SERVERS} servers: {RACES} keys, {} first uses let in, none of them after the bound",
        tally.let_in + tally.still_let_in
    ))
}

async fn ask(
    scene: &Scene,
    line: &mut Line,
    server: usize,
    key: &Arc<Key>,
) -> anyhow::Result<(Verdict, String)> {
    let sent = Instant::now();
    let reply = line.me(&key.text).await?;
    Ok((scene.ledger.judge(key, server, sent, reply.status), reply.told()))
}
