//! Lists of books: from the cache where that is warm, with every write seen at once; walked, and searched.
//!
//! Cases run side by side, so each has an author, or a word, that no other has.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::{Case, Outcome, same};
use super::api_keys::text;
use super::books::{BOOKS, NOWHERE, add, editor, ids, list, listed, patched, path, word};
use crate::random;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("books: a write is seen by the next list and the next look", seen_at_once),
        Case::new("books: a warm list and a warm book cost no statement, and say the same", warm),
        Case::new("books: answers carry a validator and must be asked about again", validators),
        Case::new("books: a list walks each once, whatever the page size and order", walk),
        Case::new("books: a list walks each once while books are added", walk_while_adding),
        Case::new("books: those added at the same moment are each visited once", walk_of_simultaneous),
        Case::new("books: a search finds by title, author and description, best first", search),
        Case::new("books: a search and an author go together", search_of_author),
        Case::new("books: a search walks each once while as good ones are added", walk_search),
        Case::new("books: a search has one order", search_order),
        Case::new("books: a cursor goes with its words, author and order", foreign_cursors),
        Case::new("books: a cut or forged cursor is refused without a statement", forged_cursors),
    ];
    for (what, query, fields) in [
        ("an empty author", "author=".to_owned(), &["author"][..]),
        ("an author of 10,000 characters", format!("author={}", "a".repeat(10_000)), &["author"]),
        ("an author with a zero byte", "author=a%00b".to_owned(), &["author"]),
        ("an empty search", "q=".to_owned(), &["q"]),
        ("a blank search", "q=%20%0a".to_owned(), &["q"]),
        ("a search of 10,000 characters", format!("q={}", "a+".repeat(5_000)), &["q"]),
        ("a search for one word of 10,000 characters", format!("q={}", "a".repeat(10_000)), &["q"]),
        ("a search for what is left out alone", "q=-tea".to_owned(), &["q"]),
        (
            "everything at once",
            "q=&author=&limit=101&order=up".to_owned(),
            &["q", "author", "limit", "order"],
        ),
        ("a limit of 0", "limit=0".to_owned(), &["limit"]),
        ("a limit of 101", "limit=101".to_owned(), &["limit"]),
        ("a limit that is none", "limit=1e1".to_owned(), &["limit"]),
    ] {
        let told = format!("books: {what} is refused without a statement");
        cases.push(Case::new(told, move |api| refused_query(api, query.clone(), fields)));
    }
    for typed in [
        "\"",
        "'",
        "a'b",
        "*",
        "tea*",
        "^tea",
        "title:tea",
        "{title}:tea",
        "tea AND",
        "AND",
        "NOT tea",
        "NEAR(tea cup)",
        "(tea",
        "tea)",
        "()",
        "tea-cup",
        "tea or",
        "or",
        "!tea",
        "tea & cup",
        "tea | cup",
        "tea <-> cup",
        "tea:*",
        "tea:A",
        "\\",
        "\\'",
        "%",
        "_",
        "\u{0}",
        "tea\u{0}cup",
        "\u{1f4d6}",
        "\u{202e}tea",
        "\"tea",
        "tea\"cup\"",
        "$1",
        "?1",
        "'; DROP TABLE books; --",
        "<script>",
        "+tea",
        "tea,cup",
        "-",
        "--",
        "\u{fffd}",
    ] {
        cases.push(Case::new(format!("books: a search for {typed:?} is answered"), move |api| {
            odd(api, typed)
        }));
    }
    cases
}

