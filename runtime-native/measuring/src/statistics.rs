//! Percentiles, ratios and how far they are to be trusted.

use serde::{Deserialize, Serialize};

/// How sure an interval is to be.
pub const LEVEL: f64 = 0.95;

/// The value below which `p` per cent of the values lie, interpolated between neighbours; 0 for none.
#[must_use]
pub fn percentile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "far fewer values than an f64 counts exactly")]
    let place = (p / 100.0).clamp(0.0, 1.0) * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `last`")]
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

/// The middle value.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// How many times more one way takes than another, and between which bounds that is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The geometric mean of the rounds' ratios.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// How often such an interval holds the true ratio, such as 0.95.
    pub level: f64,
}

impl Ratio {
    /// Whether the two ways are told apart: 1 lies outside of the interval.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.low > 1.0 || self.high < 1.0
    }
}

/// Compares two ways by rounds in which both were measured: `off[i] / on[i]`, each pair from the same moment, so that what slows both cancels out. The
/// interval is Student's t on the logarithms. One round, or a figure that isn't positive, tells nothing: its interval is without bounds.
#[must_use]
pub fn ratio(off: &[f64], on: &[f64]) -> Ratio {
    let logs: Vec<f64> = off
        .iter()
        .zip(on)
        .filter(|(off, on)| **off > 0.0 && **on > 0.0 && off.is_finite() && on.is_finite())
        .map(|(off, on)| (off / on).ln())
        .collect();
    interval(&logs).map_or(Ratio { value: 1.0, low: 0.0, high: f64::MAX, level: LEVEL }, |(mean, half)| {
        Ratio {
            value: mean.exp(),
            low: (mean - half).exp(),
            // JSON has no infinity.
            high: (mean + half).exp().min(f64::MAX),
            level: LEVEL,
        }
    })
}

/// The mean and half the width of its interval.
fn interval(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer rounds than an f64 counts exactly")]
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if values.len() == 1 {
        return Some((mean, f64::INFINITY));
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some((mean, student(values.len() - 1) * (variance / count).sqrt()))
}

/// Student's t for a two-sided interval of 95 % with so many degrees of freedom (any table of the t distribution).
pub(crate) fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    if let Some(t) = freedom.checked_sub(1).and_then(|place| TABLE.get(place)) {
        return *t;
    }
    // The first terms of the Cornish–Fisher expansion; exact to three places from 30 on.
    #[expect(clippy::cast_precision_loss, reason = "far fewer rounds than an f64 counts exactly")]
    let n = freedom as f64;
    let z = 1.959_964_f64;
    z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A fixed sequence of numbers between 0 and 1 (`SplitMix64`), so that the tests see the same noise each time.
    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
            let unit = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
            unit
        }

        /// Log-normal, as times are.
        fn time(&mut self, spread: f64) -> f64 {
            let normal =
                (-2.0 * self.next().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos();
            10.0 * (spread * normal).exp()
        }
    }

    #[test]
    fn percentiles_lie_between_their_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0, 5.0];
        for (p, expected) in [(0.0, 1.0), (50.0, 3.0), (100.0, 5.0), (25.0, 2.0), (90.0, 4.6)] {
            assert!((percentile(&values, p) - expected).abs() < 1e-9, "{p}");
        }
        assert_eq!((percentile(&[], 50.0), median(&[7.0])), (0.0, 7.0));
    }

    #[test]
    fn a_known_interval_comes_out() {
        // Logarithms 0.1, 0.2, 0.3: mean 0.2, deviation 0.1, t of two degrees 4.303.
        let on = [1.0, 1.0, 1.0];
        let off = [0.1_f64.exp(), 0.2_f64.exp(), 0.3_f64.exp()];
        let told = ratio(&off, &on);
        let half = 4.303 * 0.1 / 3.0_f64.sqrt();
        assert!((told.value - 0.2_f64.exp()).abs() < 1e-9);
        assert!(
            (told.low - (0.2 - half).exp()).abs() < 1e-9 && (told.high - (0.2 + half).exp()).abs() < 1e-9
        );
        assert!(!told.tells());
    }

    #[test]
    fn one_round_tells_nothing() {
        assert!(!ratio(&[9.0], &[1.0]).tells());
        assert!(!ratio(&[], &[]).tells());
        assert!(!ratio(&[0.0, 0.0], &[1.0, 1.0]).tells());
        serde_json::from_str::<Ratio>(&serde_json::to_string(&ratio(&[2.0], &[1.0])).unwrap()).unwrap();
    }

    #[test]
    fn students_t_goes_on_smoothly_where_the_table_ends() {
        assert!((student(31) - 2.0395).abs() < 0.001 && (student(60) - 2.0003).abs() < 0.001);
        assert!((student(100_000) - 1.96).abs() < 0.001);
        assert!((1..60).all(|n| student(n) > student(n + 1)));
    }

    #[test]
    fn of_equal_ways_about_one_in_twenty_is_told_apart() {
        for (seed, rounds) in [(1, 4), (2, 8), (3, 20)] {
            let mut chance = Chance(seed);
            let mut told = 0;
            for _ in 0..4_000 {
                let mut side = || (0..rounds).map(|_| chance.time(0.2)).collect::<Vec<_>>();
                told += u32::from(ratio(&side(), &side()).tells());
            }
            // 200 expected; five standard deviations are 69.
            assert!((131..=269).contains(&told), "{told} of 4000 with {rounds} rounds");
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_ratio_and_turns_with_its_sides(
            off in prop::collection::vec(0.01_f64..1e6, 2..30), on in prop::collection::vec(0.01_f64..1e6, 2..30)
        ) {
            let (one, other) = (ratio(&off, &on), ratio(&on, &off));
            prop_assert!(one.low <= one.value && one.value <= one.high);
            prop_assert!((one.value * other.value - 1.0).abs() < 1e-6);
            prop_assert_eq!(one.tells(), other.tells());
        }

        #[test]
        fn a_clear_difference_is_told(factor in 1.5_f64..10.0, seed in 0_u64..1_000) {
            let mut chance = Chance(seed);
            let on: Vec<f64> = (0..10).map(|_| chance.time(0.05)).collect();
            let off: Vec<f64> = (0..10).map(|_| factor * chance.time(0.05)).collect();
            let told = ratio(&off, &on);
            prop_assert!(told.tells() && told.low > 1.0 && (told.value / factor - 1.0).abs() < 0.2);
        }

        #[test]
        fn percentiles_rise_and_stay_within(values in prop::collection::vec(0.0_f64..1e9, 1..200), p in 0.0_f64..100.0) {
            let (least, most) = (percentile(&values, 0.0), percentile(&values, 100.0));
            let at = percentile(&values, p);
            prop_assert!(least <= at && at <= most && at <= percentile(&values, (p + 1.0).min(100.0)));
        }
    }
}
