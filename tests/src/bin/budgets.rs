//! Calls every route on `SQLite` and on Postgres, and holds what it asks of the database against its budget.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use portico_measuring::server::until_interrupted;
use portico_tests::budgets::{measure, table};

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
    // Dropping what was started ends it, also when this is interrupted.
    let outcome = until_interrupted(Box::pin(perform(&arguments))).await;
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
