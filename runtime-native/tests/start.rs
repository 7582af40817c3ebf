//! Starting: from nothing, again, together with others, and on a database that isn't ready for it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use portico_tests::harness::postgres::Postgres;
use serde_json::json;
use support::{Place, data::Data, read};
use tokio::process::Command;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every file and folder below `folder`.
fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test]
async fn nothing_is_needed_and_nothing_is_left_open_to_others() {
    let mut place = Place::on_sqlite();
    // The default: a file in the data directory.
    place.database_url.clear();
    let server = place.start("from-nothing").await;
    let health = server.get("/health").await;
    assert_eq!(health.status(), 200);
    assert!(server.get("/ready").await.status().is_success());
    server.register("ada@example.com").await;

    let data = place.data_dir();
    assert_eq!(mode(&data), 0o700);
    let names: Vec<_> =
        all_below(&data).iter().map(|path| path.strip_prefix(&data).unwrap().display().to_string()).collect();
    for expected in ["jwt-secret", "portico.sqlite", "portico.sqlite-wal", "journal"] {
        assert!(names.iter().any(|name| name == expected), "{expected} in {names:?}");
    }
    for path in all_below(&data) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    server.stop().await;
    let left: Vec<_> =
        all_below(&data).into_iter().filter(|path| path.to_string_lossy().ends_with("-wal")).collect();
    assert!(left.is_empty(), "the database was closed: {left:?}");
}

#[tokio::test]
async fn a_second_start_goes_on_where_the_first_ended() {
    let place = Place::on_sqlite();
    let server = place.start("first-start").await;
    let tokens = server.register("ada@example.com").await;
    server.stop().await;
    let secret = fs::read_to_string(place.data_dir().join("jwt-secret")).unwrap();

    let server = place.start("second-start").await;
    assert_eq!(fs::read_to_string(place.data_dir().join("jwt-secret")).unwrap(), secret);
    let me = server
        .http
        .get(format!("{}/api/v1/auth/me", server.address))
        .bearer_auth(tokens["access_token"].as_str().unwrap());
    assert_eq!(read(me.send().await.unwrap()).await["email"], "ada@example.com");
    let renewed =
        server.post("/api/v1/auth/refresh", &json!({ "refresh_token": tokens["refresh_token"] })).await;
    assert_eq!(renewed.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn a_secret_that_others_could_read_stops_the_start() {
    let place = Place::on_sqlite();
    place.start("secret-made").await.stop().await;
    let file = place.data_dir().join("jwt-secret");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = place.run(&["serve"], "").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.told.contains("mode 644") && !ended.told.contains("listening"), "{}", ended.told);
}

#[tokio::test]
async fn one_data_directory_has_one_server() {
    let place = Place::on_sqlite();
    let server = place.start("only-one").await;
    let ended = place.run(&["serve"], "").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.told.contains("journal"), "{}", ended.told);
    assert_eq!(server.get("/ready").await.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_said() {
    let place = Place::on_sqlite();
    let server = place.start("port-taken").await;
    let address = server.address.trim_start_matches("http://").to_owned();
    let ended = Place::on_sqlite().with("PORTICO_LISTEN", &address).run(&["serve"], "").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.told.contains(&address) && ended.told.contains("PORTICO_LISTEN"), "{}", ended.told);
    server.stop().await;
}

#[tokio::test]
async fn postgres_is_migrated_when_asked_and_only_then() {
    let postgres = Postgres::start().await.unwrap();
    let database = postgres.create_database("start").await.unwrap();
    let place = Place::on_postgres(&database);
    let behind = place.run(&["serve"], "").await;
    assert_eq!(behind.code, Some(1));
    assert!(
        behind.told.contains("0001_identity") && behind.told.contains("portico migrate"),
        "{}",
        behind.told
    );
    let early = place
        .run(&["user", "create", "--email", "a@example.com", "--password-stdin"], support::PASSWORD)
        .await;
    assert_eq!(early.code, Some(1));
    assert!(early.told.contains("portico migrate"), "{}", early.told);

    let runs = (0..6).map(|_| place.run(&["migrate"], ""));
    let ended = futures_util::future::join_all(runs).await;
    let applied = ended.iter().filter(|ended| ended.said.contains("applied 0001_identity")).count();
    assert!(
        ended.iter().all(|ended| ended.code == Some(0)),
        "{:?}",
        ended.iter().map(|e| &e.told).collect::<Vec<_>>()
    );
    assert_eq!(applied, 1, "six at once, and one of them did it");
    let again = place.run(&["migrate"], "").await;
    assert_eq!((again.code, again.said.contains("applied")), (Some(0), false), "{}", again.said);
    place.start("after-migrate").await.stop().await;
    let prewarm = place.run(&["prewarm"], "").await;
    assert_eq!(prewarm.code, Some(0));
    assert!(
        prewarm.said.contains("answered") && !prewarm.said.contains("for-local-tests-only"),
        "{}",
        prewarm.said
    );

    let second = postgres.create_database("start").await.unwrap();
    let place = Place::on_postgres(&second);
    let server = place.start_with("serve-migrates", &["serve", "--migrate"]).await;
    server.register("ada@example.com").await;
    server.stop().await;
}

#[tokio::test]
async fn an_sqlite_file_takes_many_first_starts() {
    let place = Place::on_sqlite();
    let ended = futures_util::future::join_all((0..6).map(|_| place.run(&["migrate"], ""))).await;
    assert!(
        ended.iter().all(|ended| ended.code == Some(0)),
        "{:?}",
        ended.iter().map(|e| &e.told).collect::<Vec<_>>()
    );
    let applied = ended.iter().filter(|ended| ended.said.contains("applied 0001_identity")).count();
    assert_eq!(applied, 1);
    let mut data = Data::open(&place.database_url).await;
    assert_eq!(data.sessions().await, 0);
}

#[tokio::test]
async fn a_reader_of_the_log_that_stops_reading_stops_nothing() {
    let place = Place::on_sqlite().with("PORTICO_LOG", "trace");
    let mut command: Command = place.command(&["serve"]);
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = tokio::io::BufReader::new(child.stderr.take().unwrap());
    let mut address = None;
    while address.is_none() {
        let mut line = String::new();
        tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line).await.unwrap();
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        address = (record["message"] == "listening").then(|| record["address"].as_str().unwrap().to_owned());
    }
    let url = format!("{}/health", address.unwrap());
    let http = support::client();
    // Far more than a pipe holds.
    for _ in 0..3_000 {
        assert_eq!(http.get(&url).timeout(Duration::from_secs(5)).send().await.unwrap().status(), 200);
    }
    child.kill().await.unwrap();
}
