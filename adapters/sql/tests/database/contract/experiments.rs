use std::sync::Arc;

use futures_util::future::join_all;
use portico_domain::{
    cache::{ArmPlan, ArmTally, Experiment, ExperimentState, Prefix, Tiers},
    models::{Cursor, ExperimentId, Order, PageRequest, uuid_v7},
    ports::{ArmAdoption, ArmRecord, ExperimentStart},
};
use tokio::sync::Barrier;

use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    an_experiment_is_found_as_it_was_started,
    one_of_a_prefix_runs_however_many_are_started_at_once,
    a_stopped_one_makes_room_and_its_first_end_stands,
    an_adopted_arm_is_in_force_until_it_is_stopped_or_replaced,
    of_many_adoptions_at_once_one_stands,
    nothing_is_adopted_while_another_runs,
    what_is_unknown_is_told,
    a_list_walks_each_once_in_both_orders,
    a_server_replaces_what_it_said_and_servers_add_up,
    no_records_are_no_work,
];

/// A world of its own, because what is in force is for all.
async fn alone(world: &World) -> World {
    world.fresh().await
}

fn experiment(prefix: Prefix, started_at: i64) -> Experiment {
    let short = ArmPlan {
        name: "short \"and\" O'Hara".to_owned(),
        lifetime_seconds: Some(5),
        stale_seconds: Some(0),
        tiers: Some(Tiers::Memory),
    };
    Experiment {
        id: ExperimentId::generate(at(started_at), unique()),
        prefix,
        name: "shorter, \u{fc}berall".to_owned(),
        arms: vec![ArmPlan::control("as it is"), short],
        state: ExperimentState::Running,
        started_at: at(started_at),
        ended_at: None,
    }
}

async fn started(world: &World, prefix: Prefix, at: i64) -> Experiment {
    let experiment = experiment(prefix, at);
    assert_eq!(world.repositories.experiments.start(&experiment).await, Ok(ExperimentStart::Started));
    experiment
}

async fn an_experiment_is_found_as_it_was_started(world: World) {
    let world = alone(&world).await;
    let experiments = &world.repositories.experiments;
    let books = started(&world, Prefix::Books, 1).await;
    assert_eq!(experiments.by_id(books.id).await, Ok(Some(books.clone())));
    let keys = started(&world, Prefix::ApiKey, 2).await;
    let mut in_force = experiments.in_force().await.unwrap();
    in_force.sort_by_key(|experiment| experiment.started_at);
    assert_eq!(in_force, [books, keys]);
}

async fn one_of_a_prefix_runs_however_many_are_started_at_once(world: World) {
    let world = alone(&world).await;
    let barrier = Arc::new(Barrier::new(8));
    let starts = (0..8).map(|n| {
        let (experiments, barrier) = (Arc::clone(&world.repositories.experiments), Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            experiments.start(&experiment(Prefix::Bot, n)).await.unwrap()
        })
    });
    let outcomes: Vec<_> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    let count = |outcome| outcomes.iter().filter(|other| **other == outcome).count();
    assert_eq!((count(ExperimentStart::Started), count(ExperimentStart::AnotherRuns)), (1, 7));
    assert_eq!(world.repositories.experiments.in_force().await.unwrap().len(), 1);
}

async fn a_stopped_one_makes_room_and_its_first_end_stands(world: World) {
    let world = alone(&world).await;
    let experiments = &world.repositories.experiments;
    let first = started(&world, Prefix::Books, 1).await;
    let stopped = Experiment { state: ExperimentState::Stopped, ended_at: Some(at(5)), ..first.clone() };
    for moment in [5, 9] {
        assert_eq!(experiments.stop(first.id, at(moment)).await, Ok(Some(stopped.clone())));
    }
    assert_eq!(experiments.in_force().await, Ok(Vec::new()));
    started(&world, Prefix::Books, 10).await;
    assert_eq!(experiments.by_id(first.id).await, Ok(Some(stopped)));
}

