//! What every route may ask of the database: each is called on a real server over `SQLite` and over Postgres, and what it sent is compared with the law of
//! the design: five statements at most, two for a list, none of them again and again.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`routes`] | which routes there are, from the source |
//! | [`scene`] | what is there before they are called, and the calls |
//! | [`table`] | the table in `docs/performance.md` |
//!
//! A new route wants a call in [`scene`]; until it has one, this fails.

pub mod routes;
pub mod scene;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use self::scene::{Kind, Measure};
use self::table::{Asked, Line};
use crate::conformance::api::{Addresses, Api};
use crate::harness::native::JWT_SECRET;
use crate::harness::set_up::{SetUp, Surroundings};

/// The most statements of any request.
const MOST: usize = 5;
/// The most statements of a list.
const MOST_OF_LIST: usize = 2;
/// How often one statement may run in one request.
const MOST_REPEATED: usize = 2;

/// Calls every route on both databases.
///
/// # Errors
/// When a route has no call, or a call isn't answered as it must be.
pub async fn measure() -> anyhow::Result<Vec<Line>> {
    let known = routes::all()?;
    let set_ups = [SetUp::NativeSqlite, SetUp::NativePostgresRedis];
    let surroundings = Surroundings::start(&set_ups).await?;
    let sqlite = on(&surroundings, SetUp::NativeSqlite).await;
    let postgres = match sqlite {
        Ok(_) => on(&surroundings, SetUp::NativePostgresRedis).await,
        Err(_) => Ok(Vec::new()),
    };
    surroundings.stop();
    let (sqlite, postgres) = (sqlite?, postgres?);
    let measured: BTreeSet<String> = sqlite.iter().map(|(route, ..)| route.clone()).collect();
    let missing: Vec<&String> = known.difference(&measured).collect();
    ensure!(missing.is_empty(), "routes that tests/src/budgets/scene.rs doesn't call: {missing:?}");
    let gone: Vec<&String> = measured.difference(&known).collect();
    ensure!(gone.is_empty(), "calls of routes that are not there: {gone:?}");
    let lines = sqlite.into_iter().zip(postgres).map(|((route, how, sqlite), (other, _, postgres))| {
        ensure!(route == other, "{route} on one database, {other} on the other");
        let measured = sqlite.zip(postgres);
        Ok(Line { route, how, most: MOST, measured })
    });
    lines.collect()
}

/// A call that was made: route, situation, and what it asked, where that is the same each time.
type Called = (String, String, Option<Asked>);

/// Calls every route of one set-up.
async fn on(surroundings: &Surroundings, set_up: SetUp) -> anyhow::Result<Vec<Called>> {
    let running = surroundings.run(set_up).await.with_context(|| set_up.name().to_owned())?;
    let api = Api::new(Addresses {
        base: running.base.clone(),
        limited: running.limited.clone(),
        strict: running.strict.clone(),
        github: surroundings.github().to_owned(),
        jwt_secret: JWT_SECRET.to_owned(),
    })?;
    let measures = scene::measures(&api).await.with_context(|| set_up.name().to_owned())?;
    // What follows the answers of the scene is written by now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut told, mut faults) = (Vec::new(), Vec::new());
    for (place, Measure { route, how, kind, is_steady, status, call }) in measures.into_iter().enumerate() {
        let id = format!("budget-{place}");
        match call.header("x-request-id", &id).send().await?.is(status) {
            Ok(answer) => told.push((id, route, how, kind, is_steady, answer.timing()?.statements)),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    let recorded = read(running.recording.as_deref().context("a native server records")?)?;
    let mut measured = Vec::new();
    for (id, route, how, kind, is_steady, counted) in told {
        let (named, asked) = recorded.get(&id).with_context(|| format!("{route} was not recorded"))?;
        ensure!(*named == route, "{route} was answered by {named}");
        let shown = format!("{route} on {}: {:?}", set_up.name(), asked.0);
        if asked.0.len() as u64 != counted {
            faults.push(format!("{shown}, but Server-Timing tells {counted}"));
        }
        let budget = if kind == Kind::List { MOST_OF_LIST } else { MOST };
        if asked.0.len() > budget {
            faults.push(format!("over its budget of {budget}: {shown}"));
        }
        if asked.most_repeated() > MOST_REPEATED {
            faults.push(format!("the same statement again and again: {shown}"));
        }
        measured.push((route, how, is_steady.then(|| asked.clone())));
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(measured)
}

/// Reads a recording: by request id its route and what it asked.
fn read(path: &Path) -> anyhow::Result<BTreeMap<String, (String, Asked)>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut requests = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line)?;
        let (Some(id), Some(route)) = (record["request_id"].as_str(), record["route"].as_str()) else {
            bail!("a record without id or route: {line}");
        };
        let statements = record["statements"].as_array().context("a record without statements")?;
        let asked = statements.iter().map(|sent| {
            let name = sent["name"].as_str().context("a statement without a name")?;
            Ok((name.to_owned(), sent["rows"].as_u64().context("a statement without rows")?))
        });
        let asked = Asked(asked.collect::<anyhow::Result<_>>()?);
        requests.insert(id.to_owned(), (route.to_owned(), asked));
    }
    Ok(requests)
}
