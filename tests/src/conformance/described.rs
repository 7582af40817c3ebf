//! What the server says of itself in `/openapi.json`, and whether an answer is one of those described.
//!
//! Of each answer are asked: its path, method, status, type, headers and body. Objects are held closed: a member that isn't described is a fault here, though
//! clients are to expect more members in time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail, ensure};
use http::Method;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::Outcome;
use super::answer::Answer;

/// Headers that clients act on. Whatever answer carries one must be described with it.
const TELLING: &[&str] = &[
    "etag",
    "location",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    "www-authenticate",
    "set-cookie",
    "idempotent-replayed",
    "x-portico-degraded",
];

/// Holds the description, ready to be asked.
pub struct Described {
    document: Value,
    templates: Vec<Template>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

struct Template {
    text: String,
    segments: Vec<Option<String>>,
}

impl Template {
    fn of(text: &str) -> Self {
        let segment = |part: &str| (!part.starts_with('{')).then(|| part.to_owned());
        Self { text: text.to_owned(), segments: text.split('/').map(segment).collect() }
    }

    fn fits(&self, path: &[&str]) -> bool {
        self.segments.len() == path.len()
            && self.segments.iter().zip(path).all(|(segment, part)| match segment {
                Some(literal) => literal == part,
                None => !part.is_empty(),
            })
    }

    fn parameters(&self) -> usize {
        self.segments.iter().filter(|segment| segment.is_none()).count()
    }
}

impl Described {
    /// Reads a description.
    pub fn of(mut document: Value) -> anyhow::Result<Self> {
        let version = document["openapi"].as_str().context("`openapi` names no version")?;
        ensure!(version.starts_with("3.1."), "OpenAPI {version} instead of 3.1");
        let paths = document["paths"].as_object().context("no `paths` are described")?;
        let templates = paths.keys().map(|path| Template::of(path)).collect();
        let open = document.clone();
        close_all(&mut document, &open);
        Ok(Self { document, templates, validators: Mutex::default() })
    }

    /// Fails unless this answer to a request is one of those described.
    pub fn allows(&self, method: &Method, target: &str, answer: &Answer) -> Outcome {
        self.check(method, target, answer).map_err(|fault| {
            let (told, status, text) = (&answer.told, answer.status, answer.text());
            anyhow::anyhow!("{told}: {status} is not as /openapi.json describes it: {fault:#}; it is {text}")
        })
    }

