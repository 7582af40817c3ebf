//! Orders: placed whole or not at all, kept as they were, each seen by whoever placed it.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::Api;
use super::super::people::{Tokens, Visitor};
use super::super::{Case, Outcome, same};
use super::SESSIONS;
use super::api_keys::{make, short, text, with_key};
use super::books::{BOOKS, add, editor, word};

const ORDERS: &str = "/api/v1/orders";
const BOOK: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("orders: one is placed with the contract's members, as lists show it", placed),
        Case::new("orders: one keeps its prices and its books readable, whatever becomes of them", kept),
        Case::new("orders: unknown books are each named, and nothing is written", unknown_books),
        Case::new("orders: a hundred items are taken, each book once", hundred),
        Case::new("orders: the dearest order has an exact total", dearest),
        Case::new("orders: another person's is not found, and in no list", tenants),
        Case::new("orders: are for people who are signed in", who),
        Case::new("orders: a list walks each once, whatever the page size and order", walk),
        Case::new("orders: a list walks each once while orders are placed", walk_while_placing),
        Case::new("orders: those placed at the same moment are each visited once", walk_of_simultaneous),
        Case::new("orders: a list costs two statements at most, whatever the page size", statements),
        Case::new("orders: a cursor goes with its caller, order and list", foreign_cursors),
        Case::new("orders: an answer belongs to its caller and carries a validator", validators),
    ];
    let item = |book_id: Value, quantity: Value| json!({"book_id": book_id, "quantity": quantity});
    let items = |items: Value| json!({ "items": items });
    for (body, fields) in [
        (json!({}), &["items"][..]),
        (items(json!([])), &["items"]),
        (items(Value::Null), &["items"]),
        (items(json!({})), &["items"]),
        (items(json!("all")), &["items"]),
        (items(vec![item(json!(BOOK), json!(1)); 101].into()), &["items"]),
        (items(json!([7, null, []])), &["items[0]", "items[1]", "items[2]"]),
        (items(json!([{}])), &["items[0].book_id", "items[0].quantity"]),
        (items(json!([item(json!(BOOK), json!(0))])), &["items[0].quantity"]),
        (items(json!([item(json!(BOOK), json!(-1))])), &["items[0].quantity"]),
        (items(json!([item(json!(BOOK), json!(1_001))])), &["items[0].quantity"]),
        (items(json!([item(json!(BOOK), json!(1.5))])), &["items[0].quantity"]),
        (items(json!([item(json!(BOOK), json!("1"))])), &["items[0].quantity"]),
        (items(json!([item(json!(BOOK), json!(u64::MAX))])), &["items[0].quantity"]),
        (items(json!([item(json!(BOOK), json!(1e300))])), &["items[0].quantity"]),
        (items(json!([item(json!("a book"), json!(1))])), &["items[0].book_id"]),
        (items(json!([item(json!(7), json!(1))])), &["items[0].book_id"]),
        (items(json!([item(json!(""), json!(1))])), &["items[0].book_id"]),
        (items(json!([item(json!(BOOK), json!(1)), item(json!(BOOK), json!(2))])), &["items[1].book_id"]),
        (
            items(json!([{"book_id": BOOK, "quantity": 1, "unit_price_cents": 0}])),
            &["items[0].unit_price_cents"],
        ),
        (
            json!({"items": [item(json!(BOOK), json!(0))], "total_cents": 0}),
            &["items[0].quantity", "total_cents"],
        ),
    ] {
        let shown = body.to_string().replace(BOOK, "…").replace("\"book_id\":", "");
        let told = format!("orders: {} is refused, naming {}", short(&json!(shown)), fields.join(", "));
        cases.push(Case::new(told, move |api| refused(api, body.clone(), fields)));
    }
    for query in ["limit=0", "limit=101", "order=up", "limit=x"] {
        cases.push(Case::new(format!("orders: a list with {query} is refused"), move |api| async move {
            let token = &api.bystander().await?.tokens.access;
            let name = query.split('=').next().unwrap_or_default();
            api.get(format!("{ORDERS}?{query}")).bearer(token).send().await?.names_fields(&[name])
        }));
    }
    cases
}

async fn order(api: &Api, tokens: &Tokens, lines: &[(&Value, u32)]) -> anyhow::Result<Answer> {
    let line = |(book, quantity): &(&Value, u32)| json!({"book_id": book["id"], "quantity": quantity});
    let items: Vec<Value> = lines.iter().map(line).collect();
    api.post(ORDERS).bearer(&tokens.access).json(&json!({ "items": items })).send().await
}

