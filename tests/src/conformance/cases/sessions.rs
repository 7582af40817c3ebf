//! What the list of sessions shows, and ending one of them.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::super::api::Api;
use super::super::forge::Parts;
use super::super::people::{Person, Tokens, Visitor, logout, refresh};
use super::super::{Case, Outcome, same};
use super::SESSIONS;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("sessions: a session is listed at once", listed_at_once),
        Case::new("sessions: has the contract's members and no other", members),
        Case::new("sessions: tells the device it was opened on", tells_the_device),
        Case::new("sessions: the one that asks is current, and no other", current),
        Case::new("sessions: an ended one is not listed", ended_is_gone),
        Case::new("sessions: one can be ended at once", ended_at_once),
        Case::new("sessions: a renewed one can be ended", ended_after_renewal),
        Case::new("sessions: ending the current one", ends_itself),
        Case::new("sessions: another person's can't be ended, nor seen", others_are_theirs),
        Case::new("sessions: last_used_at follows a renewal", last_used_follows),
        Case::new("sessions: the list costs at most two statements", two_statements),
        Case::new("sessions: the list needs to know who asks", list_needs_somebody),
        Case::new("sessions: ending one needs to know who asks", end_needs_somebody),
    ];
    for id in [
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "nonsense",
        "00000000-0000-0000-0000-000000000000",
        "%00",
        "1",
    ] {
        cases.push(Case::new(format!("sessions: ending {id} is 404"), move |api| no_such_session(api, id)));
    }
    cases
}

async fn listed(api: &Api, token: &str) -> anyhow::Result<Vec<Value>> {
    let list = api.get(format!("{SESSIONS}?limit=100")).bearer(token).send().await?.is(200)?.json()?;
    Ok(list["data"].as_array().context("`data` is a list")?.clone())
}

fn id_of(tokens: &Tokens) -> anyhow::Result<String> {
    Ok(Parts::of(&tokens.access)?.claims["sid"].as_str().context("`sid` is text")?.to_owned())
}

fn ids(list: &[Value]) -> Vec<&str> {
    list.iter().filter_map(|session| session["id"].as_str()).collect()
}

async fn listed_at_once(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    same(
        "sessions",
        ids(&listed(&api, &person.tokens.access).await?),
        vec![id_of(&person.tokens)?.as_str()],
    )?;
    for _ in 0..3 {
        let tokens = person.login(&api).await?;
        let list = listed(&api, &tokens.access).await?;
        ensure!(ids(&list).contains(&id_of(&tokens)?.as_str()), "the new one is not among {list:?}");
    }
    same("sessions", listed(&api, &person.tokens.access).await?.len(), 4)
}

async fn members(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let list = api.get(SESSIONS).bearer(&person.tokens.access).send().await?.is(200)?.json()?;
    let names = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    same("the list", sorted(names(&list)), vec!["data", "has_more", "next_cursor"])?;
    let wanted = vec!["created_at", "current", "id", "ip", "last_used_at", "user_agent"];
    same("a session", sorted(names(&list["data"][0])), wanted)?;
    same("has_more", &list["has_more"], false)?;
    same("next_cursor", &list["next_cursor"], &Value::Null)
}

async fn tells_the_device(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let body = serde_json::json!({ "email": person.email, "password": person.password });
    let call = api.post(super::LOGIN).json(&body).header("user-agent", "Teapot/1.0 (ü)");
    let tokens = Tokens::read(&call.send().await?.is(200)?)?;
    let id = id_of(&tokens)?;
    let list = listed(&api, &tokens.access).await?;
    let session =
        list.iter().find(|session| session["id"] == id.as_str()).context("the session is listed")?;
    same("ip", &session["ip"], api.client_address())?;
    let agent = session["user_agent"].as_str().unwrap_or_default();
    ensure!(agent.starts_with("Teapot/1.0"), "user_agent: {agent}");
    Ok(())
}

async fn current(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let this = person.again(&api).await?;
    person.again(&api).await?;
    let list = listed(&api, &this.access).await?;
    let marked: Vec<&str> = list
        .iter()
        .filter(|session| session["current"] == true)
        .filter_map(|session| session["id"].as_str())
        .collect();
    same("current", marked, vec![id_of(&this)?.as_str()])
}

