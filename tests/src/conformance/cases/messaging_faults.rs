//! Messages, lists and searches that are not as they should be.

use serde_json::{Value, json};

use super::super::api::Api;
use super::super::{Case, Outcome, same};
use super::api_keys::short;
use super::messaging::{CHATS, EVENTS, SEARCH, SEND, Sender, fresh_id};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = bodies();
    cases.extend(queries());
    cases.extend(searches());
    cases.extend([
        Case::new("messaging faults: texts and addresses are taken up to their bounds", bounds),
        Case::new("messaging faults: two idempotency keys are none", two_keys),
        Case::new("messaging faults: what is no chat's id is no chat", no_chat),
    ]);
    cases
}

fn bodies() -> Vec<Case> {
    let mut cases = Vec::new();
    for (body, fields) in [
        (json!({}), &["instance_id", "to", "text"][..]),
        (with("instance_id", json!("here")), &["instance_id"]),
        (with("instance_id", Value::Null), &["instance_id"]),
        (with("to", json!("")), &["to"]),
        (with("to", json!(" \t ")), &["to"]),
        (with("to", json!("a\nb")), &["to"]),
        (with("to", json!("a\u{0}b")), &["to"]),
        (with("to", json!("x".repeat(256))), &["to"]),
        (with("to", json!(17)), &["to"]),
        (with("to", Value::Null), &["to"]),
        (with("chat_id", json!(ID)), &["to"]),
        (with("chat_id", json!("there")), &["chat_id"]),
        (with("text", json!("")), &["text"]),
        (with("text", json!("x".repeat(10_001))), &["text"]),
        (with("text", json!("a\u{0}b")), &["text"]),
        (with("text", json!(["x"])), &["text"]),
        (with("status", json!("read")), &["status"]),
        (
            json!({"instance_id": 1, "chat_id": 2, "text": 3, "x": 4}),
            &["instance_id", "chat_id", "text", "x"],
        ),
    ] {
        let told = format!(
            "messaging faults: sending {} is refused, naming {}",
            short(&unlike_usual(&body)),
            fields.join(", ")
        );
        cases.push(Case::new(told, move |api| refused(api, body.clone(), None, fields)));
    }
    for (what, key) in [
        ("empty", String::new()),
        ("of 256 characters", "x".repeat(256)),
        ("with a blank", "a b".to_owned()),
        ("of other letters", "schl\u{fc}ssel".to_owned()),
    ] {
        cases
            .push(Case::new(format!("messaging faults: an idempotency key {what} is refused"), move |api| {
                refused(api, with("text", json!("")), Some(key.clone()), &["text", "Idempotency-Key"])
            }));
    }
    cases
}

fn queries() -> Vec<Case> {
    let mut cases = Vec::new();
    for (path, query, fields) in [
        (CHATS, "instance_id=here".to_owned(), &["instance_id"][..]),
        (CHATS, "instance_id=&limit=0&order=up".to_owned(), &["instance_id", "limit", "order"]),
        (CHATS, "limit=101".to_owned(), &["limit"]),
        (SEARCH, String::new(), &["q"]),
        (SEARCH, "q=".to_owned(), &["q"]),
        (SEARCH, "q=%20%0a".to_owned(), &["q"]),
        (SEARCH, format!("q={}", "a+".repeat(5_000)), &["q"]),
        (SEARCH, format!("q={}", "a".repeat(10_000)), &["q"]),
        (SEARCH, format!("q={}", "a".repeat(201)), &["q"]),
        (SEARCH, format!("q={}", "a+".repeat(33)), &["q"]),
        (SEARCH, "q=-tea".to_owned(), &["q"]),
        (SEARCH, "q=tea+or+-coffee".to_owned(), &["q"]),
        (SEARCH, "q=tea&order=asc".to_owned(), &["order"]),
        (SEARCH, "q=-tea&order=asc&limit=x".to_owned(), &["q", "order", "limit"]),
        (EVENTS, "type=".to_owned(), &["type"]),
        (EVENTS, format!("type={}", "t".repeat(101)), &["type"]),
        (EVENTS, "type=a%00b".to_owned(), &["type"]),
        (EVENTS, "chat_id=there".to_owned(), &["chat_id"]),
        (EVENTS, "since=yesterday".to_owned(), &["since"]),
        (EVENTS, "until=2026-01-01".to_owned(), &["until"]),
        (EVENTS, "since=2026-13-01T00:00:00Z&until=1e9".to_owned(), &["since", "until"]),
        (
            EVENTS,
            "type=%20&chat_id=1&since=2&until=3&limit=1000&order=x".to_owned(),
            &["type", "chat_id", "since", "until", "limit", "order"],
        ),
    ] {
        let cut: String = query.chars().take(80).collect();
        let shown = if cut == query { cut } else { format!("{cut}… of {} characters", query.len()) };
        cases.push(Case::new(
            format!("messaging faults: {path}?{shown} is refused without a statement"),
            move |api| refused_query(api, format!("{path}?{query}"), fields),
        ));
    }
    cases
}

