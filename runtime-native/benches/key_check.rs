//! What a request costs beside a bare axum handler that answers the same bytes, in one run, in short turns, so that whatever else the machine does meets all of them
//! alike. Server and load generator share the machine.
//!
//! `cargo bench -p portico --bench key_check -- [--rounds 5] [--seconds 4] [--clients 64] [--threads 1] [--keys 1000] [--off] [--health | --books] [--beside BINARY] [--wrk] [--json FILE]`
//!
//! Asked is `GET /api/v1/auth/me` with an API key and every guard on; with `--health` `/health`, which no guard stands before; with `--books` a list of 20 books that is in
//! the cache. Of: the bare handler; Portico as it is installed, which writes a log line for each request (into a file); the same with those lines off
//! (`PORTICO_LOG=info,portico::request=warn`); with `--off` also one without the cache that the route uses; with `--beside` another `portico`, such as an earlier version's. `--wrk` lets wrk make the load, with one key. `--json` writes the
//! figures for `portico report` as well.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

mod figures;
mod load;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fs::{File, OpenOptions},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use figures::{flag, is_wanted, median, option, text_option};
use load::{Asked, Load, Round, bare, wrk};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{PASSWORD, Place, client, read, until};

/// Set in the process that is the bare server: the bytes it answers.
const BARE: &str = "PORTICO_BENCH_BARE";
/// How long one is asked before the next has its turn. wrk counts in whole seconds.
const TURN: Duration = Duration::from_millis(250);
const TURN_OF_WRK: Duration = Duration::from_secs(1);
/// Headers that both servers' HTTP layer writes by itself.
const WRITTEN_BY_HYPER: [&str; 2] = ["content-length", "date"];

fn main() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(answer) = std::env::var(BARE) {
        return runtime().block_on(bare::serve(&answer));
    }
    if is_wanted() {
        runtime().block_on(run());
    }
}

/// One of those that are asked in turn.
struct Contender {
    name: &'static str,
    child: Child,
    load: Load,
    /// Emptied after each round.
    log: Option<File>,
    place: Option<Place>,
    rounds: Vec<Round>,
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Contender {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends Portico as an operator does, and shows what it said last where that went wrong.
    async fn stop(mut self) {
        if self.place.is_none() {
            return;
        }
        kill_process(self.pid(), Signal::TERM).unwrap();
        until("it has ended", || self.child.try_wait().unwrap().is_some()).await;
        assert!(self.child.wait().unwrap().success(), "{}", self.name);
    }
}

struct Options {
    rounds: u64,
    span: Duration,
    connections: usize,
    threads: usize,
    keys: usize,
    route: Route,
}

/// What is asked.
struct Route {
    name: &'static str,
    path: &'static str,
    /// The switch of the cache that it is answered from.
    cache: Option<&'static str>,
}

impl Route {
    const KEY: Self =
        Self { name: "key", path: "/api/v1/auth/me", cache: Some("PORTICO_FLOW_API_KEY_CACHE") };
    const HEALTH: Self = Self { name: "health", path: "/health", cache: None };
    const BOOKS: Self =
        Self { name: "books", path: "/api/v1/books?limit=20", cache: Some("PORTICO_FLOW_RESPONSE_CACHE") };
}

async fn run() {
    let size = |name, default| usize::try_from(option(name, default)).unwrap();
    let options = Options {
        rounds: option("rounds", 5),
        span: Duration::from_secs(option("seconds", 4)),
        connections: size("clients", 64),
        threads: size("threads", 1),
        keys: size("keys", 1_000),
        route: match (flag("health"), flag("books")) {
            (true, _) => Route::HEALTH,
            (_, true) => Route::BOOKS,
            _ => Route::KEY,
        },
    };
    let mut contenders = vec![
        portico("portico, logging requests", &[], &options).await,
        portico(
            "portico, requests unlogged",
            &[("PORTICO_LOG", "info,portico::request=warn,sqlx=warn")],
            &options,
        )
        .await,
    ];
    if let (true, Some(switch)) = (flag("off"), options.route.cache) {
        contenders.push(portico("portico, cache off", &[(switch, "off")], &options).await);
    }
    if let Some(other) = text_option("beside") {
        contenders.push(portico_of(Some(&other), "portico of --beside", &[], &options).await);
    }
    contenders.insert(0, bare_server(&contenders[0].load, &options).await);

    let wrk = flag("wrk");
    for contender in &contenders {
        measure(contender, Duration::from_secs(1), wrk).await;
    }
    println!("{:<28} {:>8} {:>9} {:>8} {:>8}", "", "req/s", "CPU µs", "p50 ms", "p99 ms");
    let turn = if wrk { TURN_OF_WRK } else { TURN };
    let turns = options.span.as_millis().div_ceil(turn.as_millis());
    for number in 1..=options.rounds {
        let mut asked = vec![Asked::default(); contenders.len()];
        for _ in 0..turns {
            for (contender, asked) in contenders.iter().zip(&mut asked) {
                asked.add(measure(contender, turn, wrk).await);
                if let Some(log) = &contender.log {
                    log.set_len(0).unwrap();
                }
            }
        }
        for (contender, asked) in contenders.iter_mut().zip(asked) {
            let round = asked.round();
            print_round(&format!("{number} {}", contender.name), round);
            contender.rounds.push(round);
        }
    }
    println!();
    let bare = contenders[0].rounds.clone();
    for contender in &contenders {
        print_summary(contender, &bare);
    }
    if let Some(path) = text_option("json") {
        // `cargo bench` starts in the package's folder, and whoever types a path means their own.
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path);
        std::fs::write(path, figures_of(&contenders, &options).to_string()).unwrap();
    }
    for contender in contenders {
        contender.stop().await;
    }
}

