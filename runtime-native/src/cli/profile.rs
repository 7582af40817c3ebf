//! The options of `portico profile`.

use std::path::PathBuf;

use clap::Args;

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

#[derive(Debug, Args)]
pub(crate) struct Profile {
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
