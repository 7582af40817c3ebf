//! One connection to one server, kept open from request to request.
//!
//! A client library would choose the connection; here a test says which server is asked, when, and that thousands of connections ask at
//! once. It also costs so little that the servers, which share the machine with it, are what is measured.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::conformance::answer::{Timing, timing};

/// How long an answer may take; beyond it the server is taken for hung.
const PATIENCE: Duration = Duration::from_secs(35);
/// The route that needs a key and nothing else.
const ME: &str = "/api/v1/auth/me";

/// Holds an answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    /// Gives a header's text, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Reads `Server-Timing`.
    pub fn timing(&self) -> anyhow::Result<Timing> {
        timing(self.header("server-timing").context("an answer without Server-Timing")?)
    }

    /// Gives the body as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", self.told()))
    }

    /// Gives status and body, for messages.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }

    /// Fails unless the status is this one.
    pub fn is(self, status: u16) -> anyhow::Result<Self> {
        ensure!(self.status == status, "answered {} instead of {status}", self.told());
        Ok(self)
    }
}

/// Holds a connection.
pub struct Line {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Line {
    /// Connects.
    pub async fn to(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await.with_context(|| format!("connecting to {server}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Shows a key where nothing but a key is needed.
    pub async fn me(&mut self, key: &str) -> anyhow::Result<Reply> {
        self.ask("GET", ME, &[("x-api-key", key)], None).await
    }

    /// Asks as somebody with an access token.
    pub async fn ask_as(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        self.ask(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    /// Sends a request and reads its answer.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        let asked = async {
            self.send(method, path, headers, body).await?;
            self.reply().await
        };
        tokio::time::timeout(PATIENCE, asked)
            .await
            .with_context(|| format!("{method} {path}: no answer within {PATIENCE:?}"))?
            .with_context(|| format!("{method} {path}"))
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<()> {
        use std::fmt::Write as _;

        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: portico\r\nuser-agent: portico-servers/1\r\n");
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(request, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        request.push_str("\r\n");
        request.push_str(&body);
        Ok(self.stream.write_all(request.as_bytes()).await?)
    }

    async fn reply(&mut self) -> anyhow::Result<Reply> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.receive().await?;
        };
        let head = std::str::from_utf8(&self.received[..end])?.to_owned();
        self.received.drain(..end + 4);
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a status line")?;
        let mut reply = Reply { status, head, body: Vec::new() };
        let length: usize = match reply.header("content-length") {
            Some(length) => length.parse()?,
            None if matches!(status, 204 | 304) => 0,
            None => bail!("an answer of unknown length: {}", reply.head),
        };
        while self.received.len() < length {
            self.receive().await?;
        }
        reply.body = self.received.drain(..length).collect();
        Ok(reply)
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        let length = self.stream.read_buf(&mut self.received).await?;
        ensure!(length > 0, "the server closed the connection");
        Ok(())
    }
}
