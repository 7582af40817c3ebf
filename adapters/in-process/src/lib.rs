//! The ports that a single native process serves by itself.
//!
//! | port | adapter | file |
//! | --- | --- | --- |
//! | `Background` | [`TaskBackground`]: tasks of the runtime, bounded | `background.rs` |
//! | `Clock` | [`SystemClock`] | `clock.rs` |
//! | `RateLimiter` | [`InProcessLimiter`]: exact, for one process | `limiter.rs` |
//! | `DeferredWrites` | [`JournalledWrites`]: a journal file, and a task that writes behind | `journal/` |
//! | `UsageLedger` | [`FileUsageLedger`]: a file of slots, and a task that sends it | `usage/` |
//! | `Fetch` | [`HttpFetch`]: hyper over rustls | `fetch.rs` |
//!
//! In `journal/`, `entry.rs` is the form of a line, `file.rs` keeps the files, `backlog.rs` knows what is still to be written and in
//! which order it is tried, and `writes.rs` joins them into the port.
//!
//! To add an adapter: its file here, a line in the contract tests of its port, a line in the native runtime's wiring.

mod background;
mod clock;
mod fetch;
mod journal;
mod limiter;
mod usage;

pub use background::TaskBackground;
pub use clock::SystemClock;
pub use fetch::{HttpFetch, HttpFetchFault};
pub use journal::{DeferredFigures, JournalFault, JournalSettings, JournalSync, JournalledWrites};
pub use limiter::InProcessLimiter;
pub use usage::{FileUsageLedger, UsageFault, UsageFigures, UsageSettings};
