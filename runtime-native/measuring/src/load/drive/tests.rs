//! The driver against small servers whose delays are known, and against `wrk`.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant as Moment,
};

use super::*;
use crate::load::{MOST_ANSWER_BYTES, Request, Stage};

/// How a small server behaves.
#[derive(Debug, Clone, Copy, Default)]
struct Ways {
    /// After which each request is answered.
    delay: Duration,
    /// When, after the first request, it stands still, and how long.
    stall: Option<(Duration, Duration)>,
    /// How many bytes each answer has.
    bytes: usize,
    /// Closes after so many answers on a connection.
    closes_after: Option<usize>,
}

struct Small {
    url: Url,
    served: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Small {
    async fn start(ways: Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let (served, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&served), Arc::clone(&connections));
        tokio::spawn(async move {
            let mut first = None;
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                counts.1.fetch_add(1, Ordering::Relaxed);
                let first = *first.get_or_insert_with(Moment::now);
                tokio::spawn(serve(stream, ways, first, Arc::clone(&counts.0)));
            }
        });
        let url = Url::parse(&format!("http://{address}/")).unwrap();
        Self { url, served, connections }
    }

    async fn run(&self, plan: &Plan) -> Outcome {
        let source = Arc::new(|_: u64| Request::get("GET /", "/"));
        run(&self.url, source, plan, None).await.unwrap()
    }
}

