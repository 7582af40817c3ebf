//! Contracts, conformance and load tests of Portico: what stands around the product while it is tested.
//!
//! | module | what it holds | binary |
//! | --- | --- | --- |
//! | [`conformance`] | the HTTP contract as named cases, run against any server | `conformance` |
//! | [`budgets`] | what every route asks of the database, held against its budget | `budgets` |
//! | [`harness`] | Postgres, Portico's four set-ups and the stand-ins as child processes | – |
//! | [`servers`] | several servers as one: changes, limits, counts, outages | `servers` |
//! | [`neon`] | Neon's SQL over HTTP from an ordinary Postgres | `neon-stand-in` |
//! | [`github`] | GitHub's OAuth web flow | `github-stand-in` |
//! | [`dns`] | a resolver of names over HTTPS | `dns-stand-in` |
//! | [`delay`] | a database some milliseconds away | `delay-proxy` |
//! | [`collector`] | a receiver of traces by OTLP | – |
//! | [`exposition`] | metrics, read as strictly as they are specified | – |
//! | [`random`] | names that nothing else uses | – |
//!
//! `tests/run` runs everything; `tests/run --quick` leaves the Worker out. By hand: `cargo build -p portico-tests`, then
//! `target/debug/conformance all native-sqlite` (after `cargo build --release`), or `conformance serve native-sqlite` to get a
//! server to try things on.
//!
//! To add a set-up: a variant of [`harness::set_up::SetUp`] and how its server is started. To add a case: an `async fn` in the file
//! of its topic below `conformance/cases`, named in that file's `cases()`.

pub mod budgets;
pub mod collector;
pub mod conformance;
pub mod dns;
pub mod exposition;
pub mod github;
pub mod harness;
pub mod neon;
pub mod random;
pub mod servers;

pub use portico_measuring::delay;
