//! Puts a server some milliseconds away.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use portico_tests::delay::{self, Traffic};
use tokio::net::TcpListener;

/// Passes TCP connections on, each direction a fixed time later. Prints its counts at SIGTERM or SIGINT.
#[derive(Parser)]
struct Arguments {
    /// The server, `host:port`.
    #[arg(long)]
    upstream: String,
    /// Milliseconds added in each direction; a round trip takes twice as long.
    #[arg(long)]
    delay_ms: u64,
    /// Where to listen; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let upstream = tokio::net::lookup_host(&arguments.upstream)
        .await?
        .next()
        .with_context(|| format!("{} has no address", arguments.upstream))?;
    let listener = TcpListener::bind(&arguments.listen).await?;
    writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
    let traffic = Arc::new(Traffic::default());
    let delay = Duration::from_millis(arguments.delay_ms);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        served = delay::serve(listener, upstream, delay, Arc::clone(&traffic)) => served?,
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    writeln!(
        std::io::stdout(),
        "connections {} round-trips {}",
        traffic.connections(),
        traffic.round_trips()
    )?;
    Ok(())
}
