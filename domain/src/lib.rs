//! What Portico does, as pure flows over ports.
//!
//! - [`models`]: the words. Values that are valid because they exist: an [`Email`](models::Email), a
//!   [`RefreshToken`](models::RefreshToken), a [`Quota`](models::Quota) with its decision.
//! - [`ports`]: what the flows ask of the world. Traits whose documentation is their contract.
//! - [`flows`]: what Portico does, each told from guard to outcome.
//! - [`settings`]: what an operator can set, read in one way for both runtimes.
//! - [`cache`]: what is kept, for how long, and what keeps it right.
//! - [`meter`]: what one request cost.
//! - [`door`]: the wiring of ports and settings into flows.
//!
//! Nothing here has a clock, randomness, I/O or a notion of where it runs; `clippy.toml` beside this crate bans them, and the tests compare its
//! dependencies with an allow-list.
//!
//! **To add a flow:** a file in `flows` with a struct of the ports it uses and one `run`; its tests with mocked ports beside it; a field in
//! [`door::Door`]. **To add a port:** a file in `ports` whose doc says meaning, atomicity, absence and failure; a field in [`door::Ports`]; a
//! contract suite that every adapter runs.

pub mod cache;
pub mod door;
pub mod flows;
pub mod meter;
pub mod models;
pub mod ports;
pub mod settings;
