//! Postgres: plans, what is wrong with them, and how they are asked for.

mod connection;
mod judge;
#[cfg(test)]
mod judge_tests;
mod plan;
mod recorded;
mod values;

pub(crate) use self::connection::too_slow;
pub use self::{
    connection::PostgresProfiler,
    judge::judge,
    plan::{Measured, Node, NodeKind, NotAPlan, Plan, SortSpace},
    recorded::{Recorded, RecordedBy},
};