async fn an_adopted_arm_is_in_force_until_it_is_stopped_or_replaced(world: World) {
    let world = alone(&world).await;
    let experiments = &world.repositories.experiments;
    let first = started(&world, Prefix::Books, 1).await;
    let adopted = |experiment: &Experiment, arm: &str, end| Experiment {
        state: ExperimentState::Adopted(arm.to_owned()),
        ended_at: Some(at(end)),
        ..experiment.clone()
    };
    // A running one ends with it.
    let of_first = adopted(&first, "as it is", 2);
    let outcome = experiments.adopt(first.id, "as it is", at(2)).await;
    assert_eq!(outcome, Ok(ArmAdoption::Adopted(Box::new(of_first.clone()))));
    assert_eq!(experiments.in_force().await, Ok(vec![of_first.clone()]));
    // Another arm of the same one.
    let other = adopted(&first, &first.arms[1].name, 2);
    let outcome = experiments.adopt(first.id, &first.arms[1].name, at(3)).await;
    assert_eq!(outcome, Ok(ArmAdoption::Adopted(Box::new(other.clone()))));
    // It stays in force while the next one runs, and gives way when an arm of that is adopted.
    let second = started(&world, Prefix::Books, 4).await;
    assert_eq!(experiments.in_force().await.unwrap().len(), 2);
    let outcome = experiments.adopt(second.id, "as it is", at(5)).await;
    let of_second = adopted(&second, "as it is", 5);
    assert_eq!(outcome, Ok(ArmAdoption::Adopted(Box::new(of_second.clone()))));
    assert_eq!(experiments.in_force().await, Ok(vec![of_second.clone()]));
    let before = experiments.by_id(first.id).await.unwrap().unwrap();
    assert_eq!(before.state, ExperimentState::Stopped);
    // Another prefix's is its own.
    let keys = started(&world, Prefix::ApiKey, 6).await;
    experiments.adopt(keys.id, "as it is", at(7)).await.unwrap();
    assert_eq!(experiments.in_force().await.unwrap().len(), 2);
    let stopped = experiments.stop(second.id, at(9)).await.unwrap().unwrap();
    assert_eq!(stopped, Experiment { state: ExperimentState::Stopped, ..of_second });
    assert_eq!(experiments.in_force().await, Ok(vec![adopted(&keys, "as it is", 7)]));
}

async fn of_many_adoptions_at_once_one_stands(world: World) {
    let world = alone(&world).await;
    let experiments = &world.repositories.experiments;
    let mut ended = Vec::new();
    for n in 0..6 {
        let experiment = started(&world, Prefix::Settings, n).await;
        experiments.stop(experiment.id, at(n)).await.unwrap();
        ended.push(experiment.id);
    }
    for round in 0..5 {
        let adoptions = ended.iter().map(|id| {
            let (experiments, id) = (Arc::clone(experiments), *id);
            tokio::spawn(async move { experiments.adopt(id, "as it is", at(100 + round)).await })
        });
        for outcome in join_all(adoptions).await {
            assert!(outcome.unwrap().is_ok());
        }
        assert_eq!(experiments.in_force().await.unwrap().len(), 1);
    }
}

async fn nothing_is_adopted_while_another_runs(world: World) {
    let world = alone(&world).await;
    let experiments = &world.repositories.experiments;
    let adopted = started(&world, Prefix::Books, 1).await;
    experiments.adopt(adopted.id, "as it is", at(2)).await.unwrap();
    let ended = started(&world, Prefix::Books, 3).await;
    experiments.stop(ended.id, at(4)).await.unwrap();
    let running = started(&world, Prefix::Books, 5).await;
    for id in [ended.id, adopted.id] {
        let outcome = experiments.adopt(id, &running.arms[1].name, at(6)).await;
        assert_eq!(outcome, Ok(ArmAdoption::AnotherRuns));
    }
    let in_force = experiments.in_force().await.unwrap();
    assert!(in_force.contains(&running), "it runs on");
    let state = ExperimentState::Adopted("as it is".to_owned());
    assert!(
        in_force.iter().any(|other| other.id == adopted.id && other.state == state),
        "and what was adopted stays"
    );
}