async fn place(api: &Api, tokens: &Tokens, lines: &[(&Value, u32)]) -> anyhow::Result<Value> {
    order(api, tokens, lines).await?.is(201)?.json()
}

async fn page(api: &Api, tokens: &Tokens, query: &str) -> anyhow::Result<Value> {
    api.get(format!("{ORDERS}?{query}")).bearer(&tokens.access).send().await?.is(200)?.json()
}

async fn one(api: &Api, tokens: &Tokens, order: &Value) -> anyhow::Result<Answer> {
    api.get(format!("{ORDERS}/{}", text(order, "id")?)).bearer(&tokens.access).send().await
}

fn ids(page: &Value) -> anyhow::Result<Vec<String>> {
    let rows = page["data"].as_array().context("`data` is a list")?;
    rows.iter().map(|row| Ok(text(row, "id")?.to_owned())).collect()
}

async fn book(api: &Api, price_cents: u32) -> anyhow::Result<Value> {
    add(api, &editor(api).await?, &json!({"title": format!("Book {}", word()), "price_cents": price_cents}))
        .await
}

async fn placed(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let (dear, free) = (book(&api, 1_999).await?, book(&api, 0).await?);
    let answer = order(&api, &person.tokens, &[(&free, 1), (&dear, 3)]).await?.is(201)?;
    ensure!(answer.timing()?.statements <= 5, "{} statements", answer.timing()?.statements);
    let order = answer.json()?;
    same("Location", answer.must_have("location")?, format!("{ORDERS}/{}", text(&order, "id")?).as_str())?;
    let shown = |book: &Value| json!({"id": book["id"], "title": book["title"], "author": book["author"]});
    let expected = json!({
        "id": order["id"], "created_at": order["created_at"], "item_count": 2, "total_quantity": 4, "total_cents": 5_997,
        "items": [
            {"quantity": 1, "unit_price_cents": 0, "book": shown(&free)},
            {"quantity": 3, "unit_price_cents": 1_999, "book": shown(&dear)},
        ],
    });
    same("the order", &order, &expected)?;
    ensure!(text(&order, "created_at")?.ends_with('Z'), "{order}");
    same("shown", one(&api, &person.tokens, &order).await?.is(200)?.json()?, expected.clone())?;
    let page = page(&api, &person.tokens, "").await?;
    same("listed", page, json!({"data": [expected], "next_cursor": null, "has_more": false}))
}

async fn kept(api: Api) -> Outcome {
    let (person, editor) = (Visitor::arrive(&api).await?, editor(&api).await?);
    let (changed, removed) = (book(&api, 100).await?, book(&api, 200).await?);
    let order = place(&api, &person.tokens, &[(&changed, 1), (&removed, 1)]).await?;
    let path = |book: &Value| anyhow::Ok(format!("{BOOKS}/{}", text(book, "id")?));
    let body = json!({"title": "another", "author": "Bob", "price_cents": 1});
    api.call(Method::PATCH, path(&changed)?).bearer(&editor).json(&body).send().await?.is(200)?;
    api.delete(path(&removed)?).bearer(&editor).send().await?.is(204)?;
    same("the order", one(&api, &person.tokens, &order).await?.is(200)?.json()?, order.clone())?;
    same("in a list", &page(&api, &person.tokens, "").await?["data"][0], &order)?;
    let later = place(&api, &person.tokens, &[(&changed, 5)]).await?;
    same(
        "a later one",
        (&later["total_cents"], &later["items"][0]["book"]["title"]),
        (&json!(5), &json!("another")),
    )
}

async fn unknown_books(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let (known, removed) = (book(&api, 100).await?, book(&api, 200).await?);
    let path = format!("{BOOKS}/{}", text(&removed, "id")?);
    api.delete(path).bearer(&editor(&api).await?).send().await?.is(204)?;
    let nowhere = json!({"id": BOOK});
    let answer = order(&api, &person.tokens, &[(&nowhere, 1), (&known, 1), (&removed, 1)]).await?;
    ensure!(answer.timing()?.statements <= 5, "{} statements", answer.timing()?.statements);
    answer.names_fields(&["items[0].book_id", "items[2].book_id"])?;
    same("orders", ids(&page(&api, &person.tokens, "").await?)?.len(), 0)
}

