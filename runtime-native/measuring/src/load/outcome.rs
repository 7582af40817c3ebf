//! What became of the requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::probe::Sample;

/// What became of the requests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// How many were due and are counted, those that failed and those that were not sent among them.
    pub requests: u64,
    /// How many failed, by kind: `status 503`, `timed out`, `not sent`, `connect`, `broken off`, `answer too large`.
    pub errors: BTreeMap<String, u64>,
    /// How long was measured, to the last answer.
    pub seconds: f64,
    /// How many were answered a second, whatever the answer, of those that were within the planned time.
    pub per_second: f64,
    /// How long answers took, and requests that were given up.
    pub latency: Percentiles,
    /// The same of each route.
    pub by_name: BTreeMap<String, Percentiles>,
    /// How often each route answered with which status.
    pub statuses: BTreeMap<String, BTreeMap<u16, u64>>,
    /// What happened second by second.
    pub series: Vec<Second>,
    /// How many statements a request cost, as `Server-Timing` tells.
    pub statements: Figure,
    /// The same of each route.
    pub statements_by_name: BTreeMap<String, Figure>,
    /// How many requests the driver itself began more than 10 ms after they were due.
    pub late: u64,
    /// What the watched process took, second by second; empty if none was watched.
    pub server: Vec<Sample>,
}

impl Outcome {
    /// How many failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// What part failed, from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of requests stay far below 2^52")]
    pub fn error_rate(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failed() as f64 / self.requests as f64 }
    }

    /// Whether the driver kept the rate: if not, the figures tell of the driver, and nothing was measured.
    #[must_use]
    pub fn kept_up(&self) -> bool {
        self.late * 100 <= self.requests
    }
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Of how many.
    pub count: u64,
    /// Half of them took no longer.
    pub p50: f64,
    /// 90 % took no longer.
    pub p90: f64,
    /// 95 % took no longer.
    pub p95: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// 99.9 % took no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

/// What happened in one second, by when answers came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds from the start of what is measured to its end.
    pub at: f64,
    /// How many were answered or failed.
    pub requests: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p95: f64,
    /// Milliseconds.
    pub p99: f64,
}

/// A mean and a largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Of how many.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: u64,
}
