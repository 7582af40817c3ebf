use serde::Serialize;

/// The standard normal distribution's quantile for 95 % between its two sides.
const Z: f64 = 1.959_963_985;

/// A figure with the interval that holds the true one in 95 of 100 such measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// From how many observations.
    pub n: u64,
    /// The figure; `None` without an observation.
    pub mean: Option<f64>,
    /// The interval's lower end; `None` where so few observations say nothing about it.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
}

impl Estimate {
    /// The part of `n` observations that were `successes`, with Wilson's score interval (Wilson 1927), which holds near 0 and 1 and for few observations too.
    #[must_use]
    pub fn of_proportion(successes: u64, n: u64) -> Self {
        if n == 0 {
            return Self { n, mean: None, low: None, high: None };
        }
        let (count, part) = (float(n), float(successes.min(n)) / float(n));
        let spread = Z * Z / count;
        let middle = (part + spread / 2.0) / (1.0 + spread);
        let half = Z / (1.0 + spread) * (part * (1.0 - part) / count + spread / (4.0 * count)).sqrt();
        let (low, high) = ((middle - half).max(0.0), (middle + half).min(1.0));
        Self { n, mean: Some(part), low: Some(low), high: Some(high) }
    }

    /// The mean of `n` observations, given their sum and the sum of their squares, with Student's interval.
    #[must_use]
    pub fn of_mean(n: u64, sum: f64, sum_of_squares: f64) -> Self {
        if n == 0 {
            return Self { n, mean: None, low: None, high: None };
        }
        let count = float(n);
        let mean = sum / count;
        if n == 1 {
            return Self { n, mean: Some(mean), low: None, high: None };
        }
        // Rounding can bring a difference of large sums below zero.
        let variance = ((sum_of_squares - sum * mean) / (count - 1.0)).max(0.0);
        let half = student(n - 1) * (variance / count).sqrt();
        Self { n, mean: Some(mean), low: Some((mean - half).max(0.0)), high: Some(mean + half) }
    }

    /// Whether the two intervals have no value in common. Where one is unknown they aren't known to be apart.
    #[must_use]
    pub fn is_apart_from(&self, other: &Self) -> bool {
        let below = |a: &Self, b: &Self| a.high.zip(b.low).is_some_and(|(high, low)| high < low);
        below(self, other) || below(other, self)
    }
}

/// Student's quantile for 95 % between both sides: tabled for the fewest degrees of freedom, then by the expansion about the normal quantile (Abramowitz and Stegun,
/// 26.7.5), which is right to 1 % from three degrees on.
fn student(degrees: u64) -> f64 {
    let v = float(degrees);
    match degrees {
        0 => f64::INFINITY,
        1 => 12.706,
        2 => 4.303,
        _ => {
            let [z, z3, z5, z7] = [Z, Z.powi(3), Z.powi(5), Z.powi(7)];
            z + (z3 + z) / (4.0 * v)
                + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * v * v)
                + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * v * v * v)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people; counts stay below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, wanted: f64, within: f64) {
        let found = found.unwrap();
        assert!((found - wanted).abs() <= within, "{found} instead of {wanted}");
    }

    /// Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    #[test]
    fn wilsons_interval_is_that_of_the_literature() {
        for (successes, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let estimate = Estimate::of_proportion(successes, n);
            near(estimate.low, low, 0.000_05);
            near(estimate.high, high, 0.000_05);
        }
        assert_eq!(Estimate::of_proportion(7, 7).high, Some(1.0));
        assert_eq!(Estimate::of_proportion(0, 0).mean, None);
    }

    #[test]
    fn students_quantiles_are_the_tabled_ones() {
        for (degrees, tabled) in [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (4, 2.776),
            (5, 2.571),
            (10, 2.228),
            (30, 2.042),
            (1_000, 1.962),
        ] {
            near(Some(student(degrees)), tabled, tabled * 0.01);
        }
    }

    #[test]
    fn the_interval_of_a_mean_is_the_textbooks() {
        // 1, 2, 3, 4, 5: mean 3, deviation 1.5811, 3 ± 2.776 · 0.7071.
        let estimate = Estimate::of_mean(5, 15.0, 55.0);
        near(estimate.mean, 3.0, 1e-9);
        near(estimate.low, 1.037, 0.02);
        near(estimate.high, 4.963, 0.02);
        let alike = Estimate::of_mean(4, 40.0, 400.0);
        assert_eq!((alike.low, alike.high), (Some(10.0), Some(10.0)));
        let one = Estimate::of_mean(1, 7.0, 49.0);
        assert_eq!((one.mean, one.low, one.high), (Some(7.0), None, None));
        assert_eq!(Estimate::of_mean(0, 0.0, 0.0).mean, None);
    }

    #[test]
    fn intervals_are_apart_only_where_both_are_known() {
        let low = Estimate::of_proportion(1, 1_000);
        let high = Estimate::of_proportion(900, 1_000);
        assert!(low.is_apart_from(&high) && high.is_apart_from(&low));
        assert!(!low.is_apart_from(&low));
        assert!(!low.is_apart_from(&Estimate::of_proportion(0, 0)));
    }
}
