//! Looks at what the database does for each statement, at recordings for statements that repeat, and (`server`) at where a server's time and memory go. Changes nothing.

mod server;
mod table;

use std::{fs, path::Path, time::Duration};

use anyhow::Context;
use portico_domain::ports::Clock;
use portico_in_process::SystemClock;
use portico_sql::profile::{
    PostgresProfiler, ProfileError, ProfileOptions, Profiled, RecordedBy, Repeats, SqliteProfiler,
    Thresholds, samples,
};
use serde_json::json;

pub(crate) use self::server::profile_server;
use super::say;
use crate::{
    Failure,
    cli::{Profile, ProfileSource, SlowestBy},
    configuration::{Configuration, Database},
};

/// Looks at statements, or at a recording, and tells what is wrong. Ends with 1 when something is, and with 2 when it could not look.
pub(crate) async fn profile(configuration: &Configuration, options: &Profile) -> Result<(), Failure> {
    if let Some(path) = &options.from_log {
        return repeats(path, options);
    }
    let profiled = match options.from {
        ProfileSource::Statements => own(configuration, options).await,
        ProfileSource::PgStatStatements => recorded(configuration, options).await,
    }?;
    let exceeds = profiled.iter().any(|one| !one.findings.is_empty());
    say(|out| {
        if options.json {
            let report = json!({
                "database": configuration.database.shown(),
                "exceeds": exceeds,
                "statements": profiled.iter().map(Profiled::to_json).collect::<Vec<_>>(),
            });
            writeln!(out, "{report:#}")
        } else {
            table::write(out, &profiled)
        }
    })
    .map_err(|error| could_not(&error))?;
    ended(exceeds)
}

/// What was found was told already.
fn ended(exceeds: bool) -> Result<(), Failure> {
    if exceeds { Err(Failure::Logged) } else { Ok(()) }
}

fn could_not(why: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(vec![why.to_string()])
}

fn read(options: &Profile) -> ProfileOptions {
    let thresholds = Thresholds {
        max_ms: options.max_ms,
        min_rows: options.min_rows,
        sorted_rows: options.sorted_rows,
        loops: options.loops,
        removed_ratio: options.removed_ratio,
        pages_read: options.pages_read,
        estimate_factor: options.estimate_factor,
        ..Thresholds::default()
    };
    ProfileOptions {
        thresholds,
        samples: options.samples,
        execute: !options.plan_only,
        time_limit: Duration::from_secs(options.time_limit),
    }
}

/// This program's statements, with values of rows that are there.
async fn own(configuration: &Configuration, options: &Profile) -> Result<Vec<Profiled>, Failure> {
    let wanted = |name: &str| options.statement.as_ref().is_none_or(|part| name.contains(part));
    let chosen: Vec<_> = samples::statements().filter(|(statement, _)| wanted(statement.name)).collect();
    if chosen.is_empty() {
        let part = options.statement.as_deref().unwrap_or_default();
        return Err(could_not(&format!("no statement's name has {part} in it")));
    }
    let now = SystemClock.now();
    let mut profiled = Vec::new();
    let asked = async {
        match &configuration.database {
            Database::Postgres(config) => {
                let mut profiler = PostgresProfiler::connect(&config.url, read(options)).await?;
                for (statement, entry) in chosen {
                    profiled.extend(profiler.profile(statement, entry, now).await?);
                }
                profiler.close().await;
            }
            Database::Sqlite(config) => {
                let mut profiler = SqliteProfiler::open(&config.path, read(options)).await?;
                for (statement, entry) in chosen {
                    profiled.extend(profiler.profile(statement, entry, now).await?);
                }
                profiler.close().await;
            }
        }
        Ok::<_, ProfileError>(())
    };
    asked.await.map_err(|error| could_not(&error))?;
    Ok(profiled)
}

/// The slowest of those that Postgres has counted, whoever sent them.
async fn recorded(configuration: &Configuration, options: &Profile) -> Result<Vec<Profiled>, Failure> {
    let Database::Postgres(config) = &configuration.database else {
        return Err(could_not(
            &"--from pg_stat_statements is for Postgres; DATABASE_URL names an SQLite file",
        ));
    };
    let by = match options.by {
        SlowestBy::Total => RecordedBy::Total,
        SlowestBy::Mean => RecordedBy::Mean,
    };
    let asked = async {
        let mut profiler = PostgresProfiler::connect(&config.url, read(options)).await?;
        let mut profiled = Vec::new();
        for recorded in profiler.slowest(options.top, by).await? {
            profiled.push(profiler.recorded(&recorded).await?);
        }
        profiler.close().await;
        Ok::<_, ProfileError>(profiled)
    };
    asked.await.map_err(|error| could_not(&error))
}

/// Statements that ran many times in one request.
fn repeats(path: &Path, options: &Profile) -> Result<(), Failure> {
    let read = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    let text = read.map_err(|error| could_not(&format!("{error:#}")))?;
    let repeats = Repeats::read(&text, options.repeats)
        .map_err(|error| could_not(&format!("{}: {error}", path.display())))?;
    say(|out| {
        if options.json {
            let found: Vec<_> = repeats.found.iter().map(portico_sql::profile::Repeat::to_json).collect();
            writeln!(
                out,
                "{:#}",
                json!({ "requests": repeats.requests, "exceeds": !found.is_empty(), "routes": found })
            )
        } else {
            table::write_repeats(out, &repeats)
        }
    })
    .map_err(|error| could_not(&error))?;
    ended(!repeats.found.is_empty())
}
