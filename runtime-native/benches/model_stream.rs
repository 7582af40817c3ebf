//! What a stream of many models costs the server: time to the first line, to the last, and memory before, during and after; then the same with a client that reads slowly.
//!
//! `cargo bench -p portico --bench model_stream -- [--models 100000] [--rounds 3]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

mod figures;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use figures::{is_wanted, millis, option};
use rustix::process::Pid;
use support::{Place, Server};

/// How long the slow client waits after each part.
const SLOWNESS: Duration = Duration::from_millis(20);
/// So many parts it reads before it has enough.
const SLOW_PARTS: usize = 100;

fn main() {
    if !is_wanted() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let (models, rounds) = (option("models", 100_000), option("rounds", 3));
    let place = Place::on_sqlite().unlimited();
    let mut lines = String::new();
    for n in 0..models {
        writeln!(
            lines,
            r#"{{"id":"model-{n}","provider":"provider-{}","name":"Model {n}","context_window":128000,"input_cents_per_mtok":15,"output_cents_per_mtok":60,"capabilities":["chat","tools"],"released_at":"20{:02}-01-{:02}"}}"#,
            n % 50,
            10 + n % 15,
            1 + n % 28
        )
        .unwrap();
    }
    let began = Instant::now();
    let imported = place.run(&["models", "import", "-"], &lines).await;
    assert_eq!(imported.code, Some(0), "{}", imported.told);
    println!("{models} models ({} MB) imported in {:.1} s", lines.len() >> 20, began.elapsed().as_secs_f64());

    let server = place.start("model-stream").await;
    let token = server.register("ada@example.com").await["access_token"].as_str().unwrap().to_owned();
    println!("memory: {} kB before", resident(&server));
    for _ in 0..rounds {
        let began = Instant::now();
        let mut answer = ask(&server, &token).await;
        let (mut first, mut streamed, mut most) = (None, 0, 0);
        while let Some(part) = answer.chunk().await.unwrap() {
            first.get_or_insert_with(|| began.elapsed());
            streamed += part.split(|byte| *byte == b'\n').count() - 1;
            most = most.max(resident(&server));
        }
        assert_eq!(u64::try_from(streamed), Ok(models));
        println!(
            "{streamed} lines: the first after {:.1} ms, the last after {:.0} ms; memory {most} kB at most, {} kB after",
            millis(first.unwrap()),
            millis(began.elapsed()),
            resident(&server)
        );
    }
    let (mut answer, mut most) = (ask(&server, &token).await, 0);
    let mut parts = 0;
    // A short list has fewer.
    while parts < SLOW_PARTS && answer.chunk().await.unwrap().is_some() {
        parts += 1;
        tokio::time::sleep(SLOWNESS).await;
        most = most.max(resident(&server));
    }
    assert!(parts > 0);
    println!("a slow client, {parts} parts: memory {most} kB at most");
}

async fn ask(server: &Server, token: &str) -> reqwest::Response {
    let asked = server.http.get(format!("{}/api/v1/models", server.address)).bearer_auth(token);
    let answer = asked.header("accept", "application/x-ndjson").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

fn resident(server: &Server) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", Pid::as_raw(Some(server.process.id())))).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
