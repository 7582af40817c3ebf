//! Messages: shown to whom they belong and to nobody else.

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::super::api::{Api, Call};
use super::super::{Case, Outcome, same};
use super::api_keys::{text, with_key};
use super::messaging::{CHATS, EVENTS, SEARCH, SEND, Sender, fresh_id, rows};
use crate::random;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("messaging: another organization's rows are not found, listed or written to", tenants),
        Case::new("messaging: an instance belongs to whoever named it first", instances),
        Case::new("messaging: a key for some instances sees and writes those alone", restricted),
        Case::new("messaging: a key for no instances sees and writes nothing", nothing),
        Case::new("messaging: scopes open what they name", scopes),
        Case::new("messaging: nobody without credentials is told anything", nobody),
    ]
}

async fn tenants(api: Api) -> Outcome {
    let (sender, other) = (Sender::new(&api).await?, Sender::new(&api).await?);
    let word = format!("w{}", random::hex(8));
    let sent = sender.send("ada", &word).await?;
    let chat = text(&sent, "chat_id")?;
    other.send("ada", "of another").await?;
    let everything = other.key(&["*"], Value::Null).await?;
    let theirs = other.key(&["*"], json!([sender.instance])).await?;
    let instance = &sender.instance;
    for credential in [None, Some(&everything), Some(&theirs)] {
        let ask = |call: Call| match credential {
            None => call.bearer(&other.person.tokens.access),
            Some(key) => with_key(call, key),
        };
        for path in [format!("{CHATS}/{chat}"), format!("{CHATS}/{chat}/messages")] {
            ask(api.get(path)).send().await?.is_problem(404, "not_found")?;
        }
        for path in [
            format!("{CHATS}?instance_id={instance}"),
            format!("{SEARCH}?q={word}"),
            format!("{EVENTS}?chat_id={chat}"),
            format!("{EVENTS}?chat_id={chat}&type=message.sent"),
        ] {
            same(&path, rows(&ask(api.get(&path)).send().await?.is(200)?)?, Vec::<Value>::new())?;
        }
        for path in [CHATS, EVENTS] {
            let listed = ask(api.get(path)).send().await?.is(200)?;
            ensure!(!String::from_utf8_lossy(&listed.body).contains(chat), "{path} shows another's");
        }
        let into = json!({"instance_id": instance, "chat_id": chat, "text": "x"});
        let to = json!({"instance_id": instance, "to": "ada", "text": "x"});
        for body in [into, to] {
            ask(api.post(SEND).json(&body)).send().await?.is_problem(404, "not_found")?;
        }
    }
    same("rows", sender.counts().await?, (1, 1, 2))?;
    same("rows of the other", other.counts().await?, (1, 1, 2))
}

async fn instances(api: Api) -> Outcome {
    let instance = fresh_id();
    let mut senders = Vec::new();
    for _ in 0..4 {
        senders.push(Sender { instance: instance.clone(), ..Sender::new(&api).await? });
    }
    let bodies: Vec<Value> = senders.iter().map(|sender| sender.to("ada", "mine")).collect();
    let sends = senders.iter().zip(&bodies).map(|(sender, body)| sender.post(body).send());
    let mut statuses = Vec::new();
    for answer in join_all(sends).await {
        statuses.push(answer?.status);
    }
    statuses.sort_unstable();
    same("statuses", statuses, vec![201, 404, 404, 404])?;
    let mut owners = 0;
    for sender in senders {
        let counts = sender.counts().await?;
        ensure!(counts == (1, 1, 2) || counts == (0, 0, 0), "{counts:?}");
        owners += counts.0;
    }
    same("owners", owners, 1)
}

