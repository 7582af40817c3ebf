//! Books: read by everybody, written by few.
//!
//! Cases run side by side, so each has an author, or a word, that no other has.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::forge::Parts;
use super::super::people::Visitor;
use super::super::{Case, Outcome, same};
use super::api_keys::{make, short, text, with_key};
use super::key_verification::admin;
use crate::random;

pub(super) const BOOKS: &str = "/api/v1/books";
pub(super) const NOWHERE: &str = "/api/v1/books/01890a5d-ac96-774b-bcce-b302099a8057";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("books: one is added, shown and listed with the contract's members", added),
        Case::new("books: an ISBN is the same in all of its forms, and for one book alone", isbn_forms),
        Case::new("books: of twenty with one ISBN at once one is added", race),
        Case::new("books: everybody reads, admins and keys of admins with catalog:write write", who),
        Case::new("books: bad credentials are not looked at where everybody may read", ignored_credentials),
        Case::new("books: a change touches what it names alone", change),
        Case::new("books: what is removed is gone, and its ISBN free", remove),
        Case::new("books: an unknown one is not found", unknown),
    ];
    for (body, fields) in [
        (json!({}), &["isbn", "title", "author", "price_cents"][..]),
        (with("isbn", json!("9780306406158")), &["isbn"]),
        (with("isbn", json!("0306406153")), &["isbn"]),
        (with("isbn", json!("9770306406157")), &["isbn"]),
        (with("isbn", json!("978030640615")), &["isbn"]),
        (with("isbn", json!("")), &["isbn"]),
        (with("isbn", json!(9_780_306_406_157_u64)), &["isbn"]),
        (with("isbn", json!("９７８０３０６４０６１５７")), &["isbn"]),
        (with("title", json!("  ")), &["title"]),
        (with("title", json!("t".repeat(301))), &["title"]),
        (with("title", json!("a\u{0}b")), &["title"]),
        (with("author", json!("")), &["author"]),
        (with("author", json!("a".repeat(201))), &["author"]),
        (with("author", json!(["Ada"])), &["author"]),
        (with("description", json!("d".repeat(10_001))), &["description"]),
        (with("description", json!("a\u{0}b")), &["description"]),
        (with("description", json!(7)), &["description"]),
        (with("price_cents", json!(-1)), &["price_cents"]),
        (with("price_cents", json!(100_000_001)), &["price_cents"]),
        (with("price_cents", json!(12.5)), &["price_cents"]),
        (with("price_cents", json!("12")), &["price_cents"]),
        (with("price_cents", json!(1e300)), &["price_cents"]),
        (with("price_cents", Value::Null), &["price_cents"]),
        (with("pages", json!(3)), &["pages"]),
        (with("id", json!("01890a5d-ac96-774b-bcce-b302099a8057")), &["id"]),
        (
            json!({"isbn": 1, "title": 2, "author": 3, "description": 4, "price_cents": "5", "x": 6}),
            &["isbn", "title", "author", "description", "price_cents", "x"],
        ),
    ] {
        let faulty: Vec<String> =
            fields.iter().map(|name| format!("{name} {}", short(&body[name]))).collect();
        let told = format!("books: adding one with {} is refused", faulty.join(", "));
        cases.push(Case::new(told, move |api| refused_body(api, body.clone(), fields)));
    }
    cases
}

/// A word that no other case has.
pub(super) fn word() -> String {
    format!("w{}", random::hex(8))
}

/// An ISBN that no other case has, in ten digits.
fn short_isbn() -> anyhow::Result<String> {
    let digits = u64::from_str_radix(&random::hex(6), 16)? % 1_000_000_000;
    let sum: u64 =
        format!("{digits:09}").bytes().zip((2..=10).rev()).map(|(b, w)| u64::from(b - b'0') * w).sum();
    let check = (11 - sum % 11) % 11;
    Ok(if check == 10 { format!("{digits:09}X") } else { format!("{digits:09}{check}") })
}

