//! Whether a process' memory grows.

use serde::{Deserialize, Serialize};

use crate::{probe::Sample, statistics::student};

/// From how many seconds on a rate an hour can be told.
const LONG_ENOUGH: f64 = 600.0;
/// How much a shorter run may grow, in MB: caches, pools and the allocator fill at first.
const SHORT_RUN: f64 = 64.0;
/// What part of a run is left out at its beginning, for the same reason.
const WARM_UP: f64 = 1.0 / 3.0;
/// Into how many spans the rest is cut, of each of which the mean counts: neighbouring readings are too much alike to be fitted each for itself.
const SPANS: usize = 12;

/// How fast memory grew, by a straight line through what was read after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Over how many seconds.
    pub seconds: f64,
    /// MB (10^6 bytes) an hour.
    pub mb_per_hour: f64,
    /// The lower end of its interval of 95 %.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Growth {
    /// Fits the line. None where there are too few readings for one.
    #[must_use]
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let (first, last) = (samples.first()?.seconds, samples.last()?.seconds);
        let from = first + (last - first) * WARM_UP;
        let kept: Vec<_> = samples.iter().filter(|sample| sample.seconds >= from).collect();
        let spans: Vec<(f64, f64)> = kept.chunks(kept.len().div_ceil(SPANS)).map(middle).collect();
        let (slope, half) = line(&spans)?;
        let hourly = |slope: f64| slope * 3_600.0;
        Some(Self {
            seconds: last - from,
            mb_per_hour: hourly(slope),
            low: hourly(slope - half),
            high: hourly(slope + half),
        })
    }

    /// Whether it is no more than `limit` MB an hour: surely, surely not, or `None` where the limit lies within the interval, and nobody can tell. A run too
    /// short for a rate may grow by 64 MB in all beyond noise.
    #[must_use]
    pub fn stays_below(&self, limit: f64) -> Option<bool> {
        if !self.tells() {
            return Some(self.low * self.seconds / 3_600.0 <= SHORT_RUN);
        }
        if self.high <= limit {
            return Some(true);
        }
        (self.low > limit).then_some(false)
    }

    /// Whether it was watched long enough to tell a rate.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.seconds >= LONG_ENOUGH
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory and counts of readings stay far below 2^52")]
fn middle(samples: &[&Sample]) -> (f64, f64) {
    let mean = |sum: f64| sum / samples.len() as f64;
    let seconds = mean(samples.iter().map(|sample| sample.seconds).sum());
    (seconds, mean(samples.iter().map(|sample| sample.resident_bytes as f64 / 1e6).sum()))
}

/// The slope of the straight line through points, by least squares, and half the width of its interval.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let freedom = points.len().checked_sub(2).filter(|freedom| *freedom >= 1)?;
    #[expect(clippy::cast_precision_loss, reason = "few points")]
    let (count, divisor) = (points.len() as f64, freedom as f64);
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let wide: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if wide <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / wide;
    let rest: f64 = points.iter().map(|point| (point.1 - y - slope * (point.0 - x)).powi(2)).sum();
    Some((slope, student(freedom) * (rest / divisor / wide).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::scattered;

    /// A reading each second, of a memory that begins at 100 MB, grows so, and wobbles by up to `noise` MB.
    fn samples(seconds: u32, mb_per_hour: f64, noise: f64) -> Vec<Sample> {
        let sample = |second: u32| {
            #[expect(clippy::cast_precision_loss, reason = "a test's numbers")]
            let chance = (scattered(u64::from(second / 7)) >> 11) as f64 / (1_u64 << 53) as f64;
            let mb = 100.0 + f64::from(second) * mb_per_hour / 3_600.0 + chance * noise;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test's numbers")]
            let resident_bytes = (mb * 1e6) as u64;
            Sample {
                seconds: f64::from(second),
                cpu_percent: 0.0,
                resident_bytes,
                descriptors: 0,
                threads: 0,
            }
        };
        (0..seconds).map(sample).collect()
    }

    #[test]
    fn a_leak_is_found_within_half_an_hour_and_noise_is_none() {
        let leak = Growth::of(&samples(1_800, 40.0, 3.0)).unwrap();
        assert!(leak.tells() && leak.stays_below(10.0) == Some(false), "{leak:?}");
        assert!((leak.mb_per_hour - 40.0).abs() < 10.0 && leak.low < 40.0 && leak.high > 40.0, "{leak:?}");
        for noise in [0.1, 3.0] {
            let steady = Growth::of(&samples(1_800, 0.0, noise)).unwrap();
            assert_eq!(steady.stays_below(10.0), Some(true), "{noise}: {steady:?}");
        }
    }

    #[test]
    fn what_the_noise_hides_is_neither_held_nor_broken() {
        for mb_per_hour in [0.0, 12.0, 25.0] {
            let hidden = Growth::of(&samples(1_800, mb_per_hour, 100.0)).unwrap();
            assert!(hidden.low <= 10.0 && hidden.high > 10.0, "{hidden:?}");
            assert_eq!(hidden.stays_below(10.0), None, "{hidden:?}");
        }
    }

    #[test]
    fn a_short_run_fails_by_what_is_no_noise_alone() {
        let steady = Growth::of(&samples(20, 1_000.0, 5.0)).unwrap();
        assert!(!steady.tells() && steady.stays_below(10.0) == Some(true), "{steady:?}");
        // 20 MB a second.
        let runaway = Growth::of(&samples(20, 72_000.0, 5.0)).unwrap();
        assert_eq!(runaway.stays_below(10.0), Some(false), "{runaway:?}");
    }

    #[test]
    fn too_little_is_no_line() {
        assert_eq!(Growth::of(&[]), None);
        assert_eq!(Growth::of(&samples(2, 0.0, 0.0)), None);
    }
}
