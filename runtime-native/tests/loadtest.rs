//! `portico loadtest`: what it refuses, what it says, what it exits with, and that its figures are those of the server.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use portico_tests::random;
use serde_json::Value;
use support::{Ended, PORTICO, Place, bare, run};
use tokio::process::Command;

/// A folder for the reports of a test.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn loadtest(folder: &tempfile::TempDir, arguments: &[&str]) -> Ended {
    let mut command = bare(folder.path());
    command.env("PATH", std::env::var_os("PATH").unwrap()).arg("loadtest").args(arguments);
    run(command, "").await
}

fn json(folder: &tempfile::TempDir, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path().join(name)).unwrap()).unwrap()
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_2_and_named() {
    let folder = folder();
    for (arguments, told) in [
        (&["stampede"][..], "health, login, keys, messages, chats, catalogue, mixed, soak"),
        (&["health", "--url", "127.0.0.1:8080"], "--url"),
        (&["health", "--url", "http://192.0.2.1/"], "--i-may-load-this-host"),
        (&["health", "--rate", "0"], "--rate"),
        (&["health", "--rate", "5", "--users", "5"], "--users"),
        (&["health", "--duration", "30"], "--duration"),
        (&["health", "--stages", "100"], "rate:time"),
        (&["health", "--database", "mysql://x/y"], "--database"),
        (&["health", "--target", "worker", "--checkout", "/"], "needs a checkout of Portico"),
    ] {
        let ended = loadtest(&folder, arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.told);
        assert!(ended.told.contains(told), "{arguments:?}: {}", ended.told);
    }
}

#[tokio::test]
async fn what_cannot_be_done_ends_with_1_before_anything_is_loaded() {
    let folder = folder();
    // Bound and given back: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}");
    for (arguments, told) in [
        (&["health", "--url", &nobody][..], "can't be reached"),
        (&["health", "--report", "/proc/none/report.html"], "/proc/none/report.html can't be written"),
        (&["health", "--url", &nobody, "--k6", "/no/k6"], "/no/k6 can't be run"),
    ] {
        let ended = loadtest(&folder, arguments).await;
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.told);
        assert!(ended.told.contains(told), "{arguments:?}: {}", ended.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_mixture_on_a_server_of_its_own_has_no_errors_and_leaves_nothing_behind() {
    let folder = folder();
    let ended = loadtest(
        &folder,
        &[
            "mixed",
            "--users",
            "8",
            "--pause",
            "50ms",
            "--duration",
            "4s",
            "--people",
            "3",
            "--no-time-thresholds",
            "--time-limit",
            "60s",
            "--json",
            "out/mixed.json",
            "--report",
            "out/mixed.html",
            "--markdown",
            "out/mixed.md",
        ],
    )
    .await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.said, ended.told);
    let found = json(&folder, "out/mixed.json");
    assert_eq!((&found["kind"], &found["passed"]), (&"loadtest".into(), &true.into()));
    assert_eq!((&found["target"], &found["database"]), (&"native".into(), &"SQLite".into()));
    let outcome = &found["outcome"];
    assert!(outcome["requests"].as_u64().unwrap() > 50, "{outcome}");
    assert_eq!(outcome["errors"], serde_json::json!({}));
    // The most frequent kinds came all, and cost statements.
    for route in
        ["GET /api/v1/auth/me", "GET /api/v2/chats", "GET /api/v1/books", "POST /api/v2/messages/send"]
    {
        assert!(outcome["by_name"][route]["count"].as_u64().unwrap() > 0, "{route}: {outcome}");
    }
    assert!((1..=5).contains(&outcome["statements"]["max"].as_u64().unwrap()), "{}", outcome["statements"]);
    assert!(!outcome["server"].as_array().unwrap().is_empty());
    assert!(found["pool"]["mean"].is_number(), "{}", found["pool"]);
    let html = std::fs::read_to_string(folder.path().join("out/mixed.html")).unwrap();
    assert!(
        html.matches("<svg").count() >= 5 && !html.contains("<script"),
        "charts and nothing from elsewhere"
    );
    assert!(std::fs::read_to_string(folder.path().join("out/mixed.md")).unwrap().contains("| route |"));
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_are_not_held_end_with_1() {
    let folder = folder();
    let server = Place::on_sqlite().start("loadtest-limited").await;
    // People register ten times a minute here, and no oftener.
    let refused = loadtest(&folder, &["keys", "--url", &server.address, "--people", "30"]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.told);
    assert!(refused.told.contains("PORTICO_LIMIT_REGISTER=off"), "{}", refused.told);

    let place = Place::on_sqlite().unlimited().with("PORTICO_LIMIT_LOGIN", "1/1h");
    let server = place.start("loadtest-failing").await;
    let arguments =
        ["login", "--url", &server.address, "--rate", "4", "--duration", "2s", "--json", "login.json"];
    let ended = loadtest(&folder, &[&arguments[..], &["--no-time-thresholds"]].concat()).await;
    assert_eq!(ended.code, Some(1), "{}{}", ended.said, ended.told);
    assert!(ended.said.contains("FAILED"), "{}", ended.said);
    let found = json(&folder, "login.json");
    assert_eq!(found["passed"], false);
    assert!(found["outcome"]["errors"]["status 429"].as_u64().unwrap() > 0, "{}", found["outcome"]["errors"]);
    // The same, judged by nobody.
    let ended = loadtest(&folder, &[&arguments[..], &["--no-thresholds"]].concat()).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.said, ended.told);
}

/// What wrk says of a server: requests a second.
async fn wrk(url: &str, connections: &str) -> f64 {
    let arguments = ["-t1", "-c", connections, "-d", "3s", url];
    let output = Command::new("wrk").args(arguments).output().await;
    let output = output.expect("wrk is there: tests/setup/services.sh installs it");
    let text = String::from_utf8(output.stdout).unwrap();
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.unwrap_or_else(|| panic!("{text}")).trim().parse().unwrap()
}

/// The driver costs the machine more than wrk does, and shares it with the server: with users enough to fill a machine of two cores it comes to half or more.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_server_is_found_as_fast_as_wrk_finds_it() {
    let folder = folder();
    let server = Place::on_sqlite().start(&format!("loadtest-wrk-{}", random::hex(2))).await;
    let url = format!("{}/health", server.address);
    let mut tries = Vec::new();
    for _ in 0..5 {
        let theirs = wrk(&url, "16").await;
        let arguments = [
            "health",
            "--url",
            &server.address,
            "--users",
            "16",
            "--duration",
            "3s",
            "--no-thresholds",
            "--json",
            "a.json",
        ];
        let ended = loadtest(&folder, &arguments).await;
        assert_eq!(ended.code, Some(0), "{}{}", ended.said, ended.told);
        let found = json(&folder, "a.json");
        assert_eq!(found["outcome"]["errors"], serde_json::json!({}));
        let ratio = found["outcome"]["per_second"].as_f64().unwrap() / theirs;
        // Without optimisation the driver is several times slower than wrk, which is built with it.
        let least = if cfg!(debug_assertions) { 0.1 } else { 0.5 };
        if (least..=2.0).contains(&ratio) {
            return;
        }
        tries.push(ratio);
    }
    panic!("{PORTICO} finds the server so many times as fast as wrk does: {tries:?}");
}
