//! The options of `portico baseline`.

use std::path::PathBuf;

use clap::Args;
use portico_measuring::database;
use url::Url;

use super::{
    compare::{CompareTarget, Unrepeated},
    loadtest::parse_url,
    profile::TokenFrom,
};

const AFTER: &str = "\
Each route is asked at a low and constant rate (20 a second, sign-ins 1 a second), one route after the other, whatever the server does: a latency counts from the moment at
which its request was due. At --url an account is registered for it (baseline-…@measuring.example, which stays) unless a token is given; sign-ins are measured only with such an account,
and no more of them than the usual limit lets pass.

Examples:
    portico baseline --json before.json --markdown before.md
    portico baseline --compare before.json
    portico baseline --url http://127.0.0.1:8080 --pid $(pgrep -x portico)

Exit codes: 0 measured and within the thresholds, 1 beyond one (each is named), with requests that failed, or not measured, 2 not understood, or --compare names something that can't be compared.";

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Baseline {
    /// A running server, instead of one of its own.
    #[arg(long, value_name = "URL", value_parser = Unrepeated(parse_url))]
    pub(crate) url: Option<Url>,
    /// The running server's process on this machine, so that its CPU time and memory can be read.
    #[arg(long, value_name = "ID", requires = "url", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Option<u32>,
    #[command(flatten)]
    pub(crate) token: TokenFrom,
    /// Which Portico is started.
    #[arg(long, value_enum, default_value = "native", conflicts_with = "url")]
    pub(crate) target: CompareTarget,
    /// The checkout of Portico with the built Worker; the one around the working directory or the program if none is named.
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub(crate) checkout: Option<PathBuf>,
    /// A Postgres on which a database may be made; it is dropped at the end. Without it one is made for the run where the Worker needs it; else the server has an `SQLite` file.
    #[arg(long, value_name = "URL", value_parser = Unrepeated(database::parse), conflicts_with = "url")]
    pub(crate) database: Option<Url>,
    /// How long each route is asked, and how long the server is watched at rest.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) seconds: u32,
    /// Writes what was measured as JSON, for --compare and `portico report`.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes it as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Compares with an earlier measurement, written by --json.
    #[arg(long, value_name = "EARLIER.json")]
    pub(crate) compare: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) thresholds: Thresholds,
}

/// From when on a difference is too much.
#[derive(Debug, Clone, Copy, Args)]
#[expect(clippy::struct_field_names, reason = "the names of the options")]
pub(crate) struct Thresholds {
    /// By how many percent a route's p95 may rise.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0, value_parser = parse_threshold, requires = "compare")]
    pub(crate) threshold_p95: f64,
    /// By how many milliseconds it may rise anyhow.
    #[arg(long, value_name = "MS", default_value_t = 1.0, value_parser = parse_threshold, requires = "compare")]
    pub(crate) threshold_p95_ms: f64,
    /// By how many percent the memory at rest may rise.
    #[arg(long, value_name = "PERCENT", default_value_t = 20.0, value_parser = parse_threshold, requires = "compare")]
    pub(crate) threshold_memory: f64,
    /// By how many percent a start may take longer; 100 ms more are always allowed.
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0, value_parser = parse_threshold, requires = "compare")]
    pub(crate) threshold_startup: f64,
    /// By how much the CPU time at rest may rise, in percent of a core.
    #[arg(long, value_name = "POINTS", default_value_t = 3.0, value_parser = parse_threshold, requires = "compare")]
    pub(crate) threshold_idle_cpu: f64,
    /// By how much the statements of a request may rise, on average.
    #[arg(long, value_name = "N", default_value_t = 0.5, value_parser = parse_threshold, requires = "compare")]
    pub(crate) threshold_statements: f64,
}

fn parse_threshold(text: &str) -> Result<f64, &'static str> {
    let threshold = text.parse::<f64>().ok().filter(|threshold| (0.0..=1e9).contains(threshold));
    threshold.ok_or("must be a number from 0 on")
}
