//! The ports that a single native process serves by itself.
//!
//! | port | adapter | file |
//! | --- | --- | --- |
//! | `Clock` | [`SystemClock`] | `clock.rs` |
//! | `RateLimiter` | [`InProcessLimiter`]: exact, for one process | `limiter.rs` |
//! | `DeferredWrites` | [`JournalledWrites`]: a journal file, and a task that writes behind | `journal/` |
//! | `Fetch` | [`HttpFetch`]: hyper over rustls | `fetch.rs` |
//!
//! In `journal/`, `entry.rs` is the form of a line, `file.rs` keeps the files, `backlog.rs` knows what is still to be written and in
//! which order it is tried, and `writes.rs` joins them into the port.
//!
//! To add an adapter: its file here, a line in the contract tests of its port, a line in the native runtime's wiring.

mod clock;
mod fetch;
mod journal;
mod limiter;

pub use clock::SystemClock;
pub use fetch::{HttpFetch, HttpFetchFault};
pub use journal::{DeferredFigures, JournalFault, JournalSettings, JournalSync, JournalledWrites};
pub use limiter::InProcessLimiter;
