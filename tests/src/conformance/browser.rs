//! The browser's side of a sign-in through GitHub: follows redirects by hand and keeps the cookie.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use url::Url;

use super::answer::Answer;
use super::api::{Api, Call};
use crate::random;

/// Holds a sign-in that was begun: where the browser was sent, and the cookie that binds it.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The provider's address with its parameters.
    pub authorize: Url,
    /// `name=value` of each cookie that was set, joined for a `Cookie` header.
    pub cookie: String,
    /// `Set-Cookie` as it came.
    pub set_cookie: Vec<String>,
}

/// Holds what the provider sent the browser back with.
#[derive(Clone, Debug)]
pub struct Back {
    /// The callback's parameters, by name.
    pub query: Vec<(String, String)>,
}

impl Begun {
    /// Reads the answer that began a sign-in; `location` is where it sends the browser.
    pub fn read(answer: &Answer, location: &str) -> anyhow::Result<Self> {
        let set_cookie = answer.cookies();
        ensure!(!set_cookie.is_empty(), "no cookie binds the sign-in to the browser");
        let pairs: Vec<&str> = set_cookie.iter().filter_map(|cookie| cookie.split(';').next()).collect();
        Ok(Self {
            authorize: Url::parse(location)?,
            cookie: pairs.join("; "),
            set_cookie: set_cookie.clone(),
        })
    }

    /// Gives one of the parameters that the browser carries to the provider.
    pub fn parameter(&self, name: &str) -> anyhow::Result<String> {
        let found = self.authorize.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).with_context(|| format!("no {name} in {}", self.authorize))
    }

    /// Goes to the provider as this account, and comes back.
    pub async fn consent(&self, api: &Api, login: &str) -> anyhow::Result<Back> {
        let mut url = self.authorize.clone();
        url.query_pairs_mut().append_pair("login", login);
        let response = api.http().get(url).send().await?;
        let status = response.status().as_u16();
        ensure!(status == 302, "the provider answered {status}: {}", response.text().await?);
        let location = response.headers().get("location").context("a redirect without Location")?.to_str()?;
        let back = Url::parse(location)?;
        let wanted = format!("{}/api/v1/auth/github/callback", api.addresses().base);
        ensure!(location.starts_with(&wanted), "sent back to {location} instead of {wanted}");
        Ok(Back { query: back.query_pairs().into_owned().collect() })
    }
}

impl Back {
    /// Gives the same with one parameter changed, added, or (with `None`) left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.query.retain(|(key, _)| key != name);
        if let Some(value) = value {
            self.query.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Gives a parameter.
    pub fn get(&self, name: &str) -> anyhow::Result<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).with_context(|| format!("no {name} came back"))
    }

    /// Begins the request to the callback, without cookie or `Accept`.
    pub fn callback(&self, api: &Api) -> Call {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        api.get(format!("/api/v1/auth/github/callback?{query}"))
    }

    /// Goes to the callback as a program that wants JSON, with this cookie.
    pub async fn for_json(&self, api: &Api, cookie: &str) -> anyhow::Result<Answer> {
        self.callback(api).header("accept", "application/json").header("cookie", cookie).send().await
    }
}

/// Begins a sign-in.
pub async fn begin(api: &Api, query: &str) -> anyhow::Result<Begun> {
    let answer = api.get(format!("/api/v1/auth/github{query}")).send().await?.is(302)?;
    let location = answer.must_have("location")?.to_owned();
    Begun::read(&answer, &location)
}

/// An account at the provider.
#[derive(Clone, Debug)]
pub struct GithubAccount {
    /// Its login.
    pub login: String,
    /// Its numeric id.
    pub id: u64,
    /// Its primary address.
    pub email: String,
}

/// Makes an account with one primary, verified address.
pub async fn github_account(api: &Api) -> anyhow::Result<GithubAccount> {
    let email = super::people::fresh_email();
    let emails = json!([
        { "email": format!("other-{email}"), "primary": false, "verified": true, "visibility": null },
        { "email": email, "primary": true, "verified": true, "visibility": "private" },
    ]);
    github_account_with(api, &email, emails, json!({})).await
}

/// Makes an account with these addresses, and other members of the control request.
pub async fn github_account_with(
    api: &Api,
    email: &str,
    emails: Value,
    others: Value,
) -> anyhow::Result<GithubAccount> {
    let login = format!("octo-{}", random::hex(6));
    let id = u64::from_str_radix(&random::hex(5), 16)?;
    let account = GithubAccount { login, id, email: email.to_owned() };
    account.put(api, emails, others).await?;
    Ok(account)
}

impl GithubAccount {
    fn control(&self, api: &Api) -> String {
        format!("{}/control/identities/{}", api.addresses().github, self.login)
    }

    /// Replaces what the provider knows of the account.
    pub async fn put(&self, api: &Api, emails: Value, others: Value) -> anyhow::Result<()> {
        let mut body = json!({ "id": self.id, "name": "Mona Lisa", "emails": emails });
        for (member, value) in others.as_object().into_iter().flatten() {
            body[member] = value.clone();
        }
        let put = api.http().put(self.control(api)).body(body.to_string()).send().await?;
        ensure!(put.status().is_success(), "the provider refused an account: {}", put.text().await?);
        Ok(())
    }

    /// Tells how often the provider was asked about the account at a stage: `token`, `user`, `emails`.
    pub async fn seen(&self, api: &Api, stage: &str) -> anyhow::Result<u64> {
        let answer = api.http().get(self.control(api)).send().await?.text().await?;
        let value: Value = serde_json::from_str(&answer)?;
        Ok(value["seen"][stage].as_u64().unwrap_or_default())
    }

    /// Signs in through GitHub from begin to token answer.
    pub async fn sign_in(&self, api: &Api) -> anyhow::Result<Answer> {
        let begun = begin(api, "").await?;
        begun.consent(api, &self.login).await?.for_json(api, &begun.cookie).await
    }
}
