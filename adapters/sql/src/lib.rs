//! The repositories of the domain, written once over a small SQL driver.
//!
//! | part | what it holds |
//! | --- | --- |
//! | [`Repositories`] | the ports `Accounts`, `Credentials`, `Sessions`, `Identities`, `FactStore` and `Storage`, a file each in `repositories/` |
//! | [`statements`] | the registry of all statements; their text is in `queries/`, one a file, with a `.sqlite.sql` beside it where one text can't serve both databases |
//! | [`driver`] | what a driver is: a statement with parameters in, rows out; several statements as one transaction; a connection made ready |
//! | `postgres`, `sqlite` | the native drivers, pooled, with their migrators |
//! | `hyperdrive`, `neon_http` | the Worker's drivers |
//! | [`metered`] | counts each statement into the request's meter |
//! | `profile` | plans, what is wrong with them, and what helps |
//! | `seed` | plausible data for trying and measuring |
//! | `migrations` | the schema's history, from `migrations/{postgres,sqlite}/` |
//!
//! Who writes sessions, and how they agree: whether a session *with* a row lives, its row alone says. One *without* a row is dead when it
//! started at or before its owner's `sessions_valid_from`, and whoever writes its row, late or by renewing it, looks there first. On Postgres,
//! what reads `sessions_valid_from` to write a row shares a lock on the owner with what moves it, and the latter ends the rows that are there
//! by a later statement of its transaction: a row is either seen there, or written as ended. All who lock do so in the order owner,
//! then session. `SQLite` has one writer at a time. The tests run random calls at once and look for an order that explains what they told.
//!
//! To add another driver: implement [`driver::Driver`] in a file of its own behind a feature (a new SQL dialect also wants a text a
//! statement and a folder of migrations), map its unique violations to Postgres' names of constraints and everything else to
//! `Unavailable`; add a line to `tests/database/world.rs`, which runs every contract on it; and a line to the wiring of the runtime that uses it.

pub mod driver;
mod faults;
#[cfg(feature = "hyperdrive")]
pub mod hyperdrive;
pub mod metered;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub mod migrations;
#[cfg(feature = "neon-http")]
pub mod neon_http;
#[cfg(feature = "sqlx-postgres")]
pub mod postgres;
#[cfg(feature = "profile")]
pub mod profile;
mod repositories;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub mod seed;
#[cfg(feature = "sqlx-sqlite")]
pub mod sqlite;
pub mod statements;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod waiting;

pub use faults::InvalidUrl;
pub use repositories::Repositories;
