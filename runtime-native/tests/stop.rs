//! A server that is told to stop under load loses nothing.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;
use support::{PASSWORD, Place, client, data::Data, post, postgres, until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// What clients saw. Whoever could not even connect has lost nothing.
#[derive(Default)]
struct Seen {
    reads: AtomicU32,
    logins: AtomicU32,
    over: AtomicBool,
}

/// Asks again and again until the server is gone; an answer that doesn't come is a failure.
async fn ask(address: String, is_login: bool, seen: Arc<Seen>) {
    let http = client();
    while !seen.over.load(Ordering::Relaxed) {
        let answer = if is_login {
            let body = json!({ "email": "ada@example.com", "password": PASSWORD });
            post(&http, &format!("{address}/api/v1/auth/login"), &body).await
        } else {
            http.get(format!("{address}/ready")).send().await
        };
        match answer {
            Ok(answer) => {
                let status = answer.status();
                answer.bytes().await.expect("a whole answer");
                assert_eq!(status, 200);
                let counter = if is_login { &seen.logins } else { &seen.reads };
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.is_connect() => return,
            Err(error) => panic!("a request was lost: {error:?}"),
        }
    }
}

async fn loses_nothing(place: Place, label: &str) {
    // However busy the machine is, nobody is refused here.
    let place =
        place.unlimited().with("PORTICO_HASH_DEADLINE", "60s").with("PORTICO_SHUTDOWN_TIME_LIMIT", "2m");
    let place = place.with("PORTICO_REQUEST_TIME_LIMIT", "2m");
    let ended =
        place.run(&["user", "create", "--email", "ada@example.com", "--password-stdin"], PASSWORD).await;
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    let server = place.start(label).await;
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for number in 0..12 {
        clients.spawn(ask(server.address.clone(), number % 6 == 0, Arc::clone(&seen)));
    }
    until("the load runs", || {
        seen.logins.load(Ordering::Relaxed) > 6 && seen.reads.load(Ordering::Relaxed) > 100
    })
    .await;
    server.stop().await;
    // Clients that could still connect to nobody have ended by themselves; the others at their next turn.
    seen.over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let mut data = Data::open(&place.database_url).await;
    assert_eq!(
        data.sessions().await,
        i64::from(seen.logins.load(Ordering::Relaxed)),
        "one session for each answer"
    );
}

#[tokio::test]
async fn under_load_on_sqlite() {
    for round in 0..2 {
        loses_nothing(Place::on_sqlite(), &format!("stop-sqlite-{round}")).await;
    }
}

#[tokio::test]
async fn under_load_on_postgres() {
    let (_postgres, place) = postgres("stop").await;
    loses_nothing(place, "stop-postgres").await;
}

#[tokio::test]
async fn a_half_sent_request_is_answered_and_a_silent_connection_holds_nothing_up() {
    let place = Place::on_sqlite();
    let mut server = place.start("stop-half").await;
    let address = server.address.trim_start_matches("http://").to_owned();
    let _silent = TcpStream::connect(&address).await.unwrap();
    let mut half = TcpStream::connect(&address).await.unwrap();
    let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    let head = format!(
        "POST /api/v1/auth/register HTTP/1.1\r\nhost: portico\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    half.write_all(head.as_bytes()).await.unwrap();
    half.write_all(&body.as_bytes()[..10]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    rustix::process::kill_process(server.process.id(), Signal::TERM).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.process.runs(), "it waits for the request under way");
    assert!(TcpStream::connect(&address).await.is_err(), "and takes no new connection");
    half.write_all(&body.as_bytes()[10..]).await.unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    until("it has stopped", || !server.process.runs()).await;
    until("its log says so", || server.process.log_tail().contains("\"stopped\"")).await;
    let mut data = Data::open(&place.database_url).await;
    assert_eq!(data.sessions().await, 1);
}

#[tokio::test]
async fn the_end_has_a_limit_and_what_is_left_is_kept() {
    let place = Place::on_sqlite().with("PORTICO_SHUTDOWN_TIME_LIMIT", "2s");
    let server = place.start("stop-limit").await;
    server.register("ada@example.com").await;
    let mut data = Data::open(&place.database_url).await;
    support::eventually("the registration is written", || async {
        Data::open(&place.database_url).await.sessions().await == 1
    })
    .await;
    data.hold_writes().await;
    assert_eq!(server.login("ada@example.com").await.status(), 200);
    server.stop().await;
    data.release_writes().await;
    assert_eq!(data.sessions().await, 1, "the login's session could not be written");

    let server = place.start("stop-limit-again").await;
    support::eventually("the login's session is written", || async {
        Data::open(&place.database_url).await.sessions().await == 2
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let place = Place::on_sqlite();
    let mut server = place.start("stop-twice").await;
    let address = server.address.trim_start_matches("http://").to_owned();
    let mut half = TcpStream::connect(&address).await.unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: portico\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n";
    half.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..2 {
        rustix::process::kill_process(server.process.id(), Signal::INT).unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    until("it is gone", || !server.process.runs()).await;
    until("its log says so", || server.process.log_tail().contains("a second SIGINT")).await;
}
