//! How the load is sent.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use portico_measuring::{
    load::{self, Arrival, Outcome, Plan, Source, k6::K6},
    machine::now,
    scenarios::{Growth, Load, Scenario, Setup, Targets, rounded},
};

use super::{
    found::{Found, KIND},
    ground::{Ground, checkout},
    pool::Looking,
};
use crate::cli::Loadtest;

/// How long is looked for what the server can do, where the load is a part of that.
const CAPACITY: Duration = Duration::from_secs(5);
/// How many users find that out: enough to keep a server busy, too few to make it queue for long.
const CROWD: u32 = 32;
/// The same for passwords, of which a server hashes as many at once as it has cores.
const CROWD_OF_SIGN_INS: u32 = 4;
/// How long a load runs before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// Prepares the scenario, loads the server, and judges.
pub(super) async fn send(
    options: &Loadtest,
    ground: &Ground,
    k6_version: Option<String>,
    tell: &impl Fn(&str),
) -> anyhow::Result<Found> {
    let scenario = options.scenario;
    let targets = Targets::of(scenario);
    let duration = options.duration.unwrap_or_else(|| targets.duration());
    let (wanted, mut source) = (wanted(options, &targets), None);
    let (arrival, capacity) = match wanted {
        Wanted::Arrival(arrival) => (arrival, None),
        Wanted::Part(part) => {
            tell(&format!("finding out what the server can do, for {} s", CAPACITY.as_secs()));
            let source = source.insert(prepare(options, ground).await?);
            let capacity = capacity(options, ground, source).await?;
            let per_second = (capacity * part).max(0.1);
            tell(&format!("it answers {} a second; the load is {}", rounded(capacity), rounded(per_second)));
            (Arrival::Open { per_second }, Some(capacity))
        }
    };
    let words = words(&arrival);
    tell(&format!("{}: {words}, for {} s", scenario.name(), duration.as_secs()));
    let looking = ground.admin.as_deref().map(|admin| Looking::begin(&ground.url, admin)).transpose()?;
    let (outcome, k6_holds) = if let Some(program) = &options.k6 {
        let k6 = K6 {
            program: program.clone(),
            script: checkout(options, "tests/load/k6/health.js")?
                .join("tests/load/k6")
                .join(format!("{}.js", scenario.name())),
            variables: variables(options, ground, &arrival, duration)?,
            duration,
            grace: options.time_limit,
        };
        let sent = k6.run(ground.probe.as_ref()).await?;
        (sent.outcome, Some(sent.holds))
    } else {
        let source = match source {
            Some(source) => source,
            None => prepare(options, ground).await?,
        };
        let plan = plan(options, arrival, duration);
        (load::run(&ground.url, source, &plan, ground.probe.as_ref()).await?, None)
    };
    let pool = match looking {
        Some(looking) => looking.end().await,
        None => None,
    };
    if outcome.requests == 0 {
        bail!("nothing was sent: the load was too small for {} s", duration.as_secs());
    }
    let targets = if options.no_time_thresholds { targets.without_times() } else { targets };
    let verdicts =
        if options.no_thresholds { Vec::new() } else { targets.judge(&outcome, pool.map(|pool| pool.mean)) };
    // A driver that was held up says nothing of the server; where time isn't judged it doesn't matter.
    let measured = outcome.kept_up() || options.no_thresholds || options.no_time_thresholds;
    let held = verdicts.iter().all(|verdict| verdict.holds != Some(false));
    Ok(Found {
        kind: KIND.to_owned(),
        at: now(),
        commit: ground.machine.commit.clone(),
        machine: ground.machine.clone(),
        command: command(std::env::args().skip(1)),
        scenario: scenario.name().to_owned(),
        target: ground.target.clone(),
        database: ground.database.clone(),
        driver: k6_version.map_or_else(|| "built in".to_owned(), |version| format!("k6 {version}")),
        load: words,
        capacity,
        growth: Growth::of(&outcome.server),
        pool,
        verdicts,
        measured,
        passed: measured && held && k6_holds != Some(false),
        outcome,
    })
}

enum Wanted {
    Arrival(Arrival),
    Part(f64),
}

fn wanted(options: &Loadtest, targets: &Targets) -> Wanted {
    let users = |users, pause: Duration| {
        Wanted::Arrival(if pause.is_zero() {
            Arrival::Closed { users }
        } else {
            Arrival::People { users, pause }
        })
    };
    match (&options.stages, options.rate, options.users, targets.load()) {
        (Some(stages), ..) => Wanted::Arrival(Arrival::Stages(stages.0.clone())),
        (_, Some(per_second), ..) => Wanted::Arrival(Arrival::Open { per_second }),
        (_, _, Some(count), _) => users(count, options.pause.unwrap_or_default()),
        (.., Load::PerSecond(per_second)) => Wanted::Arrival(Arrival::Open { per_second }),
        (.., Load::Users(count, pause)) => users(count, pause),
        (.., Load::PartOfCapacity(part)) => Wanted::Part(part),
    }
}

async fn prepare(options: &Loadtest, ground: &Ground) -> anyhow::Result<Arc<dyn Source>> {
    let setup = Setup { admin: ground.admin.clone(), people: options.people };
    options.scenario.prepare(&ground.url, &setup).await.context("preparing")
}

