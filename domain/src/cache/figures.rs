use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use serde::Serialize;

/// What one tier did for one prefix, or one arm of an experiment. Counters only grow; each is exact, and together they are read without a stop.
#[derive(Debug, Default)]
pub(super) struct TierCounters {
    hits: AtomicU64,
    stale: AtomicU64,
    age_micros: AtomicU64,
    saved_micros: AtomicU64,
}

impl TierCounters {
    /// Counts an answer from an entry of this age, whose load had taken so long.
    pub(super) fn answered(&self, stale: bool, age: Duration, saved: Duration) {
        if stale { &self.stale } else { &self.hits }.fetch_add(1, Relaxed);
        self.age_micros.fetch_add(micros(age), Relaxed);
        self.saved_micros.fetch_add(micros(saved), Relaxed);
    }

    pub(super) fn read(&self) -> TierFigures {
        let (hits, stale) = (self.hits.load(Relaxed), self.stale.load(Relaxed));
        let answers = hits + stale;
        TierFigures {
            hits,
            stale,
            mean_age_ms: mean_ms(self.age_micros.load(Relaxed), answers),
            load_time_saved_ms: ms(self.saved_micros.load(Relaxed)),
        }
    }
}

/// What the cache did for one prefix.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) memory: TierCounters,
    pub(super) shared: TierCounters,
    misses: AtomicU64,
    negative: AtomicU64,
    fills: AtomicU64,
    warmed: AtomicU64,
    fenced: AtomicU64,
    errors: AtomicU64,
    last_resort: AtomicU64,
    refreshes: AtomicU64,
    invalidations: AtomicU64,
    filled_bytes: AtomicU64,
    load_micros: AtomicU64,
}

impl Counters {
    /// A read that had to wait for its source.
    pub(super) fn missed(&self) {
        self.misses.fetch_add(1, Relaxed);
    }

    /// A read that was answered "there is no such thing" without asking the source.
    pub(super) fn negative(&self) {
        self.negative.fetch_add(1, Relaxed);
    }

    /// A load that went well and took so long.
    pub(super) fn loaded(&self, took: Duration) {
        self.fills.fetch_add(1, Relaxed);
        self.load_micros.fetch_add(micros(took), Relaxed);
    }

    /// An entry that was loaded with many others, before anybody asked for it.
    pub(super) fn warmed(&self) {
        self.warmed.fetch_add(1, Relaxed);
    }

    /// A loaded entry that is kept, with its size.
    pub(super) fn kept(&self, bytes: u64) {
        self.filled_bytes.fetch_add(bytes, Relaxed);
    }

    /// An entry was not kept because what it depends on had been invalidated while it was loaded.
    pub(super) fn fenced(&self) {
        self.fenced.fetch_add(1, Relaxed);
    }

    /// The source could not be asked.
    pub(super) fn failed(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    /// A read answered from an entry past its lifetime because the source was away.
    pub(super) fn last_resort(&self) {
        self.last_resort.fetch_add(1, Relaxed);
    }

    /// A refresh behind an answer was begun.
    pub(super) fn refreshed(&self) {
        self.refreshes.fetch_add(1, Relaxed);
    }

    /// Something of this prefix was dropped on somebody's word.
    pub(super) fn invalidated(&self) {
        self.invalidations.fetch_add(1, Relaxed);
    }

    /// How often this prefix was read.
    pub(super) fn reads(&self) -> u64 {
        let of = |tier: &TierCounters| tier.hits.load(Relaxed) + tier.stale.load(Relaxed);
        let waited = self.misses.load(Relaxed) + self.last_resort.load(Relaxed);
        of(&self.memory) + of(&self.shared) + self.negative.load(Relaxed) + waited
    }

    pub(super) fn read(&self) -> PrefixFigures {
        let (memory, shared) = (self.memory.read(), self.shared.read());
        let (misses, negative) = (self.misses.load(Relaxed), self.negative.load(Relaxed));
        let (fills, last_resort) = (self.fills.load(Relaxed), self.last_resort.load(Relaxed));
        let answered = memory.hits + memory.stale + shared.hits + shared.stale + negative + last_resort;
        PrefixFigures {
            hit_rate: ratio(answered, answered + misses),
            memory,
            shared,
            negative,
            misses,
            last_resort,
            fills,
            warmed: self.warmed.load(Relaxed),
            fenced: self.fenced.load(Relaxed),
            errors: self.errors.load(Relaxed),
            refreshes: self.refreshes.load(Relaxed),
            invalidations: self.invalidations.load(Relaxed),
            filled_bytes: self.filled_bytes.load(Relaxed),
            mean_load_ms: mean_ms(self.load_micros.load(Relaxed), fills),
        }
    }
}

/// What a tier did for a prefix since this process or isolate began.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierFigures {
    /// Answers from fresh entries.
    pub hits: u64,
    /// Answers from entries past their lifetime that were loaded anew behind the answer.
    pub stale: u64,
    /// How old entries were when they answered, on average.
    pub mean_age_ms: f64,
    /// How long the loads had taken that these answers did without.
    pub load_time_saved_ms: f64,
}

/// What the cache did for a prefix since this process or isolate began.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrefixFigures {
    /// The part of all reads that did not wait for the source; `None` before the first.
    pub hit_rate: Option<f64>,
    /// From memory.
    pub memory: TierFigures,
    /// From the shared tier.
    pub shared: TierFigures,
    /// Answers that there is no such thing.
    pub negative: u64,
    /// Reads that waited for the source.
    pub misses: u64,
    /// Answers from entries past their lifetime because the source was away.
    pub last_resort: u64,
    /// Loads that went well, refreshes among them.
    pub fills: u64,
    /// Entries that were loaded with many others, before anybody asked for them.
    pub warmed: u64,
    /// Entries that were not kept because what they depend on was invalidated while they were loaded.
    pub fenced: u64,
    /// Loads that failed.
    pub errors: u64,
    /// Loads behind an answer.
    pub refreshes: u64,
    /// Invalidations made by this process or isolate.
    pub invalidations: u64,
    /// The size of all entries that were kept, as JSON.
    pub filled_bytes: u64,
    /// How long a load takes, on average.
    pub mean_load_ms: f64,
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people; 2^53 µs are 285 years")]
fn ms(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

fn mean_ms(micros: u64, count: u64) -> f64 {
    ms(micros.checked_div(count).unwrap_or(0))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