/// The thirteen digits of an ISBN in ten.
fn long_isbn(short: &str) -> String {
    let twelve = format!("978{}", &short[..9]);
    let sum: u32 = twelve.bytes().zip([1, 3].into_iter().cycle()).map(|(b, w)| u32::from(b - b'0') * w).sum();
    format!("{twelve}{}", (10 - sum % 10) % 10)
}

fn with(member: &str, value: Value) -> Value {
    let mut body =
        json!({"isbn": "9780306406157", "title": "t", "author": "a", "description": "d", "price_cents": 1});
    body[member] = value;
    body
}

/// A token of somebody who may write the catalogue. Signed with the server's secret, because signing in costs a hash.
pub(super) async fn editor(api: &Api) -> anyhow::Result<String> {
    let token = &api.bystander().await?.tokens.access;
    Ok(Parts::of(token)?.with("role", "admin").hs256(&api.addresses().jwt_secret))
}

/// Adds a book with these members, and an ISBN of its own.
pub(super) async fn add(api: &Api, editor: &str, members: &Value) -> anyhow::Result<Value> {
    let mut body = json!({"isbn": short_isbn()?, "title": "A title", "author": "Ada", "price_cents": 1_299});
    for (name, value) in members.as_object().context("members")? {
        body[name] = value.clone();
    }
    api.post(BOOKS).bearer(editor).json(&body).send().await?.is(201)?.json()
}

pub(super) fn path(book: &Value) -> anyhow::Result<String> {
    Ok(format!("{BOOKS}/{}", text(book, "id")?))
}

pub(super) fn list(api: &Api, query: &[(&str, &str)]) -> Call {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    api.get(format!("{BOOKS}?{query}"))
}

pub(super) async fn listed(api: &Api, query: &[(&str, &str)]) -> anyhow::Result<Value> {
    list(api, query).send().await?.is(200)?.json()
}

pub(super) fn ids(page: &Value) -> anyhow::Result<Vec<String>> {
    let rows = page["data"].as_array().context("`data` is a list")?;
    rows.iter().map(|row| Ok(text(row, "id")?.to_owned())).collect()
}

fn members(value: &Value) -> anyhow::Result<BTreeSet<&str>> {
    Ok(value.as_object().context("an object")?.keys().map(String::as_str).collect())
}

async fn added(api: Api) -> Outcome {
    let (editor, author, isbn) = (editor(&api).await?, word(), short_isbn()?);
    let body = json!({
        "isbn": isbn, "title": "  The \"Engine\" of O'Hara \u{1f4d6} ", "author": author, "description": "First.\nSecond: 100 %.", "price_cents": 1_299,
    });
    let answer = api.post(BOOKS).bearer(&editor).json(&body).send().await?.is(201)?;
    ensure!(answer.timing()?.statements <= 5, "{} statements", answer.timing()?.statements);
    let book = answer.json()?;
    same("Location", answer.must_have("location")?, path(&book)?.as_str())?;
    let of_list = BTreeSet::from(["id", "isbn", "title", "author", "price_cents", "created_at"]);
    let mut of_one = of_list.clone();
    of_one.insert("description");
    same("members", members(&book)?, of_one)?;
    same("isbn", text(&book, "isbn")?, long_isbn(&isbn).as_str())?;
    same("title", text(&book, "title")?, "The \"Engine\" of O'Hara \u{1f4d6}")?;
    same("description", text(&book, "description")?, "First.\nSecond: 100 %.")?;
    same("price", &book["price_cents"], &json!(1_299))?;
    ensure!(text(&book, "created_at")?.ends_with('Z'), "{book}");
    same("shown", api.get(path(&book)?).send().await?.is(200)?.json()?, book.clone())?;
    let page = listed(&api, &[("author", &author)]).await?;
    same("listed", ids(&page)?, vec![text(&book, "id")?.to_owned()])?;
    same("members in a list", members(&page["data"][0])?, of_list)?;
    let bare = add(&api, &editor, &json!({"description": null, "price_cents": 0})).await?;
    same("without a description", &bare["description"], &json!(""))
}

