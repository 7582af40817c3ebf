//! `POST /api/v1/auth/refresh` and `/logout`.

use std::time::Duration;

use anyhow::ensure;

use super::super::api::Api;
use super::super::people::{self, Person, Tokens, Visitor, logout, refresh};
use super::super::{Case, Outcome, same};
use super::{LOGOUT_ALL, ME};

/// The contract's grace, and a little more.
const PAST_THE_GRACE: Duration = Duration::from_millis(11_500);

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("refresh: the moment the registration's answer arrives", at_once_after_register),
        Case::new("refresh: the moment the login's answer arrives", at_once_after_login),
        Case::new("refresh: gives new tokens of the same session", same_session),
        Case::new("refresh: 20 times in a row", chain),
        Case::new("refresh: 16 at once with one token get the same successor", parallel),
        Case::new("refresh: 16 at once with a first token get the same successor", parallel_first),
        Case::new("refresh: inside the grace the same successor again", again_inside_the_grace),
        Case::new("refresh: once the successor was used, reuse ends the session", reuse_after_successor),
        Case::new("refresh: after the grace, reuse ends the session", reuse_after_grace),
        Case::new("refresh: reuse ends that session alone", reuse_spares_others),
        Case::new("refresh: forged and cut tokens are refused without a statement", forged),
        Case::new("refresh: an access token is no refresh token", access_token),
        Case::new("refresh: a token of another person's session stays theirs", parts_do_not_mix),
        Case::new("logout: ends the session", ends_the_session),
        Case::new("logout: twice is once", twice),
        Case::new("logout: the moment the login's answer arrives", logout_at_once),
        Case::new("logout: spares the person's other sessions", spares_others),
        Case::new("logout: by a token renewed before ends the session as well", by_an_old_token),
        Case::new("logout: a forged token ends nothing", forged_logout),
        Case::new("logout-all: ends every session", ends_all),
        Case::new("logout-all: what is opened afterwards lives", opened_afterwards),
        Case::new("logout-all: needs to know who asks", logout_all_needs_somebody),
    ]
}

async fn renewed(api: &Api, token: &str) -> anyhow::Result<Tokens> {
    Tokens::read(&refresh(api, token).await?.is(200)?)
}

/// A session that was ended renews nothing, whichever of the two words is told.
async fn is_dead(api: &Api, token: &str) -> Outcome {
    let answer = refresh(api, token).await?.is(401)?;
    let code = answer.json()?["code"].clone();
    ensure!(code == "refresh_invalid" || code == "refresh_reused", "code {code}");
    Ok(())
}

async fn at_once_after_register(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    renewed(&api, &person.tokens.refresh).await.map(drop)
}

async fn at_once_after_login(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    for _ in 0..3 {
        let tokens = person.login(&api).await?;
        renewed(&api, &tokens.refresh).await?;
    }
    Ok(())
}

async fn same_session(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let next = renewed(&api, &person.tokens.refresh).await?;
    ensure!(next.refresh != person.tokens.refresh, "the refresh token is the old one");
    let claims = |tokens: &Tokens| anyhow::Ok(super::super::forge::Parts::of(&tokens.access)?.claims);
    let (old, new) = (claims(&person.tokens)?, claims(&next)?);
    same("sid", &new["sid"], &old["sid"])?;
    same("sub", &new["sub"], &old["sub"])?;
    ensure!(new["jti"] != old["jti"], "two access tokens of one name");
    api.get(ME).bearer(&next.access).send().await?.is(200)?;
    Ok(())
}

async fn chain(api: Api) -> Outcome {
    let mut tokens = Visitor::arrive(&api).await?.tokens;
    for _ in 0..20 {
        tokens = renewed(&api, &tokens.refresh).await?;
    }
    api.get(ME).bearer(&tokens.access).send().await?.is(200)?;
    Ok(())
}

async fn all_get_the_same(api: &Api, token: &str) -> Outcome {
    let calls = (0..16).map(|_| renewed(api, token));
    let mut successors = Vec::new();
    for tokens in futures_util::future::join_all(calls).await {
        successors.push(tokens?.refresh);
    }
    successors.dedup();
    same("successors", successors.len(), 1)?;
    renewed(api, &successors[0]).await.map(drop)
}

async fn parallel_first(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let tokens = person.login(&api).await?;
    all_get_the_same(&api, &tokens.refresh).await
}

async fn parallel(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let second = renewed(&api, &person.tokens.refresh).await?;
    all_get_the_same(&api, &second.refresh).await
}

async fn again_inside_the_grace(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let first = renewed(&api, &person.tokens.refresh).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let second = renewed(&api, &person.tokens.refresh).await?;
    same("the successor", second.refresh, first.refresh)
}