async fn restricted(api: Api) -> Outcome {
    let mut sender = Sender::new(&api).await?;
    let word = format!("w{}", random::hex(8));
    let here = sender.send("ada", &format!("{word} here")).await?;
    let first = std::mem::replace(&mut sender.instance, fresh_id());
    let there = sender.send("ada", &format!("{word} there")).await?;
    let key = sender.key(&["messages:read", "messages:write"], json!([first, first, fresh_id()])).await?;
    let get = |path: String| with_key(api.get(path), &key).send();
    let of = async |path: String| -> anyhow::Result<Vec<Value>> { rows(&get(path).await?.is(200)?) };
    let (chat, other) = (text(&here, "chat_id")?, text(&there, "chat_id")?);
    let chats = of(CHATS.to_owned()).await?;
    same("chats", chats.iter().map(|row| &row["id"]).collect::<Vec<_>>(), vec![&json!(chat)])?;
    same("chats of it", of(format!("{CHATS}?instance_id={first}")).await?, chats)?;
    same("of the other", of(format!("{CHATS}?instance_id={}", sender.instance)).await?, Vec::<Value>::new())?;
    get(format!("{CHATS}/{chat}")).await?.is(200)?;
    same("messages", of(format!("{CHATS}/{chat}/messages")).await?, vec![here.clone()])?;
    for path in [format!("{CHATS}/{other}"), format!("{CHATS}/{other}/messages")] {
        get(path).await?.is_problem(404, "not_found")?;
    }
    same("found", of(format!("{SEARCH}?q={word}")).await?, vec![here.clone()])?;
    same("events", of(EVENTS.to_owned()).await?.len(), 2)?;
    same("events of a type", of(format!("{EVENTS}?type=message.sent")).await?.len(), 1)?;
    same("events of the chat", of(format!("{EVENTS}?chat_id={chat}")).await?.len(), 2)?;
    same("events of the other", of(format!("{EVENTS}?chat_id={other}")).await?.len(), 0)?;
    let post = |body: Value| with_key(api.post(SEND).json(&body), &key).send();
    post(json!({"instance_id": first, "to": "ada", "text": "x"})).await?.is(201)?;
    post(json!({"instance_id": first, "chat_id": chat, "text": "x"})).await?.is(201)?;
    for recipient in [json!({"to": "ada"}), json!({"chat_id": other})] {
        let mut body = json!({"instance_id": sender.instance, "text": "x"});
        body.as_object_mut().context("an object")?.extend(recipient.as_object().cloned().unwrap_or_default());
        post(body).await?.is_problem(403, "forbidden")?;
    }
    // Its own instance's name doesn't open another's chat.
    let smuggled = json!({"instance_id": first, "chat_id": other, "text": "x"});
    post(smuggled).await?.is_problem(404, "not_found")?;
    same("rows", sender.counts().await?, (2, 4, 6))
}

async fn nothing(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let sent = sender.send("ada", "tea").await?;
    let key = sender.key(&["*"], json!([])).await?;
    for path in [CHATS, EVENTS, "/api/v2/messages/search?q=tea"] {
        same(path, rows(&with_key(api.get(path), &key).send().await?.is(200)?)?.len(), 0)?;
    }
    let chat = format!("{CHATS}/{}", text(&sent, "chat_id")?);
    with_key(api.get(&chat), &key).send().await?.is_problem(404, "not_found")?;
    with_key(api.get(format!("{chat}/messages")), &key).send().await?.is_problem(404, "not_found")?;
    let post = with_key(api.post(SEND).json(&sender.to("ada", "x")), &key);
    post.send().await?.is_problem(403, "forbidden").map(drop)
}

async fn scopes(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let sent = sender.send("ada", "tea").await?;
    let chat = format!("{CHATS}/{}", text(&sent, "chat_id")?);
    let messages = format!("{chat}/messages");
    let reads = [CHATS, &chat, &messages, "/api/v2/messages/search?q=tea", EVENTS];
    let reader = sender.key(&["messages:read"], Value::Null).await?;
    let writer = sender.key(&["messages:write"], Value::Null).await?;
    let neither = sender.key(&["models:read"], Value::Null).await?;
    for path in reads {
        with_key(api.get(path), &reader).send().await?.is(200)?;
        for key in [&writer, &neither] {
            with_key(api.get(path), key).send().await?.is_problem(403, "forbidden")?;
        }
    }
    // Who may is asked before what is sent is looked at.
    for key in [&reader, &neither] {
        let post = with_key(api.post(SEND).json(&json!({})), key);
        post.send().await?.is_problem(403, "forbidden")?;
    }
    let post = with_key(api.post(SEND).json(&sender.to("ada", "x")), &writer);
    post.send().await?.is(201).map(drop)
}

async fn nobody(api: Api) -> Outcome {
    let chat = format!("{CHATS}/{}", fresh_id());
    let messages = format!("{chat}/messages");
    for path in [CHATS, &chat, &messages, SEARCH, EVENTS] {
        let answer = api.get(path).send().await?.is_problem(401, "unauthenticated")?;
        same("statements", answer.timing()?.statements, 0)?;
    }
    api.post(SEND).json(&json!({})).send().await?.is_problem(401, "unauthenticated")?;
    api.call(Method::GET, SEND).send().await?.is_problem(405, "method_not_allowed").map(drop)
}
