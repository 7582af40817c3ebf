use std::collections::BTreeSet;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use super::{Tag, openapi};
use crate::code::Code;

const COMMITTED: &str = include_str!("../../openapi.json");

fn document() -> Value {
    serde_json::from_str(&openapi()).unwrap()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let of_path =
        |(path, item)| members(item).map(move |(method, operation)| (format!("{method} {path}"), operation));
    members(&document["paths"]).flat_map(of_path).collect()
}

/// What a reference refers to, or the value itself.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(place) = value["$ref"].as_str() else { return value };
    document.pointer(&place[1..]).unwrap_or_else(|| panic!("{place} leads nowhere"))
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_committed_description_is_what_the_code_says() {
    assert!(
        openapi() == COMMITTED,
        "adapters/http-api/openapi.json is not what the code says. Renew it:\n    cargo run -- openapi --output adapters/http-api/openapi.json"
    );
}

#[test]
fn every_reference_leads_somewhere_and_everything_shared_is_referred_to() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for place in &found {
        assert!(document.pointer(&place[1..]).is_some(), "{place}");
    }
    for kind in ["schemas", "responses", "parameters", "headers", "examples"] {
        for (name, _) in members(&document["components"][kind]) {
            // No operation answers it: it is what a path says of other methods.
            let is_for_no_operation = kind == "responses" && name == Code::MethodNotAllowed.as_str();
            assert!(
                is_for_no_operation || found.contains(&format!("#/components/{kind}/{name}")),
                "{kind} {name}"
            );
        }
    }
}

#[test]
fn every_operation_says_what_it_is_and_how_it_fails() {
    let document = document();
    let (mut ids, mut codes) = (BTreeSet::new(), BTreeSet::new());
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "two operations are called {id}");
        assert!(
            !operation["summary"].as_str().unwrap().is_empty() && operation["security"].is_array(),
            "{name}"
        );
        let [tag] = &operation["tags"].as_array().unwrap()[..] else { panic!("{name} has one tag") };
        assert!(Tag::ALL.iter().any(|known| known.name() == tag), "{name}: {tag}");
        let answers: BTreeSet<&str> =
            members(&operation["responses"]).map(|(status, _)| status.as_str()).collect();
        let takes = |places: &[&str]| {
            let parameters = operation["parameters"].as_array();
            parameters
                .into_iter()
                .flatten()
                .any(|parameter| places.iter().any(|place| followed(&document, parameter)["in"] == *place))
        };
        let mut wanted = vec!["500", "503", "504"];
        if !operation["security"].as_array().unwrap().is_empty() {
            wanted.extend(["400", "401"]);
        }
        if name.contains(" /api/") {
            wanted.push("429");
        }
        if name.contains(" /api/") && name != "get /api/v2/health" {
            wanted.push("403");
        }
        if operation.get("requestBody").is_some() {
            wanted.extend(["400", "408", "413", "415", "422"]);
        }
        // What comes back from GitHub is refused as a whole, whatever is wrong with it.
        if takes(&["query"]) && id != "finishGitHub" {
            wanted.push("422");
        }
        if name.contains("{id}") {
            wanted.push("404");
        }
        for status in wanted {
            assert!(answers.contains(status), "{name} has no {status}");
        }
        assert!(
            answers.iter().any(|status| status.starts_with(['2', '3']) && *status != "304"),
            "{name} never succeeds"
        );
        for (status, answer) in members(&operation["responses"]) {
            let answer = followed(&document, answer);
            for (name, _) in members(&answer["content"]["application/problem+json"]["examples"]) {
                let code = Code::ALL.iter().find(|code| code.as_str() == name).unwrap();
                assert_eq!(code.status().as_str(), status);
                codes.insert(name.clone());
            }
        }
    }
    let unused: Vec<_> =
        Code::ALL.iter().map(|code| code.as_str()).filter(|code| !codes.contains(*code)).collect();
    assert_eq!(unused, [Code::MethodNotAllowed.as_str()], "codes that no operation answers with");
}

#[test]
fn requests_take_no_unknown_members_and_everything_is_explained() {
    let document = document();
    for (name, schema) in members(&document["components"]["schemas"]) {
        assert!(schema["description"].is_string(), "{name}");
        for (member, shape) in members(&schema["properties"]) {
            assert!(shape["description"].is_string(), "{name}.{member}");
        }
    }
    for (name, operation) in operations(&document) {
        if let Some(content) = operation["requestBody"]["content"].get("application/json") {
            let schema = followed(&document, &content["schema"]);
            assert_eq!(schema["additionalProperties"], false, "{name}");
            assert!(content.get("example").is_some(), "{name} has no example of its body");
        }
        for (status, answer) in members(&operation["responses"]) {
            if let Some(content) = followed(&document, answer)["content"].get("application/json") {
                assert!(content.get("example").is_some(), "{name} has no example of {status}");
            }
        }
    }
}

/// The code that writes answers writes the examples, where it can be asked: what it writes otherwise than is described is found here.
#[test]
fn examples_are_what_their_schemas_say_and_have_no_more() {
    let document = document();
    let mut looked_at = 0;
    let mut look = |name: &str, content: &Value| {
        let Some(schema) = content.get("schema") else { return };
        let named = content["examples"].as_object().into_iter().flat_map(Map::values);
        let named = named.map(|example| &followed(&document, example)["value"]);
        for example in named.chain(content.get("example")) {
            let faults: Vec<_> =
                validator(&document, schema).iter_errors(example).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{name}: {faults:?} in {example}");
            assert_eq!(undescribed(&document, schema, example), None, "{name}: {example}");
            looked_at += 1;
        }
    };
    for (name, operation) in operations(&document) {
        members(&operation["requestBody"]["content"]).for_each(|(_, content)| look(&name, content));
        for (_, answer) in members(&operation["responses"]) {
            members(&followed(&document, answer)["content"]).for_each(|(_, content)| look(&name, content));
        }
    }
    assert!(looked_at > 100, "{looked_at}");
    for (name, header) in members(&document["components"]["headers"]) {
        for example in header["schema"]["examples"].as_array().unwrap() {
            assert!(validator(&document, &header["schema"]).is_valid(example), "{name}");
        }
    }
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&whole)
        .unwrap_or_else(|fault| panic!("{fault}: {schema}"))
}

/// A member that no schema tells of.
fn undescribed(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = followed(document, schema);
    let parts = ["oneOf", "allOf"].into_iter().find_map(|list| schema[list].as_array());
    if let Some(part) = parts.and_then(|parts| parts.first()) {
        return if value.is_null() { None } else { undescribed(document, part, value) };
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| undescribed(document, &schema["items"], item)),
        Value::Object(members) => {
            members.iter().find_map(|(name, value)| match schema["properties"].get(name) {
                Some(shape) => undescribed(document, shape, value),
                None => match &schema["additionalProperties"] {
                    Value::Bool(true) => None,
                    shape @ Value::Object(_) => undescribed(document, shape, value),
                    _ if schema.get("type").is_none() => None,
                    _ => Some(name.clone()),
                },
            })
        }
        _ => None,
    }
}
