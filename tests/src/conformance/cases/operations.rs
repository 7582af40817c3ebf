//! `/health`, `/ready`, `/api/v2/health`, `/api/v2/info`, the key set.

use anyhow::{Context, ensure};
use serde_json::json;

use super::super::api::Api;
use super::super::{Case, Outcome, same};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("operations: /health answers without asking anything", health),
        Case::new("operations: /ready answers when storage does", ready),
        Case::new("operations: /api/v2/health tells status, version, target and checks", health_v2),
        Case::new("operations: /api/v2/health is cached 5 s", |api| cached(api, "/api/v2/health", 5)),
        Case::new("operations: /api/v2/info tells name, version, uptime, limits and flows", info),
        Case::new("operations: /api/v2/info is cached 30 s", |api| cached(api, "/api/v2/info", 30)),
        Case::new("operations: the key set is empty with a shared secret", key_set),
        Case::new("operations: /api/v2/info has a strong validator, and 304 has no body", |api| {
            validated(api, "/api/v2/info")
        }),
        Case::new("operations: the key set has a strong validator, and 304 has no body", |api| {
            validated(api, "/.well-known/jwks.json")
        }),
    ]
}

async fn health(api: Api) -> Outcome {
    let answer = api.get("/health").send().await?.is(200)?;
    same("statements", answer.timing()?.statements, 0)
}

async fn ready(api: Api) -> Outcome {
    api.get("/ready").send().await?.is(200)?;
    Ok(())
}

async fn health_v2(api: Api) -> Outcome {
    let body = api.get("/api/v2/health").send().await?.is(200)?.json()?;
    same("status", &body["status"], "ok")?;
    ensure!(body["version"].as_str().is_some_and(|version| !version.is_empty()), "version: {body}");
    ensure!(matches!(body["target"].as_str(), Some("native" | "worker")), "target: {body}");
    let checks = body["checks"].as_object().context("`checks` is an object")?;
    ensure!(!checks.is_empty(), "nothing was checked: {body}");
    Ok(())
}

async fn info(api: Api) -> Outcome {
    let body = api.get("/api/v2/info").send().await?.is(200)?.json()?;
    ensure!(body["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("portico")), "name: {body}");
    ensure!(body["version"].is_string() && body["limits"].is_object(), "version, limits: {body}");
    let members = body.as_object().context("an object")?;
    ensure!(members.keys().any(|member| member.starts_with("uptime")), "uptime: {body}");
    ensure!(members.contains_key("flows"), "flows: {body}");
    let health = api.get("/api/v2/health").send().await?.json()?;
    same("version", &body["version"], &health["version"])
}

/// The lifetime is told, and the same body is served while it lasts.
async fn cached(api: Api, path: &str, seconds: u32) -> Outcome {
    let answer = api.get(path).send().await?.is(200)?;
    let told = answer.must_have("cache-control")?;
    ensure!(told.contains(&format!("max-age={seconds}")), "Cache-Control: {told}");
    // The second of two requests in quick succession may fall on the end of a lifetime; not twice in a row.
    for _ in 0..3 {
        api.get(path).send().await?.is(200)?;
        let again = api.get(path).send().await?.is(200)?;
        if again.timing()?.cache == "hit" {
            return Ok(());
        }
    }
    anyhow::bail!("{path} was never served from the cache")
}

async fn key_set(api: Api) -> Outcome {
    let answer = api.get("/.well-known/jwks.json").send().await?.is(200)?;
    same("the key set", answer.json()?, json!({ "keys": [] }))
}

async fn validated(api: Api, path: &str) -> Outcome {
    // The body may change between the two requests when its lifetime ends there; not three times in a row.
    for _ in 0..3 {
        let answer = api.get(path).send().await?.is(200)?;
        let tag = answer.must_have("etag")?.to_owned();
        ensure!(tag.starts_with('"') && tag.len() > 2, "a strong ETag, not {tag}");
        let again = api.get(path).header("if-none-match", &tag).send().await?;
        if again.status == 304 {
            same("the 304's ETag", again.must_have("etag")?, tag.as_str())?;
            let among = api.get(path).header("if-none-match", format!("\"other\", {tag}")).send().await?;
            let any = api.get(path).header("if-none-match", "*").send().await?;
            let other = api.get(path).header("if-none-match", "\"other\"").send().await?.is(200)?;
            ensure!(!other.body.is_empty(), "another ETag gets the body");
            if (among.status, any.status) == (304, 304) {
                return Ok(());
            }
        }
    }
    anyhow::bail!("{path} never answered 304")
}
