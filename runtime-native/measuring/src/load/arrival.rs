//! When requests come.

use std::time::Duration;

/// When requests come.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// Evenly, whether or not the ones before were answered.
    Open {
        /// How many a second.
        per_second: f64,
    },
    /// The same, at a rate that changes evenly within each stage. Each begins at the rate where the one before ended, the first at 0; together they take the place of the plan's
    /// duration and warm-up.
    Stages(Vec<Stage>),
    /// Whenever one of so many users was answered.
    Closed {
        /// How many users, each with a connection of its own.
        users: u32,
    },
    /// Whenever one of so many people was answered and has paused, as people do.
    People {
        /// How many people, each with a connection of its own.
        users: u32,
        /// How long each pauses on average: between half and one and a half of it.
        pause: Duration,
    },
}

/// One stretch of a rate that changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How many requests a second come at its end.
    pub per_second: f64,
    /// How long it takes.
    pub over: Duration,
}

/// The moments at which requests are due, from the first.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    /// The stages to come, the nearest last.
    stages: Vec<Stage>,
    /// The stage under way: where it began, the rate there, and how many were due by then.
    stage: Option<Stage>,
    began: f64,
    rate: f64,
    before: f64,
    next: u32,
}

impl Moments {
    /// An even rate for so long.
    pub(super) fn even(per_second: f64, long: Duration) -> Self {
        let mut moments = Self::staged(&[Stage { per_second, over: long }]);
        moments.rate = per_second;
        moments
    }

    /// A rate that changes.
    pub(super) fn staged(stages: &[Stage]) -> Self {
        let mut stages: Vec<_> = stages.iter().rev().copied().collect();
        Self { stage: stages.pop(), stages, began: 0.0, rate: 0.0, before: 0.0, next: 0 }
    }
}

impl Iterator for Moments {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        loop {
            let Stage { per_second, over } = self.stage?;
            let over = over.as_secs_f64();
            let wanted = f64::from(self.next) - self.before;
            let slope = if over > 0.0 { (per_second - self.rate) / over } else { 0.0 };
            match time_until(self.rate, slope, wanted) {
                Some(seconds) if seconds < over => {
                    self.next = self.next.checked_add(1)?;
                    return Some(Duration::from_secs_f64(self.began + seconds));
                }
                _ => {
                    self.before += f64::midpoint(self.rate, per_second) * over;
                    self.began += over;
                    self.rate = per_second;
                    self.stage = self.stages.pop();
                }
            }
        }
    }
}

/// After how many seconds so many were due, where the rate is `rate` at first and changes by `slope` a second. None: never.
fn time_until(rate: f64, slope: f64, count: f64) -> Option<f64> {
    if count <= 0.0 {
        return Some(0.0);
    }
    // The root of slope/2·t² + rate·t = count, in the form that loses no digits when the slope is nearly none.
    let under_root = rate.mul_add(rate, 2.0 * slope * count);
    let divisor = rate + under_root.max(0.0).sqrt();
    (under_root >= 0.0 && divisor > 0.0).then(|| 2.0 * count / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(moments: Moments) -> Vec<f64> {
        moments.map(|moment| moment.as_secs_f64()).collect()
    }

    #[test]
    fn an_even_rate_is_even() {
        let moments = seconds(Moments::even(4.0, Duration::from_secs(2)));
        assert_eq!(moments, [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]);
        assert_eq!(seconds(Moments::even(0.0, Duration::from_secs(2))).len(), 1);
    }

    #[test]
    fn a_rising_rate_has_the_area_below_it() {
        let stage = |per_second, over| Stage { per_second, over: Duration::from_secs(over) };
        // 0 to 100 over 10 s are 500, 100 for 5 s are 500, and back to 0 over 2 s are 100.
        let moments = seconds(Moments::staged(&[stage(100.0, 10), stage(100.0, 5), stage(0.0, 2)]));
        let until = |end: f64| moments.iter().filter(|moment| **moment < end).count();
        assert!((1_099..=1_101).contains(&moments.len()), "{}", moments.len());
        assert!((499..=501).contains(&until(10.0)) && (999..=1_001).contains(&until(15.0)));
        // A quarter of the way up is a sixteenth of the area.
        assert!((30..=33).contains(&until(2.5)), "{}", until(2.5));
        assert!(moments.is_sorted());
        assert!(seconds(Moments::staged(&[])).is_empty());
    }
}
