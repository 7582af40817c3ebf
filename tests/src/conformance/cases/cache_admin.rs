//! The cache as operators see and steer it.
//!
//! What changes the cache of keys for all is tried on the narrowly configured server, where no other case uses keys, and one case at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::forge::Parts;
use super::super::people::{Tokens, Visitor};
use super::super::{Case, Outcome, same};
use super::api_keys::{KEYS, short, text, with_key};
use super::{LOGIN, ME};
use crate::harness::native::{ADMIN_EMAIL, ADMIN_PASSWORD};

const CACHE: &str = "/api/v1/admin/cache";
const WARM: &str = "/api/v1/admin/cache/warm";
const EXPERIMENTS: &str = "/api/v1/admin/cache/experiments";
/// Keys of the experiment: enough for either arm to have some, and few enough for the limit of changes an account makes.
const KEYS_SPLIT: usize = 44;
const ROUTES: [(Method, &str); 9] = [
    (Method::GET, CACHE),
    (Method::DELETE, CACHE),
    (Method::DELETE, "/api/v1/admin/cache?prefix=api-key"),
    (Method::POST, WARM),
    (Method::GET, EXPERIMENTS),
    (Method::POST, EXPERIMENTS),
    (Method::GET, "/api/v1/admin/cache/experiments/01890a5d-ac96-774b-bcce-b302099a8057"),
    (Method::POST, "/api/v1/admin/cache/experiments/01890a5d-ac96-774b-bcce-b302099a8057/stop"),
    (Method::POST, "/api/v1/admin/cache/experiments/01890a5d-ac96-774b-bcce-b302099a8057/adopt"),
];

/// Held by the one case that changes how keys are cached; with the admin of each server, once one has signed in.
static ALONE: Mutex<BTreeMap<String, Tokens>> = Mutex::const_new(BTreeMap::new());

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("cache admin: is for admins alone, whatever is sent", admins_only),
        Case::new("cache admin: figures grow by a key's miss and its hits, and say whose they are", figures),
        Case::new("cache admin: a clearing makes the next check load", clearing),
        Case::new(
            "cache admin: a prefix that there isn't is refused with those that there are",
            unknown_prefix,
        ),
        Case::new("cache admin: a warm-up fills the keys that were used", warming),
        Case::new("cache admin: an experiment runs, reports by arm, is stopped and adopted", experiment),
        Case::new("cache admin: an experiment that there isn't is 404", no_experiment),
        Case::new("cache admin: a list of experiments takes no foreign cursor", list),
    ];
    for (body, fields) in [
        (json!({}), &["prefix", "name", "arms"][..]),
        (json!({"prefix": "session", "name": "", "arms": 7, "more": 1}), &["prefix", "arms", "more"]),
        (json!({"prefix": "api-key", "name": "", "arms": []}), &["name", "arms"]),
        (json!({"prefix": "api-key", "name": "n", "arms": [{"name": "a"}]}), &["arms"]),
        (
            json!({"prefix": "api-key", "name": "n", "arms": [{"name": "a"}, {"name": "a"}]}),
            &["arms[1].name"],
        ),
        (
            json!({"prefix": "api-key", "name": "n", "arms": [{"name": "a", "lifetime_seconds": 0}, {"name": "b", "lifetime_seconds": 61}]}),
            &["arms[0].lifetime_seconds", "arms[1].lifetime_seconds"],
        ),
        (
            json!({"prefix": "bot", "name": "n", "arms": [{"tiers": "disk"}, {"name": "b", "ttl": 5}, 7]}),
            &["arms[0].name", "arms[0].tiers", "arms[1].ttl", "arms[2]"],
        ),
    ] {
        let told = format!(
            "cache admin: an experiment of {} is refused, naming {}",
            short(&body),
            fields.join(", ")
        );
        cases.push(Case::new(told, move |api| refused(api, EXPERIMENTS, body.clone(), fields)));
    }
    for (body, fields) in [
        (json!({"prefixes": ["session"], "limit": 0}), &["prefixes", "limit"][..]),
        (json!({"prefixes": [], "limit": 10_001, "all": true}), &["prefixes", "limit", "all"]),
    ] {
        let told =
            format!("cache admin: a warm-up of {} is refused, naming {}", short(&body), fields.join(", "));
        cases.push(Case::new(told, move |api| refused(api, WARM, body.clone(), fields)));
    }
    cases
}

