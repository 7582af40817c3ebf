//! Which programs are served where. Names and addresses are those of the made-up zone in `dns/zone.rs`; each case has networks of its own, because
//! what was found out about one is kept.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::{Case, Outcome, same};
use super::{LOGIN, ME, REFRESH};

const INFO: &str = "/api/v2/info";
const KEYS: &str = "/api/v1/api-keys";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const AHREFSBOT: &str = "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)";

/// Within this what happens behind answers has happened.
const BEHIND: Duration = Duration::from_secs(15);
/// `PORTICO_LIMIT_BOT` of the narrowly configured server: so many a minute.
const QUOTA: usize = 3;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("bots: programs that name themselves, and those that don't, pass by default", honest),
        Case::new(
            "bots: a crawler's impostor passes until it was looked into behind an answer, then is 403 everywhere, for nothing",
            impostor,
        ),
        Case::new(
            "bots: an address named after a vendor's, to which the name doesn't lead, is an impostor's",
            liar,
        ),
        Case::new("bots: a program with a key is none, and a bad key is no way around", with_key),
        Case::new("bots: nobody waits while a crawler is verified", slow),
        Case::new("bots: whoever can't be looked into stays what they say", unknowable),
        Case::new("bots: where declared bots are refused, a crawler that is proved is let in", proved),
        Case::new("bots: a policy for one sort on one kind of route leaves the others alone", policy),
        Case::new("bots: a harder limit counts bots alone", limited),
    ]
}

/// Sends a call as a program of this name, from this address.
fn sent_by(call: Call, agent: &str, address: &str) -> Call {
    call.header("user-agent", agent).header("x-forwarded-for", address).header("cf-connecting-ip", address)
}

fn is_denied(answer: Answer) -> Outcome {
    let answer = answer.is_problem(403, "bot_denied")?;
    same("statements", answer.timing()?.statements, 0)
}

