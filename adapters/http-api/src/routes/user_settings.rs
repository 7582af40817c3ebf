//! What people set for themselves, and their keys at providers.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use portico_domain::{
    flows::user_settings::{StoreKeyError, SwitchProviders, SwitchRefused, SwitchRequest, UserSettingsError},
    models::{FieldFault, ProviderApiKey, ProviderName, ProviderSetting, UserSettings},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Shared;
use crate::{
    answers::{Keep, json, json_validated, no_content},
    credentials::bearer,
    fields::{Fields, Member},
    problem::Problem,
};

type Answer = Result<Response, Problem>;

const UNKNOWN_PROVIDER: &str = "is not a provider of the catalogue";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/user/settings", get(show).put(replace))
        .route("/api/v1/user/store-provider-api-key", post(store_key))
        .route("/api/v1/user/providers", get(providers))
        .route("/api/v1/user/sync-providers", post(switch))
}

async fn show(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let settings = shared.api.door.stored_settings.show_own.run(&caller).await?;
    json_validated(&parts.headers, Keep::Private, &settings)
}

async fn replace(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let preferences = fields.taken("preferences");
    let preferences = parse_preferences(&mut fields, preferences);
    let models = match fields.taken("enabled_models") {
        Member::Missing | Member::Null => Some(None),
        Member::There(value) => {
            let parsed = UserSettings::parse_models("enabled_models", &value);
            parsed.map_err(|faults| fields.faults(faults)).ok().map(Some)
        }
    };
    let settings =
        fields.finish(|| Some(UserSettings { preferences: preferences?, enabled_models: models? }))?;
    let settings = shared.api.door.stored_settings.replace_own.run(&caller, settings).await?;
    json(StatusCode::OK, Keep::Private, &settings)
}

/// Missing is what nobody has set. Null is not: who means none sends an empty object.
fn parse_preferences(fields: &mut Fields, member: Member<Value>) -> Option<Map<String, Value>> {
    let value = match member {
        Member::Missing => return Some(Map::new()),
        Member::Null => Value::Null,
        Member::There(value) => value,
    };
    match (UserSettings::preferences_fault(&value), value) {
        (None, Value::Object(preferences)) => Some(preferences),
        (fault, _) => {
            fields.fault("preferences", &fault.unwrap_or_default());
            None
        }
    }
}

async fn store_key(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let provider = fields.required("provider", |text| ProviderName::parse(text).ok_or(UNKNOWN_PROVIDER));
    let key = fields.required("api_key", ProviderApiKey::parse);
    let (provider, key) = fields.finish(|| Some((provider?, key?)))?;
    shared.api.door.stored_settings.store_key.run(&caller, provider, &key).await?;
    Ok(no_content())
}

/// Somebody's providers: all of them, for there are no more than the catalogue has.
#[derive(Serialize)]
struct ProvidersAnswer {
    data: Vec<ProviderSetting>,
}

async fn providers(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let data = shared.api.door.stored_settings.list_providers.run(&caller).await?;
    json_validated(&parts.headers, Keep::Private, &ProvidersAnswer { data })
}

async fn switch(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let wanted = match fields.taken("providers") {
        Member::There(value) => parse_switches(&value).map_err(|faults| fields.faults(faults)).ok(),
        Member::Missing | Member::Null => {
            fields.fault("providers", "is required");
            None
        }
    };
    let wanted = fields.finish(|| wanted)?;
    let data = shared.api.door.stored_settings.switch_providers.run(&caller, wanted).await?;
    json(StatusCode::OK, Keep::Private, &ProvidersAnswer { data })
}

fn parse_switches(value: &Value) -> Result<SwitchRequest, Vec<FieldFault>> {
    let whole = |message: &str| vec![FieldFault::new("providers", message)];
    let items = value.as_array().ok_or_else(|| whole("must be a list of {provider, enabled}"))?;
    if items.len() > SwitchProviders::MAX_PROVIDERS {
        return Err(whole("must name at most 100 providers"));
    }
    let mut faults = Vec::new();
    let mut switches = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let field = |member: &str| format!("providers[{place}].{member}");
        let Some(members) = item.as_object() else {
            faults.push(FieldFault::new(format!("providers[{place}]"), "must be {provider, enabled}"));
            continue;
        };
        let name = members.get("provider").and_then(Value::as_str);
        let provider = name.and_then(ProviderName::parse);
        if provider.is_none() {
            let message = if name.is_some() { UNKNOWN_PROVIDER } else { "must be a provider's name" };
            faults.push(FieldFault::new(field("provider"), message));
        }
        let enabled = members.get("enabled").and_then(Value::as_bool);
        if enabled.is_none() {
            faults.push(FieldFault::new(field("enabled"), "must be true or false"));
        }
        // One is enough to find the mistake, and keeps the answer short.
        if let Some(other) = members.keys().find(|name| !matches!(name.as_str(), "provider" | "enabled")) {
            let shown: String = other.chars().take(64).collect();
            faults.push(FieldFault::new(field(&shown), "is not a member of this request"));
        }
        switches.extend(provider.zip(enabled));
    }
    if faults.is_empty() { Ok(switches) } else { Err(faults) }
}

impl From<UserSettingsError> for Problem {
    fn from(error: UserSettingsError) -> Self {
        match error {
            UserSettingsError::Gone => gone(),
            UserSettingsError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<StoreKeyError> for Problem {
    fn from(error: StoreKeyError) -> Self {
        match error {
            StoreKeyError::UnknownProvider => {
                Self::validation(vec![FieldFault::new("provider", UNKNOWN_PROVIDER)])
            }
            StoreKeyError::Gone => gone(),
            StoreKeyError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<SwitchRefused> for Problem {
    fn from(refused: SwitchRefused) -> Self {
        match refused {
            SwitchRefused::Invalid(faults) => Self::validation(faults),
            SwitchRefused::Gone => gone(),
            SwitchRefused::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

fn gone() -> Problem {
    Problem::token_refused("The account no longer exists.")
}
