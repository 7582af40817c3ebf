use std::{sync::Arc, time::Duration};

use super::{testing::*, *};
use crate::{
    cache::{ExperimentPlan, ExperimentState, Prefix, Tiers},
    flows::{
        shared::Gate,
        testing::{NOW, entropy},
    },
    models::FieldFault,
    ports::{
        ArmAdoption, ExperimentStart, MockExperimentResults, MockExperiments, MockNotices, MockRateLimiter,
    },
};

#[tokio::test]
async fn a_new_experiment_leaves_out_what_the_adopted_arm_says() {
    let mut experiments = MockExperiments::new();
    let long = ExperimentPlan { prefix: Prefix::Books, ..plan() };
    experiments.expect_in_force().returning(|| Ok(vec![adopted()]));
    experiments.expect_start().times(1).returning(|_| Ok(ExperimentStart::Started));
    let started = managing(experiments).start(long).await.unwrap();
    assert_eq!(started.state, ExperimentState::Running);
    assert_eq!((started.started_at, started.ended_at), (NOW, None));
    assert_eq!(started.arms, [arm("off", Some(600), Some(Tiers::Off)), arm("long", Some(600), None)]);
}

#[tokio::test]
async fn what_makes_no_sense_reaches_no_storage() {
    let faulty = ExperimentPlan { name: String::new(), arms: Vec::new(), ..plan() };
    let refused = managing(MockExperiments::new()).start(faulty).await;
    let Err(ExperimentError::Invalid(faults)) = refused else { panic!("{refused:?}") };
    assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["name", "arms"]);
    let mut experiments = MockExperiments::new();
    experiments.expect_by_id().returning(|_| Ok(Some(experiment(ExperimentState::Stopped))));
    let refused = managing(experiments).adopt(adopted().id, "short").await;
    let fault = FieldFault::new("arm", "must be one of the experiment's arms: off, long");
    assert_eq!(refused, Err(ExperimentError::Invalid(vec![fault])));
}

#[tokio::test]
async fn what_storage_refuses_is_told() {
    let mut experiments = MockExperiments::new();
    experiments.expect_in_force().returning(|| Ok(Vec::new()));
    experiments.expect_start().returning(|_| Ok(ExperimentStart::AnotherRuns));
    experiments.expect_stop().returning(|_, _| Ok(None));
    experiments.expect_by_id().returning(|_| Ok(Some(experiment(ExperimentState::Stopped))));
    experiments.expect_adopt().returning(|_, _, _| Ok(ArmAdoption::AnotherRuns));
    let manage = managing(experiments);
    assert_eq!(manage.start(plan()).await, Err(ExperimentError::AnotherRuns));
    assert_eq!(manage.stop(adopted().id).await, Err(ExperimentError::NotFound));
    assert_eq!(manage.adopt(adopted().id, "long").await, Err(ExperimentError::AnotherRuns));
}

#[tokio::test]
async fn figures_say_whose_they_are_and_how_each_prefix_is_kept() {
    let cache = cache();
    let mut experiments = MockExperiments::new();
    experiments.expect_in_force().returning(|| Ok(vec![adopted()]));
    let results = MockExperimentResults::new();
    let conduct = Arc::new(conducting(Arc::clone(&cache), experiments, results, MockNotices::new()));
    conduct.run().await.unwrap();
    let gate = Gate::new(Arc::new(MockRateLimiter::new()));
    let server = Arc::new(Server::new(NOW, entropy()));
    let show = ShowCache { server: Arc::clone(&server), cache, conduct, gate };
    let figures = show.run().await.unwrap();
    assert_eq!((figures.server, figures.since), (server.id().unwrap(), NOW));
    let books = &figures.prefixes[Prefix::Books as usize];
    assert_eq!((books.policy.lifetime, books.adopted), (Duration::from_secs(600), Some(adopted().id)));
    assert_eq!(figures.prefixes[Prefix::ApiKey as usize].policy, Prefix::ApiKey.policy());
}
