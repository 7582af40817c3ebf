//! Ways to keep cached things, tried beside each other.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use portico_domain::{
    cache::{ArmPlan, Comparison, Experiment, ExperimentPlan, ExperimentState, Prefix, Tiers},
    models::{ExperimentId, Timestamp},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ListAnswer, Shared, cache, page_request};
use crate::{
    answers::{Keep, json},
    code::Code,
    credentials::admin,
    fields::{Fields, Query},
    problem::Problem,
};

type Answer = Result<Response, Problem>;

/// So many arms of a faulty request are looked at.
const MOST_LOOKED_AT: usize = 10;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/admin/cache/experiments", get(list).post(start))
        .route("/api/v1/admin/cache/experiments/{id}", get(one))
        .route("/api/v1/admin/cache/experiments/{id}/stop", post(stop))
        .route("/api/v1/admin/cache/experiments/{id}/adopt", post(adopt))
}

/// An experiment as JSON, here and on the command line.
#[derive(Debug, Serialize)]
pub struct ExperimentAnswer<'a> {
    id: ExperimentId,
    prefix: &'static str,
    name: &'a str,
    arms: &'a [ArmPlan],
    state: &'static str,
    adopted_arm: Option<&'a str>,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Comparison>,
}

impl<'a> ExperimentAnswer<'a> {
    /// Shows an experiment, with what its arms came to where that is known.
    #[must_use]
    pub fn of(experiment: &'a Experiment, report: Option<&'a Comparison>) -> Self {
        let (state, adopted_arm) = match &experiment.state {
            ExperimentState::Running => ("running", None),
            ExperimentState::Stopped => ("stopped", None),
            ExperimentState::Adopted(arm) => ("adopted", Some(arm.as_str())),
        };
        Self {
            id: experiment.id,
            prefix: cache::name_of(experiment.prefix),
            name: &experiment.name,
            arms: &experiment.arms,
            state,
            adopted_arm,
            started_at: experiment.started_at,
            ended_at: experiment.ended_at,
            report,
        }
    }
}

async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = admin(&shared, &parts).await?;
    let operations = &shared.api.door.cache_operations;
    let query = Query::parse(parts.uri.query());
    let request = page_request(&query, &operations.cursors, caller.user_id).await?;
    let page = operations.experiments.list(request).await?;
    let rows = page.items.iter().map(|experiment| ExperimentAnswer::of(experiment, None)).collect();
    let answer = ListAnswer::of(rows, page.next, &operations.cursors, request.order, caller.user_id).await?;
    json(StatusCode::OK, Keep::Never, &answer)
}

async fn start(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    admin(&shared, &parts).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let prefix = fields.required("prefix", |name| Prefix::parse(name).ok_or(cache::UNKNOWN_PREFIX));
    let name = fields.required("name", |name| Ok(name.trim().to_owned()));
    let arms = fields.there("arms", |arms| arms.as_array().cloned().ok_or("must be a list of arms"));
    let arms = arms.and_then(|arms| parse_arms(&mut fields, &arms));
    let plan = fields.finish(|| Some(ExperimentPlan { prefix: prefix?, name: name?, arms: arms? }))?;
    let started = shared.api.door.cache_operations.experiments.start(plan).await?;
    json(StatusCode::CREATED, Keep::Never, &ExperimentAnswer::of(&started, None))
}

async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    admin(&shared, &parts).await?;
    let experiments = &shared.api.door.cache_operations.experiments;
    let (experiment, comparison) = experiments.show(parse_id(&id)?).await?;
    json(StatusCode::OK, Keep::Never, &ExperimentAnswer::of(&experiment, Some(&comparison)))
}

async fn stop(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    admin(&shared, &parts).await?;
    let id = parse_id(&id)?;
    Fields::read_optional(&parts.headers, body, shared.api.door.settings.body_limit)
        .await?
        .finish(|| Some(()))?;
    let stopped = shared.api.door.cache_operations.experiments.stop(id).await?;
    json(StatusCode::OK, Keep::Never, &ExperimentAnswer::of(&stopped, None))
}

async fn adopt(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    admin(&shared, &parts).await?;
    let id = parse_id(&id)?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let arm = fields.required("arm", |arm| Ok(arm.to_owned()));
    let arm = fields.finish(|| arm)?;
    let adopted = shared.api.door.cache_operations.experiments.adopt(id, &arm).await?;
    json(StatusCode::OK, Keep::Never, &ExperimentAnswer::of(&adopted, None))
}

fn parse_id(text: &str) -> Result<ExperimentId, Problem> {
    ExperimentId::parse(text).ok_or_else(|| Problem::new(Code::NotFound, "There is no such experiment."))
}

/// Reads arms, and notes each fault with its place. Whether they make sense together is for the flow to say.
fn parse_arms(fields: &mut Fields, arms: &[Value]) -> Option<Vec<ArmPlan>> {
    let mut parsed = Vec::new();
    for (at, arm) in arms.iter().enumerate().take(MOST_LOOKED_AT) {
        let Some(members) = arm.as_object() else {
            fields.fault(
                &format!("arms[{at}]"),
                "must be an arm: {name, lifetime_seconds?, stale_seconds?, tiers?}",
            );
            continue;
        };
        parsed.extend(parse_arm(fields, at, members));
    }
    (parsed.len() == arms.len().min(MOST_LOOKED_AT)).then_some(parsed)
}

fn parse_arm(fields: &mut Fields, at: usize, members: &Map<String, Value>) -> Option<ArmPlan> {
    const MEMBERS: [&str; 4] = ["name", "lifetime_seconds", "stale_seconds", "tiers"];
    let mut fault = |member: &str, message: &str| {
        let shown: String = member.chars().take(64).collect();
        fields.fault(&format!("arms[{at}].{shown}"), message);
    };
    let mut is_sound = true;
    for unknown in members.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        fault(unknown, "is not a member of an arm");
        is_sound = false;
    }
    let there = |name: &str| members.get(name).filter(|value| !value.is_null());
    let name = there("name").and_then(Value::as_str).map(|name| name.trim().to_owned());
    if name.is_none() {
        fault("name", "is required, as a string");
    }
    let mut seconds = |member: &str| match there(member) {
        None => Some(None),
        Some(value) => {
            let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
            if seconds.is_none() {
                fault(member, "must be a whole number of seconds");
            }
            seconds.map(Some)
        }
    };
    let (lifetime, stale) = (seconds("lifetime_seconds"), seconds("stale_seconds"));
    let tiers = match there("tiers").map(|value| serde_json::from_value::<Tiers>(value.clone())) {
        None => Some(None),
        Some(Ok(tiers)) => Some(Some(tiers)),
        Some(Err(_)) => {
            fault("tiers", "must be off, memory, shared or both");
            None
        }
    };
    let plan = ArmPlan { name: name?, lifetime_seconds: lifetime?, stale_seconds: stale?, tiers: tiers? };
    is_sound.then_some(plan)
}
