//! The options of `portico profile`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use portico_measuring::scenarios::Scenario;
use url::Url;

use super::{compare::Unrepeated, loadtest::parse_url};

/// Where the statements to look at come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProfileSource {
    /// This program's own.
    Statements,
    /// What Postgres has counted.
    #[value(name = "pg_stat_statements")]
    PgStatStatements,
}

/// What makes a counted statement slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SlowestBy {
    /// The time of all its runs together.
    Total,
    /// The mean time of a run.
    Mean,
}

/// What a server is profiled for.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileWhat {
    /// Where a server under load spends its CPU time: cpu.pb.gz and flamegraph.svg.
    ///
    /// Without --url a server of its own is started, on a new `SQLite` file, and loaded. With --url a running one is looked at as it is: it must have been started with `PORTICO_PPROF=on`,
    /// and the token must be an admin's. The profile is in pprof's format: `go tool pprof cpu.pb.gz`.
    #[command(after_help = CPU)]
    Cpu(ProfileServer),
    /// Which functions hold more memory after a load than before: heap-before.pb.gz, heap-after.pb.gz, heap-growth.svg, and a table.
    ///
    /// Without --url a server of its own is started, on a new `SQLite` file, and loaded for so many seconds between the two profiles. With --url a running one is looked at twice, so many
    /// seconds apart, as it is: it must have been started with `PORTICO_PPROF=on`, and the token must be an admin's.
    #[command(after_help = HEAP)]
    Heap(ProfileServer),
}

const CPU: &str = "\
Examples:
    portico profile cpu --scenario keys --rate 2000 --output /tmp/profile
    portico profile cpu --url http://127.0.0.1:8080 --token-env ADMIN_TOKEN --seconds 30

Exit codes: 0 written, 1 the server can't be reached, refuses, or takes no profiles, 2 not understood.";
const HEAP: &str = "\
What was allocated is sampled each 64 KiB, so a function that holds less may be missing, and figures are estimates.

Examples:
    portico profile heap --scenario mixed --seconds 60
    portico profile heap --url http://127.0.0.1:8080 --token-file token --seconds 600

Exit codes: 0 written, 1 the server can't be reached, refuses, or takes no profiles, 2 not understood.";

/// Which server, for how long, under what, and where the files go.
#[derive(Debug, Args)]
pub(crate) struct ProfileServer {
    /// A running server, instead of one of its own.
    #[arg(long, value_name = "URL", value_parser = Unrepeated(parse_url))]
    pub(crate) url: Option<Url>,
    #[command(flatten)]
    pub(crate) token: TokenFrom,
    /// For how long: 1 to 60 for cpu, up to a day for heap.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: u32,
    /// What its own server is asked: health, login, keys, messages, chats, catalogue, mixed or soak.
    #[arg(long, value_name = "NAME", default_value = "mixed", value_parser = parse_scenario, conflicts_with = "url")]
    pub(crate) scenario: Scenario,
    /// How many requests a second.
    #[arg(long, value_name = "N", default_value_t = 300.0, value_parser = parse_rate, conflicts_with = "url")]
    pub(crate) rate: f64,
    /// Where the files are written; made if need be.
    #[arg(long, value_name = "DIR", default_value = "portico-profile")]
    pub(crate) output: PathBuf,
}

/// Where an admin's access token comes from: never from the command line, which others see in a list of processes.
#[derive(Debug, Args)]
pub(crate) struct TokenFrom {
    /// The environment variable that holds an admin's access token.
    #[arg(long, value_name = "NAME", requires = "url", conflicts_with = "token_file")]
    pub(crate) token_env: Option<String>,
    /// The file that holds it.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) token_file: Option<PathBuf>,
}

fn parse_scenario(text: &str) -> Result<Scenario, String> {
    let names = || Scenario::ALL.map(Scenario::name).join(", ");
    Scenario::parse(text).ok_or_else(|| format!("is not one of {}", names()))
}

fn parse_rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.1..=100_000.0).contains(rate));
    rate.ok_or("must be a number from 0.1 to 100000")
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Profile {
    /// Profiles a server instead of statements.
    #[command(subcommand)]
    pub(crate) what: Option<ProfileWhat>,
    /// Which statements to look at.
    #[arg(
        long,
        value_enum,
        default_value = "statements",
        value_name = "SOURCE",
        conflicts_with = "from_log"
    )]
    pub(crate) from: ProfileSource,
    /// Searches this recording for statements that repeat within a request, and asks no database.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_log: Option<PathBuf>,
    /// Looks only at statements with this in their names.
    #[arg(long, value_name = "PART")]
    pub(crate) statement: Option<String>,
    /// How many of `pg_stat_statements` to look at.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) top: u32,
    /// What makes one of `pg_stat_statements` slow.
    #[arg(long, value_enum, default_value = "total")]
    pub(crate) by: SlowestBy,
    /// With the values of how many rows each statement is tried.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) samples: u32,
    /// Plans statements without running them.
    #[arg(long)]
    pub(crate) plan_only: bool,
    /// After how many seconds a statement is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) time_limit: u64,
    /// How many milliseconds a statement may take.
    #[arg(long, value_name = "MS", default_value_t = 100.0)]
    pub(crate) max_ms: f64,
    /// How many rows a table may have and still be read from end to end.
    #[arg(long, value_name = "N", default_value_t = 1_000.0)]
    pub(crate) min_rows: f64,
    /// How many rows may be sorted where an index could give their order.
    #[arg(long, value_name = "N", default_value_t = 1_000.0)]
    pub(crate) sorted_rows: f64,
    /// How often one side of a join may be asked.
    #[arg(long, value_name = "N", default_value_t = 1_000.0)]
    pub(crate) loops: f64,
    /// What part of the rows that are read may be thrown away, from 0 to 1.
    #[arg(long, value_name = "PART", default_value_t = 0.9)]
    pub(crate) removed_ratio: f64,
    /// How many pages of 8 KiB may be read from outside the shared buffers.
    #[arg(long, value_name = "N", default_value_t = 1_000.0)]
    pub(crate) pages_read: f64,
    /// How many times more or fewer rows may come than were planned for.
    #[arg(long, value_name = "TIMES", default_value_t = 10.0)]
    pub(crate) estimate_factor: f64,
    /// How often a statement may run in one request of a recording before it is told.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) repeats: u64,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