async fn isbn_forms(api: Api) -> Outcome {
    let (editor, short) = (editor(&api).await?, short_isbn()?);
    let book = add(&api, &editor, &json!({"isbn": short})).await?;
    let long = long_isbn(&short);
    for form in
        [long.clone(), format!("978-{}-{}-{}", &long[3..4], &long[4..12], &long[12..]), short.to_lowercase()]
    {
        let body = json!({"isbn": form, "title": "t", "author": "a", "price_cents": 1});
        api.post(BOOKS).bearer(&editor).json(&body).send().await?.is_problem(409, "conflict")?;
    }
    let other = add(&api, &editor, &json!({})).await?;
    let call = api.call(Method::PATCH, path(&other)?).bearer(&editor).json(&json!({"isbn": long}));
    call.send().await?.is_problem(409, "conflict")?;
    same("unchanged", api.get(path(&other)?).send().await?.json()?, other)?;
    let call = api.call(Method::PATCH, path(&book)?).bearer(&editor).json(&json!({"isbn": long}));
    same("its own", call.send().await?.is(200)?.json()?, book)
}

async fn race(api: Api) -> Outcome {
    let (editor, author) = (editor(&api).await?, word());
    let body = json!({"isbn": short_isbn()?, "title": "t", "author": author, "price_cents": 1});
    let adding = (0..20).map(|_| api.post(BOOKS).bearer(&editor).json(&body).send());
    let mut added = 0;
    for answer in join_all(adding).await {
        let answer = answer?;
        if answer.status == 201 {
            added += 1;
        } else {
            answer.is_problem(409, "conflict")?;
        }
    }
    same("added", added, 1)?;
    same("listed", ids(&listed(&api, &[("author", &author)]).await?)?.len(), 1)
}

async fn who(api: Api) -> Outcome {
    let editor = editor(&api).await?;
    let book = add(&api, &editor, &json!({})).await?;
    let calls = |api: &Api| -> anyhow::Result<Vec<Call>> {
        // What is sent is not looked at before it is known who calls.
        let json = |call: Call| call.header("content-type", "application/json").bytes("{");
        Ok(vec![
            json(api.post(BOOKS)),
            json(api.call(Method::PATCH, path(&book)?)),
            json(api.call(Method::PATCH, NOWHERE)),
            api.delete(path(&book)?),
        ])
    };
    for call in calls(&api)? {
        call.send().await?.is_problem(401, "unauthenticated")?;
    }
    let member = Visitor::arrive(&api).await?;
    for call in calls(&api)? {
        call.bearer(&member.tokens.access).send().await?.is_problem(403, "forbidden")?;
    }
    let everything = make(&api, &member.tokens, json!({"name": "k", "scopes": ["*"]})).await?;
    for call in calls(&api)? {
        with_key(call, text(&everything, "key")?).send().await?.is_problem(403, "forbidden")?;
    }
    let admin = admin(&api).await?;
    let reader = make(&api, &admin, json!({"name": "k", "scopes": ["catalog:read", "models:read"]})).await?;
    for call in calls(&api)? {
        with_key(call, text(&reader, "key")?).send().await?.is_problem(403, "forbidden")?;
    }
    let writer = make(&api, &admin, json!({"name": "k", "scopes": ["catalog:write"]})).await?;
    let key = text(&writer, "key")?;
    let body = json!({"isbn": short_isbn()?, "title": "t", "author": "a", "price_cents": 1});
    let made = with_key(api.post(BOOKS), key).json(&body).send().await?.is(201)?.json()?;
    let call = with_key(api.call(Method::PATCH, path(&made)?), key).json(&json!({"title": "u"}));
    same("changed", &call.send().await?.is(200)?.json()?["title"], &json!("u"))?;
    with_key(api.delete(path(&made)?), key).send().await?.is(204)?;
    Ok(())
}