async fn measure(contender: &Contender, span: Duration, wrk: bool) -> Asked {
    let (load, pid) = (contender.load.clone(), contender.pid());
    let work = move || if wrk { wrk::run(&load, span, pid) } else { load.run(span, pid) };
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn print_round(name: &str, round: Round) {
    let Round { per_second, cpu_micros, p50_ms, p99_ms } = round;
    println!("{name:<28} {per_second:>8.0} {cpu_micros:>9.2} {p50_ms:>8.3} {p99_ms:>8.3}");
}

/// The medians of a contender, and its throughput beside the bare handler's of the same rounds: median, least and most.
struct Summary {
    middle: Round,
    of_bare: [f64; 3],
}

impl Summary {
    fn of(contender: &Contender, bare: &[Round]) -> Self {
        let middle = |of: fn(&Round) -> f64| median(&contender.rounds.iter().map(of).collect::<Vec<_>>());
        let mut ratios: Vec<f64> =
            contender.rounds.iter().zip(bare).map(|(ours, bare)| ours.per_second / bare.per_second).collect();
        ratios.sort_by(f64::total_cmp);
        Self {
            middle: Round {
                per_second: middle(|round| round.per_second),
                cpu_micros: middle(|round| round.cpu_micros),
                p50_ms: middle(|round| round.p50_ms),
                p99_ms: middle(|round| round.p99_ms),
            },
            of_bare: [median(&ratios), ratios[0], ratios[ratios.len() - 1]],
        }
    }
}

fn print_summary(contender: &Contender, bare: &[Round]) {
    let Summary { middle, of_bare } = Summary::of(contender, bare);
    let [ratio, least, most] = of_bare.map(|ratio| ratio * 100.0);
    println!(
        "{:<28} {:>8.0}/s = {ratio:>5.1} % of bare ({least:.1}–{most:.1}), CPU {:>5.2} µs, p50 {:.3} ms, p99 {:.3} ms",
        contender.name, middle.per_second, middle.cpu_micros, middle.p50_ms, middle.p99_ms,
    );
}

/// The same for a program to read.
fn figures_of(contenders: &[Contender], options: &Options) -> Value {
    let bare = &contenders[0].rounds;
    let who: Vec<_> = contenders
        .iter()
        .map(|contender| {
            let Summary { middle, of_bare: [ratio, least, most] } = Summary::of(contender, bare);
            json!({
                "name": contender.name, "per_second": middle.per_second, "cpu_micros": middle.cpu_micros,
                "p50_ms": middle.p50_ms, "p99_ms": middle.p99_ms, "of_bare": ratio, "least": least, "most": most,
            })
        })
        .collect();
    json!({
        "kind": "bare", "route": options.route.name, "path": options.route.path, "rounds": options.rounds,
        "connections": options.connections, "who": who,
    })
}

async fn portico(name: &'static str, settings: &[(&str, &str)], options: &Options) -> Contender {
    portico_of(None, name, settings, options).await
}

/// Starts Portico on an `SQLite` file with a person and their keys, each with a rate limit of its own that is asked and never met.
async fn portico_of(
    binary: Option<&str>,
    name: &'static str,
    settings: &[(&str, &str)],
    options: &Options,
) -> Contender {
    // Making the keys counts for their maker's account; showing them doesn't.
    let place = Place::on_sqlite().unlimited().with("PORTICO_LIMIT_ACCOUNT", "off");
    let place = place.with("PORTICO_LOG_FORMAT", "json");
    let place = settings.iter().fold(place, |place, (name, value)| place.with(name, value));
    let made =
        place.run(&["user", "create", "--email", "ada@example.com", "--password-stdin"], PASSWORD).await;
    assert_eq!(made.code, Some(0), "{}", made.told);
    if options.route.name == Route::BOOKS.name {
        let seeded =
            place.run(&["seed", "--only", "books", "--users", "1", "--books", "1000", "--force"], "").await;
        assert_eq!(seeded.code, Some(0), "{}", seeded.told);
    }
    let path = place.home().join("log");
    let log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let mut command = place.command(&["serve"]).into_std();
    if let Some(binary) = binary {
        command = the_same_of(binary, &command);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.try_clone().unwrap());
    let child = command.spawn().unwrap();
    let address = listening(path).await;

    let http = client();
    let base = format!("http://{address}");
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    let tokens =
        read(support::post(&http, &format!("{base}/api/v1/auth/login"), &login).await.unwrap()).await;
    let bearer = tokens["access_token"].as_str().unwrap();
    let mut requests = Vec::with_capacity(options.keys);
    for number in 0..options.keys {
        let body = json!({
            "name": format!("key {number}"), "scopes": ["models:read"],
            "rate_limit": { "limit": 1_000_000, "window_seconds": 1 },
        });
        let request = http.post(format!("{base}/api/v1/api-keys")).bearer_auth(bearer);
        let answer = request.header("content-type", "application/json").body(body.to_string()).send().await;
        let answer = read(answer.unwrap()).await;
        requests.push(format!(
            "GET {} HTTP/1.1\r\nhost: {address}\r\nuser-agent: portico-bench/1\r\naccept: */*\r\nx-api-key: {}\r\n\r\n",
            options.route.path,
            answer["key"].as_str().unwrap()
        ));
    }
    let url = format!("{base}{}", options.route.path);
    let key = |request: &str| request.split_once("x-api-key: ").unwrap().1.trim().to_owned();
    let (mut costs, mut body) = (Vec::new(), 0);
    for _ in 0..2 {
        let answer = http.get(&url).header("x-api-key", key(&requests[0])).send().await.unwrap();
        costs.push(answer.headers()["server-timing"].to_str().unwrap().to_owned());
        body = answer.text().await.unwrap().len();
    }
    println!("{name}: first request {}; second {}", costs[0], costs[1]);
    // Every key is in memory before anything is measured.
    for request in &requests {
        http.get(&url).header("x-api-key", key(request)).send().await.unwrap().error_for_status().unwrap();
    }
    let load = Load {
        address,
        requests: Arc::new(requests.into_iter().map(String::into_bytes).collect()),
        body,
        connections: options.connections,
        threads: options.threads,
    };
    Contender { name, child, load, log: Some(log), place: Some(place), rounds: Vec::new() }
}

/// The command with another program.
fn the_same_of(binary: &str, command: &std::process::Command) -> std::process::Command {
    let mut other = std::process::Command::new(binary);
    other.env_clear().args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}

/// The address in the log's line `listening`.
async fn listening(path: PathBuf) -> SocketAddr {
    let mut found = None;
    until("it listens", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        found = lines
            .filter(|line| line["message"] == "listening")
            .find_map(|line| line["address"].as_str()?.trim_start_matches("http://").parse().ok());
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// Starts the bare server on what Portico answers: the same headers and body.
async fn bare_server(model: &Load, options: &Options) -> Contender {
    let request = String::from_utf8(model.requests[0].clone()).unwrap();
    let key = request.split_once("x-api-key: ").unwrap().1.trim().to_owned();
    let url = format!("http://{}{}", model.address, options.route.path);
    let answer = client().get(&url).header("x-api-key", key).send().await.unwrap();
    let headers: Vec<_> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !WRITTEN_BY_HYPER.contains(&name.as_str()))
        .map(|(name, value)| json!([name.as_str(), value.to_str().unwrap()]))
        .collect();
    let bytes: usize =
        answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let (count, body) = (headers.len(), answer.text().await.unwrap());
    println!(
        "bare: answers {count} headers and what hyper adds, {bytes} bytes, and a body of {}",
        body.len()
    );
    let path = options.route.path.split('?').next().unwrap();
    let answer = json!({ "path": path, "headers": headers, "body": body });
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.env_clear().env(BARE, answer.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let address = line.trim().trim_start_matches("listening on http://").parse().unwrap();
    let load = Load { address, body: body.len(), ..model.clone() };
    Contender { name: "bare axum", child, load, log: None, place: None, rounds: Vec::new() }
}
