//! The memory tier of the cache: one implementation for servers and Workers.
//!
//! | port | adapter | file |
//! | --- | --- | --- |
//! | `LocalCache` | [`MemoryCache`]: bounded by bytes, what is used least goes first | `cache.rs` |
//!
//! `contract.rs` is the port's suite, `benches/local.rs` what a look-up costs;
//! [decision 12](../../../docs/decisions/0012-memory-tier.md) says why it is built on `quick_cache`.
//!
//! To add another: its file here, a line in `contract.rs` that runs the suite on it, a line in a runtime's wiring.

mod cache;
#[cfg(test)]
mod contract;
mod hash;

pub use cache::MemoryCache;
