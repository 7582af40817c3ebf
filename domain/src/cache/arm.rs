use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// What one arm of an experiment has seen: sums from which means, and how sure they are, can be computed, wherever they were gathered.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ArmTally {
    /// Reads.
    pub reads: u64,
    /// Reads that did not wait for the source.
    pub hits: u64,
    /// Loads that went well.
    pub loads: u64,
    /// Their times, in milliseconds, added up.
    pub load_ms: f64,
    /// Their squares, added up.
    pub load_ms_squared: f64,
    /// Ages of entries when they answered, in milliseconds, added up, one for each hit.
    pub age_ms: f64,
    /// Their squares, added up.
    pub age_ms_squared: f64,
    /// Loads that failed.
    pub errors: u64,
}

impl ArmTally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            hits: self.hits + other.hits,
            loads: self.loads + other.loads,
            load_ms: self.load_ms + other.load_ms,
            load_ms_squared: self.load_ms_squared + other.load_ms_squared,
            age_ms: self.age_ms + other.age_ms,
            age_ms_squared: self.age_ms_squared + other.age_ms_squared,
            errors: self.errors + other.errors,
        }
    }
}

/// Gathers an [`ArmTally`] from many threads.
#[derive(Debug, Default)]
pub struct ArmCounters {
    reads: AtomicU64,
    hits: AtomicU64,
    loads: AtomicU64,
    errors: AtomicU64,
    load_ms: Sum,
    load_ms_squared: Sum,
    age_ms: Sum,
    age_ms_squared: Sum,
}

impl ArmCounters {
    /// A read answered without waiting, from an entry of this age.
    pub(super) fn hit(&self, age: Duration) {
        self.reads.fetch_add(1, Relaxed);
        self.hits.fetch_add(1, Relaxed);
        let ms = age.as_secs_f64() * 1_000.0;
        self.age_ms.add(ms);
        self.age_ms_squared.add(ms * ms);
    }

    /// A read that waited.
    pub(super) fn missed(&self) {
        self.reads.fetch_add(1, Relaxed);
    }

    /// A load, and how long it took.
    pub(super) fn loaded(&self, took: Duration) {
        self.loads.fetch_add(1, Relaxed);
        let ms = took.as_secs_f64() * 1_000.0;
        self.load_ms.add(ms);
        self.load_ms_squared.add(ms * ms);
    }

    /// A load that failed.
    pub(super) fn failed(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    /// What was gathered so far.
    #[must_use]
    pub fn read(&self) -> ArmTally {
        ArmTally {
            reads: self.reads.load(Relaxed),
            hits: self.hits.load(Relaxed),
            loads: self.loads.load(Relaxed),
            load_ms: self.load_ms.read(),
            load_ms_squared: self.load_ms_squared.read(),
            age_ms: self.age_ms.read(),
            age_ms_squared: self.age_ms_squared.read(),
            errors: self.errors.load(Relaxed),
        }
    }
}

/// A sum of fractions that many threads add to.
#[derive(Debug, Default)]
struct Sum(AtomicU64);

impl Sum {
    fn add(&self, value: f64) {
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // The closure never declines, so the update is always made.
        let _ = self.0.fetch_update(Relaxed, Relaxed, add);
    }

    fn read(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}
