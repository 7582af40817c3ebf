//! Asks a server for its profiles.

use std::time::Duration;

use anyhow::{Context as _, bail};
use http::StatusCode;
use portico_measuring::{client::Client, pprof::Profile};
use url::Url;

/// How much longer than it looks a server may take to write down what it saw.
const WRITING: Duration = Duration::from_secs(60);

/// Where CPU time goes, from now on and for so long.
pub(crate) async fn cpu(url: &Url, token: &str, over: Duration) -> anyhow::Result<Profile> {
    profile(url, token, &format!("/debug/pprof/profile?seconds={}", over.as_secs()), over + WRITING).await
}

/// What memory is in use.
pub(crate) async fn heap(url: &Url, token: &str) -> anyhow::Result<Profile> {
    profile(url, token, "/debug/pprof/heap", WRITING).await
}

async fn profile(url: &Url, token: &str, path: &str, limit: Duration) -> anyhow::Result<Profile> {
    let mut client = Client::new(url)?.with_limit(limit);
    let authorization = format!("Bearer {token}");
    let answer = client.get(path, &[("authorization", &authorization)]).await;
    let answer = answer.with_context(|| format!("{url} can't be asked"))?;
    let route = path.split('?').next().unwrap_or(path);
    match answer.status {
        StatusCode::OK => Profile::decode(&answer.body)
            .with_context(|| format!("{url} answered {route} with something else")),
        StatusCode::UNAUTHORIZED => {
            bail!(
                "{url} refuses the token (401): access tokens live for 15 minutes; sign in again for a fresh one"
            )
        }
        StatusCode::FORBIDDEN => bail!("{url} refuses (403): the token is not an admin's"),
        StatusCode::NOT_FOUND => bail!(
            "{url} takes no profiles (404): {}",
            detail(&answer.body).filter(|told| told.contains("profiles")).unwrap_or_else(|| {
                "start the server with PORTICO_PPROF=on; Workers have none".to_owned()
            })
        ),
        StatusCode::CONFLICT => bail!("{url} is busy (409): another CPU profile is being taken"),
        status => bail!("{url} answered {route} with {status}: {}", detail(&answer.body).unwrap_or_default()),
    }
}

/// What a problem says of itself.
fn detail(body: &[u8]) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(problem.get("detail")?.as_str()?.to_owned())
}
