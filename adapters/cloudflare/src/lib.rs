//! The ports that a Cloudflare Worker serves by its own means.
//!
//! | port | here | by |
//! | --- | --- | --- |
//! | `Clock` | [`WorkerClock`] | `Date.now` and `setTimeout` |
//! | `Fetch` | [`WorkerFetch`] | the runtime's `fetch`, ended by an abort signal |
//! | `RateLimiter` | [`DurableObjectLimiter`] | one [`Limiter`] object a key, behind the rate limit binding where one is bound |
//! | `DeferredWrites` | [`WaitUntilWrites`] | `waitUntil` of the request that is being polled, with retries |
//! | `SharedCache` | [`KvCache`] | a KV namespace; what was dropped elsewhere lives at most its lifetime |
//! | `Background` | [`ScopedBackground`] | the request that is being polled, after its answer |
//! | `UsageLedger` | [`CoalescedUsage`] | one write a second an isolate, in the same way |
//! | logging | [`ConsoleLog`] | `console`, a JSON object a line |
//!
//! What an isolate must heed: its requests share memory but not I/O. A future of one request may not wait for another's, so nothing here
//! holds an async lock or a shared connection; [`scope`] says which request is being polled.
//!
//! To add another: write its file, re-export it here, run the port's contract suite on it in `tests/`, and name it in
//! `runtime-worker`'s wiring.

mod background;
mod clock;
mod console;
mod deferred;
mod fetch;
mod kv_cache;
mod limiter;
mod limiter_object;
pub mod scope;
mod usage;

pub use background::ScopedBackground;
pub use clock::WorkerClock;
pub use console::{ConsoleLog, LogFilter};
pub use deferred::WaitUntilWrites;
pub use fetch::WorkerFetch;
pub use kv_cache::KvCache;
pub use limiter::DurableObjectLimiter;
pub use limiter_object::Limiter;
pub use usage::CoalescedUsage;
