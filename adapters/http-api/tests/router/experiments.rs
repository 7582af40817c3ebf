//! The routes by which operators try ways to keep cached things.

use std::sync::{Arc, Mutex};

use http::Method;
use insta::assert_snapshot;
use portico_domain::{
    cache::{ArmPlan, ArmResult, ArmTally, Experiment, ExperimentState, Prefix, Tiers},
    models::ExperimentId,
    ports::{ArmAdoption, ExperimentStart},
};

use crate::{
    cache_admin::{admin, as_admin, mocks},
    support::{Mocks, NOW, answer, ask, post},
};

const EXPERIMENTS: &str = "/api/v1/admin/cache/experiments";

fn experiment(state: ExperimentState) -> Experiment {
    let off = ArmPlan { tiers: Some(Tiers::Off), ..ArmPlan::control("off") };
    Experiment {
        id: ExperimentId::generate(NOW, [6; 10]),
        prefix: Prefix::ApiKey,
        name: "off or as it is".to_owned(),
        arms: vec![off, ArmPlan::control("as it is")],
        ended_at: (state != ExperimentState::Running).then_some(NOW),
        state,
        started_at: NOW,
    }
}

#[tokio::test]
async fn a_started_experiment_is_shown_as_it_is_stored() {
    let mut mocks = mocks();
    let stored: Arc<Mutex<Option<Experiment>>> = Arc::default();
    let storing = Arc::clone(&stored);
    mocks.experiments.expect_start().returning(move |experiment| {
        *storing.lock().unwrap() = Some(experiment.clone());
        Ok(ExperimentStart::Started)
    });
    let body = r#"{"prefix":"api-key","name":" shorter ","arms":[{"name":"as it is"},
        {"name":"short","lifetime_seconds":10,"stale_seconds":0,"tiers":"memory"}]}"#;
    let started = answer(mocks.router(), as_admin(post(EXPERIMENTS, body))).await;
    assert_eq!(stored.lock().unwrap().as_ref().unwrap().name, "shorter");
    assert_snapshot!(started, @r#"
    201 Created
    cache-control: no-store
    content-length: 338
    content-type: application/json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "adopted_arm": null,
      "arms": [
        {
          "lifetime_seconds": null,
          "name": "as it is",
          "stale_seconds": null,
          "tiers": null
        },
        {
          "lifetime_seconds": 10,
          "name": "short",
          "stale_seconds": 0,
          "tiers": "memory"
        }
      ],
      "ended_at": null,
      "id": "01a0c450-6c7b-7707-8707-070707070707",
      "name": "shorter",
      "prefix": "api-key",
      "started_at": "2026-09-21T14:13:20.123456Z",
      "state": "running"
    }
    "#);
}

