//! Sign-in through GitHub when something is wrong: with the state, the browser, the address, the provider, or `return_to`.

use anyhow::ensure;
use serde_json::{Value, json};

use super::super::api::Api;
use super::super::browser::{Back, Begun, GithubAccount, begin, github_account, github_account_with};
use super::super::people::fresh_email;
use super::super::{Case, Outcome, same};
use super::{CALLBACK, GITHUB, LINK};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("github: a state that was used is refused, before the code is exchanged", replayed),
        Case::new("github: of 8 callbacks at once with one state, one is let in", raced),
        Case::new("github: another browser can't finish, with or without a cookie of its own", other_browser),
        Case::new("github: a missing state is refused", |api| with_state(api, |_| None)),
        Case::new("github: a made-up state is refused", |api| {
            with_state(api, |_| Some("made-up".to_owned()))
        }),
        Case::new("github: an empty state is refused", |api| with_state(api, |_| Some(String::new()))),
        Case::new("github: a cut state is refused", |api| {
            with_state(api, |state| Some(state[..state.len() - 1].to_owned()))
        }),
        Case::new("github: a changed state is refused", |api| {
            with_state(api, |state| {
                Some(format!("{}{}", if state.starts_with('A') { "B" } else { "A" }, &state[1..]))
            })
        }),
        Case::new("github: a state of another sign-in is refused", other_state),
        Case::new("github: a changed cookie is refused", changed_cookie),
        Case::new("github: a cookie in the place of the state is refused", cookie_as_state),
        Case::new("github: a callback with nothing at all is refused", nothing),
        Case::new("github: a code that the provider doesn't know is refused", unknown_code),
        Case::new("github: a code of another sign-in fails by its verifier", other_code),
        Case::new("github: a missing code is refused", missing_code),
        Case::new("github: a person who declines is told so, and may try again", declined),
        Case::new("github: an unverified primary address is 403", |api| {
            addresses(api, json!([{ "email": fresh_email(), "primary": true, "verified": false }]))
        }),
        Case::new("github: a verified address that isn't primary doesn't help", |api| {
            addresses(
                api,
                json!([
                    { "email": fresh_email(), "primary": true, "verified": false },
                    { "email": fresh_email(), "primary": false, "verified": true },
                ]),
            )
        }),
        Case::new("github: no address at all is 403", |api| addresses(api, json!([]))),
        Case::new("github: an address that is none is 403", |api| {
            addresses(api, json!([{ "email": "nonsense", "primary": true, "verified": true }]))
        }),
        Case::new("github: a slow provider is waited for", slow),
        Case::new("github: an error of the provider leaves the other routes alone", |api| {
            fault(api, "token", json!({ "status": 502 }))
        }),
    ];
    for stage in ["token", "user", "emails"] {
        for (what, kind) in [
            ("answers 500", json!({ "status": 500 })),
            ("answers 429", json!({ "status": 429 })),
            ("answers garbage", json!("garbage")),
            ("answers JSON of another shape", json!("other_shape")),
        ] {
            let name = format!("github: when the provider's {stage} {what}, it is 503 unavailable");
            cases.push(Case::new(name, move |api| fault(api, stage, kind.clone())));
        }
    }
    for path in [
        "https://evil.example",
        "http://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        " /a",
        "evil.example",
        "javascript:alert(1)",
        "/a b",
        "/é",
        "",
    ] {
        let shown = path.escape_debug().to_string();
        cases.push(Case::new(format!("github: return_to=\"{shown}\" is refused"), move |api| {
            refused_path(api, path)
        }));
    }
    cases.push(Case::new("github: return_to of 100,000 bytes is refused", |api| async move {
        let path = format!("/{}", "a".repeat(7_000));
        refused_path(api, &path).await
    }));
    cases.push(Case::new("github: return_to twice does not smuggle the second", twice));
    cases
}

async fn ready(api: &Api) -> anyhow::Result<(GithubAccount, Begun, Back)> {
    let account = github_account(api).await?;
    let begun = begin(api, "").await?;
    let back = begun.consent(api, &account.login).await?;
    Ok((account, begun, back))
}

