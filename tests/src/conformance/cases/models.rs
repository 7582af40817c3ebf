//! Models: listed, shown, streamed, and which of them a person may use. The servers hold the catalogue that Portico brings.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::super::api::{Api, Call};
use super::super::people::Visitor;
use super::super::{Case, Outcome, same};
use super::SESSIONS;
use super::api_keys::{make, text, with_key};

const MODELS: &str = "/api/v1/models";
const USABLE: &str = "/api/v1/user/models";
const MEMBERS: [&str; 9] = [
    "capabilities",
    "context_window",
    "enabled",
    "hosted",
    "id",
    "input_cents_per_mtok",
    "name",
    "output_cents_per_mtok",
    "provider",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("models: a list has the contract's members and at least six providers", members),
        Case::new("models: a walk visits each once, in both orders", walk),
        Case::new("models: one is shown as the list shows it", one),
        Case::new("models: filters narrow the list, alone and together", filters),
        Case::new("models: a word that nothing is called is an empty list", nothing),
        Case::new("models: a stream is the whole list, a model a line", stream),
        Case::new("models: a stream heeds filters and order", filtered_stream),
        Case::new("models: JSON is for who doesn't ask for lines", json_first),
        Case::new("models: a stream has no pages, and says so", no_pages),
        Case::new("models: a key with models:read may ask, another may not", keys),
        Case::new("models: without credentials nothing is shown", nobody),
        Case::new("models: a list is validated by its ETag", validated),
        Case::new("models: read again it costs no statement", cached),
        Case::new("models: a cursor goes with its filters, order and list", foreign_cursors),
        Case::new("models: a person may use what is hosted and enabled", usable),
        Case::new("models: a person's list is walked in both orders", usable_walk),
        Case::new("models: HEAD is served", head),
    ];
    for id in ["gpt-none", "GPT-4O", "a%2Fb", "..", "%00", "a b", "a%3Fb"] {
        cases.push(Case::new(format!("models: {id} is not found"), move |api| unknown(api, id)));
    }
    for (query, fields) in [
        ("limit=0", &["limit"][..]),
        ("provider=Open%20AI", &["provider"]),
        ("provider=", &["provider"]),
        ("capability=vision;drop", &["capability"]),
        ("provider=%00&capability=A&limit=1000&order=up", &["provider", "capability", "limit", "order"]),
    ] {
        cases.push(Case::new(format!("models: ?{query} is refused"), move |api| refused(api, query, fields)));
    }
    cases
}

async fn asking(api: &Api, path: &str) -> anyhow::Result<Call> {
    Ok(api.get(path).bearer(&api.bystander().await?.tokens.access))
}

async fn get(api: &Api, path: &str) -> anyhow::Result<Value> {
    asking(api, path).await?.send().await?.is(200)?.json()
}

fn rows(page: &Value) -> anyhow::Result<&Vec<Value>> {
    page["data"].as_array().context("`data` is a list")
}

fn id(model: &Value) -> anyhow::Result<String> {
    model["id"].as_str().map(str::to_owned).context("a model has an id")
}

fn ids(models: &[Value]) -> anyhow::Result<Vec<String>> {
    models.iter().map(id).collect()
}

async fn walk_all(api: &Api, token: &str, path: &str) -> anyhow::Result<Vec<Value>> {
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    for _ in 0..300 {
        let answer = api.get(format!("{path}{cursor}")).bearer(token).send().await?.is(200)?;
        ensure!(answer.timing()?.statements <= 2, "{} statements", answer.timing()?.statements);
        let page = answer.json()?;
        walked.extend(rows(&page)?.iter().cloned());
        same("has_more", &page["has_more"], page["next_cursor"].is_string())?;
        let Some(next) = page["next_cursor"].as_str() else { return Ok(walked) };
        cursor = format!("&cursor={next}");
    }
    anyhow::bail!("the walk does not end")
}