async fn seen_at_once(api: Api) -> Outcome {
    let (editor, author) = (editor(&api).await?, word());
    let titles = async || -> anyhow::Result<Vec<Value>> {
        let page = listed(&api, &[("author", &author)]).await?;
        Ok(page["data"].as_array().into_iter().flatten().map(|book| book["title"].clone()).collect())
    };
    let found = async || -> anyhow::Result<usize> {
        Ok(ids(&listed(&api, &[("q", &format!("{author} engine"))]).await?)?.len())
    };
    for _ in 0..3 {
        same("before", titles().await?.len(), 0)?;
        same("found before", found().await?, 0)?;
        let book = add(&api, &editor, &json!({"author": author, "title": "one engine"})).await?;
        same("added", titles().await?, vec![json!("one engine")])?;
        same("found", found().await?, 1)?;
        api.get(path(&book)?).send().await?.is(200)?;
        patched(&api, &editor, &book, &json!({"title": "two"})).await?.is(200)?;
        same("changed", titles().await?, vec![json!("two")])?;
        same("not found", found().await?, 0)?;
        same("changed", &api.get(path(&book)?).send().await?.json()?["title"], &json!("two"))?;
        api.delete(path(&book)?).bearer(&editor).send().await?.is(204)?;
        api.get(path(&book)?).send().await?.is_problem(404, "not_found")?;
    }
    Ok(())
}

