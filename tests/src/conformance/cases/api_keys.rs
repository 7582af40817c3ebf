//! API keys: made, shown, used, changed, rotated, revoked.

use std::time::Duration;

use anyhow::{Context, ensure};
use http::Method;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::people::{Tokens, Visitor};
use super::super::{Case, Outcome, same};
use super::{ME, SESSIONS};

pub(super) const KEYS: &str = "/api/v1/api-keys";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("api keys: one is made with the contract's members, its text shown once", made),
        Case::new("api keys: one says who made it, for one statement", describes_its_maker),
        Case::new("api keys: one of no scopes may still ask who it is", no_scopes),
        Case::new("api keys: people's routes take none", people_only),
        Case::new("api keys: a key and a token at once are ambiguous", ambiguous),
        Case::new("api keys: both texts work through a rotation's grace, the old one not beyond", rotation),
        Case::new("api keys: a rotation without a grace ends the old text at once", rotation_at_once),
        Case::new("api keys: a revoked one is refused at once, and for good", revocation),
        Case::new("api keys: an expired one is refused", expiry),
        Case::new("api keys: its own rate limit is told and kept", own_limit),
        Case::new("api keys: a change touches what it names alone", change),
        Case::new("api keys: a revoked one can't be changed or rotated", revoked_stays),
        Case::new("api keys: another organization's can't be seen, changed, rotated or revoked", others),
        Case::new("api keys: nobody gives a scope that they don't have", no_more_power),
        Case::new("api keys: its use is remembered", remembered),
        Case::new("api keys: the list walks each once", list),
        Case::new("api keys: a list of sessions doesn't take the cursor of keys", foreign_cursor),
    ];
    for (what, key) in [
        ("empty", ""),
        ("its prefix alone", "pk_"),
        ("cut", "pk_0123456789ABCDEFGHIJKLMNOPQRSTUV00000"),
        ("of a wrong checksum", "pk_0123456789ABCDEFGHIJKLMNOPQRSTUV000000"),
        ("with a character too many", "pk_0123456789ABCDEFGHIJKLMNOPQRSTUV0000000"),
        ("of another kind", "sk_0123456789ABCDEFGHIJKLMNOPQRSTUV000000"),
        ("with a stranger's characters", "pk_0123456789ABCDEFGHIJKLMNOPQRSTU!000000"),
    ] {
        cases.push(Case::new(
            format!("api keys: one that is {what} is refused without a statement"),
            move |api| malformed(api, key),
        ));
    }
    for (body, fields) in [
        (json!({}), &["name", "scopes"][..]),
        (json!({"name": "", "scopes": []}), &["name"]),
        (json!({"name": "x".repeat(101), "scopes": []}), &["name"]),
        (json!({"name": "k", "scopes": "messages:read"}), &["scopes"]),
        (json!({"name": "k", "scopes": ["messages:eat"]}), &["scopes"]),
        (json!({"name": "k", "scopes": [7]}), &["scopes"]),
        (json!({"name": "k", "scopes": [], "instance_ids": ["here"]}), &["instance_ids"]),
        (json!({"name": "k", "scopes": [], "expires_at": "soon"}), &["expires_at"]),
        (json!({"name": "k", "scopes": [], "expires_at": "2001-01-01T00:00:00Z"}), &["expires_at"]),
        (
            json!({"name": "k", "scopes": [], "rate_limit": {"limit": 0, "window_seconds": 1}}),
            &["rate_limit"],
        ),
        (json!({"name": "k", "scopes": [], "rate_limit": {"limit": 1}}), &["rate_limit"]),
        (json!({"name": 7, "scopes": [], "rate_limit": 5, "key": "mine"}), &["name", "rate_limit", "key"]),
    ] {
        let told = format!("api keys: making {} is refused, naming {}", short(&body), fields.join(", "));
        cases.push(Case::new(told, move |api| refused(api, body.clone(), fields)));
    }
    cases
}

pub(super) fn short(body: &Value) -> String {
    body.to_string().chars().take(60).collect()
}

