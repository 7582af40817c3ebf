//! The description of the surface holds every route of the source, and no other.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;

use portico_tests::budgets::routes;
use portico_tests::harness::paths;
use serde_json::Value;

#[test]
fn every_route_is_described_and_nothing_else() {
    let text = fs::read(paths::workspace().join("adapters/http-api/openapi.json")).unwrap();
    let document: Value = serde_json::from_slice(&text).unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    let described: BTreeSet<String> =
        document["paths"].as_object().unwrap().iter().flat_map(of_path).collect();
    let there = routes::all().unwrap();
    let missing: Vec<_> = there.difference(&described).collect();
    assert!(missing.is_empty(), "not described in adapters/http-api/src/describe: {missing:?}");
    let strange: Vec<_> = described.difference(&there).collect();
    assert!(strange.is_empty(), "described, and no route of the source: {strange:?}");
}
