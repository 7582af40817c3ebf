//! How often keys were used: counted exactly, shown day by day.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::super::api::Api;
use super::super::people::{Tokens, Visitor, attempt};
use super::super::{Case, Outcome, same};
use super::ME;
use super::api_keys::{KEYS, make, path, plain, text, with_key};
use crate::harness::native::{ADMIN_EMAIL, ADMIN_PASSWORD};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("key usage: a key that was never used has no days", unused),
        Case::new("key usage: each use is counted exactly once", counted),
        Case::new("key usage: a check that is refused is no use", refused_is_no_use),
        Case::new("key usage: a key found valid for another service was used", verified),
        Case::new("key usage: it outlives the key's revocation and rotation", outlives),
        Case::new("key usage: another organization's can't be seen", others),
        Case::new("key usage: keys can't ask for it", people_only),
    ];
    for days in ["0", "91", "-1", "1.5", "week", ""] {
        let told = format!("key usage: {days:?} days are refused, naming days");
        cases.push(Case::new(told, move |api| bad_days(api, days)));
    }
    cases
}

async fn usage(api: &Api, tokens: &Tokens, made: &Value) -> anyhow::Result<Value> {
    let call = api.get(format!("{}/usage", path(made)?)).bearer(&tokens.access);
    let answer = call.send().await?.is(200)?;
    ensure!(answer.timing()?.statements <= 2, "{} statements", answer.timing()?.statements);
    answer.json()
}

/// Insists that so many uses are counted within five seconds, and no more a while after.
async fn comes_to(api: &Api, tokens: &Tokens, made: &Value, wanted: u64) -> anyhow::Result<Value> {
    let mut shown = Value::Null;
    for _ in 0..50 {
        shown = usage(api, tokens, made).await?;
        if shown["total"].as_u64().context("a total")? >= wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    same("total", &shown["total"], &json!(wanted))?;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let shown = usage(api, tokens, made).await?;
    same("total a while later", &shown["total"], &json!(wanted))?;
    Ok(shown)
}

async fn unused(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let shown = usage(&api, &person.tokens, &made).await?;
    same("usage", &shown, &json!({"key_id": made["id"], "total": 0, "data": []}))
}

async fn counted(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let key = text(&made, "key")?;
    for round in 1..=3_u64 {
        for _ in 0..4 {
            with_key(api.get(ME), key).send().await?.is(200)?;
        }
        for answer in join_all((0..9).map(|_| with_key(api.get(ME), key).send())).await {
            answer?.is(200)?;
        }
        // The second round falls into the window of the first, the third doesn't.
        if round != 1 {
            comes_to(&api, &person.tokens, &made, 13 * round).await?;
        }
    }
    let shown = usage(&api, &person.tokens, &made).await?;
    let days = shown["data"].as_array().context("a list")?;
    // Two if midnight has just passed.
    ensure!((1..=2).contains(&days.len()), "{} days", days.len());
    let names: Vec<&str> = days.iter().map(|day| text(day, "day")).collect::<Result<_, _>>()?;
    ensure!(names.iter().all(|name| name.len() == 10 && name.starts_with("20")), "days: {names:?}");
    ensure!(names.is_sorted_by(|newer, older| newer > older), "newest first: {names:?}");
    let sum: u64 = days.iter().filter_map(|day| day["uses"].as_u64()).sum();
    same("the sum of the days", sum, 39)?;
    let call = api.get(format!("{}/usage?days=90", path(&made)?)).bearer(&person.tokens.access);
    same("of 90 days", &call.send().await?.is(200)?.json()?, &shown)
}

async fn refused_is_no_use(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let body = json!({"name": "k", "scopes": [], "rate_limit": {"limit": 2, "window_seconds": 3600}});
    let made = make(&api, &person.tokens, body).await?;
    let key = text(&made, "key")?;
    for status in [200, 200, 429, 429] {
        with_key(api.get(ME), key).send().await?.is(status)?;
    }
    comes_to(&api, &person.tokens, &made, 2).await?;
    Ok(())
}

async fn verified(api: Api) -> Outcome {
    let admin = Tokens::read(&attempt(&api, ADMIN_EMAIL, ADMIN_PASSWORD).await?.is(200)?)?;
    let asker = make(&api, &admin, json!({"name": "gateway", "scopes": ["keys:verify"]})).await?;
    let shown = make(&api, &admin, json!({"name": "k", "scopes": ["messages:read"]})).await?;
    for (scope, code) in [
        ("messages:read", "valid"),
        ("messages:write", "insufficient_scope"),
        ("messages:read", "valid"),
        ("messages:read", "valid"),
    ] {
        let body = json!({"key": text(&shown, "key")?, "scope": scope});
        let call = with_key(api.post(format!("{KEYS}/verify")), text(&asker, "key")?).json(&body);
        same("code", &call.send().await?.is(200)?.json()?["code"], &json!(code))?;
    }
    comes_to(&api, &admin, &shown, 3).await?;
    comes_to(&api, &admin, &asker, 4).await?;
    Ok(())
}

async fn outlives(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    with_key(api.get(ME), text(&made, "key")?).send().await?.is(200)?;
    let call = api.post(format!("{}/rotate", path(&made)?)).bearer(&person.tokens.access);
    let rotated = call.send().await?.is(201)?.json()?;
    with_key(api.get(ME), text(&rotated, "key")?).send().await?.is(200)?;
    api.delete(path(&made)?).bearer(&person.tokens.access).send().await?.is(204)?;
    comes_to(&api, &person.tokens, &made, 2).await?;
    let shown = api.get(path(&made)?).bearer(&person.tokens.access).send().await?.is(200)?.json()?;
    if !shown["last_used_at"].is_string() {
        bail!("`last_used_at` is told: {shown}");
    }
    Ok(())
}

async fn others(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let other = Visitor::arrive(&api).await?;
    for path in
        [path(&made)?, format!("{KEYS}/nonsense"), format!("{KEYS}/{}", text(&person.tokens.user, "id")?)]
    {
        let call = api.get(format!("{path}/usage")).bearer(&other.tokens.access);
        call.send().await?.is_problem(404, "not_found")?;
    }
    Ok(())
}

async fn people_only(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = make(&api, &person.tokens, json!({"name": "k", "scopes": ["*"]})).await?;
    let path = format!("{}/usage", path(&made)?);
    with_key(api.get(&path), text(&made, "key")?).send().await?.is_problem(401, "unauthenticated")?;
    api.get(&path).send().await?.is_problem(401, "unauthenticated")?;
    Ok(())
}

async fn bad_days(api: Api, days: &'static str) -> Outcome {
    let person = api.bystander().await?;
    let made = plain(&api, &person.tokens).await?;
    let call = api.get(format!("{}/usage?days={days}", path(&made)?)).bearer(&person.tokens.access);
    call.send().await?.is_problem(422, "validation_failed")?.names_fields(&["days"])
}
