//! `POST /api/v1/auth/register`.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::super::api::Api;
use super::super::people::{self, PASSWORD, Person, Tokens, fresh_email};
use super::super::{Case, Outcome, same};
use super::{ME, REGISTER};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("register: 201 with tokens and the person", answers_tokens),
        Case::new("register: a name is kept, and null when not given", keeps_the_name),
        Case::new("register: the address is trimmed and compared without case", address_is_canonical),
        Case::new("register: a taken address is 409", taken),
        Case::new("register: of 8 at once with one address, one wins", race),
        Case::new("register: each person has an organization of their own", own_organization),
        Case::new("register: ids are UUIDs of version 7, times are UTC", ids_and_times),
        Case::new("register: a password of 72 bytes is not cut", not_cut),
    ];
    for (what, password) in [
        ("10 bytes", "a".repeat(10)),
        ("72 bytes", "b".repeat(72)),
        ("10 bytes in 5 letters", "é".repeat(5)),
        ("72 bytes in 24 letters", "€".repeat(24)),
        ("72 bytes in 18 emoji", "😀".repeat(18)),
        ("spaces at its ends", "  spaces count  ".to_owned()),
    ] {
        let name = format!("register: a password of {what} is taken, and signs in");
        cases.push(Case::new(name, move |api| password_works(api, password.clone())));
    }
    for (what, password) in [
        ("9 bytes", "a".repeat(9)),
        ("9 bytes in 3 letters", "€".repeat(3)),
        ("73 bytes", "a".repeat(73)),
        ("75 bytes in 25 letters", "€".repeat(25)),
        ("100,000 bytes", "a".repeat(100_000)),
        ("no bytes", String::new()),
        ("a NUL", "with a \0 inside".to_owned()),
    ] {
        let name = format!("register: a password of {what} is refused");
        cases.push(Case::new(name, move |api| {
            refused(api, json!({ "email": fresh_email(), "password": password.clone() }), &["password"])
        }));
    }
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long = format!("a@{}.com", "b.".repeat(130));
    for email in [
        "",
        "   ",
        "plain",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@b",
        "a@b..com",
        "a@-b.com",
        "a@@example.com",
        "a@example.com\u{0}",
        "a@example.com\r\nBcc: b@example.com",
        &long_local,
        &long,
    ] {
        let shown: String = email.escape_debug().to_string().chars().take(40).collect();
        let email = email.to_owned();
        cases.push(Case::new(format!("register: the address \"{shown}\" is refused"), move |api| {
            refused(api, json!({ "email": email.clone(), "password": PASSWORD }), &["email"])
        }));
    }
    for (what, name) in [
        ("of 201 letters", "n".repeat(201)),
        ("that is blank", "  ".to_owned()),
        ("with a line break", "a\nb".to_owned()),
    ] {
        cases.push(Case::new(format!("register: a name {what} is refused"), move |api| {
            refused(
                api,
                json!({ "email": fresh_email(), "password": PASSWORD, "name": name.clone() }),
                &["name"],
            )
        }));
    }
    cases
}

async fn refused(api: Api, body: Value, fields: &[&str]) -> Outcome {
    api.post(REGISTER).json(&body).send().await?.names_fields(fields)
}

async fn answers_tokens(api: Api) -> Outcome {
    let email = fresh_email();
    let body = json!({ "email": email, "password": PASSWORD, "name": "Ada" });
    let answer = api.post(REGISTER).json(&body).send().await?.is(201)?;
    let tokens = Tokens::read(&answer)?;
    same("email", &tokens.user["email"], email.as_str())?;
    same("role", &tokens.user["role"], "member")?;
    let me = api.get(ME).bearer(&tokens.access).send().await?.is(200)?.json()?;
    same("/auth/me", &me["id"], &tokens.user["id"])
}

async fn keeps_the_name(api: Api) -> Outcome {
    let body = json!({ "email": fresh_email(), "password": PASSWORD, "name": "  Ada Lovelace 😀 " });
    let named = api.post(REGISTER).json(&body).send().await?.is(201)?.json()?;
    same("name", &named["user"]["name"], "Ada Lovelace 😀")?;
    let unnamed = Person::register(&api).await?;
    same("name", &unnamed.tokens.user["name"], &Value::Null)
}

async fn address_is_canonical(api: Api) -> Outcome {
    let email = fresh_email();
    let shouted = format!("  {}\t", email.to_uppercase());
    let person = Person::register_as(&api, &shouted, PASSWORD).await?;
    same("email", &person.tokens.user["email"], email.as_str())?;
    people::attempt(&api, &email, PASSWORD).await?.is(200)?;
    people::attempt(&api, &shouted, PASSWORD).await?.is(200)?;
    let again = json!({ "email": email, "password": PASSWORD });
    api.post(REGISTER).json(&again).send().await?.is_problem(409, "conflict")?;
    Ok(())
}

async fn taken(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let body = json!({ "email": person.email, "password": "another password" });
    api.post(REGISTER).json(&body).send().await?.is_problem(409, "conflict")?;
    // The account is as it was.
    person.login(&api).await?;
    people::attempt(&api, &person.email, "another password").await?.is_problem(401, "invalid_credentials")?;
    Ok(())
}

async fn race(api: Api) -> Outcome {
    let body = json!({ "email": fresh_email(), "password": PASSWORD });
    let calls = (0..8).map(|_| api.post(REGISTER).json(&body).send());
    let mut statuses = Vec::new();
    for answer in futures_util::future::join_all(calls).await {
        statuses.push(answer?.status);
    }
    statuses.sort_unstable();
    same("statuses", statuses, vec![201, 409, 409, 409, 409, 409, 409, 409])
}

async fn own_organization(api: Api) -> Outcome {
    let one = Person::register(&api).await?;
    let two = Person::register(&api).await?;
    let organization = |person: &Person| person.tokens.user["organization_id"].clone();
    ensure!(organization(&one).is_string(), "{}", one.tokens.user);
    ensure!(organization(&one) != organization(&two), "both are in {}", organization(&one));
    Ok(())
}

async fn ids_and_times(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    for member in ["id", "organization_id"] {
        let id = person.tokens.user[member].as_str().context("an id is text")?;
        ensure!(id.len() == 36 && id.as_bytes()[14] == b'7' && id == id.to_lowercase(), "{member}: {id}");
    }
    let made = person.tokens.user["created_at"].as_str().context("a time is text")?;
    ensure!(made.ends_with('Z') && made.len() <= "2026-01-01T00:00:00.000000Z".len(), "created_at: {made}");
    ensure!(made.as_bytes().get(10) == Some(&b'T') && made.starts_with("20"), "created_at: {made}");
    Ok(())
}

async fn password_works(api: Api, password: String) -> Outcome {
    let person = Person::register_as(&api, &fresh_email(), &password).await?;
    person.login(&api).await?;
    let wrong =
        format!("{}x", &password[..password.len() - password.chars().next_back().map_or(1, char::len_utf8)]);
    people::attempt(&api, &person.email, &wrong).await?.is_problem(401, "invalid_credentials")?;
    Ok(())
}

async fn not_cut(api: Api) -> Outcome {
    let password = "x".repeat(72);
    let person = Person::register_as(&api, &fresh_email(), &password).await?;
    people::attempt(&api, &person.email, &password[..71]).await?.is_problem(401, "invalid_credentials")?;
    let longer = people::attempt(&api, &person.email, &format!("{password}y")).await?;
    ensure!(matches!(longer.status, 401 | 422), "73 bytes that begin with the password: {}", longer.status);
    Ok(())
}
