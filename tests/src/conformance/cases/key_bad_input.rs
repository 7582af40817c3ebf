//! API keys: what can't be a key, and what can't be asked of one. None of it may cost anything behind the door.

use anyhow::ensure;
use http::Method;
use portico_domain::models::ApiKeyText;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::people::Visitor;
use super::super::{Case, Outcome, same};
use super::ME;
use super::api_keys::{KEYS, path, plain, short, text, with_key};

/// Texts that a key can't have, whoever made it.
const NO_KEYS: &[(&str, &[u8])] = &[
    ("a word", b"secret"),
    ("null", b"null"),
    ("the prefix in capitals", b"PK_0123456789ABCDEFGHIJKLMNOPQRSTUV2OpvHd"),
    ("a key's length in digits", b"00000000000000000000000000000000000000000"),
    ("the prefix and nothing but zeros", b"pk_00000000000000000000000000000000000000"),
    ("an underscore where a letter belongs", b"pk_0123456789ABCDEFGHIJKLMNOPQRSTU_000000"),
    ("base64's characters", b"pk_0123456789ABCDEFGHIJKLMNOPQRST+/00000="),
    ("a blank in the middle", b"pk_0123456789ABCDEF HIJKLMNOPQRSTUV000000"),
    ("a tab in the middle", b"pk_0123456789ABCDEF\tHIJKLMNOPQRSTUV000000"),
    ("quotes around", b"\"pk_0123456789ABCDEFGHIJKLMNOPQRSTUV0000\""),
    ("a scheme before", b"Bearer pk_0123456789ABCDEFGHIJKLMNOPQRSTUV000000"),
    ("letters beyond ASCII", "pk_0123456789ABCDEFGHIJKLMNOPQRSTÜV0000".as_bytes()),
    ("bytes that are no text", b"pk_0123456789ABCDEFGHIJKLMNOPQRS\xff\xfe\xfd0000000"),
    ("a statement", b"pk_' OR '1'='1' --"),
    ("an identifier", b"01890a5d-ac96-774b-bcce-b302099a8057"),
    ("percent signs", b"pk_%30%31%32%33%34%35%36%37%38%39%41%42"),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("bad keys: any single wrong character is noticed before anybody is asked", one_character),
        Case::new("bad keys: two characters in each other's place are noticed as well", swapped),
        Case::new("bad keys: a cut or lengthened key is refused before anybody is asked", lengths),
        Case::new("bad keys: eight thousand characters are refused before anybody is asked", enormous),
        Case::new("bad keys: verifying what can't be a key asks nobody", verified),
        Case::new("bad keys: a key and a token at once are ambiguous, whatever they are worth", ambiguous),
        Case::new("bad keys: of two keys, or of two tokens, none is chosen", two_of_a_kind),
        Case::new("bad keys: a refused change touches nothing and asks nobody", unchanged),
        Case::new("bad keys: verification names what is wrong with its request", verification),
    ];
    for (what, shown) in NO_KEYS {
        cases.push(Case::new(format!("bad keys: {what} is refused before anybody is asked"), move |api| {
            refused_key(api, shown)
        }));
    }
    for (member, value) in changes() {
        let body = json!({ member: value });
        let told = format!("bad keys: a change to {} is refused, naming {member}", short(&body));
        cases.push(Case::new(told, move |api| refused_change(api, body.clone(), member)));
        let (mut body, told) = (json!({"name": "k", "scopes": []}), short(&json!({ member: value })));
        body[member] = value;
        let told = format!("bad keys: making one with {told} is refused, naming {member}");
        cases.push(Case::new(told, move |api| refused_making(api, body.clone(), member)));
    }
    cases
}

