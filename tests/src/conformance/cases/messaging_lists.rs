//! Chats, messages, events and what a search finds, walked from page to page.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::super::api::Api;
use super::super::{Case, Outcome, same};
use super::api_keys::{text, with_key};
use super::messaging::{CHATS, EVENTS, SEARCH, Sender, fresh_id, rows};
use crate::random;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("messaging lists: each walks each row once, whatever the page size and order", walks),
        Case::new("messaging lists: each walks each row once while rows are added", while_adding),
        Case::new("messaging lists: rows made at the same moment are each visited once", simultaneous),
        Case::new("messaging lists: a key for several instances walks theirs alone", of_instances),
        Case::new("messaging lists: a cursor goes with its route, filters, order and caller", foreign),
        Case::new("messaging lists: a cut or forged cursor is refused without a statement", forged),
        Case::new("messaging lists: events are filtered by type, chat and time", filters),
        Case::new("messaging lists: a search means the same on every database", meanings),
        Case::new("messaging lists: a search finds the best first, and others' words change no walk", ranks),
    ]
}

/// Reads pages to the end; after each page these texts are sent, each by somebody to somebody new.
async fn walk(sender: &Sender, path: &str, texts: &[(&Sender, &str)]) -> anyhow::Result<Vec<String>> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..100 {
        let answer = sender.get(format!("{path}{cursor}")).send().await?.is(200)?;
        for row in rows(&answer)? {
            seen.push(text(&row, "id")?.to_owned());
        }
        let page = answer.json()?;
        let next = page["next_cursor"].as_str();
        same("has_more", &page["has_more"], next.is_some())?;
        let Some(next) = next else { return Ok(seen) };
        cursor = format!("&cursor={next}");
        for (sender, text) in texts {
            sender.send(&random::hex(4), text).await?;
        }
    }
    anyhow::bail!("the walk does not end")
}

/// The lists of somebody who has sent, each with how many rows it has.
async fn lists(sender: &Sender) -> anyhow::Result<Vec<(String, usize)>> {
    let mut chat = Value::Null;
    for n in 0..5 {
        sender.send(&format!("n{n}"), "tea for one").await?;
        chat = sender.send("ada", "tea for two").await?["chat_id"].clone();
    }
    let chat = chat.as_str().context("a chat's id")?;
    Ok(vec![
        (format!("{CHATS}?instance_id={}", sender.instance), 6),
        (format!("{CHATS}/{chat}/messages?"), 5),
        (format!("{EVENTS}?"), 16),
        (format!("{EVENTS}?type=message.sent"), 10),
        (format!("{EVENTS}?chat_id={chat}"), 6),
        (format!("{EVENTS}?chat_id={chat}&type=message.sent&since=2020-01-01T00:00:00Z"), 5),
        (format!("{SEARCH}?q=tea"), 10),
    ])
}

async fn walks(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    for (path, count) in lists(&sender).await? {
        let whole = walk(&sender, &format!("{path}&limit=100"), &[]).await?;
        same(&path, whole.len(), count)?;
        for limit in [1, 2, count - 1, count] {
            same(&path, &walk(&sender, &format!("{path}&limit={limit}"), &[]).await?, &whole)?;
        }
        if !path.contains("q=") {
            let mut ascending = walk(&sender, &format!("{path}&limit=3&order=asc"), &[]).await?;
            ascending.reverse();
            same(&path, ascending, whole)?;
        }
    }
    Ok(())
}

async fn while_adding(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    for (path, count) in lists(&sender).await? {
        let before: BTreeSet<String> =
            walk(&sender, &format!("{path}&limit=100"), &[]).await?.into_iter().collect();
        ensure!(before.len() >= count, "{path}");
        let added =
            [(&sender, "coffee, or tea and more tea for everybody"), (&sender, "nothing of the kind")];
        let walked = walk(&sender, &format!("{path}&limit=3"), &added).await?;
        let once: BTreeSet<String> = walked.iter().cloned().collect();
        same("rows seen twice", walked.len() - once.len(), 0)?;
        ensure!(once.is_superset(&before), "{path}: rows were missed");
    }
    Ok(())
}

async fn simultaneous(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let bodies: Vec<Value> = (0..12).map(|n| sender.to(&format!("n{}", n % 6), "tea")).collect();
    for answer in join_all(bodies.iter().map(|body| sender.post(body).send())).await {
        answer?.is(201)?;
    }
    for (path, count) in
        [(format!("{CHATS}?"), 6), (format!("{EVENTS}?"), 18), (format!("{SEARCH}?q=tea"), 12)]
    {
        for order in ["asc", "desc"] {
            if order == "asc" && path.contains("q=") {
                continue;
            }
            let walked = walk(&sender, &format!("{path}&limit=4&order={order}"), &[]).await?;
            let once: BTreeSet<&String> = walked.iter().collect();
            same(&path, (walked.len(), once.len()), (count, count))?;
        }
    }
    Ok(())
}

