//! `SQLite`: plans, what is wrong with them, and how they are asked for.

mod connection;
mod judge;
mod plan;

pub use self::{
    connection::SqliteProfiler,
    judge::judge,
    plan::{Access, Node, Step, parse},
};
