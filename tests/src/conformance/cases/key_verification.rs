//! Keys that other services were shown, verified for them.

use serde_json::{Value, json};

use super::super::api::{Api, Call};
use super::super::people::{Tokens, Visitor, attempt};
use super::super::{Case, Outcome, same};
use super::api_keys::{KEYS, make, path, plain, short, text, with_key};
use crate::harness::native::{ADMIN_EMAIL, ADMIN_PASSWORD};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("key verification: says what a key opens", verify),
        Case::new("key verification: a key needs keys:verify of an admin to ask", verify_by_key),
        Case::new("key verification: is not for members", verify_member),
        Case::new("key verification: another organization's key is as good as none", verify_foreign),
    ]
}

pub(super) async fn admin(api: &Api) -> anyhow::Result<Tokens> {
    Tokens::read(&attempt(api, ADMIN_EMAIL, ADMIN_PASSWORD).await?.is(200)?)
}

async fn verified(call: Call, body: &Value) -> anyhow::Result<Value> {
    call.json(body).send().await?.is(200)?.json()
}

async fn verify(api: Api) -> Outcome {
    let admin = admin(&api).await?;
    let here = "01890a5d-ac96-774b-bcce-b302099a8057";
    let body = json!({
        "name": "k", "scopes": ["messages:read"], "instance_ids": [here], "rate_limit": {"limit": 1, "window_seconds": 3600},
    });
    let made = make(&api, &admin, body).await?;
    let key = text(&made, "key")?;
    let ask =
        async |body: Value| verified(api.post(format!("{KEYS}/verify")).bearer(&admin.access), &body).await;
    let elsewhere = "01890a5d-ac96-774b-bcce-b302099a8058";
    for (body, code) in [
        (json!({"key": "pk_made-up"}), "not_found"),
        (json!({"key": key, "scope": "messages:write"}), "insufficient_scope"),
        (json!({"key": key, "instance_id": elsewhere}), "wrong_instance"),
        (json!({"key": key, "scope": "messages:read", "instance_id": here}), "valid"),
        (json!({"key": key}), "rate_limited"),
    ] {
        let verdict = ask(body.clone()).await?;
        same(&short(&body), &verdict["code"], &json!(code))?;
        same("valid", &verdict["valid"], &json!(code == "valid"))?;
        let known = if code == "not_found" { Value::Null } else { made["id"].clone() };
        same("key_id", &verdict["key_id"], &known)?;
    }
    api.delete(path(&made)?).bearer(&admin.access).send().await?.is(204)?;
    same("revoked", &ask(json!({"key": key})).await?["code"], &json!("revoked"))?;
    let call = api.post(format!("{KEYS}/verify")).bearer(&admin.access);
    let wrong = call.json(&json!({"scope": "eat", "instance_id": "here", "more": 1})).send().await?;
    wrong.is_problem(422, "validation_failed")?.names_fields(&["key", "scope", "instance_id", "more"])
}

async fn verify_by_key(api: Api) -> Outcome {
    let admin = admin(&api).await?;
    let asker = make(&api, &admin, json!({"name": "gateway", "scopes": ["keys:verify"]})).await?;
    let powerless = make(&api, &admin, json!({"name": "k", "scopes": ["messages:read"]})).await?;
    let path = format!("{KEYS}/verify");
    let body = json!({"key": text(&powerless, "key")?});
    let verdict = verified(with_key(api.post(&path), text(&asker, "key")?), &body).await?;
    same("code", &verdict["code"], &json!("valid"))?;
    same("scopes", &verdict["scopes"], &json!(["messages:read"]))?;
    let refused = with_key(api.post(&path), text(&powerless, "key")?).json(&body).send().await?;
    refused.is_problem(403, "forbidden")?;
    Ok(())
}

async fn verify_member(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let path = format!("{KEYS}/verify");
    api.post(&path)
        .bearer(&person.tokens.access)
        .json(&json!({}))
        .send()
        .await?
        .is_problem(403, "forbidden")?;
    api.post(&path).json(&json!({})).send().await?.is_problem(401, "unauthenticated")?;
    Ok(())
}

async fn verify_foreign(api: Api) -> Outcome {
    let admin = admin(&api).await?;
    let person = Visitor::arrive(&api).await?;
    let made = plain(&api, &person.tokens).await?;
    let body = json!({"key": text(&made, "key")?});
    let verdict = verified(api.post(format!("{KEYS}/verify")).bearer(&admin.access), &body).await?;
    same("code", &verdict["code"], &json!("not_found"))?;
    same("organization", &verdict["organization_id"], &Value::Null)
}
