//! Connections to the database that are used up, or refused: what clients and operators are told.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::time::{Duration, Instant};

use portico_tests::harness::postgres::Postgres;
use serde_json::{Value, json};
use support::{PASSWORD, Place, Server, data::Data, eventually, read, until};
use tokio::net::TcpListener;

async fn admin(place: &Place, server: &Server) -> String {
    let create = ["user", "create", "--email", "ada@example.com", "--password-stdin", "--admin"];
    let made = place.run(&create, PASSWORD).await;
    assert_eq!(made.code, Some(0), "{}", made.told);
    read(server.login("ada@example.com").await).await["access_token"].as_str().unwrap().to_owned()
}

async fn database(server: &Server, token: &str) -> Value {
    let asked = server.http.get(format!("{}/api/v1/admin/db", server.address)).bearer_auth(token);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    read(answer).await
}

#[tokio::test]
async fn a_pool_that_is_nearly_used_up_is_told_once_and_shown_while_it_lasts() {
    let (_postgres, place) = support::postgres("pool").await;
    let place = place.unlimited().with("PORTICO_DATABASE_MAX_CONNECTIONS", "2");
    let place = place.with("PORTICO_DATABASE_APPLICATION_NAME", "portico-tried");
    let server = place.start("pool").await;
    let token = admin(&place, &server).await;
    let calm = database(&server, &token).await;
    assert_eq!((&calm["pool"]["max"], &calm["pool"]["warning"]), (&json!(2), &json!(false)));
    assert_eq!((&calm["kind"], &calm["is_away"]), (&json!("postgres"), &json!(false)));

    let mut data = Data::open(&place.database_url).await;
    data.hold_writes().await;
    let url = format!("{}/api/v1/auth/register", server.address);
    let registrations: Vec<_> = (0..4)
        .map(|n| {
            let (http, url) = (server.http.clone(), url.clone());
            let body = json!({ "email": format!("eve{n}@example.com"), "password": PASSWORD });
            tokio::spawn(async move { support::post(&http, &url, &body).await.unwrap().status() })
        })
        .collect();
    eventually("the pool is shown as used up", || async {
        let shown = database(&server, &token).await;
        // With no connection left the database can't be asked, and the answer is there all the same.
        let pool = &shown["pool"];
        pool["warning"] == true && pool["active"] == 2 && pool["ratio"] == 1.0 && shown["is_away"] == true
    })
    .await;
    let told = || server.process.log_tail().matches("more than 80 % of the connections").count();
    until("the log tells of it", || told() == 1).await;
    data.release_writes().await;
    for registration in registrations {
        // Those that found no connection within five seconds were told so.
        assert!([201, 503].contains(&registration.await.unwrap().as_u16()));
    }
    until("the log tells that it is over", || {
        server.process.log_tail().contains("connections to the database are free again")
    })
    .await;
    assert_eq!(told(), 1);
    assert_eq!(database(&server, &token).await["pool"]["warning"], false);
    server.stop().await;
}

#[tokio::test]
async fn while_connections_are_refused_requests_are_told_so_long_before_their_wait_is_over() {
    let postgres = Postgres::start().await.unwrap();
    let database = postgres.create_database("refused").await.unwrap();
    // A port where nothing listens any more.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut url = database.url.clone();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(closed.port())).unwrap();
    let mut place = Place::on_sqlite().unlimited().with("PORTICO_DATABASE_ACQUIRE_WAIT", "30s");
    place.database_url = url.to_string();
    let server = place.start("refused").await;
    for _ in 0..3 {
        let began = Instant::now();
        let answer = server.login("ada@example.com").await;
        assert_eq!(answer.status(), 503);
        assert_eq!(read(answer).await["code"], "unavailable");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
    server.stop().await;
}
