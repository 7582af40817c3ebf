//! The cache: fast because it keeps, right because it is fenced.
//!
//! What must hold, on every tier and every server:
//! - **It never fails a request.** A tier that doesn't answer within 50 ms is done without; one that keeps failing is left alone for a while.
//! - **It never revives what was dropped.** A load that began before an invalidation may not fill: [`Fence`].
//! - **It says what it did.** Every read is counted as hit, stale or miss by prefix and tier, with what it saved.
//!
//! - [`Prefix`] and its [`Policy`]: the one table of what is cached, for how long, and where.
//! - [`CacheKey`], [`Subject`]: what an entry is called, and what it is dropped with.
//! - The [`Fence`], which keeps what was loaded before an invalidation from being used after it.
//!
//! The tiers are ports: [`LocalCache`](crate::ports::LocalCache) and [`SharedCache`](crate::ports::SharedCache).

mod fence;
mod key;
mod table;

pub use fence::{Fence, Mark, Subject};
pub use key::CacheKey;
pub use table::{Freshness, Policy, Prefix, Tiers};