    fn check(&self, method: &Method, target: &str, answer: &Answer) -> Outcome {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        let fitting = self.templates.iter().filter(|template| template.fits(&parts));
        let Some(template) = fitting.min_by_key(|template| template.parameters()) else {
            // What holds for every path: there is nothing at this one.
            ensure!(answer.status == 404, "no such path is described");
            return self.is_problem(answer);
        };
        if *method == Method::OPTIONS {
            return Ok(());
        }
        let item = &self.document["paths"][&template.text];
        let name = if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
        let Some(operation) = item.get(&name) else {
            ensure!(answer.status == 405, "{method} of {} is not described", template.text);
            return self.is_problem(answer);
        };
        let Some(response) = operation["responses"].get(answer.status.to_string()) else {
            bail!("{method} {} has no such status", template.text);
        };
        let response = self.followed(response)?;
        let described = |name: &str| {
            response["headers"]
                .as_object()
                .into_iter()
                .flatten()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        for name in TELLING {
            ensure!(
                !answer.headers.contains_key(*name) || described(name),
                "the header {name} is not described"
            );
        }
        self.is_body_of(response, answer)
    }

    fn is_body_of(&self, response: &Value, answer: &Answer) -> Outcome {
        let contents = response.get("content").and_then(Value::as_object);
        let Some(contents) = contents.filter(|contents| !contents.is_empty()) else {
            ensure!(answer.body.is_empty(), "no body is described");
            return Ok(());
        };
        // A HEAD tells of the body it doesn't have; a refusal that a proxy's client sees without one is none of ours.
        let kind = answer.must_have("content-type")?;
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(content) = contents.get(&kind) else {
            bail!("the type {kind} is not described, only {:?}", contents.keys().collect::<Vec<_>>());
        };
        let is_json = kind == "application/json" || kind.ends_with("+json");
        // A compressed body is the same body; that it unpacks to it is another case's to show.
        // The description itself is held against the specification of OpenAPI by `tests/openapi/document`.
        let is_itself = answer.told.ends_with(" /openapi.json");
        if answer.head || !is_json || is_itself || answer.headers.contains_key("content-encoding") {
            return Ok(());
        }
        let schema = content.get("schema").with_context(|| format!("no schema of {kind}"))?;
        self.fits(schema, &answer.json()?)
    }

    fn is_problem(&self, answer: &Answer) -> Outcome {
        if answer.head {
            return Ok(());
        }
        self.fits(&json!({ "$ref": "#/components/schemas/Problem" }), &answer.json()?)
    }

    fn fits(&self, schema: &Value, body: &Value) -> Outcome {
        let validator = self.validator(schema)?;
        let faults: Vec<String> = validator
            .iter_errors(body)
            .take(5)
            .map(|fault| format!("{} ({})", fault, fault.instance_path()))
            .collect();
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        Ok(())
    }

    fn validator(&self, schema: &Value) -> anyhow::Result<Arc<Validator>> {
        let name = schema.to_string();
        let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = known.get(&name) {
            return Ok(Arc::clone(validator));
        }
        let mut whole = schema.as_object().context("a schema is an object")?.clone();
        whole.insert("components".to_owned(), self.document["components"].clone());
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&Value::Object(whole))
            .map_err(|fault| anyhow::anyhow!("the schema {name}: {fault}"))?;
        let validator = Arc::new(validator);
        known.insert(name, Arc::clone(&validator));
        Ok(validator)
    }

    fn followed<'a>(&'a self, value: &'a Value) -> anyhow::Result<&'a Value> {
        follow(&self.document, value).with_context(|| format!("{value} leads nowhere"))
    }
}

fn follow<'a>(document: &'a Value, value: &'a Value) -> Option<&'a Value> {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.strip_prefix('#')?),
        None => Some(value),
    }
}

/// Closes the objects of every answer, and inside those that answers refer to.
fn close_all(document: &mut Value, open: &Value) {
    for schema in members(document.pointer_mut("/components/schemas")) {
        // Not itself: it may be a part of another. Whoever refers to it closes it.
        close_inside(schema, open);
    }
    for item in members(document.get_mut("paths")) {
        for operation in members(Some(item)) {
            members(operation.get_mut("responses")).for_each(|response| close_response(response, open));
        }
    }
    members(document.pointer_mut("/components/responses"))
        .for_each(|response| close_response(response, open));
}

fn close_response(response: &mut Value, open: &Value) {
    for content in members(response.get_mut("content")) {
        if let Some(schema) = content.get_mut("schema") {
            close(schema, open);
        }
    }
}

fn members(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
}

fn close(schema: &mut Value, open: &Value) {
    close_inside(schema, open);
    if has_members(schema, open)
        && let Some(object) = schema.as_object_mut()
        && !object.contains_key("additionalProperties")
    {
        object.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
}

fn close_inside(schema: &mut Value, open: &Value) {
    members(schema.get_mut("properties")).for_each(|member| close(member, open));
    for part in ["items", "additionalProperties"] {
        if let Some(part) = schema.get_mut(part) {
            close(part, open);
        }
    }
    for (list, is_whole) in [("oneOf", true), ("anyOf", true), ("allOf", false)] {
        for part in schema.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if is_whole { close(part, open) } else { close_inside(part, open) }
        }
    }
}

