//! Settings of the whole system.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use http::Method;
use serde_json::{Value, json};

use super::super::api::{Api, Call};
use super::super::forge::Parts;
use super::super::people::Visitor;
use super::super::{Case, Outcome, same};
use super::SESSIONS;
use super::api_keys::{make, short, text, with_key};
use super::key_verification::admin;
use crate::random;

const SETTINGS: &str = "/api/v2/settings";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("system settings: a write is seen at once, by whatever page", seen_at_once),
        Case::new("system settings: any JSON is a value", any_json),
        Case::new("system settings: a removed one is gone at once, and then not found", removed),
        Case::new("system settings: read again they cost no statement", cached),
        Case::new("system settings: the list walks each once, in both orders", walk),
        Case::new("system settings: a cursor goes with its list, order and caller", foreign_cursors),
        Case::new("system settings: are for admins and keys of the scope", who),
        Case::new("system settings: a key reads or writes as its scopes say", scopes),
        Case::new("system settings: many written at once are all there", at_once),
    ];
    for (key, body, fields) in [
        ("a", json!({}), &["value"][..]),
        ("a", json!({"value": 1, "key": "a"}), &["key"]),
        ("A", json!({"value": 1}), &["key"]),
        ("-a", json!({"value": 1}), &["key"]),
        ("a%20b", json!({"value": 1}), &["key"]),
        ("a%2Fb", json!({}), &["key", "value"]),
        ("%D0%BA", json!({"value": 1}), &["key"]),
        ("a", json!({"value": "x".repeat(64 << 10)}), &["value"]),
    ] {
        let told =
            format!("system settings: {key} as {} is refused, naming {}", short(&body), fields.join(", "));
        cases.push(Case::new(told, move |api| refused(api, key, body.clone(), fields)));
    }
    cases
}

/// A token of somebody whom nobody knows, but who is an admin: nobody is looked up for these routes.
async fn admin_token(api: &Api) -> anyhow::Result<String> {
    let bystander = api.bystander().await?;
    Ok(Parts::of(&bystander.tokens.access)?.with("role", "admin").hs256(&api.addresses().jwt_secret))
}

fn fresh() -> String {
    format!("conformance.{}", random::hex(8))
}

fn put(api: &Api, key: &str) -> Call {
    api.call(Method::PUT, format!("{SETTINGS}/{key}"))
}

async fn set(api: &Api, token: &str, key: &str, value: &Value) -> anyhow::Result<Value> {
    let answer = put(api, key).bearer(token).json(&json!({"value": value})).send().await?.is(200)?;
    answer.json()
}

async fn page(api: &Api, token: &str, query: &str) -> anyhow::Result<Value> {
    api.get(format!("{SETTINGS}?{query}")).bearer(token).send().await?.is(200)?.json()
}

/// Every setting, walked in pages of this many.
async fn walked(api: &Api, token: &str, query: &str) -> anyhow::Result<Vec<Value>> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..1_000 {
        let page = page(api, token, &format!("{query}{cursor}")).await?;
        seen.extend(page["data"].as_array().context("`data` is a list")?.clone());
        same("has_more", page["has_more"].as_bool(), Some(page["next_cursor"].is_string()))?;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(seen),
        }
    }
    anyhow::bail!("the walk does not end")
}

async fn find(api: &Api, token: &str, query: &str, key: &str) -> anyhow::Result<Option<Value>> {
    Ok(walked(api, token, query).await?.into_iter().find(|row| row["key"] == key))
}

async fn refused(api: Api, key: &str, body: Value, fields: &[&str]) -> Outcome {
    let token = admin_token(&api).await?;
    put(&api, key).bearer(&token).json(&body).send().await?.names_fields(fields)
}

async fn seen_at_once(api: Api) -> Outcome {
    let (token, key) = (admin_token(&api).await?, fresh());
    let set_first = set(&api, &token, &key, &json!(0)).await?;
    let members: BTreeSet<&str> =
        set_first.as_object().context("an object")?.keys().map(String::as_str).collect();
    same("members", members, BTreeSet::from(["key", "updated_at", "value"]))?;
    for n in 1..4 {
        let written = set(&api, &token, &key, &json!({"n": n})).await?;
        for query in ["limit=100", "limit=20", "limit=7&order=asc", "order=desc"] {
            let found =
                find(&api, &token, query, &key).await?.with_context(|| format!("found by {query}"))?;
            same(query, &found, &written)?;
        }
    }
    Ok(())
}

async fn any_json(api: Api) -> Outcome {
    let token = admin_token(&api).await?;
    for value in [
        json!(null),
        json!(false),
        json!(-1.5),
        json!(""),
        json!("\u{0}O'Hara \u{1f600}"),
        json!([]),
        json!([{"a": [null]}]),
    ] {
        let key = fresh();
        same("the answer", &set(&api, &token, &key, &value).await?["value"], &value)?;
        let found = find(&api, &token, "limit=100", &key).await?.context("it is listed")?;
        same("read back", &found["value"], &value)?;
    }
    Ok(())
}

