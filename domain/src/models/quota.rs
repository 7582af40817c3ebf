//! How often something may be done: GCRA, the generic cell rate algorithm (ITU-T I.371, appendix I).
//!
//! A quota of `limit` a `window` lets a burst of `limit` through at once and then one each `window / limit`. The whole state of
//! one key is one moment, the *theoretical arrival time*: when the bucket would be empty again. What must hold: between any
//! two moments no more than `limit + (span × limit / window)` attempts are admitted, refusals cost nothing, and a
//! clock that goes backwards admits nothing extra.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};

use super::Timestamp;

/// So many attempts in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Attempts admitted in one window; at least 1.
    pub limit: u32,
    /// The window; whole seconds, at least one.
    pub window: Duration,
}

impl Quota {
    /// Reads `<count>/<n>s|m|h`, such as `10/1m`.
    ///
    /// # Errors
    /// A sentence for the operator who wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong =
            "must look like 10/1m: a count of 1–1000000, a slash, and a time of up to 24h in s, m or h";
        let (count, window) = text.trim().split_once('/').ok_or(wrong)?;
        let limit: u32 = count.parse().map_err(|_| wrong)?;
        let unit = match window.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            _ => return Err(wrong),
        };
        let amount: u64 = window[..window.len() - 1].parse().map_err(|_| wrong)?;
        let seconds = amount.checked_mul(unit).ok_or(wrong)?;
        if !(1..=1_000_000).contains(&limit) || !(1..=86_400).contains(&seconds) {
            return Err(wrong);
        }
        Ok(Self { limit, window: Duration::from_secs(seconds) })
    }

    /// The time that one attempt takes up, in microseconds, rounded up so that rounding never admits more.
    fn cell(self) -> i64 {
        let window = i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX);
        let limit = i64::from(self.limit.max(1));
        window.saturating_add(limit - 1) / limit
    }
}

impl Serialize for Quota {
    /// The contract's form: `{"limit": …, "window_seconds": …}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Quota", 2)?;
        members.serialize_field("limit", &self.limit)?;
        members.serialize_field("window_seconds", &self.window.as_secs())?;
        members.end()
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            limit: u32,
            window_seconds: u64,
        }
        let Members { limit, window_seconds } = Members::deserialize(deserializer)?;
        Ok(Self { limit, window: Duration::from_secs(window_seconds) })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.limit, self.window.as_secs())
    }
}

/// One attempt that asks to be admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The rule's name, as clients see it in `RateLimit-Policy`.
    pub policy: &'static str,
    /// The rule.
    pub quota: Quota,
    /// Whom the rule counts: unique over all rules, without personal data in clear where it can be avoided.
    pub key: String,
}

/// What became of a demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The rule's name.
    pub policy: &'static str,
    /// The rule.
    pub quota: Quota,
    /// Whether the attempt may go on.
    pub admitted: bool,
    /// Attempts that would still be admitted right now.
    pub remaining: u32,
    /// When the whole quota is there again.
    pub reset_after: Duration,
    /// When it is worth trying again; zero when admitted.
    pub retry_after: Duration,
}

/// The decision over one key, as a pure function of its kept moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    /// What to answer.
    pub admission: Admission,
    /// The moment to keep for the key; forget the key once this has passed.
    pub theoretical_arrival: Timestamp,
}

impl Gcra {
    /// Decides one attempt at `now`, with the moment kept for the key, if any.
    #[must_use]
    pub fn decide(policy: &'static str, quota: Quota, kept: Option<Timestamp>, now: Timestamp) -> Self {
        let cell = quota.cell();
        let burst = cell.saturating_mul(i64::from(quota.limit.max(1)));
        let start = kept.map_or(now, |kept| kept.max(now));
        let ahead = start.micros() - now.micros();
        let admitted = ahead.saturating_add(cell) <= burst;
        let arrival =
            if admitted { Timestamp::from_micros(start.micros().saturating_add(cell)) } else { start };
        let used = arrival.micros() - now.micros();
        let wait = if admitted { 0 } else { ahead.saturating_add(cell) - burst };
        let span = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        Self {
            admission: Admission {
                policy,
                quota,
                admitted,
                remaining: u32::try_from((burst - used).max(0) / cell).unwrap_or(quota.limit),
                reset_after: span(used),
                retry_after: span(wait),
            },
            theoretical_arrival: arrival,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEN: Quota = Quota { limit: 10, window: Duration::from_secs(60) };

    #[test]
    fn reads_the_written_form_and_refuses_nonsense() {
        assert_eq!(Quota::parse("10/1m"), Ok(TEN));
        assert_eq!(Quota::parse("5/30s"), Ok(Quota { limit: 5, window: Duration::from_secs(30) }));
        for text in ["", "10", "0/1m", "10/0s", "10/1d", "-1/1m", "10/99h", "10/m", "1e3/1m", "10/1ü"] {
            assert!(Quota::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn admits_a_burst_then_one_a_cell() {
        let start = Timestamp::from_seconds(1_000);
        let mut kept = None;
        for n in (0..10).rev() {
            let decision = Gcra::decide("login", TEN, kept, start);
            assert!(decision.admission.admitted);
            assert_eq!(decision.admission.remaining, n);
            kept = Some(decision.theoretical_arrival);
        }
        let refused = Gcra::decide("login", TEN, kept, start);
        assert!(!refused.admission.admitted);
        assert_eq!(refused.admission.retry_after, Duration::from_secs(6));
        assert_eq!(refused.admission.reset_after, Duration::from_secs(60));
        assert_eq!(Some(refused.theoretical_arrival), kept, "a refusal costs nothing");
        let early = Gcra::decide("login", TEN, kept, start.after(Duration::from_micros(5_999_999)));
        assert!(!early.admission.admitted);
        let later = Gcra::decide("login", TEN, kept, start.after(Duration::from_secs(6)));
        assert!(later.admission.admitted);
        assert_eq!(later.admission.remaining, 0);
    }

    proptest! {
        #[test]
        fn never_admits_more_than_the_quota_allows(
            limit in 1u32..50, window in 1u64..120, gaps in prop::collection::vec(0i64..20_000_000, 1..300),
        ) {
            let quota = Quota { limit, window: Duration::from_secs(window) };
            let (mut now, mut kept, mut admitted) = (0i64, None, Vec::new());
            for gap in gaps {
                now += gap;
                let decision = Gcra::decide("p", quota, kept, Timestamp::from_micros(now));
                kept = Some(decision.theoretical_arrival);
                if decision.admission.admitted { admitted.push(now); }
            }
            for (i, from) in admitted.iter().enumerate() {
                for (j, to) in admitted.iter().enumerate().skip(i) {
                    let count = i128::try_from(j - i + 1).unwrap();
                    let micros = i128::from(to - from);
                    let allowed = i128::from(limit) + micros * i128::from(limit) / i128::from(window * 1_000_000) ;
                    prop_assert!(count <= allowed, "{} in {} µs", count, micros);
                }
            }
        }

        #[test]
        fn a_clock_that_jumps_back_admits_nothing_extra(back in 0i64..100_000_000) {
            let mut kept = None;
            for _ in 0..10 {
                kept = Some(Gcra::decide("p", TEN, kept, Timestamp::from_seconds(1_000)).theoretical_arrival);
            }
            let earlier = Timestamp::from_micros(Timestamp::from_seconds(1_000).micros() - back);
            prop_assert!(!Gcra::decide("p", TEN, kept, earlier).admission.admitted);
        }
    }
}
