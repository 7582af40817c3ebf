//! `portico compare`: what each optimisation is worth, off against on in one run.
//!
//! - `trial`: by what each switch is measured.
//! - `side`: a server with the switch off or on, on a database of its own behind a delaying line.
//! - `resolver`: who is asked for crawlers' names.
//! - `outcome`: figures, ratios, verdicts; the JSON.
//! - `told`: the same for people.
//!
//! For each switch three servers run at the same time: off, on, and off once more, which shows what can come of nothing. A round is a turn of each,
//! and the same backwards, so that what grows or fades during a round meets all of them alike. The ratios are those of rounds.

pub(crate) mod outcome;
mod resolver;
mod side;
mod told;
mod trial;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use portico_domain::settings::Switch;
use portico_measuring::{
    cluster::{self, Cluster},
    machine::{Machine, now},
    page,
    scratch::Scratch,
    server::{Program, until_interrupted},
};
use tokio::runtime::Builder;

use self::{
    outcome::{Compared, KIND, Outcome, Turn, Worth},
    resolver::Resolver,
    side::{Ground, Side},
    trial::{How, Trial},
};
use super::{progress::Progress, say};
use crate::{
    Failure,
    cli::{Compare, CompareTarget},
};

const WAYS: [&str; 3] = ["off", "on", "off again"];
/// The places of [`WAYS`] in a round.
const ORDER: [usize; 6] = [0, 1, 2, 2, 1, 0];
/// How long a crawler's name takes to be looked up where the database isn't away itself.
const LOOK_UP: Duration = Duration::from_millis(20);

/// Runs it.
pub(crate) fn compare(options: &Compare) -> Result<(), Failure> {
    // What would make the measurement worthless at its end is found before it begins.
    for path in [&options.json, &options.markdown, &options.html].into_iter().flatten() {
        page::check_writable(path)?;
    }
    let portico = std::env::current_exe().context("finding the running program")?;
    let program = match options.target {
        CompareTarget::Native => Program::Native(portico.clone()),
        CompareTarget::Worker => Program::Worker(checkout(options.checkout.as_deref(), &portico)?),
    };
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(until_interrupted(run(options, portico, program)))?;
    say(|out| write!(out, "{}", told::text(&outcome)))?;
    if let Some(path) = &options.json {
        page::write_json(path, &outcome)?;
    }
    if let Some(path) = &options.markdown {
        told::page(&outcome).write_markdown(path)?;
    }
    if let Some(path) = &options.html {
        told::page(&outcome).write_html(path)?;
    }
    Ok(())
}

/// The checkout whose Worker is measured.
pub(super) fn checkout(named: Option<&Path>, portico: &Path) -> Result<PathBuf, Failure> {
    let is_one = |folder: &&Path| folder.join("runtime-worker/serve.mjs").exists();
    let found = if let Some(folder) = named {
        is_one(&folder).then(|| folder.to_owned())
    } else {
        let here = std::env::current_dir()?;
        here.ancestors().chain(portico.ancestors()).find(is_one).map(Path::to_owned)
    };
    let told =
        "--target worker needs a checkout of Portico with runtime-worker in it: name one by --checkout";
    let checkout = found.ok_or_else(|| Failure::Usage(vec![told.to_owned()]))?;
    if !checkout.join("runtime-worker/build/index.js").exists() {
        let told = format!("no Worker is built in {}: run runtime-worker/build.sh", checkout.display());
        return Err(Failure::Failed(anyhow::anyhow!(told)));
    }
    Ok(checkout)
}

async fn run(options: &Compare, portico: PathBuf, program: Program) -> anyhow::Result<Outcome> {
    let switches = if options.switches.is_empty() { Switch::ALL.to_vec() } else { once(&options.switches) };
    let trials: Vec<Trial> = switches.into_iter().map(Trial::of).collect();
    tell_time(options, &trials);
    let needs_postgres = options.db_latency.is_some() || options.target == CompareTarget::Worker;
    // A folder of its own, because its files belong to another account where this runs as root.
    let (files, scratch) = (Scratch::new()?, Scratch::new()?);
    let cluster = if options.database.is_none() && needs_postgres {
        Some(Cluster::start(files.path(), &scratch.path().join("log"), &[]).await?)
    } else {
        None
    };
    let postgres = options.database.clone().or_else(|| cluster.as_ref().map(|cluster| cluster.url().clone()));
    let round_trip = options.db_latency.unwrap_or_default();
    let resolver = Resolver::start(if round_trip.is_zero() { LOOK_UP } else { round_trip }).await?;
    let machine = machine(cluster.is_some(), &program);
    let database = if postgres.is_some() { "Postgres" } else { "SQLite" };
    let resolver_url = resolver.url().to_owned();
    let ground = Ground { portico, program, postgres, round_trip, resolver: resolver_url };
    let mut worths = Vec::new();
    for trial in &trials {
        worths.push(Box::pin(worth(options, &ground, trial)).await.with_context(|| trial.switch.name())?);
    }
    Ok(Outcome {
        kind: KIND.to_owned(),
        at: now(),
        commit: machine.commit.clone(),
        machine,
        target: target(options.target).to_owned(),
        database: database.to_owned(),
        round_trip_ms: round_trip.as_secs_f64() * 1_000.0,
        rounds: options.rounds,
        seconds: options.seconds,
        command: command(options),
        switches: worths,
    })
}

fn once(switches: &[Switch]) -> Vec<Switch> {
    // Named twice is meant once.
    Switch::ALL.into_iter().filter(|switch| switches.contains(switch)).collect()
}