async fn of_instances(api: Api) -> Outcome {
    let mut sender = Sender::new(&api).await?;
    let (mut named, mut wanted) = (Vec::new(), BTreeSet::new());
    for n in 0..4 {
        sender.instance = fresh_id();
        for to in ["a", "b", "c"] {
            let sent = sender.send(to, "tea").await?;
            if n < 3 {
                wanted.insert(text(&sent, "chat_id")?.to_owned());
            }
        }
        if n < 3 {
            named.push(sender.instance.clone());
        }
    }
    let key = sender.key(&["messages:read"], json!(named)).await?;
    for (path, count) in
        [(CHATS.to_owned(), 9), (EVENTS.to_owned(), 18), (format!("{EVENTS}?type=message.sent"), 9)]
    {
        for order in ["asc", "desc"] {
            let (mut cursor, mut seen) = (String::new(), Vec::new());
            loop {
                let join = if path.contains('?') { '&' } else { '?' };
                let path = format!("{path}{join}limit=4&order={order}{cursor}");
                let page = with_key(api.get(path), &key).send().await?.is(200)?.json()?;
                let data = page["data"].as_array().context("a list")?;
                seen.extend(
                    data.iter()
                        .map(|row| row["chat_id"].as_str().or(row["id"].as_str()).unwrap_or("").to_owned()),
                );
                let Some(next) = page["next_cursor"].as_str() else { break };
                ensure!(seen.len() < 100, "the walk does not end");
                cursor = format!("&cursor={next}");
            }
            same(&path, seen.len(), count)?;
            same("chats", seen.into_iter().collect::<BTreeSet<_>>(), wanted.clone())?;
        }
    }
    Ok(())
}

async fn cursor_of(sender: &Sender, path: &str) -> anyhow::Result<String> {
    let page = sender.get(format!("{path}&limit=1")).send().await?.is(200)?.json()?;
    page["next_cursor"].as_str().map(str::to_owned).with_context(|| format!("{path}: there is a next page"))
}

async fn is_refused(sender: &Sender, path: &str, cursor: &str) -> Outcome {
    let answer = sender.get(format!("{path}&limit=1&cursor={cursor}")).send().await?;
    let answer = answer.is_problem(400, "invalid_cursor")?;
    same("statements", answer.timing()?.statements, 0)
}

async fn foreign(api: Api) -> Outcome {
    let (sender, other) = (Sender::new(&api).await?, Sender::new(&api).await?);
    let mut paths: Vec<String> = lists(&sender).await?.into_iter().map(|(path, _)| path).collect();
    paths.push(format!("{CHATS}?"));
    paths.push(format!("{SEARCH}?q=tea+two"));
    paths.push(format!("{EVENTS}?until=2099-01-01T00:00:00Z"));
    paths.push(format!("{EVENTS}?since=2020-01-01T00:00:00Z"));
    paths.push(format!("{EVENTS}?order=asc"));
    for from in &paths {
        let cursor = cursor_of(&sender, from).await?;
        sender.get(format!("{from}&cursor={cursor}")).send().await?.is(200)?;
        is_refused(&other, from, &cursor).await?;
        for to in paths.iter().filter(|to| *to != from) {
            is_refused(&sender, to, &cursor).await?;
        }
    }
    // The same words, written otherwise.
    let cursor = cursor_of(&sender, &format!("{SEARCH}?q=tea+two")).await?;
    sender.get(format!("{SEARCH}?q=%20tea++two&cursor={cursor}")).send().await?.is(200)?;
    // A program is another caller than its maker.
    let key = sender.key(&["messages:read"], Value::Null).await?;
    let cursor = cursor_of(&sender, &format!("{CHATS}?")).await?;
    let answer = with_key(api.get(format!("{CHATS}?cursor={cursor}")), &key).send().await?;
    answer.is_problem(400, "invalid_cursor").map(drop)
}

