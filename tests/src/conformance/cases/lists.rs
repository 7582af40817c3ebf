//! Walking a list, tried on the list of sessions.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::super::api::Api;
use super::super::people::Visitor;
use super::super::{Case, Outcome, same};
use super::SESSIONS;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("lists: newest first unless asked otherwise", order),
        Case::new("lists: a walk visits each row once, whatever the page size and order", walk),
        Case::new("lists: a walk visits each row once while rows are added", walk_while_adding),
        Case::new("lists: rows made at the same moment are each visited once", walk_of_simultaneous_rows),
        Case::new("lists: limit 1 and 100 are taken, the default is 20", limits),
        Case::new("lists: a cursor goes with its order", foreign_order),
        Case::new("lists: a cursor goes with its caller", foreign_caller),
        Case::new("lists: a cut or forged cursor is refused without a statement", forged),
        Case::new("lists: the limit may change between pages", other_limit),
    ];
    for limit in ["0", "101", "-1", "1.5", "abc", "", "99999999999999999999", "0x10", "%31%30%31"] {
        cases.push(Case::new(format!("lists: limit={limit} is refused"), move |api| {
            refused(api, format!("?limit={limit}"), &["limit"])
        }));
    }
    for order in ["", "sideways", "DESC", "asc;drop"] {
        cases.push(Case::new(format!("lists: order={order} is refused"), move |api| {
            refused(api, format!("?order={order}"), &["order"])
        }));
    }
    cases.push(Case::new("lists: several faulty parameters are told at once", |api| {
        refused(api, "?limit=0&order=up".to_owned(), &["limit", "order"])
    }));
    cases
}

async fn with_sessions(api: &Api, count: usize) -> anyhow::Result<Visitor> {
    let person = Visitor::arrive(api).await?;
    for _ in 1..count {
        person.again(api).await?;
    }
    Ok(person)
}

async fn page(api: &Api, token: &str, query: &str) -> anyhow::Result<Value> {
    api.get(format!("{SESSIONS}{query}")).bearer(token).send().await?.is(200)?.json()
}

fn ids(page: &Value) -> anyhow::Result<Vec<String>> {
    let rows = page["data"].as_array().context("`data` is a list")?;
    rows.iter().map(|row| row["id"].as_str().map(str::to_owned).context("a row has an id")).collect()
}

/// Walks to the end; after each page `adding` signs in again, which adds a row.
async fn walk_all(
    api: &Api,
    token: &str,
    query: &str,
    adding: Option<&Visitor>,
) -> anyhow::Result<Vec<String>> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..100 {
        let page = page(api, token, &format!("?{query}{cursor}")).await?;
        seen.extend(ids(&page)?);
        let next = page["next_cursor"].as_str();
        same("has_more", &page["has_more"], next.is_some())?;
        let Some(next) = next else { return Ok(seen) };
        let escaped: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        same("the cursor needs no escaping in a URL", escaped.as_str(), next)?;
        cursor = format!("&cursor={next}");
        if let Some(person) = adding {
            person.again(api).await?;
        }
    }
    anyhow::bail!("the walk does not end")
}

