//! Makes a Postgres cluster for one run of the tests.

use std::io::Write as _;

use clap::Parser;
use portico_tests::harness::postgres::Postgres;
use tokio::signal::unix::{SignalKind, signal};

/// Makes a Postgres cluster in scratch, prints `listening on <URL>`, and removes it at SIGTERM or SIGINT. With
/// `TEST_DATABASE_URL` set it prints that instead.
#[derive(Parser)]
struct Arguments {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments {} = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    // Held here as well while the cluster is being made, so that an interrupt removes what there is of it.
    let postgres = tokio::select! {
        postgres = Postgres::start() => postgres?,
        _ = terminate.recv() => return Ok(()),
    };
    writeln!(std::io::stdout(), "listening on {}", postgres.url())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    postgres.stop();
    Ok(())
}
