//! Plays Neon's SQL-over-HTTP endpoint from an ordinary Postgres.

use std::io::Write as _;

use clap::Parser;
use portico_tests::neon::server::{self, DEFAULT_LIMIT, Limits};
use tokio::net::TcpListener;

/// Serves Neon's `POST /sql` from an ordinary Postgres.
#[derive(Parser)]
struct Arguments {
    /// The real Postgres, as `postgres://host:port`; who signs in, and to which database, each request says itself.
    #[arg(long)]
    database_url: String,
    /// Where to listen; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// Largest request in bytes.
    #[arg(long, default_value_t = DEFAULT_LIMIT)]
    max_request: usize,
    /// Largest answer in bytes.
    #[arg(long, default_value_t = DEFAULT_LIMIT)]
    max_response: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(&arguments.listen).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    let limits = Limits { request: arguments.max_request, response: arguments.max_response };
    server::serve(listener, &arguments.database_url, limits).await
}
