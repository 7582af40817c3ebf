use std::{sync::Arc, time::Duration};

use crate::{
    meter,
    models::{Demand, Quota},
    ports::{RateLimiter, Unavailable},
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
    /// The limiter could not be asked. What the gate guards stays closed then: guessing passwords must not become free
    /// by bringing the limiter down.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Asks rate limits before anything that costs.
///
/// Demands are asked one after the other, and a refused one ends the asking, so that somebody who has used up the quota of their address
/// can't use up that of the accounts they aim at. What each limit said is noted in the request's meter, for the answer's headers.
#[derive(Clone)]
pub struct Gate {
    limiter: Arc<dyn RateLimiter>,
}

impl Gate {
    /// Takes the limiter.
    #[must_use]
    pub fn new(limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limiter }
    }

    /// Lets the attempt in if every demand is admitted.
    pub async fn admit(&self, demands: &[Demand]) -> Result<(), GateRefused> {
        for demand in demands {
            let admission = self.limiter.admit(demand).await?;
            if let Some(meter) = meter::current() {
                meter.note_admission(admission);
            }
            if !admission.admitted {
                return Err(GateRefused::Limited { retry_after: admission.retry_after });
            }
        }
        Ok(())
    }

    /// A demand under `policy`, unless the limit is off. The key's owner is told apart from other policies' by the policy's name.
    #[must_use]
    pub fn demand(policy: &'static str, quota: Option<Quota>, owner: &str) -> Option<Demand> {
        quota.map(|quota| Demand { policy, quota, key: format!("{policy}:{owner}") })
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
}
