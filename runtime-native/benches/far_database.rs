//! What the switches are worth where the database is far away: a sign-in with all of them on against all off, one after the other in one run, on a
//! Postgres behind a proxy that adds distance.
//!
//! `cargo bench -p portico --bench far_database -- [--sign-ins 60] [--round-trip-ms 20] [--cost 10] [--pause-ms 0]`
//!
//! `--pause-ms 1500` shows sign-ins that find their connection idle for so long that it is asked whether it still holds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

mod figures;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use figures::{is_wanted, median, millis, option, percentile};
use portico_tests::{
    delay::{self, Traffic},
    harness::postgres::Postgres,
};
use support::{PASSWORD, Place, Server};
use tokio::net::TcpListener;

const SWITCHES: [&str; 6] =
    ["SECRET_CACHE", "DEFERRED_WRITES", "PARALLEL_LOGIN", "PREWARM", "LAZY_PASSWORDS", "RESPONSE_CACHE"];

fn main() {
    if !is_wanted() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

/// A server, the distance to its database, and what its sign-ins took.
struct Side {
    name: &'static str,
    server: Server,
    traffic: Arc<Traffic>,
    total: Vec<f64>,
    database: Vec<f64>,
    statements: Vec<f64>,
}

async fn run() {
    let sign_ins = option("sign-ins", 60);
    let round_trip = Duration::from_millis(option("round-trip-ms", 20));
    let cost = u32::try_from(option("cost", 10)).unwrap();
    let pause = Duration::from_millis(option("pause-ms", 0));
    let postgres = Postgres::start().await.unwrap();
    let mut sides = [
        side(&postgres, "all on", round_trip, cost, true).await,
        side(&postgres, "all off", round_trip, cost, false).await,
    ];
    for side in &mut sides {
        for _ in 0..3 {
            side.sign_in().await;
        }
        side.forget();
    }
    let mut bare = Vec::new();
    let hash = bcrypt::hash_with_salt(PASSWORD, cost, [7; 16]).unwrap().to_string();
    for _ in 0..sign_ins {
        tokio::time::sleep(pause).await;
        for side in &mut sides {
            side.sign_in().await;
        }
        let began = Instant::now();
        assert!(bcrypt::verify(PASSWORD, &hash).unwrap());
        bare.push(millis(began.elapsed()));
    }
    let bare = median(&bare);
    println!(
        "a round trip to the database takes {} ms, one bcrypt verification {bare:.1} ms",
        round_trip.as_millis()
    );
    println!(
        "switches   p50 ms   p95 ms   beside the hash ms   database ms   statements in the answer's path"
    );
    for side in &sides {
        println!(
            "{:<8}   {:>6.1}   {:>6.1}   {:>18.1}   {:>11.1}   {:>10}",
            side.name,
            median(&side.total),
            percentile(&side.total, 95.0),
            median(&side.total) - bare,
            median(&side.database),
            median(&side.statements),
        );
    }
    let [on, off] = &sides;
    println!(
        "all off / all on: p50 × {:.2}, beside the hash × {:.2}, statements × {:.0}",
        median(&off.total) / median(&on.total),
        (median(&off.total) - bare) / (median(&on.total) - bare),
        median(&off.statements) / median(&on.statements),
    );
    for side in sides {
        println!(
            "{}: {} connections, {} round trips, the writes behind the answers included",
            side.name,
            side.traffic.connections(),
            side.traffic.round_trips()
        );
        side.server.stop().await;
    }
    postgres.stop();
}

async fn side(postgres: &Postgres, name: &'static str, round_trip: Duration, cost: u32, on: bool) -> Side {
    let database = postgres.create_database("far").await.unwrap();
    let near = Place::on_postgres(&database);
    near.migrate().await;
    let made =
        near.run(&["user", "create", "--email", "ada@example.com", "--password-stdin"], PASSWORD).await;
    assert_eq!(made.code, Some(0), "{}", made.told);

    let traffic = Arc::new(Traffic::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = format!("127.0.0.1:{}", database.url.port().unwrap_or(5432)).parse().unwrap();
    tokio::spawn(delay::serve(listener, upstream, round_trip / 2, Arc::clone(&traffic)));
    let mut far = Place::on_sqlite().unlimited().with("PORTICO_BCRYPT_COST", &cost.to_string());
    far.database_url.clone_from(&{
        let mut url = database.url.clone();
        url.set_port(Some(port)).unwrap();
        url.to_string()
    });
    for switch in SWITCHES {
        far = far.with(&format!("PORTICO_FLOW_{switch}"), if on { "on" } else { "off" });
    }
    let server = far.start(if on { "bench-far-on" } else { "bench-far-off" }).await;
    Side { name, server, traffic, total: Vec::new(), database: Vec::new(), statements: Vec::new() }
}

impl Side {
    async fn sign_in(&mut self) {
        let began = Instant::now();
        let answer = self.server.login("ada@example.com").await;
        assert_eq!(answer.status(), 200);
        let timing = answer.headers()["server-timing"].to_str().unwrap().to_owned();
        answer.bytes().await.unwrap();
        self.total.push(millis(began.elapsed()));
        let database = timing.split(", ").find(|part| part.starts_with("db;")).unwrap();
        let after = |mark: &str, end: char| {
            database.split(mark).nth(1).unwrap().split(end).next().unwrap().parse().unwrap()
        };
        self.database.push(after("dur=", ';'));
        self.statements.push(after("desc=\"", '"'));
    }

    fn forget(&mut self) {
        self.total.clear();
        self.database.clear();
        self.statements.clear();
    }
}
