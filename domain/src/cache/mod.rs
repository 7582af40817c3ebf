//! The cache: fast because it keeps, right because it is fenced.
//!
//! What must hold, on every tier and every server:
//! - **It never fails a request.** A tier that doesn't answer within 50 ms is done without; one that keeps failing is left alone for a while.
//! - **It never revives what was dropped.** A load that began before an invalidation may not fill: [`Fence`].
//! - **It is never deaf for long.** Where servers share a tier, memory is trusted only while others' invalidations are heard; without that, for less
//!   than a second.
//! - **It says what it did.** Every read is counted as hit, stale or miss by prefix and tier, with what it saved.
//!
//! - [`Prefix`] and its [`Policy`]: the one table of what is cached, for how long, and where. [`Strategies`]: what settings and experiments make of it.
//! - [`CacheKey`], [`Subject`]: what an entry is called, and what it is dropped with.
//! - [`ReadThrough`]: reads a [`Source`] through the tiers. [`Cache`]: the tiers, invalidation, figures.
//! - [`Experiment`], [`Comparison`], [`Estimate`]: ways to keep entries, tried beside each other, and what can be said of them.
//! - `guarded` and `breaker`: how a shared tier is called. `flights`: one load for many. [`Finishing`]: what must not stop half-way.
//!
//! The tiers are ports: [`LocalCache`](crate::ports::LocalCache) and [`SharedCache`](crate::ports::SharedCache).
//!
//! **To cache something else:** a row in the table, a [`Source`], and an invalidation wherever it is written.

mod arm;
mod breaker;
mod comparison;
mod experiment;
mod fence;
mod fetch;
mod figures;
mod fill;
mod finishing;
mod flights;
mod guarded;
mod intervals;
mod key;
mod read;
mod strategies;
mod table;
mod tiers;

pub use arm::{ArmCounters, ArmTally};
pub use comparison::{ArmReport, ArmResult, Comparison};
pub use experiment::{ArmPlan, Experiment, ExperimentPlan, ExperimentState};
pub use fence::{Fence, Mark, Subject};
pub use figures::{PrefixFigures, TierFigures};
pub use finishing::Finishing;
pub use intervals::Estimate;
pub use key::CacheKey;
pub use read::{Begun, ReadThrough, Source};
pub use strategies::{Arm, PrefixStrategy, Strategies};
pub use table::{Freshness, Policy, Prefix, Tiers};
pub use tiers::{Cache, CacheParts, CacheReport, SharedReport};

#[cfg(test)]
pub(crate) mod testing;
