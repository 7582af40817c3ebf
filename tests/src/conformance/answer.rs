//! An answer, and the conventions that every answer of the server keeps, whatever the route.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::{Outcome, same};

/// At most so many statements a request (design, law 9).
const STATEMENT_BUDGET: u64 = 5;

/// The contract's codes by status.
const CODES: &[(u16, &[&str])] = &[
    (
        400,
        &["malformed_json", "invalid_cursor", "ambiguous_credentials", "invalid_state", "provider_refused"],
    ),
    (401, &["unauthenticated", "invalid_credentials", "refresh_invalid", "refresh_reused"]),
    (403, &["forbidden", "bot_denied"]),
    (404, &["not_found"]),
    (405, &["method_not_allowed"]),
    (409, &["conflict"]),
    (413, &["body_too_large"]),
    (415, &["unsupported_media_type"]),
    (422, &["validation_failed"]),
    (429, &["rate_limited"]),
    (500, &["internal"]),
    (503, &["unavailable", "overloaded"]),
    (504, &["timeout"]),
];

/// Words that would betray the inside: of SQL, of source files, of panics, of the machine.
const BETRAYALS: &[&str] = &[
    "SELECT ", "INSERT ", "UPDATE ", "sqlx", "postgres", "SQLSTATE", ".rs:", "panicked", "/home/", "/root",
    "$2b$",
];

/// Holds what came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came, not decompressed.
    pub body: Bytes,
    /// Method and path of the request, for messages.
    pub told: String,
    /// Whether the request was a HEAD.
    pub head: bool,
}

/// Holds what `Server-Timing` tells.
#[derive(Debug)]
pub struct Timing {
    /// Statements sent to the database.
    pub statements: u64,
    /// `hit`, `stale`, `miss` or `bypass`.
    pub cache: String,
}

impl Answer {
    /// Gives a header's text, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Gives a header's text, or fails the case.
    pub fn must_have(&self, name: &str) -> anyhow::Result<&str> {
        self.header(name).with_context(|| format!("{}: {} without the header {name}", self.told, self.status))
    }

    /// Gives the body as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| {
            format!("{}: {} with a body that is no JSON: {:?}", self.told, self.status, self.text())
        })
    }

    /// Gives the body as text, for messages.
    #[must_use]
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.chars().take(400).collect()
    }

    /// Fails the case unless the status is this one.
    pub fn is(self, status: u16) -> anyhow::Result<Self> {
        ensure!(self.status == status, "{}: {} instead of {status}: {}", self.told, self.status, self.text());
        Ok(self)
    }

    /// Fails the case unless the answer is a problem of this status and code.
    pub fn is_problem(self, status: u16, code: &str) -> anyhow::Result<Self> {
        let answer = self.is(status)?;
        let found = answer.json()?["code"].clone();
        ensure!(
            found == code,
            "{}: {status} with code {found} instead of {code}: {}",
            answer.told,
            answer.text()
        );
        Ok(answer)
    }

    /// Fails the case unless the answer is 422 and names exactly these members.
    pub fn names_fields(self, wanted: &[&str]) -> Outcome {
        let answer = self.is_problem(422, "validation_failed")?;
        let problem = answer.json()?;
        let errors = problem["errors"].as_array().context("`errors` is missing")?;
        let mut found = BTreeSet::new();
        for error in errors {
            let field = error["field"].as_str().context("an error without `field`")?;
            ensure!(
                error["message"].as_str().is_some_and(|text| !text.is_empty()),
                "an error without `message`"
            );
            found.insert(field);
        }
        let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
        ensure!(found == wanted, "{}: names {found:?} instead of {wanted:?}: {}", answer.told, answer.text());
        Ok(())
    }

    /// Reads `Server-Timing`.
    pub fn timing(&self) -> anyhow::Result<Timing> {
        timing(self.must_have("server-timing")?)
    }

    /// Gives the value of a `Set-Cookie` with all its attributes.
    #[must_use]
    pub fn cookies(&self) -> Vec<String> {
        let values = self.headers.get_all("set-cookie").iter();
        values.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
    }

    /// What the contract asks of each and every answer.
    pub fn keeps_the_conventions(&self) -> Outcome {
        self.conventions().with_context(|| {
            format!("{}: {} breaks a convention of every answer: {}", self.told, self.status, self.text())
        })
    }

    fn conventions(&self) -> Outcome {
        let request_id = self.must_have("x-request-id")?;
        let visible = request_id.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!((1..=128).contains(&request_id.len()) && visible, "x-request-id: {request_id}");
        same("X-Content-Type-Options", self.must_have("x-content-type-options")?, "nosniff")?;
        let timing = self.timing()?;
        ensure!(timing.statements <= STATEMENT_BUDGET, "{} statements", timing.statements);
        ensure!(
            matches!(timing.cache.as_str(), "hit" | "stale" | "miss" | "bypass"),
            "cache {}",
            timing.cache
        );
        if self.head || matches!(self.status, 204 | 304) {
            ensure!(self.body.is_empty(), "a body where none may be");
        }
        if self.status >= 400 {
            self.problem_conventions(request_id)?;
        }
        Ok(())
    }

    fn problem_conventions(&self, request_id: &str) -> Outcome {
        let kind = self.must_have("content-type")?;
        ensure!(kind.starts_with("application/problem+json"), "content-type {kind}");
        match self.status {
            401 => drop(self.must_have("www-authenticate")?),
            405 => drop(self.must_have("allow")?),
            429 => drop(self.must_have("retry-after")?),
            _ => {}
        }
        if self.head {
            return Ok(());
        }
        let problem = self.json()?;
        let text = |member: &str| problem[member].as_str().with_context(|| format!("`{member}` is no text"));
        ensure!(
            !text("type")?.is_empty() && !text("title")?.is_empty() && !text("detail")?.is_empty(),
            "empty words"
        );
        same("`status`", problem["status"].as_u64(), Some(u64::from(self.status)))?;
        same("`request_id`", text("request_id")?, request_id)?;
        let code = text("code")?;
        let Some((_, codes)) = CODES.iter().find(|(status, _)| *status == self.status) else {
            bail!("a status that the contract doesn't have");
        };
        ensure!(codes.contains(&code), "code {code} doesn't go with {}", self.status);
        if code == "overloaded" {
            self.must_have("retry-after")?;
        }
        let body = String::from_utf8_lossy(&self.body);
        for betrayal in BETRAYALS {
            ensure!(!body.contains(betrayal), "the problem tells of the inside: {betrayal}");
        }
        Ok(())
    }
}

/// Reads the text of `Server-Timing`.
pub fn timing(text: &str) -> anyhow::Result<Timing> {
    let entry = |name: &str| {
        text.split(',')
            .map(str::trim)
            .find(|entry| entry.split(';').next() == Some(name))
            .with_context(|| format!("Server-Timing without {name}: {text}"))
    };
    let part = |entry: &str, name: &str| {
        entry.split(';').find_map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            (key == name).then(|| value.trim_matches('"').to_owned())
        })
    };
    let total = part(entry("total")?, "dur").context("total without a duration")?;
    ensure!(total.parse::<f64>().is_ok_and(|total| total >= 0.0), "total;dur={total}");
    let statements = part(entry("db")?, "desc").context("db without a number of queries")?;
    let statements = statements.parse().with_context(|| format!("db;desc={statements}"))?;
    let cache = part(entry("cache")?, "desc").context("cache without an outcome")?;
    Ok(Timing { statements, cache })
}
