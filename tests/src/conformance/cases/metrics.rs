//! `/metrics`: natively for admins by default, and not there on Workers.

use anyhow::ensure;

use super::super::api::Api;
use super::super::forge::Parts;
use super::super::{Case, Outcome, same};
use crate::exposition::Exposition;

const METRICS: &str = "/metrics";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("metrics: natively for admins alone, on Workers for nobody", for_whom),
        Case::new("metrics: natively what was asked is counted by its route", counted),
    ]
}

async fn is_native(api: &Api) -> anyhow::Result<bool> {
    let health = api.get("/api/v2/health").send().await?.is(200)?.json()?;
    Ok(health["target"] == "native")
}

/// A token of somebody whom nobody knows, but who is an admin: nobody is looked up.
async fn admin(api: &Api) -> anyhow::Result<String> {
    let bystander = api.bystander().await?;
    Ok(Parts::of(&bystander.tokens.access)?.with("role", "admin").hs256(&api.addresses().jwt_secret))
}

async fn for_whom(api: Api) -> Outcome {
    let (admin, member) = (admin(&api).await?, &api.bystander().await?.tokens.access);
    if !is_native(&api).await? {
        api.get(METRICS).send().await?.is_problem(404, "not_found")?;
        api.get(METRICS).bearer(&admin).send().await?.is_problem(404, "not_found")?;
        return Ok(());
    }
    api.get(METRICS).send().await?.is_problem(401, "unauthenticated")?;
    api.get(METRICS).bearer(member).send().await?.is_problem(403, "forbidden")?;
    let answer = api.get(METRICS).bearer(&admin).send().await?.is(200)?;
    same("cache-control", answer.must_have("cache-control")?, "no-store")?;
    same("statements", answer.timing()?.statements, 0)
}

async fn counted(api: Api) -> Outcome {
    if !is_native(&api).await? {
        api.get(METRICS).send().await?.is_problem(404, "not_found")?;
        return Ok(());
    }
    let admin = admin(&api).await?;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    api.get(format!("/api/v1/books/{id}")).send().await?.is_problem(404, "not_found")?;
    api.get(format!("/nothing/{id}")).send().await?.is_problem(404, "not_found")?;
    let answer = api.get(METRICS).bearer(&admin).send().await?.is(200)?;
    let text = String::from_utf8(answer.body.to_vec())?;
    let read = Exposition::parse(&text)?;
    for route in ["/api/v1/books/{id}", "none"] {
        let labels = [("method", "GET"), ("route", route), ("status", "4xx")];
        let count = read.sum("portico_http_request_duration_seconds_count", &labels);
        ensure!(count >= 1.0, "{route} was not counted");
    }
    ensure!(!text.contains(id), "an id is in a label");
    Ok(())
}
