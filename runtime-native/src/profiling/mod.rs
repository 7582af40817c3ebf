//! Where this process' time and memory go: what `/debug/pprof` answers where `PORTICO_PPROF=on` lets it.
//!
//! - `cpu`: interrupts whichever thread is working, so many times a second of CPU time, and looks where it is.
//! - `heap`: jemalloc's own sampling, which has to be on from the process' first allocation.
//!
//! Off, nothing of it runs: no timer, no signal handler, no sampling, no memory.

mod cpu;
mod heap;
mod symbols;

use std::{io, pin::Pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::body::Bytes;
use portico_http_api::{ProfileRefused, Profiler};
use tokio::sync::Semaphore;

/// Makes the process ready to be profiled; to be called before there are other threads than the log's. Where heap profiles can't be had, it is told by their route.
///
/// # Errors
/// This process can't be interrupted to see where it is.
pub(crate) fn prepare() -> anyhow::Result<Arc<dyn Profiler>> {
    cpu::warm_up().context("PORTICO_PPROF: the CPU profiler doesn't work here")?;
    Ok(Arc::new(OwnProfiler { one_at_a_time: Arc::new(Semaphore::new(1)) }))
}

pub(crate) use self::heap::restart_with_sampling;

/// Waits for a profile's end and gives it.
type Written = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

/// Takes profiles of this process.
struct OwnProfiler {
    one_at_a_time: Arc<Semaphore>,
}

#[async_trait::async_trait]
impl Profiler for OwnProfiler {
    async fn cpu(&self, over: Duration) -> Result<Written, ProfileRefused> {
        let turn = Arc::clone(&self.one_at_a_time).try_acquire_owned().map_err(|_| ProfileRefused::Busy)?;
        let looking = tokio::task::spawn_blocking(cpu::begin).await.map_err(|error| failed(&error))?;
        let looking = looking.map_err(|error| failed(&error))?;
        Ok(Box::pin(async move {
            tokio::time::sleep(over).await;
            let written = tokio::task::spawn_blocking(move || {
                let written = looking.end(over);
                drop(turn);
                written
            });
            // Its head has gone out, so that an error can only break it off; why stands in the log.
            let written = written.await.map_err(io::Error::other)?.inspect_err(|error| {
                tracing::error!(error = format!("{error:#}"), "a CPU profile could not be written");
            });
            written.map(Bytes::from).map_err(io::Error::other)
        }))
    }

    async fn heap(&self) -> Result<Bytes, ProfileRefused> {
        let profile = tokio::task::spawn_blocking(heap::profile).await.map_err(|error| failed(&error))?;
        profile.map(Bytes::from)
    }
}

fn failed(error: &dyn std::fmt::Display) -> ProfileRefused {
    ProfileRefused::Failed(format!("profiling: {error:#}"))
}