async fn order(api: Api) -> Outcome {
    let person = with_sessions(&api, 4).await?;
    let token = &person.tokens.access;
    let list = page(&api, token, "").await?;
    let times: Vec<&str> =
        list["data"].as_array().into_iter().flatten().filter_map(|row| row["created_at"].as_str()).collect();
    ensure!(times.len() == 4 && times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let mut ascending = ids(&page(&api, token, "?order=asc").await?)?;
    ascending.reverse();
    same("desc", ids(&page(&api, token, "?order=desc").await?)?, ascending.clone())?;
    same("the default", ids(&list)?, ascending)
}

async fn walk(api: Api) -> Outcome {
    let person = with_sessions(&api, 6).await?;
    for order in ["asc", "desc"] {
        let whole = ids(&page(&api, &person.tokens.access, &format!("?order={order}")).await?)?;
        same("rows", whole.len(), 6)?;
        for limit in [1, 2, 3, 5, 6, 7] {
            let query = format!("order={order}&limit={limit}");
            let walked = walk_all(&api, &person.tokens.access, &query, None).await?;
            same(&query, &walked, &whole)?;
        }
    }
    Ok(())
}

async fn walk_while_adding(api: Api) -> Outcome {
    let person = with_sessions(&api, 5).await?;
    let token = &person.tokens.access;
    let before: BTreeSet<String> = ids(&page(&api, token, "").await?)?.into_iter().collect();
    let walked = walk_all(&api, token, "limit=2", Some(&person)).await?;
    let seen: BTreeSet<String> = walked.iter().cloned().collect();
    same("rows seen twice", walked.len() - seen.len(), 0)?;
    ensure!(seen.is_superset(&before), "rows were missed");
    Ok(())
}

async fn walk_of_simultaneous_rows(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let logins = (0..12).map(|_| person.again(&api));
    for tokens in futures_util::future::join_all(logins).await {
        tokens?;
    }
    for order in ["asc", "desc"] {
        let query = format!("limit=3&order={order}");
        let walked = walk_all(&api, &person.tokens.access, &query, None).await?;
        let seen: BTreeSet<&String> = walked.iter().collect();
        same("rows", (walked.len(), seen.len()), (13, 13))?;
    }
    Ok(())
}

async fn limits(api: Api) -> Outcome {
    let person = with_sessions(&api, 21).await?;
    for (query, rows, more) in
        [("", 20, true), ("?limit=1", 1, true), ("?limit=21", 21, false), ("?limit=100", 21, false)]
    {
        let page = page(&api, &person.tokens.access, query).await?;
        same(query, ids(&page)?.len(), rows)?;
        same(query, &page["has_more"], more)?;
    }
    Ok(())
}

async fn cursor_of(api: &Api, person: &Visitor, query: &str) -> anyhow::Result<String> {
    let page = page(api, &person.tokens.access, query).await?;
    page["next_cursor"].as_str().map(str::to_owned).context("there is a next page")
}

async fn is_refused(api: &Api, token: &str, query: &str) -> Outcome {
    let answer = api.get(format!("{SESSIONS}?{query}")).bearer(token).send().await?;
    let answer = answer.is_problem(400, "invalid_cursor")?;
    same("statements", answer.timing()?.statements, 0)
}

async fn foreign_order(api: Api) -> Outcome {
    let person = with_sessions(&api, 3).await?;
    let cursor = cursor_of(&api, &person, "?limit=1&order=asc").await?;
    is_refused(&api, &person.tokens.access, &format!("limit=1&order=desc&cursor={cursor}")).await?;
    is_refused(&api, &person.tokens.access, &format!("limit=1&cursor={cursor}")).await
}

async fn foreign_caller(api: Api) -> Outcome {
    let person = with_sessions(&api, 3).await?;
    let cursor = cursor_of(&api, &person, "?limit=1").await?;
    let other = Visitor::arrive(&api).await?;
    is_refused(&api, &other.tokens.access, &format!("limit=1&cursor={cursor}")).await
}

async fn forged(api: Api) -> Outcome {
    let person = with_sessions(&api, 3).await?;
    let cursor = cursor_of(&api, &person, "?limit=1").await?;
    let mut bad = vec![
        String::new(),
        "x".to_owned(),
        "%ff%fe".to_owned(),
        "A".repeat(64),
        "A".repeat(5000),
        format!("{cursor}A"),
    ];
    bad.extend((1..cursor.len()).step_by(5).map(|length| cursor[..length].to_owned()));
    for at in [0, cursor.len() / 2, cursor.len() - 2] {
        let mut bytes = cursor.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        bad.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for cursor in bad {
        is_refused(&api, &person.tokens.access, &format!("limit=1&cursor={cursor}")).await?;
    }
    Ok(())
}

async fn other_limit(api: Api) -> Outcome {
    let person = with_sessions(&api, 4).await?;
    let cursor = cursor_of(&api, &person, "?limit=1").await?;
    let rest = page(&api, &person.tokens.access, &format!("?limit=50&cursor={cursor}")).await?;
    same("the rest", ids(&rest)?.len(), 3)
}

async fn refused(api: Api, query: String, fields: &[&str]) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    api.get(format!("{SESSIONS}{query}")).bearer(token).send().await?.names_fields(fields)
}
