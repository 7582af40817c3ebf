//! The same load by wrk, for who trusts that more.

use std::time::Duration;

use rustix::process::Pid;

use super::{Asked, Load, cpu_micros};

/// Asks with the first key. Of its latencies, wrk tells the middle one and the 99th of a hundred.
pub fn run(load: &Load, span: Duration, pid: Pid) -> Asked {
    let request = String::from_utf8(load.requests[0].clone()).unwrap();
    let (path, headers) = request.split_once(" HTTP/1.1\r\n").unwrap();
    let path = path.trim_start_matches("GET ");
    let mut command = std::process::Command::new("wrk");
    command.args(["--latency", &format!("-c{}", load.connections), &format!("-t{}", load.threads)]);
    command.arg(format!("-d{}", span.as_secs()));
    for header in headers.lines().filter(|line| !line.is_empty() && !line.starts_with("host")) {
        command.args(["-H", header]);
    }
    let before = cpu_micros(pid);
    let output = command.arg(format!("http://{}{path}", load.address)).output().unwrap();
    let cpu_micros = cpu_micros(pid) - before;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !text.contains("Non-2xx"), "{text}");
    let line = |mark: &str| text.lines().map(str::trim).find(|line| line.contains(mark)).unwrap();
    let nanos = |mark: &str| {
        let text = line(mark).trim_start_matches(mark).trim();
        let digits = text.trim_end_matches(char::is_alphabetic);
        let unit = match &text[digits.len()..] {
            "us" => 1_000.0,
            "ms" => 1_000_000.0,
            _ => 1_000_000_000.0,
        };
        Duration::from_secs_f64(digits.parse::<f64>().unwrap() * unit / 1e9).as_nanos()
    };
    let (requests, seconds) = line(" requests in").split_once(" requests in").unwrap();
    let requests: usize = requests.parse().unwrap();
    let seconds = seconds.split(',').next().unwrap().trim().trim_end_matches('s').parse().unwrap();
    let [middle, late] = [nanos("50%"), nanos("99%")].map(|nanos| u32::try_from(nanos).unwrap_or(u32::MAX));
    let times =
        (0..requests).map(|number| if number * 100 < requests * 98 { middle } else { late }).collect();
    Asked { times, seconds, cpu_micros }
}
