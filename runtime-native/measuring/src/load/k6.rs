//! The same load sent by k6, with the figures read from it as it goes.
//!
//! k6 writes a line of CSV for each thing it measures, ten for a request; they are counted as they come, and none is kept.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader, Lines},
    process::Command,
};

use super::{Outcome, connections::Answered, recorder::Recorder};
use crate::probe::Probe;

/// What k6 ends with when a threshold was crossed.
const THRESHOLDS_CROSSED: i32 = 99;
/// How much longer than the load and its last requests k6 may take: to start, to prepare (`setupTimeout` of the scripts is five minutes), to warm up and to end.
const PATIENCE: Duration = Duration::from_secs(360);
/// The scenario whose requests count, as the scripts call it; what prepares and warms up goes by other names.
const COUNTED: &str = "load";

/// What k6 is told.
#[derive(Debug, Clone)]
pub struct K6 {
    /// The program.
    pub program: PathBuf,
    /// The script of the scenario.
    pub script: PathBuf,
    /// What the script reads from `__ENV`.
    pub variables: Vec<(String, String)>,
    /// How long it measures.
    pub duration: Duration,
    /// How long the last requests may take after that.
    pub grace: Duration,
}

/// What k6 came to.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What became of the requests.
    pub outcome: Outcome,
    /// Whether k6 itself found all thresholds of its script held.
    pub holds: bool,
}

impl K6 {
    /// Runs it, and watches the process that `watch` knows meanwhile.
    pub async fn run(&self, watch: Option<&Probe>) -> anyhow::Result<Sent> {
        let mut command = Command::new(&self.program);
        // All that changes the load is what it is told here: `K6_VUS` and the like, of whoever runs this, would do so unseen. What it is told
        // goes by the environment, because everybody on the machine may read a command line, and a token is among it.
        command.env_clear();
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .args([
                "run",
                "--quiet",
                "--no-usage-report",
                "--no-color",
                "--summary-mode=disabled",
                "--include-system-env-vars",
                "--out",
                "csv=-",
            ])
            .args(["--system-tags", "name,method,status,error_code,scenario"])
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("K6_CSV_TIME_FORMAT", "unix_milli")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command.arg(&self.script);
        let program = self.program.display();
        let mut child = command.spawn().with_context(|| format!("running {program}"))?;
        let out = child.stdout.take().context("its output is piped")?;
        let counted = tokio::time::timeout(self.duration + self.grace + PATIENCE, async {
            let counted = count(BufReader::new(out).lines(), watch).await?;
            anyhow::Ok((counted, child.wait().await?))
        });
        let ((recorder, server), status) =
            counted.await.with_context(|| format!("{program} did not end"))??;
        let holds = status.code() != Some(THRESHOLDS_CROSSED);
        if holds && !status.success() {
            bail!("{program} ended with {status}; what it said stands above");
        }
        Ok(Sent { outcome: Outcome { server, ..recorder.outcome(self.duration) }, holds })
    }
}

async fn count(
    mut lines: Lines<BufReader<impl AsyncRead + Unpin>>,
    watch: Option<&Probe>,
) -> anyhow::Result<(Recorder, Vec<crate::probe::Sample>)> {
    let head = loop {
        // Before the head of the table come lines that say what k6 is about to do.
        let line = lines.next_line().await?.context("k6 wrote no figures; what it said stands above")?;
        if line.starts_with("metric_name,") {
            break line;
        }
    };
    let table = Table::of(&head).with_context(|| format!("k6 writes a table of other columns: {head}"))?;
    let (mut recorder, mut watching, mut began) = (Recorder::new(), None, None);
    while let Some(line) = lines.next_line().await? {
        let Some(row) = table.row(&line) else { continue };
        let began = *began.get_or_insert_with(|| {
            watching = watch.map(|probe| probe.watch(Duration::from_secs(1)));
            row.at
        });
        row.record(began, &mut recorder);
    }
    let server = match watching {
        Some(watching) => watching.stop().await,
        None => Vec::new(),
    };
    Ok((recorder, server))
}

/// In which columns things stand.
struct Table {
    metric: usize,
    at: usize,
    value: usize,
    error: usize,
    name: usize,
    scenario: usize,
    status: usize,
}

/// A line that counts.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    metric: &'a str,
    /// Milliseconds since 1970.
    at: u64,
    value: f64,
    error: &'a str,
    name: &'a str,
    status: u16,
}

impl Table {
    fn of(head: &str) -> Option<Self> {
        let place = |name: &str| head.split(',').position(|column| column == name);
        Some(Self {
            metric: place("metric_name")?,
            at: place("timestamp")?,
            value: place("metric_value")?,
            error: place("error_code")?,
            name: place("name")?,
            scenario: place("scenario")?,
            status: place("status")?,
        })
    }

    fn row<'a>(&self, line: &'a str) -> Option<Row<'a>> {
        // None of what the scripts name holds a comma, and what may hold one stands behind.
        let column = |place: usize| line.split(',').nth(place);
        let metric = column(self.metric)?;
        if !matches!(metric, "http_req_duration" | "statements" | "dropped_iterations")
            || column(self.scenario)? != COUNTED
        {
            return None;
        }
        Some(Row {
            metric,
            at: column(self.at)?.parse().ok()?,
            value: column(self.value)?.parse().ok()?,
            error: column(self.error)?,
            name: column(self.name)?,
            status: column(self.status)?.parse().unwrap_or(0),
        })
    }
}

