//! Calls every route on `SQLite` and on Postgres, and holds what it asks of the database against its budget.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use portico_tests::budgets::{measure, table};
use tokio::signal::unix::{SignalKind, signal};

/// Counts the statements of every route, prints the table, and compares it with the one in docs/performance.md. Exit code 0 when every route keeps its
/// budget and the page is current, 1 when the page is not, 2 when a route goes beyond its budget, isn't called, or nothing could be run.
#[derive(Parser)]
struct Arguments {
    /// Writes the table into docs/performance.md.
    #[arg(long)]
    write: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let stopped = async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    };
    // Dropping what was started ends it, also when this is interrupted.
    let outcome = tokio::select! {
        outcome = perform(&arguments) => outcome,
        stopped = stopped => stopped.map_err(Into::into).and(Err(anyhow::anyhow!("interrupted"))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            let told =
                "budgets: the table in docs/performance.md is out of date: run target/debug/budgets --write";
            let _ = writeln!(std::io::stderr(), "{told}");
            ExitCode::from(1)
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "budgets: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn perform(arguments: &Arguments) -> anyhow::Result<bool> {
    let table = table::render(&measure().await?);
    write!(std::io::stdout(), "{table}")?;
    if arguments.write {
        table::write(&table)?;
    }
    table::is_current(&table)
}
