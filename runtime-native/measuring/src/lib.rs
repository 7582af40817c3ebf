//! Loads servers, watches processes, and says how sure a figure is: what `portico baseline`, `compare`, `loadtest`, `profile` and `report`, the benchmarks and
//! the load tests measure with.
//!
//! - [`load`]: requests at a given rate (an open model, so that a slow server can't slow its own load down) or as fast as answers come, and what became of them.
//! - [`scenarios`]: what is asked: health, login, keys, messages, chats, catalogue, and mixtures; each makes ready what it needs by Portico's own routes.
//! - [`server`]: a Portico of one's own to measure, native or in workerd; [`database`]: a database of its own; [`cluster`]: a Postgres for it; [`process`], [`scratch`]: what both need.
//! - [`client`]: one connection to a server, kept.
//! - [`probe`]: what a process costs: CPU time, memory, descriptors.
//! - [`pprof`]: profiles as Go's tools write and read them; [`flame`]: one as a picture.
//! - [`delay`]: puts a database some milliseconds away.
//! - [`statistics`]: percentiles, ratios and how far they are to be trusted.
//! - [`machine`]: what a figure was measured on.
//! - [`chart`], [`page`]: reports that open without the internet.
//!
//! **To add a scenario:** an arm in [`scenarios`], a script in `tests/load/k6`, a row in `docs/performance.md`.

pub mod chart;
pub mod client;
pub mod cluster;
pub mod database;
pub mod delay;
pub mod flame;
pub mod load;
pub mod machine;
pub mod page;
pub mod pprof;
pub mod probe;
pub mod process;
pub mod scenarios;
pub mod scratch;
pub mod server;
pub mod statistics;
