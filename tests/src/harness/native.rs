//! The native server as a child process: how it is started, and what its own commands prepare.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
pub use portico_measuring::server::listening_line;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use url::Url;

use super::paths;
use super::postgres::Database;
use super::process::Process;

/// What tokens are signed with in tests, so that tests can sign bad ones themselves. Fake, and long enough.
pub const JWT_SECRET: &str = "a-made-up-secret-for-conformance-tests-only-0123456789";

/// What provider keys are encrypted under in tests. Fake.
pub const ENCRYPTION_KEYS: &str = "made-up:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// Whom servers of tests know as an admin.
pub const ADMIN_EMAIL: &str = "admin@conformance.example";
/// Their password. Fake.
pub const ADMIN_PASSWORD: &str = "obviously fake admin password";

/// Gives a native command that sees nothing of the caller's environment but what programs need to run.
pub fn portico() -> anyhow::Result<Command> {
    let mut command = Command::new(paths::portico()?);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(command)
}

/// Gives the command of a server on a free port, with its data in `folder`; without a database on its embedded file.
pub fn serve(database: Option<&Url>, folder: &Path) -> anyhow::Result<Command> {
    let mut command = portico()?;
    command
        .arg("serve")
        .env("PORTICO_LISTEN", "127.0.0.1:0")
        .env("PORTICO_DATA_DIR", folder)
        .current_dir(folder);
    if let Some(database) = database {
        command.env("DATABASE_URL", database.as_str());
    }
    Ok(command)
}

/// Makes the admin, through the product's own command.
pub async fn make_admin(database: Option<&Url>, folder: &Path) -> anyhow::Result<()> {
    let mut command = portico()?;
    command
        .args(["user", "create", "--admin", "--password-stdin", "--email", ADMIN_EMAIL])
        .env("PORTICO_DATA_DIR", folder)
        .env("PORTICO_BCRYPT_COST", "10")
        .env("JWT_SECRET", JWT_SECRET)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(database) = database {
        command.env("DATABASE_URL", database.as_str());
    }
    let mut child = command.spawn().context("running portico user create")?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    stdin.write_all(format!("{ADMIN_PASSWORD}\n").as_bytes()).await?;
    drop(stdin);
    let done = child.wait_with_output().await?;
    anyhow::ensure!(
        done.status.success(),
        "portico user create: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

/// Brings an empty database up to the schema, through the product's own command.
pub async fn migrate(database: &Database) -> anyhow::Result<()> {
    let mut command = portico()?;
    command.arg("migrate").env("DATABASE_URL", database.url.as_str()).env("JWT_SECRET", JWT_SECRET);
    let done = command.output().await.context("running portico migrate")?;
    anyhow::ensure!(
        done.status.success(),
        "portico migrate: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

/// Waits until a server that was given a Redis has found it. It serves before: what mustn't go uncounted is refused until then.
pub async fn redis_found(server: &Process) -> anyhow::Result<()> {
    for _ in 0..500 {
        if server.log().contains("\"Redis answers\"") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("the server has not found its Redis within 5 s; its log:\n{}", server.log_tail())
}
