//! `/openapi.json`: the description that every answer of these cases is held against.

use std::fs;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::super::api::Api;
use super::super::{Case, Outcome, same};
use crate::harness::paths;

const PATH: &str = "/openapi.json";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("description: /openapi.json is the one that the code was written down as", committed),
        Case::new("description: /openapi.json costs no statement and may be kept", kept),
        Case::new("description: /openapi.json has a strong validator, and 304 has no body", validated),
        Case::new("description: /openapi.json is sent compressed", compressed),
    ]
}

async fn committed(api: Api) -> Outcome {
    let described = api.get(PATH).send().await?.is(200)?.json()?;
    let file = fs::read(paths::workspace().join("adapters/http-api/openapi.json"))?;
    let file: Value = serde_json::from_slice(&file)?;
    ensure!(described == file, "it is not adapters/http-api/openapi.json");
    let info = api.get("/api/v2/info").send().await?.is(200)?.json()?;
    same("the version", &described["info"]["version"], &info["version"])
}

async fn kept(api: Api) -> Outcome {
    let answer = api.get(PATH).send().await?.is(200)?;
    same("content-type", answer.must_have("content-type")?, "application/json")?;
    same("cache-control", answer.must_have("cache-control")?, "public, max-age=300")?;
    same("statements", answer.timing()?.statements, 0)
}

async fn validated(api: Api) -> Outcome {
    let tag = api.get(PATH).send().await?.is(200)?.must_have("etag")?.to_owned();
    ensure!(tag.starts_with('"'), "{tag} is no strong validator");
    let again = api.get(PATH).header("if-none-match", &tag).send().await?.is(304)?;
    same("the validator", again.must_have("etag")?, tag.as_str())
}

async fn compressed(api: Api) -> Outcome {
    let plain = api.get(PATH).send().await?.is(200)?;
    let packed = api.get(PATH).header("accept-encoding", "gzip").send().await?.is(200)?;
    same("content-encoding", packed.must_have("content-encoding")?, "gzip")?;
    let (long, short) = (plain.body.len(), packed.body.len());
    ensure!(short * 4 < long, "{short} of {long} bytes");
    let (one, other) = (plain.must_have("etag")?, packed.must_have("etag")?);
    ensure!(one != other, "both bodies are named {one}");
    packed.must_have("vary")?.contains("accept-encoding").then_some(()).context("Vary doesn't name it")
}