/// A token of somebody whom nobody knows, but who is an admin: enough for what looks nobody up.
async fn unknown_admin(api: &Api) -> anyhow::Result<String> {
    let bystander = api.bystander().await?;
    Ok(Parts::of(&bystander.tokens.access)?.with("role", "admin").hs256(&api.addresses().jwt_secret))
}

/// Signs the admin of the narrowly configured server in. There a request has three seconds, which a password on a busy machine may need and its limit of sign-ins is
/// soon reached: one signs in for all cases, with patience.
async fn admin(api: &Api, known: &mut BTreeMap<String, Tokens>) -> anyhow::Result<Tokens> {
    if let Some(tokens) = known.get(&api.addresses().strict) {
        return Ok(tokens.clone());
    }
    let body = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    let mut answer = api.post(LOGIN).json(&body).strict().send().await?;
    for _ in 0..6 {
        if answer.status == 200 {
            break;
        }
        answer.is(504)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        answer = api.post(LOGIN).json(&body).strict().send().await?;
    }
    let tokens = Tokens::read(&answer.is(200)?)?;
    known.insert(api.addresses().strict.clone(), tokens.clone());
    Ok(tokens)
}

async fn key(api: &Api, admin: &Tokens) -> anyhow::Result<Value> {
    let body = json!({"name": "cached", "scopes": ["messages:read"]});
    api.post(KEYS).bearer(&admin.access).json(&body).strict().send().await?.is(201)?.json()
}

async fn check(api: &Api, key: &Value) -> anyhow::Result<Answer> {
    with_key(api.get(ME), text(key, "key")?).strict().send().await?.is(200)
}

async fn seen(api: &Api, admin: &Tokens) -> anyhow::Result<Value> {
    api.get(CACHE).bearer(&admin.access).strict().send().await?.is(200)?.json()
}

fn posted(api: &Api, admin: &Tokens, path: &str) -> Call {
    api.post(path).bearer(&admin.access).strict()
}

async fn admins_only(api: Api) -> Outcome {
    let member = Visitor::arrive(&api).await?;
    for (method, path) in ROUTES {
        let call = || api.call(method.clone(), path).header("content-type", "application/json").bytes("{");
        call().send().await?.is_problem(401, "unauthenticated")?;
        with_key(call(), "pk_made-up").send().await?.is_problem(401, "unauthenticated")?;
        call().bearer(&member.tokens.access).send().await?.is_problem(403, "forbidden")?;
    }
    Ok(())
}

fn reads(figures: &Value) -> anyhow::Result<(u64, u64)> {
    let of = &figures["prefixes"]["api-key"]["figures"];
    let hits = of["memory"]["hits"].as_u64().context("hits are a number")?;
    Ok((hits, of["misses"].as_u64().context("misses are a number")?))
}

async fn figures(api: Api) -> Outcome {
    let mut alone = ALONE.lock().await;
    let admin = admin(&api, &mut alone).await?;
    let key = key(&api, &admin).await?;
    let before = seen(&api, &admin).await?;
    for _ in 0..5 {
        check(&api, &key).await?;
    }
    let after = seen(&api, &admin).await?;
    same("server", &after["server"], &before["server"])?;
    ensure!(after["since"].as_str().is_some(), "`since` is a time: {after}");
    let ((hits_before, misses_before), (hits, misses)) = (reads(&before)?, reads(&after)?);
    same("misses", misses, misses_before + 1)?;
    same("hits", hits, hits_before + 4)?;
    ensure!(after["memory"]["entries"].as_u64() >= Some(1), "memory holds it: {}", after["memory"]);
    let prefix = &after["prefixes"]["api-key"];
    same("lifetime", &prefix["policy"]["lifetime_seconds"], &json!(60))?;
    same("prefixes", after["prefixes"].as_object().map(serde_json::Map::len), Some(6))?;
    let rate = prefix["figures"]["hit_rate"].as_f64().context("a hit rate")?;
    ensure!(rate > 0.0 && rate < 1.0, "hit rate {rate}");
    Ok(())
}