async fn ignored_credentials(api: Api) -> Outcome {
    let book = add(&api, &editor(&api).await?, &json!({})).await?;
    let expired = Parts::of(&api.bystander().await?.tokens.access)?
        .with("exp", 1_000_000_000)
        .hs256(&api.addresses().jwt_secret);
    for (name, value) in [
        ("authorization", format!("Bearer {expired}")),
        ("authorization", "Basic x".to_owned()),
        ("x-api-key", "pk_made-up".to_owned()),
        ("x-api-key", "pk_0123456789ABCDEFGHIJKLMNOPQRSTUV000000".to_owned()),
    ] {
        api.get(path(&book)?).header(name, &value).send().await?.is(200)?;
        api.get(format!("{BOOKS}?limit=1")).header(name, &value).send().await?.is(200)?;
    }
    Ok(())
}

pub(super) async fn patched(api: &Api, editor: &str, book: &Value, body: &Value) -> anyhow::Result<Answer> {
    api.call(Method::PATCH, path(book)?).bearer(editor).json(body).send().await
}

async fn change(api: Api) -> Outcome {
    let editor = editor(&api).await?;
    let mut book = add(&api, &editor, &json!({"description": "d"})).await?;
    same("nothing", patched(&api, &editor, &book, &json!({})).await?.is(200)?.json()?, book.clone())?;
    for (member, value) in [
        ("title", json!("another")),
        ("author", json!("Bob")),
        ("description", json!("")),
        ("price_cents", json!(100_000_000)),
        ("isbn", json!(long_isbn(&short_isbn()?))),
    ] {
        book[member] = value.clone();
        let changed = patched(&api, &editor, &book, &json!({ member: value })).await?.is(200)?.json()?;
        same(member, changed, book.clone())?;
        same(member, api.get(path(&book)?).send().await?.is(200)?.json()?, book.clone())?;
    }
    let fields = ["isbn", "title", "author", "description", "price_cents"];
    let nulls: Value = fields.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    patched(&api, &editor, &book, &nulls).await?.names_fields(&fields)?;
    let wrong = json!({"title": "", "price_cents": -1, "created_at": "2001-01-01T00:00:00Z"});
    patched(&api, &editor, &book, &wrong).await?.names_fields(&["title", "price_cents", "created_at"])?;
    same("as it was", api.get(path(&book)?).send().await?.json()?, book)
}

async fn remove(api: Api) -> Outcome {
    let (editor, isbn) = (editor(&api).await?, short_isbn()?);
    let book = add(&api, &editor, &json!({"isbn": isbn})).await?;
    api.get(path(&book)?).send().await?.is(200)?;
    api.delete(path(&book)?).bearer(&editor).send().await?.is(204)?;
    api.get(path(&book)?).send().await?.is_problem(404, "not_found")?;
    api.delete(path(&book)?).bearer(&editor).send().await?.is_problem(404, "not_found")?;
    patched(&api, &editor, &book, &json!({})).await?.is_problem(404, "not_found")?;
    let again = add(&api, &editor, &json!({"isbn": isbn})).await?;
    ensure!(again["id"] != book["id"], "another book");
    Ok(())
}

async fn unknown(api: Api) -> Outcome {
    let editor = editor(&api).await?;
    for path in [NOWHERE, "/api/v1/books/1", "/api/v1/books/%00", "/api/v1/books/'--"] {
        api.get(path).send().await?.is_problem(404, "not_found")?;
        api.delete(path).bearer(&editor).send().await?.is_problem(404, "not_found")?;
        let call = api.call(Method::PATCH, path).bearer(&editor).json(&json!({}));
        call.send().await?.is_problem(404, "not_found")?;
    }
    Ok(())
}

async fn refused_body(api: Api, body: Value, fields: &[&str]) -> Outcome {
    let editor = editor(&api).await?;
    api.post(BOOKS).bearer(&editor).json(&body).send().await?.names_fields(fields)
}