pub(super) async fn make(api: &Api, tokens: &Tokens, body: Value) -> anyhow::Result<Value> {
    let answer = api.post(KEYS).bearer(&tokens.access).json(&body).send().await?.is(201)?;
    same("Cache-Control", answer.must_have("cache-control")?, "no-store")?;
    answer.json()
}

pub(super) async fn plain(api: &Api, tokens: &Tokens) -> anyhow::Result<Value> {
    make(api, tokens, json!({"name": "deploy", "scopes": ["messages:read"]})).await
}

pub(super) fn text<'a>(made: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    made[name].as_str().with_context(|| format!("`{name}` is text in {made}"))
}

pub(super) fn with_key(call: Call, key: &str) -> Call {
    call.header("x-api-key", key)
}

async fn me(api: &Api, key: &str) -> anyhow::Result<Answer> {
    with_key(api.get(ME), key).send().await
}

pub(super) fn path(made: &Value) -> anyhow::Result<String> {
    Ok(format!("{KEYS}/{}", text(made, "id")?))
}

async fn made(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let body = json!({
        "name": " deploy ", "scopes": ["messages:read", "models:read"],
        "instance_ids": ["01890a5d-ac96-774b-bcce-b302099a8057"], "expires_at": "2099-01-01T00:00:00+01:00",
        "rate_limit": {"limit": 7, "window_seconds": 60},
    });
    let made = make(&api, &person.tokens, body).await?;
    let key = text(&made, "key")?;
    ensure!(key.len() == 41 && key.starts_with("pk_"), "the form of a key: {key}");
    same("prefix", text(&made, "prefix")?, &key[..8])?;
    let shown = api.get(path(&made)?).bearer(&person.tokens.access).send().await?.is(200)?.json()?;
    let mut members: Vec<&str> = shown.as_object().context("an object")?.keys().map(String::as_str).collect();
    members.sort_unstable();
    let wanted = [
        "created_at",
        "expires_at",
        "id",
        "instance_ids",
        "last_used_at",
        "name",
        "organization_id",
        "prefix",
        "rate_limit",
        "scopes",
        "status",
    ];
    same("members", members, wanted.to_vec())?;
    same("name", &shown["name"], &json!("deploy"))?;
    same("scopes", &shown["scopes"], &json!(["messages:read", "models:read"]))?;
    same("instance_ids", &shown["instance_ids"], &json!(["01890a5d-ac96-774b-bcce-b302099a8057"]))?;
    same("expires_at", &shown["expires_at"], &json!("2098-12-31T23:00:00Z"))?;
    same("rate_limit", &shown["rate_limit"], &json!({"limit": 7, "window_seconds": 60}))?;
    same("status", &shown["status"], &json!("active"))?;
    same("organization", &shown["organization_id"], &person.tokens.user["organization_id"])
}

async fn describes_its_maker(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let answer = me(&api, text(&made, "key")?).await?.is(200)?;
    ensure!(answer.timing()?.statements <= 1, "{} statements", answer.timing()?.statements);
    same("who", &answer.json()?["id"], &person.tokens.user["id"])
}

async fn no_scopes(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = make(&api, &person.tokens, json!({"name": "k", "scopes": []})).await?;
    me(&api, text(&made, "key")?).await?.is(200)?;
    Ok(())
}

async fn people_only(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = make(&api, &person.tokens, json!({"name": "k", "scopes": ["*"]})).await?;
    for path in [SESSIONS, KEYS] {
        with_key(api.get(path), text(&made, "key")?).send().await?.is_problem(401, "unauthenticated")?;
    }
    Ok(())
}

async fn ambiguous(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let call = with_key(api.get(ME), text(&made, "key")?).bearer(&person.tokens.access);
    call.send().await?.is_problem(400, "ambiguous_credentials")?;
    Ok(())
}

async fn rotate(api: &Api, tokens: &Tokens, made: &Value, body: &Value) -> anyhow::Result<Value> {
    let call = api.post(format!("{}/rotate", path(made)?)).bearer(&tokens.access).json(body);
    call.send().await?.is(201)?.json()
}