fn searches() -> Vec<Case> {
    let mut cases = Vec::new();
    for typed in [
        "\"",
        "'",
        "a'b",
        "*",
        "tea*",
        "^tea",
        "text:tea",
        "owner:tea",
        "{text}:tea",
        "tea AND",
        "AND",
        "NOT tea",
        "NEAR(tea cup)",
        "(tea",
        "tea)",
        "()",
        "tea-cup",
        "tea or",
        "or",
        "!tea",
        "tea & cup",
        "tea | cup",
        "tea <-> cup",
        "tea:*",
        "o:tea",
        "\\",
        "\\'",
        "%",
        "_",
        "\u{0}",
        "tea\u{0}cup",
        "\u{1f389}",
        "\u{202e}tea",
        "\"tea",
        "tea\"cup\"",
        "$1",
        "?1",
        "'; DROP TABLE messages; --",
        "<script>",
        "+tea",
        "-",
        "--",
        "\u{fffd}",
        "\u{301}",
        "\u{94d}\u{947}",
        "\u{24d0}",
    ] {
        cases.push(Case::new(format!("messaging faults: a search for {typed:?} is answered"), move |api| {
            odd(api, typed)
        }));
    }
    cases
}

/// What of a body isn't as it should be, for a case's name.
fn unlike_usual(body: &Value) -> Value {
    let usual = with("to", json!("ada"));
    let members = body.as_object().into_iter().flatten();
    let unlike = members.filter(|(name, value)| usual.get(name.as_str()) != Some(*value));
    Value::Object(unlike.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn with(member: &str, value: Value) -> Value {
    let mut body = json!({"instance_id": ID, "to": "ada", "text": "x"});
    body[member] = value;
    body
}

async fn refused(api: Api, body: Value, key: Option<String>, fields: &[&str]) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let mut call = api.post(SEND).bearer(token).json(&body);
    if let Some(key) = key {
        call = call.header("idempotency-key", key);
    }
    let answer = call.send().await?;
    same("statements", answer.timing()?.statements, 0)?;
    answer.names_fields(fields)
}

async fn refused_query(api: Api, path: String, fields: &[&str]) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let answer = api.get(path).bearer(token).send().await?;
    same("statements", answer.timing()?.statements, 0)?;
    answer.names_fields(fields)
}

async fn odd(api: Api, typed: &str) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let escaped: String = url::form_urlencoded::byte_serialize(typed.as_bytes()).collect();
    let answer = api.get(format!("{SEARCH}?q={escaped}")).bearer(token).send().await?.is(200)?;
    same("nothing is found", answer.json()?["data"].as_array().map(Vec::len), Some(0))
}

async fn bounds(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    for (to, text) in [
        ("\u{e4}".repeat(255), "\u{1f389}".repeat(10_000)),
        ("x".to_owned(), "y".to_owned()),
        ("a' OR 1=1 --".to_owned(), " \n ".to_owned()),
    ] {
        let sent = sender.send(&to, &text).await?;
        same("text", sent["text"].as_str(), Some(text.as_str()))?;
    }
    let last = sender.list(format!("{CHATS}?order=asc&limit=1")).await?;
    same(
        "the latest",
        last[0]["last_message"]["text"].as_str().map(|text| text.chars().count()),
        Some(10_000),
    )?;
    let key = "~".repeat(255);
    let body = sender.to("x", "once");
    sender.post(&body).header("idempotency-key", &key).send().await?.is(201)?;
    let again = sender.post(&body).header("idempotency-key", &key).send().await?.is(201)?;
    again.must_have("idempotent-replayed").map(drop)
}

async fn two_keys(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    let body = sender.to("ada", "x");
    let post = sender.post(&body).header("idempotency-key", "a").header("idempotency-key", "b");
    post.send().await?.names_fields(&["Idempotency-Key"])
}

async fn no_chat(api: Api) -> Outcome {
    let sender = Sender::new(&api).await?;
    for id in ["x", "0", "%00", &"a".repeat(1_000), &fresh_id()] {
        for path in [format!("{CHATS}/{id}"), format!("{CHATS}/{id}/messages")] {
            sender.get(path).send().await?.is_problem(404, "not_found")?;
        }
    }
    Ok(())
}