async fn hundred(api: Api) -> Outcome {
    let (person, editor) = (Visitor::arrive(&api).await?, editor(&api).await?);
    let members = json!({"price_cents": 7});
    let mut books = Vec::new();
    for _ in 0..10 {
        for book in join_all((0..10).map(|_| add(&api, &editor, &members))).await {
            books.push(book?);
        }
    }
    let lines: Vec<(&Value, u32)> = books.iter().map(|book| (book, 1_000)).collect();
    let answer = order(&api, &person.tokens, &lines).await?.is(201)?;
    ensure!(answer.timing()?.statements <= 5, "{} statements", answer.timing()?.statements);
    let order = answer.json()?;
    same("items", &order["item_count"], &json!(100))?;
    same("copies", &order["total_quantity"], &json!(100_000))?;
    same("total", &order["total_cents"], &json!(700_000))?;
    let ordered: Vec<&Value> =
        order["items"].as_array().into_iter().flatten().map(|item| &item["book"]["id"]).collect();
    same("in the order of the request", ordered, books.iter().map(|book| &book["id"]).collect::<Vec<_>>())?;
    same("shown", one(&api, &person.tokens, &order).await?.is(200)?.json()?, order)
}

async fn dearest(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let (one, other) = (book(&api, 100_000_000).await?, book(&api, 99_999_999).await?);
    let order = place(&api, &person.tokens, &[(&one, 1_000), (&other, 1_000)]).await?;
    same("total", &order["total_cents"], &json!(199_999_999_000_u64))
}

async fn tenants(api: Api) -> Outcome {
    let (ada, bob) = (Visitor::arrive(&api).await?, Visitor::arrive(&api).await?);
    let book = book(&api, 100).await?;
    let order = place(&api, &ada.tokens, &[(&book, 1)]).await?;
    one(&api, &bob.tokens, &order).await?.is_problem(404, "not_found")?;
    same("in a list", ids(&page(&api, &bob.tokens, "").await?)?.len(), 0)?;
    // Nor for admins: what a person ordered is theirs.
    let admin = editor(&api).await?;
    let path = format!("{ORDERS}/{}", text(&order, "id")?);
    api.get(path).bearer(&admin).send().await?.is_problem(404, "not_found")?;
    one(&api, &ada.tokens, &order).await?.is(200)?;
    for id in [BOOK, "1", "%00", "'--"] {
        let call = api.get(format!("{ORDERS}/{id}")).bearer(&ada.tokens.access);
        call.send().await?.is_problem(404, "not_found")?;
    }
    Ok(())
}

async fn who(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = make(&api, &person.tokens, json!({"name": "k", "scopes": ["*"]})).await?;
    let one = format!("{ORDERS}/{BOOK}");
    let calls = || {
        [
            api.get(ORDERS),
            api.get(&one),
            api.post(ORDERS).header("content-type", "application/json").bytes("{"),
        ]
    };
    for call in calls() {
        call.send().await?.is_problem(401, "unauthenticated")?;
    }
    for call in calls() {
        with_key(call, text(&made, "key")?).send().await?.is_problem(401, "unauthenticated")?;
    }
    Ok(())
}

/// Walks to the end; after each page the book is ordered once more.
async fn walk_all(
    api: &Api,
    tokens: &Tokens,
    query: &str,
    placing: Option<&Value>,
) -> anyhow::Result<Vec<String>> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..100 {
        let page = page(api, tokens, &format!("{query}{cursor}")).await?;
        seen.extend(ids(&page)?);
        let next = page["next_cursor"].as_str();
        same("has_more", &page["has_more"], next.is_some())?;
        let Some(next) = next else { return Ok(seen) };
        cursor = format!("&cursor={next}");
        if let Some(book) = placing {
            place(api, tokens, &[(book, 1)]).await?;
        }
    }
    anyhow::bail!("the walk does not end")
}

async fn with_orders(api: &Api, count: u32) -> anyhow::Result<(Visitor, Value, Vec<String>)> {
    let (person, book) = (Visitor::arrive(api).await?, book(api, 100).await?);
    let mut orders = Vec::new();
    for quantity in 1..=count {
        orders.push(text(&place(api, &person.tokens, &[(&book, quantity)]).await?, "id")?.to_owned());
    }
    Ok((person, book, orders))
}

