//! The hot routes, and how they are asked.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use portico_measuring::{
    client::Client,
    load::{self, Plan, Request},
};
use serde_json::json;
use url::Url;

use super::figures::{Figures, RouteFigures};

/// How often a route is asked in a second: far from what a server can do, so that it is its own time that is seen.
const PER_SECOND: f64 = 20.0;
/// The same of sign-ins, which are made to be costly.
const SIGN_INS_PER_SECOND: f64 = 1.0;
/// What the usual limit lets pass in a minute, less the one that may have come before.
const MOST_SIGN_INS: u32 = 8;
/// What the key is called that is made to measure with.
const KEY: &str = "baseline";
/// Fake, and different on no server.
const PASSWORD: &str = "obviously-fake-baseline-password";

/// Who asks.
pub(super) struct Asker {
    url: Url,
    client: Client,
    token: String,
    /// By whom sign-ins are measured; none where only a token is known.
    email: Option<String>,
    key: String,
    key_id: String,
}

impl Asker {
    /// Registers an account, or takes the token of one that is there, and makes a key with it.
    pub(super) async fn new(url: &Url, token: Option<String>) -> anyhow::Result<Self> {
        let mut client = Client::new(url)?;
        client.connect().await?;
        let (token, email) = match token {
            Some(token) => (token, None),
            None => register(&mut client).await?,
        };
        let authorization = format!("Bearer {token}");
        let body = json!({ "name": KEY, "scopes": ["messages:read"] });
        let answer = client.post("/api/v1/api-keys", &[("authorization", &authorization)], &body).await?;
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            bail!(
                "the server refuses the token ({}): access tokens live for 15 minutes",
                answer.status.as_u16()
            );
        }
        let made = answer.expect(StatusCode::CREATED).context("making an API key")?.json()?;
        let text = |member: &str| {
            made[member].as_str().map(str::to_owned).with_context(|| format!("the made key has no {member}"))
        };
        let (key, key_id) = (text("key")?, text("id")?);
        Ok(Self { url: url.clone(), client, token, email, key, key_id })
    }

    /// Asks each route for so long, and notes the figures of each; what could not be measured is noted too.
    pub(super) async fn ask(
        &self,
        seconds: u32,
        limits_are_off: bool,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let bearer = header_of(header::AUTHORIZATION.as_str(), &format!("Bearer {}", self.token))?;
        let key = header_of("x-api-key", &self.key)?;
        let over = Duration::from_secs(u64::from(seconds));
        for (name, path, headers) in [
            ("health", "/health", HeaderMap::new()),
            ("key check", "/api/v1/auth/me", key),
            ("me, by token", "/api/v1/auth/me", bearer.clone()),
            ("books", "/api/v1/books", HeaderMap::new()),
            ("chats", "/api/v2/chats", bearer),
        ] {
            let source = move |_| Request { headers: headers.clone(), ..Request::get(name, path) };
            self.route(name, PER_SECOND, over, source, figures).await?;
        }
        match &self.email {
            Some(email) => {
                let body = Bytes::from(json!({ "email": email, "password": PASSWORD }).to_string());
                let source = move |_| Request {
                    name: "sign-in",
                    method: Method::POST,
                    path: "/api/v1/auth/login".to_owned(),
                    headers: HeaderMap::from_iter([(
                        header::CONTENT_TYPE,
                        HeaderValue::from_static("application/json"),
                    )]),
                    body: body.clone(),
                };
                let most = if limits_are_off { seconds } else { seconds.min(MOST_SIGN_INS) };
                let over = Duration::from_secs(u64::from(most));
                self.route("sign-in", SIGN_INS_PER_SECOND, over, source, figures).await?;
            }
            None => figures.unknown.push("sign-in: with a token alone, no password is known".to_owned()),
        }
        Ok(())
    }

    async fn route(
        &self,
        name: &'static str,
        per_second: f64,
        over: Duration,
        source: impl Fn(u64) -> Request + Send + Sync + 'static,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let is_slow = per_second < PER_SECOND;
        // The first fills caches. A sign-in has none, and each counts.
        let warm_up = if is_slow { Duration::ZERO } else { Duration::from_millis(500) };
        let plan = Plan { warm_up, ..Plan::open(per_second, over) };
        let outcome = load::run(&self.url, Arc::new(source), &plan, None).await.with_context(|| name)?;
        if !outcome.kept_up() {
            let told = format!(
                "how long {name} takes by itself: the machine held up {} of {} requests before they were sent",
                outcome.late, outcome.requests
            );
            figures.unknown.push(told);
        }
        figures.routes.push(RouteFigures::of(name, per_second, outcome));
        Ok(())
    }

    /// Revokes the key. The account stays: there is no route that removes one.
    pub(super) async fn leave(mut self) -> anyhow::Result<Option<String>> {
        let stays = format!("the API key {KEY} ({}) could not be revoked, and stays there", self.key_id);
        self.revoke().await.context(stays)?;
        Ok(self.email)
    }

    async fn revoke(&mut self) -> anyhow::Result<()> {
        let authorization = format!("Bearer {}", self.token);
        let path = format!("/api/v1/api-keys/{}", self.key_id);
        let headers = [("authorization", authorization.as_str())];
        let answer = self.client.ask(Method::DELETE, &path, &headers, Bytes::new()).await?;
        answer.expect(StatusCode::NO_CONTENT)?;
        Ok(())
    }
}

async fn register(client: &mut Client) -> anyhow::Result<(String, Option<String>)> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let email = format!("baseline-{}-{}@measuring.example", now.as_millis(), std::process::id());
    let body = json!({ "email": email, "password": PASSWORD });
    let answer = client.post("/api/v1/auth/register", &[], &body).await?;
    if answer.status == StatusCode::FORBIDDEN {
        bail!("sign-up is closed there: give the access token of an account by --token-env or --token-file");
    }
    let answer =
        answer.expect(StatusCode::CREATED).context("registering an account to measure with")?.json()?;
    let token = answer["access_token"].as_str().context("the registration gave no token")?;
    Ok((token.to_owned(), Some(email)))
}

fn header_of(name: &'static str, value: &str) -> anyhow::Result<HeaderMap> {
    let mut value = HeaderValue::from_str(value).context("a credential can't be sent")?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(header::HeaderName::from_static(name), value)]))
}
