//! The cache as operators see and steer it: figures, clearing, warming, experiments.
//!
//! What must hold:
//! - **Nothing here is in a request's way.** Warming and what servers tell each other of experiments happen beside requests; a failure is told, and no more.
//! - **An experiment breaks no promise.** A key is never used for longer than configured, and a prefix that its operator switched off stays off.
//! - **Every server does the same.** Which arm a key belongs to is computed from the key; what runs and what is adopted stands in storage.

mod conduct;
mod experiments;
mod figures;
mod server;
mod warm;

pub use conduct::{ConductExperiments, ConductParts};
pub use experiments::{ExperimentError, ManageExperiments};
pub use figures::{CacheFigures, PrefixState, ShowCache};
pub use server::Server;
pub use warm::{AlreadyWarming, WarmCaches, WarmOutcome, Warmed, Warmer};

#[cfg(test)]
mod conduct_tests;
#[cfg(test)]
mod experiments_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod warm_tests;
