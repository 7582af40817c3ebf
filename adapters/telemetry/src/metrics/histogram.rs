use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Room for as many bounds as any histogram here has, and for what is above them all.
const PLACES: usize = 16;

/// Upper bounds of times, in microseconds.
const TIMES: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
/// Upper bounds of numbers of statements: each one up to the budget, and then how far beyond.
const STATEMENTS: [u64; 9] = [0, 1, 2, 3, 4, 5, 8, 16, 64];

/// Counts how often values fell between bounds. To count one is two additions that wait for nobody; `prometheus-client`'s own takes a lock.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [u64],
    /// How many make one in the unit that is shown.
    unit: f64,
    counts: [AtomicU64; PLACES],
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// How many values fell above the bound before and not above this one.
    pub(crate) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Of times, counted in microseconds and shown in seconds.
    pub(crate) fn of_times() -> Self {
        Self::new(&TIMES, 1e6)
    }

    /// Of numbers of statements.
    pub(crate) fn of_statements() -> Self {
        Self::new(&STATEMENTS, 1.0)
    }

    fn new(bounds: &'static [u64], unit: f64) -> Self {
        Self { bounds, unit, counts: Default::default(), sum: AtomicU64::new(0) }
    }

    pub(crate) fn observe(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people; 2^53 µs are 285 years")]
    pub(crate) fn read(&self) -> Shape {
        // The count is that of what was read, so that a value that comes meanwhile can't be in one and not in the other.
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.unit).chain([f64::INFINITY]);
        Shape {
            sum: self.sum.load(Relaxed) as f64 / self.unit,
            count: counts.iter().sum(),
            buckets: bounds.zip(counts).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_at_or_below_its_bound() {
        let histogram = Histogram::of_statements();
        for value in [0, 1, 5, 6, 8, 64, 65, 1_000] {
            histogram.observe(value);
        }
        let Shape { sum, count, buckets } = histogram.read();
        assert!((sum - 1_149.0).abs() < 1e-9);
        assert_eq!(count, 8);
        let counts: Vec<u64> = buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 1, 0, 0, 0, 1, 2, 0, 1, 2]);
        assert!(buckets.last().unwrap().0.is_infinite());
    }

    #[test]
    fn times_are_shown_in_seconds() {
        let histogram = Histogram::of_times();
        histogram.observe(1_500_000);
        let shape = histogram.read();
        assert!((shape.sum - 1.5).abs() < 1e-9);
        assert_eq!(format!("{:?}", shape.buckets[11]), "(2.5, 1)");
        assert_eq!(shape.buckets.len(), TIMES.len() + 1);
    }
}