async fn serve(mut stream: TcpStream, ways: Ways, first: Moment, served: Arc<AtomicUsize>) {
    stream.set_nodelay(true).unwrap();
    let body = "x".repeat(ways.bytes);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nserver-timing: total;dur=1, db;dur=1;desc=\"3\"\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut received = Vec::new();
    for number in 1.. {
        while !received.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut received).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        received.clear();
        if !ways.delay.is_zero() {
            tokio::time::sleep(ways.delay).await;
        }
        if let Some((after, long)) = ways.stall
            && (after..after + long).contains(&first.elapsed())
        {
            tokio::time::sleep_until(first + after + long).await;
        }
        served.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(answer.as_bytes()).await.is_err() || ways.closes_after == Some(number) {
            return;
        }
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn without_warm_up(plan: Plan) -> Plan {
    Plan { warm_up: Duration::ZERO, ..plan }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_delay_is_what_is_measured() {
    let server = Small::start(Ways { delay: ms(20), ..Ways::default() }).await;
    let outcome = server.run(&Plan { warm_up: ms(500), ..Plan::open(200.0, ms(2_000)) }).await;
    assert_eq!((outcome.requests, outcome.failed()), (400, 0), "{:?}", outcome.errors);
    // Never less; how much more is the machine's.
    assert!(outcome.latency.p50 >= 20.0 && outcome.latency.p50 < 60.0, "{:?}", outcome.latency);
    assert_eq!((outcome.statements.max, outcome.statements.count), (3, 400));
    assert_eq!(outcome.statuses["GET /"][&200], 400);
    // The warm-up was sent and isn't counted.
    assert_eq!(server.served.load(Ordering::Relaxed), 500);
    assert!(
        outcome.series.len() >= 2 && outcome.series.iter().map(|second| second.requests).sum::<u64>() == 400
    );
    // Five are under way at a time: kept connections carry the others.
    assert!(server.connections.load(Ordering::Relaxed) < 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_is_seen_by_the_open_model_and_hidden_by_the_closed_one() {
    let stalling = Ways { delay: ms(2), stall: Some((ms(1_000), ms(1_000))), ..Ways::default() };
    let open = Small::start(stalling).await.run(&without_warm_up(Plan::open(100.0, ms(4_000)))).await;
    // A quarter of the requests fell into the stall, and waited for half of it on average.
    assert_eq!((open.requests, open.failed()), (400, 0), "{:?}", open.errors);
    assert!(open.latency.max >= 900.0 && open.latency.p99 >= 800.0, "{:?}", open.latency);
    assert!(open.latency.p90 >= 400.0 && open.latency.p50 < 400.0, "{:?}", open.latency);

    let closed = Small::start(stalling).await.run(&without_warm_up(Plan::closed(1, ms(4_000)))).await;
    // One user met it once, among hundreds of requests.
    assert!(closed.requests > 150 && closed.latency.max >= 800.0, "{closed:?}");
    assert!(closed.latency.p99 < 400.0, "{:?}", closed.latency);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_too_many_at_once_is_counted_and_told() {
    let server = Small::start(Ways { delay: ms(400), ..Ways::default() }).await;
    let plan = Plan { most_in_flight: 10, ..without_warm_up(Plan::open(100.0, ms(1_000))) };
    let outcome = server.run(&plan).await;
    assert_eq!(outcome.requests, 100);
    let unsent = outcome.errors["not sent"];
    assert!((60..100).contains(&unsent), "{unsent}");
    assert_eq!(u64::try_from(server.served.load(Ordering::Relaxed)).unwrap(), 100 - unsent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_is_given_up_and_counts_as_long() {
    let server = Small::start(Ways { delay: ms(60_000), ..Ways::default() }).await;
    let plan = Plan { request_time_limit: ms(300), ..without_warm_up(Plan::open(20.0, ms(1_000))) };
    let began = Instant::now();
    let outcome = server.run(&plan).await;
    assert!(began.elapsed() < ms(20_000));
    assert_eq!((outcome.errors["timed out"], outcome.requests), (20, 20));
    assert!(outcome.latency.p50 >= 299.0 && outcome.latency.count == 20, "{:?}", outcome.latency);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_closes_are_opened_anew() {
    let server = Small::start(Ways { delay: ms(1), closes_after: Some(3), ..Ways::default() }).await;
    let outcome = server.run(&without_warm_up(Plan::open(100.0, ms(1_000)))).await;
    assert_eq!((outcome.requests, outcome.failed()), (100, 0), "{:?}", outcome.errors);
    assert!(server.connections.load(Ordering::Relaxed) >= 33);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_too_large_is_an_error() {
    let server = Small::start(Ways { bytes: MOST_ANSWER_BYTES + 1, ..Ways::default() }).await;
    let outcome = server.run(&without_warm_up(Plan::open(2.0, ms(1_000)))).await;
    assert_eq!((outcome.errors["answer too large"], outcome.requests), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stages_and_people_come_as_often_as_was_said() {
    let server = Small::start(Ways::default()).await;
    let stage = |per_second, millis| Stage { per_second, over: ms(millis) };
    let stages = vec![stage(200.0, 1_000), stage(200.0, 500), stage(0.0, 1_000)];
    let outcome = server.run(&Plan::new(Arrival::Stages(stages), Duration::ZERO)).await;
    assert!((299..=301).contains(&outcome.requests), "{}", outcome.requests);
    assert!(outcome.seconds >= 2.5);

    let people = Arrival::People { users: 20, pause: ms(100) };
    let outcome = server.run(&without_warm_up(Plan::new(people, ms(2_000)))).await;
    // Twenty people ten times a second for two seconds, and fewer on a slow machine.
    assert!((100..=440).contains(&outcome.requests), "{}", outcome.requests);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_named() {
    // Bound and given back: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let told = async |url: &str| {
        let source = Arc::new(|_: u64| Request::get("GET /", "/"));
        let error = run(&Url::parse(url).unwrap(), source, &Plan::open(1.0, ms(100)), None).await;
        format!("{:#}", error.unwrap_err())
    };
    let refused = told(&format!("http://127.0.0.1:{port}")).await;
    assert!(refused.starts_with(&format!("http://127.0.0.1:{port}/: no server answers there")), "{refused}");
    assert!(told("https://127.0.0.1/").await.contains("only http://"));
    assert!(told("http://no-such-host.invalid/").await.contains("can't be found"));
}

/// How many requests a second `wrk` gets out of a server with so many connections, and the half of them that took longest to.
fn wrk(url: &Url, connections: u32) -> (f64, f64) {
    let connections = format!("-c{connections}");
    let arguments = ["-t1", &connections, "-d3s", "--latency", url.as_str()];
    let output = Command::new("wrk").args(arguments).output();
    let output = output.expect("wrk is there: tests/setup/services.sh installs it");
    let text = String::from_utf8(output.stdout).unwrap();
    let after = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {text}")).trim().to_owned()
    };
    let half = after("50%");
    let (number, unit) = half.split_at(half.find(|letter: char| letter.is_alphabetic()).unwrap());
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1_000.0,
        other => panic!("{other}"),
    };
    (after("Requests/sec:").parse().unwrap(), number.parse::<f64>().unwrap() * factor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_load_comes_to_what_wrk_makes_of_it() {
    // The delay is what decides, so that the two agree also on a busy machine: 32 users, 10 ms each, are 3,200 a second.
    let server = Small::start(Ways { delay: ms(10), bytes: 200, ..Ways::default() }).await;
    let mut tries = Vec::new();
    for _ in 0..5 {
        let url = server.url.clone();
        let asking = tokio::task::spawn_blocking(move || wrk(&url, 32));
        let (theirs, their_half) = asking.await.unwrap();
        let outcome = server.run(&Plan { warm_up: ms(300), ..Plan::closed(32, ms(3_000)) }).await;
        assert_eq!(outcome.failed(), 0, "{:?}", outcome.errors);
        let (rate, half) = (outcome.per_second / theirs, outcome.latency.p50 / their_half);
        if (0.7..1.4).contains(&rate) && (0.7..1.4).contains(&half) {
            return;
        }
        tries.push((rate, half));
    }
    panic!("five times apart from wrk, by these factors of rate and median: {tries:?}");
}
