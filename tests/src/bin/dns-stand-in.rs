//! Plays a resolver of names over HTTPS.

use std::io::Write as _;

use clap::Parser;
use portico_tests::dns::server;
use tokio::net::TcpListener;

/// Serves DNS in JSON at `/dns-query`, for a made-up zone.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind(&Arguments::parse().listen).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    server::serve(listener).await
}