#[tokio::test]
async fn every_fault_of_an_experiment_is_named_with_its_place() {
    for (body, fields) in [
        ("{}", &["prefix", "name", "arms"][..]),
        (r#"{"prefix":"session","name":7,"arms":{},"more":1}"#, &["prefix", "name", "arms", "more"]),
        (
            r#"{"prefix":"books","name":"n","arms":[7,{"tiers":"disk","lifetime_seconds":-1},{"name":"c","ttl":5}]}"#,
            &["arms[0]", "arms[1].name", "arms[1].lifetime_seconds", "arms[1].tiers", "arms[2].ttl"],
        ),
        (r#"{"prefix":"books","name":"n","arms":[{"name":"a"}]}"#, &["arms"]),
        (
            r#"{"prefix":"api-key","name":"n","arms":[{"name":"a"},{"name":"a","lifetime_seconds":61,"stale_seconds":601}]}"#,
            &["arms[1].lifetime_seconds", "arms[1].stale_seconds", "arms[1].name"],
        ),
        (
            r#"{"prefix":"books","name":"n","arms":[{"name":"a"},{"name":"b","lifetime_seconds":3601,"stale_seconds":86401}]}"#,
            &["arms[1].lifetime_seconds", "arms[1].stale_seconds"],
        ),
    ] {
        let refused = answer(Mocks::new().router(), as_admin(post(EXPERIMENTS, body))).await;
        let named: Vec<_> =
            refused.lines().filter_map(|line| line.trim().strip_prefix("\"field\": \"")).collect();
        let named: Vec<_> = named.iter().map(|field| field.trim_end_matches("\",")).collect();
        assert!(refused.starts_with("422"), "{refused}");
        assert_eq!(named, fields, "{body}");
    }
}

#[tokio::test]
async fn a_report_shows_each_arm_with_its_intervals_and_a_verdict() {
    let mut mocks = mocks();
    mocks.experiments.expect_by_id().returning(|_| Ok(Some(experiment(ExperimentState::Running))));
    mocks.experiment_results.expect_of().returning(|_| {
        let tally = |hits| ArmTally {
            reads: 100,
            hits,
            loads: 4,
            load_ms: 20.0,
            load_ms_squared: 102.0,
            age_ms: 0.0,
            age_ms_squared: 0.0,
            errors: 1,
        };
        let result = |arm: &str, hits| ArmResult { arm: arm.to_owned(), tally: tally(hits), servers: 2 };
        Ok(vec![result("as it is", 90), result("off", 0)])
    });
    let path = format!("{EXPERIMENTS}/{}", experiment(ExperimentState::Running).id);
    let shown = answer(mocks.router(), admin(Method::GET, &path)).await;
    let (head, body) = shown.split_once("\n\n").unwrap();
    assert!(head.starts_with("200 OK") && head.contains("cache-control: no-store"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["state"], body["report"]["arms"].as_array().unwrap().len()), (&"running".into(), 2));
    assert_eq!(body["report"]["arms"][0]["hit_rate"]["mean"], 0.0);
    assert_eq!(
        body["report"]["verdict"],
        "The hit rate of ‘as it is’ is the highest, and its interval is apart from all others. The load time of ‘off’ is the \
         lowest so far, but its interval is not apart from that of ‘as it is’: no difference is shown between them."
    );
    assert_snapshot!(serde_json::to_string_pretty(&body["report"]["arms"][1]).unwrap(), @r#"
    {
      "age_ms": {
        "high": 0.0,
        "low": 0.0,
        "mean": 0.0,
        "n": 90
      },
      "errors": 1,
      "hit_rate": {
        "high": 0.9447708629469292,
        "low": 0.8256343384741059,
        "mean": 0.9,
        "n": 100
      },
      "hits": 90,
      "load_ms": {
        "high": 6.28965354050493,
        "low": 3.71034645949507,
        "mean": 5.0,
        "n": 4
      },
      "name": "as it is",
      "reads": 100,
      "servers": 2,
      "share": 0.5
    }
    "#);
}

#[tokio::test]
async fn experiments_are_stopped_and_adopted() {
    let id = experiment(ExperimentState::Running).id;
    let mut mocks = mocks();
    mocks.experiments.expect_stop().returning(|_, _| Ok(Some(experiment(ExperimentState::Stopped))));
    mocks.experiments.expect_by_id().returning(|_| Ok(Some(experiment(ExperimentState::Stopped))));
    mocks.experiments.expect_adopt().returning(|_, arm, _| {
        Ok(ArmAdoption::Adopted(Box::new(experiment(ExperimentState::Adopted(arm.to_owned())))))
    });
    let router = mocks.router();
    let stopped = answer(router.clone(), admin(Method::POST, &format!("{EXPERIMENTS}/{id}/stop"))).await;
    assert!(stopped.starts_with("200") && stopped.contains("\"state\": \"stopped\""), "{stopped}");
    let adopt = |body: &'static str| as_admin(post(&format!("{EXPERIMENTS}/{id}/adopt"), body));
    let adopted = answer(router.clone(), adopt(r#"{"arm":"off"}"#)).await;
    assert!(adopted.starts_with("200") && adopted.contains("\"adopted_arm\": \"off\""), "{adopted}");
    let unknown = answer(router.clone(), adopt(r#"{"arm":"on"}"#)).await;
    assert!(
        unknown.starts_with("422") && unknown.contains("must be one of the experiment's arms: off, as it is")
    );
    assert!(answer(router, adopt("{}")).await.starts_with("422"));
}

#[tokio::test]
async fn what_is_not_there_or_stands_in_the_way_is_told() {
    let id = experiment(ExperimentState::Running).id;
    let mut mocks = mocks();
    mocks.experiments.expect_start().returning(|_| Ok(ExperimentStart::AnotherRuns));
    mocks.experiments.expect_by_id().returning(|_| Ok(None));
    mocks.experiments.expect_stop().returning(|_, _| Ok(None));
    let router = mocks.router();
    let body = r#"{"prefix":"books","name":"n","arms":[{"name":"a"},{"name":"b"}]}"#;
    let busy = answer(router.clone(), as_admin(post(EXPERIMENTS, body))).await;
    assert_snapshot!(busy, @r#"
    409 Conflict
    cache-control: no-store
    content-length: 207
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "conflict",
      "detail": "Another experiment of this prefix runs; stop it first.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 409,
      "title": "Conflict",
      "type": "urn:portico:problem:conflict"
    }
    "#);
    for path in [format!("{EXPERIMENTS}/{id}"), format!("{EXPERIMENTS}/none")] {
        assert_eq!(ask(router.clone(), admin(Method::GET, &path)).await.status(), 404);
        assert_eq!(ask(router.clone(), admin(Method::POST, &format!("{path}/stop"))).await.status(), 404);
        let adopt = as_admin(post(&format!("{path}/adopt"), r#"{"arm":"a"}"#));
        assert_eq!(ask(router.clone(), adopt).await.status(), 404);
    }
}

#[tokio::test]
async fn the_list_is_walked_by_its_cursor() {
    let mut mocks = mocks();
    mocks.experiments.expect_list().returning(|page| {
        let rows = vec![experiment(ExperimentState::Running), experiment(ExperimentState::Stopped)];
        Ok(if page.after.is_none() { rows } else { Vec::new() })
    });
    let router = mocks.router();
    let first = answer(router.clone(), admin(Method::GET, &format!("{EXPERIMENTS}?limit=1"))).await;
    let (_, body) = first.split_once("\n\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((body["data"].as_array().unwrap().len(), &body["has_more"]), (1, &serde_json::json!(true)));
    let cursor = body["next_cursor"].as_str().unwrap();
    let next =
        answer(router.clone(), admin(Method::GET, &format!("{EXPERIMENTS}?limit=1&cursor={cursor}"))).await;
    assert!(next.contains("\"has_more\": false"), "{next}");
    let foreign = ask(router, admin(Method::GET, &format!("{EXPERIMENTS}?order=asc&cursor={cursor}"))).await;
    assert_eq!(foreign.status(), 400);
}
