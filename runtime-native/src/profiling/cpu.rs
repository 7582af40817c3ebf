//! Samples of where threads are while they work.

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use portico_measuring::pprof::{Counted, Profile, Stack};
use pprof::{ProfilerGuard, ProfilerGuardBuilder};

/// Samples in a second of CPU time. No divisor of what programs do each second, so that it doesn't always meet the same.
const PER_SECOND: i32 = 199;
/// The same while warming up.
const WARM_PER_SECOND: i32 = 997;
/// How long the first sample may keep us waiting.
const WARM_UP: Duration = Duration::from_secs(10);

/// Samples are being taken. Dropping it ends that.
pub(super) struct Looking(ProfilerGuard<'static>);

/// Begins to take samples.
pub(super) fn begin() -> pprof::Result<Looking> {
    Ok(Looking(ProfilerGuardBuilder::default().frequency(PER_SECOND).build()?))
}

/// Lets the first sample be taken here and now.
///
/// The first one maps this program's tables for unwinding, and allocates for it, within the signal's handler. It must not interrupt a thread that is just allocating: so it is
/// drawn to this one, which does nothing but count, while no other works.
pub(super) fn warm_up() -> anyhow::Result<()> {
    let guard = ProfilerGuardBuilder::default().frequency(WARM_PER_SECOND).build()?;
    let began = Instant::now();
    let mut counted = 0_u64;
    while began.elapsed() < WARM_UP {
        for _ in 0..4_000_000 {
            counted = black_box(counted.wrapping_add(1));
        }
        if !guard.report().build_unresolved()?.data.is_empty() {
            return Ok(());
        }
    }
    bail!("no sample was taken within {WARM_UP:?}")
}

impl Looking {
    /// Ends it and writes what was seen.
    pub(super) fn end(self, over: Duration) -> anyhow::Result<Vec<u8>> {
        let report = self.0.report().build().context("reading the samples")?;
        // Threads that were at the same place count together.
        let mut seen: BTreeMap<Vec<String>, i64> = BTreeMap::new();
        for (frames, count) in &report.data {
            let frames = frames.frames.iter().flatten().map(|symbol| super::symbols::tidied(symbol.name()));
            *seen.entry(frames.collect()).or_default() += i64::try_from(*count)?;
        }
        let period = 1_000_000_000 / i64::from(PER_SECOND);
        let stacks =
            seen.into_iter().map(|(frames, count)| Stack { frames, values: vec![count, count * period] });
        let profile = Profile {
            counted: vec![Counted::new("samples", "count"), Counted::new("cpu", "nanoseconds")],
            period: (Counted::new("cpu", "nanoseconds"), period),
            at_nanos: now_nanos(),
            over_nanos: i64::try_from(over.as_nanos())?,
            stacks: stacks.collect(),
        };
        profile.encode()
    }
}

/// Now, in nanoseconds since 1970.
pub(super) fn now_nanos() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
