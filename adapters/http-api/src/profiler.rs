//! What can say where the process' time and memory go, where a runtime has such a thing and its operator wants it.

use std::{io, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Takes profiles of this process, in pprof's format.
#[async_trait]
pub trait Profiler: Send + Sync {
    /// Begins to look at where CPU time goes, and gives what waits for the end and writes down what was seen. Dropping that ends it.
    async fn cpu(&self, over: Duration) -> Result<BoxFuture<'static, io::Result<Bytes>>, ProfileRefused>;

    /// Which functions allocated what is in use now.
    async fn heap(&self) -> Result<Bytes, ProfileRefused>;
}

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileRefused {
    /// Another one is being taken.
    Busy,
    /// This process can't take such profiles; the sentence says why.
    NotHere(&'static str),
    /// It didn't succeed; for operators.
    Failed(String),
}
