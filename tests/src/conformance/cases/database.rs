//! The database as operators see it: the same members on every target, null where it has no such thing.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::super::api::Api;
use super::super::forge::Parts;
use super::super::{Case, Outcome, same};
use super::api_keys::with_key;

const DATABASE: &str = "/api/v1/admin/db";
const MEMBERS: [&str; 8] =
    ["connections", "file", "is_away", "kind", "long_running", "long_running_from_seconds", "pool", "writer"];
const POOL: [&str; 7] = ["active", "idle", "max", "ratio", "size", "waiting", "warning"];

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("database: is for admins alone, whatever is asked", admins_only),
        Case::new("database: shows its members, null where the target has none", members),
        Case::new("database: counts hang together, and nothing of it is kept", counts),
        Case::new("database: what is long-running is the caller's to say, within bounds", bounds),
    ]
}

/// A token of somebody whom nobody knows, but who is an admin: nobody is looked up.
async fn admin(api: &Api) -> anyhow::Result<String> {
    let bystander = api.bystander().await?;
    Ok(Parts::of(&bystander.tokens.access)?.with("role", "admin").hs256(&api.addresses().jwt_secret))
}

async fn shown(api: &Api, query: &str) -> anyhow::Result<Value> {
    let answer = api.get(format!("{DATABASE}{query}")).bearer(&admin(api).await?).send().await?.is(200)?;
    same("cache-control", answer.must_have("cache-control")?, "no-store")?;
    let statements = answer.timing()?.statements;
    ensure!((1..=2).contains(&statements), "{statements} statements");
    answer.json()
}

fn names(value: &Value) -> anyhow::Result<BTreeSet<&str>> {
    Ok(value.as_object().context("an object")?.keys().map(String::as_str).collect())
}

async fn admins_only(api: Api) -> Outcome {
    for path in [DATABASE.to_owned(), format!("{DATABASE}?long_running_seconds=x")] {
        api.get(&path).send().await?.is_problem(401, "unauthenticated")?;
        with_key(api.get(&path), "pk_made-up").send().await?.is_problem(401, "unauthenticated")?;
        let member = &api.bystander().await?.tokens.access;
        api.get(&path).bearer(member).send().await?.is_problem(403, "forbidden")?;
    }
    Ok(())
}

async fn members(api: Api) -> Outcome {
    let health = api.get("/api/v2/health").send().await?.is(200)?.json()?;
    let shown = shown(&api, "").await?;
    same("members", names(&shown)?, BTreeSet::from(MEMBERS))?;
    same("is_away", &shown["is_away"], &json!(false))?;
    same("long_running_from_seconds", &shown["long_running_from_seconds"], &json!(5))?;
    let is_server = health["target"] == "native";
    let is_file = shown["kind"] == "sqlite";
    ensure!(is_file || shown["kind"] == "postgres", "{shown}");
    same("a pool", !shown["pool"].is_null(), is_server)?;
    same("a writer", !shown["writer"].is_null(), is_file)?;
    same("a file", !shown["file"].is_null(), is_file)?;
    same("connections", shown["connections"].is_null(), is_file)?;
    same("what is long-running", shown["long_running"].is_null(), is_file)?;
    for pool in [&shown["pool"], &shown["writer"]] {
        if !pool.is_null() {
            same("a pool's members", names(pool)?, BTreeSet::from(POOL))?;
        }
    }
    if is_file {
        same(
            "a file's members",
            names(&shown["file"])?,
            BTreeSet::from(["bytes", "free_bytes", "wal_bytes"]),
        )?;
    }
    Ok(())
}

async fn counts(api: Api) -> Outcome {
    let shown = shown(&api, "").await?;
    for pool in [&shown["pool"], &shown["writer"]] {
        let Some(max) = pool["max"].as_u64() else { continue };
        let of = |name: &str| pool[name].as_u64().with_context(|| format!("{name} of {pool}"));
        ensure!(max >= 1 && of("size")? <= max, "{pool}");
        same("active", of("active")?, of("size")? - of("idle")?)?;
        let ratio = pool["ratio"].as_f64().context("a ratio")?;
        ensure!((0.0..=1.0).contains(&ratio) && pool["warning"].is_boolean(), "{pool}");
    }
    let connections = &shown["connections"];
    if let Some(active) = connections["active"].as_u64() {
        let of = |name: &str| connections[name].as_u64().with_context(|| format!("{name} of {connections}"));
        ensure!(of("waiting_for_lock")? <= of("waiting")? && of("waiting")? <= active, "{connections}");
        let all = active + of("idle")? + of("idle_in_transaction")? + of("hidden")?;
        ensure!(all <= of("max")?, "{connections}");
    }
    if let Some(bytes) = shown["file"]["bytes"].as_u64() {
        ensure!(shown["file"]["free_bytes"].as_u64() < Some(bytes), "{}", shown["file"]);
    }
    Ok(())
}

async fn bounds(api: Api) -> Outcome {
    let token = admin(&api).await?;
    for wrong in ["", "-1", "86401", "1.5", "soon", "99999999999999999999"] {
        let path = format!("{DATABASE}?long_running_seconds={wrong}");
        api.get(path).bearer(&token).send().await?.names_fields(&["long_running_seconds"])?;
    }
    let all = shown(&api, "?long_running_seconds=0").await?;
    same("long_running_from_seconds", &all["long_running_from_seconds"], &json!(0))?;
    for running in all["long_running"].as_array().into_iter().flatten() {
        let members =
            ["age_ms", "application_name", "pid", "state", "statement", "wait_event", "wait_event_type"];
        same("members of what runs", names(running)?, BTreeSet::from(members))?;
    }
    // Nothing of ours takes a day.
    let none = shown(&api, "?long_running_seconds=86400").await?;
    same("of a day", none["long_running"].as_array().is_none_or(Vec::is_empty), true)
}
