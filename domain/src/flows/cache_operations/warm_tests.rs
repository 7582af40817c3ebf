use std::sync::Arc;

use async_trait::async_trait;

use super::{
    AlreadyWarming, WarmCaches, WarmOutcome, Warmed, Warmer,
    testing::{away, cache, cache_with},
};
use crate::{
    cache::{Prefix, Strategies, Tiers},
    ports::Unavailable,
    settings::CachePolicies,
};

/// Fills as many as it is told.
struct Fills(Result<(), Unavailable>);

#[async_trait]
impl Warmer for Fills {
    fn prefix(&self) -> Prefix {
        Prefix::Books
    }

    async fn warm(&self, limit: u32) -> Result<usize, Unavailable> {
        tokio::task::yield_now().await;
        self.0.clone().map(|()| usize::try_from(limit).unwrap())
    }
}

#[tokio::test]
async fn what_is_warmed_is_bounded_and_what_is_not_is_said() {
    let mut policies = CachePolicies(Prefix::ALL.map(Prefix::policy));
    policies.0[Prefix::Bot as usize].tiers = Tiers::Off;
    let cache = cache_with(Strategies::new(policies.0));
    let warm = WarmCaches::new(vec![Arc::new(Fills(Ok(())))], Arc::clone(&cache), 7, 100);
    let outcomes = warm.run(&[Prefix::Books, Prefix::Bot, Prefix::Settings], 1_000).await.unwrap();
    let outcomes: Vec<_> = outcomes.into_iter().map(|warmed| warmed.outcome).collect();
    assert_eq!(outcomes, [WarmOutcome::Filled(100), WarmOutcome::Off, WarmOutcome::NothingToWarm]);
    let itself = vec![Warmed { prefix: Prefix::Books, outcome: WarmOutcome::Filled(7) }];
    assert_eq!(warm.by_itself().await, itself);
    let failing = WarmCaches::new(vec![Arc::new(Fills(Err(away())))], Arc::clone(&cache), 7, 100);
    assert_eq!(failing.by_itself().await[0].outcome, WarmOutcome::Failed(away()));
    assert_eq!(WarmCaches::new(vec![Arc::new(Fills(Ok(())))], cache, 0, 100).by_itself().await, []);
}

#[tokio::test]
async fn one_warm_up_at_a_time_also_when_one_is_dropped_half_way() {
    let warm = WarmCaches::new(vec![Arc::new(Fills(Ok(())))], cache(), 7, 100);
    {
        let mut first = std::pin::pin!(warm.run(&[Prefix::Books], 1));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        assert_eq!(warm.run(&[Prefix::Books], 1).await, Err(AlreadyWarming));
        assert_eq!(warm.by_itself().await, []);
    }
    assert!(warm.run(&[Prefix::Books], 1).await.is_ok());
}