async fn is_refused(api: &Api, back: &Back, cookie: &str) -> Outcome {
    back.for_json(api, cookie).await?.is_problem(400, "invalid_state")?;
    Ok(())
}

async fn replayed(api: Api) -> Outcome {
    let (account, begun, back) = ready(&api).await?;
    back.for_json(&api, &begun.cookie).await?.is(200)?;
    is_refused(&api, &back, &begun.cookie).await?;
    let other_code = begun.consent(&api, &account.login).await?;
    is_refused(&api, &other_code, &begun.cookie).await?;
    same("exchanges", account.seen(&api, "token").await?, 1)
}

async fn raced(api: Api) -> Outcome {
    let (account, begun, back) = ready(&api).await?;
    let calls = (0..8).map(|_| back.for_json(&api, &begun.cookie));
    let mut statuses = Vec::new();
    for answer in futures_util::future::join_all(calls).await {
        statuses.push(answer?.status);
    }
    statuses.sort_unstable();
    same("statuses", statuses, vec![200, 400, 400, 400, 400, 400, 400, 400])?;
    same("exchanges", account.seen(&api, "token").await?, 1)
}

async fn other_browser(api: Api) -> Outcome {
    let (account, begun, back) = ready(&api).await?;
    back.callback(&api)
        .header("accept", "application/json")
        .send()
        .await?
        .is_problem(400, "invalid_state")?;
    let others = begin(&api, "").await?;
    is_refused(&api, &back, &others.cookie).await?;
    same("exchanges", account.seen(&api, "token").await?, 0)?;
    // A stranger's failing does not spoil it for the browser that began.
    back.for_json(&api, &begun.cookie).await?.is(200)?;
    Ok(())
}

async fn with_state(api: Api, change: fn(&str) -> Option<String>) -> Outcome {
    let (account, begun, back) = ready(&api).await?;
    let changed = change(back.get("state")?);
    is_refused(&api, &back.with("state", changed.as_deref()), &begun.cookie).await?;
    same("exchanges", account.seen(&api, "token").await?, 0)
}

async fn other_state(api: Api) -> Outcome {
    let (account, begun, back) = ready(&api).await?;
    let others = begin(&api, "").await?;
    is_refused(&api, &back.with("state", Some(&others.parameter("state")?)), &begun.cookie).await?;
    same("exchanges", account.seen(&api, "token").await?, 0)
}

async fn changed_cookie(api: Api) -> Outcome {
    let (_, begun, back) = ready(&api).await?;
    let (name, value) = begun.cookie.split_once('=').unwrap_or_default();
    let swapped = if value.starts_with('A') { "B" } else { "A" };
    for value in [
        format!("{swapped}{}", &value[1..]),
        value[..value.len() - 1].to_owned(),
        String::new(),
        "x".to_owned(),
    ] {
        is_refused(&api, &back, &format!("{name}={value}")).await?;
    }
    is_refused(&api, &back, "other=cookie; another").await
}

async fn cookie_as_state(api: Api) -> Outcome {
    let (_, begun, back) = ready(&api).await?;
    let value = begun.cookie.split_once('=').map_or("", |(_, value)| value).to_owned();
    is_refused(&api, &back.with("state", Some(&value)), &begun.cookie).await
}

async fn nothing(api: Api) -> Outcome {
    api.get(CALLBACK).send().await?.is_problem(400, "invalid_state")?;
    api.get(CALLBACK).header("accept", "text/html").send().await?.is_problem(400, "invalid_state")?;
    Ok(())
}

async fn unknown_code(api: Api) -> Outcome {
    let (_, begun, back) = ready(&api).await?;
    let answer = back.with("code", Some("0123456789abcdef")).for_json(&api, &begun.cookie).await?;
    answer.is_problem(400, "provider_refused")?;
    Ok(())
}

