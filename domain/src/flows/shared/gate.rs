use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    meter,
    models::{Demand, Quota},
    ports::{Notice, Notices, RateLimiter, Unavailable},
    settings::LimitClasses,
};

/// Why an attempt may not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateRefused {
    /// A quota is used up.
    #[error("too many attempts")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The limiter could not be asked, and the rule is closed then: guessing passwords must not become free by bringing the limiter down.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Asks rate limits before anything that costs.
///
/// Demands are asked one after the other, and a refused one ends the asking, so that somebody who has used up the quota of their address
/// can't use up that of the accounts they aim at. What each limit said is noted in the request's meter, for the answer's headers.
///
/// When the limiter can't be asked, demands of the classes that are open then pass uncounted, and all others are refused. Both are
/// counted, and operators are told once when it begins and once when it ends.
#[derive(Clone)]
pub struct Gate {
    limiter: Arc<dyn RateLimiter>,
    rules: Arc<Rules>,
}

struct Rules {
    open_when_away: LimitClasses,
    notices: Option<Arc<dyn Notices>>,
    is_away: AtomicBool,
    passed_uncounted: AtomicU64,
    refused_uncounted: AtomicU64,
}

/// What became of demands while the limiter couldn't be asked, since the process or isolate began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateStatistics {
    /// Whether it couldn't be the last time.
    pub is_away: bool,
    /// Demands that passed without being counted.
    pub passed_uncounted: u64,
    /// Demands that were refused for it.
    pub refused_uncounted: u64,
}

impl Gate {
    /// Takes the limiter. When it can't be asked, everything is refused, and nobody is told.
    #[must_use]
    pub fn new(limiter: Arc<dyn RateLimiter>) -> Self {
        Self::with_rules(limiter, LimitClasses::default(), None)
    }

    /// Takes the limiter, which classes are open when it can't be asked, and whom to tell.
    #[must_use]
    pub fn with_rules(
        limiter: Arc<dyn RateLimiter>,
        open_when_away: LimitClasses,
        notices: Option<Arc<dyn Notices>>,
    ) -> Self {
        let rules = Rules {
            open_when_away,
            notices,
            is_away: AtomicBool::new(false),
            passed_uncounted: AtomicU64::new(0),
            refused_uncounted: AtomicU64::new(0),
        };
        Self { limiter, rules: Arc::new(rules) }
    }

    /// Lets the attempt in if every demand is admitted.
    pub async fn admit(&self, demands: &[Demand]) -> Result<(), GateRefused> {
        for demand in demands {
            let admission = match self.limiter.admit(demand).await {
                Ok(admission) => admission,
                Err(unavailable) => {
                    self.rules.without_limiter(demand, unavailable)?;
                    continue;
                }
            };
            self.rules.limiter_answered();
            meter::with_current(|meter| meter.note_admission(admission));
            if !admission.admitted {
                return Err(GateRefused::Limited { retry_after: admission.retry_after });
            }
        }
        Ok(())
    }

    /// How it went without the limiter.
    #[must_use]
    pub fn statistics(&self) -> GateStatistics {
        GateStatistics {
            is_away: self.rules.is_away.load(Ordering::Relaxed),
            passed_uncounted: self.rules.passed_uncounted.load(Ordering::Relaxed),
            refused_uncounted: self.rules.refused_uncounted.load(Ordering::Relaxed),
        }
    }

    /// A demand under `policy`, unless the limit is off. The key's owner is told apart from other policies' by the policy's name.
    #[must_use]
    pub fn demand(policy: &'static str, quota: Option<Quota>, owner: impl fmt::Display) -> Option<Demand> {
        quota.map(|quota| {
            // Made for every request that is counted: most owners are ids.
            let mut key = String::with_capacity(policy.len() + 1 + 36);
            // Writing to a string doesn't fail.
            let _ = fmt::Write::write_fmt(&mut key, format_args!("{policy}:{owner}"));
            Demand { policy, quota, key }
        })
    }
}