async fn removed(api: Api) -> Outcome {
    let (token, key) = (admin_token(&api).await?, fresh());
    set(&api, &token, &key, &json!(1)).await?;
    let remove = || api.delete(format!("{SETTINGS}/{key}")).bearer(&token);
    remove().send().await?.is(204)?;
    ensure!(find(&api, &token, "limit=100", &key).await?.is_none(), "it is listed still");
    remove().send().await?.is_problem(404, "not_found")?;
    api.delete(format!("{SETTINGS}/Not%20A%20Key"))
        .bearer(&token)
        .send()
        .await?
        .is_problem(404, "not_found")?;
    set(&api, &token, &key, &json!(2)).await?;
    ensure!(find(&api, &token, "limit=100", &key).await?.is_some(), "set again");
    Ok(())
}

/// Other cases write meanwhile, and each write drops every page: one quiet moment is enough.
async fn cached(api: Api) -> Outcome {
    let token = admin_token(&api).await?;
    for _ in 0..200 {
        let read = async || api.get(SETTINGS).bearer(&token).send().await?.is(200);
        read().await?;
        let again = read().await?.timing()?;
        if again.cache == "hit" {
            return same("statements", again.statements, 0);
        }
    }
    anyhow::bail!("no read was a hit")
}

async fn walk(api: Api) -> Outcome {
    let token = admin_token(&api).await?;
    let mut keys = BTreeSet::new();
    for n in 0..7 {
        let key = fresh();
        set(&api, &token, &key, &json!(n)).await?;
        keys.insert(key);
    }
    for order in ["asc", "desc"] {
        let mut seen = Vec::new();
        for row in walked(&api, &token, &format!("order={order}&limit=3")).await? {
            let key = text(&row, "key")?;
            if keys.contains(key) {
                seen.push((row["value"].as_u64(), key.to_owned()));
            }
        }
        if order == "desc" {
            seen.reverse();
        }
        same(
            "in the order in which they were first set",
            seen.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            (0..7).map(Some).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

async fn foreign_cursors(api: Api) -> Outcome {
    let token = admin_token(&api).await?;
    for _ in 0..2 {
        set(&api, &token, &fresh(), &json!(1)).await?;
    }
    let first = page(&api, &token, "limit=1").await?;
    let cursor = text(&first, "next_cursor")?;
    let other = Parts::of(&token)?
        .with("sub", "01890a5d-ac96-774b-bcce-b302099a8057")
        .hs256(&api.addresses().jwt_secret);
    for (path, token) in [
        (format!("{SETTINGS}?order=asc&cursor={cursor}"), &token),
        (format!("{SETTINGS}?cursor={cursor}"), &other),
        (format!("{SESSIONS}?cursor={cursor}"), &token),
        (format!("{SETTINGS}?cursor={}", &cursor[1..]), &token),
    ] {
        api.get(path).bearer(token).send().await?.is_problem(400, "invalid_cursor")?;
    }
    Ok(())
}

async fn who(api: Api) -> Outcome {
    let member = Visitor::arrive(&api).await?;
    let key = make(&api, &member.tokens, json!({"name": "k", "scopes": ["*"]})).await?;
    let one = format!("{SETTINGS}/a");
    for (method, path) in [(Method::GET, SETTINGS), (Method::PUT, &one), (Method::DELETE, &one)] {
        let call = || api.call(method.clone(), path).header("content-type", "application/json").bytes("{");
        call().send().await?.is_problem(401, "unauthenticated")?;
        call().bearer(&member.tokens.access).send().await?.is_problem(403, "forbidden")?;
        // A member's key of all scopes has no more power than its maker.
        with_key(call(), text(&key, "key")?).send().await?.is_problem(403, "forbidden")?;
    }
    Ok(())
}

async fn scopes(api: Api) -> Outcome {
    let admin = admin(&api).await?;
    let name = fresh();
    let key = async |scope: &str| {
        let made = make(&api, &admin, json!({"name": "k", "scopes": [scope]})).await?;
        text(&made, "key").map(str::to_owned)
    };
    let (reads, writes, none) =
        (key("settings:read").await?, key("settings:write").await?, key("models:read").await?);
    let set = |key: &str| with_key(put(&api, &name), key).json(&json!({"value": 1}));
    let remove = |key: &str| with_key(api.delete(format!("{SETTINGS}/{name}")), key);
    for key in [&reads, &none] {
        set(key).send().await?.is_problem(403, "forbidden")?;
        remove(key).send().await?.is_problem(403, "forbidden")?;
    }
    set(&writes).send().await?.is(200)?;
    for (key, status) in [(&reads, 200), (&writes, 403), (&none, 403)] {
        with_key(api.get(SETTINGS), key).send().await?.is(status)?;
    }
    remove(&writes).send().await?.is(204)?;
    Ok(())
}

async fn at_once(api: Api) -> Outcome {
    let token = admin_token(&api).await?;
    let keys: Vec<String> = (0..10).map(|_| fresh()).collect();
    let value = json!("x");
    let sets = keys.iter().chain(&keys).map(|key| set(&api, &token, key, &value));
    for outcome in futures_util::future::join_all(sets).await {
        outcome?;
    }
    let listed = walked(&api, &token, "limit=100").await?;
    for key in &keys {
        same(key, listed.iter().filter(|row| row["key"] == key.as_str()).count(), 1)?;
    }
    Ok(())
}
