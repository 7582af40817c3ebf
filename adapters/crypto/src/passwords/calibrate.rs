use std::time::{Duration, Instant};

use portico_domain::{models::Password, ports::HashingRefused};

use super::{BcryptCost, work};

/// How long one hash takes at one cost on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostTime {
    /// The cost.
    pub cost: BcryptCost,
    /// The fastest of a few hashes: what the machine can do when nothing else runs.
    pub time: Duration,
}

/// What a calibration found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calibration {
    /// The highest cost whose hash takes no longer than the target; the lowest allowed when none does.
    pub suggested: BcryptCost,
    /// What was measured, lowest cost first, up to the first that takes longer than the target.
    pub measured: Vec<CostTime>,
}

/// Measures hashes of rising cost on one core, and suggests the highest that stays within `target`. Takes about ten times the target.
///
/// # Errors
/// [`HashingRefused::Failed`] when the hasher fails.
pub fn calibrate(target: Duration) -> Result<Calibration, HashingRefused> {
    let password = Password::to_check("calibration").map_err(|why| HashingRefused::Failed(why.to_owned()))?;
    calibrate_with(target, |cost| {
        let started = Instant::now();
        work::hash(&password, cost)?;
        Ok(started.elapsed())
    })
}

fn calibrate_with(
    target: Duration,
    mut hash: impl FnMut(BcryptCost) -> Result<Duration, HashingRefused>,
) -> Result<Calibration, HashingRefused> {
    let mut measured = Vec::new();
    for cost in BcryptCost::all() {
        let mut time = hash(cost)?;
        for _ in 0..2 {
            time = time.min(hash(cost)?);
        }
        measured.push(CostTime { cost, time });
        if time > target {
            break;
        }
    }
    let fitting = measured.iter().filter(|at| at.time <= target).map(|at| at.cost).max();
    Ok(Calibration { suggested: fitting.unwrap_or(BcryptCost::LOWEST), measured })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubling_from(ms: u64) -> impl Fn(BcryptCost) -> Result<Duration, HashingRefused> {
        move |cost| Ok(Duration::from_millis(ms << (cost.get() - 10)))
    }

    #[test]
    fn suggests_the_highest_cost_within_the_target() {
        let found = calibrate_with(Duration::from_millis(250), doubling_from(50)).unwrap();
        assert_eq!(found.suggested.get(), 12);
        assert_eq!(found.measured.len(), 4);
    }

    #[test]
    fn stays_within_what_is_allowed() {
        let slow = calibrate_with(Duration::from_millis(10), doubling_from(50)).unwrap();
        assert_eq!((slow.suggested.get(), slow.measured.len()), (10, 1));
        let fast = calibrate_with(Duration::from_secs(60), doubling_from(1)).unwrap();
        assert_eq!((fast.suggested.get(), fast.measured.len()), (15, 6));
    }

    #[test]
    fn one_slow_measurement_does_not_decide() {
        let mut times = [900, 50, 60].into_iter().cycle();
        let found = calibrate_with(Duration::from_millis(100), |_| {
            Ok(Duration::from_millis(times.next().unwrap_or_default()))
        });
        assert_eq!(found.unwrap().measured[0].time, Duration::from_millis(50));
    }

    #[test]
    fn measures_real_hashes() {
        let found = calibrate(Duration::ZERO).unwrap();
        assert!(found.measured[0].time > Duration::from_millis(1));
    }
}