fn target(target: CompareTarget) -> &'static str {
    match target {
        CompareTarget::Native => "native",
        CompareTarget::Worker => "worker",
    }
}

fn machine(own_postgres: bool, program: &Program) -> Machine {
    let mut machine = Machine::read();
    if let (true, Ok(postgres)) = (own_postgres, cluster::program("postgres")) {
        machine = machine.with_program("Postgres", &postgres, &["--version"]);
    }
    if let Program::Worker(checkout) = program {
        let workerd = checkout.join("runtime-worker/node_modules/.bin/workerd");
        machine = machine.with_program("workerd", &workerd, &["--version"]);
    }
    machine
}

fn command(options: &Compare) -> String {
    let mut words = vec!["portico compare".to_owned()];
    words.extend(options.switches.iter().map(|switch| switch.name().to_ascii_lowercase()));
    if let Some(latency) = options.db_latency {
        words.push(format!("--db-latency {}ms", latency.as_secs_f64() * 1_000.0));
    }
    if options.target == CompareTarget::Worker {
        words.push("--target worker".to_owned());
    }
    if options.database.is_some() {
        words.push("--database URL".to_owned());
    }
    words.push(format!("--rounds {} --seconds {}", options.rounds, options.seconds));
    words.join(" ")
}

fn tell_time(options: &Compare, trials: &[Trial]) {
    let turns = u64::from(options.rounds) * ORDER.len() as u64;
    let (start, prepare) = if options.target == CompareTarget::Worker { (2, 20) } else { (1, 10) };
    let mut seconds = 0;
    for trial in trials.iter().filter(|trial| trial.skipped(options.target).is_none()) {
        let turn = match trial.how {
            How::Serving(_) | How::SlowLine => u64::from(options.seconds),
            How::Starting => u64::from(options.seconds) + start,
        };
        seconds += turns * turn + prepare;
    }
    let minutes = seconds.div_ceil(60);
    let told = if seconds < 100 { format!("{seconds} s") } else { format!("{minutes} min") };
    // That it can't be told stops nothing.
    let _ = writeln!(io::stderr(), "{} switches, {} rounds: about {told}", trials.len(), options.rounds);
}

/// Measures one switch.
async fn worth(options: &Compare, ground: &Ground, trial: &Trial) -> anyhow::Result<Worth> {
    let mut worth = Worth {
        switch: trial.switch.name().to_owned(),
        measured: trial.measured.to_owned(),
        off_means: trial.off_means.to_owned(),
        skipped: trial.skipped(options.target).map(str::to_owned),
        ways: Vec::new(),
        compared: Vec::new(),
    };
    if worth.skipped.is_some() {
        return Ok(worth);
    }
    let mut progress = Progress::new();
    let of = u64::from(options.rounds) * ORDER.len() as u64;
    let mut done = 0;
    let lasts = Duration::from_secs(u64::from(options.seconds));
    let (off, on, again) = tokio::try_join!(
        Side::start(ground, trial, false),
        Side::start(ground, trial, true),
        Side::start(ground, trial, false)
    )?;
    let mut sides = [off, on, again];
    // The first answers of a server are not what is measured where it serves for long.
    if trial.how != How::Starting {
        for side in &mut sides {
            side.turn(trial, lasts.min(Duration::from_millis(500))).await?;
        }
    }
    let mut rounds: [Vec<Turn>; 3] = Default::default();
    for _ in 0..options.rounds {
        let mut round: [Turn; 3] = Default::default();
        for place in ORDER {
            let turn = match trial.how {
                How::Starting => sides[place].restart(trial, lasts).await,
                How::Serving(_) | How::SlowLine => sides[place].turn(trial, lasts).await,
            };
            round[place].add(turn?);
            done += 1;
            progress.show(trial.switch.name(), done, of);
        }
        for (rounds, turn) in rounds.iter_mut().zip(round) {
            rounds.push(turn);
        }
    }
    for side in sides {
        side.stop().await?;
    }
    worth.compared = compared(trial, &rounds);
    for (way, rounds) in WAYS.into_iter().zip(rounds) {
        let mut whole = Turn::default();
        for turn in rounds {
            whole.add(turn);
        }
        worth.ways.push(whole.figures(way));
    }
    Ok(worth)
}

/// What is compared of a trial, that which counts first.
fn compared(trial: &Trial, rounds: &[Vec<Turn>; 3]) -> Vec<Compared> {
    let each =
        |of: fn(&Turn) -> f64| rounds.each_ref().map(|rounds| rounds.iter().map(of).collect::<Vec<_>>());
    let smaller = |what: &str, of: fn(&Turn) -> f64| {
        let [off, on, again] = each(of);
        Compared::smaller(what, &off, &on, &again)
    };
    let larger = |what: &str, of: fn(&Turn) -> f64| {
        let [off, on, again] = each(of);
        Compared::larger(what, &off, &on, &again)
    };
    match trial.how {
        How::Starting if trial.counts_start() => vec![
            smaller("start", Turn::start),
            smaller("memory after it", Turn::resident_mb),
            smaller("first answer", Turn::p50),
        ],
        How::Starting => vec![smaller("first answer", Turn::p50), smaller("start", Turn::start)],
        How::SlowLine => vec![smaller("p50", Turn::p50), smaller("bytes", Turn::bytes_each)],
        How::Serving(_) => vec![
            smaller("p50", Turn::p50),
            smaller("p95", Turn::p95),
            larger("answers a second", Turn::per_second),
        ],
    }
}