async fn rotation(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let rotated = rotate(&api, &person.tokens, &made, &json!({"grace_seconds": 3})).await?;
    same("the same key", &rotated["id"], &made["id"])?;
    let (old, new) = (text(&made, "key")?, text(&rotated, "key")?);
    ensure!(old != new, "the text is new");
    me(&api, old).await?.is(200)?;
    me(&api, new).await?.is(200)?;
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    me(&api, old).await?.is_problem(401, "unauthenticated")?;
    me(&api, new).await?.is(200)?;
    Ok(())
}

async fn rotation_at_once(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let call = api.post(format!("{}/rotate", path(&made)?)).bearer(&person.tokens.access);
    let rotated = call.send().await?.is(201)?.json()?;
    me(&api, text(&made, "key")?).await?.is_problem(401, "unauthenticated")?;
    me(&api, text(&rotated, "key")?).await?.is(200)?;
    for grace in [json!(-1), json!(2_592_001), json!("10"), json!(1.5)] {
        let call = api.post(format!("{}/rotate", path(&made)?)).bearer(&person.tokens.access);
        let answer = call.json(&json!({"grace_seconds": grace})).send().await?;
        answer.is_problem(422, "validation_failed")?.names_fields(&["grace_seconds"])?;
    }
    Ok(())
}

async fn revocation(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    me(&api, text(&made, "key")?).await?.is(200)?;
    for _ in 0..2 {
        api.delete(path(&made)?).bearer(&person.tokens.access).send().await?.is(204)?;
    }
    let refused = me(&api, text(&made, "key")?).await?.is_problem(401, "unauthenticated")?;
    refused.must_have("www-authenticate")?;
    let shown = api.get(path(&made)?).bearer(&person.tokens.access).send().await?.is(200)?.json()?;
    same("status", &shown["status"], &json!("revoked"))
}

async fn expiry(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    me(&api, text(&made, "key")?).await?.is(200)?;
    let soon = soon()?;
    let call = api.call(Method::PATCH, path(&made)?).bearer(&person.tokens.access);
    call.json(&json!({ "expires_at": soon })).send().await?.is(200)?;
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    me(&api, text(&made, "key")?).await?.is_problem(401, "unauthenticated")?;
    Ok(())
}

/// Three seconds from now, in RFC 3339.
pub(super) fn soon() -> anyhow::Result<String> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let micros = i64::try_from(since.as_micros())? + 3_000_000;
    Ok(portico_domain::models::Timestamp::from_micros(micros).to_string())
}

async fn own_limit(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let body = json!({"name": "k", "scopes": [], "rate_limit": {"limit": 2, "window_seconds": 3600}});
    let made = make(&api, &person.tokens, body).await?;
    let key = text(&made, "key")?;
    for left in ["1", "0"] {
        let answer = me(&api, key).await?.is(200)?;
        let told = answer.must_have("ratelimit")?;
        ensure!(told.starts_with(&format!("\"api-key\";r={left};")), "RateLimit: {told}");
        same("RateLimit-Policy", answer.must_have("ratelimit-policy")?, "\"api-key\";q=2;w=3600")?;
    }
    let refused = me(&api, key).await?.is_problem(429, "rate_limited")?;
    let wait: u64 = refused.must_have("retry-after")?.parse()?;
    ensure!((1..=1_800).contains(&wait), "Retry-After: {wait}");
    Ok(())
}

async fn change(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let body =
        json!({"name": "k", "scopes": ["models:read"], "rate_limit": {"limit": 2, "window_seconds": 60}});
    let made = make(&api, &person.tokens, body).await?;
    let patch = async |body: Value| {
        let call = api.call(Method::PATCH, path(&made)?).bearer(&person.tokens.access).json(&body);
        call.send().await
    };
    let changed = patch(json!({"name": "renamed"})).await?.is(200)?.json()?;
    same("name", &changed["name"], &json!("renamed"))?;
    same("scopes", &changed["scopes"], &json!(["models:read"]))?;
    let changed =
        patch(json!({"rate_limit": null, "scopes": [], "instance_ids": []})).await?.is(200)?.json()?;
    same("rate_limit", &changed["rate_limit"], &Value::Null)?;
    same("scopes", &changed["scopes"], &json!([]))?;
    same("instance_ids", &changed["instance_ids"], &json!([]))?;
    same("name", &changed["name"], &json!("renamed"))?;
    patch(json!({"name": null, "scopes": null, "id": 1}))
        .await?
        .is_problem(422, "validation_failed")?
        .names_fields(&["name", "scopes", "id"])?;
    patch(json!({})).await?.is(200)?;
    Ok(())
}

