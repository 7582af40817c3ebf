//! Experiments with the cache.

use http::Method;
use portico_domain::cache::{ArmPlan, ExperimentPlan};
use serde_json::{Value, json};

use super::{
    Tag,
    answer::Answer,
    cache::{prefix, tiers},
    document::{Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{
        Member, answer, answer_with, count, list_of, named, named_as, number, one_of, or_null, part, request,
        text, time, uuid, whole, words,
    },
};
use crate::code::Code;

const TAG: Tag = Tag::Administration;
const EXPERIMENTS: &str = "/api/v1/admin/cache/experiments";
/// What neither begins nor ends with white space, and has no control character.
const NAME: &str = r"^[^\s\x00-\x1F\x7F-\x9F](?:[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F])?$";

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    let plan = json!({"prefix": "books", "name": "Longer lists", "arms": [{"name": "as now"}, {"name": "longer", "lifetime_seconds": 120}]});
    document.operation(
        Operation::new(Method::GET, EXPERIMENTS, "listExperiments", TAG, "Lists experiments with the cache")
            .by(Who::Admin)
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(Answer::json(
                200,
                "Experiments, without reports.",
                named("ExperimentList"),
                examples::page(&experiment()),
            )),
    );
    document.operation(
        Operation::new(Method::POST, EXPERIMENTS, "startExperiment", TAG, "Starts an experiment")
            .about("409 while another one of the prefix runs. A prefix that is switched off can't be experimented with (422), and an arm of `api-key` can't keep keys for longer than is configured.")
            .by(Who::Admin)
            .body("StartExperimentRequest", plan)
            .answer(Answer::json(201, "The experiment, which runs.", named("Experiment"), experiment()))
            .problem(Code::Conflict),
    );
    let mut reported = experiment();
    reported["report"] = report();
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v1/admin/cache/experiments/{id}",
            "getExperiment",
            TAG,
            "Shows an experiment with what came of it",
        )
        .by(Who::Admin)
        .answer(Answer::json(
            200,
            "The experiment with its `report`.",
            named("Experiment"),
            reported,
        )),
    );
    let ended = |state: &str, arm: Value| {
        let mut experiment = experiment();
        experiment["state"] = state.into();
        experiment["adopted_arm"] = arm;
        experiment["ended_at"] = examples::shown(&examples::user().last_login_at);
        experiment
    };
    document.operation(
        Operation::new(
            Method::POST,
            "/api/v1/admin/cache/experiments/{id}/stop",
            "stopExperiment",
            TAG,
            "Takes all arms of an experiment out of force",
        )
        .about("Whether it ran or one was adopted. Idempotent.")
        .by(Who::Admin)
        .optional_body("StopExperimentRequest", json!({}))
        .answer(Answer::json(
            200,
            "The experiment as it is now.",
            named("Experiment"),
            ended("stopped", Value::Null),
        )),
    );
    document.operation(
        Operation::new(Method::POST, "/api/v1/admin/cache/experiments/{id}/adopt", "adoptArm", TAG, "Keeps all entries as one arm does")
            .about("On every server and after restarts; the experiment has ended. 409 while another one of the prefix runs.")
            .by(Who::Admin)
            .body("AdoptArmRequest", json!({"arm": "longer"}))
            .answer(Answer::json(200, "The experiment as it is now.", named("Experiment"), ended("adopted", "longer".into())))
            .problem(Code::Conflict),
    );
}

fn experiment() -> Value {
    let arm = |name: &str, lifetime: Value| json!({"name": name, "lifetime_seconds": lifetime, "stale_seconds": null, "tiers": null});
    json!({
        "id": examples::shown(&examples::user().id),
        "prefix": "books",
        "name": "Longer lists",
        "arms": [arm("as now", Value::Null), arm("longer", 120.into())],
        "state": "running",
        "adopted_arm": null,
        "started_at": examples::shown(&examples::user().created_at),
        "ended_at": null,
    })
}

