use super::shared::{Gate, GateRefused};
use crate::models::{Caller, Quota, UserId};

/// Counts requests whatever they are about: all of an address, and those by which an account changes something.
///
/// Both are open when the limiter is away unless the operator says otherwise: they bound what somebody may use up, and guard no secret.
pub struct LimitRequests {
    /// Asks the rate limits.
    pub gate: Gate,
    /// How many requests one address may send.
    pub address: Option<Quota>,
    /// How many changes one account may make.
    pub account: Option<Quota>,
}

impl LimitRequests {
    /// Counts a request before anything else is looked at.
    pub async fn of_address(&self, caller: &Caller) -> Result<(), GateRefused> {
        let demand = self.address.and_then(|quota| Gate::demand("address", Some(quota), caller.limit_key()));
        self.gate.admit(demand.as_slice()).await
    }

    /// Counts a request by which an account changes something, once it is known whose it is.
    pub async fn of_account(&self, account: UserId) -> Result<(), GateRefused> {
        self.gate.admit(Gate::demand("account", self.account, account).as_slice()).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        flows::testing::{NOW, claims},
        models::Gcra,
        ports::MockRateLimiter,
    };

    fn flow(address: Option<Quota>, account: Option<Quota>) -> LimitRequests {
        let mut limiter = MockRateLimiter::new();
        limiter.expect_admit().returning(|demand| {
            assert!(demand.key.starts_with(&format!("{}:", demand.policy)));
            let full = Gcra::decide(demand.policy, demand.quota, None, NOW).theoretical_arrival;
            Ok(Gcra::decide(demand.policy, demand.quota, Some(full), NOW).admission)
        });
        LimitRequests { gate: Gate::new(Arc::new(limiter)), address, account }
    }

    #[tokio::test]
    async fn each_is_refused_by_its_own_limit_alone() {
        let caller = Caller { address: "192.0.2.1".parse().ok(), user_agent: None };
        let one = Quota::parse("1/1m").ok();
        let (address, account) = (flow(one, None), flow(None, one));
        assert!(matches!(address.of_address(&caller).await, Err(GateRefused::Limited { .. })));
        assert_eq!(address.of_account(claims().user_id).await, Ok(()));
        assert!(matches!(account.of_account(claims().user_id).await, Err(GateRefused::Limited { .. })));
        assert_eq!(account.of_address(&caller).await, Ok(()));
    }
}