impl Row<'_> {
    fn record(&self, began: u64, recorder: &mut Recorder) {
        let at = Duration::from_millis(self.at.saturating_sub(began));
        match self.metric {
            "dropped_iterations" => {
                for _ in 0..whole(self.value) {
                    recorder.not_sent(at);
                }
            }
            "statements" => recorder.cost(self.name, whole(self.value)),
            _ => {
                // k6's own numbers: 1050 is a request that took too long, 12xx a connection that didn't come about.
                let how = match (self.status, self.error) {
                    (0, "1050") => Err("timed out"),
                    (0, code) if code.starts_with("12") => Err("connect"),
                    (0, _) => Err("broken off"),
                    (status, _) => Ok(Answered { status, statements: None }),
                };
                let took = Duration::try_from_secs_f64(self.value / 1_000.0).unwrap_or_default();
                recorder.ended(self.name, at, took, how);
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

/// Says what is wrong with a k6, if anything, by asking for its version, which is given.
pub async fn version(program: &Path) -> anyhow::Result<String> {
    let told = Command::new(program).arg("version").output().await;
    let told = told.with_context(|| format!("{} can't be run", program.display()))?;
    let text = String::from_utf8_lossy(&told.stdout);
    let version = text.split_whitespace().nth(1).filter(|_| text.starts_with("k6"));
    version.map(str::to_owned).with_context(|| format!("{} is no k6: it says {text:?}", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags,metadata";

    #[tokio::test]
    async fn what_k6_writes_is_counted_once_and_only_of_the_load() {
        let text = format!(
            "warm\n{HEAD}\n\
             http_req_duration,1000,5.5,,,,true,,GET,GET /health,HTTP/1.1,warm_up,,200,,,,,\n\
             http_reqs,2000,1.0,,,,true,,GET,GET /health,HTTP/1.1,load,,200,,,,,\n\
             http_req_duration,2000,12.5,,,,true,,GET,GET /health,HTTP/1.1,load,,200,,,,,\n\
             statements,2000,3.0,,,,,,,GET /health,,load,,,,,,,\n\
             http_req_duration,3100,20.5,,,,true,,GET,GET /health,HTTP/1.1,load,,503,,,,,\n\
             http_req_duration,3200,0.0,,,1050,true,,GET,GET /health,HTTP/1.1,load,,0,,,,,\n\
             http_req_duration,3200,0.0,,,1212,true,,GET,GET /health,HTTP/1.1,load,,0,,,,,\n\
             dropped_iterations,3300,2.0,,,,,,,,,load,,,,,,,\n"
        );
        let (recorder, _) = count(BufReader::new(text.as_bytes()).lines(), None).await.unwrap();
        let outcome = recorder.outcome(Duration::from_secs(2));
        assert_eq!(outcome.requests, 6);
        let errors: Vec<_> = outcome.errors.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        assert_eq!(errors, [("connect", 1), ("not sent", 2), ("status 503", 1), ("timed out", 1)]);
        assert!((outcome.latency.max - 20.5).abs() < 0.1, "{:?}", outcome.latency);
        assert_eq!((outcome.statements.max, outcome.statements.count), (3, 1));
        assert_eq!(outcome.series.iter().map(|second| second.requests).collect::<Vec<_>>(), [1, 5]);
    }

    #[tokio::test]
    async fn it_is_told_by_its_environment_and_of_nobody_elses() {
        let scratch = crate::scratch::Scratch::new().unwrap();
        let program = scratch.path().join("k6");
        let text = format!(
            "#!/bin/sh\necho {HEAD}\n\
             case \"$*\" in *secret*) exit 1 ;; esac\n\
             [ \"$ADMIN_TOKEN\" = secret ] && [ -z \"$CARGO_MANIFEST_DIR\" ] || exit 1\n\
             echo http_req_duration,2000,12.5,,,,true,,GET,GET /health,HTTP/1.1,load,,200,,,,,\n\
             exit 99\n"
        );
        // By a process of its own: a file that this one has open for writing can't be run.
        let write = "printf %s \"$0\" >\"$1\" && chmod +x \"$1\"";
        let written = Command::new("sh").args(["-c", write, &text]).arg(&program).status().await.unwrap();
        assert!(written.success() && std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let k6 = K6 {
            program,
            script: PathBuf::from("health.js"),
            variables: vec![("ADMIN_TOKEN".to_owned(), "secret".to_owned())],
            duration: Duration::from_secs(1),
            grace: Duration::from_secs(1),
        };
        let sent = k6.run(None).await.unwrap();
        assert_eq!((sent.outcome.requests, sent.holds), (1, false));
    }

    #[tokio::test]
    async fn what_is_no_k6_is_said_to_be_none() {
        let told = format!("{:#}", version(Path::new("/no/k6")).await.unwrap_err());
        assert!(told.starts_with("/no/k6 can't be run"), "{told}");
        let told = format!("{:#}", version(Path::new("/bin/echo")).await.unwrap_err());
        assert!(told.contains("is no k6"), "{told}");
    }
}
