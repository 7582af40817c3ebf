//! Neon's own published client against the stand-in: what it accepts here is what Neon's service must give it.

use std::path::Path;
use std::time::Duration;

use portico_tests::harness::postgres::Postgres;
use portico_tests::harness::process::{Process, listening_on};
use tokio::process::Command;

#[tokio::test]
async fn the_published_client_finds_the_service_it_knows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !folder.join("node_modules/@neondatabase/serverless").exists() {
        let installed = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(folder)
            .status()
            .await
            .expect("npm is installed");
        assert!(installed.success(), "npm ci in tests/");
    }
    let postgres = Postgres::start().await.expect("a Postgres server");
    let database = postgres.create_database("neon_client").await.expect("a database");
    let mut command = Command::new(env!("CARGO_BIN_EXE_neon-stand-in"));
    command.args([
        "--database-url",
        postgres.url().as_str(),
        "--max-request",
        "100000",
        "--max-response",
        "100000",
    ]);
    let stand_in = Process::start("neon-stand-in-client", command, Duration::from_secs(10), listening_on)
        .await
        .expect("the stand-in starts");
    // The host of the connection string names an endpoint; the stand-in takes any.
    let mut named = database.url.clone();
    named.set_host(Some("ep-test-1.eu-central-1.aws.neon.example")).expect("a valid host");
    named.set_port(None).expect("a URL with a host has a port");
    let run = Command::new("node")
        .arg("--test")
        .arg("--test-reporter=spec")
        .arg("neon-client/client.test.mjs")
        .current_dir(folder)
        .env("NEON_SQL_URL", format!("{}/sql", stand_in.address))
        .env("NEON_CONNECTION_STRING", named.as_str())
        .output()
        .await
        .expect("node is installed");
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    drop(stand_in);
    postgres.drop_database(&database).await.expect("the database goes");
    assert!(run.status.success(), "{told}");
    assert!(told.contains("fail 0") && !told.contains("tests 0"), "tests ran: {told}");
}