async fn clearing(api: Api) -> Outcome {
    let mut alone = ALONE.lock().await;
    let admin = admin(&api, &mut alone).await?;
    let key = key(&api, &admin).await?;
    check(&api, &key).await?;
    for prefix in ["api-key", "*"] {
        same("before", check(&api, &key).await?.timing()?.cache.as_str(), "hit")?;
        let path = format!("{CACHE}?prefix={prefix}");
        api.delete(path).bearer(&admin.access).strict().send().await?.is(204)?;
        let next = check(&api, &key).await?.timing()?;
        same("cache", next.cache.as_str(), "miss")?;
        same("statements", next.statements, 1)?;
    }
    // Another prefix's clearing is none of its business.
    api.delete(format!("{CACHE}?prefix=books")).bearer(&admin.access).strict().send().await?.is(204)?;
    same("after", check(&api, &key).await?.timing()?.cache.as_str(), "hit")
}

async fn unknown_prefix(api: Api) -> Outcome {
    let token = unknown_admin(&api).await?;
    for query in ["", "?prefix=", "?prefix=session", "?prefixes=api-key"] {
        let refused = api.delete(format!("{CACHE}{query}")).bearer(&token).send().await?;
        let known = refused.text();
        refused.names_fields(&["prefix"])?;
        ensure!(known.contains("api-key, bot, model-config, user-models, books"), "{known}");
    }
    Ok(())
}