/// Whether a schema names members of an object, itself or through what it refers to.
fn has_members(schema: &Value, open: &Value) -> bool {
    let refers = schema.get("$ref").is_some()
        && follow(open, schema).is_some_and(|target| target != schema && has_members(target, open));
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    refers || schema.get("properties").is_some() || parts.into_iter().any(|part| has_members(part, open))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn described() -> Described {
        let problem =
            json!({ "type": "object", "required": ["code"], "properties": { "code": { "type": "string" } } });
        let narrowed = json!({ "allOf": [
            { "$ref": "#/components/schemas/Problem" },
            { "type": "object", "properties": { "code": { "enum": ["not_found"] } } },
        ] });
        let book = json!({ "type": "object", "required": ["id"], "properties": {
            "id": { "type": "string", "format": "uuid" },
            "notes": { "type": "object" },
            "author": { "oneOf": [{ "$ref": "#/components/schemas/Author" }, { "type": "null" }] },
        } });
        let author = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
        Described::of(json!({
            "openapi": "3.1.0",
            "components": {
                "schemas": { "Problem": problem, "Book": book, "Author": author },
                "responses": { "not_found": { "content": { "application/problem+json": { "schema": narrowed } } } },
            },
            "paths": {
                "/books/{id}": { "get": { "responses": {
                    "200": {
                        "headers": { "ETag": {} },
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Book" } } },
                    },
                    "404": { "$ref": "#/components/responses/not_found" },
                } } },
                "/books/new": { "post": { "responses": { "204": { "description": "done" } } } },
            },
        }))
        .expect("a description")
    }

    fn answer(status: u16, kind: Option<&'static str>, body: &Value) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert("content-type", HeaderValue::from_static(kind));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Answer { status, headers, body: body.into(), told: "GET".to_owned(), head: false }
    }

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const JSON: Option<&str> = Some("application/json");
    const PROBLEM: Option<&str> = Some("application/problem+json");

    #[track_caller]
    fn refused(method: &Method, path: &str, answer: &Answer, wanted: &str) {
        let fault = format!("{:#}", described().allows(method, path, answer).expect_err("it is refused"));
        assert!(fault.contains(wanted), "{fault}");
    }

    #[test]
    fn what_is_described_is_allowed() {
        let described = described();
        let books = [
            json!({ "id": ID }),
            json!({ "id": ID, "notes": { "free": 1 }, "author": { "name": "Ada" } }),
            json!({ "id": ID, "author": null }),
        ];
        for book in &books {
            described.allows(&Method::GET, "/books/1?x=y", &answer(200, JSON, book)).expect("a book");
        }
        let problem = answer(404, PROBLEM, &json!({ "code": "not_found" }));
        described.allows(&Method::GET, "/books/1", &problem).expect("a problem of the operation");
        described.allows(&Method::GET, "/nothing", &problem).expect("a problem of no path");
        described.allows(&Method::POST, "/books/new", &answer(204, None, &Value::Null)).expect("nothing");
    }

    #[test]
    fn what_is_not_described_is_told() {
        let get = &Method::GET;
        let book = json!({ "id": ID });
        refused(get, "/nothing", &answer(200, JSON, &book), "no such path");
        refused(&Method::PUT, "/books/1", &answer(200, JSON, &book), "PUT of /books/{id}");
        refused(get, "/books/1", &answer(201, JSON, &book), "no such status");
        refused(get, "/books/1", &answer(200, Some("text/plain"), &book), "text/plain");
        refused(get, "/books/1", &answer(200, JSON, &json!({ "id": "1" })), "uuid");
        refused(get, "/books/1", &answer(200, JSON, &json!({ "id": ID, "more": 1 })), "more");
        refused(get, "/books/1", &answer(200, JSON, &json!({ "id": ID, "author": { "age": 1 } })), "author");
        refused(get, "/books/1", &answer(404, PROBLEM, &json!({ "code": "gone" })), "gone");
        refused(get, "/books/1", &answer(404, PROBLEM, &json!({ "code": "not_found", "trace": 1 })), "trace");
        refused(&Method::POST, "/books/new", &answer(204, JSON, &book), "no body");
        let mut located = answer(200, JSON, &book);
        located.headers.insert("location", HeaderValue::from_static("/"));
        refused(get, "/books/1", &located, "location");
    }
}
