//! `portico baseline`: a server at rest and under little load.
//!
//! - `routes`: the hot routes, and how they are asked.
//! - `figures`: what is measured; the JSON.
//! - `compared`: two of them beside each other, and thresholds.
//! - `told`: the same for people.

mod compared;
pub(crate) mod figures;
mod routes;
mod told;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use portico_measuring::{
    client::Client,
    cluster::Cluster,
    database::Database,
    machine::{Machine, now},
    page,
    probe::Probe,
    scratch::Scratch,
    server::{DatabaseChoice, Launch, Program, Server, UNLIMITED, until_interrupted},
};
use tokio::runtime::Builder;
use url::Url;

use self::{
    compared::Difference,
    figures::{Figures, Idle, KIND},
    routes::Asker,
};
use super::{TokenPlace, progress::note, say};
use crate::{
    Failure,
    cli::{Baseline, CompareTarget},
};

/// How long a server that has just started is left alone before it counts as at rest.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures, writes, compares.
pub(crate) fn baseline(options: &Baseline) -> Result<(), Failure> {
    for path in [&options.json, &options.markdown].into_iter().flatten() {
        page::check_writable(path)?;
    }
    // Nobody should wait for a measurement that has nothing to be compared with.
    let earlier = options.compare.as_deref().map(|path| earlier(path, options)).transpose()?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = if let Some(url) = &options.url {
        let token = TokenPlace::of(&options.token).map(|place| place.token()).transpose()?;
        runtime.block_on(running(url, options, token))?
    } else {
        let portico = std::env::current_exe().context("finding the running program")?;
        let program = match options.target {
            CompareTarget::Native => Program::Native(portico.clone()),
            CompareTarget::Worker => {
                Program::Worker(super::compare::checkout(options.checkout.as_deref(), &portico)?)
            }
        };
        runtime.block_on(until_interrupted(own(options, &portico, program)))?
    };
    let compared = earlier.map(|earlier| compared::compare(&earlier, &figures, &options.thresholds));
    let page = told::page(&figures, compared.as_deref());
    say(|out| write!(out, "{}", page.markdown()))?;
    if let Some(path) = &options.json {
        page::write_json(path, &figures)?;
    }
    if let Some(path) = &options.markdown {
        page.write_markdown(path)?;
    }
    let beyond = compared.into_iter().flatten().filter(Difference::is_beyond);
    let beyond: Vec<String> = beyond.map(|difference| difference.what).collect();
    let failing = figures.routes.iter().filter(|route| route.failed > 0);
    let failing: Vec<&str> = failing.map(|route| route.name.as_str()).collect();
    let mut wrong = Vec::new();
    if !failing.is_empty() {
        wrong.push(format!("requests failed: {}", failing.join(", ")));
    }
    if !beyond.is_empty() {
        wrong.push(format!("beyond the thresholds: {}", beyond.join(", ")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Failed(anyhow::anyhow!(wrong.join("; ")))) }
}

fn earlier(path: &Path, options: &Baseline) -> Result<Figures, Failure> {
    let usage = |told: String| Failure::Usage(vec![format!("--compare: {} {told}", path.display())]);
    let text = std::fs::read_to_string(path).map_err(|error| usage(format!("can't be read: {error}")))?;
    let earlier = compared::read(&text).map_err(usage)?;
    let database = database_of(options);
    match compared::contradiction(&earlier, target_of(options), database.as_deref()) {
        Some(told) => Err(usage(told)),
        None => Ok(earlier),
    }
}

fn target_of(options: &Baseline) -> &'static str {
    match (&options.url, options.target) {
        (Some(_), _) => "running",
        (None, CompareTarget::Native) => "native",
        (None, CompareTarget::Worker) => "worker",
    }
}

fn database_of(options: &Baseline) -> Option<String> {
    let is_postgres = options.database.is_some() || options.target == CompareTarget::Worker;
    options.url.is_none().then(|| if is_postgres { "Postgres" } else { "SQLite" }.to_owned())
}