async fn ended_is_gone(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let gone = person.again(&api).await?;
    logout(&api, &gone.refresh).await?.is(204)?;
    let list = listed(&api, &person.tokens.access).await?;
    same("sessions", ids(&list), vec![id_of(&person.tokens)?.as_str()])
}

async fn ended_at_once(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    for _ in 0..2 {
        let other = person.login(&api).await?;
        let id = id_of(&other)?;
        api.delete(format!("{SESSIONS}/{id}")).bearer(&person.tokens.access).send().await?.is(204)?;
        refresh(&api, &other.refresh).await?.is(401)?;
        let list = listed(&api, &person.tokens.access).await?;
        ensure!(!ids(&list).contains(&id.as_str()), "it is still listed");
        // Ended is ended: there is no such session any more.
        api.delete(format!("{SESSIONS}/{id}"))
            .bearer(&person.tokens.access)
            .send()
            .await?
            .is_problem(404, "not_found")?;
    }
    Ok(())
}

async fn ended_after_renewal(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let other = Tokens::read(&refresh(&api, &person.again(&api).await?.refresh).await?.is(200)?)?;
    let path = format!("{SESSIONS}/{}", id_of(&other)?);
    api.delete(path).bearer(&person.tokens.access).send().await?.is(204)?;
    refresh(&api, &other.refresh).await?.is(401)?;
    Ok(())
}

async fn ends_itself(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let path = format!("{SESSIONS}/{}", id_of(&person.tokens)?);
    api.delete(path).bearer(&person.tokens.access).send().await?.is(204)?;
    refresh(&api, &person.tokens.refresh).await?.is(401)?;
    Ok(())
}

async fn others_are_theirs(api: Api) -> Outcome {
    let (one, two) = (Visitor::arrive(&api).await?, Visitor::arrive(&api).await?);
    let path = format!("{SESSIONS}/{}", id_of(&two.tokens)?);
    api.delete(path).bearer(&one.tokens.access).send().await?.is_problem(404, "not_found")?;
    refresh(&api, &two.tokens.refresh).await?.is(200)?;
    let list = listed(&api, &one.tokens.access).await?;
    ensure!(!ids(&list).contains(&id_of(&two.tokens)?.as_str()), "one sees the other's session");
    Ok(())
}

async fn last_used_follows(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let when = async || -> anyhow::Result<(String, String)> {
        let list = listed(&api, &person.tokens.access).await?;
        let text = |member: &str| list[0][member].as_str().map(str::to_owned).context("a time is text");
        Ok((text("created_at")?, text("last_used_at")?))
    };
    let before = when().await?;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    refresh(&api, &person.tokens.refresh).await?.is(200)?;
    let after = when().await?;
    same("created_at", &after.0, &before.0)?;
    ensure!(after.1 > before.1, "last_used_at stayed {}", after.1);
    Ok(())
}

async fn two_statements(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let answer = api.get(SESSIONS).bearer(token).send().await?.is(200)?;
    let statements = answer.timing()?.statements;
    ensure!(statements <= 2, "{statements} statements");
    Ok(())
}

async fn list_needs_somebody(api: Api) -> Outcome {
    api.get(SESSIONS).send().await?.is_problem(401, "unauthenticated")?;
    api.get(format!("{SESSIONS}?limit=0")).send().await?.is_problem(401, "unauthenticated")?;
    Ok(())
}

async fn end_needs_somebody(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let path = format!("{SESSIONS}/{}", id_of(&person.tokens)?);
    api.delete(path).send().await?.is_problem(401, "unauthenticated")?;
    api.delete(format!("{SESSIONS}/nonsense")).send().await?.is_problem(401, "unauthenticated")?;
    refresh(&api, &person.tokens.refresh).await?.is(200)?;
    Ok(())
}

async fn no_such_session(api: Api, id: &str) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    api.delete(format!("{SESSIONS}/{id}")).bearer(token).send().await?.is_problem(404, "not_found")?;
    Ok(())
}
