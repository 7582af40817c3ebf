//! Random choices that cost nothing, seeded by the operating system.

/// Chooses: xorshift64* (Marsaglia 2003, Vigna 2016), good enough to spread a load.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Default for Chance {
    fn default() -> Self {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        Self(u64::from_le_bytes(seed) | 1)
    }
}

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Gives a number below `bound`, each as likely.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from((self.next() >> 11) % bound).unwrap_or(0)
    }

    /// Gives a number from 0 to below 1.
    pub fn part(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).unwrap_or(0);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Zipf's law with exponent 1: the n-th of a population is asked for 1/n times as often as the first.
#[derive(Clone, Debug)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Prepares choices among `population`.
    #[must_use]
    pub fn of(population: u32) -> Self {
        let mut sum = 0.0;
        let mut steps: Vec<f64> = (1..=population)
            .map(|rank| {
                sum += 1.0 / f64::from(rank);
                sum
            })
            .collect();
        for step in &mut steps {
            *step /= sum;
        }
        Self(steps)
    }

    /// Gives a rank, counted from 0.
    pub fn rank(&self, chance: &mut Chance) -> usize {
        let part = chance.part();
        self.0.partition_point(|step| *step <= part).min(self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_asked_for_as_often_as_the_law_says() {
        let (zipf, mut chance) = (Zipf::of(10_000), Chance::default());
        let mut counts = vec![0_u32; 10_000];
        for _ in 0..100_000 {
            counts[zipf.rank(&mut chance)] += 1;
        }
        // The harmonic number of 10,000 is 9.7876.
        assert!((9_700..10_750).contains(&counts[0]), "{}", counts[0]);
        assert!((4_700..5_500).contains(&counts[1]), "{}", counts[1]);
        assert!(counts[5_000..].iter().sum::<u32>() > 5_000);
    }
}
