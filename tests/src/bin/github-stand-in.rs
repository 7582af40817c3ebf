//! Plays GitHub's OAuth web flow.

use std::io::Write as _;

use clap::Parser;
use portico_tests::github::oauth::App;
use portico_tests::github::server;
use tokio::net::TcpListener;
use url::Url;

/// Serves an OAuth provider that behaves like GitHub, for one registered app.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// The app's id.
    #[arg(long, default_value = "conformance-client")]
    client_id: String,
    /// The app's secret; a made-up one, no secret of anybody.
    #[arg(long, default_value = "conformance-client-secret")]
    client_secret: String,
    /// The app's registered callback; on a loopback address any port is accepted.
    #[arg(long, default_value = "http://127.0.0.1/api/v1/auth/github/callback")]
    callback: Url,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(&arguments.listen).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    let Arguments { client_id, client_secret, callback, .. } = arguments;
    server::serve(listener, App { client_id, client_secret, callback }).await
}