/// Whoever sees a code pass and slips it into a sign-in of their own fails: the verifier is another one.
async fn other_code(api: Api) -> Outcome {
    let (_, _, victims) = ready(&api).await?;
    let (_, begun, attackers) = ready(&api).await?;
    let answer = attackers.with("code", Some(victims.get("code")?)).for_json(&api, &begun.cookie).await?;
    answer.is_problem(400, "provider_refused")?;
    Ok(())
}

async fn missing_code(api: Api) -> Outcome {
    let (_, begun, back) = ready(&api).await?;
    let answer = back.with("code", None).for_json(&api, &begun.cookie).await?;
    answer.is_problem(400, "provider_refused")?;
    Ok(())
}

async fn declined(api: Api) -> Outcome {
    let email = fresh_email();
    let emails = json!([{ "email": email, "primary": true, "verified": true }]);
    let account = github_account_with(&api, &email, emails.clone(), json!({ "deny": true })).await?;
    let begun = begin(&api, "").await?;
    let back = begun.consent(&api, &account.login).await?;
    same("the provider's word", back.get("error")?, "access_denied")?;
    let answer = back.for_json(&api, &begun.cookie).await?.is_problem(400, "provider_refused")?;
    ensure!(!answer.text().contains("The user has denied"), "the provider's text is passed on");
    account.put(&api, emails, json!({})).await?;
    account.sign_in(&api).await?.is(200)?;
    Ok(())
}

async fn addresses(api: Api, emails: Value) -> Outcome {
    let account = github_account_with(&api, "", emails, json!({})).await?;
    account.sign_in(&api).await?.is_problem(403, "forbidden")?;
    Ok(())
}

async fn slow(api: Api) -> Outcome {
    let email = fresh_email();
    let emails = json!([{ "email": email, "primary": true, "verified": true }]);
    let slow = json!({ "faults": { "token": { "slow_ms": 700 }, "user": { "slow_ms": 300 } } });
    github_account_with(&api, &email, emails, slow).await?.sign_in(&api).await?.is(200)?;
    Ok(())
}

async fn fault(api: Api, stage: &str, kind: Value) -> Outcome {
    let email = fresh_email();
    let emails = json!([{ "email": email, "primary": true, "verified": true }]);
    let mut faults = json!({ "faults": {} });
    faults["faults"][stage] = kind;
    let account = github_account_with(&api, &email, emails.clone(), faults).await?;
    account.sign_in(&api).await?.is_problem(503, "unavailable")?;
    api.get("/health").send().await?.is(200)?;
    // Nothing was made of the attempt: the same account signs in once the provider is well again.
    account.put(&api, emails, json!({})).await?;
    account.sign_in(&api).await?.is(200)?;
    Ok(())
}

async fn refused_path(api: Api, path: &str) -> Outcome {
    let query: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let answer = api.get(format!("{GITHUB}?return_to={query}")).send().await?;
    ensure!(answer.header("location").is_none(), "sent to {:?}", answer.header("location"));
    answer.names_fields(&["return_to"])?;
    let token = &api.bystander().await?.tokens.access;
    let body = json!({ "return_to": path });
    api.post(LINK).bearer(token).json(&body).send().await?.names_fields(&["return_to"])
}

async fn twice(api: Api) -> Outcome {
    for query in ["?return_to=/a&return_to=//evil.example", "?return_to=//evil.example&return_to=/a"] {
        let answer = api.get(format!("{GITHUB}{query}")).send().await?;
        if answer.status == 302 {
            let location = answer.must_have("location")?.to_owned();
            let begun = Begun::read(&answer, &location)?;
            let account = github_account(&api).await?;
            let back = begun.consent(&api, &account.login).await?;
            let done = back
                .callback(&api)
                .header("accept", "text/html")
                .header("cookie", &begun.cookie)
                .send()
                .await?
                .is(302)?;
            same("location", done.must_have("location")?, "/a")?;
        } else {
            ensure!(matches!(answer.status, 400 | 422), "{}: {}", answer.status, answer.text());
        }
    }
    Ok(())
}
