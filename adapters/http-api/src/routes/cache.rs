//! The cache as operators see and steer it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use portico_domain::{
    cache::{Policy, Prefix, PrefixFigures, SharedReport, Tiers},
    flows::cache_operations::{CacheFigures, WarmOutcome, Warmed},
    models::{ExperimentId, FieldFault, Timestamp},
    ports::LocalStatistics,
};
use serde::Serialize;
use serde_json::Value;

use super::Shared;
use crate::{
    answers::{Keep, json, no_content},
    credentials::admin,
    fields::{Fields, Query},
    problem::Problem,
};

type Answer = Result<Response, Problem>;

/// How many entries a warm-up fills where neither request nor settings say.
const USUAL_LIMIT: u32 = 1_000;
/// The most that can be asked for.
const MOST: u64 = 10_000;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/admin/cache", get(figures).delete(clear))
        .route("/api/v1/admin/cache/warm", post(warm))
}

/// A prefix as it stands in answers: without its colon.
pub(super) fn name_of(prefix: Prefix) -> &'static str {
    prefix.as_str().trim_end_matches(':')
}

/// What to say of a prefix that isn't one.
pub(super) const UNKNOWN_PREFIX: &str =
    "must be one of api-key, bot, model-config, user-models, books and settings";
const UNKNOWN_TO_CLEAR: &str =
    "must be one of api-key, bot, model-config, user-models, books and settings, or * for all of them";

#[derive(Serialize)]
struct FiguresAnswer {
    /// Figures are of one process or isolate: this one.
    server: String,
    since: Timestamp,
    memory: MemoryAnswer,
    shared: Option<SharedReport>,
    prefixes: BTreeMap<&'static str, PrefixAnswer>,
    limiter: LimiterAnswer,
}

#[derive(Serialize)]
struct MemoryAnswer {
    entries: u64,
    bytes: u64,
    capacity_bytes: u64,
}

#[derive(Serialize)]
struct PrefixAnswer {
    policy: PolicyAnswer,
    running_experiment: Option<ExperimentId>,
    adopted_experiment: Option<ExperimentId>,
    figures: PrefixFigures,
}

#[derive(Serialize)]
struct PolicyAnswer {
    lifetime_seconds: u64,
    refresh_after_seconds: u64,
    stale_seconds: u64,
    stale_when_away_seconds: u64,
    negative_seconds: u64,
    jitter_percent: u8,
    tiers: Tiers,
}

#[derive(Serialize)]
struct LimiterAnswer {
    is_away: bool,
    passed_uncounted: u64,
    refused_uncounted: u64,
}

impl PolicyAnswer {
    const fn of(policy: &Policy) -> Self {
        Self {
            lifetime_seconds: policy.lifetime.as_secs(),
            refresh_after_seconds: policy.refresh_after.as_secs(),
            stale_seconds: policy.stale.as_secs(),
            stale_when_away_seconds: policy.stale_when_away.as_secs(),
            negative_seconds: policy.negative.as_secs(),
            jitter_percent: policy.jitter_percent,
            tiers: policy.tiers,
        }
    }
}

impl FiguresAnswer {
    fn of(figures: CacheFigures) -> Self {
        let LocalStatistics { entries, bytes, capacity_bytes } = figures.report.memory;
        let mut counted: BTreeMap<Prefix, PrefixFigures> = figures.report.prefixes.into_iter().collect();
        let prefix = |state: portico_domain::flows::cache_operations::PrefixState| {
            let answer = PrefixAnswer {
                policy: PolicyAnswer::of(&state.policy),
                running_experiment: state.running,
                adopted_experiment: state.adopted,
                figures: counted.remove(&state.prefix)?,
            };
            Some((name_of(state.prefix), answer))
        };
        Self {
            server: figures.server.to_string(),
            since: figures.since,
            memory: MemoryAnswer { entries, bytes, capacity_bytes },
            shared: figures.report.shared,
            prefixes: figures.prefixes.into_iter().filter_map(prefix).collect(),
            limiter: LimiterAnswer {
                is_away: figures.limiter.is_away,
                passed_uncounted: figures.limiter.passed_uncounted,
                refused_uncounted: figures.limiter.refused_uncounted,
            },
        }
    }
}

