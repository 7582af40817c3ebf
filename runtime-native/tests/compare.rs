//! `portico compare` and what it measures with, on the real binary.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{path::Path, time::Duration};

use portico_measuring::{
    client::Client,
    database::Database,
    server::{self, DatabaseChoice, Launch, Program, Server},
};
use portico_tests::harness::postgres::Postgres;
use rustix::process::{Pid, Signal};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use support::{Ended, PORTICO, bare, run};

fn launch(variables: &[(&str, &str)]) -> Launch {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Launch {
        program: Program::Native(PORTICO.into()),
        database: DatabaseChoice::Sqlite,
        variables: variables.iter().map(owned).collect(),
        data_dir: None,
    }
}

fn is_alive(pid: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

/// What the command says, without the caller's environment but with where programs are found.
async fn compare(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = bare(folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).arg("compare").args(arguments);
    // `run` gives up after a minute; this has a bound of its own.
    command.kill_on_drop(true);
    run(command, "").await
}

#[tokio::test]
async fn a_server_to_measure_answers_and_leaves_nothing_behind() {
    let started = Server::start(launch(&[("PORTICO_BCRYPT_COST", "10")])).await.unwrap();
    let (pid, folder) = (started.pid(), started.data_dir().to_owned());
    assert!(is_alive(pid) && folder.exists() && started.startup() > Duration::ZERO);
    assert!(started.log_tail().contains("listening"));
    let token = server::admin_token(&started).await.unwrap();
    // A second time finds the admin there.
    server::admin_token(&started).await.unwrap();
    let mut client = Client::new(started.url()).unwrap();
    let bearer = format!("Bearer {token}");
    let me = client.get("/api/v1/auth/me", &[("authorization", &bearer)]).await.unwrap().expect_ok().unwrap();
    assert_eq!((me.json().unwrap()["role"].as_str(), me.statements()), (Some("admin"), Some(1)));
    started.stop().await.unwrap();
    assert!(!is_alive(pid) && !folder.exists());

    let dropped = Server::start(launch(&[])).await.unwrap();
    let (pid, folder) = (dropped.pid(), dropped.data_dir().to_owned());
    drop(dropped);
    assert!(!is_alive(pid) && !folder.exists());
}

#[tokio::test]
async fn what_stops_a_server_from_starting_is_told_in_its_own_words() {
    let refused = |launch| async {
        match Server::start(launch).await {
            Ok(_) => panic!("it started"),
            Err(error) => format!("{error:#}"),
        }
    };
    let told = refused(launch(&[("PORTICO_BCRYPT_COST", "three")])).await;
    assert!(told.contains("PORTICO_BCRYPT_COST"), "{told}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let told = refused(launch(&[("PORTICO_LISTEN", &address)])).await;
    assert!(told.contains(&address), "{told}");
}

#[tokio::test]
async fn a_server_that_dies_is_seen_to_have_died() {
    let mut started = Server::start(launch(&[])).await.unwrap();
    let pid = Pid::from_raw(i32::try_from(started.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    support::until("it is gone", || !started.runs()).await;
    assert!(started.stop().await.is_err());
}

#[tokio::test]
async fn a_database_of_ones_own_goes_with_what_made_it() {
    let postgres = Postgres::start().await.unwrap();
    let database = Database::create(postgres.url(), Path::new(PORTICO)).await.unwrap();
    let url = database.url().clone();
    let exists = || async { PgConnection::connect(url.as_str()).await.is_ok() };
    assert!(exists().await);
    drop(database);
    assert!(!exists().await);
    postgres.stop();
}

#[tokio::test]
async fn bad_input_is_told_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let told = compare(folder.path(), &["warp_drive"]).await;
    assert_eq!(told.code, Some(2));
    assert!(told.told.contains("API_KEY_CACHE") && told.told.contains("CACHE_WARMING"), "{}", told.told);
    for (option, path) in [("--html", "/proc/none/report.html"), ("--json", folder.path().to_str().unwrap())]
    {
        let told = compare(folder.path(), &["api_key_cache", option, path]).await;
        assert_eq!(told.code, Some(1));
        assert!(told.told.contains("can't be written") && told.told.contains(path), "{}", told.told);
    }
    let told = compare(folder.path(), &["--target", "worker", "--checkout", "."]).await;
    assert_eq!(told.code, Some(2), "{}", told.told);
    let away = "postgres://nobody:obviously-fake@127.0.0.1:1/none";
    let told = compare(folder.path(), &["api_key_cache", "--database", away]).await;
    assert_eq!(told.code, Some(1));
    assert!(told.told.contains("127.0.0.1:1") && !told.told.contains("obviously-fake"), "{}", told.told);
}

#[tokio::test]
async fn a_cached_key_costs_fewer_statements_behind_a_delaying_line() {
    let postgres = Postgres::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (json, html, markdown) =
        (folder.path().join("a/out.json"), folder.path().join("out.html"), folder.path().join("out.md"));
    let paths = [&json, &html, &markdown].map(|path| path.to_str().unwrap());
    let told = compare(
        folder.path(),
        &[
            "api_key_cache",
            "--rounds",
            "2",
            "--seconds",
            "1",
            "--db-latency",
            "5ms",
            "--database",
            postgres.url().as_str(),
            "--json",
            paths[0],
            "--html",
            paths[1],
            "--markdown",
            paths[2],
        ],
    )
    .await;
    assert_eq!(told.code, Some(0), "{}", told.told);
    assert!(
        told.said.contains("| `API_KEY_CACHE` |") && told.told.contains("about"),
        "{}{}",
        told.said,
        told.told
    );
    let out: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((out["kind"].as_str(), out["round_trip_ms"].as_f64()), (Some("compare"), Some(5.0)));
    let ways = out["switches"][0]["ways"].as_array().unwrap();
    let statements: Vec<f64> = ways.iter().map(|way| way["statements"].as_f64().unwrap()).collect();
    assert!(statements[0] >= 0.99 && statements[1] < 0.1 && statements[2] >= 0.99, "{statements:?}");
    // Five milliseconds away every way, and there and back: what asks the database can't be faster.
    assert!(ways[0]["p50_ms"].as_f64().unwrap() >= 5.0, "{ways:?}");

    let html = std::fs::read_to_string(&html).unwrap();
    let elsewhere = html.replace("http://www.w3.org/2000/svg", "");
    for asked in ["http:", "https:", "src=", "href=", "url(", "<script"] {
        assert!(!elsewhere.contains(asked), "{asked}");
    }
    assert!(html.contains("API_KEY_CACHE") && html.contains("</svg>"));
    assert!(std::fs::read_to_string(&markdown).unwrap().contains("worth"));

    let card = folder.path().join("card.md");
    std::fs::write(&card, "# Measured\n").unwrap();
    let mut command = bare(folder.path());
    command.args([
        "report",
        "--from",
        json.parent().unwrap().to_str().unwrap(),
        "--card",
        card.to_str().unwrap(),
    ]);
    let told = run(command, "").await;
    assert_eq!(told.code, Some(0), "{}", told.told);
    let card = std::fs::read_to_string(&card).unwrap();
    assert!(card.starts_with("# Measured\n") && card.contains("| `API_KEY_CACHE` |"), "{card}");
    assert!(card.contains("MISSING: there is no result of `portico baseline`"), "{card}");
    postgres.stop();
}
