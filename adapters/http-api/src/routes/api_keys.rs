//! API keys, managed by people and verified for other services.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use portico_domain::{
    flows::api_keys::{
        CreateApiKeyRequest, KeyVerdict, MadeApiKey, RotateApiKey, ShowKeyUsage, UsageReport,
        VerifyApiKeyRequest,
    },
    models::{
        ApiKey, ApiKeyId, Day, FieldFault, InstanceId, OrganizationId, Quota, Scope, Scopes, Timestamp,
        key_quota,
    },
    ports::KeyChange,
};
use serde::Serialize;
use serde_json::Value;

use super::{ListAnswer, Shared, page_request};
use crate::{
    answers::{Keep, json, json_validated, no_content},
    code::Code,
    credentials::{admin_or_key, bearer},
    fields::{Fields, Member, Query},
    problem::Problem,
};

type Answer = Result<Response, Problem>;

/// The most instances that one key can name.
const MAX_INSTANCES: usize = 100;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/api-keys", get(list).post(create))
        .route("/api/v1/api-keys/verify", post(verify))
        .route("/api/v1/api-keys/{id}", get(one).patch(change).delete(revoke))
        .route("/api/v1/api-keys/{id}/rotate", post(rotate))
        .route("/api/v1/api-keys/{id}/usage", get(usage))
}

/// A key with its text, which only this answer shows.
#[derive(Serialize)]
struct MadeAnswer<'a> {
    #[serde(flatten)]
    record: &'a ApiKey,
    key: &'a str,
}

impl<'a> MadeAnswer<'a> {
    fn of(made: &'a MadeApiKey) -> Self {
        Self { record: &made.key, key: made.text.expose() }
    }
}

async fn create(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let name = fields.required("name", parse_name);
    let scopes = fields.there("scopes", parse_scopes);
    let instance_ids = fields.member("instance_ids", parse_instances);
    let expires_at = fields.member("expires_at", parse_time);
    let rate_limit = fields.member("rate_limit", parse_rate_limit);
    let request = fields.finish(|| {
        Some(CreateApiKeyRequest {
            name: name?,
            scopes: scopes?,
            instance_ids: instance_ids?.value(),
            expires_at: expires_at?.value(),
            rate_limit: rate_limit?.value(),
        })
    })?;
    let made = shared.api.door.api_keys.create.run(&caller, request).await?;
    json(StatusCode::CREATED, Keep::Never, &MadeAnswer::of(&made))
}

async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let keys = &shared.api.door.api_keys;
    let query = Query::parse(parts.uri.query());
    let request = page_request(&query, &keys.cursors, caller.organization_id).await?;
    let page = keys.list.run(&caller, request).await?;
    let answer =
        ListAnswer::of(page.items, page.next, &keys.cursors, request.order, caller.organization_id).await?;
    json_validated(&parts.headers, Keep::Private, &answer)
}

async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let key = shared.api.door.api_keys.list.one(&caller, parse_id(&id)?).await?;
    json_validated(&parts.headers, Keep::Private, &key)
}

async fn change(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let id = parse_id(&id)?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let name = fields.member("name", |value| text(value).and_then(parse_name));
    let scopes = fields.member("scopes", parse_scopes);
    let instance_ids = fields.member("instance_ids", parse_instances);
    let expires_at = fields.member("expires_at", parse_time);
    let rate_limit = fields.member("rate_limit", parse_rate_limit);
    if matches!(name, Some(Member::Null)) {
        fields.fault("name", "can be changed, not taken away");
    }
    if matches!(scopes, Some(Member::Null)) {
        fields.fault("scopes", "can be changed, not taken away; an empty list is none");
    }
    let change = fields.finish(|| {
        Some(KeyChange {
            name: name?.value(),
            scopes: scopes?.value(),
            instance_ids: instance_ids?.change(),
            expires_at: expires_at?.change(),
            rate_limit: rate_limit?.change(),
        })
    })?;
    let key = shared.api.door.api_keys.change.run(&caller, id, change).await?;
    json(StatusCode::OK, Keep::Private, &key)
}

async fn revoke(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    shared.api.door.api_keys.revoke.run(&caller, parse_id(&id)?).await?;
    Ok(no_content())
}

async fn rotate(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let id = parse_id(&id)?;
    let limit = shared.api.door.settings.body_limit;
    let mut fields = Fields::read_optional(&parts.headers, body, limit).await?;
    let grace = fields.member("grace_seconds", parse_grace);
    let grace = fields.finish(|| Some(grace?.value().unwrap_or_default()))?;
    let made = shared.api.door.api_keys.rotate.run(&caller, id, grace).await?;
    json(StatusCode::CREATED, Keep::Never, &MadeAnswer::of(&made))
}

/// What the contract says of how often a key was used.
#[derive(Serialize)]
struct UsageAnswer {
    key_id: ApiKeyId,
    total: u64,
    data: Vec<DayAnswer>,
}

#[derive(Serialize)]
struct DayAnswer {
    day: String,
    uses: u64,
}

impl UsageAnswer {
    fn of(key_id: ApiKeyId, report: UsageReport) -> Self {
        let day = |(day, uses): (Day, u64)| DayAnswer { day: day.to_string(), uses };
        Self { key_id, total: report.total, data: report.days.into_iter().map(day).collect() }
    }
}

