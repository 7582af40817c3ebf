//! The native server and its command line: configuration in, a served door out.
//!
//! - `cli`: what can be typed.
//! - `configuration`: environment and `portico.toml` become settings, with every fault told at once.
//! - `secrets`: what is made at the first start and kept beside the data.
//! - `encryption`: what keys at providers are encrypted under.
//! - `logs`: log lines, written by a thread of their own.
//! - `storage`: the configured database, its schema, its end.
//! - `profiling`: where the process' own time and memory go.
//! - `wiring`: ports and settings become the domain's flows.
//! - `serve`: connections, upkeep, signals, and a gentle end.
//! - `commands`: everything else that can be typed, a file each.
//!
//! **To add an adapter:** a line in `wiring`. **To add a setting:** a field in `configuration`, a line in its `print`, a row in
//! `docs/configuration.md`. **To add a command:** a variant in `cli`, a file in `commands`, an arm below.

mod cli;
mod commands;
mod configuration;
mod encryption;
mod logs;
mod profiling;
mod secrets;
mod serve;
mod storage;
mod wiring;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use self::{
    cli::{Cache, Command, CommandLine, Hash, Models, Serve, User},
    configuration::Configuration,
};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked makes no sense; each line says one reason. Exit code 2.
    Usage(Vec<String>),
    /// It was understood and did not succeed. Exit code 1.
    Failed(anyhow::Error),
    /// The same, and why was told already: by the log, or by what was printed. Exit code 1.
    Logged,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the command line of this process, and says how it ended: 0 done, 1 failed, 2 not understood.
#[must_use]
pub fn main() -> ExitCode {
    // What is made from here on (database, journal, secrets) is the owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let (lines, code) = match run(CommandLine::parse()) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(lines)) => (lines, 2),
        Err(Failure::Failed(error)) => (vec![format!("{error:#}")], 1),
        Err(Failure::Logged) => (Vec::new(), 1),
    };
    for line in lines {
        // There is nowhere left to say that this failed.
        let _ = writeln!(io::stderr(), "portico: {line}");
    }
    ExitCode::from(code)
}

fn run(line: CommandLine) -> Result<(), Failure> {
    let command = line.command.unwrap_or(Command::Serve(Serve::default()));
    // What measures, and what only prints, needs no configuration of its own.
    let command = match command {
        Command::Hash(Hash::Calibrate(options)) => return commands::calibrate(&options),
        Command::Baseline(options) => return commands::baseline(&options),
        Command::Compare(options) => return commands::compare(&options),
        Command::Loadtest(options) => return commands::loadtest(&options),
        Command::Report(options) => return commands::report(&options),
        Command::OpenApi(options) => return commands::openapi(&options),
        Command::Profile(cli::Profile { what: Some(what), .. }) => return commands::profile_server(&what),
        other => other,
    };
    let configuration = Configuration::read(line.config.as_deref())
        .map_err(|faults| Failure::Usage(faults.iter().map(ToString::to_string).collect()))?;
    if matches!(command, Command::CheckConfig) {
        return commands::check_config(&configuration);
    }
    if configuration.pprof && matches!(command, Command::Serve(_)) {
        profiling::restart_with_sampling()?;
    }
    let _flush = configuration.logs.start();
    for warning in &configuration.warnings {
        tracing::warn!("{warning}");
    }
    match command {
        Command::Serve(options) => {
            let profiler = configuration.pprof.then(profiling::prepare).transpose()?;
            let runtime = Builder::new_multi_thread().enable_all().thread_name("portico").build()?;
            runtime.block_on(serve::serve(configuration, &options, profiler)).map_err(log)
        }
        Command::Migrate => one_thread()?.block_on(commands::migrate(&configuration)),
        Command::User(User::Create(options)) => {
            one_thread()?.block_on(commands::create_user(&configuration, options))
        }
        Command::Rekey => one_thread()?.block_on(commands::rekey(&configuration)),
        Command::Profile(options) => one_thread()?.block_on(commands::profile(&configuration, &options)),
        Command::Prewarm => one_thread()?.block_on(commands::prewarm(&configuration)),
        Command::Seed(options) => one_thread()?.block_on(commands::seed(configuration, &options)),
        Command::Models(Models::Import(options)) => {
            one_thread()?.block_on(commands::import_models(configuration, &options))
        }
        Command::Models(Models::Export) => one_thread()?.block_on(commands::export_models(&configuration)),
        Command::Cache(Cache::Clear(options)) => {
            one_thread()?.block_on(commands::clear_cache(&configuration, &options))
        }
        Command::Cache(Cache::Experiment(what)) => {
            one_thread()?.block_on(commands::experiment(&configuration, what))
        }
        Command::Hash(_)
        | Command::CheckConfig
        | Command::Baseline(_)
        | Command::Compare(_)
        | Command::Loadtest(_)
        | Command::Report(_)
        | Command::OpenApi(_) => Ok(()),
    }
}

/// Whoever gathers a server's log finds there why it ended.
fn log(failure: Failure) -> Failure {
    match failure {
        Failure::Failed(error) => {
            tracing::error!(error = format!("{error:#}"), "the server ends");
            Failure::Logged
        }
        other => other,
    }
}

fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