async fn figures(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    admin(&shared, &parts).await?;
    let figures = shared.api.door.cache_operations.figures.run().await?;
    json(StatusCode::OK, Keep::Never, &FiguresAnswer::of(figures))
}

async fn clear(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    admin(&shared, &parts).await?;
    let query = Query::parse(parts.uri.query());
    let cache = &shared.api.door.cache;
    match query.get("prefix") {
        Some("*") => cache.clear_all().await,
        named => {
            let prefix = named
                .and_then(Prefix::parse)
                .ok_or_else(|| Problem::validation(vec![FieldFault::new("prefix", UNKNOWN_TO_CLEAR)]))?;
            cache.clear(prefix).await;
        }
    }
    Ok(no_content())
}

#[derive(Serialize)]
struct WarmedAnswer {
    warmed: BTreeMap<&'static str, usize>,
    skipped: BTreeMap<&'static str, &'static str>,
}

async fn warm(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    admin(&shared, &parts).await?;
    let mut fields = Fields::read_optional(&parts.headers, body, shared.api.door.settings.body_limit).await?;
    let prefixes = fields.member("prefixes", parse_prefixes);
    let limit = fields.member("limit", parse_limit);
    let (prefixes, limit) = fields.finish(|| Some((prefixes?.value(), limit?.value())))?;
    let warm = &shared.api.door.cache_operations.warm;
    let usual = if warm.limit == 0 { USUAL_LIMIT } else { warm.limit };
    let prefixes = prefixes.unwrap_or_else(|| Prefix::ALL.to_vec());
    let outcomes = warm.run(&prefixes, limit.unwrap_or(usual)).await?;
    let mut answer = WarmedAnswer { warmed: BTreeMap::new(), skipped: BTreeMap::new() };
    for Warmed { prefix, outcome } in outcomes {
        let name = name_of(prefix);
        let why = match outcome {
            WarmOutcome::Filled(entries) => {
                answer.warmed.insert(name, entries);
                continue;
            }
            WarmOutcome::Off => "its cache is off",
            WarmOutcome::NothingToWarm => "nothing is known to be asked of it",
            WarmOutcome::Failed(unavailable) => return Err(unavailable.into()),
        };
        answer.skipped.insert(name, why);
    }
    json(StatusCode::OK, Keep::Never, &answer)
}

fn parse_prefixes(value: &Value) -> Result<Vec<Prefix>, &'static str> {
    let names = value.as_array().filter(|names| !names.is_empty()).ok_or("must be a list of prefixes")?;
    let mut prefixes = Vec::new();
    for name in names {
        let prefix = name.as_str().and_then(Prefix::parse).ok_or(UNKNOWN_PREFIX_IN_LIST)?;
        if !prefixes.contains(&prefix) {
            prefixes.push(prefix);
        }
    }
    Ok(prefixes)
}

const UNKNOWN_PREFIX_IN_LIST: &str =
    "must be a list of some of api-key, bot, model-config, user-models, books and settings";

fn parse_limit(value: &Value) -> Result<u32, &'static str> {
    let limit = value.as_u64().filter(|limit| (1..=MOST).contains(limit));
    limit.and_then(|limit| u32::try_from(limit).ok()).ok_or("must be a whole number from 1 to 10000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_named_where_one_is_asked_for() {
        for prefix in Prefix::ALL {
            for said in [UNKNOWN_PREFIX, UNKNOWN_PREFIX_IN_LIST, UNKNOWN_TO_CLEAR] {
                assert!(said.contains(name_of(prefix)), "{said}");
            }
        }
    }
}
