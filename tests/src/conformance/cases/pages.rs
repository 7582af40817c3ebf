//! `/docs` and its files, as a browser gets them. What the page does with them is tried in Chromium (`tests/openapi/page.mjs`).

use anyhow::{Context, ensure};
use http::Method;

use super::super::api::Api;
use super::super::{Case, Outcome, same};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("pages: /docs loads what its own server has and nothing else", page),
        Case::new("pages: the files of /docs have their types and strong validators", files),
        Case::new("pages: /docs has no other files", others),
    ]
}

async fn page(api: Api) -> Outcome {
    let answer = api.get("/docs").send().await?.is(200)?;
    same("content-type", answer.must_have("content-type")?, "text/html; charset=utf-8")?;
    let policy = answer.must_have("content-security-policy")?;
    for wanted in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
    {
        ensure!(policy.contains(wanted), "{wanted} is not in {policy}");
    }
    ensure!(!policy.contains("unsafe"), "{policy}");
    same("x-frame-options", answer.must_have("x-frame-options")?, "DENY")?;
    same("statements", answer.timing()?.statements, 0)?;
    let text = String::from_utf8(answer.body.to_vec())?;
    ensure!(!text.contains("http:") && !text.contains("https:"), "it names another server");
    ensure!(!text.contains("style=") && !text.contains("onclick"), "it needs what its policy refuses");
    for named in loaded(&text) {
        api.get(named).send().await?.is(200)?;
    }
    Ok(())
}

/// The addresses below `/docs/` that the page names.
fn loaded(text: &str) -> Vec<String> {
    let named = text.split('"').filter(|part| part.starts_with("/docs/"));
    named.map(str::to_owned).collect()
}

async fn files(api: Api) -> Outcome {
    let kinds = [
        ("page.js", "text/javascript"),
        ("dom.js", "text/javascript"),
        ("schema.js", "text/javascript"),
        ("session.js", "text/javascript"),
        ("try.js", "text/javascript"),
        ("page.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ];
    for (name, kind) in kinds {
        let path = format!("/docs/{name}");
        let answer = api.get(&path).send().await?.is(200)?;
        ensure!(answer.must_have("content-type")?.starts_with(kind), "{name}: {:?}", answer.headers);
        same("cache-control", answer.must_have("cache-control")?, "public, max-age=0, must-revalidate")?;
        ensure!(!answer.body.is_empty(), "{name} is empty");
        let tag = answer.must_have("etag")?.to_owned();
        ensure!(tag.starts_with('"'), "{name}: {tag}");
        let again = api.get(&path).header("if-none-match", &tag).send().await?.is(304)?;
        same("etag", again.header("etag").context("304 without ETag")?, tag.as_str())?;
        let head = api.call(Method::HEAD, &path).send().await?.is(200)?;
        same("etag of HEAD", head.must_have("etag")?, tag.as_str())?;
    }
    Ok(())
}

async fn others(api: Api) -> Outcome {
    for path in ["/docs/nothing.js", "/docs/..%2f..%2fetc%2fpasswd", "/docs/page.js/more"] {
        api.get(path).send().await?.is_problem(404, "not_found")?;
    }
    api.post("/docs").send().await?.is_problem(405, "method_not_allowed")?;
    Ok(())
}