async fn forged(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    for (path, _) in lists(&sender).await? {
        let cursor = cursor_of(&sender, &path).await?;
        let mut bytes = cursor.clone().into_bytes();
        bytes[5] = if bytes[5] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        for bad in [
            String::new(),
            "x".to_owned(),
            "A".repeat(64),
            "A".repeat(5_000),
            changed,
            cursor[1..].to_owned(),
        ] {
            is_refused(&sender, &path, &bad).await?;
        }
        is_refused(&sender, &path, &cursor[..cursor.len() - 1]).await?;
    }
    Ok(())
}

async fn filters(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let mut moments = Vec::new();
    let mut chat = String::new();
    for n in 0..4 {
        let sent = sender.send("ada", &format!("number {n}")).await?;
        moments.push(text(&sent, "created_at")?.to_owned());
        text(&sent, "chat_id")?.clone_into(&mut chat);
    }
    sender.send("bob", "beside").await?;
    let count = async |query: &str| -> anyhow::Result<usize> {
        Ok(sender.list(format!("{EVENTS}?limit=100&{query}")).await?.len())
    };
    same("all", count("").await?, 7)?;
    same("of a type", count("type=chat.created").await?, 2)?;
    same("of no type", count("type=chat.ended").await?, 0)?;
    same("of a chat", count(&format!("chat_id={chat}")).await?, 5)?;
    same("of no chat", count(&format!("chat_id={}", fresh_id())).await?, 0)?;
    let sent = format!("chat_id={chat}&type=message.sent");
    for order in ["asc", "desc"] {
        let sent = format!("{sent}&order={order}");
        same("sent", count(&sent).await?, 4)?;
        same("since", count(&format!("{sent}&since={}", moments[1])).await?, 3)?;
        same("until", count(&format!("{sent}&until={}", moments[2])).await?, 2)?;
        let between = format!("{sent}&since={}&until={}", moments[1], moments[3]);
        same("between", count(&between).await?, 2)?;
        same("nothing between", count(&format!("{sent}&since={0}&until={0}", moments[1])).await?, 0)?;
        same("backwards", count(&format!("{sent}&since={}&until={}", moments[3], moments[1])).await?, 0)?;
        let wide = format!("{sent}&since=0000-01-01T00:00:00Z&until=9999-12-31T23:59:59.999999Z");
        same("the widest", count(&wide).await?, 4)?;
        let offset = format!("{sent}&since=2001-01-01T00:00:00%2B05:30");
        same("another offset", count(&offset).await?, 4)?;
    }
    Ok(())
}

async fn meanings(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let texts = [
        "cold tea",
        "tea gone cold",
        "hot coffee",
        "write to ada@example.com",
        "half-price: 3.14, AC/DC, na\u{ef}ve",
    ];
    for text in texts {
        sender.send("ada", text).await?;
    }
    for (query, found) in [
        ("tea", &[0, 1][..]),
        ("TEA", &[0, 1]),
        ("\"cold tea\"", &[0]),
        ("tea -\"cold tea\"", &[1]),
        ("coffee or gone", &[1, 2]),
        ("te", &[]),
        ("tea coffee", &[]),
        ("ada", &[3]),
        ("ada@example.com", &[3]),
        ("example.com", &[3]),
        ("half-price", &[4]),
        ("price", &[4]),
        ("3.14", &[4]),
        ("dc", &[4]),
        ("na\u{ef}ve", &[4]),
        ("naive", &[]),
        ("***", &[]),
    ] {
        let escaped: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let rows = sender.list(format!("{SEARCH}?q={escaped}")).await?;
        let texts_found: BTreeSet<&str> = rows.iter().filter_map(|row| row["text"].as_str()).collect();
        same(query, texts_found, found.iter().map(|n| texts[*n]).collect::<BTreeSet<_>>())?;
    }
    Ok(())
}

async fn ranks(api: Api) -> Outcome {
    let (sender, other) = (Sender::new(&api).await?, Sender::new(&api).await?);
    let word = format!("w{}", random::hex(8));
    let texts = [
        format!("{word} once only here"),
        format!("{word} {word} {word} here"),
        format!("{word} and {word} here"),
    ];
    for text in &texts {
        sender.send("ada", text).await?;
    }
    let found = sender.list(format!("{SEARCH}?q={word}")).await?;
    let order: Vec<&str> = found.iter().filter_map(|row| row["text"].as_str()).collect();
    same("best first", order, vec![texts[1].as_str(), texts[2].as_str(), texts[0].as_str()])?;
    let others = format!("{word} {word} of another");
    let walked = walk(&sender, &format!("{SEARCH}?q={word}&limit=1"), &[(&other, &others)]).await?;
    let ids: Vec<&str> = found.iter().filter_map(|row| row["id"].as_str()).collect();
    same("the walk", walked, ids)
}
