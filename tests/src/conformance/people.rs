//! Somebody with an account, as most cases need one.

use anyhow::Context;
use serde_json::{Value, json};

use super::answer::Answer;
use super::api::Api;
use super::browser::{GithubAccount, github_account};
use super::same;
use crate::random;

/// A password that the bounds allow.
pub const PASSWORD: &str = "correct horse battery";

/// Holds an account and the tokens of one of its sessions.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account's name.
    pub email: String,
    /// The password.
    pub password: String,
    /// The tokens of the session that registering, or signing in, opened.
    pub tokens: Tokens,
}

/// Holds a token answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// `user` as it was answered.
    pub user: Value,
}

/// Gives an e-mail address that nobody else uses.
#[must_use]
pub fn fresh_email() -> String {
    format!("person-{}@example.com", random::hex(8))
}

impl Tokens {
    /// Reads a token answer, and holds it against the contract.
    pub fn read(answer: &Answer) -> anyhow::Result<Self> {
        let body = answer.json()?;
        let text = |member: &str| {
            body[member]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("{}: no `{member}`", answer.told))
        };
        same("token_type", text("token_type")?.as_str(), "Bearer")?;
        same("expires_in", &body["expires_in"], 900)?;
        // A successor that is given again has lived for up to the grace of 10 s already.
        let left = body["refresh_expires_in"].as_u64().context("`refresh_expires_in` is a number")?;
        let whole = 30 * 24 * 60 * 60;
        anyhow::ensure!((whole - 10..=whole).contains(&left), "{}: refresh_expires_in {left}", answer.told);
        let cached = answer.must_have("cache-control")?;
        anyhow::ensure!(cached.contains("no-store"), "{}: Cache-Control: {cached}", answer.told);
        Ok(Self {
            access: text("access_token")?,
            refresh: text("refresh_token")?,
            user: body["user"].clone(),
        })
    }
}

impl Person {
    /// Registers somebody new.
    pub async fn register(api: &Api) -> anyhow::Result<Self> {
        Self::register_as(api, &fresh_email(), PASSWORD).await
    }

    /// Registers somebody with this address and password.
    pub async fn register_as(api: &Api, email: &str, password: &str) -> anyhow::Result<Self> {
        let body = json!({ "email": email, "password": password });
        let answer = api.post("/api/v1/auth/register").json(&body).send().await?.is(201)?;
        Ok(Self { email: email.into(), password: password.into(), tokens: Tokens::read(&answer)? })
    }

    /// Signs in again, which opens another session.
    pub async fn login(&self, api: &Api) -> anyhow::Result<Tokens> {
        Tokens::read(&attempt(api, &self.email, &self.password).await?.is(200)?)
    }
}

/// Somebody who signs in through GitHub. No password has to be hashed for them, so cases that only need somebody's sessions take them: the
/// suite's time is its hashes.
#[derive(Clone, Debug)]
pub struct Visitor {
    account: GithubAccount,
    /// The tokens of the session that arriving opened.
    pub tokens: Tokens,
}

impl Visitor {
    /// Signs somebody new in.
    pub async fn arrive(api: &Api) -> anyhow::Result<Self> {
        let account = github_account(api).await?;
        let tokens = Tokens::read(&account.sign_in(api).await?.is(200)?)?;
        Ok(Self { account, tokens })
    }

    /// Signs in again, which opens another session.
    pub async fn again(&self, api: &Api) -> anyhow::Result<Tokens> {
        Tokens::read(&self.account.sign_in(api).await?.is(200)?)
    }
}

/// Tries to sign in.
pub async fn attempt(api: &Api, email: &str, password: &str) -> anyhow::Result<Answer> {
    api.post("/api/v1/auth/login").json(&json!({ "email": email, "password": password })).send().await
}

/// Tries to renew a session.
pub async fn refresh(api: &Api, token: &str) -> anyhow::Result<Answer> {
    api.post("/api/v1/auth/refresh").json(&json!({ "refresh_token": token })).send().await
}

/// Ends the session of a refresh token.
pub async fn logout(api: &Api, token: &str) -> anyhow::Result<Answer> {
    api.post("/api/v1/auth/logout").json(&json!({ "refresh_token": token })).send().await
}
