//! How long a start takes until the first answer, how much memory the server then has, and how large the binary is.
//!
//! `cargo bench -p portico --bench start -- [--rounds 20]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

mod figures;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use figures::{is_wanted, median, millis, option, percentile};
use portico_tests::harness::process::free_port;
use rustix::process::Signal;
use support::{PORTICO, Place};

/// How long an idle server is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(2);

fn main() {
    if !is_wanted() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let rounds = option("rounds", 20);
    let (mut first, mut again, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let port = free_port().unwrap();
        let place = Place::on_sqlite().with("PORTICO_LISTEN", &format!("127.0.0.1:{port}"));
        for times in [&mut first, &mut again] {
            let began = Instant::now();
            let mut child = place.command(&[]).stderr(std::process::Stdio::null()).spawn().unwrap();
            tokio::task::spawn_blocking(move || first_answer(port)).await.unwrap();
            times.push(millis(began.elapsed()));
            let id = child.id().unwrap();
            if round == 0 {
                tokio::time::sleep(SETTLE).await;
                memory.push(resident_megabytes(id));
            }
            rustix::process::kill_process(
                rustix::process::Pid::from_raw(id.cast_signed()).unwrap(),
                Signal::TERM,
            )
            .unwrap();
            assert!(child.wait().await.unwrap().success());
        }
    }
    println!("from process start to the first answer, {rounds} rounds:");
    println!(
        "  first start, everything to be made   p50 {:>6.1} ms   p95 {:>6.1} ms",
        median(&first),
        percentile(&first, 95.0)
    );
    println!(
        "  second start                         p50 {:>6.1} ms   p95 {:>6.1} ms",
        median(&again),
        percentile(&again, 95.0)
    );
    println!(
        "resident memory, idle: {:.1} MB after the first start, {:.1} MB after the second",
        memory[0], memory[1]
    );
    let bytes = u32::try_from(std::fs::metadata(PORTICO).unwrap().len()).unwrap();
    println!("binary: {:.1} MB", f64::from(bytes) / 1e6);
}

/// Returns once `/health` was answered.
fn first_answer(port: u16) {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: portico\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            return;
        }
        thread::sleep(Duration::from_micros(200));
    }
    panic!("no answer");
}

fn resident_megabytes(id: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: u32 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    f64::from(kibibytes) * 1_024.0 / 1e6
}