async fn usage(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let id = parse_id(&id)?;
    let days = match Query::parse(parts.uri.query()).get("days") {
        None => ShowKeyUsage::DAYS,
        Some(days) => parse_days(days)?,
    };
    let report = shared.api.door.api_keys.usage.run(&caller, id, days).await?;
    json_validated(&parts.headers, Keep::Private, &UsageAnswer::of(id, report))
}

/// What the contract says of a key that was verified.
#[derive(Serialize)]
struct VerdictAnswer<'a> {
    valid: bool,
    code: &'static str,
    key_id: Option<ApiKeyId>,
    organization_id: Option<OrganizationId>,
    scopes: Option<Scopes>,
    instance_ids: Option<&'a [InstanceId]>,
    expires_at: Option<Timestamp>,
    rate_limit: Option<Quota>,
}

impl<'a> VerdictAnswer<'a> {
    fn of(verdict: &'a KeyVerdict) -> Self {
        let key = verdict.holder.as_ref().map(|holder| &holder.key);
        Self {
            valid: verdict.code == "valid",
            code: verdict.code,
            key_id: key.map(|key| key.id),
            organization_id: key.map(|key| key.organization_id),
            scopes: key.map(|key| key.scopes),
            instance_ids: key.and_then(|key| key.instance_ids.as_deref()),
            expires_at: key.and_then(|key| key.expires_at),
            rate_limit: key.and_then(|key| key.rate_limit),
        }
    }
}

async fn verify(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let organization = admin_or_key(&shared, &parts, Scope::KeysVerify).await?.organization();
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let key = fields.required("key", parse_shown);
    let scope = fields.optional("scope", |word| Scope::parse(word).ok_or(UNKNOWN_SCOPE));
    let instance = fields.optional("instance_id", |id| InstanceId::parse(id).ok_or("must be a UUID"));
    let request =
        fields.finish(|| Some(VerifyApiKeyRequest { key: key?, scope: scope?, instance: instance? }))?;
    let verdict = shared.api.door.api_keys.verify.run(organization, request).await?;
    json(StatusCode::OK, Keep::Never, &VerdictAnswer::of(&verdict))
}

const UNKNOWN_SCOPE: &str = "must be one of messages:read, messages:write, catalog:read, catalog:write, models:read, \
    settings:read, settings:write, keys:verify and *";

fn parse_id(text: &str) -> Result<ApiKeyId, Problem> {
    ApiKeyId::parse(text).ok_or_else(|| Problem::new(Code::NotFound, "There is no such key of yours."))
}

fn parse_days(text: &str) -> Result<u32, Problem> {
    let days = text.parse().ok().filter(|days| (1..=ShowKeyUsage::MAX_DAYS).contains(days));
    days.ok_or_else(|| {
        Problem::validation(vec![FieldFault::new("days", "must be a whole number from 1 to 90")])
    })
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("must not be empty"),
        1..=100 if text.chars().any(char::is_control) => Err("must not contain control characters"),
        1..=100 => Ok(text.to_owned()),
        _ => Err("must be at most 100 characters long"),
    }
}

fn parse_shown(text: &str) -> Result<String, &'static str> {
    match text.len() {
        0 => Err("must not be empty"),
        1..=200 => Ok(text.to_owned()),
        _ => Err("must be at most 200 bytes long"),
    }
}

fn text(value: &Value) -> Result<&str, &'static str> {
    value.as_str().ok_or("must be a string")
}

fn parse_scopes(value: &Value) -> Result<Scopes, &'static str> {
    let words = value.as_array().ok_or("must be a list of scopes")?;
    words.iter().map(|word| word.as_str().and_then(Scope::parse).ok_or(UNKNOWN_SCOPE)).collect()
}

fn parse_instances(value: &Value) -> Result<Vec<InstanceId>, &'static str> {
    let ids = value.as_array().ok_or("must be a list of UUIDs, or null for all")?;
    if ids.len() > MAX_INSTANCES {
        return Err("must name at most 100 instances");
    }
    ids.iter().map(|id| id.as_str().and_then(InstanceId::parse).ok_or("must be a list of UUIDs")).collect()
}

fn parse_time(value: &Value) -> Result<Timestamp, &'static str> {
    let time = value.as_str().and_then(Timestamp::parse);
    time.ok_or("must be an RFC 3339 time, such as 2030-01-31T12:00:00Z")
}

fn parse_rate_limit(value: &Value) -> Result<Quota, &'static str> {
    let wrong = "must be {limit, window_seconds} with a limit of 1–1000000 and a window of 1–86400 seconds";
    let members = value.as_object().filter(|members| members.len() == 2).ok_or(wrong)?;
    let number = |name: &str| members.get(name).and_then(Value::as_u64).ok_or(wrong);
    key_quota(number("limit")?, number("window_seconds")?).ok_or(wrong)
}

fn parse_grace(value: &Value) -> Result<Duration, &'static str> {
    let grace = value.as_u64().map(Duration::from_secs).filter(|grace| *grace <= RotateApiKey::MAX_GRACE);
    grace.ok_or("must be a whole number of seconds from 0 to 2592000")
}
