//! Requests that are over before their statement: the statement ends too, and its connection serves again.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Place, Server, data::Data, eventually, postgres, read};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Statements of ours that run or wait.
const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'portico' AND state <> 'idle'";
/// By itself a statement would go on for longer.
const LONG: Duration = Duration::from_secs(60);

async fn registered(server: &Server, place: &Place) -> String {
    let token = server.register("ada@example.com").await["access_token"].as_str().unwrap().to_owned();
    eventually("the registration is written", || async {
        Data::open(&place.database_url).await.sessions().await == 1
    })
    .await;
    token
}

/// Asks for what can't be written just now.
async fn logout_all(server: &Server, token: &str) -> reqwest::Response {
    let url = format!("{}/api/v1/auth/logout-all", server.address);
    server.http.post(url).header("authorization", format!("Bearer {token}")).send().await.unwrap()
}

async fn live_sessions(server: &Server, token: &str) -> usize {
    let url = format!("{}/api/v1/auth/sessions", server.address);
    let asked = server.http.get(url).header("authorization", format!("Bearer {token}"));
    let list: Value = read(asked.send().await.unwrap()).await;
    list["data"].as_array().unwrap().len()
}

async fn nothing_runs(looker: &mut Data) {
    let began = Instant::now();
    while looker.number(RUNNING).await > 0 {
        assert!(began.elapsed() < LONG / 2, "a statement goes on for nobody");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_ends_its_statement_on_postgres() {
    let (_postgres, place) = postgres("overdue").await;
    let place = place
        .with("PORTICO_REQUEST_TIME_LIMIT", "3s")
        .with("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", "10m")
        .with("PORTICO_DATABASE_MAX_CONNECTIONS", "3");
    let server = place.start("overdue").await;
    let token = registered(&server, &place).await;
    let mut looker = Data::open(&place.database_url).await;
    let mut holder = Data::open(&place.database_url).await;
    holder.hold_writes().await;
    let asked = futures_util::future::join_all((0..3).map(|_| logout_all(&server, &token))).await;
    for answer in asked {
        assert_eq!(answer.status(), 504);
        assert_eq!(read(answer).await["code"], "timeout");
    }
    nothing_runs(&mut looker).await;
    drop(holder);
    // Every connection serves, and what was not answered was not done.
    let lists = futures_util::future::join_all((0..6).map(|_| live_sessions(&server, &token))).await;
    assert_eq!(lists, [1; 6]);
    assert_eq!(logout_all(&server, &token).await.status(), 204);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_statement_on_postgres() {
    let (_postgres, place) = postgres("gone").await;
    let place = place
        .with("PORTICO_REQUEST_TIME_LIMIT", "10m")
        .with("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", "10m")
        .with("PORTICO_DATABASE_MAX_CONNECTIONS", "2");
    let server = place.start("gone").await;
    let token = registered(&server, &place).await;
    let mut looker = Data::open(&place.database_url).await;
    let mut holder = Data::open(&place.database_url).await;
    holder.hold_writes().await;
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /api/v1/auth/logout-all HTTP/1.1\r\nhost: portico\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    looker.wait_for_a_held_writer().await;
    drop(stream);
    nothing_runs(&mut looker).await;
    drop(holder);
    assert_eq!(live_sessions(&server, &token).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_write_that_waits_for_another_process_is_504_on_sqlite_and_writing_goes_on_after() {
    let place = Place::on_sqlite().with("PORTICO_REQUEST_TIME_LIMIT", "1s");
    let server = place.start("overdue-sqlite").await;
    let token = registered(&server, &place).await;
    let mut holder = Data::open(&place.database_url).await;
    holder.hold_writes().await;
    let answer = logout_all(&server, &token).await;
    assert_eq!(answer.status(), 504);
    assert_eq!(live_sessions(&server, &token).await, 1, "reading goes on meanwhile");
    holder.release_writes().await;
    eventually("the writer serves again", || async { logout_all(&server, &token).await.status() == 204 })
        .await;
    server.stop().await;
}
