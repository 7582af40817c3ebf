//! Messages: sent, and sent once.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::people::Visitor;
use super::super::{Case, Outcome, same};
use super::api_keys::{make, text, with_key};
use crate::random;

pub(super) const SEND: &str = "/api/v2/messages/send";
pub(super) const SEARCH: &str = "/api/v2/messages/search";
pub(super) const CHATS: &str = "/api/v2/chats";
pub(super) const EVENTS: &str = "/api/v2/events";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("messaging: a sent message, its chat and its events have the contract's members", sent),
        Case::new("messaging: the same address of the same instance goes on in the same chat", goes_on),
        Case::new("messaging: a chat is written to by its id, in its own instance alone", by_id),
        Case::new("messaging: a repeat under one key gives the first answer and writes nothing", repeat),
        Case::new("messaging: the same key with another body is refused", reused_key),
        Case::new("messaging: a refused message doesn't use its key up", refused_key),
        Case::new("messaging: a key is its sender's own", own_key),
        Case::new("messaging: of twenty at once under one key one is sent", twenty),
        Case::new("messaging: twenty at once begin one chat", one_chat),
        Case::new("messaging: an answer carries a validator and belongs to its caller", validators),
    ]
}

/// A UUID that nothing has.
pub(super) fn fresh_id() -> String {
    let hex = random::hex(16);
    let part = |from: usize, to: usize| &hex[from..to];
    format!("{}-{}-7{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Somebody who sends from an instance of their own.
pub(super) struct Sender {
    pub(super) api: Api,
    pub(super) person: Visitor,
    pub(super) instance: String,
}

impl Sender {
    pub(super) async fn new(api: &Api) -> anyhow::Result<Self> {
        Ok(Self { api: api.clone(), person: Visitor::arrive(api).await?, instance: fresh_id() })
    }

    pub(super) fn get(&self, path: impl Into<String>) -> Call {
        self.api.get(path).bearer(&self.person.tokens.access)
    }

    pub(super) fn post(&self, body: &Value) -> Call {
        self.api.post(SEND).bearer(&self.person.tokens.access).json(body)
    }

    pub(super) fn to(&self, to: &str, text: &str) -> Value {
        json!({"instance_id": self.instance, "to": to, "text": text})
    }

    pub(super) async fn send(&self, to: &str, text: &str) -> anyhow::Result<Value> {
        self.post(&self.to(to, text)).send().await?.is(201)?.json()
    }

    pub(super) async fn list(&self, path: impl Into<String>) -> anyhow::Result<Vec<Value>> {
        rows(&self.get(path).send().await?.is(200)?)
    }

    /// Chats, messages in them, and events.
    pub(super) async fn counts(&self) -> anyhow::Result<(usize, i64, usize)> {
        let chats = self.list(format!("{CHATS}?limit=100")).await?;
        let messages = chats.iter().filter_map(|chat| chat["message_count"].as_i64()).sum();
        Ok((chats.len(), messages, self.list(format!("{EVENTS}?limit=100")).await?.len()))
    }

    pub(super) async fn key(&self, scopes: &[&str], instances: Value) -> anyhow::Result<String> {
        let body = json!({"name": "k", "scopes": scopes, "instance_ids": instances});
        let made = make(&self.api, &self.person.tokens, body).await?;
        Ok(text(&made, "key")?.to_owned())
    }
}

pub(super) fn rows(answer: &Answer) -> anyhow::Result<Vec<Value>> {
    let statements = answer.timing()?.statements;
    ensure!(statements <= 2, "{}: {statements} statements", answer.told);
    answer.json()?["data"].as_array().cloned().context("`data` is a list")
}

pub(super) fn members(row: &Value) -> anyhow::Result<BTreeSet<&str>> {
    Ok(row.as_object().context("an object")?.keys().map(String::as_str).collect())
}

async fn sent(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let answer = sender.post(&sender.to(" +999 17 ", "hello \u{1f389}\n'x'")).send().await?.is(201)?;
    same("statements", answer.timing()?.statements, 1)?;
    ensure!(answer.header("idempotent-replayed").is_none(), "it was not sent before");
    let message = answer.json()?;
    let of_message = BTreeSet::from(["id", "chat_id", "direction", "sender", "text", "status", "created_at"]);
    same("message", members(&message)?, of_message.clone())?;
    same("direction", &message["direction"], &json!("out"))?;
    same("sender", &message["sender"], &sender.person.tokens.user["id"])?;
    same("text", &message["text"], &json!("hello \u{1f389}\n'x'"))?;
    same("status", &message["status"], &json!("sent"))?;
    let chats = sender.list(CHATS).await?;
    let [chat] = &chats[..] else { anyhow::bail!("{chats:?}") };
    let of_chat = BTreeSet::from([
        "id",
        "instance_id",
        "title",
        "last_message",
        "message_count",
        "created_at",
        "updated_at",
    ]);
    same("chat", members(chat)?, of_chat)?;
    same("chat", &chat["id"], &message["chat_id"])?;
    same("instance", &chat["instance_id"], &json!(sender.instance))?;
    same("title", &chat["title"], &json!("+999 17"))?;
    same("count", &chat["message_count"], &json!(1))?;
    let last = json!({"id": message["id"], "text": message["text"], "created_at": message["created_at"]});
    same("last message", &chat["last_message"], &last)?;
    let path = format!("{CHATS}/{}", text(chat, "id")?);
    let one = sender.get(&path).send().await?.is(200)?;
    same("statements", one.timing()?.statements, 1)?;
    same("one", &one.json()?, chat)?;
    same("messages", sender.list(format!("{path}/messages")).await?, vec![message.clone()])?;
    let mut events = sender.list(format!("{EVENTS}?order=asc")).await?;
    events.sort_by_key(|event| event["type"].as_str().map(str::to_owned));
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    same("events", types, vec!["chat.created", "message.sent"])?;
    for event in &events {
        same("event", members(event)?, BTreeSet::from(["id", "type", "chat_id", "payload", "created_at"]))?;
        same("event's chat", &event["chat_id"], &message["chat_id"])?;
        ensure!(event["payload"].is_object(), "{event}");
    }
    same("event's message", &events[1]["payload"]["message_id"], &message["id"])
}

async fn goes_on(api: Api) -> Outcome {
    let mut sender = Sender::new(&api).await?;
    let first = sender.send("ada", "one").await?;
    let second = sender.send(" ada ", "two").await?;
    let other = sender.send("Ada", "three").await?;
    same("chat", &second["chat_id"], &first["chat_id"])?;
    ensure!(other["chat_id"] != first["chat_id"], "case counts");
    sender.instance = fresh_id();
    let elsewhere = sender.send("ada", "four").await?;
    ensure!(elsewhere["chat_id"] != first["chat_id"], "another instance's chat");
    let chat = sender.get(format!("{CHATS}/{}", text(&first, "chat_id")?)).send().await?.is(200)?.json()?;
    same("count", &chat["message_count"], &json!(2))?;
    same("last", &chat["last_message"]["text"], &json!("two"))?;
    same("rows", sender.counts().await?, (3, 4, 7))
}

async fn by_id(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let first = sender.send("ada", "one").await?;
    let chat = text(&first, "chat_id")?;
    let into = |instance: &str| json!({"instance_id": instance, "chat_id": chat, "text": "two"});
    let second = sender.post(&into(&sender.instance)).send().await?.is(201)?.json()?;
    same("chat", &second["chat_id"], &first["chat_id"])?;
    let instance = fresh_id();
    sender.post(&into(&instance)).send().await?.is_problem(404, "not_found")?;
    let unknown = json!({"instance_id": sender.instance, "chat_id": fresh_id(), "text": "two"});
    sender.post(&unknown).send().await?.is_problem(404, "not_found")?;
    same("rows", sender.counts().await?, (1, 2, 3))?;
    // The instance that was refused is anybody's still.
    let other = Sender { instance, ..Sender::new(&api).await? };
    other.send("ada", "mine").await.map(drop)
}

async fn repeat(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let body = sender.to("ada", "once");
    let post = |body: &Value| sender.post(body).header("idempotency-key", "\"order-17:a\"");
    let first = post(&body).send().await?.is(201)?;
    for again in [body.clone(), sender.to("  ada  ", "once")] {
        let repeat = post(&again).send().await?.is(201)?;
        same("the answer", repeat.json()?, first.json()?)?;
        same("Idempotent-Replayed", repeat.must_have("idempotent-replayed")?, "true")?;
    }
    same("rows", sender.counts().await?, (1, 1, 2))?;
    // Without a key each is a message.
    sender.post(&body).send().await?.is(201)?;
    sender.post(&body).send().await?.is(201)?;
    same("rows", sender.counts().await?, (1, 3, 4))
}

async fn reused_key(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let post = |body: &Value| sender.post(body).header("idempotency-key", "k");
    let first = post(&sender.to("ada", "once")).send().await?.is(201)?.json()?;
    let into_chat = json!({"instance_id": sender.instance, "chat_id": first["chat_id"], "text": "once"});
    for other in [sender.to("ada", "twice"), sender.to("bob", "once"), into_chat] {
        post(&other).send().await?.names_fields(&["Idempotency-Key"])?;
    }
    same("rows", sender.counts().await?, (1, 1, 2))?;
    let repeat = post(&sender.to("ada", "once")).send().await?.is(201)?;
    same("the first", repeat.json()?, first)
}

async fn refused_key(api: Api) -> Outcome {
    let (sender, owner) = (Sender::new(&api).await?, Sender::new(&api).await?);
    owner.send("ada", "mine").await?;
    let post = |body: &Value| sender.post(body).header("idempotency-key", "k");
    let theirs = json!({"instance_id": owner.instance, "to": "ada", "text": "x"});
    post(&theirs).send().await?.is_problem(404, "not_found")?;
    let nowhere = json!({"instance_id": sender.instance, "chat_id": fresh_id(), "text": "x"});
    post(&nowhere).send().await?.is_problem(404, "not_found")?;
    post(&sender.to("ada", "")).send().await?.names_fields(&["text"])?;
    post(&sender.to("ada", "at last")).send().await?.is(201).map(drop)
}

async fn own_key(api: Api) -> Outcome {
    let (sender, stranger) = (Sender::new(&api).await?, Sender::new(&api).await?);
    let body = sender.to("ada", "once");
    let first = sender.post(&body).header("idempotency-key", "k").send().await?.is(201)?.json()?;
    let key = sender.key(&["messages:write"], Value::Null).await?;
    let by_program = with_key(api.post(SEND).json(&body), &key).header("idempotency-key", "k");
    let second = by_program.send().await?.is(201)?.json()?;
    ensure!(second["id"] != first["id"], "a program's key is not a person's");
    ensure!(second["sender"] != first["sender"], "nor is a program a person");
    let theirs = stranger.to("ada", "once");
    let third = stranger.post(&theirs).header("idempotency-key", "k").send().await?.is(201)?.json()?;
    ensure!(third["id"] != first["id"] && third["chat_id"] != first["chat_id"], "a stranger's");
    same("rows", sender.counts().await?, (1, 2, 3))
}

async fn twenty(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let body = sender.to("ada", "once");
    let sends = (0..20).map(|_| sender.post(&body).header("idempotency-key", "race").send());
    let mut ids = BTreeSet::new();
    let mut replayed = 0;
    for answer in join_all(sends).await {
        let answer = answer?.is(201)?;
        replayed += usize::from(answer.header("idempotent-replayed").is_some());
        ids.insert(answer.text());
    }
    same("answers", (ids.len(), replayed), (1, 19))?;
    same("rows", sender.counts().await?, (1, 1, 2))
}

async fn one_chat(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let texts: Vec<String> = (0..20).map(|n| format!("number {n}")).collect();
    let mut chats = BTreeSet::new();
    for message in join_all(texts.iter().map(|text| sender.send("ada", text))).await {
        chats.insert(text(&message?, "chat_id")?.to_owned());
    }
    same("chats", chats.len(), 1)?;
    same("rows", sender.counts().await?, (1, 20, 21))
}

async fn validators(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let sent = sender.send("ada", "tea").await?;
    let chat = format!("{CHATS}/{}", text(&sent, "chat_id")?);
    for path in [
        CHATS.to_owned(),
        chat.clone(),
        format!("{chat}/messages"),
        format!("{SEARCH}?q=tea"),
        EVENTS.to_owned(),
    ] {
        let answer = sender.get(&path).send().await?.is(200)?;
        ensure!(answer.must_have("cache-control")?.contains("private"), "{path}");
        let tag = answer.must_have("etag")?.to_owned();
        sender.get(&path).header("if-none-match", &tag).send().await?.is(304)?;
        let head = sender.api.call(Method::HEAD, &path).bearer(&sender.person.tokens.access);
        head.send().await?.is(200)?;
    }
    sender.send("ada", "more").await?;
    let tag = sender.get(&chat).send().await?.must_have("etag")?.to_owned();
    sender.send("ada", "and more").await?;
    sender.get(&chat).header("if-none-match", tag).send().await?.is(200).map(drop)
}