fn report() -> Value {
    let arm = |name: &str, hits: u64, mean: f64| {
        json!({
            "name": name, "share": 0.5, "reads": 1_000, "hits": hits,
            "hit_rate": {"n": 1_000, "mean": mean, "low": mean - 0.02, "high": mean + 0.02},
            "load_ms": {"n": 1, "mean": 0.6, "low": null, "high": null},
            "age_ms": {"n": 0, "mean": null, "low": null, "high": null},
            "errors": 0, "servers": 2,
        })
    };
    let verdict = "The hit rate of ‘longer’ is the highest, and its interval is apart from all others. Too little was seen of ‘as now’ and ‘longer’ to compare the load time.";
    json!({"arms": [arm("as now", 750, 0.75), arm("longer", 875, 0.875)], "verdict": verdict})
}

fn schemas(document: &mut Document) {
    let changes = || -> Vec<Member> {
        vec![
            (
                "lifetime_seconds",
                or_null(whole("How long an entry is fresh.", (1, ArmPlan::LONGEST_LIFETIME.into()))),
            ),
            (
                "stale_seconds",
                or_null(whole(
                    "How long past its lifetime an entry is still used.",
                    (0, ArmPlan::LONGEST_STALE.into()),
                )),
            ),
            ("tiers", or_null(tiers("Where entries are kept."))),
        ]
    };
    let name = |what: &str| text(what, (1, 60), Some(NAME));
    let arm = [("name", name("What the arm is called; no two alike."))];
    document.schema(
        "ExperimentArm",
        answer(
            "A way to keep entries. What is null is as was in force at the start.",
            arm.clone().into_iter().chain(changes()).collect(),
        ),
    );
    document.schema(
        "ExperimentArmRequest",
        request("A way to keep entries. What is left out is what is in force now.", arm.into(), changes()),
    );
    let bounds = (ExperimentPlan::FEWEST_ARMS, ExperimentPlan::MOST_ARMS);
    let start = vec![
        ("prefix", prefix("Whose entries are split.")),
        ("name", name("What to call it.")),
        ("arms", list_of("The ways that are compared.", named("ExperimentArmRequest"), bounds)),
    ];
    document.schema("StartExperimentRequest", request("An experiment.", start, Vec::new()));
    document.schema("StopExperimentRequest", request("Nothing needs to be said.", Vec::new(), Vec::new()));
    let arm = vec![("arm", words("The name of one of its arms."))];
    document.schema("AdoptArmRequest", request("Which arm.", arm, Vec::new()));
    let estimate = vec![
        ("n", count("From how many observations.")),
        ("mean", or_null(number("The figure; null without an observation."))),
        ("low", or_null(number("The lower end of its 95 % interval; null where nothing is known."))),
        ("high", or_null(number("The upper end."))),
    ];
    document.schema(
        "Estimate",
        answer(
            "A figure with the interval that holds the true one in 95 of 100 such measurements.",
            estimate,
        ),
    );
    let arm = vec![
        ("name", words("The arm.")),
        ("share", part("The part of the entries that it is given.")),
        ("reads", count("Reads.")),
        ("hits", count("Reads that did not wait for the source.")),
        ("hit_rate", named_as("Estimate", "The part of reads that were hits.")),
        ("load_ms", named_as("Estimate", "How long loads took, in milliseconds.")),
        ("age_ms", named_as("Estimate", "How old entries were when they answered, in milliseconds.")),
        ("errors", count("Loads that failed.")),
        ("servers", count("How many processes or isolates have seen it.")),
    ];
    document.schema("ArmReport", answer("What an arm came to.", arm));
    let report = vec![
        ("arms", list_of("In the experiment's order.", named("ArmReport"), bounds)),
        ("verdict", words("What can be said of them.")),
    ];
    document
        .schema("ExperimentReport", answer("The arms beside each other, summed over all servers.", report));
    let experiment = vec![
        ("id", uuid("Names it.")),
        ("prefix", prefix("Whose entries are split.")),
        ("name", words("What people call it.")),
        ("arms", list_of("The ways that are compared.", named("ExperimentArm"), bounds)),
        ("state", one_of("How it stands.", ["running", "stopped", "adopted"])),
        ("adopted_arm", or_null(words("The arm that is in force for all entries."))),
        ("started_at", time("Since when its arms were tried.")),
        ("ended_at", or_null(time("Until when."))),
    ];
    let report =
        vec![("report", named_as("ExperimentReport", "What came of it, where one experiment is asked for."))];
    document.schema(
        "Experiment",
        answer_with("A comparison of ways to keep entries of the cache.", experiment, report),
    );
    document.list("ExperimentList", "Experiment");
}
