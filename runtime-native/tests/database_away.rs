//! With its database away, the server lives, says so, refuses nobody as a person, and recovers by itself.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use portico_tests::{
    delay::{self, Traffic},
    harness::postgres::Postgres,
};
use serde_json::json;
use support::{PASSWORD, Place, Server, data::Data, eventually, read};
use tokio::{net::TcpListener, runtime::Runtime};
use url::Url;

/// A way to the database that can be cut, with all connections on it, and mended.
struct Way {
    to: SocketAddr,
    address: SocketAddr,
    running: Option<Runtime>,
}

impl Way {
    async fn to(database: &Url) -> Self {
        let to = format!("127.0.0.1:{}", database.port().unwrap_or(5432)).parse().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { to, address: port.local_addr().unwrap(), running: None }
    }

    fn mend(&mut self) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (to, address) = (self.to, self.address);
        runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            delay::serve(listener, to, Duration::ZERO, Arc::new(Traffic::default())).await
        });
        self.running = Some(runtime);
    }

    fn cut(&mut self) {
        self.running.take().unwrap().shutdown_background();
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

async fn is_away(server: &Server) {
    assert_eq!(server.get("/health").await.status(), 200);
    let asked = [
        server.get("/ready").await,
        server.login("ada@example.com").await,
        server
            .post("/api/v1/auth/register", &json!({ "email": "eve@example.com", "password": PASSWORD }))
            .await,
    ];
    for answer in asked {
        assert_eq!(answer.status(), 503);
        let problem = read(answer).await;
        assert_eq!(problem["code"], "unavailable", "{problem}");
        let text = problem.to_string();
        assert!(!text.contains("127.0.0.1") && !text.contains("refused"), "{text}");
    }
}

async fn recovers(server: &Server) {
    eventually("the server is ready", || async { server.get("/ready").await.status() == 200 }).await;
    assert_eq!(server.login("ada@example.com").await.status(), 200);
}

#[tokio::test]
async fn at_the_start_and_in_the_middle() {
    let postgres = Postgres::start().await.unwrap();
    let database = postgres.create_database("away").await.unwrap();
    let direct = Place::on_postgres(&database);
    direct.migrate().await;
    let made =
        direct.run(&["user", "create", "--email", "ada@example.com", "--password-stdin"], PASSWORD).await;
    assert_eq!(made.code, Some(0), "{}", made.told);

    let mut way = Way::to(&database.url).await;
    let mut url = database.url.clone();
    url.set_port(Some(way.address.port())).unwrap();
    let mut place = Place::on_sqlite().unlimited().with("PORTICO_DATABASE_ACQUIRE_WAIT", "1s");
    place.database_url = url.to_string();

    let server = place.start("away").await;
    is_away(&server).await;
    way.mend();
    recovers(&server).await;

    // A sign-in whose writes meet the cut is written afterwards.
    let mut data = Data::open(database.url.as_str()).await;
    eventually("the sign-in is written", || async {
        Data::open(database.url.as_str()).await.sessions().await == 1
    })
    .await;
    data.hold_writes().await;
    assert_eq!(server.login("ada@example.com").await.status(), 200);
    data.wait_for_a_held_writer().await;
    way.cut();
    data.release_writes().await;
    is_away(&server).await;
    assert_eq!(data.sessions().await, 1);
    way.mend();
    recovers(&server).await;
    eventually("both sign-ins are written", || async {
        Data::open(database.url.as_str()).await.sessions().await == 3
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_schema_that_turns_out_to_be_behind_ends_the_server() {
    let postgres = Postgres::start().await.unwrap();
    let database = postgres.create_database("behind").await.unwrap();
    let mut way = Way::to(&database.url).await;
    let mut url = database.url.clone();
    url.set_port(Some(way.address.port())).unwrap();
    let mut place = Place::on_sqlite().with("PORTICO_DATABASE_ACQUIRE_WAIT", "1s");
    place.database_url = url.to_string();
    let mut server = place.start("behind").await;
    way.mend();
    support::until("the server has ended", || !server.process.runs()).await;
    support::until("its log says why", || server.process.log_tail().contains("portico migrate")).await;
}
