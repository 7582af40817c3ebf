//! The database as operators see it.

mod show;
mod watch;

pub use show::{DatabaseReport, ShowDatabase};
pub use watch::WatchPools;
