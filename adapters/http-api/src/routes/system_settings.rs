//! Settings of the whole system.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::{get, put},
};
use http::StatusCode;
use portico_domain::{
    flows::system_settings::SystemSettingError,
    models::{Scope, SettingKey, SystemSetting, Timestamp, json_fault},
};
use serde::Serialize;
use serde_json::Value;

use super::{ListAnswer, Shared, page_request};
use crate::{
    answers::{Keep, json, json_validated, no_content},
    code::Code,
    credentials::admin_or_key,
    fields::{Member, Query},
    problem::Problem,
};

type Answer = Result<Response, Problem>;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v2/settings", get(list))
        .route("/api/v2/settings/{key}", put(set).delete(remove))
}

/// What the contract says of a setting.
#[derive(Serialize)]
struct SettingAnswer {
    key: SettingKey,
    value: Value,
    updated_at: Timestamp,
}

impl From<SystemSetting> for SettingAnswer {
    fn from(setting: SystemSetting) -> Self {
        Self { key: setting.key, value: setting.value, updated_at: setting.updated_at }
    }
}

async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let owner = admin_or_key(&shared, &parts, Scope::SettingsRead).await?.id();
    let settings = &shared.api.door.stored_settings;
    let query = Query::parse(parts.uri.query());
    let request = page_request(&query, &settings.system_cursors, &owner).await?;
    let page = settings.list_system.run(request).await?;
    let data: Vec<SettingAnswer> = page.items.into_iter().map(SettingAnswer::from).collect();
    let answer = ListAnswer::of(data, page.next, &settings.system_cursors, request.order, &owner).await?;
    json_validated(&parts.headers, Keep::Private, &answer)
}

async fn set(State(shared): State<Arc<Shared>>, Path(key): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    admin_or_key(&shared, &parts, Scope::SettingsWrite).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let key = SettingKey::parse(&key);
    if key.is_none() {
        let rule =
            "must be 1–100 of a–z, 0–9, point, underscore and hyphen, beginning with a letter or digit";
        fields.fault("key", rule);
    }
    let value = match fields.taken("value") {
        Member::There(value) => Some(value),
        Member::Null => Some(Value::Null),
        Member::Missing => {
            fields.fault("value", "is required");
            None
        }
    };
    if let Some(fault) = value.as_ref().and_then(|value| json_fault(value, SystemSetting::MAX_VALUE_BYTES)) {
        fields.fault("value", &fault);
    }
    let (key, value) = fields.finish(|| Some((key?, value?)))?;
    let setting = shared.api.door.stored_settings.set_system.run(key, value).await?;
    json(StatusCode::OK, Keep::Private, &SettingAnswer::from(setting))
}

async fn remove(State(shared): State<Arc<Shared>>, Path(key): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    admin_or_key(&shared, &parts, Scope::SettingsWrite).await?;
    // What can't be a key is the key of nothing.
    let key = SettingKey::parse(&key).ok_or(SystemSettingError::NotFound)?;
    shared.api.door.stored_settings.remove_system.run(key).await?;
    Ok(no_content())
}

impl From<SystemSettingError> for Problem {
    fn from(error: SystemSettingError) -> Self {
        match error {
            SystemSettingError::NotFound => Self::new(Code::NotFound, "There is no such setting."),
            SystemSettingError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
