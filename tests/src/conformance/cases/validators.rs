//! Validators: they change with what is shown, and save whoever has it the body.

use anyhow::ensure;
use serde_json::json;

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::{Case, Outcome, same};
use super::api_keys::text;
use super::books::{BOOKS, add, editor, patched, path, word};
use super::messaging::{CHATS, EVENTS, Sender};
use super::{ME, SESSIONS};
use crate::random;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("validators: each way to name what one has gives 304", ways),
        Case::new("validators: a chat's changes with each of many quick messages", chats),
        Case::new("validators: lists of chats, messages and events change with what is in them", lists),
        Case::new("validators: a book's changes with each of many quick changes, and back", books),
        Case::new("validators: an order's stays, and opens nobody else's order", orders),
        Case::new(
            "validators: settings that are changed quickly are never taken for what they were",
            settings,
        ),
        Case::new("validators: a 304 from a warm cache costs no statement", warm),
        Case::new("validators: they are one caller's where the answer is", private),
    ]
}

fn tag(answer: &Answer) -> anyhow::Result<String> {
    let tag = answer.must_have("etag")?;
    ensure!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "a strong validator, not {tag}");
    Ok(tag.to_owned())
}

async fn tag_of(call: Call) -> anyhow::Result<String> {
    tag(&call.send().await?.is(200)?)
}

async fn ways(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let call = || api.get(ME).bearer(token);
    let tag = tag_of(call()).await?;
    for known in [tag.clone(), format!("W/{tag}"), format!("\"a\", {tag} ,\"b\""), "*".to_owned()] {
        let answer = call().header("if-none-match", &known).send().await?.is(304)?;
        same("the validator", answer.must_have("etag")?, tag.as_str())?;
        answer.must_have("cache-control")?;
    }
    for other in ["\"a\"".to_owned(), tag.trim_matches('"').to_owned(), "W/".to_owned(), format!("{tag}x")] {
        call().header("if-none-match", &other).send().await?.is(200)?;
    }
    Ok(())
}

async fn chats(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let first = sender.send("ada", "same").await?;
    let chat = format!("{CHATS}/{}", text(&first, "chat_id")?);
    let mut seen = vec![tag_of(sender.get(&chat)).await?];
    for _ in 0..10 {
        sender.send("ada", "same").await?;
        let last = seen.last().cloned().unwrap_or_default();
        let answer = sender.get(&chat).header("if-none-match", &last).send().await?.is(200)?;
        let tag = tag(&answer)?;
        ensure!(!seen.contains(&tag), "{tag} was that of another state");
        seen.push(tag);
    }
    let last = seen.last().cloned().unwrap_or_default();
    let known = sender.get(&chat).header("if-none-match", &last).send().await?.is(304)?;
    ensure!(known.body.is_empty(), "a 304 has no body");
    Ok(())
}

async fn lists(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let first = sender.send("ada", "one").await?;
    let messages = format!("{CHATS}/{}/messages", text(&first, "chat_id")?);
    let short = format!("{messages}?limit=1&order=asc");
    for path in [CHATS, EVENTS, &messages, &short] {
        let before = tag_of(sender.get(path)).await?;
        sender.get(path).header("if-none-match", &before).send().await?.is(304)?;
        sender.send("ada", "another").await?;
        let again = sender.get(path).header("if-none-match", &before).send().await?;
        // A page of one goes on as before once there is more than that.
        if path == short {
            again.is(304)?;
        } else {
            ensure!(tag(&again.is(200)?)? != before, "{path}: another validator");
        }
    }
    Ok(())
}

async fn books(api: Api) -> Outcome {
    let editor = editor(&api).await?;
    let book = add(&api, &editor, &json!({ "author": word(), "title": "zero" })).await?;
    let path = path(&book)?;
    let zero = tag_of(api.get(&path)).await?;
    let mut seen = vec![zero.clone()];
    for n in 1..=5 {
        patched(&api, &editor, &book, &json!({ "price_cents": n })).await?.is(200)?;
        let tag = tag_of(api.get(&path)).await?;
        ensure!(!seen.contains(&tag), "{tag} was that of another state");
        seen.push(tag);
    }
    let price = book["price_cents"].clone();
    patched(&api, &editor, &book, &json!({ "price_cents": price })).await?.is(200)?;
    api.get(&path).header("if-none-match", &zero).send().await?.is(304).map(drop)
}

async fn orders(api: Api) -> Outcome {
    let editor = editor(&api).await?;
    let book = add(&api, &editor, &json!({ "author": word() })).await?;
    let buyer = Sender::new(&api).await?;
    let body = json!({ "items": [{ "book_id": book["id"], "quantity": 2 }] });
    let token = &buyer.person.tokens.access;
    let order = api.post("/api/v1/orders").bearer(token).json(&body).send().await?.is(201)?.json()?;
    let path = format!("/api/v1/orders/{}", text(&order, "id")?);
    let tag = tag_of(buyer.get(&path)).await?;
    patched(&api, &editor, &book, &json!({ "title": random::hex(4) })).await?.is(200)?;
    buyer.get(&path).header("if-none-match", &tag).send().await?.is(304)?;
    let stranger = &api.bystander().await?.tokens.access;
    for known in [tag.as_str(), "*"] {
        let call = api.get(&path).bearer(stranger).header("if-none-match", known);
        call.send().await?.is_problem(404, "not_found")?;
        api.get(&path).header("if-none-match", known).send().await?.is_problem(401, "unauthenticated")?;
    }
    Ok(())
}

async fn settings(api: Api) -> Outcome {
    let person = Sender::new(&api).await?;
    let path = "/api/v1/user/settings";
    let mut seen = Vec::new();
    for n in 0..8 {
        let body = json!({ "preferences": { "n": n } });
        let call = api.call(http::Method::PUT, path).bearer(&person.person.tokens.access).json(&body);
        call.send().await?.is(200)?;
        let answer = person.get(path).send().await?.is(200)?;
        same("what is set", &answer.json()?["preferences"]["n"], &json!(n))?;
        let tag = tag(&answer)?;
        ensure!(!seen.contains(&tag), "{tag} was that of another state");
        seen.push(tag);
    }
    Ok(())
}

async fn warm(api: Api) -> Outcome {
    let editor = editor(&api).await?;
    let author = word();
    add(&api, &editor, &json!({ "author": author })).await?;
    let list = format!("{BOOKS}?author={author}");
    let tag = tag_of(api.get(&list)).await?;
    // Another case's write drops every list of books; not each time.
    for _ in 0..20 {
        let known = api.get(&list).header("if-none-match", &tag).send().await?.is(304)?;
        if known.timing()?.statements == 0 {
            return Ok(());
        }
    }
    anyhow::bail!("each 304 asked the database")
}

async fn private(api: Api) -> Outcome {
    let (one, other) = (Sender::new(&api).await?, Sender::new(&api).await?);
    for path in [ME, SESSIONS] {
        let tag = tag_of(one.get(path)).await?;
        other.get(path).header("if-none-match", &tag).send().await?.is(200)?;
    }
    Ok(())
}
