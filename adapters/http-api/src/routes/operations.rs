//! What operators and monitors ask, and the public keys.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use portico_domain::{models::Quota, settings::Switch};
use serde::Serialize;

use super::Shared;
use crate::{
    answers::{Keep, json, json_validated},
    problem::Problem,
    rendered::Written,
};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/health", get(alive))
        .route("/ready", get(ready))
        .route("/api/v2/health", get(health))
        .route("/api/v2/info", get(info))
        .route("/.well-known/jwks.json", get(jwks))
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

async fn alive() -> Result<Response, Problem> {
    json(StatusCode::OK, Keep::Never, &Status { status: "ok" })
}

async fn ready(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    shared.api.door.health.ready().await?;
    json(StatusCode::OK, Keep::Never, &Status { status: "ready" })
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    target: &'static str,
    checks: Checks,
}

#[derive(Serialize)]
struct Checks {
    storage: &'static str,
}

async fn health(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let report = shared.api.door.health.report().await;
    let (status, storage) = if report.storage { ("ok", "ok") } else { ("degraded", "unavailable") };
    let answer = Health {
        status,
        version: shared.api.version,
        target: shared.api.door.settings.target.as_str(),
        checks: Checks { storage },
    };
    json_validated(request.headers(), Keep::Public(5), &answer)
}

/// What `/api/v2/info` tells.
#[derive(Clone, Serialize)]
pub(crate) struct Info {
    name: &'static str,
    version: &'static str,
    target: &'static str,
    uptime_seconds: u64,
    limits: Limits,
    flows: BTreeMap<String, bool>,
}

#[derive(Clone, Serialize)]
struct Limits {
    body_bytes: usize,
    request_seconds: u64,
    rates: BTreeMap<&'static str, Option<Quota>>,
}

async fn info(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let now = shared.api.door.clock.now();
    let info = if let Some(info) = shared.info.get(now) {
        info
    } else {
        let info = Written::of(&describe(&shared))?;
        shared.info.put(now, info.clone());
        info
    };
    Ok(info.answer(request.headers(), Keep::Public(30)))
}

fn describe(shared: &Shared) -> Info {
    let door = &shared.api.door;
    let settings = &door.settings;
    let limits = settings.limits;
    let rates = [
        ("login", limits.login),
        ("register", limits.register),
        ("refresh", limits.refresh),
        ("password", limits.password),
        ("oauth", limits.oauth),
        ("key", limits.key),
        ("bot", limits.bot),
        ("account", limits.account),
        ("address", limits.address),
    ];
    Info {
        name: "portico",
        version: shared.api.version,
        target: settings.target.as_str(),
        uptime_seconds: door.clock.now().since(shared.api.started_at).as_secs(),
        limits: Limits {
            body_bytes: settings.body_limit,
            request_seconds: settings.request_time_limit.as_secs(),
            rates: rates.into_iter().collect(),
        },
        flows: Switch::ALL
            .into_iter()
            .map(|switch| (switch.name().to_ascii_lowercase(), settings.switches.is_on(switch)))
            .collect(),
    }
}

#[derive(Serialize)]
struct Jwks {
    keys: Vec<JwkAnswer>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Serialize)]
struct JwkAnswer {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

async fn jwks(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let signer = shared.api.door.signers.get().await?;
    let keys = signer
        .public_keys()
        .into_iter()
        .map(|key| JwkAnswer {
            kty: "OKP",
            crv: "Ed25519",
            x: key.x(),
            kid: key.key_id,
            alg: "EdDSA",
            r#use: "sig",
        })
        .collect();
    json_validated(request.headers(), Keep::Public(300), &Jwks { keys })
}