async fn revoked_stays(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    api.delete(path(&made)?).bearer(&person.tokens.access).send().await?.is(204)?;
    let call = api.call(Method::PATCH, path(&made)?).bearer(&person.tokens.access);
    call.json(&json!({"name": "alive"})).send().await?.is_problem(409, "conflict")?;
    let call = api.post(format!("{}/rotate", path(&made)?)).bearer(&person.tokens.access);
    call.send().await?.is_problem(409, "conflict")?;
    Ok(())
}

async fn others(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let other = Visitor::arrive(&api).await?;
    let token = &other.tokens.access;
    let calls = [
        api.get(path(&made)?),
        api.delete(path(&made)?),
        api.call(Method::PATCH, path(&made)?).json(&json!({"name": "taken"})),
        api.post(format!("{}/rotate", path(&made)?)),
        api.get(format!("{KEYS}/nonsense")),
    ];
    for call in calls {
        call.bearer(token).send().await?.is_problem(404, "not_found")?;
    }
    let listed = api.get(KEYS).bearer(token).send().await?.is(200)?.json()?;
    same("their list", &listed["data"], &json!([]))?;
    me(&api, text(&made, "key")?).await?.is(200)?;
    Ok(())
}

async fn no_more_power(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for scope in ["catalog:write", "settings:read", "settings:write", "keys:verify"] {
        let call = api.post(KEYS).bearer(&person.tokens.access);
        let body = json!({"name": "k", "scopes": ["messages:read", scope]});
        call.json(&body).send().await?.is_problem(403, "forbidden")?;
    }
    // Everything is everything that the maker may do.
    let made = make(&api, &person.tokens, json!({"name": "k", "scopes": ["*"]})).await?;
    let call = with_key(api.post(format!("{KEYS}/verify")), text(&made, "key")?);
    call.json(&json!({"key": "pk_"})).send().await?.is_problem(403, "forbidden")?;
    Ok(())
}

async fn remembered(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    same("before", &made["last_used_at"], &Value::Null)?;
    me(&api, text(&made, "key")?).await?.is(200)?;
    for _ in 0..50 {
        let shown = api.get(path(&made)?).bearer(&person.tokens.access).send().await?.is(200)?.json()?;
        if shown["last_used_at"].is_string() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("its use was not written within five seconds")
}

async fn list(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(plain(&api, &person.tokens).await?["id"].clone());
    }
    for order in ["asc", "desc"] {
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        for _ in 0..5 {
            let page = api.get(format!("{KEYS}?limit=2&order={order}{cursor}")).bearer(&person.tokens.access);
            let page = page.send().await?.is(200)?.json()?;
            walked.extend(page["data"].as_array().context("a list")?.iter().map(|key| key["id"].clone()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let mut wanted = made.clone();
        if order == "desc" {
            wanted.reverse();
        }
        same(order, walked, wanted)?;
    }
    Ok(())
}

async fn foreign_cursor(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for _ in 0..2 {
        plain(&api, &person.tokens).await?;
    }
    let page =
        api.get(format!("{KEYS}?limit=1")).bearer(&person.tokens.access).send().await?.is(200)?.json()?;
    let cursor = text(&page, "next_cursor")?;
    let call = api.get(format!("{SESSIONS}?cursor={cursor}")).bearer(&person.tokens.access);
    call.send().await?.is_problem(400, "invalid_cursor")?;
    Ok(())
}

async fn malformed(api: Api, key: &'static str) -> Outcome {
    let answer = me(&api, key).await?.is_problem(401, "unauthenticated")?;
    same("statements", answer.timing()?.statements, 0)
}

async fn refused(api: Api, body: Value, fields: &'static [&'static str]) -> Outcome {
    let person = api.bystander().await?;
    let call = api.post(KEYS).bearer(&person.tokens.access).json(&body);
    call.send().await?.is_problem(422, "validation_failed")?.names_fields(fields)
}