fn plan(options: &Loadtest, arrival: Arrival, duration: Duration) -> Plan {
    Plan {
        warm_up: WARM_UP,
        most_in_flight: options.most_in_flight,
        request_time_limit: options.time_limit,
        ..Plan::new(arrival, duration)
    }
}

async fn capacity(options: &Loadtest, ground: &Ground, source: &Arc<dyn Source>) -> anyhow::Result<f64> {
    let users = if options.scenario == Scenario::Login { CROWD_OF_SIGN_INS } else { CROWD };
    let plan = plan(options, Arrival::Closed { users }, CAPACITY);
    let outcome: Outcome = load::run(&ground.url, Arc::clone(source), &plan, None).await?;
    if outcome.error_rate() > 0.01 {
        bail!("what the server can do can't be found out while requests fail: {:?}", outcome.errors);
    }
    Ok(outcome.per_second)
}

/// What the k6 scripts read.
fn variables(
    options: &Loadtest,
    ground: &Ground,
    arrival: &Arrival,
    duration: Duration,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut variables = vec![
        ("BASE_URL", ground.url.as_str().trim_end_matches('/').to_owned()),
        ("SECONDS", duration.as_secs().to_string()),
        ("PEOPLE", options.people.to_string()),
        ("MOST_IN_FLIGHT", options.most_in_flight.to_string()),
        ("TIME_LIMIT_MS", options.time_limit.as_millis().to_string()),
    ];
    match arrival {
        Arrival::Open { per_second } => variables.push(("RATE", per_second.to_string())),
        Arrival::Closed { users } => variables.push(("USERS", users.to_string())),
        Arrival::People { users, pause } => {
            variables.push(("USERS", users.to_string()));
            variables.push(("PAUSE_MS", pause.as_millis().to_string()));
        }
        Arrival::Stages(_) => bail!("k6 is given its stages by its scripts"),
    }
    let judged = match (options.no_thresholds, options.no_time_thresholds) {
        (true, _) => "none",
        (_, true) => "counts",
        _ => "all",
    };
    variables.push(("THRESHOLDS", judged.to_owned()));
    if let Some(admin) = &ground.admin {
        variables.push(("ADMIN_TOKEN", admin.clone()));
    }
    Ok(variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn words(arrival: &Arrival) -> String {
    match arrival {
        Arrival::Open { per_second } => format!("{} requests a second", rounded(*per_second)),
        Arrival::Closed { users } => format!("{users} users without pause"),
        Arrival::People { users, pause } => {
            format!("{users} users with a pause of {} s", rounded(pause.as_secs_f64()))
        }
        Arrival::Stages(stages) => {
            let stage = |stage: &load::Stage| {
                format!("{} within {} s", rounded(stage.per_second), rounded(stage.over.as_secs_f64()))
            };
            let stages: Vec<_> = stages.iter().map(stage).collect();
            format!("requests a second rising and falling to {}", stages.join(", "))
        }
    }
}

/// How to do it again, wherever this is read: without the files that it was written to.
fn command(arguments: impl Iterator<Item = String>) -> String {
    const FILES: [&str; 7] = ["--k6", "--checkout", "--json", "--markdown", "--report", "--html", "--config"];
    let (mut words, mut arguments, mut by_k6) = (Vec::new(), arguments, false);
    while let Some(word) = arguments.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, _)| (name, Some(())));
        if !FILES.contains(&name) {
            words.push(without_password(&word));
            continue;
        }
        by_k6 |= name == "--k6";
        if value.is_none() {
            arguments.next();
        }
    }
    if by_k6 {
        words.retain(|word| word != "loadtest");
        words.insert(0, "tests/load/run".to_owned());
    } else {
        words.insert(0, "portico".to_owned());
    }
    words.join(" ")
}

/// What is typed may hold a database's password, and reports are shown around.
fn without_password(word: &str) -> String {
    let (name, value) = word.split_once('=').filter(|(name, _)| name.starts_with("--")).unwrap_or(("", word));
    let gap = if name.is_empty() { "" } else { "=" };
    match url::Url::parse(value) {
        Ok(url) if url.has_host() => {
            format!("{name}{gap}{}", portico_measuring::database::without_password(&url))
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_passwords_nor_files_are_told() {
        let told = |line: &str| command(line.split(' ').map(str::to_owned));
        assert_eq!(
            told("loadtest keys --json /tmp/a.json --database postgres://a:secret@h/db --rate 5"),
            "portico loadtest keys --database postgres://a:redacted@h/db --rate 5"
        );
        assert_eq!(
            told("loadtest keys --database=postgres://a:secret@h/db"),
            "portico loadtest keys --database=postgres://a:redacted@h/db"
        );
        assert_eq!(
            told("loadtest keys --database postgres://h/db?password=secret"),
            "portico loadtest keys --database postgres://h/db"
        );
        assert_eq!(
            told("loadtest soak --k6 /usr/bin/k6 --report=/tmp/r.html --users 3"),
            "tests/load/run soak --users 3"
        );
    }
}