async fn what_is_unknown_is_told(world: World) {
    let unknown = ExperimentId::generate(at(0), unique());
    let repositories = &world.repositories;
    assert_eq!(repositories.experiments.by_id(unknown).await, Ok(None));
    assert_eq!(repositories.experiments.stop(unknown, at(1)).await, Ok(None));
    assert_eq!(repositories.experiments.adopt(unknown, "a", at(1)).await, Ok(ArmAdoption::NotFound));
    assert_eq!(repositories.experiment_results.of(unknown).await, Ok(Vec::new()));
}

async fn a_list_walks_each_once_in_both_orders(world: World) {
    let world = alone(&world).await;
    let experiments = &world.repositories.experiments;
    let mut all = Vec::new();
    for n in 0..7 {
        // Two of a moment.
        let experiment = started(&world, Prefix::Books, n / 2).await;
        all.push(experiments.stop(experiment.id, at(50)).await.unwrap().unwrap());
    }
    all.sort_by_key(|experiment| (experiment.started_at, experiment.id));
    for order in [Order::Ascending, Order::Descending] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let mut rows = experiments.list(PageRequest { limit: 3, after, order }).await.unwrap();
            let more = rows.len() > 3;
            rows.truncate(3);
            after = rows.last().map(|row| Cursor::at(row.started_at, row.id.uuid()));
            seen.extend(rows);
            if !more {
                break;
            }
        }
        if order == Order::Descending {
            seen.reverse();
        }
        assert_eq!(seen, all);
    }
}

async fn a_server_replaces_what_it_said_and_servers_add_up(world: World) {
    let world = alone(&world).await;
    let results = &world.repositories.experiment_results;
    let experiment = started(&world, Prefix::ApiKey, 1).await;
    let [here, there] = [uuid_v7(at(0), unique()), uuid_v7(at(0), unique())];
    let tally = |factor: u32| {
        let (count, sum) = (u64::from(factor), f64::from(factor));
        ArmTally {
            reads: 10 * count,
            hits: 7 * count,
            loads: 3 * count,
            load_ms: 0.1 * sum,
            load_ms_squared: 0.012_345_678_9 * sum,
            age_ms: 12_345.5 * sum,
            age_ms_squared: 1.5e17 * sum,
            errors: count,
        }
    };
    let record = async |server, arm: &str, factor| {
        let record = ArmRecord { experiment: experiment.id, arm: arm.to_owned(), tally: tally(factor) };
        results.record(server, &[record], at(2)).await.unwrap();
    };
    record(here, "as it is", 1).await;
    record(here, "as it is", 4).await;
    // What was sent before and arrives after changes nothing.
    record(here, "as it is", 2).await;
    let both = [("as it is", 2), (experiment.arms[1].name.as_str(), 3)].map(|(arm, factor)| ArmRecord {
        experiment: experiment.id,
        arm: arm.to_owned(),
        tally: tally(factor),
    });
    results.record(there, &both, at(3)).await.unwrap();
    let mut found = results.of(experiment.id).await.unwrap();
    found.sort_by(|a, b| a.arm.cmp(&b.arm));
    let [as_it_is, short] = &found[..] else { panic!("{found:?}") };
    assert_eq!((as_it_is.arm.as_str(), as_it_is.servers, as_it_is.tally.reads), ("as it is", 2, 60));
    assert_eq!((short.servers, short.tally.hits, short.tally.loads, short.tally.errors), (1, 21, 9, 3));
    let near =
        |found: f64, wanted: f64| assert!((found - wanted).abs() <= wanted * 1e-9, "{found} is {wanted}");
    near(as_it_is.tally.load_ms, 0.6);
    near(as_it_is.tally.load_ms_squared, 0.012_345_678_9 * 6.0);
    near(short.tally.age_ms, 12_345.5 * 3.0);
    near(short.tally.age_ms_squared, 4.5e17);
}

async fn no_records_are_no_work(world: World) {
    let server = uuid_v7(at(0), unique());
    assert_eq!(world.repositories.experiment_results.record(server, &[], at(1)).await, Ok(()));
}