async fn walk(api: Api) -> Outcome {
    let (person, _, mut expected) = with_orders(&api, 6).await?;
    for order in ["asc", "desc"] {
        for limit in [1, 2, 3, 5, 6, 7] {
            let query = format!("order={order}&limit={limit}");
            same(&query, walk_all(&api, &person.tokens, &query, None).await?, expected.clone())?;
        }
        expected.reverse();
    }
    Ok(())
}

fn once(seen: &[String], before: &[String]) -> Outcome {
    let distinct: BTreeSet<&String> = seen.iter().collect();
    same("seen twice", seen.len() - distinct.len(), 0)?;
    ensure!(before.iter().all(|id| distinct.contains(id)), "some were missed");
    Ok(())
}

async fn walk_while_placing(api: Api) -> Outcome {
    let (person, book, before) = with_orders(&api, 5).await?;
    once(&walk_all(&api, &person.tokens, "limit=2", Some(&book)).await?, &before)
}

async fn walk_of_simultaneous(api: Api) -> Outcome {
    let (person, book, _) = with_orders(&api, 0).await?;
    let lines = [(&book, 1)];
    let mut before = Vec::new();
    for order in join_all((0..12).map(|_| place(&api, &person.tokens, &lines))).await {
        before.push(text(&order?, "id")?.to_owned());
    }
    for order in ["asc", "desc"] {
        let seen = walk_all(&api, &person.tokens, &format!("limit=5&order={order}"), None).await?;
        once(&seen, &before)?;
        same("rows", seen.len(), 12)?;
    }
    Ok(())
}

async fn statements(api: Api) -> Outcome {
    let (person, _, orders) = with_orders(&api, 4).await?;
    for query in ["", "limit=1", "limit=100", "limit=3&order=asc"] {
        let answer =
            api.get(format!("{ORDERS}?{query}")).bearer(&person.tokens.access).send().await?.is(200)?;
        ensure!(answer.timing()?.statements <= 2, "{query}: {} statements", answer.timing()?.statements);
    }
    let answer = one(&api, &person.tokens, &json!({"id": orders[0]})).await?.is(200)?;
    ensure!(answer.timing()?.statements <= 2, "{} statements", answer.timing()?.statements);
    Ok(())
}

async fn foreign_cursors(api: Api) -> Outcome {
    let (person, _, _) = with_orders(&api, 3).await?;
    let (other, _, _) = with_orders(&api, 3).await?;
    let cursor = text(&page(&api, &person.tokens, "limit=1").await?, "next_cursor")?.to_owned();
    page(&api, &person.tokens, &format!("cursor={cursor}")).await?;
    for (tokens, path) in [
        (&other.tokens, format!("{ORDERS}?cursor={cursor}")),
        (&person.tokens, format!("{ORDERS}?order=asc&cursor={cursor}")),
        (&person.tokens, format!("{SESSIONS}?cursor={cursor}")),
        (&person.tokens, format!("{BOOKS}?cursor={cursor}")),
        (&person.tokens, format!("{ORDERS}?cursor={}", &cursor[1..])),
        (&person.tokens, format!("{ORDERS}?cursor={}", "A".repeat(5_000))),
    ] {
        let answer = api.get(path).bearer(&tokens.access).send().await?.is_problem(400, "invalid_cursor")?;
        same("statements", answer.timing()?.statements, 0)?;
    }
    Ok(())
}

async fn validators(api: Api) -> Outcome {
    let (person, book, orders) = with_orders(&api, 1).await?;
    for path in [ORDERS.to_owned(), format!("{ORDERS}/{}", orders[0])] {
        let call = || api.get(&path).bearer(&person.tokens.access);
        let first = call().send().await?.is(200)?;
        ensure!(first.must_have("cache-control")?.contains("private"), "it belongs to its caller");
        let tag = first.must_have("etag")?;
        call().header("if-none-match", tag).send().await?.is(304)?;
    }
    place(&api, &person.tokens, &[(&book, 2)]).await?;
    same("orders", ids(&page(&api, &person.tokens, "").await?)?.len(), 2)
}

async fn refused(api: Api, body: Value, fields: &[&str]) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let answer = api.post(ORDERS).bearer(token).json(&body).send().await?;
    same("statements", answer.timing()?.statements, 0)?;
    answer.names_fields(fields)
}