/// Asks until memory answers. Every write of a book, and other cases write many, makes all of them be read anew.
async fn until_warm(ask: impl Fn() -> Call) -> anyhow::Result<Answer> {
    let mut told = String::new();
    for attempt in 0..60 {
        let answer = ask().send().await?;
        let timing = answer.timing()?;
        ensure!(timing.statements <= 2, "{} statements", timing.statements);
        if timing.statements == 0 && timing.cache == "hit" {
            return Ok(answer);
        }
        told = format!("{timing:?}");
        if attempt % 4 == 3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    anyhow::bail!("asked sixty times, not answered from memory: {told}")
}

async fn warm(api: Api) -> Outcome {
    let (editor, author) = (editor(&api).await?, word());
    let book = add(&api, &editor, &json!({"author": author})).await?;
    let one = path(&book)?;
    let cold = list(&api, &[("author", &author)]).send().await?.is(200)?;
    ensure!(cold.timing()?.statements <= 2, "{} statements", cold.timing()?.statements);
    for (query, rows) in [
        (vec![("author", author.as_str())], 1),
        (vec![("author", &author), ("order", "asc"), ("limit", "7")], 1),
        (vec![("q", &author)], 1),
        (vec![("q", &author), ("author", &author)], 1),
        (vec![("q", "***")], 0),
    ] {
        let warm = until_warm(|| list(&api, &query)).await?.is(200)?;
        same("rows", ids(&warm.json()?)?.len(), rows)?;
    }
    let warm = until_warm(|| list(&api, &[("author", &author)])).await?;
    same("the answer", warm.json()?, cold.json()?)?;
    same("its validator", warm.must_have("etag")?, cold.must_have("etag")?)?;
    until_warm(|| api.get(&one)).await?.is(200)?;
    until_warm(|| api.get(NOWHERE)).await?.is_problem(404, "not_found")?;
    until_warm(|| api.get(BOOKS)).await?.is(200)?;
    Ok(())
}

async fn validators(api: Api) -> Outcome {
    let (editor, author) = (editor(&api).await?, word());
    let book = add(&api, &editor, &json!({"author": author})).await?;
    for path in [path(&book)?, format!("{BOOKS}?author={author}")] {
        let first = api.get(&path).send().await?.is(200)?;
        same("who may keep it", first.must_have("cache-control")?, "public, max-age=0, must-revalidate")?;
        let tag = first.must_have("etag")?;
        ensure!(tag.starts_with('"') && tag.ends_with('"'), "a strong validator: {tag}");
        let again = api.get(&path).header("if-none-match", tag).send().await?.is(304)?;
        same("the same validator", again.must_have("etag")?, tag)?;
        let head = api.call(Method::HEAD, &path).send().await?.is(200)?;
        same("of a HEAD", head.must_have("etag")?, tag)?;
        patched(&api, &editor, &book, &json!({"title": random::hex(4)})).await?.is(200)?;
        let changed = api.get(&path).header("if-none-match", tag).send().await?.is(200)?;
        ensure!(changed.must_have("etag")? != tag, "another validator");
    }
    Ok(())
}

async fn shelf(api: &Api, editor: &str, members: &Value, count: usize) -> anyhow::Result<Vec<String>> {
    let mut shelf = Vec::new();
    for _ in 0..count {
        shelf.push(text(&add(api, editor, members).await?, "id")?.to_owned());
    }
    Ok(shelf)
}

/// Walks to the end; after each page a book with these members is added by this editor.
async fn walk_all(
    api: &Api,
    query: &[(&str, &str)],
    adding: Option<(&str, &Value)>,
) -> anyhow::Result<Vec<String>> {
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..100 {
        let mut query = query.to_vec();
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = listed(api, &query).await?;
        seen.extend(ids(&page)?);
        let next = page["next_cursor"].as_str().map(str::to_owned);
        same("has_more", &page["has_more"], next.is_some())?;
        if next.is_none() {
            return Ok(seen);
        }
        cursor = next;
        if let Some((editor, members)) = adding {
            add(api, editor, members).await?;
        }
    }
    anyhow::bail!("the walk does not end")
}

async fn walk(api: Api) -> Outcome {
    let (editor, author) = (editor(&api).await?, word());
    let mut expected = shelf(&api, &editor, &json!({"author": author}), 6).await?;
    for order in ["asc", "desc"] {
        for limit in ["1", "2", "3", "5", "6", "7"] {
            let query = [("author", author.as_str()), ("order", order), ("limit", limit)];
            same("the walk", walk_all(&api, &query, None).await?, expected.clone())?;
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

async fn walk_while_adding(api: Api) -> Outcome {
    let (editor, author) = (editor(&api).await?, word());
    let members = json!({"author": author});
    let before = shelf(&api, &editor, &members, 5).await?;
    let seen = walk_all(&api, &[("author", &author), ("limit", "2")], Some((&editor, &members))).await?;
    once(&seen, &before)
}

async fn walk_of_simultaneous(api: Api) -> Outcome {
    let (editor, author) = (editor(&api).await?, word());
    let members = json!({"author": author});
    let mut before = Vec::new();
    for book in join_all((0..12).map(|_| add(&api, &editor, &members))).await {
        before.push(text(&book?, "id")?.to_owned());
    }
    for order in ["asc", "desc"] {
        let query = [("author", author.as_str()), ("limit", "5"), ("order", order)];
        let seen = walk_all(&api, &query, None).await?;
        once(&seen, &before)?;
        same("rows", seen.len(), 12)?;
    }
    Ok(())
}

async fn search(api: Api) -> Outcome {
    let (editor, word, other) = (editor(&api).await?, word(), word());
    let in_description =
        add(&api, &editor, &json!({"description": format!("About {word}, and of {other}.")})).await?;
    let in_author = add(&api, &editor, &json!({"author": format!("Ada {word}-{other}")})).await?;
    let in_title = add(&api, &editor, &json!({"title": format!("The {word}: {other}!")})).await?;
    let best: Vec<String> = [&in_title, &in_author, &in_description]
        .into_iter()
        .map(|book| Ok(text(book, "id")?.to_owned()))
        .collect::<anyhow::Result<_>>()?;
    let found = async |typed: String| ids(&listed(&api, &[("q", &typed)]).await?);
    for typed in [word.clone(), word.to_uppercase(), format!(" {word}  {other} "), format!("\"{word}\"")] {
        same(&typed, found(typed.clone()).await?, best.clone())?;
    }
    same("of words beside each other", found(format!("\"{word} {other}\"")).await?, best[..2].to_vec())?;
    same("without a word", found(format!("{word} -about")).await?, best[..2].to_vec())?;
    same("either", found(format!("nothing{word} or {word} about")).await?, best[2..].to_vec())?;
    same("parts of words", found(word[..10].to_owned()).await?.len(), 0)?;
    let query = [("q", word.as_str()), ("limit", "1")];
    same("the walk", walk_all(&api, &query, None).await?, best)
}

async fn search_of_author(api: Api) -> Outcome {
    let (editor, word, ada, bob) = (editor(&api).await?, word(), word(), word());
    let mut wanted = shelf(&api, &editor, &json!({"title": word, "author": ada}), 3).await?;
    shelf(&api, &editor, &json!({"title": word, "author": bob}), 2).await?;
    shelf(&api, &editor, &json!({"title": "of other words", "author": ada}), 1).await?;
    wanted.reverse();
    let query = [("q", word.as_str()), ("author", &ada), ("limit", "2")];
    same("as good as each other: the newest first", walk_all(&api, &query, None).await?, wanted)
}

async fn walk_search(api: Api) -> Outcome {
    let (editor, word) = (editor(&api).await?, word());
    let members = json!({"title": format!("{word} of many")});
    let before = shelf(&api, &editor, &members, 7).await?;
    let seen = walk_all(&api, &[("q", &word), ("limit", "2")], Some((&editor, &members))).await?;
    once(&seen, &before)
}

async fn search_order(api: Api) -> Outcome {
    let word = word();
    list(&api, &[("q", &word), ("order", "desc")]).send().await?.is(200)?;
    list(&api, &[("q", &word), ("order", "asc")]).send().await?.names_fields(&["order"])
}

async fn cursor_of(api: &Api, query: &[(&str, &str)]) -> anyhow::Result<String> {
    let page = listed(api, query).await?;
    Ok(text(&page, "next_cursor")?.to_owned())
}

async fn is_refused(api: &Api, query: &[(&str, &str)]) -> Outcome {
    let answer = list(api, query).send().await?.is_problem(400, "invalid_cursor")?;
    same("statements", answer.timing()?.statements, 0)
}

async fn foreign_cursors(api: Api) -> Outcome {
    let (editor, word) = (editor(&api).await?, word());
    shelf(&api, &editor, &json!({"title": word, "author": word}), 3).await?;
    let (author, found) = (("author", word.as_str()), ("q", word.as_str()));
    let lists: [&[(&str, &str)]; 5] = [
        &[author, ("limit", "1")],
        &[author, ("limit", "1"), ("order", "asc")],
        &[found, ("limit", "1")],
        &[found, author, ("limit", "1")],
        &[("limit", "1")],
    ];
    for (from, list) in lists.iter().enumerate() {
        let cursor = cursor_of(&api, list).await?;
        for (to, list) in lists.iter().enumerate() {
            let query = [*list, &[("cursor", &cursor)]].concat();
            if from == to {
                listed(&api, &query).await?;
            } else {
                is_refused(&api, &query).await?;
            }
        }
    }
    Ok(())
}

async fn forged_cursors(api: Api) -> Outcome {
    let (editor, word) = (editor(&api).await?, word());
    shelf(&api, &editor, &json!({"title": word, "author": word}), 3).await?;
    for filter in ["author", "q"] {
        let cursor = cursor_of(&api, &[(filter, &word), ("limit", "1")]).await?;
        let mut bad = vec![
            String::new(),
            "x".to_owned(),
            "\u{0}".to_owned(),
            "A".repeat(64),
            "A".repeat(5_000),
            format!("{cursor}A"),
        ];
        bad.extend((1..cursor.len()).step_by(9).map(|length| cursor[..length].to_owned()));
        for at in [0, cursor.len() / 2, cursor.len() - 2] {
            let mut bytes = cursor.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            bad.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        for cursor in bad {
            is_refused(&api, &[(filter, &word), ("cursor", &cursor)]).await?;
        }
    }
    Ok(())
}

async fn refused_query(api: Api, query: String, fields: &[&str]) -> Outcome {
    let answer = api.get(format!("{BOOKS}?{query}")).send().await?;
    same("statements", answer.timing()?.statements, 0)?;
    answer.names_fields(fields)
}

async fn odd(api: Api, typed: &str) -> Outcome {
    let answer = list(&api, &[("q", typed), ("limit", "3")]).send().await?.is(200)?;
    ensure!(answer.timing()?.statements <= 2, "{} statements", answer.timing()?.statements);
    ids(&answer.json()?).map(drop)
}