async fn streamed(api: &Api, query: &str) -> anyhow::Result<Vec<Value>> {
    let call = asking(api, &format!("{MODELS}{query}")).await?;
    let answer = call.header("accept", "application/x-ndjson").send().await?.is(200)?;
    same("Content-Type", answer.must_have("content-type")?, "application/x-ndjson")?;
    ensure!(answer.must_have("vary")?.to_ascii_lowercase().contains("accept"), "Vary names Accept");
    let text = String::from_utf8(answer.body.to_vec())?;
    ensure!(text.is_empty() || text.ends_with('\n'), "the last line ends");
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

async fn everything(api: &Api) -> anyhow::Result<Vec<Value>> {
    streamed(api, "?order=asc").await
}

async fn members(api: Api) -> Outcome {
    let page = get(&api, &format!("{MODELS}?limit=100")).await?;
    for model in rows(&page)? {
        let found: BTreeSet<&str> =
            model.as_object().context("a model is an object")?.keys().map(String::as_str).collect();
        same("members", found, BTreeSet::from(MEMBERS))?;
        let numbers = ["context_window", "input_cents_per_mtok", "output_cents_per_mtok"];
        ensure!(numbers.iter().all(|name| model[*name].is_u64()), "{model}");
        ensure!(model["capabilities"].is_array() && model["hosted"].is_boolean(), "{model}");
    }
    let providers: BTreeSet<&str> =
        rows(&page)?.iter().filter_map(|model| model["provider"].as_str()).collect();
    ensure!(providers.len() >= 6, "{providers:?}");
    Ok(())
}

async fn walk(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let mut whole = everything(&api).await?;
    for order in ["asc", "desc"] {
        for limit in [7, 20, 100] {
            let walked = walk_all(&api, token, &format!("{MODELS}?order={order}&limit={limit}")).await?;
            same(&format!("{order} by {limit}"), ids(&walked)?, ids(&whole)?)?;
        }
        whole.reverse();
    }
    Ok(())
}

async fn one(api: Api) -> Outcome {
    for model in rows(&get(&api, &format!("{MODELS}?limit=3")).await?)? {
        let shown = get(&api, &format!("{MODELS}/{}", id(model)?)).await?;
        same("one", &shown, model)?;
    }
    let colon = everything(&api).await?.into_iter().find(|model| id(model).is_ok_and(|id| id.contains(':')));
    let colon = colon.context("an id with a colon")?;
    same("one with a colon", &get(&api, &format!("{MODELS}/{}", id(&colon)?)).await?, &colon)
}

async fn filters(api: Api) -> Outcome {
    let whole = everything(&api).await?;
    let able = |model: &Value| {
        model["capabilities"].as_array().is_some_and(|words| words.contains(&json!("vision")))
    };
    let of = |model: &Value| model["provider"] == "openai";
    let token = &api.bystander().await?.tokens.access;
    for (query, admits) in [
        ("provider=openai", &of as &(dyn Fn(&Value) -> bool + Sync)),
        ("capability=vision", &able),
        ("provider=openai&capability=vision", &|model| of(model) && able(model)),
    ] {
        let mut wanted = ids(&whole.iter().filter(|model| admits(model)).cloned().collect::<Vec<_>>())?;
        ensure!(wanted.len() > 1, "{query} finds something");
        for order in ["asc", "desc"] {
            let walked = walk_all(&api, token, &format!("{MODELS}?{query}&order={order}&limit=4")).await?;
            same(query, ids(&walked)?, wanted.clone())?;
            wanted.reverse();
        }
    }
    Ok(())
}

async fn nothing(api: Api) -> Outcome {
    for query in ["provider=nobody", "capability=flying", "provider=openai&capability=flying"] {
        let page = get(&api, &format!("{MODELS}?{query}")).await?;
        same(query, page, json!({"data": [], "next_cursor": null, "has_more": false}))?;
        same(query, streamed(&api, &format!("?{query}")).await?.len(), 0)?;
    }
    Ok(())
}

async fn stream(api: Api) -> Outcome {
    let streamed = streamed(&api, "").await?;
    let walked =
        walk_all(&api, &api.bystander().await?.tokens.access, &format!("{MODELS}?limit=100")).await?;
    same("lines", streamed, walked)
}

async fn filtered_stream(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    for query in ["order=asc", "provider=anthropic", "capability=reasoning&order=asc"] {
        let walked = walk_all(&api, token, &format!("{MODELS}?{query}&limit=50")).await?;
        same(query, streamed(&api, &format!("?{query}")).await?, walked)?;
    }
    Ok(())
}

async fn json_first(api: Api) -> Outcome {
    for accept in [
        "*/*",
        "application/json",
        "application/json, application/x-ndjson;q=0.5",
        "application/x-ndjson;q=0",
    ] {
        let answer = asking(&api, MODELS).await?.header("accept", accept).send().await?.is(200)?;
        same(accept, answer.must_have("content-type")?, "application/json")?;
    }
    Ok(())
}

async fn no_pages(api: Api) -> Outcome {
    let call = asking(&api, &format!("{MODELS}?limit=5&cursor=x&order=up")).await?;
    call.header("accept", "application/x-ndjson").send().await?.names_fields(&["limit", "cursor", "order"])
}

async fn keys(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let able = make(&api, &person.tokens, json!({"name": "k", "scopes": ["models:read"]})).await?;
    let other = make(&api, &person.tokens, json!({"name": "k", "scopes": ["messages:read"]})).await?;
    let model = id(&rows(&get(&api, MODELS).await?)?[0])?;
    for path in [MODELS.to_owned(), format!("{MODELS}/{model}"), format!("{MODELS}?limit=0")] {
        let is_good = !path.contains("limit");
        let answer = with_key(api.get(&path), text(&able, "key")?).send().await?;
        answer.is(if is_good { 200 } else { 422 })?;
        with_key(api.get(&path), text(&other, "key")?).send().await?.is_problem(403, "forbidden")?;
    }
    let lines = with_key(api.get(MODELS), text(&able, "key")?).header("accept", "application/x-ndjson");
    ensure!(!lines.send().await?.is(200)?.body.is_empty(), "a key may stream");
    with_key(api.get(USABLE), text(&able, "key")?).send().await?.is_problem(401, "unauthenticated")?;
    Ok(())
}

async fn nobody(api: Api) -> Outcome {
    for path in [MODELS, "/api/v1/models/gpt-4o", "/api/v1/models/none", "/api/v1/models?limit=0", USABLE] {
        let answer = api.get(path).send().await?.is_problem(401, "unauthenticated")?;
        same("statements", answer.timing()?.statements, 0)?;
    }
    Ok(())
}

async fn validated(api: Api) -> Outcome {
    for path in [MODELS, USABLE, "/api/v1/models/gpt-4o"] {
        let answer = asking(&api, path).await?.send().await?.is(200)?;
        same("Cache-Control", answer.must_have("cache-control")?, "private, no-cache")?;
        let tag = answer.must_have("etag")?.to_owned();
        asking(&api, path).await?.header("if-none-match", &tag).send().await?.is(304)?;
    }
    Ok(())
}

async fn cached(api: Api) -> Outcome {
    for path in [MODELS, "/api/v1/models/gpt-4o", "/api/v1/models?provider=google&order=asc", USABLE] {
        let mut timing = None;
        // Another case may drop what is cached at any moment.
        for _ in 0..5 {
            let answer = asking(&api, path).await?.send().await?.is(200)?;
            let told = answer.timing()?;
            let is_cached = told.statements == 0;
            timing = Some(told);
            if is_cached {
                break;
            }
        }
        let timing = timing.context("it was asked")?;
        same(path, (timing.statements, timing.cache.as_str()), (0, "hit"))?;
    }
    Ok(())
}

async fn foreign_cursors(api: Api) -> Outcome {
    let cursor = async |path: &str| {
        let page = get(&api, path).await?;
        page["next_cursor"].as_str().map(str::to_owned).context("there is a next page")
    };
    let plain = cursor("/api/v1/models?limit=1").await?;
    let openai = cursor("/api/v1/models?limit=1&provider=openai").await?;
    let own = cursor("/api/v1/user/models?limit=1").await?;
    for (path, cursor) in [
        ("/api/v1/models?provider=openai", &plain),
        ("/api/v1/models?capability=openai", &openai),
        ("/api/v1/models?order=asc", &plain),
        ("/api/v1/models?limit=1", &openai),
        ("/api/v1/models?limit=1", &own),
        ("/api/v1/user/models?limit=1", &plain),
    ] {
        let path = format!("{path}&cursor={cursor}");
        let answer = asking(&api, &path).await?.send().await?.is_problem(400, "invalid_cursor")?;
        same("statements", answer.timing()?.statements, 0)?;
    }
    asking(&api, &format!("{SESSIONS}?cursor={plain}"))
        .await?
        .send()
        .await?
        .is_problem(400, "invalid_cursor")?;
    let other = Visitor::arrive(&api).await?;
    for path in [format!("{USABLE}?cursor={own}"), format!("{MODELS}?limit=1&cursor={plain}")] {
        let foreign = api.get(path).bearer(&other.tokens.access);
        foreign.send().await?.is_problem(400, "invalid_cursor")?;
    }
    Ok(())
}

async fn usable(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let answer =
        api.get(format!("{USABLE}?limit=100&order=asc")).bearer(&person.tokens.access).send().await?;
    let answer = answer.is(200)?;
    same("statements", answer.timing()?.statements, 1)?;
    let free = |model: &Value| model["hosted"] == true && model["enabled"] == true;
    let wanted: Vec<Value> = everything(&api).await?.into_iter().filter(free).collect();
    ensure!(!wanted.is_empty(), "some are hosted");
    same("usable", rows(&answer.json()?)?, &wanted)
}

async fn usable_walk(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let token = &person.tokens.access;
    let mut whole = walk_all(&api, token, &format!("{USABLE}?order=asc&limit=100")).await?;
    for order in ["asc", "desc"] {
        let walked = walk_all(&api, token, &format!("{USABLE}?order={order}&limit=2")).await?;
        same(order, ids(&walked)?, ids(&whole)?)?;
        whole.reverse();
    }
    Ok(())
}

async fn head(api: Api) -> Outcome {
    for path in [MODELS, "/api/v1/models/gpt-4o", USABLE] {
        let token = &api.bystander().await?.tokens.access;
        api.call(http::Method::HEAD, path).bearer(token).send().await?.is(200)?;
    }
    let lines = api.call(http::Method::HEAD, MODELS).bearer(&api.bystander().await?.tokens.access);
    lines.header("accept", "application/x-ndjson").send().await?.is(200)?;
    Ok(())
}

async fn unknown(api: Api, id: &str) -> Outcome {
    // A client resolves dots by itself; then it is another path.
    asking(&api, &format!("{MODELS}/{id}")).await?.send().await?.is_problem(404, "not_found")?;
    Ok(())
}

async fn refused(api: Api, query: &str, fields: &[&str]) -> Outcome {
    asking(&api, &format!("{MODELS}?{query}")).await?.send().await?.names_fields(fields)
}
