//! The server under test, and requests to it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::answer::Answer;
use super::described::Described;
use super::people::Person;
use crate::random;

/// How long an answer may take; beyond it the server is taken for hung.
const PATIENCE: Duration = Duration::from_secs(40);

/// Knows the servers of one set-up; cheap to clone, each case has one of its own.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
    /// The address that requests of this case come from, as the proxy in front would tell it.
    client_address: String,
}

/// Holds where things are, and the secret that tokens are signed with.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The server whose limits are out of the way.
    pub base: String,
    /// The server with the default limits, whose answers every origin may read.
    pub limited: String,
    /// The server with sign-up closed, no provider, bodies of 2 KiB, 3 s for a request, two origins that may read, and an https address.
    pub strict: String,
    /// The OAuth provider.
    pub github: String,
    /// `JWT_SECRET` of the servers.
    pub jwt_secret: String,
}

struct Shared {
    addresses: Addresses,
    http: reqwest::Client,
    bystander: OnceCell<Person>,
    described: OnceCell<Described>,
}

impl Api {
    /// Connects to a set-up.
    pub fn new(addresses: Addresses) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .user_agent("portico-conformance/1")
            .build()?;
        let shared = Shared { addresses, http, bystander: OnceCell::new(), described: OnceCell::new() };
        Ok(Self { shared: Arc::new(shared), client_address: some_address()? })
    }

    /// Gives the same server seen from another client address, as each case gets one.
    pub fn from_elsewhere(&self) -> anyhow::Result<Self> {
        Ok(Self { shared: Arc::clone(&self.shared), client_address: some_address()? })
    }

    /// Gives the address that this client's requests come from.
    #[must_use]
    pub fn client_address(&self) -> &str {
        &self.client_address
    }

    /// Tells where things are.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.shared.addresses
    }

    /// Gives the HTTP client, for requests to other servers than the one under test.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    /// Gives somebody signed in whom all cases share; for cases that change nothing about them.
    pub async fn bystander(&self) -> anyhow::Result<&Person> {
        self.shared.bystander.get_or_try_init(|| Person::register(self)).await
    }

    /// Gives what the server says of itself, which every answer is held against.
    async fn described(&self) -> anyhow::Result<&Described> {
        let read = || async {
            let url = format!("{}/openapi.json", self.addresses().base);
            let answer = self.shared.http.get(url).send().await?.error_for_status()?;
            Described::of(serde_json::from_slice(&answer.bytes().await?)?)
        };
        self.shared.described.get_or_try_init(read).await.context("reading /openapi.json")
    }

    /// Begins a request.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        Call {
            api: self.clone(),
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
            server: Server::Roomy,
        }
    }

    /// Begins a GET.
    pub fn get(&self, path: impl Into<String>) -> Call {
        self.call(Method::GET, path)
    }

    /// Begins a POST.
    pub fn post(&self, path: impl Into<String>) -> Call {
        self.call(Method::POST, path)
    }

    /// Begins a DELETE.
    pub fn delete(&self, path: impl Into<String>) -> Call {
        self.call(Method::DELETE, path)
    }
}

fn some_address() -> anyhow::Result<String> {
    let noise = u32::from_str_radix(&random::hex(3), 16)?;
    let [_, a, b, c] = noise.to_be_bytes();
    Ok(format!("10.{a}.{b}.{c}"))
}

#[derive(Clone, Copy)]
enum Server {
    Roomy,
    Limited,
    Strict,
}

/// A request in the making.
#[must_use]
pub struct Call {
    api: Api,
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Bytes>,
    server: Server,
}

impl Call {
    /// Sends it to the server with the default limits.
    pub fn limited(mut self) -> Self {
        self.server = Server::Limited;
        self
    }

    /// Sends it to the narrowly configured server.
    pub fn strict(mut self) -> Self {
        self.server = Server::Strict;
        self
    }

    /// Adds a header; a second one of the same name is sent as well.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Signs the request with an access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").bytes(body.to_string())
    }

    /// Sets a body without telling what it is.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it, and holds the answer against the conventions.
    pub async fn send(self) -> anyhow::Result<Answer> {
        let addresses = self.api.addresses();
        let base = match self.server {
            Server::Roomy => &addresses.base,
            Server::Limited => &addresses.limited,
            Server::Strict => &addresses.strict,
        };
        let told = format!("{} {}", self.method, self.path);
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::try_from(name)?, HeaderValue::from_bytes(value)?);
        }
        // One proxy is trusted natively; on Workers the platform tells the address.
        for name in ["x-forwarded-for", "cf-connecting-ip"] {
            if !headers.contains_key(name) {
                headers.insert(name, self.api.client_address.parse()?);
            }
        }
        let head = self.method == Method::HEAD;
        let mut request = self
            .api
            .shared
            .http
            .request(self.method.clone(), format!("{base}{}", self.path))
            .headers(headers);
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.with_context(|| format!("{told}: no answer"))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.with_context(|| format!("{told}: a broken answer"))?;
        let answer = Answer { status, headers, body, told, head };
        answer.keeps_the_conventions()?;
        self.api.described().await?.allows(&self.method, &self.path, &answer)?;
        Ok(answer)
    }
}
