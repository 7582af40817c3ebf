//! One connection to a server, kept for all that is asked along it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// How long an answer may take before it is given up.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks one thing after the other along one kept connection; a closed connection is made anew.
pub struct Client {
    authority: String,
    sender: Option<SendRequest<Full<Bytes>>>,
    limit: Duration,
}

/// What a server answered, and how long that took.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came, compressed if it was.
    pub body: Bytes,
    /// From before the request was written to after the body's last byte; the connection is there already.
    pub took: Duration,
}

impl Answer {
    /// How many statements the server says it asked, by `Server-Timing`.
    #[must_use]
    pub fn statements(&self) -> Option<u32> {
        let timing = self.headers.get("server-timing")?.to_str().ok()?;
        let database = timing.split(',').map(str::trim).find(|part| part.starts_with("db;"))?;
        database.split("desc=\"").nth(1)?.split('"').next()?.parse().ok()
    }

    /// Reads the body as JSON.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("a {} answer is no JSON", self.status))
    }

    /// Insists on 200.
    pub fn expect_ok(self) -> anyhow::Result<Self> {
        self.expect(StatusCode::OK)
    }

    /// Insists on a status.
    pub fn expect(self, status: StatusCode) -> anyhow::Result<Self> {
        if self.status != status {
            let told = String::from_utf8_lossy(&self.body);
            bail!(
                "answered {} instead of {status}: {}",
                self.status,
                told.chars().take(300).collect::<String>()
            );
        }
        Ok(self)
    }
}

impl Client {
    /// Knows where to ask; connects when something is asked.
    pub fn new(url: &Url) -> anyhow::Result<Self> {
        let host = url.host_str().with_context(|| format!("{url} names no host"))?;
        let port = url.port_or_known_default().with_context(|| format!("{url} names no port"))?;
        Ok(Self { authority: format!("{host}:{port}"), sender: None, limit: LIMIT })
    }

    /// Lets an answer take so long.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Makes the connection now, so that the next request doesn't pay for it.
    pub async fn connect(&mut self) -> anyhow::Result<()> {
        self.ready().await.map(drop)
    }

    async fn ready(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let is_open = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            let stream = TcpStream::connect(&self.authority)
                .await
                .with_context(|| format!("connecting to {}", self.authority))?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // It ends with its sender or with the server; either is seen at the next request.
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        self.sender.as_mut().context("it was made just now")
    }

    /// Asks and waits for the whole answer.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let asked = format!("{method} {path}");
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        let limit = self.limit;
        let sender = self.ready().await?;
        let began = Instant::now();
        let answered = async {
            let answer = sender.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>((head, body))
        };
        let (head, body) = tokio::time::timeout(limit, answered)
            .await
            .with_context(|| format!("{asked}: no answer within {limit:?}"))?
            .with_context(|| asked.clone())?;
        Ok(Answer { status: head.status, headers: head.headers, body, took: began.elapsed() })
    }

    /// Asks by GET.
    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.ask(Method::GET, path, headers, Bytes::new()).await
    }

    /// Posts JSON.
    pub async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: &serde_json::Value,
    ) -> anyhow::Result<Answer> {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.ask(Method::POST, path, &headers, body.to_string()).await
    }
}
