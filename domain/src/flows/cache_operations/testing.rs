//! What the tests of these flows share.

use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::{
    cache::{
        ArmPlan, Cache, CacheKey, CacheParts, Experiment, ExperimentPlan, ExperimentState, Prefix, Source,
        Strategies, Subject, Tiers,
    },
    flows::testing::{NOW, clock, entropy},
    models::ExperimentId,
    ports::{
        LocalStatistics, MockBackground, MockExperimentResults, MockExperiments, MockLocalCache, MockNotices,
        Unavailable,
    },
    settings::CachePolicies,
};

pub(super) fn away() -> Unavailable {
    Unavailable::new("storage", "away")
}

pub(super) fn cache_with(strategies: Strategies) -> Arc<Cache> {
    let mut local = MockLocalCache::new();
    local.expect_get().returning(|_| None);
    local.expect_set().returning(|_, _| ());
    local.expect_statistics().returning(LocalStatistics::default);
    Cache::new(CacheParts {
        clock: clock(),
        background: Arc::new(MockBackground::new()),
        notices: Arc::new(MockNotices::new()),
        local: Arc::new(local),
        shared: None,
        fence: Arc::default(),
        strategies,
        single_flight: false,
    })
}

pub(super) fn cache() -> Arc<Cache> {
    cache_with(Strategies::default())
}

pub(super) fn arm(name: &str, lifetime: Option<u32>, tiers: Option<Tiers>) -> ArmPlan {
    ArmPlan { lifetime_seconds: lifetime, tiers, ..ArmPlan::control(name) }
}

pub(super) fn plan() -> ExperimentPlan {
    ExperimentPlan {
        prefix: Prefix::Books,
        name: "off or on".to_owned(),
        arms: vec![arm("off", None, Some(Tiers::Off)), arm("long", Some(600), None)],
    }
}

pub(super) fn experiment(state: ExperimentState) -> Experiment {
    let ExperimentPlan { prefix, name, arms } = plan();
    let ended_at = (state != ExperimentState::Running).then_some(NOW);
    Experiment {
        id: ExperimentId::generate(NOW, [6; 10]),
        prefix,
        name,
        arms,
        state,
        started_at: NOW,
        ended_at,
    }
}

pub(super) fn adopted() -> Experiment {
    experiment(ExperimentState::Adopted("long".to_owned()))
}

pub(super) fn conducting(
    cache: Arc<Cache>,
    experiments: MockExperiments,
    results: MockExperimentResults,
    notices: MockNotices,
) -> ConductExperiments {
    ConductExperiments::new(ConductParts {
        clock: clock(),
        cache,
        experiments: Arc::new(experiments),
        results: Arc::new(results),
        server: Arc::new(Server::new(NOW, entropy())),
        background: Arc::new(MockBackground::new()),
        notices: Arc::new(notices),
    })
}

pub(super) fn managing(experiments: MockExperiments) -> ManageExperiments {
    ManageExperiments {
        clock: clock(),
        entropy: entropy(),
        experiments: Arc::new(experiments),
        results: Arc::new(MockExperimentResults::new()),
        policies: CachePolicies(Prefix::ALL.map(Prefix::policy)),
        conduct: None,
    }
}

/// Books by their number, each of which takes no time to load.
pub(super) struct Numbers;

#[async_trait]
impl Source for Numbers {
    type Id = u32;
    type Value = u32;
    const PREFIX: Prefix = Prefix::Books;

    fn key(&self, id: &u32) -> CacheKey {
        CacheKey::of(Prefix::Books, &id.to_le_bytes())
    }

    fn subjects(&self, _id: &u32, _value: &u32) -> Vec<Subject> {
        Vec::new()
    }

    async fn load(&self, id: &u32) -> Result<Option<u32>, Unavailable> {
        Ok(Some(*id))
    }
}
