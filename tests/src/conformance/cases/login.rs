//! `POST /api/v1/auth/login`.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::super::api::Api;
use super::super::people::{self, PASSWORD, Person, Tokens, fresh_email};
use super::super::{Case, Outcome, same};
use super::ME;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("login: 200 with tokens and the person", answers_tokens),
        Case::new("login: a wrong password and an unknown address are the same answer", same_refusal),
        Case::new("login: a wrong password and an unknown address take the same time", same_time),
        Case::new("login: the case of the password counts", case_counts),
        Case::new("login: each sign-in opens a session of its own", own_session),
        Case::new("login: at most two statements before the answer", few_statements),
        Case::new("login: last_login_at follows, also when it is written later", last_login_follows),
        Case::new("login: 8 at once by one person all succeed", many_at_once),
    ]
}

async fn answers_tokens(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let tokens = person.login(&api).await?;
    for member in ["id", "email", "name", "role", "organization_id", "created_at"] {
        same(member, &tokens.user[member], &person.tokens.user[member])?;
    }
    api.get(ME).bearer(&tokens.access).send().await?.is(200)?;
    Ok(())
}

async fn same_refusal(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let refusal = async |email: &str| -> anyhow::Result<Value> {
        let answer = people::attempt(&api, email, "not the password").await?;
        let mut problem = answer.is_problem(401, "invalid_credentials")?.json()?;
        problem["request_id"] = Value::Null;
        Ok(problem)
    };
    same("the problems", refusal(&person.email).await?, refusal(&fresh_email()).await?)
}

/// The least of several times is what the server needs when nothing disturbs it.
async fn same_time(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..4 {
        let start = Instant::now();
        people::attempt(&api, &person.email, "not the password").await?.is(401)?;
        known = known.min(start.elapsed());
        let start = Instant::now();
        people::attempt(&api, &fresh_email(), "not the password").await?.is(401)?;
        unknown = unknown.min(start.elapsed());
    }
    let (less, more) = (known.min(unknown), known.max(unknown));
    ensure!(less * 3 > more, "known {known:?}, unknown {unknown:?}");
    Ok(())
}

async fn case_counts(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let shouted = PASSWORD.to_uppercase();
    people::attempt(&api, &person.email, &shouted).await?.is_problem(401, "invalid_credentials")?;
    Ok(())
}

async fn own_session(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let session = |tokens: &Tokens| -> anyhow::Result<Value> {
        Ok(super::super::forge::Parts::of(&tokens.access)?.claims["sid"].clone())
    };
    let again = person.login(&api).await?;
    ensure!(session(&person.tokens)? != session(&again)?, "both are in one session");
    ensure!(person.tokens.refresh != again.refresh, "both have one refresh token");
    Ok(())
}

async fn few_statements(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let answer = people::attempt(&api, &person.email, &person.password).await?.is(200)?;
    let statements = answer.timing()?.statements;
    ensure!((1..=2).contains(&statements), "{statements} statements");
    Ok(())
}

async fn last_login_follows(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let before = time_of(&api, &person.tokens.access).await?;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let tokens = person.login(&api).await?;
    for _ in 0..100 {
        let now = time_of(&api, &tokens.access).await?;
        if now > before && now.is_some() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("last_login_at stayed {before:?} for 5 s")
}

async fn time_of(api: &Api, token: &str) -> anyhow::Result<Option<String>> {
    let me = api.get(ME).bearer(token).send().await?.is(200)?.json()?;
    match &me["last_login_at"] {
        Value::Null => Ok(None),
        time => Ok(Some(time.as_str().context("a time is text")?.to_owned())),
    }
}

async fn many_at_once(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let calls = (0..8).map(|_| person.login(&api));
    for tokens in futures_util::future::join_all(calls).await {
        people::refresh(&api, &tokens?.refresh).await?.is(200)?;
    }
    Ok(())
}
