//! A server with sign-up closed, no provider, bodies of 2 KiB and three seconds for a request: what configuration changes.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::super::api::Api;
use super::super::people::{PASSWORD, fresh_email};
use super::super::{Case, Outcome, raw, same};
use super::{CALLBACK, GITHUB, LINK, LOGIN, REFRESH, REGISTER};

/// `PORTICO_BODY_LIMIT` of this server.
const BODY_LIMIT: usize = 2048;
/// `PORTICO_REQUEST_TIME_LIMIT` of this server.
const TIME_LIMIT: Duration = Duration::from_secs(3);

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("configuration: with sign-up closed, registering is 403 whatever is sent", closed),
        Case::new("configuration: with sign-up closed, signing in is not", login_is_open),
        Case::new("configuration: without a provider its paths are 404", no_provider),
        Case::new("configuration: a smaller body limit is kept to the byte", body_limit),
        Case::new("configuration: a request that takes longer than the limit is 504", time_limit),
        Case::new("configuration: a request that stalls holds up no other", stalled_alone),
    ]
}

async fn closed(api: Api) -> Outcome {
    let good = json!({ "email": fresh_email(), "password": PASSWORD });
    for body in [good, json!({})] {
        api.post(REGISTER).json(&body).strict().send().await?.is_problem(403, "forbidden")?;
    }
    Ok(())
}

async fn login_is_open(api: Api) -> Outcome {
    let body = json!({ "email": fresh_email(), "password": PASSWORD });
    api.post(LOGIN).json(&body).strict().send().await?.is_problem(401, "invalid_credentials")?;
    Ok(())
}

async fn no_provider(api: Api) -> Outcome {
    for path in [GITHUB, CALLBACK] {
        api.get(path).strict().send().await?.is_problem(404, "not_found")?;
    }
    api.post(LINK).json(&json!({})).strict().send().await?.is_problem(404, "not_found")?;
    Ok(())
}

async fn body_limit(api: Api) -> Outcome {
    let mut body = json!({ "refresh_token": "rt_nonsense" }).to_string().into_bytes();
    for (length, status, code) in
        [(BODY_LIMIT, 401, "refresh_invalid"), (BODY_LIMIT + 1, 413, "body_too_large")]
    {
        body.resize(length, b' ');
        let call = api.post(REFRESH).header("content-type", "application/json").bytes(body.clone());
        call.strict().send().await?.is_problem(status, code)?;
    }
    Ok(())
}

/// Says that a body follows, and sends none.
async fn stall(api: &Api) -> Outcome {
    let base = &api.addresses().strict;
    let host = base.trim_start_matches("http://");
    let head = format!(
        "POST {LOGIN} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    );
    let start = Instant::now();
    let answer = raw::exchange(base, "POST whose body never comes", &head, Vec::new()).await?;
    let answer = answer.is_problem(504, "timeout")?;
    answer.keeps_the_conventions()?;
    let took = start.elapsed();
    ensure!((TIME_LIMIT * 9 / 10..TIME_LIMIT * 3).contains(&took), "it took {took:?}");
    same("statements", answer.timing()?.statements, 0)
}

async fn time_limit(api: Api) -> Outcome {
    stall(&api).await
}

async fn stalled_alone(api: Api) -> Outcome {
    let others = async {
        for _ in 0..10 {
            let start = Instant::now();
            api.get("/health").strict().send().await?.is(200)?;
            ensure!(start.elapsed() < Duration::from_secs(1), "/health took {:?}", start.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    let (stalled, others) = tokio::join!(async { tokio::try_join!(stall(&api), stall(&api)) }, others);
    stalled?;
    others
}
