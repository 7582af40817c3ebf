//! What a load met: how many answers of which kind, how late, and how long they took.

use std::time::Duration;

use super::ledger::Verdict;

/// Counts answers of one stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Living keys let in.
    pub let_in: u64,
    /// Revoked keys refused.
    pub refused: u64,
    /// Keys let in between the answer to their revocation and the bound.
    pub still_let_in: u64,
    /// The longest of those times.
    pub longest: Duration,
    /// Revoked keys let in after the bound: must stay none.
    pub late: u64,
    /// Failed requests: must stay none.
    pub failed: u64,
    /// What failed or was late first.
    pub first_fault: Option<String>,
    /// Answers that the cache served.
    pub hits: u64,
    /// All answers that asked a cache.
    pub asked: u64,
    micros: Vec<u32>,
}

impl Tally {
    /// Counts an answer.
    pub fn count(&mut self, verdict: Verdict, told: impl FnOnce() -> String) {
        match verdict {
            Verdict::LetIn => self.let_in += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::StillLetIn(since) => {
                self.still_let_in += 1;
                self.longest = self.longest.max(since);
            }
            Verdict::LetInLate(since) => {
                self.late += 1;
                self.longest = self.longest.max(since);
                self.first_fault.get_or_insert_with(|| format!("let in {since:?} after: {}", told()));
            }
            Verdict::Failed(_) => self.fail(told()),
        }
    }

    /// Counts a request that was not answered as it had to be.
    pub fn fail(&mut self, told: String) {
        self.failed += 1;
        self.first_fault.get_or_insert(told);
    }

    /// Notes how long an answer took.
    pub fn took(&mut self, time: Duration) {
        self.micros.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Notes how a cache served.
    pub fn served(&mut self, cache: &str) {
        self.asked += 1;
        self.hits += u64::from(cache == "hit");
    }

    /// Takes in what another worker counted.
    pub fn add(&mut self, other: Self) {
        self.let_in += other.let_in;
        self.refused += other.refused;
        self.still_let_in += other.still_let_in;
        self.longest = self.longest.max(other.longest);
        self.late += other.late;
        self.failed += other.failed;
        self.first_fault = self.first_fault.take().or(other.first_fault);
        self.hits += other.hits;
        self.asked += other.asked;
        self.micros.extend(other.micros);
    }

    /// How many requests were answered as they had to be.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.micros.len()
    }

    /// The time within which so many of a thousand answers came.
    #[must_use]
    pub fn permille(&self, of_thousand: usize) -> Duration {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * of_thousand).div_ceil(1_000).saturating_sub(1);
        Duration::from_micros(sorted.get(place).copied().unwrap_or(0).into())
    }

    /// The part of the answers that the cache served, in hundredths.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let exact = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        100.0 * exact(self.hits) / exact(self.asked.max(1))
    }

    /// Fails when a request failed or a revoked key was let in late.
    pub fn must_be_clean(&self, when: &str) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.failed == 0 && self.late == 0,
            "{when}: {} failed, {} let in late; the first: {}",
            self.failed,
            self.late,
            self.first_fault.as_deref().unwrap_or("-")
        );
        Ok(())
    }
}

/// Writes a span as milliseconds.
#[must_use]
pub fn millis(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank_and_parts_add_up() {
        let mut tally = Tally::default();
        for n in 1..=100 {
            tally.took(Duration::from_micros(n));
            tally.served(if n <= 90 { "hit" } else { "miss" });
        }
        let mut other = Tally::default();
        other.count(Verdict::LetInLate(Duration::from_secs(2)), || "a key".to_owned());
        assert_eq!(tally.permille(990), Duration::from_micros(99));
        assert_eq!(tally.permille(500), Duration::from_micros(50));
        assert!((tally.hit_rate() - 90.0).abs() < 1e-9);
        tally.must_be_clean("now").unwrap();
        tally.add(other);
        let told = tally.must_be_clean("now").unwrap_err().to_string();
        assert!(told.contains("1 let in late") && told.contains("a key"), "{told}");
    }
}