impl Rules {
    /// Decides by rule what can't be counted.
    fn without_limiter(&self, demand: &Demand, unavailable: Unavailable) -> Result<(), Unavailable> {
        if !self.is_away.swap(true, Ordering::Relaxed)
            && let Some(notices) = &self.notices
        {
            notices.tell(Notice::LimiterAway { detail: unavailable.detail.clone() });
        }
        if self.open_when_away.contains_policy(demand.policy) {
            self.passed_uncounted.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.refused_uncounted.fetch_add(1, Ordering::Relaxed);
        Err(unavailable)
    }

    fn limiter_answered(&self) {
        if self.is_away.load(Ordering::Relaxed)
            && self.is_away.swap(false, Ordering::Relaxed)
            && let Some(notices) = &self.notices
        {
            notices.tell(Notice::LimiterBack);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        meter::Meter,
        models::{Gcra, Timestamp},
        ports::MockRateLimiter,
    };

    #[tokio::test]
    async fn a_refused_address_spends_nothing_of_the_account() {
        let quota = Quota::parse("1/1m").unwrap();
        let mut limiter = MockRateLimiter::new();
        limiter.expect_admit().withf(|demand| demand.key == "login-address:192.0.2.1").times(1).returning(
            move |demand| {
                let now = Timestamp::from_seconds(1);
                let full = Gcra::decide(demand.policy, quota, None, now).theoretical_arrival;
                Ok(Gcra::decide(demand.policy, quota, Some(full), now).admission)
            },
        );
        let gate = Gate::new(Arc::new(limiter));
        let demands: Vec<_> = [
            Gate::demand("login-address", Some(quota), "192.0.2.1"),
            Gate::demand("login-account", Some(quota), "ada"),
            Gate::demand("login-off", None, "ada"),
        ]
        .into_iter()
        .flatten()
        .collect();
        assert_eq!(demands.len(), 2);
        let meter = Arc::new(Meter::default());
        let refused = meter::metered(Arc::clone(&meter), gate.admit(&demands)).await;
        assert_eq!(refused, Err(GateRefused::Limited { retry_after: Duration::from_secs(60) }));
        assert_eq!(meter.admissions().len(), 1);
    }

    #[tokio::test]
    async fn without_a_limiter_open_classes_pass_and_are_counted_and_it_is_told_once() {
        use std::sync::Mutex;

        use crate::{ports::MockNotices, settings::LimitClass};

        let quota = Quota::parse("1/1m").unwrap();
        let is_away = Arc::new(AtomicBool::new(true));
        let away = Arc::clone(&is_away);
        let mut limiter = MockRateLimiter::new();
        limiter.expect_admit().returning(move |demand| {
            if away.load(Ordering::SeqCst) {
                return Err(Unavailable::new("rate limiter", "gone"));
            }
            Ok(Gcra::decide(demand.policy, quota, None, Timestamp::from_seconds(1)).admission)
        });
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let mut notices = MockNotices::new();
        notices.expect_tell().returning(move |notice| sink.lock().unwrap().push(notice));
        let open = LimitClasses::of(&[LimitClass::Key]);
        let gate = Gate::with_rules(Arc::new(limiter), open, Some(Arc::new(notices)));

        let key = Gate::demand("api-key", Some(quota), "1").unwrap();
        let login = Gate::demand("login-address", Some(quota), "192.0.2.1").unwrap();
        for _ in 0..3 {
            assert_eq!(gate.admit(std::slice::from_ref(&key)).await, Ok(()));
        }
        let refused = gate.admit(&[key.clone(), login.clone()]).await;
        assert_eq!(refused, Err(GateRefused::Unavailable(Unavailable::new("rate limiter", "gone"))));
        let expected = GateStatistics { is_away: true, passed_uncounted: 4, refused_uncounted: 1 };
        assert_eq!(gate.clone().statistics(), expected);
        is_away.store(false, Ordering::SeqCst);
        assert_eq!(gate.admit(&[key, login]).await, Ok(()));
        assert_eq!(gate.statistics(), GateStatistics { is_away: false, ..expected });
        let expected = [Notice::LimiterAway { detail: "gone".to_owned() }, Notice::LimiterBack];
        assert_eq!(*told.lock().unwrap(), expected);
    }
}