async fn reuse_after_successor(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let second = renewed(&api, &person.tokens.refresh).await?;
    let third = renewed(&api, &second.refresh).await?;
    refresh(&api, &person.tokens.refresh).await?.is_problem(401, "refresh_reused")?;
    is_dead(&api, &third.refresh).await?;
    is_dead(&api, &second.refresh).await
}

async fn reuse_after_grace(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let second = renewed(&api, &person.tokens.refresh).await?;
    tokio::time::sleep(PAST_THE_GRACE).await;
    refresh(&api, &person.tokens.refresh).await?.is_problem(401, "refresh_reused")?;
    is_dead(&api, &second.refresh).await
}

async fn reuse_spares_others(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let other = person.again(&api).await?;
    let second = renewed(&api, &person.tokens.refresh).await?;
    renewed(&api, &second.refresh).await?;
    refresh(&api, &person.tokens.refresh).await?.is_problem(401, "refresh_reused")?;
    renewed(&api, &other.refresh).await.map(drop)
}

/// Variations of a good token that are no good.
fn variations(token: &str) -> Vec<String> {
    let mut changed: Vec<String> = [5, token.len() / 2, token.len() - 2]
        .into_iter()
        .map(|at| {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8_lossy(&bytes).into_owned()
        })
        .collect();
    changed.extend([
        token[..token.len() - 1].to_owned(),
        token[1..].to_owned(),
        token[..token.len() / 2].to_owned(),
        format!("{token}A"),
        format!(" {token}"),
        token.to_uppercase(),
        "x".to_owned(),
        "rt_".to_owned(),
        "é".repeat(50),
    ]);
    changed
}

async fn forged(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for token in variations(&person.tokens.refresh) {
        let answer = refresh(&api, &token).await?.is_problem(401, "refresh_invalid")?;
        same("statements", answer.timing()?.statements, 0)?;
    }
    renewed(&api, &person.tokens.refresh).await.map(drop)
}

async fn access_token(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    refresh(&api, token).await?.is_problem(401, "refresh_invalid")?;
    Ok(())
}

async fn parts_do_not_mix(api: Api) -> Outcome {
    let (one, two) = (Visitor::arrive(&api).await?, Visitor::arrive(&api).await?);
    let half = one.tokens.refresh.len() / 2;
    let mixed = format!("{}{}", &one.tokens.refresh[..half], &two.tokens.refresh[half..]);
    refresh(&api, &mixed).await?.is_problem(401, "refresh_invalid")?;
    renewed(&api, &one.tokens.refresh).await?;
    renewed(&api, &two.tokens.refresh).await.map(drop)
}

async fn ends_the_session(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let second = renewed(&api, &person.tokens.refresh).await?;
    logout(&api, &second.refresh).await?.is(204)?;
    is_dead(&api, &second.refresh).await
}

async fn twice(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    logout(&api, &person.tokens.refresh).await?.is(204)?;
    logout(&api, &person.tokens.refresh).await?.is(204)?;
    is_dead(&api, &person.tokens.refresh).await
}

async fn logout_at_once(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let tokens = person.login(&api).await?;
    logout(&api, &tokens.refresh).await?.is(204)?;
    is_dead(&api, &tokens.refresh).await?;
    // A deferred row that arrives late must not bring it back.
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_dead(&api, &tokens.refresh).await
}

async fn spares_others(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let other = person.again(&api).await?;
    logout(&api, &person.tokens.refresh).await?.is(204)?;
    renewed(&api, &other.refresh).await.map(drop)
}

async fn by_an_old_token(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let second = renewed(&api, &person.tokens.refresh).await?;
    logout(&api, &person.tokens.refresh).await?.is(204)?;
    is_dead(&api, &second.refresh).await
}

async fn forged_logout(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for token in variations(&person.tokens.refresh) {
        let answer = logout(&api, &token).await?;
        ensure!(matches!(answer.status, 204 | 401), "{}: {}", answer.status, answer.text());
        same("statements", answer.timing()?.statements, 0)?;
    }
    renewed(&api, &person.tokens.refresh).await.map(drop)
}

async fn ends_all(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let other = person.login(&api).await?;
    let renewed_once = renewed(&api, &person.login(&api).await?.refresh).await?;
    api.post(LOGOUT_ALL).bearer(&other.access).send().await?.is(204)?;
    for token in [&person.tokens.refresh, &other.refresh, &renewed_once.refresh] {
        is_dead(&api, token).await?;
    }
    Ok(())
}

async fn opened_afterwards(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    api.post(LOGOUT_ALL).bearer(&person.tokens.access).send().await?.is(204)?;
    let tokens = person.again(&api).await?;
    renewed(&api, &tokens.refresh).await?;
    people::refresh(&api, &person.tokens.refresh).await?.is(401)?;
    Ok(())
}

async fn logout_all_needs_somebody(api: Api) -> Outcome {
    api.post(LOGOUT_ALL).send().await?.is_problem(401, "unauthenticated")?;
    Ok(())
}
