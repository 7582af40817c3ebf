//! Looks at what the database does for each statement, and names what is wrong with it. Native only.
//!
//! | part | what it holds |
//! | --- | --- |
//! | `finding` | what can be wrong, what helps, and from where on it is told |
//! | `samples` | where each statement's parameters come from |
//! | `conditions`, `remedy` | which columns a condition compares, and the index that would serve it |
//! | `postgres`, `sqlite` | plans as typed nodes, what is wrong with them, and how they are asked for |
//! | `repeats` | the same statement many times in one request, from a recording |
//!
//! Whatever is asked, no data changes: each statement runs in a transaction of its own that is rolled back, under a time limit. (A sequence's
//! numbers are the exception that Postgres makes; the schema has none.)
//!
//! To add a statement: an entry in `samples`, which a test asks for.

mod conditions;
mod finding;
mod postgres;
mod remedy;
mod repeats;
pub mod samples;
mod sqlite;

use std::time::Duration;

use serde_json::{Value, json};

pub use self::{
    conditions::{Schema, Table},
    finding::{Finding, Remedy, Thresholds, Trouble},
    postgres::{
        Measured, Node, NodeKind, NotAPlan, Plan, PostgresProfiler, Recorded, RecordedBy, SortSpace,
        judge as judge_postgres,
    },
    repeats::{Repeat, Repeats, Unreadable},
    sqlite::{
        Access, Node as SqliteNode, SqliteProfiler, Step, judge as judge_sqlite, parse as parse_sqlite,
    },
};

/// How to look at statements.
#[derive(Debug, Clone)]
pub struct ProfileOptions {
    /// From where on something is told.
    pub thresholds: Thresholds,
    /// With how many rows' values each statement is tried.
    pub samples: u32,
    /// Whether statements are run (and rolled back), or planned alone.
    pub execute: bool,
    /// After how long a statement is given up.
    pub time_limit: Duration,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            samples: 2,
            execute: true,
            time_limit: Duration::from_secs(10),
        }
    }
}

impl ProfileOptions {
    /// The places in a table that rows are sampled at, from 0 to 1.
    pub(crate) fn places(&self) -> impl Iterator<Item = f64> {
        let samples = self.samples.max(1);
        (0..samples).map(move |sample| (f64::from(sample) + 0.5) / f64::from(samples))
    }
}

/// How a statement was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planned {
    /// For the values that it was given, as one that is sent once is.
    Custom,
    /// For any values, as one that is prepared and sent often may be.
    Generic,
    /// As `SQLite` plans all: once, for any values.
    Once,
}

impl Planned {
    /// Its word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Generic => "generic",
            Self::Once => "once",
        }
    }
}

/// What came of looking at one statement once.
#[derive(Debug, Clone)]
pub struct Profiled {
    /// The statement's name, or a piece of its text where it has none.
    pub statement: String,
    /// How it was planned.
    pub planned: Planned,
    /// How long it took; `None` where it wasn't run.
    pub ms: Option<f64>,
    /// How many rows it gave or wrote; `None` where it wasn't run.
    pub rows: Option<f64>,
    /// The plan in a line.
    pub shape: String,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Why it was not run, or not planned, as was asked.
    pub note: Option<String>,
}

impl Profiled {
    /// As a member of a report.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "statement": self.statement,
            "planned": self.planned.as_str(),
            "ms": self.ms,
            "rows": self.rows,
            "plan": self.shape,
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "note": self.note,
        })
    }
}

/// Why statements could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The database can't be reached, or its URL can't be read.
    #[error("the database can't be asked: {0}")]
    Away(String),
    /// There is no record of statements.
    #[error(
        "pg_stat_statements is not there: add it to shared_preload_libraries, restart Postgres, and run CREATE EXTENSION pg_stat_statements in this database"
    )]
    NoRecord,
}

#[expect(clippy::needless_pass_by_value, reason = "stands in `map_err`")]
fn away(error: sqlx::Error) -> ProfileError {
    ProfileError::Away(match &error {
        sqlx::Error::Database(told) => told.message().to_owned(),
        other => crate::faults::describe("asking", other),
    })
}
