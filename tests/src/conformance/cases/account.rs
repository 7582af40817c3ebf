//! `GET /api/v1/auth/me` and `POST /api/v1/auth/password`.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::Api;
use super::super::people::{self, PASSWORD, Person, refresh};
use super::super::{Case, Outcome, same};
use super::{ME, PASSWORD_ROUTE};

/// What people change their password to.
const NEW: &str = "a new and better one";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("me: has the contract's members and no other", members),
        Case::new("password: the new one signs in, the old one doesn't", changes),
        Case::new("password: the other sessions end, this one goes on", ends_the_others),
        Case::new("password: a wrong present one is 403 and changes nothing", wrong_present_one),
        Case::new("password: may be changed to what it is", to_the_same),
        Case::new("password: needs to know who asks, before what is sent is looked at", needs_somebody),
        Case::new("password: a session opened at the very same time does not survive by chance", race),
    ];
    for (what, password) in
        [("9 bytes", "a".repeat(9)), ("73 bytes", "a".repeat(73)), ("75 bytes in 25 letters", "€".repeat(25))]
    {
        let name = format!("password: a new one of {what} is refused");
        cases.push(Case::new(name, move |api| out_of_bounds(api, password.clone())));
    }
    cases
}

async fn change(api: &Api, token: &str, current: &str, new: &str) -> anyhow::Result<Answer> {
    let body = json!({ "current_password": current, "new_password": new });
    api.post(PASSWORD_ROUTE).bearer(token).json(&body).send().await
}

async fn members(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let me = api.get(ME).bearer(&person.tokens.access).send().await?.is(200)?.json()?;
    let mut found: Vec<&str> = me.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    found.sort_unstable();
    let wanted = ["created_at", "email", "id", "last_login_at", "name", "organization_id", "role"];
    same("members", found, wanted)?;
    same("email", &me["email"], person.email.as_str())?;
    same("name", &me["name"], &Value::Null)?;
    same("created_at", &me["created_at"], &person.tokens.user["created_at"])
}

async fn changes(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    change(&api, &person.tokens.access, PASSWORD, NEW).await?.is(204)?;
    people::attempt(&api, &person.email, PASSWORD).await?.is_problem(401, "invalid_credentials")?;
    people::attempt(&api, &person.email, NEW).await?.is(200)?;
    Ok(())
}

async fn ends_the_others(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let (fresh, this) = (person.login(&api).await?, person.login(&api).await?);
    let renewed = people::Tokens::read(&refresh(&api, &person.tokens.refresh).await?.is(200)?)?;
    change(&api, &this.access, PASSWORD, NEW).await?.is(204)?;
    refresh(&api, &renewed.refresh).await?.is(401)?;
    refresh(&api, &fresh.refresh).await?.is(401)?;
    refresh(&api, &this.refresh).await?.is(200)?;
    Ok(())
}

async fn wrong_present_one(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let other = person.login(&api).await?;
    change(&api, &person.tokens.access, "not the password", NEW).await?.is_problem(403, "forbidden")?;
    people::attempt(&api, &person.email, PASSWORD).await?.is(200)?;
    refresh(&api, &other.refresh).await?.is(200)?;
    Ok(())
}

async fn to_the_same(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    change(&api, &person.tokens.access, PASSWORD, PASSWORD).await?.is(204)?;
    people::attempt(&api, &person.email, PASSWORD).await?.is(200)?;
    Ok(())
}

async fn needs_somebody(api: Api) -> Outcome {
    let call = || api.post(PASSWORD_ROUTE);
    call().json(&json!({})).send().await?.is_problem(401, "unauthenticated")?;
    call()
        .header("content-type", "application/json")
        .bytes("{")
        .send()
        .await?
        .is_problem(401, "unauthenticated")?;
    call()
        .header("content-type", "text/plain")
        .bytes("x")
        .send()
        .await?
        .is_problem(401, "unauthenticated")?;
    Ok(())
}

/// Whoever knew only the old password and signed in before the change was answered must be out afterwards.
async fn race(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let intruder = person.login(&api).await?;
    let renewing = refresh(&api, &intruder.refresh);
    let changing = change(&api, &person.tokens.access, PASSWORD, NEW);
    let (renewed, changed) = futures_util::future::join(renewing, changing).await;
    changed?.is(204)?;
    let renewed = renewed?;
    let last = if renewed.status == 200 { people::Tokens::read(&renewed)?.refresh } else { intruder.refresh };
    refresh(&api, &last).await?.is(401)?;
    Ok(())
}

async fn out_of_bounds(api: Api, password: String) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    change(&api, token, PASSWORD, &password).await?.names_fields(&["new_password"])
}