async fn warming(api: Api) -> Outcome {
    let mut alone = ALONE.lock().await;
    let admin = admin(&api, &mut alone).await?;
    let key = key(&api, &admin).await?;
    check(&api, &key).await?;
    let body = json!({"prefixes": ["api-key", "books"], "limit": 50});
    // Uses are stored behind answers, within a second or two.
    for _ in 0..40 {
        let path = format!("{CACHE}?prefix=api-key");
        api.delete(path).bearer(&admin.access).strict().send().await?.is(204)?;
        let warmed = posted(&api, &admin, WARM).json(&body).send().await?.is(200)?.json()?;
        ensure!(warmed["skipped"]["books"].as_str().is_some(), "books have nothing to warm: {warmed}");
        let filled = warmed["warmed"]["api-key"].as_u64().context("a number of keys")?;
        let next = check(&api, &key).await?.timing()?;
        if filled > 0 && next.cache == "hit" {
            return same("statements", next.statements, 0);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("a key that was used is not warmed")
}

async fn experiment(api: Api) -> Outcome {
    let mut alone = ALONE.lock().await;
    let admin = admin(&api, &mut alone).await?;
    let mut keys = Vec::new();
    for _ in 0..KEYS_SPLIT {
        keys.push(key(&api, &admin).await?);
    }
    let plan = |name: &str| json!({"prefix": "api-key", "name": name, "arms": [{"name": "off", "tiers": "off"}, {"name": "both", "tiers": "both"}]});
    let started =
        posted(&api, &admin, EXPERIMENTS).json(&plan("off or both")).send().await?.is(201)?.json()?;
    let id = text(&started, "id")?.to_owned();
    same("state", &started["state"], &json!("running"))?;
    let second = posted(&api, &admin, EXPERIMENTS).json(&plan("another")).send().await?;
    second.is_problem(409, "conflict")?;
    let (off, both) = split(&api, &admin, &keys, &id).await?;
    same("hit rate of the arm without a cache", off["hit_rate"]["mean"].as_f64(), Some(0.0))?;
    ensure!(off["hit_rate"]["high"].as_f64() < both["hit_rate"]["low"].as_f64(), "apart: {off} {both}");
    ensure!(both["share"] == json!(0.5) && both["load_ms"]["n"].as_u64() >= Some(1), "{both}");

    let one = format!("{EXPERIMENTS}/{id}");
    let wrong = posted(&api, &admin, &format!("{one}/adopt")).json(&json!({"arm": "none"})).send().await?;
    wrong.names_fields(&["arm"])?;
    let stopped = posted(&api, &admin, &format!("{one}/stop")).send().await?.is(200)?.json()?;
    same("state", &stopped["state"], &json!("stopped"))?;
    ensure!(stopped["ended_at"].as_str().is_some(), "it has ended: {stopped}");
    let adopted = posted(&api, &admin, &format!("{one}/adopt")).json(&json!({"arm": "off"})).send().await?;
    let adopted = adopted.is(200)?.json()?;
    same("state", &adopted["state"], &json!("adopted"))?;
    same("adopted_arm", &adopted["adopted_arm"], &json!("off"))?;
    let policy = |figures: &Value| figures["prefixes"]["api-key"]["policy"]["tiers"].clone();
    let in_force = seen(&api, &admin).await?;
    same("tiers in force", policy(&in_force), json!("off"))?;
    same("adopted", &in_force["prefixes"]["api-key"]["adopted_experiment"], &json!(id))?;
    for key in keys.iter().take(3) {
        check(&api, key).await?;
        same("statements without a cache", check(&api, key).await?.timing()?.statements, 1)?;
    }
    posted(&api, &admin, &format!("{one}/stop")).send().await?.is(200)?;
    same("tiers as configured", policy(&seen(&api, &admin).await?), json!("both"))?;
    let listed = api.get(EXPERIMENTS).bearer(&admin.access).strict().send().await?.is(200)?.json()?;
    let ids = listed["data"].as_array().context("a list")?.iter().map(|one| &one["id"]);
    ensure!(ids.into_iter().any(|other| *other == id), "it is listed: {listed}");
    Ok(())
}

/// Uses keys until both arms have seen some, and gives their reports.
async fn split(api: &Api, admin: &Tokens, keys: &[Value], id: &str) -> anyhow::Result<(Value, Value)> {
    for _ in 0..10 {
        for key in keys {
            check(api, key).await?;
            check(api, key).await?;
        }
        let shown = api.get(format!("{EXPERIMENTS}/{id}")).bearer(&admin.access).strict().send().await?;
        let report = shown.is(200)?.json()?["report"].clone();
        ensure!(report["verdict"].as_str().is_some_and(|verdict| !verdict.is_empty()), "a verdict: {report}");
        let (off, both) = (report["arms"][0].clone(), report["arms"][1].clone());
        if off["reads"].as_u64() >= Some(20) && both["hits"].as_u64() >= Some(10) {
            return Ok((off, both));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    anyhow::bail!("the arms' reads are not told")
}

async fn no_experiment(api: Api) -> Outcome {
    let token = unknown_admin(&api).await?;
    for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "none"] {
        let path = format!("{EXPERIMENTS}/{id}");
        api.get(&path).bearer(&token).send().await?.is_problem(404, "not_found")?;
        api.post(format!("{path}/stop")).bearer(&token).send().await?.is_problem(404, "not_found")?;
        let adopt = api.post(format!("{path}/adopt")).bearer(&token).json(&json!({"arm": "a"}));
        adopt.send().await?.is_problem(404, "not_found")?;
    }
    Ok(())
}

async fn list(api: Api) -> Outcome {
    let token = unknown_admin(&api).await?;
    let listed = api.get(EXPERIMENTS).bearer(&token).send().await?.is(200)?;
    ensure!(listed.timing()?.statements <= 2, "a list costs two statements at most");
    ensure!(listed.json()?["data"].is_array(), "a list");
    let foreign = api.get(format!("{EXPERIMENTS}?cursor=AAAA")).bearer(&token).send().await?;
    foreign.is_problem(400, "invalid_cursor")?;
    let wrong = api.get(format!("{EXPERIMENTS}?limit=0&order=up")).bearer(&token).send().await?;
    wrong.names_fields(&["limit", "order"])
}

async fn refused(api: Api, path: &'static str, body: Value, fields: &[&str]) -> Outcome {
    let token = unknown_admin(&api).await?;
    api.post(path).bearer(&token).json(&body).send().await?.names_fields(fields)
}