/// Asks until the answer has this status; before that it must have the other one.
async fn until(status: u16, before: u16, ask: impl Fn() -> Call) -> anyhow::Result<Answer> {
    let start = Instant::now();
    while start.elapsed() < BEHIND {
        let answer = ask().send().await?;
        if answer.status == status {
            return Ok(answer);
        }
        answer.is(before)?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("it wasn't {status} within {BEHIND:?}")
}

async fn honest(api: Api) -> Outcome {
    let person = api.bystander().await?;
    for agent in ["", "curl/8.14.1", "python-requests/2.32.3", AHREFSBOT, "made-up-program/1.0"] {
        api.get(ME).bearer(&person.tokens.access).header("user-agent", agent).send().await?.is(200)?;
        let nobody = json!({ "refresh_token": "rt_nonsense" });
        let call = api.post(REFRESH).json(&nobody).header("user-agent", agent);
        call.send().await?.is_problem(401, "refresh_invalid")?;
    }
    Ok(())
}

async fn impostor(api: Api) -> Outcome {
    let ask = || sent_by(api.get(INFO), GOOGLEBOT, "192.0.2.7");
    is_denied(until(403, 200, ask).await?)?;
    let person = api.bystander().await?;
    let by_impostor = |call| sent_by(call, GOOGLEBOT, "192.0.2.7");
    is_denied(by_impostor(api.get(ME).bearer(&person.tokens.access)).send().await?)?;
    is_denied(by_impostor(api.post(LOGIN).json(&json!({}))).send().await?)?;
    is_denied(by_impostor(api.delete("/api/v1/auth/sessions/nobody")).send().await?)?;
    by_impostor(api.get("/health")).send().await?.is(200)?;
    sent_by(api.get(INFO), GOOGLEBOT, "192.0.3.7").send().await?.is(200)?;
    sent_by(api.get(INFO), "curl/8.14.1", "192.0.2.7").send().await?.is(200)?;
    Ok(())
}

async fn liar(api: Api) -> Outcome {
    let ask = || sent_by(api.get(INFO), GOOGLEBOT, "203.0.113.7");
    is_denied(until(403, 200, ask).await?)
}

async fn with_key(api: Api) -> Outcome {
    const ADDRESS: &str = "192.0.4.7";
    let person = api.bystander().await?;
    let body = json!({ "name": "a crawler's", "scopes": ["models:read"] });
    let made = api.post(KEYS).bearer(&person.tokens.access).json(&body).send().await?.is(201)?;
    let made = made.json()?;
    let key = made["key"].as_str().context("key is a text")?.to_owned();
    let ask = || sent_by(api.get(INFO), GOOGLEBOT, ADDRESS);
    is_denied(until(403, 200, ask).await?)?;
    let with = |path: &str, key: &str| sent_by(api.get(path), GOOGLEBOT, ADDRESS).header("x-api-key", key);
    with(ME, &key).send().await?.is(200)?;
    let refused = with(ME, "pk_nonsense").send().await?.is_problem(401, "unauthenticated")?;
    same("statements for a malformed key", refused.timing()?.statements, 0)?;
    for open in [INFO, "/api/v1/books", "/api/v1/books/01890a5d-ac96-774b-bcce-b302099a8057"] {
        is_denied(with(open, &key).send().await?)?;
        is_denied(with(open, "pk_nonsense").send().await?)?;
    }
    let sign_in = sent_by(api.post(LOGIN).json(&json!({})), GOOGLEBOT, ADDRESS);
    is_denied(sign_in.header("x-api-key", &key).send().await?)
}

async fn slow(api: Api) -> Outcome {
    let start = Instant::now();
    for _ in 0..20 {
        let asked = Instant::now();
        sent_by(api.get(INFO), GOOGLEBOT, "198.19.1.7").send().await?.is(200)?;
        ensure!(asked.elapsed() < Duration::from_secs(2), "an answer took {:?}", asked.elapsed());
        if start.elapsed() > Duration::from_secs(3) {
            break;
        }
    }
    let ask = || sent_by(api.get(INFO), GOOGLEBOT, "198.19.1.7");
    is_denied(until(403, 200, ask).await?)
}

async fn unknowable(api: Api) -> Outcome {
    for _ in 0..15 {
        sent_by(api.get(INFO), GOOGLEBOT, "198.18.1.7").send().await?.is(200)?;
        sent_by(api.get(INFO), GOOGLEBOT, "127.0.0.1").send().await?.is(200)?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Renews nothing on the server where bots may not: 403 as a bot, 401 as anybody else.
fn renewal(api: &Api) -> Call {
    api.post(REFRESH).json(&json!({ "refresh_token": "rt_nonsense" })).strict()
}

async fn proved(api: Api) -> Outcome {
    let ask = || sent_by(renewal(&api), GOOGLEBOT, "198.51.100.7");
    until(401, 403, ask).await?.is_problem(401, "refresh_invalid")?;
    // The neighbours in the network are taken for the same crawler.
    sent_by(renewal(&api), GOOGLEBOT, "198.51.100.99").send().await?.is(401)?;
    is_denied(sent_by(renewal(&api), AHREFSBOT, "198.51.100.7").send().await?)
}

async fn policy(api: Api) -> Outcome {
    is_denied(renewal(&api).header("user-agent", AHREFSBOT).send().await?)?;
    let tool = renewal(&api).header("user-agent", "curl/8.14.1").send().await?;
    tool.is_problem(401, "refresh_invalid")?;
    let write = api.delete("/api/v1/auth/sessions/nobody").header("user-agent", AHREFSBOT).strict();
    write.send().await?.is_problem(401, "unauthenticated")?;
    Ok(())
}

async fn limited(api: Api) -> Outcome {
    let ask = |agent: &str| api.get(INFO).header("user-agent", agent).strict().send();
    for _ in 0..QUOTA {
        let answer = ask(AHREFSBOT).await?.is(200)?;
        ensure!(answer.must_have("ratelimit-policy")?.contains("\"bot-address\";q=3;w=60"));
    }
    let refused = ask(AHREFSBOT).await?.is_problem(429, "rate_limited")?;
    same("statements", refused.timing()?.statements, 0)?;
    let other = ask("curl/8.14.1").await?.is(200)?;
    ensure!(other.header("ratelimit").is_none(), "tools are not counted");
    Ok(())
}