fn empty(options: &Baseline) -> Figures {
    let machine = Machine::read();
    Figures {
        kind: KIND.to_owned(),
        at: now(),
        commit: machine.commit.clone(),
        machine,
        target: target_of(options).to_owned(),
        database: database_of(options),
        seconds: options.seconds,
        first_start_ms: None,
        second_start_ms: None,
        idle: None,
        resident_after_bytes: None,
        routes: Vec::new(),
        unknown: Vec::new(),
    }
}

/// A server that is there already. Whoever interrupts this ends the measuring, and not the revoking of the key that was made for it.
async fn running(url: &Url, options: &Baseline, token: Option<String>) -> anyhow::Result<Figures> {
    let mut figures = empty(options);
    let mut client = Client::new(url)?;
    let health = until_interrupted(client.get("/health", &[])).await;
    let health = health.with_context(|| format!("{url} can't be asked"))?;
    health.expect(http::StatusCode::OK).with_context(|| format!("{url} is no Portico"))?;
    figures.unknown.push("start-up: the server runs already".to_owned());
    let probe = options.pid.map(Probe::of).transpose()?;
    match &probe {
        Some(probe) => figures.idle = Some(until_interrupted(watch(probe, options.seconds)).await?),
        None => figures.unknown.push("CPU, memory, descriptors, threads: --pid names no process".to_owned()),
    }
    let asker = Asker::new(url, token).await?;
    note("asking its routes");
    let asked = until_interrupted(asker.ask(options.seconds, false, &mut figures)).await;
    let resident = probe.map(|probe| probe.read()).transpose();
    let left = asker.leave().await;
    if let (Err(_), Err(stays)) = (&asked, &left) {
        // Why nothing was measured is told at the end; this would be lost.
        note(&format!("{stays:#}"));
    }
    asked?;
    figures.resident_after_bytes = resident?.map(|reading| reading.resident_bytes);
    if let Some(email) = left? {
        note(&format!("the account {email} stays there"));
    }
    Ok(figures)
}

/// A server of its own.
async fn own(options: &Baseline, portico: &Path, program: Program) -> anyhow::Result<Figures> {
    let mut figures = empty(options);
    let files = Scratch::new()?;
    let needs_cluster = options.database.is_none() && options.target == CompareTarget::Worker;
    let cluster_files = Scratch::new()?;
    let cluster = if needs_cluster {
        let log = files.path().join("log");
        Some(Cluster::start(cluster_files.path(), &log, &[]).await?)
    } else {
        None
    };
    let postgres = options.database.as_ref().or(cluster.as_ref().map(Cluster::url));
    let database = match postgres {
        Some(url) => Some(Database::create(url, portico).await?),
        None => None,
    };
    let choice = database
        .as_ref()
        .map_or(DatabaseChoice::Sqlite, |database| DatabaseChoice::Url(database.url().clone()));
    let data_dir: PathBuf = files.path().join("data");
    let variables = UNLIMITED.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let launch = Launch { program, database: choice, variables, data_dir: Some(data_dir) };

    note("starting it twice");
    let first = Server::start(launch.clone()).await?;
    figures.first_start_ms = Some(first.startup().as_secs_f64() * 1_000.0);
    first.stop().await?;
    let server = Server::start(launch).await?;
    figures.second_start_ms = Some(server.startup().as_secs_f64() * 1_000.0);

    let probe = Probe::of(server.pid())?;
    tokio::time::sleep(SETTLE).await;
    figures.idle = Some(watch(&probe, options.seconds).await?);
    let asker = Asker::new(server.url(), None).await?;
    note("asking its routes");
    asker.ask(options.seconds, true, &mut figures).await?;
    figures.resident_after_bytes = Some(probe.read()?.resident_bytes);
    server.stop().await?;
    Ok(figures)
}

/// What the process takes for so long.
async fn watch(probe: &Probe, seconds: u32) -> anyhow::Result<Idle> {
    note(&format!("watching it at rest for {seconds} s"));
    let from = probe.read()?;
    tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
    Ok(Idle::of(&from, &probe.read()?))
}