/// Faulty members, for making as for changing.
fn changes() -> Vec<(&'static str, Value)> {
    let limit = |limit: Value, window: Value| json!({ "limit": limit, "window_seconds": window });
    let instance = "01890a5d-ac96-774b-bcce-b302099a8057";
    vec![
        ("name", json!("x".repeat(101))),
        ("name", json!("   ")),
        ("name", json!("two\nlines")),
        ("name", json!(["a"])),
        ("scopes", json!(["messages:eat"])),
        ("scopes", json!(["Messages:Read"])),
        ("scopes", json!(["messages:read", "messages:read messages:write"])),
        ("scopes", json!(["messages:read", null])),
        ("scopes", json!({"messages": "read"})),
        ("instance_ids", json!(vec![instance; 101])),
        ("instance_ids", json!([instance, ""])),
        ("instance_ids", json!(instance)),
        ("expires_at", json!("2001-01-01T00:00:00Z")),
        ("expires_at", json!("1969-12-31T23:59:59Z")),
        ("expires_at", json!("2099-01-01")),
        ("expires_at", json!("2099-13-01T00:00:00Z")),
        ("expires_at", json!("2099-01-01 00:00:00")),
        ("expires_at", json!(4_070_908_800_u64)),
        ("rate_limit", limit(json!(0), json!(60))),
        ("rate_limit", limit(json!(60), json!(0))),
        ("rate_limit", limit(json!(-1), json!(60))),
        ("rate_limit", limit(json!(1.5), json!(60))),
        ("rate_limit", limit(json!("10"), json!(60))),
        ("rate_limit", limit(json!(1_000_001), json!(60))),
        ("rate_limit", limit(json!(10), json!(86_401))),
        ("rate_limit", limit(json!(18_446_744_073_709_551_615_u64), json!(60))),
        ("rate_limit", json!({"limit": 10, "window_seconds": 60, "burst": 5})),
        ("rate_limit", json!("10/1m")),
    ]
}

/// Refused as nobody's, for nothing: no statement, and no cache asked.
fn cost_nothing(answer: Answer) -> Outcome {
    let answer = answer.is_problem(401, "unauthenticated")?;
    answer.must_have("www-authenticate")?;
    asked_nobody(&answer)
}

fn asked_nobody(answer: &Answer) -> Outcome {
    let timing = answer.timing()?;
    same("statements", timing.statements, 0)?;
    same("cache", timing.cache.as_str(), "bypass")
}

async fn me(api: &Api, key: impl AsRef<[u8]>) -> anyhow::Result<Answer> {
    api.get(ME).header("x-api-key", key).send().await
}

async fn refused_key(api: Api, shown: &'static [u8]) -> Outcome {
    cost_nothing(me(&api, shown).await?)
}

async fn real_key(api: &Api) -> anyhow::Result<(Visitor, String)> {
    let person = Visitor::arrive(api).await?;
    let made = plain(api, &person.tokens).await?;
    let key = text(&made, "key")?.to_owned();
    Ok((person, key))
}

async fn one_character(api: Api) -> Outcome {
    let (_, key) = real_key(&api).await?;
    for place in 0..key.len() {
        let other = if key.as_bytes()[place] == b'0' { "1" } else { "0" };
        cost_nothing(me(&api, format!("{}{other}{}", &key[..place], &key[place + 1..])).await?)?;
    }
    me(&api, &key).await?.is(200)?;
    Ok(())
}

async fn swapped(api: Api) -> Outcome {
    let (_, key) = real_key(&api).await?;
    let mut tried = 0;
    for place in 3..key.len() - 1 {
        let mut bytes = key.clone().into_bytes();
        bytes.swap(place, place + 1);
        if bytes != key.as_bytes() {
            cost_nothing(me(&api, bytes).await?)?;
            tried += 1;
        }
    }
    ensure!(tried > 10, "a key of nearly one character");
    Ok(())
}

async fn lengths(api: Api) -> Outcome {
    let (_, key) = real_key(&api).await?;
    for length in [1, 3, 8, 35, 40] {
        cost_nothing(me(&api, &key[..length]).await?)?;
        cost_nothing(me(&api, &key[key.len() - length..]).await?)?;
    }
    for more in ["0", "000000", "\u{fc}", ".", &key] {
        cost_nothing(me(&api, format!("{key}{more}")).await?)?;
    }
    Ok(())
}

async fn enormous(api: Api) -> Outcome {
    cost_nothing(me(&api, format!("pk_{}", "A".repeat(8_000))).await?)
}

async fn verified(api: Api) -> Outcome {
    let admin = super::key_verification::admin(&api).await?;
    let key = text(&plain(&api, &admin).await?, "key")?.to_owned();
    for shown in ["pk_", "secret", &key[..40], &format!("{key}0"), &key.to_uppercase()] {
        let call = api.post(format!("{KEYS}/verify")).bearer(&admin.access);
        let answer = call.json(&json!({ "key": shown })).send().await?.is(200)?;
        same("code", &answer.json()?["code"], &json!("not_found"))?;
        asked_nobody(&answer)?;
    }
    Ok(())
}

