//! Loads a server and tells how it answered.
//!
//! Two models. *Open*: requests are due at moments that the plan gives, whatever the server does, as they are when many people come who know nothing of each other; the latency of each
//! counts from the moment it was due, so a server that stalls for a second shows the second in all requests that fell into it (Gil Tene's "coordinated omission" is avoided). *Closed*: so
//! many users of whom each asks again when it was answered, as `wrk` does: good for throughput, and blind to stalls.
//!
//! All is bounded: how many requests are under way, how long one may take, how long the whole takes, how large an answer may be.

mod arrival;
mod connections;
mod drive;
pub mod k6;
mod outcome;
mod recorder;
mod timing;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

pub use self::{
    arrival::{Arrival, Stage},
    outcome::{Figure, Outcome, Percentiles, Second},
};
use crate::probe::Probe;

/// The largest answer that is read; a larger one is an error.
pub const MOST_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// How a server is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// When requests come.
    pub arrival: Arrival,
    /// How long is measured.
    pub duration: Duration,
    /// How long the same load runs before it is measured.
    pub warm_up: Duration,
    /// How many requests of an open model may be under way at once; one that would be more is counted as the error `not sent`. A closed model has as many as users.
    pub most_in_flight: u32,
    /// After which a request is given up, and counted as the error `timed out`, with this latency.
    pub request_time_limit: Duration,
}

impl Plan {
    /// So many requests a second, with the bounds that suit most runs.
    #[must_use]
    pub fn open(per_second: f64, duration: Duration) -> Self {
        Self::new(Arrival::Open { per_second }, duration)
    }

    /// So many users who ask without pause, with the bounds that suit most runs.
    #[must_use]
    pub fn closed(users: u32, duration: Duration) -> Self {
        Self::new(Arrival::Closed { users }, duration)
    }

    /// Any arrival, with the bounds that suit most runs.
    #[must_use]
    pub fn new(arrival: Arrival, duration: Duration) -> Self {
        Self {
            arrival,
            duration,
            warm_up: Duration::from_secs(1),
            most_in_flight: 1_000,
            request_time_limit: Duration::from_secs(10),
        }
    }
}

/// One request to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The route, in reports: the same for all requests of a kind.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Headers besides `Host`, `Content-Length` and `User-Agent`.
    pub headers: HeaderMap,
    /// The body, empty for none.
    pub body: Bytes,
}

impl Request {
    /// A GET without headers.
    #[must_use]
    pub fn get(name: &'static str, path: impl Into<String>) -> Self {
        Self { name, method: Method::GET, path: path.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }
}

/// Says what is asked.
pub trait Source: Send + Sync {
    /// The request of this number; numbers count up from 0, and may come out of order when several users ask.
    fn next(&self, number: u64) -> Request;
}

impl<F: Fn(u64) -> Request + Send + Sync> Source for F {
    fn next(&self, number: u64) -> Request {
        self(number)
    }
}

/// Loads the server at `url` as `plan` says with what `source` gives, and watches the process that `watch` knows meanwhile.
///
/// Returns once the last request was answered or given up: `warm_up`, `duration` and `request_time_limit` together at most. An error means that nothing could be measured: the address is no `http://` one, or
/// nobody listens there.
pub async fn run(
    url: &Url,
    source: Arc<dyn Source>,
    plan: &Plan,
    watch: Option<&Probe>,
) -> anyhow::Result<Outcome> {
    drive::run(url, source, plan, watch).await
}

/// Numbers that look random (`SplitMix64`), and are the same in each run.
pub(crate) fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