async fn ambiguous(api: Api) -> Outcome {
    let (person, key) = real_key(&api).await?;
    let token = format!("Bearer {}", person.tokens.access);
    let stranger = unknown_key()?;
    let both = |key: &str, authorization: &str| -> Call {
        with_key(api.get(ME), key).header("authorization", authorization)
    };
    for (key, authorization) in [
        (key.as_str(), token.as_str()),
        (key.as_str(), "Bearer made.up.token"),
        (key.as_str(), "Basic YTpi"),
        ("pk_", token.as_str()),
        ("", token.as_str()),
        (stranger.as_str(), "Bearer made.up.token"),
    ] {
        let answer = both(key, authorization).send().await?.is_problem(400, "ambiguous_credentials")?;
        asked_nobody(&answer)?;
    }
    Ok(())
}

async fn two_of_a_kind(api: Api) -> Outcome {
    let (person, key) = real_key(&api).await?;
    let token = format!("Bearer {}", person.tokens.access);
    let twice = |name: &'static str, value: &str| api.get(ME).header(name, value).header(name, value);
    // Some runtimes join them before anybody can look.
    let joined = api.get(ME).header("authorization", format!("{token}, {token}"));
    for call in [twice("x-api-key", &key), twice("authorization", &token), joined] {
        asked_nobody(&call.send().await?.is_problem(400, "ambiguous_credentials")?)?;
    }
    Ok(())
}

/// A key that is in order and that nobody has.
pub(super) fn unknown_key() -> anyhow::Result<String> {
    let mut noise = [0; 64];
    getrandom::fill(&mut noise)?;
    let key = ApiKeyText::generate(&noise).ok_or_else(|| anyhow::anyhow!("enough random bytes"))?;
    Ok(key.expose().to_owned())
}

async fn refused_making(api: Api, body: Value, member: &'static str) -> Outcome {
    let person = api.bystander().await?;
    let answer = api.post(KEYS).bearer(&person.tokens.access).json(&body).send().await?;
    asked_nobody(&answer)?;
    answer.names_fields(&[member])
}

/// A key that doesn't exist does for this: what was sent is looked at before anybody is asked for the key.
async fn refused_change(api: Api, body: Value, member: &'static str) -> Outcome {
    let person = api.bystander().await?;
    let path = format!("{KEYS}/01890a5d-ac96-774b-bcce-b302099a8057");
    let answer = api.call(Method::PATCH, path).bearer(&person.tokens.access).json(&body).send().await?;
    asked_nobody(&answer)?;
    answer.names_fields(&[member])
}

async fn unchanged(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let seen = async || {
        api.get(path(&made)?).bearer(&person.tokens.access).send().await?.is(200)?.json().map(|mut key| {
            key["last_used_at"].take();
            key
        })
    };
    let before = seen().await?;
    // Good members beside bad ones are not taken either.
    let body = json!({"name": "renamed", "scopes": [], "rate_limit": {"limit": 0, "window_seconds": 1}, "key": "mine"});
    let call = api.call(Method::PATCH, path(&made)?).bearer(&person.tokens.access).json(&body);
    let answer = call.send().await?;
    asked_nobody(&answer)?;
    answer.names_fields(&["rate_limit", "key"])?;
    same("the key", seen().await?, before)?;
    with_key(api.get(ME), text(&made, "key")?).send().await?.is(200)?;
    Ok(())
}

async fn verification(api: Api) -> Outcome {
    let admin = super::key_verification::admin(&api).await?;
    for (body, members) in [
        (json!({}), &["key"][..]),
        (json!({"key": ""}), &["key"]),
        (json!({"key": "x".repeat(201)}), &["key"]),
        (json!({"key": 7}), &["key"]),
        (json!({"key": "pk_", "scope": "messages:eat"}), &["scope"]),
        (json!({"key": "pk_", "scope": ["messages:read"]}), &["scope"]),
        (json!({"key": "pk_", "instance_id": "here"}), &["instance_id"]),
        (json!({"key": "pk_", "instance_ids": []}), &["instance_ids"]),
    ] {
        let call = api.post(format!("{KEYS}/verify")).bearer(&admin.access).json(&body);
        let answer = call.send().await?;
        asked_nobody(&answer)?;
        answer.names_fields(members)?;
    }
    Ok(())
}
